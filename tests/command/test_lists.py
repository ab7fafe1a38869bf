"""What has a name."""

import json

import pytest

from memcalc import catalogue
from memcalc.__main__ import main
from memcalc.command import lists


@pytest.mark.parametrize("table", lists.TABLES)
def test_each_name_stands_once_in_its_group(table, capsys):
    assert main(["list", table]) == 0
    said = capsys.readouterr().out
    assert main(["list", table, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sorted(name for names in found.values() for name in names) == sorted(catalogue.names(table))
    assert [line for line in said.split("\n") if line and not line.startswith(" ")] == list(found)


def test_every_table_that_a_refusal_points_to_can_be_listed():
    assert set(lists.TABLES) == set(catalogue.LISTED)


@pytest.mark.parametrize("columns", [80, 120])
def test_lines_fit_the_terminal_and_cut_no_name(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["list", "gpus"])
    lines = capsys.readouterr().out.split("\n")
    assert max(map(len, lines)) <= columns
    names = [name for line in lines if line.startswith(" ") for name in line.strip().rstrip(",").split(", ")]
    assert set(names) == set(catalogue.names("gpus"))
