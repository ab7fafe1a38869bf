"""Cards side by side on one scale."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc.explorers.optimizer.abreast import Abreast

SLOTS = st.sampled_from((4, 6, 8))
COUNTS = st.integers(1, 1024)


def row(count, slots=8, scale=2e-9):
    return Abreast(count, slots, 100, 60, 40, 400, scale)


def rectangles(path):
    """The rectangles of an outline: x, top, width, height."""
    found = re.findall(r"M([-\d.]+) ([-\d.]+)l([-\d.]+) 0v-?([\d.]+)l[-\d.]+ 0z", path)
    boxes = [tuple(map(float, one)) for one in found]
    return [(x, floor - tall, wide, tall) for x, floor, wide, tall in boxes]


@given(COUNTS, SLOTS)
def test_every_card_has_its_place_once(count, slots):
    places = row(count, slots).places
    assert [card for place in places for card in range(place.first, place.first + place.cards)] == list(range(count))
    ends = [(place.x, place.x + place.width) for place in places]
    assert all(end < start for (_, end), (start, _) in pairwise(ends)), "no card stands in another"
    assert row(count, slots).right == ends[-1][1] <= 100 + 60 * slots


@given(COUNTS, SLOTS)
def test_a_card_more_keeps_the_skeleton_of_an_outline(count, slots):
    """So that all glide when a card is pulled in; a card that is not there lies on the last."""
    assert len(rectangles(row(count, slots).blocks(0, 10**10))) == slots


@given(COUNTS, SLOTS)
def test_slices_have_the_skeleton_of_blocks(count, slots):
    """So that a block can shrink to the slice that its card keeps."""
    skeletons = {
        re.sub(r"-?[\d.]+", "0", path(0, 10**11)) for path in (row(count, slots).blocks, row(count, slots).slices)
    }
    assert len(skeletons) == 1


def test_thin_cards_can_be_left_empty():
    talls = [tall for _, _, _, tall in rectangles(row(64).blocks(0, 10**10, thin=False))]
    assert talls == [20, 20, 20, 0, 20, 20, 20, 20], "the one that is not there lies on the last"


@given(COUNTS, st.integers(10**9, 10**11))
def test_height_is_memory(count, size):
    for _, top, _, tall in rectangles(row(count).blocks(0, size)):
        assert tall == pytest.approx(size * 2e-9, abs=0.06)
        assert top + tall == pytest.approx(400, abs=0.11)


@given(st.integers(2, 1024))
def test_slices_are_a_staircase_from_the_floor_to_the_top(count):
    found = re.findall(r"M[-\d.]+ ([-\d.]+)l[-\d.]+ ([-\d.]+)v-?([\d.]+)", row(count).slices(0, 10**11))
    stairs = [tuple(map(float, one)) for one in found]
    thick = 200 / count
    assert stairs[0][0] == 400
    bottom, rise, tall = stairs[-1]
    assert bottom + rise - tall == pytest.approx(200, abs=0.2)
    assert all(tall == pytest.approx(thick, abs=0.06) for _, _, tall in stairs)


def test_thin_cards_have_fins_and_others_walls():
    assert row(8).between is None
    assert row(8).fins(300) == ""
    assert row(64).between.cards == 64 - 6
    assert row(64).fins(300).count("V400") == 14 + 1
    assert row(9).fins(300).count("V400") == 3 + 1, "three thin cards"
    assert row(64).walls(300).count("M") == 8


@given(st.floats(1e-13, 1e-6))
def test_a_square_has_the_area_of_its_memory(scale):
    side, mib = row(8, scale=scale).square()
    assert side**2 == pytest.approx(40 * scale * mib * 2**20)
    assert side >= 6.49


def test_what_runs_over_hangs_over_both_walls():
    path = row(2).spilled(5 * 10**10, 10**11)
    lowest = [float(y) for y in re.findall(r"V([\d.]+)", path)]
    assert min(lowest) == 200
    assert "M100 200V292q0 8 -8 8" in path
