"""The card beside the film, on the same scale."""

import re

import pytest

from memcalc.explorers.activations import kept_for_backward
from memcalc.explorers.frame import LAYOUTS


def test_the_rim_is_dragged_from_card_to_card():
    frame = kept_for_backward.frame()
    places = dict(frame.shapes["gpu"]["handle"]["places"])
    assert places["A100 80 GB"] == pytest.approx(frame.shapes["card_well"]["y"], abs=0.1)
    assert places["RTX 4090"] > places["A100 80 GB"]


@pytest.mark.parametrize("width", LAYOUTS)
@pytest.mark.parametrize("context", [2048, 8192])
def test_the_rim_is_the_line_over_the_film_and_the_load_is_as_high_as_the_film(width, context):
    shapes = kept_for_backward.frame(width=width, context=context, moment=30).shapes
    assert float(re.search(r"M\S+ (\S+)L", shapes["rim"]["d"])[1]) == pytest.approx(shapes["card_well"]["y"], abs=0.1)
    assert shapes["now"]["cy"] == pytest.approx(shapes["card_passing"]["y"], abs=0.2)


def test_a_square_of_the_card_is_one_gib():
    shapes = kept_for_backward.frame().shapes
    square, card = shapes["card_weights_fill"]["width"], shapes["card_well"]
    assert square**2 == pytest.approx(card["width"] * card["height"] / 79.15, rel=0.02)
    assert shapes["card_square"]["text"] == "one square is 1 GiB"
