"""Every measured row, to the byte."""

import pytest

from memcalc import tables

ROWS = tables.measurements()


@pytest.mark.parametrize(("row", "predicted", "measured"), ROWS, ids=[row["id"] for row, *_ in ROWS])
def test_the_formula_is_exact_where_bytes_can_be_counted(row, predicted, measured):
    assert predicted == measured, row


def test_rows_say_how_and_with_what_they_were_measured():
    assert len(ROWS) >= 100
    for row, *_ in ROWS:
        assert row["how"]
        assert row["library"]
        assert row["retrieved"]
