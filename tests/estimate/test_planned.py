"""Heads and MLPs that cards divide by the plan of a Hugging Face config: measured rows, and what must hold for any."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measured import rows
from memcalc import Gpu, InputError, Model, Training, breakdown, fits, peak
from memcalc.estimate.ask import model_and_run
from memcalc.estimate.peak import step_peak
from memcalc.estimate.training_ways import ways

PLANNED = rows("planned", "weights", "gradients", "activations")
STEPS = rows("planned", "step_peak")
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


@pytest.mark.parametrize("row", STEPS, ids=[row.id for row in STEPS])
def test_a_whole_pass_to_the_byte(row):
    """On cards that divide the model alone, and on more, which share the parts of each out with fully_shard."""
    model, run = model_and_run(row.model, row.inputs, trained=True)
    assert step_peak(model, run) == row.measured


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


@settings(max_examples=20, deadline=None)
@given(RUNS, st.sampled_from([2, 4, 8]), st.booleans(), st.sampled_from(["gathered", "FP32"]))
def test_cards_that_share_a_part_out_have_the_whole_together(run, cards, reshard, reduced):
    """Weights, gradients and states of a part are shared out, and what a card keeps of its sequences is its own."""
    divided = replace(run, data_parallel=cards)
    shared = replace(divided, sharding="fsdp2", reshard=reshard, reduced=reduced)
    part, each = (breakdown(LLAMA, one) for one in (divided, shared))
    assert each["activations"] == part["activations"]
    for name in ("weights", "optimizer"):
        assert part[name] <= cards * each[name] <= part[name] * 1.0001 + cards * 8
    every = run.tensor_parallel * cards
    assert 2 * LLAMA.parameters <= every * each["gradients"] * (0.5 if run.recipe == "fp32" else 1)
    found = peak(LLAMA, shared)
    assert all(at.bytes <= found.bytes for at in found.moments.values())
    for field in ("context", "batch"):
        assert found.bytes <= peak(LLAMA, replace(shared, **{field: getattr(run, field) + 1})).bytes
    assert peak(LLAMA, replace(shared, data_parallel=2 * cards)).bytes <= found.bytes


def test_a_layer_is_gathered_from_those_that_have_the_same_part_of_it():
    """Of two divisions by four cards of 16, one gathers a quarter of what lies outside the layers and of a layer."""
    run = Training(context=1, recipe="bf16", sharding="fsdp2", recompute="full")
    alone, divided = (
        peak(LLAMA, replace(run, data_parallel=16 // cards, tensor_parallel=cards)).moments["gather"]
        for cards in (1, 4)
    )
    vectors = (2 + 1) * 4096  # of the layers norms are whole
    assert alone.parts["gathered"] - 4 * divided.parts["gathered"] == pytest.approx(0, abs=4 * 2 * 2 * vectors)


def test_every_card_has_all_norms_and_logits():
    """Of a layer without recomputation 16 bytes of a hidden number are whole; of the head 4 of each logit."""
    run = Training(context=4096, recipe="bf16", tensor_parallel=8)
    whole = 4096 * (32 * 16 * 4096 + 4 * 128_256)
    assert whole <= breakdown(LLAMA, run)["activations"] <= 1.25 * whole


def test_what_is_not_known_is_said():
    """Autocast copies weights, of which nobody has measured what cards with a part of them have on the way back."""
    run = Training(context=2048, recipe="autocast", recompute="full", tensor_parallel=8)
    assert fits(LLAMA, run, Gpu.named("A100 80 GB")).unknown == "what a layer takes on its way back"
    assert fits(LLAMA, replace(run, recipe="bf16"), Gpu.named("A100 80 GB")).word == "fits"


def test_the_way_out_is_one_that_shares_the_parts_out():
    """Eight cards that divide a model of 70 billion have 20 bytes of each of their parameters in the step."""
    model, h100 = Model.named("Llama-3.1-70B"), Gpu.named("H100 80 GB")
    run = Training(context=2048, recompute="full", tensor_parallel=8)
    assert not fits(model, run, h100)
    found = ways(model, run, h100)
    [shared] = [way for way in found if way.run.sharding == "fsdp2"]
    assert shared.run.tensor_parallel == 8
    assert (fits(model, shared.run, h100).word, fits(model, shared.run, h100).unknown) == ("fits", "")
    fewer = replace(shared.run, data_parallel=shared.run.data_parallel - 1)
    assert not fits(model, fewer, h100)


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("GPT-2", {}, "tensor_parallel must be 1 with activations 'transformers' for gpt2"),
        ("Llama-3-8B", {"tensor_parallel": 16}, "tensor_parallel must divide kv_heads = 8 of Llama-3-8B"),
        ("Llama-3-8B", {"lora_rank": 8}, "lora_rank must be 0 with tensor_parallel"),
        ("Llama-3-8B", {"zero": 1, "data_parallel": 2}, "zero must be 0 with tensor_parallel"),
        ("Llama-3-8B", {"sharding": "fsdp", "data_parallel": 2}, "sharding must be zero or fsdp2 with tensor_parallel"),
        ("Llama-3-8B", {"recompute": "torchtitan"}, "recompute must be none or full with tensor_parallel"),
        ("Llama-3-8B", {"sequence_parallel": True}, "sequence_parallel must be False with activations 'transformers'"),
    ],
)
def test_what_nobody_has_measured_is_refused(name, fields, says):
    with pytest.raises(InputError, match=says):
        breakdown(Model.named(name), Training(**{"tensor_parallel": 4} | fields))
