"""Columns against levels: to scale in every layout."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc.explorers.article import levels
from memcalc.explorers.article.levels import Chart, Column, Level
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.marks import Marks

AMOUNTS = st.lists(st.floats(1, 600), min_size=1, max_size=4)


def column(name, amount):
    return Column(name, {"kv_cache": amount}, [f"{amount:.2f}", name], f"{name}: {amount}")


def drawn(width, amounts, said, square="GiB", below=False):
    marks = Marks(width)
    columns = [column(f"c{place}", one) for place, one in enumerate(amounts)]
    chart = Chart(columns, [Level("x", said, ["said"], "said", "dashed")], square, below)
    levels.draw(marks, chart, 10)
    return marks.shapes, chart


@given(AMOUNTS, st.floats(1, 600), st.sampled_from(LAYOUTS), st.sampled_from(["GiB", ""]))
def test_columns_and_levels_are_to_one_scale_and_stay_inside(amounts, said, width, square):
    shapes, chart = drawn(width, amounts, said, square, below=True)
    floor = 10 + levels.HIGH
    per = (floor - float(re.search(r"L\S+ (\S+)", shapes["level_x"]["d"])[1])) / said
    for place, amount in enumerate(amounts):
        shape = shapes[f"c{place}_kv_cache"]
        assert shape["height"] == pytest.approx(per * amount, abs=0.2 + 0.1 * amount / said)
        assert shape["y"] >= 10
        assert shape["x"] + shape["width"] <= levels.LABELS[width]
    assert 10 + chart.high(width) > floor


@given(st.floats(4, 200), st.floats(0.4, 2.5), st.sampled_from(LAYOUTS))
def test_a_square_is_what_it_says(amount, times, width):
    shapes, _ = drawn(width, [amount], amount * times)
    side, area = shapes["c0_kv_cache_grid"]["width"], shapes["c0_kv_cache"]
    each = int(re.search(r"([\d,]+) GiB", shapes["scale"]["text"])[1].replace(",", ""))
    assert area["width"] * area["height"] * each / side**2 == pytest.approx(amount, rel=0.05)


def test_words_of_several_columns_stand_below_them():
    shapes, _ = drawn(860, [3, 5], 4, below=True)
    assert shapes["c0_words"]["y"] > 10 + levels.HIGH
    assert shapes["c0_words"]["x"] < shapes["c1_words"]["x"]
    assert "column_words" not in shapes


@pytest.mark.parametrize("width", LAYOUTS)
def test_the_end_of_a_single_column_can_be_guessed(width):
    marks = Marks(width)
    board = levels.draw(marks, Chart([column("count", 12.5)], [Level("x", 16, ["said"], "said", "dashed")], "GiB"), 10)
    guess = board.ask("How many?")
    assert (guess.truth, guess.unit, guess.low) == (12.5, "GiB", 0)
    end = marks.shapes["count_kv_cache"]["y"]
    assert guess.handle["origin"] + guess.handle["size"] * 12.5 == pytest.approx(end, abs=0.1)
    assert guess.handle["origin"] + guess.handle["size"] * guess.high == pytest.approx(10, abs=0.5)
    assert marks.shapes["count_kv_cache"]["answer"]
    assert not marks.shapes["level_x"].get("answer")
