"""The explorer of the cache: its lines meet where the words say."""

from dataclasses import replace

import pytest

from cases import placed, written
from memcalc import Inference, Model, breakdown
from memcalc.explorers import kv_cache
from memcalc.units import show_both

RUN = {"context": 32_768, "batch": 1, "kv_cache": "FP16"}


def test_the_cache_meets_the_weights_at_the_crossing():
    frame = kv_cache.frame(kv_heads=32, **RUN)
    assert "From 25,706 tokens on" in frame.said
    shapes = placed(frame)
    x0, y0, x1, y1 = shapes["kv_cache"]
    foot, _, _, top = shapes["crossing"]
    assert y0 + (y1 - y0) * (foot - x0) / (x1 - x0) == pytest.approx(top, abs=0.05)
    assert top == pytest.approx(shapes["weights"][1], abs=0.01)
    assert written(frame) == {"held": "16.00 GiB", "meets_left": "25,706 tokens", "meets_right": ""}


def test_a_crossing_beyond_the_axis_is_said_alone():
    frame = kv_cache.frame(kv_heads=1, **RUN | {"kv_cache": "INT4"})
    assert "From 2,782,338 tokens on" in frame.said
    assert written(frame)["meets_left"] == written(frame)["meets_right"] == ""


def test_more_sequences_are_said():
    frame = kv_cache.frame(kv_heads=32, **RUN | {"batch": 16})
    assert "The cache of 16 × 32,768 tokens takes 256.00 GiB" in frame.said


@pytest.mark.parametrize("heads", [32, 8])
def test_the_line_of_python_gives_what_is_shown(heads):
    names = {"Model": Model, "Inference": Inference, "breakdown": breakdown, "replace": replace}
    frame = kv_cache.frame(kv_heads=heads, **RUN)
    assert f"takes {show_both(eval(frame.code, names))}" in frame.said
