"""The shapes of a map: what is hatched, what is a scale, and that all lies in the picture."""

import re

import pytest

from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.weights import stored_weights


def boxes(shape):
    """The rectangles of a path: left, top, width, height."""
    return [tuple(map(float, re.findall(r"-?[\d.]+", box)[:4])) for box in shape["d"].split("z")[:-1]]


def area(found):
    return sum(wide * high for _, _, wide, high in found)


def test_the_slivers_are_the_scales():
    """One of 32 bits for 64 numbers of 4: a ninth (Dettmers et al. 2023, section 3)."""
    shapes = stored_weights.frame(weights="NF4").shapes
    assert area(boxes(shapes["layers_scales"])) / (826 * 388) == pytest.approx(0.5 / 4.5, rel=0.02)
    assert not [name for name in stored_weights.frame().shapes if name.endswith("_scales")]


def test_tensors_of_more_bits_are_hatched():
    """In Q4_K_M of 32 layers, llama.cpp gives half of the layers' v_proj and down_proj more bits, and the head."""
    shapes = stored_weights.frame(weights="Q4_K_M").shapes
    assert len(boxes(shapes["type_Q6_K"])) == 16 + 16 + 1
    assert shapes["type_Q6_K"]["fill"] == "url(#hatch_Q6_K)"
    assert "type_Q4_K" not in shapes


def test_a_pattern_has_a_name_that_an_address_can_have():
    shapes = stored_weights.frame(weights="NF4").shapes
    assert shapes["type_16 bits"]["fill"] == "url(#hatch_16_bits)"
    assert len(boxes(shapes["type_16 bits"])) == 2


@pytest.mark.parametrize("width", LAYOUTS)
@pytest.mark.parametrize("setting", [{}, {"weights": "FP32"}, {"gpu": "MI300X"}, {"weights": "Q8_0", "layer": 32}])
def test_the_map_lies_in_the_picture(width, setting):
    frame = stored_weights.frame(width=width, **setting)
    place = frame.shapes["map"]
    assert 0 < place["x"] < place["x"] + place["width"] <= width
    assert 0 < place["y"] < place["y"] + place["height"] <= frame.height


def test_a_layer_fills_the_picture_and_shares_its_tensors_with_the_map():
    whole, layer = stored_weights.frame(model="LLaMA-7B").shapes, stored_weights.frame(model="LLaMA-7B", layer=9).shapes
    assert whole["9.down_proj"]["x"] == layer["9.down_proj"]["x"], "so that it grows out of its place"
    assert whole["layers"]["viewBox"] != layer["layers"]["viewBox"]
    assert "8.down_proj" not in layer
