"""The stack of layers: what each keeps, to scale, while the step is played."""

import pytest

from memcalc.explorers.activations import KERNELS, kept_for_backward

AT_THE_LOSS = {"moment": 20}


def test_flash_takes_the_scores_and_nothing_else():
    eager, flash = (kept_for_backward.frame(attention=kernel, **AT_THE_LOSS).shapes for kernel in KERNELS)
    assert flash["stack_scores"]["width"] == 0 < eager["stack_scores"]["width"]
    assert (eager["name_mlp"]["text"], eager["name_norm"]["text"]) == (
        flash["name_mlp"]["text"],
        flash["name_norm"]["text"],
    )
    assert "name_scores" not in flash


def test_the_rows_of_the_stack_are_to_scale():
    shapes = kept_for_backward.frame(**AT_THE_LOSS).shapes
    assert shapes["stack_scores"]["width"] / shapes["stack_weights"]["width"] == pytest.approx(
        6 * 32 * 2048**2 / (2 * 202_383_360), rel=0.01
    )
    assert shapes["stack_norm"]["width"] / shapes["stack_mlp"]["width"] == pytest.approx(12 / 23.5, rel=0.02)


def test_layers_fill_on_the_way_there_and_empty_on_the_way_back():
    empty = [kept_for_backward.frame(moment=moment).shapes["stack_gone"]["height"] for moment in (0, 8, 16)]
    full = [kept_for_backward.frame(moment=moment).shapes["stack_gone"]["height"] for moment in (20, 30, 55)]
    assert empty == sorted(empty, reverse=True)
    assert full == sorted(full)
    gradients = [kept_for_backward.frame(moment=moment).shapes["stack_gradients"]["height"] for moment in (20, 30, 55)]
    assert gradients == sorted(gradients) and gradients[0] == 0  # noqa: PT018


def test_the_room_for_what_is_kept_is_framed_from_the_first_moment():
    for kernel in KERNELS:
        empty, full = (kept_for_backward.frame(attention=kernel, moment=moment).shapes for moment in (0, 20))
        kept = [shape["width"] for name, shape in full.items() if f"{name}_fill" in full and name.startswith("stack_")]
        assert empty["stack_kept_frame"] == full["stack_kept_frame"]
        assert empty["stack_kept_frame"]["width"] == pytest.approx(sum(kept), abs=0.3)
        assert empty["stack_kept_frame"]["answer"], "a guess must not see how much it is"
