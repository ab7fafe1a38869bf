"""Heads and MLPs that cards divide by the plan of a Hugging Face config: measured rows, and what must hold for any."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measured import rows
from memcalc import Gpu, InputError, Model, Training, breakdown, fits, peak
from memcalc.estimate.ask import model_and_run

PLANNED = rows("planned", "weights", "gradients", "activations")
LLAMA = Model.named("Llama-3-8B")
RUNS = st.builds(
    Training,
    context=st.integers(1, 10_000),
    batch=st.integers(1, 8),
    recipe=st.sampled_from(["bf16", "fp32", "mixed"]),
    attention=st.sampled_from(["sdpa", "eager"]),
    recompute=st.sampled_from(["none", "full"]),
    tensor_parallel=st.sampled_from([2, 4, 8]),
)


@pytest.mark.parametrize("row", PLANNED, ids=[row.id for row in PLANNED])
def test_what_a_card_keeps_to_the_byte(row):
    model, run = model_and_run(row.model, row.inputs, trained=True)
    assert breakdown(model, run)[row.quantity] == row.measured


@settings(max_examples=20, deadline=None)
@given(RUNS)
def test_the_shares_of_all_cards_are_at_least_the_whole_and_each_at_most(run):
    alone, each = (breakdown(LLAMA, one) for one in (replace(run, tensor_parallel=1), run))
    for name in ("weights", "gradients", "optimizer", "activations"):
        assert each[name] <= alone[name] <= run.tensor_parallel * each[name]
    found = peak(LLAMA, run)
    assert (
        found.bytes
        == max(at.bytes for at in found.moments.values())
        <= peak(LLAMA, replace(run, tensor_parallel=1)).bytes
    )
    assert found.bytes <= peak(LLAMA, replace(run, context=run.context + 1)).bytes


def test_every_card_has_all_norms_and_logits():
    """Of a layer without recomputation 16 bytes of a hidden number are whole; of the head 4 of each logit."""
    run = Training(context=4096, recipe="bf16", tensor_parallel=8)
    whole = 4096 * (32 * 16 * 4096 + 4 * 128_256)
    assert whole <= breakdown(LLAMA, run)["activations"] <= 1.25 * whole


def test_what_is_not_known_is_said():
    run = Training(context=2048, recipe="bf16", recompute="full", tensor_parallel=8)
    fit = fits(LLAMA, run, Gpu.named("A100 80 GB"))
    assert (fit.word, fit.unknown) == ("fits if", "what a layer takes on its way back")


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("GPT-2", {}, "tensor_parallel must be 1 with activations 'transformers' for gpt2"),
        ("Llama-3-8B", {"tensor_parallel": 16}, "tensor_parallel must divide kv_heads = 8 of Llama-3-8B"),
        ("Llama-3-8B", {"lora_rank": 8}, "lora_rank must be 0 with tensor_parallel"),
        ("Llama-3-8B", {"zero": 1, "data_parallel": 2}, "zero must be 0 with tensor_parallel"),
        ("Llama-3-8B", {"recompute": "torchtitan"}, "recompute must be none or full with tensor_parallel"),
        ("Llama-3-8B", {"sequence_parallel": True}, "sequence_parallel must be False with activations 'transformers'"),
    ],
)
def test_what_nobody_has_measured_is_refused(name, fields, says):
    with pytest.raises(InputError, match=says):
        breakdown(Model.named(name), Training(**{"tensor_parallel": 4} | fields))
