"""The picture of the reality check shows every row, and one's own."""

import pytest

from memcalc import catalogue, validation
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.validation import predicted_measured

MINE = validation.read("mine,kv_cache,Llama-3-8B,context=8192,2147483648,by hand,none,2026-11-27")


def marks(axes):
    """Places of the coloured marks of one pair of axes."""
    lines = [line for line in axes.lines if line.get_marker() in {entry.mark for entry in SUMMANDS.values()}]
    return sorted((x, y) for line in lines for x, y in zip(*line.get_data(), strict=True))


def test_every_row_is_drawn_where_it_belongs():
    left, right = predicted_measured().axes
    rows = [row for row in validation.measurements() if row.row["unit"] == "bytes"]
    assert marks(left) == sorted((float(row.predicted), float(row.measured)) for row in rows if row.measured)
    assert [x for x, _ in marks(right)] == pytest.approx(sorted(float(100 * row.residual) for row in rows))
    ends = left.get_xlim()
    assert all(ends[0] < place < ends[1] for point in marks(left) for place in point)


def test_a_row_of_ones_own_is_a_star_with_its_name():
    for axes, place in zip(predicted_measured([MINE]).axes, ((2**30, 2**31), (50, None)), strict=True):
        [star] = [line for line in axes.lines if line.get_marker() == "*"]
        assert star.get_xdata()[0] == place[0]
        assert place[1] in (None, star.get_ydata()[0])
        assert "mine" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("measured", ["16", "9000000000000000000"])
def test_a_row_that_is_far_off_stays_in_the_picture(measured):
    far = validation.read(f"far,kv_cache,Llama-3-8B,context=8192,{measured},by hand,none,2026-11-27")
    figure = predicted_measured([far])
    figure.draw_without_rendering()  # every number on the axes has a unit
    for axes, place in zip(figure.axes, (float(measured), float(100 * far.residual)), strict=True):
        ends = axes.get_ylim() if axes is axes.figure.axes[0] else axes.get_xlim()
        assert ends[0] < place < ends[1]
        assert len(axes.get_xticks()) <= 9


def test_every_term_has_a_mark_and_a_colour():
    terms = {row["term"] for row in catalogue.rows("measured_quantities")}
    assert terms <= SUMMANDS.keys()
    for looks in zip(*((entry.mark, entry.colour, entry.hatch) for entry in SUMMANDS.values()), strict=True):
        assert len(set(looks)) == len(SUMMANDS)
