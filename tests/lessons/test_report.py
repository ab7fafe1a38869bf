"""What a learner takes home: a page without anything from elsewhere, and a line without what was typed."""

import csv
import re

import pytest

from memcalc import InputError, export, then_and_now
from memcalc.lessons.check import EXERCISES, GUESSES
from memcalc.lessons.record import VARIABLE, remember
from memcalc.lessons.report import diagnosed, line


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of its own, with what somebody guessed and answered."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine" / "progress.json"))
    for guess in ("1 GiB", "2 GiB"):
        remember("guesses", "4.1", guess, True)
    remember("guesses", "0.1", "", False)
    remember("answers", "4.1", "64 GiB", False)
    remember("answers", "4.1", "8", True)
    remember("answers", "0.2", "25.76", True)
    remember("answers", "1.1", "<script>7", False)
    return tmp_path / "mine" / "progress.json"


def test_a_line_says_what_kind_of_answer_each_was_first(file):
    row = line("Ada")
    assert list(row)[6:] == list(EXERCISES)
    assert (row["guesses"], row["exercises"], row["4.2"]) == ("1", "2", "")
    assert row["4.1"] == "only the key-value heads are stored, and you counted the query heads"
    assert (row["0.2"], row["1.1"]) == ("right", "another mistake")
    assert "64" not in "".join(row.values()), "nothing that was typed"


@pytest.mark.parametrize(
    ("number", "answer", "said"),
    [
        ("4.1", "8.1", "rounded too much"),
        ("4.1", "1000", "another mistake"),
        ("4.1", "8.59", "that is the number of GB, and the question asks for GiB"),
        ("6.1", "holds only in GB", "right"),
    ],
)
def test_a_diagnosis_is_what_the_card_said(number, answer, said):
    assert diagnosed(number, answer) == said


def test_the_page_stands_alone_and_says_what_is_known(file, tmp_path):
    done = export("Ada <b>", tmp_path)
    page = done.page.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:)', page), "nothing comes from elsewhere"
    assert "<b>" not in page
    assert "<script>" not in page
    assert "What Ada &lt;b&gt; knows" in page
    assert "✓ compute the cache of a model from its config.json" in page
    assert re.search(r"○ \d of \d still to show", page)
    assert re.search(
        r'<img alt="How far off each guess was.*4\.1 The KV cache: first 2\.0 times too little, last right', page
    )
    assert re.search("4.1</td><td>64 GiB</td><td>only the key-value heads.*?</td><td>✓ solved", page)
    (row,) = csv.DictReader(done.line.read_text(encoding="utf-8").splitlines())
    assert (row["name"], done.line.name) == ("Ada <b>", "memcalc-Ada-b.csv")


def test_a_name_is_no_formula_of_a_spreadsheet_and_no_path(file, tmp_path):
    done = export("=../../HYPERLINK(1)", tmp_path)
    assert done.page.parent == tmp_path
    assert line("=1+1")["name"] == "1+1"


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, 7])
def test_a_name_that_cannot_be_used_is_one_sentence(file, name):
    with pytest.raises(InputError, match="name must be a text of 1 to 60 characters"):
        export(name)


def test_a_folder_that_cannot_be_used_is_one_sentence(file, tmp_path):
    with pytest.raises(InputError, match="cannot be used"):
        export("Ada", tmp_path / "nowhere")


def test_who_has_guessed_nothing_sees_an_empty_picture():
    assert then_and_now().alt.count("no guess.") == len(GUESSES)
