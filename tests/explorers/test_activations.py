"""The explorer of the activations: the bar is what was measured, place by place, and what is not known is said."""

import itertools

import pytest

from cases import placed, width, written
from memcalc import InputError, Model, Training, breakdown, units, validation
from memcalc.estimate import training
from memcalc.explorers.activations import CODES, KERNELS, RECOMPUTE, kept_for_backward
from memcalc.plots.activations import PLACES
from scenes import KEPT

FLASH = KEPT | {"attention": "flash"}
MEGATRON = KEPT | {"code": "megatron"}


def widths(frame):
    shapes = placed(frame)
    return {place: width(shapes[place]) for place in PLACES}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("A132", {}),
        ("A131", {"attention": "flash"}),
        ("A133", {"attention": "flash", "recompute": "full"}),
    ],
)
def test_the_sum_is_what_was_measured(name, changes):
    measured = int(validation.row(name).measured)
    frame = kept_for_backward.frame(**KEPT | changes)
    assert f"keeps {units.show_both(measured)} for the backward pass" in frame.said
    assert written(frame) == {"total": units.show(measured)}


def test_the_bar_is_as_long_as_its_bytes_on_the_axis_of_the_cards():
    frame = kept_for_backward.frame(**KEPT)
    whole, scores = sum(widths(frame).values()), widths(frame)["scores"]
    assert scores / whole == pytest.approx(6 * 32 * 2048**2 * 32 / int(validation.row("A132").measured), rel=1e-3)
    larger = kept_for_backward.frame(**FLASH | {"context": 4096})
    assert sum(widths(larger).values()) / whole == pytest.approx(25.107 / 38.314, rel=1e-3)


@pytest.mark.parametrize("recompute", RECOMPUTE)
@pytest.mark.parametrize("context", [128, 2048])
def test_megatrons_places_add_up(recompute, context):
    frame = kept_for_backward.frame(**MEGATRON | {"recompute": recompute, "context": context})
    run = Training(context=context, activations="megatron", recompute=recompute)
    assert units.show_both(breakdown(Model.named("LLaMA-7B"), run)["activations"]) in frame.said


def test_flash_takes_the_scores_and_nothing_else():
    eager, flash = widths(kept_for_backward.frame(**KEPT)), widths(kept_for_backward.frame(**FLASH))
    assert flash.pop("scores") == 0 < eager.pop("scores")
    assert flash == pytest.approx(eager, abs=0.05)


def test_twice_the_context_is_four_times_the_scores_and_twice_the_rest():
    one, two = (widths(kept_for_backward.frame(**KEPT | {"context": context})) for context in (512, 1024))
    assert two.pop("scores") == pytest.approx(4 * one.pop("scores"), rel=0.01)
    assert two == pytest.approx({place: 2 * wide for place, wide in one.items()}, abs=0.05)


def test_a_bar_that_is_cut_has_an_arrow():
    assert placed(kept_for_backward.frame(**KEPT))["further"] == []
    frame = kept_for_backward.frame(**KEPT | {"context": 2**20, "batch": 256})
    assert width(placed(frame)["further"]) > 0
    assert widths(frame)["mlp"] == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recompute": "selective"}, "recompute must be 'none' or 'full' with code 'transformers'"),
        ({"code": "megatron", "attention": "flash"}, "attention must be 'eager' with code 'megatron'"),
        ({"code": "jax"}, "code 'jax' is not known"),
        ({"attention": "sparse"}, "attention 'sparse' is not known"),
        ({"model": "Mixtral-8x7B"}, "activations must be 'none' for Mixtral-8x7B"),
    ],
)
def test_what_is_not_known_is_said(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        kept_for_backward.frame(**KEPT | changes)


def test_words_beside_the_picture():
    details = kept_for_backward.frame(**KEPT | {"batch": 2}).details
    assert details[0].startswith("by place: scores 48.00 GiB, norms 6.00 GiB")
    assert "6 × 32 × 2,048^2 × 2" in details[1]
    assert details[-1] == "On top come weights, gradients and optimizer: 100.41 GiB in mixed precision with AdamW."
    full = kept_for_backward.frame(**MEGATRON | {"recompute": "full", "context": 4096})
    peak = training.peak_of_recomputation(Model.named("LLaMA-7B"), Training(context=4096))
    assert any(units.show_both(peak) in line for line in full.details)


@pytest.mark.parametrize(("code", "attention"), [*itertools.product(CODES, KERNELS)][:-1])  # the last is refused
def test_the_line_of_python_gives_what_is_shown(code, attention):
    frame = kept_for_backward.frame(**KEPT | {"code": code, "attention": attention, "batch": 3})
    kept = eval(frame.code, {"Model": Model, "Training": Training, "breakdown": breakdown})
    assert f"keeps {units.show_both(kept)}" in frame.said
