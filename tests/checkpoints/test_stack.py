"""Where a tensor lies is told by its name, as llama.cpp has it in LLM_TENSOR_INFOS."""

from memcalc.checkpoints import Checkpoint, Stack, StoredTensor, stack_of


def stack(*sizes, kind="GGUF"):
    tensors = tuple(StoredTensor(name, "F16", (size,), size) for name, size in sizes)
    return stack_of(Checkpoint("x", kind, tensors))


def test_tables_layers_experts_and_output():
    found = stack(
        *(("token_embd.weight", 10), ("token_embd_norm.weight", 1), ("per_layer_token_embd.weight", 5)),
        *(("blk.0.attn_q.weight", 7), ("blk.1.ffn_down_exps.weight", 30), ("blk.1.ffn_down_exps.bias", 2)),
        *(("blk.1.ffn_up_shexp.weight", 3), ("output.weight", 20), ("output_norm.weight", 2)),
    )
    assert found == Stack(input=15, layers=(8, 35), experts=(0, 32), output=22, copied=0)
    assert found.total == 80


def test_a_table_without_an_output_is_needed_twice():
    assert stack(("token_embd.weight", 10), ("blk.0.attn_q.weight", 7), ("output_norm.weight", 2)).copied == 10


def test_an_index_alone_tells_nothing():
    assert stack() is None
