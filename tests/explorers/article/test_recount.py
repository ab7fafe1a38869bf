"""A cell counted again: levels for both readings of a unit, and reasons that the audit has."""

import pytest

from memcalc.article import table1, table2, table3
from memcalc.explorers.article.recount import ARCHITECTURE, recount

ROW7, ROW13, ROW70 = table1.Row.rows()[0], table1.Row.rows()[2], table1.Row.rows()[4]


def amounts(found):
    return {column.name: sum(column.parts.values()) for column in found.chart.columns}


def test_a_published_number_is_two_levels():
    gib, gb = recount(ROW13, "kv_cache").chart.levels
    assert (gib.amount, gib.look) == (16, "dashed")
    assert (gb.amount, gb.look) == (pytest.approx(16e9 / 2**30), "dotted")


def test_the_heads_are_those_of_the_article_or_of_the_model():
    assert amounts(recount(ROW70, "kv_cache")) == {"count": 40}
    assert amounts(recount(ROW70, "kv_cache", way=ARCHITECTURE)) == {"count": 5}
    assert "5.00 GiB" in recount(ROW70, "kv_cache").notes[0]


def test_the_formula_has_the_numbers_of_the_count():
    (line,) = recount(ROW7, "weights").formula
    assert line["numbers"]["P"] == "7,000,000,000"
    (line,) = recount(ROW7, "weights", way=ARCHITECTURE).formula
    assert line["numbers"]["P"] == "6,738,415,616"
    (line,) = recount(ROW70, "total", way=ARCHITECTURE).formula
    assert [part["of"] for part in line["summands"]] == ["weights", "kv_cache"]


def test_machines_are_drawn_as_they_are_sold():
    ultra = table2.Row.rows()[5]
    assert list(amounts(recount(ultra, "memory")).values()) == [96, 256, 512]
    assert recount(ultra, "memory").chart.levels[0].amount == 192
    speeds = amounts(recount(ultra, "bandwidth"))
    assert {"M2 Ultra 192 GB": 800, "M3 Ultra 96 GB": 819}.items() <= speeds.items()
    assert recount(table2.Row.rows()[4], "bandwidth").chart.levels[0].amount == pytest.approx(5200)


def test_the_largest_model_lies_between_two_sizes():
    chart = recount(table2.Row.rows()[2], "largest model").chart
    assert [level.amount for level in chart.levels] == [70, 130]
    assert [column.name for column in chart.columns] == ["plain", "grouped"]


def test_years_are_caches_costs_or_what_is_said():
    share, _, context, cost = table3.Row.rows()
    assert list(amounts(recount(context, "context", "2024")).values()) == [2, 4, 8]
    (line,) = recount(context, "context", "2024").formula
    assert line["numbers"]["s"] == "8,192"
    assert list(amounts(recount(share, "quantized_downloads", "2023")).values()) == [15, 40, 60]
    (level,) = recount(cost, "cost_per_million", "2025").chart.levels
    assert level.amount == pytest.approx(0.1229, abs=1e-4)
