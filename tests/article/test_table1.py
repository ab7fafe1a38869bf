"""The article's first table: recomputed, and a verdict a cell."""

import pytest

import memcalc
from memcalc import units
from memcalc.article import table1

VERDICTS = {
    ("LLaMA 7B", "FP16"): ["holds", "holds only in GB", "holds only in GiB", "holds only in GiB", "holds"],
    ("LLaMA 7B", "INT8"): ["holds", "holds only in GB", "holds only in GiB", "holds only in GiB", "holds"],
    ("LLaMA 13B", "INT8"): ["holds", "holds only in GB", "wrong", "wrong", "holds"],
    ("LLaMA 13B", "INT4"): ["holds", "holds only in GB", "wrong", "wrong", "holds"],
    ("LLaMA 70B", "INT8"): [
        "holds under assumption", "holds only in GB", "wrong", "wrong", "holds", "holds under assumption",
    ],
}  # fmt: skip


@pytest.mark.parametrize("row", table1.Row.rows(), ids=lambda row: row.cells[0]["row"])
def test_verdicts(row):
    expected = VERDICTS[row.cells[0]["subject"], row.cells[0]["precision"]]
    assert [row.verdict(cell["quantity"])[0] for cell in row.cells] == expected


def test_which_rows_follow_from_the_articles_own_formula():
    assert [row.follows for row in table1.Row.rows()] == [True, True, False, False, False]


def test_recomputed_columns():
    table = table1.table1()
    assert list(table["Weights, recomputed"]) == [f"{gib} GiB" for gib in ("12.55", "6.28", "12.12", "6.06", "64.24")]
    assert list(table["Cache at 32K, recomputed"]) == [
        f"{gib} GiB" for gib in ("16.00", "8.00", "12.50", "6.25", "5.00")
    ]
    assert list(table["Total, recomputed"]) == [f"{gib} GiB" for gib in ("28.55", "14.28", "24.62", "12.31", "69.24")]
    assert list(table["Fits RTX 4090, recomputed"]) == ["No", "Yes", "No", "Yes", "No"]


def test_why_gives_the_right_value():
    verdicts = table1.table1_verdicts().set_index(["Model", "Precision", "Quantity"])
    assert verdicts.loc[("LLaMA 13B", "INT8", "kv_cache"), "Recomputed"] == "12.50 GiB = 13.42 GB"
    assert verdicts.loc[("LLaMA 70B", "INT8", "kv_cache"), "Why"] == "its own formula gives 40.00 GiB = 42.95 GB"
    assert verdicts.loc[("LLaMA 70B", "INT8", "fits A100 80 GB"), "Why"] == "with 8 key-value heads, not with 64"
    assert "29.04 GiB = 31.18 GB; it adds GB to GiB" in verdicts.loc[("LLaMA 7B", "FP16", "total"), "Why"]
    assert "105.19 GiB = 112.95 GB; a summand is wrong" in verdicts.loc[("LLaMA 70B", "INT8", "total"), "Why"]


def test_every_recomputed_cell_can_be_followed():
    """The line of Python beside it gives the number that the table shows."""
    known = {name: getattr(memcalc, name) for name in ("Gpu", "Inference", "Model", "breakdown", "total")}
    for cell in table1.table1_verdicts().to_dict("records"):
        value = eval(cell["Computed by"], known)
        shown = {True: "Yes", False: "No"}[value] if isinstance(value, bool) else units.show_both(value)
        assert cell["Recomputed"] in (shown, f"{value:,}")
