"""Weights and cache as columns: as high as their bytes, and marked where they cross."""

import pytest

from memcalc.explorers.kv_cache import growing_cache


def frame(**setting):
    return growing_cache.frame(**growing_cache.setting(setting))


def texts(shown):
    return {name: shape["text"] for name, shape in shown.shapes.items() if shape["tag"] == "text"}


def test_columns_are_as_high_as_their_bytes():
    shown = frame(context=32_768).shapes
    heights = [shown[f"{term}_column"]["height"] for term in ("kv_cache", "weights")]
    assert heights[0] / heights[1] == pytest.approx(17_179_869_184 / 13_476_831_232, rel=0.005)


def test_the_crossing_is_marked_once_it_is_reached():
    before, after = frame(context=25_705), frame(context=25_706)
    assert "crossing" not in before.shapes
    assert "25,706" not in before.sentence_said
    assert texts(after)["crossing_at"] == "25,706"
    assert after.shapes["kv_cache_column"]["y"] == pytest.approx(after.shapes["weights_column"]["y"], abs=0.1)
    assert before.hints[-1] == "This cache reaches the weights at token 25,706."


def test_the_guess_is_a_level_on_the_column():
    shown = frame(context=32_768)
    assert shown.guess.truth == 16
    handle = shown.guess.handle
    column = shown.shapes["kv_cache_column"]
    assert handle["origin"] + handle["size"] * 16 == pytest.approx(column["y"], abs=0.2)
