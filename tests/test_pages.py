"""Reference pages: every term and every source stands there."""

import re

from memcalc import pages
from memcalc.catalogue import bibliography
from memcalc.formula import TERMS


def test_every_term_is_shown_with_its_condition_and_its_source():
    page = pages.formulas()
    entries = page.text.split("\n\n---\n\n")
    assert len(entries) == len(TERMS)
    for entry, term in zip(entries, TERMS.values(), strict=True):
        assert entry.startswith(f"**{term.name}**: ")
        assert term.latex() in entry or str(term) in entry
        assert term.source in entry
    assert page._repr_markdown_() == repr(page) == page.text


def test_long_formulas_stand_as_text_which_wraps():
    equations = re.findall(r"\$\$\n(.*)\n\$\$", pages.formulas().text)
    assert 20 < len(equations) < len(TERMS)


def test_every_source_is_listed_once_under_its_key():
    keys = re.findall(r"@\w+\{(\w+),", bibliography())
    assert sorted(re.findall(r"^\*\*(\w+)\*\*: ", pages.references().text, re.MULTILINE)) == sorted(keys)


def test_names_of_models_keep_their_capitals():
    assert "GQA: Training Generalized" in pages.references().text
