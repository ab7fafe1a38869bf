"""Weights and cache as columns: as high as their bytes, and marked where they cross."""

import pytest

from memcalc.explorers.frame import LAYOUTS
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


@pytest.mark.parametrize("width", LAYOUTS)
def test_no_amount_leaves_the_picture(width):
    """A letter of an amount is about 8.5 pixels wide: 131,072 GiB, and what a small one takes."""
    for setting in ({"context": 2**20, "batch": 256}, {"context": 10}, {"context": 32_768}):
        shape = growing_cache.frame(width=width, **setting).shapes["kv_cache_gib"]
        assert shape["x"] + 8.5 * len(shape["text"]) <= width


@pytest.mark.parametrize("width", LAYOUTS)
def test_columns_use_their_room(width):
    """The scale goes in steps; even so, the higher column takes half of the room: 170 or 290 px."""
    for context in (10, 4096, 32_768, 131_072):
        shown = growing_cache.frame(width=width, context=context).shapes
        assert max(shown[f"{term}_column"]["height"] for term in ("kv_cache", "weights")) > (85 if width < 600 else 145)
