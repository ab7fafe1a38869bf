"""The tables in data/: complete, read, and names that nobody can confuse; those of the tests beside them."""

import ast
import csv
import re

import pytest

from cases import ROOT
from measured import DATA, rows
from memcalc import catalogue
from memcalc.errors import _plain
from memcalc.validation import COLUMNS

TABLES = ["models", "gpus", "formats", "ggml_types", "mixes", "article"]
TABLES += ["safetensors_types", "stored_parts", "gguf_config", "gguf_architectures", "layer_names", "read_names"]
TABLES += ["measured", "measured_quantities", "glossary", "papers", "verdicts", "places", "lessons"]


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


def test_no_words_before_a_card_make_it_another():
    meant = {}
    for row in catalogue.rows("gpus"):
        for name in (row["name"], *filter(None, row["aliases"].split("|"))):
            for spelling in catalogue._spellings(row, name):
                assert meant.setdefault(_plain(spelling), row["name"]) == row["name"], spelling
        for spelling in catalogue._spellings(row, row["sizes_of"]):
            assert meant.setdefault(_plain(spelling), row["sizes_of"]) == row["sizes_of"], spelling


def test_every_format_has_a_source():
    assert all(row["source"] for row in catalogue.rows("formats"))


def test_the_package_reads_every_file_in_its_data():
    """By its name in some module; what tests alone read lies in tests/data."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "memcalc").rglob("*.py")]
    said = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    for path in (ROOT / "memcalc" / "data").iterdir():
        assert said & {path.name, path.name.removesuffix(".csv")}, path.name


of_tests = pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.name)


@of_tests
def test_tables_of_tests_have_the_columns_of_measured_rows(path):
    with path.open(encoding="utf-8", newline="") as lines:
        assert next(csv.reader(lines)) == list(COLUMNS)
    found = rows(path.stem)
    assert len({(row.id, row.quantity) for row in found}) == len(found)
    for row in found:
        assert row.id
        assert row.how
        assert row.library
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row.date)


@of_tests
def test_a_test_reads_every_quantity_of_its_tables(path):
    readers = [test.read_text() for test in (ROOT / "tests").rglob("test_*.py")]
    readers = [text for text in readers if re.search(rf'rows?\("{path.stem}"', text)]
    for quantity in {row.quantity for row in rows(path.stem)}:
        assert any(f'"{quantity}"' in text for text in readers), quantity
