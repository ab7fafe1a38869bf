"""Shapes are plain data: rounded, named, in order; handles say where values lie."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc.explorers.marks import Marks, along, apart, line, outline, steps


def test_shapes_are_json_in_the_order_in_which_they_are_drawn():
    marks = Marks(600)
    marks.rect("below", 0.04, 1.26, 10, -3, look="area")
    marks.text("above", 5, 5, "words", anchor="middle", of="weights")
    assert json.loads(json.dumps(marks.shapes)) == marks.shapes
    assert list(marks.shapes) == ["below", "above"]
    assert marks.shapes["below"] == {"tag": "rect", "x": 0, "y": 1.3, "width": 10, "height": 0, "look": "area"}
    assert marks.shapes["above"]["text-anchor"] == "middle"


def test_a_label_has_a_strong_line_and_fainter_ones():
    marks = Marks(600)
    marks.label("label", 0, 20, ["strong", "faint", "fainter"], answer=True)
    assert [shape["y"] for shape in marks.shapes.values()] == [20, 39, 54]
    assert {shape["answer"] for shape in marks.shapes.values()} == {True}
    assert [shape.get("look") for shape in marks.shapes.values()] == ["strong", None, None]


def test_a_handle_says_which_control_it_moves_and_along_which_axis():
    marks = Marks(600)
    marks.knob("surface", 10, 20, "y", along("context", origin=300, size=-0.5), says="context")
    assert marks.shapes["surface"]["handle"] == {
        "axis": "y",
        "control": "context",
        "origin": 300,
        "size": -0.5,
        "log": False,
    }
    assert {shape.get("inside") for shape in marks.shapes.values()} == {None, "surface"}
    assert along("weights", {"FP16": 800.04, "INT8": 560}) == {
        "control": "weights",
        "places": [["FP16", 800.0], ["INT8", 560]],
    }


def test_outlines():
    assert (line([]), outline([])) == ("", "")
    assert outline([(0, 0), (1.26, 0), (0, 3)]) == "M0 0L1.3 0L0 3Z"


@given(st.dictionaries(st.text("abc", max_size=3), st.floats(0, 100), max_size=6))
def test_labels_keep_apart_and_in_order(places):
    found = apart(places, 12, 0, 100)
    assert found.keys() == places.keys()
    sorted_ = [found[name] for name in sorted(places, key=places.get)]
    assert all(later - earlier >= 12 - 1e-9 for earlier, later in itertools.pairwise(sorted_))
    assert all(0 - 1e-9 <= place <= 100 + 1e-9 for place in sorted_)


def test_scales_go_in_steps_from_the_largest():
    assert steps(1, 2) == pytest.approx([2, 2**0.5, 1])
