"""Frozen parts: what is not trained has no gradients and states, and keeps nothing that only its own training needs."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measured import rows
from memcalc import Gpu, InputError, Model, Training, breakdown, peak, training_time
from memcalc.estimate.ask import ask
from memcalc.estimate.step_film import film
from small_models import SMALL

few = settings(max_examples=10, deadline=None)
LLAMA = Model.named("Llama-3.1-8B")
STAGES = st.sampled_from([{}, {"zero": 1}, {"zero": 2}, {"zero": 3}, {"sharding": "fsdp"}])


MEASURED = rows("frozen")


@pytest.mark.parametrize("row", [row for row in MEASURED if row.quantity == "activations"], ids=lambda row: row.id)
def test_what_is_kept_to_the_byte(row):
    assert ask(row.quantity, row.model, row.inputs).value == row.measured


@pytest.mark.parametrize("row", [row for row in MEASURED if row.quantity == "step_peak"], ids=lambda row: row.id)
def test_the_peak_of_a_pass(row):
    """Off by what the attention of the first trained layer has for a moment, where all other gradients are there."""
    assert ask(row.quantity, row.model, row.inputs).value == pytest.approx(row.measured, rel=0.01)


def states(model, run):
    """Weights, gradients and optimizer."""
    memory = breakdown(model, run)
    return [memory[name] for name in ("weights", "gradients", "optimizer")]


def test_a_frozen_weight_is_half_of_its_sixteen_bits_and_nothing_more():
    """Llama-3.1-8B: 32 layers of 218,112,000 parameters, a table and a head of 128,256 × 4,096, and the last norm."""
    layer, table = 218_112_000, 128_256 * 4096
    for frozen, layers in (("embedding", 32), (8, 24), (31, 1)):
        weights, gradients, _ = states(LLAMA, Training(frozen=frozen, activations="none"))
        assert weights == 2 * LLAMA.parameters
        assert gradients == 2 * (layers * layer + table + 4096)


def test_a_head_that_is_one_with_the_embedding_is_frozen_with_it():
    """Llama-3.2-1B: a table of 128,256 × 2,048, of 1,235,814,400 parameters."""
    model = Model.named("Llama-3.2-1B")
    assert states(model, Training(frozen="embedding"))[1] == 2 * (1_235_814_400 - 128_256 * 2048)


@few
@given(SMALL, st.integers(2, 16), STAGES, st.sampled_from(["embedding", 1]), st.sampled_from(["fp32", "mixed", "bf16"]))
def test_the_shares_of_the_trained_and_the_frozen_part_sum_to_the_whole(model, cards, stage, frozen, recipe):
    run = Training(recipe=recipe, optimizer="SGD momentum", activations="none", frozen=frozen)
    alone, each = states(model, run), states(model, replace(run, data_parallel=cards, **stage))
    assert all(cards * part >= whole for part, whole in zip(each, alone, strict=True))
    assert all(part <= whole + 8 * cards for part, whole in zip(each, alone, strict=True))


@pytest.mark.parametrize("recompute", ["none", "full"])
@pytest.mark.parametrize("recipe", ["bf16", "autocast"])
def test_more_frozen_layers_never_take_more(recipe, recompute):
    found = [
        peak(LLAMA, Training(frozen=frozen, recipe=recipe, recompute=recompute)).bytes
        for frozen in (0, "embedding", 1, 16, 31)
    ]
    assert found == sorted(found, reverse=True)


def test_frozen_layers_keep_nothing():
    run = Training(recipe="bf16", frozen=30)
    whole, cut = (breakdown(LLAMA, one)["activations"] for one in (replace(run, frozen=0), run))
    one = whole - breakdown(replace(LLAMA, full_layers=31, dense_layers=31), replace(run, frozen=0))["activations"]
    input_norm = 4 * 4096 * 4096 + 4 * 4096  # of the first trained layer: its input in FP32, and a root of each token
    assert whole - cut == 30 * one + input_norm


def test_the_film_of_a_step_goes_back_to_the_first_layer_that_is_trained():
    shots = [name for name, _ in film(LLAMA, Training(recipe="bf16", frozen=30))]
    assert [name.split()[1] for name in shots if "goes back through its MLP" in name] == ["32", "31"]
    assert "the first layer that is trained" in shots[-2]
    again = [name for name, _ in film(LLAMA, Training(recipe="bf16", recompute="full", frozen=30))]
    assert sum("goes back through its MLP" in name for name in again) == 32  # for Transformers asks for it


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("Llama-3.1-8B", {"frozen": 32}, "frozen must be less than the 32 layers of Llama-3.1-8B, not 32"),
        ("Llama-3.1-8B", {"frozen": -1}, "frozen must be a number of layers or 'embedding', not -1"),
        ("Llama-3.1-8B", {"frozen": "tower"}, "frozen must be a number of layers or 'embedding', not 'tower'"),
        ("Gemma-3-4B", {"frozen": 4}, "frozen must be 0 or 'embedding' for Gemma-3-4B, whose layers are of several"),
        ("Llama-3.1-8B", {"frozen": 4, "lora_rank": 8}, r"frozen must be 0 with adapters \(lora_rank\)"),
        ("Llama-3.1-8B", {"frozen": 4, "tensor_parallel": 2}, "frozen must be 0 where cards divide the model"),
        ("Llama-3.1-8B", {"frozen": 4, "activations": "megatron"}, "frozen must be 0 with activations 'megatron'"),
    ],
)
def test_what_cannot_be_frozen_is_refused(name, fields, says):
    with pytest.raises(InputError, match=says):
        breakdown(Model.named(name), Training(**fields))


def test_the_time_of_a_training_is_not_guessed():
    with pytest.raises(InputError, match="frozen must be 0 for the time of a training"):
        training_time(LLAMA, Training(frozen=4), Gpu.named("H100 80 GB"))
