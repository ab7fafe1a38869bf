"""The reference of the package: every public name stands on one page, once, and its docstring becomes a page."""

import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest

import memcalc
from memcalc import catalogue, explorers

SITE = Path(__file__).parent.parent / "site"
PACKAGES = ("checkpoints", "estimate", "explorers", "formula", "lessons", "plots")
NAME = re.compile(r"   ([\w.]+)")


@pytest.fixture(scope="module")
def docstrings():
    """The extension that reads docstrings."""
    sys.path.insert(0, str(SITE / "extensions"))
    yield importlib.import_module("docstrings")
    sys.path.pop(0)


def listed():
    """Every name that the pages list, with its module."""
    for path in sorted((SITE / "api").glob("*.rst")):
        module = ""
        for block in path.read_text().split("\n\n"):
            if found := re.match(r"\.\. currentmodule:: (\S+)", block):
                module = found[1]
            lines = block.splitlines()
            if module and all(NAME.fullmatch(line) for line in lines):
                yield from (f"{module}.{line.strip()}" for line in lines)


def found(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


LISTED = list(listed())


def test_every_public_name_is_listed_once():
    public = [getattr(memcalc, name) for name in (*memcalc.__all__, *memcalc._HOMES["lessons"])]
    for name in PACKAGES:
        package = importlib.import_module(f"memcalc.{name}")
        public += [getattr(package, one) for one in package.__all__]
    assert {id(one) for one in public} - {id(found(name)) for name in LISTED} == set()
    assert len(LISTED) == len(set(LISTED)) == len({id(found(name)) for name in LISTED})


@pytest.mark.parametrize("name", LISTED)
def test_a_docstring_becomes_fields_and_links(name, docstrings):
    of = found(name)
    lines = inspect.cleandoc(of.__doc__ or "").split("\n")
    docstrings._process(None, "", name, of, None, lines)
    text = "\n".join(lines)
    assert text[:1].strip()
    assert "-----" not in text, "a list of parameters that was not read"
    for key in re.findall(r"Sources?: (\w+\d{4}\w*)", text):
        assert key not in catalogue.bibliography(), "a source without a link"


def test_parameters_and_keys_are_read_as_the_house_writes_them(docstrings):
    told = "low, high : the ends\n    of all\nunit : of both"
    lines = f"One.\n\nParameters\n----------\n{told}\n\nSource: wolf2020transformers, a place.".split("\n")
    docstrings._process(None, "", "", None, None, lines)
    fields = [":param low: the ends", "    of all", ":param high: the ends", "    of all", ":param unit: of both"]
    assert lines[2:7] == fields
    assert lines[-1] == "Source: :ref:`wolf2020transformers <wolf2020transformers>`, a place."


def test_an_explorer_is_told_by_its_own_words_and_controls(docstrings):
    assert explorers.kv_cache.__doc__ != explorers.fit.__doc__
    lines = explorers.kv_cache.__doc__.split("\n")
    docstrings._process(None, "", "", explorers.kv_cache, None, lines)
    assert ":param sharing: queries that share a stored pair" in lines
    signature, _ = docstrings._sign(None, "function", "", explorers.kv_cache, None, "()", None)
    assert signature.startswith("(closed=False, *, model='LLaMA-7B', ")


def test_every_reference_has_an_anchor(docstrings):
    text = memcalc.tables.references().text
    keys = re.findall(r"@\w+\{(\w+),", catalogue.bibliography())
    assert sorted(re.findall(r"(?m)^\((\w+)\)=$", docstrings.anchored(text))) == sorted(keys)
