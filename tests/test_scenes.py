"""What an explorer shows: the picture says what the words say."""

from dataclasses import replace

import pytest

from cases import placed, width, written
from memcalc import Inference, Model, breakdown, scenes
from memcalc.units import show_both

RUN = {"context": 32_768, "batch": 1, "kv_cache": "FP16"}
FIT = RUN | {"model": "LLaMA-7B", "gpu": "RTX 4090", "weights": "FP16"}


def test_bars_are_as_long_as_their_bytes():
    frame = scenes.will_it_fit(**FIT)
    shapes = placed(frame)
    assert width(shapes["kv_cache"]) / width(shapes["weights"]) == pytest.approx(
        17_179_869_184 / 13_476_831_232, rel=1e-3
    )
    assert shapes["further"] == []
    assert written(frame) == {"total": "28.55 GiB"}


def test_a_bar_that_is_cut_has_an_arrow():
    shapes = placed(scenes.will_it_fit(**FIT | {"model": "Llama-2-70B"}))
    assert width(shapes["further"]) > 0
    assert width(shapes["kv_cache"]) == 0


def test_the_cache_meets_the_weights_at_the_crossing():
    frame = scenes.cache_against_context(kv_heads=32, **RUN)
    assert "From 25,706 tokens on" in frame.said
    shapes = placed(frame)
    x0, y0, x1, y1 = shapes["kv_cache"]
    foot, _, _, top = shapes["crossing"]
    assert y0 + (y1 - y0) * (foot - x0) / (x1 - x0) == pytest.approx(top, abs=0.05)
    assert top == pytest.approx(shapes["weights"][1], abs=0.01)
    assert written(frame) == {"held": "16.00 GiB", "meets_left": "25,706 tokens", "meets_right": ""}


def test_a_crossing_beyond_the_axis_is_said_alone():
    frame = scenes.cache_against_context(kv_heads=1, **RUN | {"kv_cache": "INT4"})
    assert "From 2,782,338 tokens on" in frame.said
    assert written(frame)["meets_left"] == written(frame)["meets_right"] == ""


def test_more_sequences_are_said():
    frame = scenes.cache_against_context(kv_heads=32, **RUN | {"batch": 16})
    assert "The cache of 16 × 32,768 tokens takes 256.00 GiB" in frame.said


def test_words_beside_the_picture():
    details = scenes.will_it_fit(**FIT).details
    assert details[:2] == ["This card holds at most 22,709 tokens of context.", "INT8 weights would leave 1.36 GiB."]
    assert details[-2] == "M_w = P × B = 6,738,415,616 × 2 = 13,476,831,232 bytes"
    assert details[-1].endswith("= 32 × 32 × 128 × 32,768 × 1 × (2 + 2) = 17,179,869,184 bytes")


@pytest.mark.parametrize("heads", [32, 8])
def test_the_line_of_python_gives_what_is_shown(heads):
    names = {"Model": Model, "Inference": Inference, "breakdown": breakdown, "replace": replace}
    fit = scenes.will_it_fit(**FIT | {"batch": 3, "weights": "NF4"})
    assert f"It needs {show_both(sum(eval(fit.code, names).values()))}" in fit.said
    assert "context=32768, batch=3, weights='NF4', kv_cache='FP16'" in fit.code
    cache = scenes.cache_against_context(kv_heads=heads, **RUN)
    assert f"takes {show_both(eval(cache.code, names))}" in cache.said
