"""A moving picture puts its shapes where matplotlib would."""

import pytest

from cases import coordinates
from memcalc.figures import canvas
from memcalc.stage import Stage, box


@pytest.fixture(scope="module")
def stage():
    with canvas() as (figure, axes):
        axes.set(xlim=(1, 1000), ylim=(0, 10), xscale="log")
        axes.plot([10, 100], [2, 8], gid="line")
        axes.barh([0], [0], gid="bar")
        return Stage(figure, ["line", "bar"])


def test_a_frame_is_where_matplotlib_draws(stage):
    with canvas() as (figure, axes):
        axes.set(xlim=(1, 1000), ylim=(0, 10), xscale="log")
        axes.plot([3, 300], [1, 9], gid="line")
        axes.barh([5], [40], height=2, gid="bar")
        drawn = Stage(figure, [])._end
    moved = stage.frame("", line=[(3, 1), (300, 9)], bar=box(1, 40, 4, 6))
    assert coordinates(moved, "line") == pytest.approx(coordinates(drawn, "line"), abs=0.01)
    right_corners = coordinates(drawn, "bar")[2:6]  # the left ones differ: a bar begins at 0, which has no logarithm
    assert coordinates(moved, "bar")[2:6] == pytest.approx(right_corners, abs=0.01)


def test_a_frame_is_labelled_and_leaks_no_style(stage):
    svg = stage.frame('4 < 5 & "6"', line=[(1, 1)], bar=box(1, 2, 3, 4))
    assert 'role="img" aria-label="4 &lt; 5 &amp; &quot;6&quot;"' in svg
    assert "<style" not in svg
    assert "currentColor" in svg
    assert "#000000" not in svg
