"""A moving picture puts its shapes where matplotlib would."""

import re

import pytest

from cases import coordinates, numbers
from memcalc.explorers.svg import Label, Svg, box
from memcalc.plots.style import canvas


def drawn(line, left, right, bottom, top, text):
    with canvas() as (figure, axes):
        axes.set(xlim=(1, 1000), ylim=(0, 10), xscale="log")
        axes.plot(*zip(*line, strict=True), gid="line")
        axes.fill_between([left, right], bottom, top, color="red", gid="area")
        axes.barh([(bottom + top) / 2], [right - left], top - bottom, left=left, gid="bar")
        axes.text(*line[0], text, gid="label", in_layout=False)
        return Svg(figure)


@pytest.fixture(scope="module")
def svg():
    return drawn([(10, 2), (100, 8)], 2, 20, 1, 2, "before")


def test_a_frame_is_where_matplotlib_draws(svg):
    there = drawn([(3, 1), (300, 9)], 5, 50, 4, 6, "after").text
    moved = svg.moved({"line": [(3, 1), (300, 9)], "bar": box(5, 50, 4, 6), "label": Label("after", (3, 1))})
    assert numbers(moved["line"]["d"]) == pytest.approx(coordinates(there, "line"), abs=0.01)
    assert numbers(moved["bar"]["d"])[:8] == pytest.approx(coordinates(there, "bar"), abs=0.01)
    x, y, text = re.search(r'id="label">\s*<text [^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)', there).groups()
    assert text == moved["label"]["text"]
    assert (float(moved["label"]["x"]), float(moved["label"]["y"])) == pytest.approx((float(x), float(y)), abs=0.01)


def test_a_shape_without_corners_is_not_seen(svg):
    assert svg.moved({"line": []}) == {"line": {"d": ""}}


def test_the_picture_follows_the_page_and_leaks_no_style(svg):
    assert "<style" not in svg.text
    assert "currentColor" in svg.text
    assert "#000000" not in svg.text
    assert "font-family" not in svg.text
