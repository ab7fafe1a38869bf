"""The article's second table: recomputed, and a verdict a cell."""

import pytest

from memcalc.article import table2
from memcalc.article.cards import cards_today

UNDER = "holds under assumption"
VERDICTS = {  # memory, bandwidth, price, largest model
    "RTX 4090": ["holds", "holds", "holds", UNDER],
    "RTX 6000 Ada": ["holds", "holds", "holds", UNDER],
    "A100 80 GB": ["holds", "holds", UNDER, UNDER],
    "H100 80 GB": ["holds", "holds", UNDER, UNDER],
    "MI300X": ["holds", "wrong", "not checkable", "wrong"],
    "M3 Ultra": ["wrong", "wrong", "not checkable", UNDER],
}
ROWS = {row.subject: row for row in table2.Row.rows()}


@pytest.mark.parametrize("card", VERDICTS)
def test_verdicts(card):
    assert [ROWS[card].verdict(cell["quantity"])[0] for cell in ROWS[card].cells] == VERDICTS[card]


def test_every_row_has_its_verdicts():
    assert list(ROWS) == list(VERDICTS)
    assert len(table2.table2_verdicts()) == 4 * len(VERDICTS)


@pytest.mark.parametrize(
    ("card", "heads"), [("RTX 4090", "plain"), ("RTX 6000 Ada", "plain"), ("A100 80 GB", "grouped")]
)
def test_the_assumption_is_named(card, heads):
    assert ROWS[card].verdict("largest model")[1].startswith(f"with {heads} heads")


def test_wrong_cells_give_the_right_value():
    assert ROWS["MI300X"].recomputed("bandwidth") == "5,300 GB/s"
    assert ROWS["MI300X"].verdict("largest model")[1] == "with grouped heads 180B fits too"
    assert ROWS["M3 Ultra"].recomputed("memory") == "96, 256 or 512 GB sold"
    assert ROWS["M3 Ultra"].recomputed("bandwidth") == "819 GB/s"
    assert "the M2 Ultra 192 GB does" in ROWS["M3 Ultra"].verdict("memory")[1]


def test_the_largest_models_are_solved_between_those_of_the_reference():
    """As many as LLaMA-65B and Falcon-180B fit 192 GiB; a Mac of 192 GB lends 144 GiB, enough for 130B alone."""
    assert 65e9 < ROWS["MI300X"].largest["plain"] < 180e9 < ROWS["MI300X"].largest["grouped"]
    assert 65e9 < ROWS["M3 Ultra"].largest["plain"] < 130e9 < ROWS["M3 Ultra"].largest["grouped"] < 180e9


def test_published_cells_are_shown_as_published():
    table = table2.table2().set_index("Hardware")
    assert list(table.loc["M3 Ultra"].filter(like="published")) == ["192 GB", "800 GB/s", "$7,000", "130B (but slower)"]
    assert list(table.loc["RTX 4090"].filter(like="published")) == ["24 GB", "1.0 TB/s", "$1,600", "7B"]


def test_another_reading_changes_the_verdict(monkeypatch):
    monkeypatch.setattr(table2, "GROUPED_FROM", 1000)
    verdict, why = ROWS["MI300X"].verdict("largest model")
    assert verdict == UNDER
    assert why == "with plain heads 130B fits, and 180B does not; with grouped heads 180B fits too"


@pytest.mark.parametrize("make", [table2.table2, table2.table2_verdicts, cards_today])
def test_tables_have_no_gaps(make):
    assert not make().isna().any().any()


@pytest.mark.parametrize(
    ("plain", "grouped", "verdict", "why"),
    [
        (8e9, 9e9, "holds", "with plain heads 7B fits, and 13B does not; with grouped heads 7B fits, and 13B does not"),
        (6e9, 9e9, UNDER, "with grouped heads 7B fits, and 13B does not; with plain heads 7B does not fit"),
        (6e9, 14e9, "wrong", "with plain heads 7B does not fit; with grouped heads 13B fits too"),
    ],
)
def test_both_readings_are_judged(plain, grouped, verdict, why):
    row = table2.Row(ROWS["RTX 4090"].cells)
    row.__dict__["largest"] = {"plain": plain, "grouped": grouped}
    assert row.verdict("largest model") == (verdict, why)
