"""The tables in data/: complete, and names that nobody can confuse."""

import pytest

from memcalc import catalogue
from memcalc.errors import _plain

TABLES = ["models", "gpus", "formats", "ggml_types", "mixes", "article"]
TABLES += ["measured", "measured_quantities", "measured_formats", "glossary", "papers", "verdicts", "places"]


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_every_column(table):
    columns = catalogue.rows(table)[0].keys()
    for row in catalogue.rows(table):
        assert row.keys() == columns
        assert None not in row.values(), row


@pytest.mark.parametrize("table", ["models", "gpus", "formats", "ggml_types"])
def test_no_spelling_means_two_rows(table):
    spellings = [row["name"] for row in catalogue.rows(table)]
    spellings += [alias for row in catalogue.rows(table) for alias in row.get("aliases", "").split("|") if alias]
    assert len({_plain(spelling) for spelling in spellings}) == len(spellings)


def test_every_format_has_a_source():
    assert all(row["source"] for row in catalogue.rows("formats"))
