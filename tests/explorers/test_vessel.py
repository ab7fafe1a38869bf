"""A card drawn to scale: areas are bytes, below the rim and above it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc.explorers.marks import Marks, line
from memcalc.explorers.vessel import Vessel, draw, rim, square_of, squares, unit_for

GIB = 2**30
SIZES = st.integers(1, 2000).map(lambda size: size * GIB // 4)


def vessel(capacity, weights, cache):
    parts = {"weights": weights, "kv_cache": cache}
    unit = unit_for(capacity, weights + cache, 430, 300)
    return Vessel(capacity, parts, 300, 400, unit, 520)


@given(SIZES, SIZES, SIZES)
def test_areas_are_bytes(capacity, weights, cache):
    card = vessel(capacity, weights, cache)
    area = {name: (bottom - top) * card.width for name, (bottom, top) in card.inside.items()}
    over = sum((bottom - top) * card.heap_width for bottom, top in card.above.values())
    per_byte = card.unit**2 / GIB
    assert sum(area.values()) / per_byte == pytest.approx(min(capacity, weights + cache), rel=1e-6)
    assert area["weights"] / per_byte == pytest.approx(min(capacity, weights), rel=1e-6)
    lips = card.droop * (card.heap_width - card.width - 8) if card.over else 0
    if card.over * per_byte > 4 * lips:  # else the lips alone are as large as the heap
        assert (over + lips) / per_byte == pytest.approx(card.over, rel=0.02)


@given(SIZES, SIZES, SIZES)
def test_card_and_load_have_room(capacity, weights, cache):
    card = vessel(capacity, weights, cache)
    assert 100 - 1e-6 <= card.top <= 400
    assert card.width <= 430
    assert card.rim >= 100 - 1e-6


@given(SIZES, SIZES, SIZES)
def test_the_surface_is_where_the_parts_end(capacity, weights, cache):
    card = vessel(capacity, weights, cache)
    tops = [top for _, top in (*card.inside.values(), *card.above.values())]
    assert card.top == pytest.approx(min(tops), abs=1e-6)
    more = Vessel(capacity, {"weights": weights, "kv_cache": cache + GIB}, 300, 400, card.unit, 520)
    if not more.over:
        assert card.top - more.top == pytest.approx(card.per(GIB), rel=1e-6)


def test_a_square_is_one_gib_or_four_times_as_many():
    assert square_of(10) == (10, 1)
    side, gib = square_of(1)
    assert (side, gib) == (8, 64)
    assert side**2 / gib == 1


def test_cards_of_all_sizes_have_the_same_shape():
    for gib in (4, 24, 80, 192):
        capacity = gib * GIB
        card = Vessel(capacity, {}, 0, 0, 10, 500)
        assert 0.4 < -card.rim / card.width < 1.1, gib
        assert card.width == 10 * squares(capacity)


def test_what_is_drawn_below_and_above_the_rim():
    marks, card = Marks(600), vessel(24 * GIB, 20 * GIB, 8 * GIB)
    draw(marks, card, row=8, kv_cache={"lights": "s"})
    assert {"card_weights", "card_kv_cache", "card_kv_cache_over", "card_wall"} <= marks.shapes.keys()
    assert marks.shapes["card_kv_cache_over"]["says"] == "4.00 GiB over the rim"
    assert marks.shapes["card_kv_cache_over"]["lights"] == "s"
    assert "card_weights_over" not in marks.shapes


def test_what_lies_above_the_rim_has_the_same_texture():
    """A square is 1 GiB there, too; rows of as many tokens are lower where the heap is wider."""
    marks, card = Marks(600), vessel(24 * GIB, 40 * GIB, 40 * GIB)
    draw(marks, card, row=20)
    shapes = marks.shapes
    assert shapes["card_weights_over_rows"]["d"] == shapes["card_weights_over"]["d"]
    assert shapes["card_weights_over_grid"]["height"] == shapes["card_weights_grid"]["height"]
    high = shapes["card_kv_cache_over_grid"]["height"]
    assert high * card.heap_width == pytest.approx(20 * card.width, rel=0.02)


def test_rows_too_close_to_be_seen_are_not_drawn():
    marks, card = Marks(600), vessel(24 * GIB, 4 * GIB, 400 * GIB)
    draw(marks, card, row=1)
    assert "card_kv_cache_over" in marks.shapes
    assert "card_kv_cache_over_rows" not in marks.shapes


@given(SIZES, SIZES, SIZES)
def test_the_surface_lies_between_the_round_corners(capacity, weights, cache):
    card = vessel(capacity, weights, cache)
    (left, high), (right, also) = card.surface
    assert high == also == card.top
    wide = card.heap_width if card.over else card.width
    assert right - left == pytest.approx(wide - 2 * card.shoulder)
    assert bool(card.shoulder) == bool(card.over)


def test_a_lead_begins_beside_what_it_leads_from():
    card = vessel(24 * GIB, 60 * GIB, 10 * GIB)
    wall, heap = card.middle + card.width / 2, card.middle + card.heap_width / 2
    assert card.rim < card.middles["weights"] < card.floor  # a good part of it is in the card
    assert card.top < card.middles["kv_cache"] < card.rim
    assert wall < card.beside(card.middles["weights"]) < heap
    assert heap < card.beside(card.middles["kv_cache"], held=False) < card.beside(card.middles["kv_cache"])


def test_the_larger_part_is_below_or_above_the_rim():
    card = vessel(24 * GIB, 60 * GIB, 10 * GIB)
    assert card.larger("weights") == (card.above["weights"], card.heap_width)
    other = vessel(24 * GIB, 20 * GIB, 8 * GIB)
    assert other.larger("weights") == (other.inside["weights"], other.width)


def test_the_rim_is_bracketed_from_the_first_card_to_beyond_the_last():
    marks, card = Marks(600), vessel(24 * GIB, 20 * GIB, 8 * GIB)
    rim(marks, card, replace(card, middle=500), beyond=16)
    level, bracket = (marks.shapes[name]["d"] for name in ("rim", "rim_bracket"))
    reach = card.heap_width / 2 + 16
    assert level == line([(300 - reach, card.rim), (500 + reach, card.rim)])
    assert bracket.count("L") == 3
