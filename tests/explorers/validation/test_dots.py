"""Dots: each measured row is one, where both of its numbers say."""

import math
from itertools import pairwise

import pytest

from memcalc import catalogue
from memcalc.estimate.measured import measurements
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.validation.dots import EVERY, PLOTS, against, filters, lanes_of, leftover, packages, rank_of


@pytest.mark.parametrize("width", LAYOUTS)
def test_a_row_lies_on_the_line_where_formula_and_measurement_are_equal(width):
    plot = PLOTS[width]
    places, _ = against(measurements(), plot)
    for row in measurements():
        x, y = places[row.id]
        above = plot.bottom - y - (x - plot.left)
        assert (abs(above) < 1e-6) == (row.measured == row.predicted)
        assert above > -1e-6 or row.measured < row.predicted


def test_a_row_that_is_measured_twice_as_large_is_a_doubling_above_the_line():
    rows = [row for row in measurements() if row.quantity == "process_peak"]
    plot = PLOTS[860]
    places, (_, up) = against(rows, plot)
    row = max(rows, key=lambda row: row.residual)
    per = plot.side / math.log2(up.ends[1] / up.ends[0])
    assert up.at(float(row.predicted)) - places[row.id][1] == pytest.approx(
        per * math.log2(row.measured / row.predicted)
    )


@pytest.mark.parametrize("width", LAYOUTS)
def test_no_two_exact_rows_share_a_place_in_a_heap(width):
    plot = PLOTS[width]
    for rows in filters().values():
        places, lanes, axis = leftover(rows, plot)
        exact = [places[row.id] for row in rows if not row.residual]
        assert len(set(exact)) == len(exact)
        assert all(x < axis.start - 4 for x, _ in exact)
        for row in rows:
            middle, high = lanes[row.quantity]
            assert abs(places[row.id][1] - middle) <= high / 2


def test_filters_are_the_quantities_and_the_packages_of_the_data():
    lines = catalogue.rows("measured")
    assert len(filters()[EVERY]) == len(lines)
    assert len(filters()["layer activations"]) == sum(line["quantity"] == "layer_activations" for line in lines)
    assert len(filters()["what bitsandbytes did"]) == sum("bitsandbytes" in line["library"] for line in lines)
    assert all(packages(row) or "torch" in row.library for row in measurements())


@pytest.mark.parametrize("width", LAYOUTS)
def test_lanes_lie_under_one_another(width):
    plot = PLOTS[width]
    lanes = lanes_of(measurements(), plot)
    ends = [(middle - high / 2, middle + high / 2) for middle, high in lanes.values()]
    assert all(low == pytest.approx(before) for (_, before), (low, _) in pairwise(ends))
    assert rank_of(1, plot, 30) >= 1
