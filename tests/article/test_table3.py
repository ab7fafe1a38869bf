"""The article's third table: what follows from it."""

from fractions import Fraction

import pytest

from memcalc.article import claims, table3
from memcalc.formula.symbols import symbol

TABLE = table3.table3().set_index("Metric")
SHARE, SALES, CONTEXT, COST = TABLE.index


def test_cells_are_shown_as_published():
    years = ["2023", "2024", "2025 (projected)"]
    assert TABLE[years].to_numpy().tolist() == [
        ["15%", "40%", "60%"],
        ["500K", "2M", "5M"],
        ["4K", "8K", "16K"],
        ["$0.50", "$0.20", "$0.10"],
    ]


def test_verdicts():
    assert list(TABLE["Verdict"]) == ["not checkable"] * 3 + ["holds under assumption"]


def test_growth():
    growth = [derived.split(";")[0] for derived in TABLE["Derived"]]
    assert growth == ["× 2.67, × 1.5", "× 4, × 2.5", "× 2, × 2", "÷ 2.5, ÷ 2"]
    assert "÷ 5 in 2 years" in TABLE.loc[COST, "Derived"]
    assert "$8.00 billion" in TABLE.loc[SALES, "Derived"]  # 5M × $1,600
    assert "2.00 GiB, 4.00 GiB, 8.00 GiB" in TABLE.loc[CONTEXT, "Derived"]  # 512 KiB a token


def test_the_cost_of_one_sequence():
    """With the input embedding, which is not read, a million tokens took 1.93 h, 0.87 kWh and $0.13 at 144 tokens/s."""
    cost = table3.cost_of_a_million()
    assert cost.hours == pytest.approx(10**6 / 149.6 / 3600 * (1 - 32_000 * 4096 / 6_738_415_616), rel=2e-3)
    assert cost.kilowatt_hours == pytest.approx(cost.hours * 0.45)
    assert 0.11 < cost.dollars < 0.13


def test_sequences_at_once_share_the_reading_of_the_weights():
    one, two = map(table3.cost_of_a_million, (1, 2))
    assert two.dollars == pytest.approx(one.dollars / 2, rel=1e-3)
    assert [table3.smallest_batch(Fraction(price)) for price in ("0.50", "0.20", "0.10")] == [1, 1, 2]


def test_a_price_below_all_electricity_is_wrong(monkeypatch):
    monkeypatch.setitem(table3.ASSUMED, symbol("electricity_price"), 10**8)
    assert table3.table3()["Verdict"].iloc[-1] == "wrong"


def test_points_are_the_cells_as_numbers():
    points = table3.points()
    assert list(points["value"][:6]) == [15, 40, 60, 500_000, 2_000_000, 5_000_000]
    assert list(points["value"][6:9]) == [4096, 8192, 16384]
    assert list(points["year"].unique()) == [2023, 2024, 2025]


def test_the_claim_assumes_what_the_table_does():
    watts, cents = table3.ASSUMED.values()
    assert f"{watts} W at {cents / 100} dollars per kWh" in claims.claim("C098").assumption


def test_every_fact_says_where_it_comes_from():
    assert all(row["meaning"] and row["source"] and row["retrieved"] for row in table3.FACTS.values())
