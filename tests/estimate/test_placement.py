"""Layers lie where the headers of GGUF files and the engine's source say."""

from dataclasses import replace

import pytest

from memcalc import Inference, InputError, Model, breakdown, places
from memcalc.checkpoints import Stack
from memcalc.estimate.placement import placement
from model_files import gguf

F16 = 1
METADATA = {
    **{"general.architecture": ("text", "qwen3moe"), "qwen3moe.block_count": ("u32", 3)},
    **{"qwen3moe.context_length": ("u32", 512), "qwen3moe.expert_feed_forward_length": ("u32", 32)},
    **{"qwen3moe.embedding_length": ("u32", 64), "qwen3moe.expert_count": ("u32", 8)},
    **{"qwen3moe.attention.head_count": ("u32", 4), "qwen3moe.attention.head_count_kv": ("u32", 2)},
    **{"qwen3moe.attention.key_length": ("u32", 16), "qwen3moe.expert_used_count": ("u32", 2)},
    **{"qwen3moe.vocab_size": ("u32", 100), "qwen3moe.feed_forward_length": ("u32", 96)},
}
RUN = Inference(context=256, engine="llama.cpp")


def file(folder, keys, more=()):
    tensors = [("token_embd.weight", (100, 64), F16, 12_800), ("output_norm.weight", (64,), 0, 256)]
    for layer in range(3):
        tensors.append((f"blk.{layer}.attn_q.weight", (64, 64), F16, 8192))
        tensors.append((f"blk.{layer}.ffn_up_exps.weight", (8, 32, 64), F16, 32_768))
    path = folder / "model.gguf"
    path.write_bytes(gguf(keys, [*tensors, *more]))
    return Model.from_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "card", "cpu"),
    [
        ({}, 3 * (8192 + 32_768) + 256 + 12_800, 12_800),  # no output of its own: the table is there twice
        ({"gpu_layers": 2}, 8192 + 32_768 + 256 + 12_800, 12_800 + 2 * (8192 + 32_768)),
        ({"gpu_layers": 1}, 256 + 12_800, 12_800 + 3 * (8192 + 32_768)),
        ({"gpu_layers": 0}, 0, 12_800 + 256 + 3 * (8192 + 32_768)),
        ({"cpu_experts": 2}, 3 * 8192 + 32_768 + 256 + 12_800, 12_800 + 2 * 32_768),
        ({"cpu_experts": "all", "gpu_layers": 3}, 2 * 8192 + 256 + 12_800, 12_800 + 8192 + 3 * 32_768),
    ],
)
def test_the_bytes_of_each_layer_are_those_of_the_header(tmp_path, change, card, cpu):
    found = places(file(tmp_path, METADATA), Inference(256, engine="llama.cpp", **change))
    assert (found["gpu"]["weights"], found["cpu"]["weights"]) == (card, cpu)


def test_an_architecture_that_is_not_known_has_weights_by_layer(tmp_path):
    strange = {"general.architecture": ("text", "zebra"), "zebra.block_count": ("u32", 3)}
    model = file(tmp_path, strange)
    assert breakdown(model, Inference(256, engine="llama.cpp", gpu_layers=0))["weights"] == 0
    assert breakdown(model, Inference(256, engine="llama.cpp", cpu_experts=3))["weights"] == 3 * 8192 + 256 + 12_800


def test_draft_layers_are_the_last_ones(tmp_path):
    """n_layer_all of llama.cpp counts them, so that they leave the card after the output and before the others."""
    keys = METADATA | {"qwen3moe.block_count": ("u32", 4), "qwen3moe.nextn_predict_layers": ("u32", 1)}
    model = file(tmp_path, keys, [("blk.3.nextn.eh_proj.weight", (64, 128), F16, 16_384)])
    for layers, draft, weights in ((1, 0, 256 + 12_800), (2, 16_384, 256 + 12_800), (3, 16_384, 54_016)):
        found = breakdown(model, Inference(256, engine="llama.cpp", gpu_layers=layers))
        assert (found["draft"], found["weights"]) == (draft, weights)


def test_one_layer_and_the_output():
    where = placement(Stack(5, (1, 1, 1), (0, 0, 0), 2), Inference(gpu_layers=2, cpu_experts=9))
    assert (where.output, [*where.on_card], where.experts) == (True, [2], 3)


def test_files_of_another_kind_are_refused(tmp_path):
    model = file(tmp_path, METADATA)
    with pytest.raises(InputError, match=r"^weights must be named for .+GGUF, which llama\.cpp keeps as it is\.$"):
        breakdown(replace(model, file_kind="safetensors"), Inference(gpu_layers=2))
