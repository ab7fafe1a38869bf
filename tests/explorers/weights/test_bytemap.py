"""Where the rectangles of a map lie: areas are bytes, nothing is left out, the order stays."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import MODELS
from memcalc import Inference, Model, breakdown
from memcalc.explorers.weights.bytemap import LAYERS, PARTS, byte_map
from memcalc.specs.run import weights_formats

FORMATS = st.sampled_from(weights_formats())


def area(box):
    return box[2] * box[3]


@given(model=MODELS, form=FORMATS)
def test_areas_are_proportional_to_bytes(model, form):
    found = byte_map(model, form, 800, 400)
    assert 0 <= breakdown(model, Inference(weights=form))["weights"] - found.size < 1
    assert sum(found.shares.values()) == pytest.approx(1)
    for part in PARTS:
        tiles = [tile for tile in found.tiles if tile.part == part]
        whole = sum(tile.size for tile in tiles)
        assert all(isclose(area(tile.box) / 320_000, tile.size / whole, abs_tol=1e-9) for tile in tiles)


@given(model=MODELS, form=FORMATS)
def test_tiles_fill_their_layers_and_do_not_overlap(model, form):
    found = byte_map(model, form, 800, 400)
    assert list(found.cells) == list(range(1, model.layers + 1))
    for layer, (x, y, wide, high) in list(found.cells.items())[:3]:
        tiles = [tile for tile in found.tiles if tile.layer == layer]
        assert sum(area(tile.box) for tile in tiles) == pytest.approx(wide * high)
        for tile in tiles:
            left, top, broad, tall = tile.box
            assert x - 1e-6 <= left <= left + broad <= x + wide + 1e-6
            assert y - 1e-6 <= top <= top + tall <= y + high + 1e-6


@given(model=MODELS, form=FORMATS)
def test_the_order_of_tensors_is_that_of_16_bits(model, form):
    def order(form):
        cells = byte_map(model, form, 800, 400).cells
        return sorted(cells, key=lambda layer: (round(cells[layer][1], 6), cells[layer][0]))

    assert order(form) == order("FP16") == sorted(order(form))


@given(model=MODELS)
def test_names_are_one_of_a_kind_and_shapes_are_few(model):
    found = byte_map(model, "Q4_K_M", 826, 388)
    drawn = found.drawn(byte_map(model, "FP16", 826, 388).too_fine(240, 576))
    assert len({tile.name for tile in drawn}) == len(drawn) < 500
    assert sum(tile.size for tile in drawn) == sum(tile.size for tile in found.seen)
    assert sum(tile.size for tile in found.seen) > 0.98 * found.size


def test_tensors_too_small_for_a_finger_are_drawn_as_one():
    """k_proj of Llama-3.1-8B has an eighth of the heads of LLaMA-7B's."""
    assert byte_map(Model.named("LLaMA-7B"), "FP16", 826, 388).too_fine(240, 576) == set()
    assert byte_map(Model.named("Llama-3.1-8B"), "FP16", 826, 388).too_fine(240, 576) == {"attention"}


def test_four_rows_of_eight_layers():
    cells = byte_map(Model.named("LLaMA-7B"), "FP16", 826, 388).cells
    assert len({round(y) for _, y, _, _ in cells.values()}) == 4
    layers = [tile for tile in byte_map(Model.named("LLaMA-7B"), "FP16", 826, 388).tiles if tile.part == LAYERS]
    assert [tile.name for tile in layers if tile.layer == 3][:4] == ["3.q_proj", "3.k_proj", "3.v_proj", "3.o_proj"]
