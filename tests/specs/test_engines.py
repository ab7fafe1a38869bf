"""Engines: what they keep of which family."""

import re

import pytest

from memcalc import catalogue
from memcalc.specs.engines import departures

KINDS = {row["kind"] for row in catalogue.rows("engines")}
CITED = re.findall(r"@\w+\{(\w+),", catalogue.bibliography())


@pytest.mark.parametrize("table", ["engine_families"])
def test_every_row_is_of_an_engine_and_says_where_and_when(table):
    for row in catalogue.rows(table):
        assert all(row.values())
        assert row["engine"] in KINDS
        assert row["source"].partition(",")[0] in CITED
        assert re.fullmatch(r"2026-\d\d-\d\d", row["date"])


def test_departures_are_of_families_that_are_known():
    for row in catalogue.rows("engine_families"):
        assert catalogue.find("families", "family", row["family"])["name"] == row["family"]


def test_an_engine_departs_for_some_families_alone():
    assert [one.engine for one in departures("mistral")] == ["llama.cpp"]
    assert departures("gemma3_text") == departures("llama") == departures("") == ()
