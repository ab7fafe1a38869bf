"""Sequences divided between cards: each has its part of the tokens of all, and shares the states with the others."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measured import rows
from memcalc import Gpu, InputError, Model, Training, breakdown, fewest_gpus, fits, largest, peak
from memcalc.estimate.ask import model_and_run
from memcalc.estimate.beside import parts_of
from memcalc.estimate.training_time import training_time
from memcalc.specs.frameworks import of_deepspeed, of_fsdp

few = settings(max_examples=12, deadline=None)
QWEN, LLAMA = Model.named("Qwen3-8B"), Model.named("Llama-3.1-8B")
H100 = Gpu.named("H100 80 GB")

CARDS = st.sampled_from([2, 3, 4, 8])
FUSED = st.builds(
    Training,
    context=st.integers(1, 64).map(lambda blocks: 32 * 3 * 8 * blocks),
    batch=st.integers(1, 3),
    recipe=st.sampled_from(["bf16", "mixed", "autocast"]),
    recompute=st.sampled_from(["none", "full"]),
    sharding=st.sampled_from(["zero", "fsdp", "fsdp2"]),
    loss=st.sampled_from(["plain", "fused", "fused_linear"]),
)
"""Runs whose attention keeps no scores; any of the numbers of cards divides their sequences evenly."""

SMALL = {"hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 3, "num_attention_heads": 8}
SMALL |= {"num_key_value_heads": 2, "head_dim": 64, "vocab_size": 1000, "tie_word_embeddings": False}
IDS = 8 * 256 - 8

RINGS = [("llama", 16_723_020, 17_521_740), ("mistral", 16_723_020, 17_521_740)]
RINGS += [("qwen2", 16_723_020, 17_521_740), ("qwen3", 19_702_860, 20_501_580)]
"""Family; the tensors that autograd saves of a model so small with 256 tokens on one card, and with as many of 1,024 on
the first of four [bytes]: fake CUDA tensors, torch 2.13.0, transformers 5.23.0, `context_parallel` in a fake process
group. The tokens are there too, and torch cuts them and their labels without giving back what it cuts off.
"""


@pytest.mark.parametrize(("family", "alone", "divided"), RINGS)
def test_a_ring_keeps_what_was_measured(family, alone, divided):
    """It lays the output of its heads anew, so that kernel and output matrix keep one each."""
    model = Model.from_config({"model_type": family, "sliding_window": None, **SMALL})
    run = Training(context=256, recipe="bf16")
    assert breakdown(model, run)["activations"] == alone - IDS
    run = replace(run, context=1024, context_parallel=4)
    assert breakdown(model, run)["activations"] == divided - IDS - 2 * 8 * (1024 - 256)


SEQUENCES = rows("sequences")
"""What cards keep that divide sequences, in PyTorch's rings and by DeepSpeed's Ulysses."""


@pytest.mark.parametrize("row", SEQUENCES, ids=[row.id for row in SEQUENCES])
def test_what_a_card_of_a_sequence_keeps_to_the_byte(row):
    model, run = model_and_run(row.model, row.inputs, trained=True)
    assert breakdown(model, run)["activations"] == row.measured


@few
@given(FUSED, st.sampled_from([2, 4, 8, 16, 32]))
def test_heads_that_are_exchanged_keep_what_a_ring_keeps_and_copies_of_shared_heads(run, cards):
    """Of 8 heads of keys and values, a card has at least one of all tokens: as many bytes on 16 cards as on 8."""
    ring = replace(run, context=64 * run.context, context_parallel=cards)
    kept, by_heads = (breakdown(QWEN, one)["activations"] for one in (ring, replace(ring, exchange="ulysses")))
    one_head = 2 * ring.own_context * run.batch * QWEN.head_dim
    more = 2 * one_head * max(0, cards - QWEN.kv_heads) * QWEN.layers * (run.recompute == "none")
    assert by_heads - kept == more
    longer = replace(ring, exchange="ulysses", context=2 * ring.context)
    assert peak(QWEN, replace(ring, exchange="ulysses")).bytes <= peak(QWEN, longer).bytes


@few
@given(FUSED, CARDS)
def test_the_parts_of_all_cards_are_the_whole(run, cards):
    """What is kept grows with the tokens alone, but for a few numbers and gradients of the head, which all have."""

    def kept(tokens, cards=2):
        return breakdown(QWEN, replace(run, context=tokens, context_parallel=cards))["activations"]

    alone = 2 * kept(run.context) - kept(2 * run.context)
    assert 0 <= alone < (1000 if run.loss != "fused_linear" else 2 * QWEN.vocabulary * QWEN.hidden + 10**4)
    assert cards * (kept(run.context, cards) - alone) == 2 * (kept(run.context) - alone)


@few
@given(FUSED, CARDS, st.integers(1, 8))
def test_a_card_works_as_if_its_part_were_a_sequence_of_its_own(run, cards, others):
    """But for the output of the heads, which is there twice, in each layer unless it is computed again."""
    divided = replace(run, context_parallel=cards, data_parallel=others)
    own = replace(run, context=run.context // cards, data_parallel=cards * others)
    once, twice = breakdown(QWEN, own), breakdown(QWEN, divided)
    output = 2 * own.context * run.batch * QWEN.heads * QWEN.head_dim
    more = output * QWEN.layers * (run.recompute == "none")
    assert twice == once | {"activations": once["activations"] + more}
    highest = peak(QWEN, divided).bytes - peak(QWEN, own).bytes
    assert 0 <= highest <= max(more, output)


@few
@given(FUSED, st.integers(1, 16), st.integers(1, 10**5))
def test_more_cards_never_need_more_each(run, cards, context):
    run = replace(run, context=context, context_parallel=cards, data_parallel=2)
    more = replace(run, context_parallel=2 * cards)
    assert peak(QWEN, more).bytes <= peak(QWEN, run).bytes


@pytest.mark.parametrize("sharing", [{"zero": 3}, {"sharding": "fsdp"}, {"sharding": "fsdp2"}])
def test_states_are_shared_out_between_all_cards(sharing):
    run = Training(context_parallel=4, data_parallel=2, recipe="bf16", activations="none", **sharing)
    memory = breakdown(LLAMA, run)
    assert 8 * memory["weights"] == pytest.approx(2 * LLAMA.parameters, rel=1e-5)
    assert 8 * memory["optimizer"] == pytest.approx(4 * LLAMA.parameters, rel=1e-5)
    alone = breakdown(LLAMA, Training(context_parallel=4, recipe="bf16", activations="none"))
    assert alone["weights"] == 2 * LLAMA.parameters  # where nothing is shared out, every card has all


def test_a_million_tokens_on_eight_cards():
    """TRL measured 56.2 GB a card: FSDP2, 8 cards of a sequence, the loss in chunks, inputs of layers in CPU memory."""
    run = Training(
        **{"context": 2**20, "context_parallel": 8, "sharding": "fsdp2", "recipe": "autocast"},
        **{"recompute": "full", "offload_activations": True, "loss": "fused_linear"},
    )
    found = fits(QWEN, run, H100)
    assert found.needed == pytest.approx(56.2e9, rel=0.05)
    assert found.word == "fits if"
    assert found.unknown == "what attention exchanges between the cards of a sequence"
    assert not fits(QWEN, replace(run, context_parallel=4), H100)
    assert fewest_gpus(QWEN, run, H100) == 8
    alone = largest("context", QWEN, replace(run, context_parallel=1, data_parallel=8), H100)
    assert 0.95 * 8 * alone < largest("context", QWEN, run, H100) <= 8 * alone


def test_a_step_of_divided_sequences_has_the_operations_of_whole_ones():
    """Every token meets all before it, on whichever card they are; and every card counts."""
    run = Training(context=32_768, data_parallel=2, recipe="bf16")
    whole, divided = (training_time(LLAMA, replace(run, context_parallel=cards), H100, 10**9) for cards in (1, 4))
    assert divided.operations == whole.operations
    assert (whole.cards, divided.cards) == (2, 8)
    assert divided.seconds == pytest.approx(whole.seconds / 4)
    assert divided.card_hours == pytest.approx(whole.card_hours)


@pytest.mark.parametrize(
    ("model", "fields", "says"),
    [
        ("Llama-3.1-8B", {"tensor_parallel": 2}, "context_parallel must be 1 with tensor_parallel 2 and activations"),
        ("Mixtral-8x7B", {"expert_parallel": 2}, "context_parallel must be 1 with expert_parallel 2 and activations"),
        ("Llama-3.1-8B", {"attention": "eager"}, "attention must be sdpa or flash in numbers of 16 bits"),
        ("Llama-3.1-8B", {"recipe": "fp32"}, "not sdpa with recipe fp32"),
        ("Llama-3.1-8B", {"recipe": "fp32", "recompute": "full"}, "not sdpa with recipe fp32"),
        ("Llama-3.1-8B", {"activations": "megatron"}, "context_parallel must be 1 with activations 'megatron', of"),
        ("Llama-3.1-8B", {"lora_rank": 8}, "lora_rank must be 0 with context_parallel, not 8"),
        ("Llama-3.1-8B", {"recompute": "keep-attention"}, "recompute must be none or full with context_parallel"),
        ("Mistral-7B-v0.1", {}, "context_parallel must be 1 for Mistral-7B-v0.1, whose windows no ring knows, not 2"),
        ("Gemma-3-4B", {}, "context_parallel must be 1 with the code of gemma3_text, of which nobody has measured it"),
        ("Llama-3.1-8B", {"context_parallel": 0}, "context_parallel must be a whole number from 1"),
        ("Llama-3.1-8B", {"context_parallel": 3, "exchange": "ulysses"}, "context_parallel must divide heads = 32"),
        (
            "Llama-3.1-8B",
            {"context_parallel": 64, "exchange": "ulysses"},
            "context_parallel must divide heads = 32 of Llama-3.1-8B without remainder with exchange ulysses, not 64",
        ),
        ("Llama-3.1-8B", {"exchange": "mesh"}, "exchange 'mesh' is not known. Known: ring, ulysses."),
    ],
)
def test_what_nobody_has_derived_is_refused(model, fields, says):
    with pytest.raises(InputError, match=says):
        peak(Model.named(model), Training(**{"context_parallel": 2, "recipe": "bf16"} | fields))


def test_methods_divide_no_sequences():
    with pytest.raises(InputError, match="context_parallel must be 1 for DPO"):
        parts_of("DPO", LLAMA, Training(context_parallel=2, loss="log_probabilities"))


def test_files_of_deepspeed_say_that_heads_are_exchanged():
    found = of_deepspeed({"zero_optimization": {"stage": 3}, "sequence_parallel_size": 4}).fields
    assert found == {"zero": 3, "context_parallel": 4, "exchange": "ulysses"}
    assert "exchange" not in of_deepspeed({"zero_optimization": {"stage": 3}, "sequence_parallel_size": 1}).fields


def test_files_say_between_how_many_cards_sequences_are_divided():
    accelerate = {
        "num_processes": 16,
        "fsdp_config": {"fsdp_version": 2},
        "parallelism_config": {"parallelism_config_cp_size": 8},
    }
    assert of_fsdp(accelerate).fields == {"sharding": "fsdp2", "data_parallel": 2, "context_parallel": 8}
    with pytest.raises(InputError, match="num_processes must be a multiple of parallelism_config_cp_size = 8, not 12"):
        of_fsdp(accelerate | {"num_processes": 12})


def test_files_say_between_how_many_cards_a_model_is_divided_and_shared_out():
    accelerate = {
        "num_processes": 16,
        "fsdp_config": {"fsdp_version": 2},
        "parallelism_config": {"parallelism_config_cp_size": 2, "parallelism_config_tp_size": 4},
    }
    found = of_fsdp(accelerate).fields
    assert found == {"sharding": "fsdp2", "data_parallel": 2, "context_parallel": 2, "tensor_parallel": 4}
    with pytest.raises(InputError, match="num_processes must be a multiple of parallelism_config_tp_size = 4, not 6"):
        of_fsdp(accelerate | {"num_processes": 12})
