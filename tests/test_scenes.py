"""What an explorer shows: the picture says what the words say."""

import pytest

from cases import coordinates
from memcalc import scenes

RUN = {"context": 32_768, "batch": 1, "kv_cache": "FP16"}
FIT = RUN | {"model": "LLaMA-7B", "gpu": "RTX 4090", "weights": "FP16"}


def corners(svg, name):
    numbers = coordinates(svg, name)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def width(svg, name):
    places = [x for x, _ in corners(svg, name)]
    return max(places) - min(places)


def test_bars_are_as_long_as_their_bytes():
    svg = scenes.will_it_fit(**FIT).picture
    assert width(svg, "kv_cache") / width(svg, "weights") == pytest.approx(17_179_869_184 / 13_476_831_232, rel=1e-3)
    assert width(svg, "further") == 0


def test_a_bar_that_is_cut_has_an_arrow():
    svg = scenes.will_it_fit(**FIT | {"model": "Llama-2-70B"}).picture
    assert width(svg, "further") > 0
    assert width(svg, "kv_cache") == 0


def test_the_cache_meets_the_weights_at_the_crossing():
    frame = scenes.cache_against_context(kv_heads=32, **RUN)
    assert "From 25,706 tokens on" in frame.words
    (x0, y0), (x1, y1) = corners(frame.picture, "kv_cache")
    foot, top = corners(frame.picture, "crossing")
    assert y0 + (y1 - y0) * (foot[0] - x0) / (x1 - x0) == pytest.approx(top[1], abs=0.05)
    assert top[1] == pytest.approx(corners(frame.picture, "weights")[0][1], abs=0.01)


def test_more_sequences_are_said():
    frame = scenes.cache_against_context(kv_heads=32, **RUN | {"batch": 16})
    assert "The cache of 16 × 32,768 tokens takes 256.00 GiB" in frame.words
