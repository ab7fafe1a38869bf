"""A printed table: columns as wide as asked, words that do not touch, one chosen cell."""

import pytest

from memcalc.explorers.article import sheet
from memcalc.explorers.article.sheet import Cell, Column
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.marks import Marks

COLUMNS = [
    Column("Who", {360: 80, 600: 150, 860: 200}, words=True),
    Column("How|many", {360: 120, 600: 200, 860: 300}),
    Column("Fits|it?", {360: 158, 600: 226, 860: 336}, words=True),
]


def cell(name, text, **more):
    return Cell(name, text, says=f"{name} is {text}", press={"cell": name}, **more)


def drawn(width, chosen="a", **more):
    marks = Marks(width)
    rows = [["somebody with a long name", [cell("a", "16", **more)], [cell("b", "No"), cell("c", "(needs more)")]]]
    return marks.shapes, sheet.draw(marks, COLUMNS, rows, chosen)


@pytest.mark.parametrize("width", LAYOUTS)
def test_numbers_end_and_words_begin_in_one_line(width):
    shapes, bottom = drawn(width, mark="GiB")
    assert shapes["a"]["text-anchor"] == "end"
    assert shapes["a"]["x"] < shapes["a_mark"]["x"]
    assert shapes["b"]["x"] == shapes["head_2_0"]["x"]
    assert max(shape.get("y", 0) for shape in shapes.values()) < bottom


def test_a_second_cell_stands_beside_or_below():
    for width in LAYOUTS:
        shapes, _ = drawn(width)
        assert (shapes["c"]["y"] == shapes["b"]["y"]) == (width == 860)
        assert shapes["c_reach"]["press"] == {"cell": "c"}


def test_a_remark_stands_below_the_number_on_a_narrow_page():
    assert drawn(860, after="in INT8")[0]["a"]["text"] == "16 (in INT8)"
    shapes, _ = drawn(360, after="in INT8")
    assert (shapes["a"]["text"], shapes["a_after"]["text"]) == ("16", "in INT8")


def test_one_cell_is_chosen_and_a_wrong_one_is_struck_out():
    shapes, _ = drawn(600, chosen="b", struck=True)
    assert [name for name, shape in shapes.items() if "chosen" in shape.get("look", "")] == ["b_reach"]
    assert (shapes["a_struck"]["text"], "struck" in shapes["a_struck"]["look"]) == (shapes["a"]["text"], True)
    assert {shape["group"] for shape in shapes.values() if "press" in shape} == {"cells"}
