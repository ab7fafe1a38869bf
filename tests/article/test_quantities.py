"""Inputs are read, and quantities written, without a unit getting lost."""

from fractions import Fraction

import pytest

from memcalc.article.quantities import Quantity, in_words, read
from memcalc.formula import TERMS


@pytest.mark.parametrize(
    ("value", "unit", "text", "cell"),
    [
        (2**34, "bytes", "16.00 GiB = 17.18 GB", 17_179_869_184),
        (8, "bytes", "8 bytes", 8),
        (Fraction(16, 5), "×", "3.2×", 3.2),
        (12_379_000_000, "parameters", "12.4 billion parameters", 12_379_000_000),
        (frozenset({96, 256, 512}), "GB", "96, 256, 512", "96, 256, 512"),
        (TERMS["weights"].expr, "formula", "P × B", "P × B"),
    ],
)
def test_a_quantity_for_readers_and_for_tables(value, unit, text, cell):
    found = Quantity(value, unit)
    assert str(found) == text
    assert found.cell == {"value": cell, "unit": unit}


def test_sources_are_those_of_the_terms_each_once():
    weights = TERMS["weights"]
    assert Quantity(1, "bytes", (weights, weights)).sources == [weights.source]
    assert Quantity(1, "GB", source="a data sheet").sources == ["a data sheet"]


def test_inputs_are_read_as_data():
    assert read("") == {}
    assert read("a=7; b=True; c=0.15; d=1 + 1") == {"a": 7, "b": True, "c": "0.15", "d": "1 + 1"}


def test_inputs_in_words():
    assert in_words("fewest bits", "") == "fewest bits"
    assert in_words("tokens per second", "model=LLaMA-7B; card=H100 80 GB / card=MI300X") == (
        "tokens per second LLaMA-7B, H100 80 GB, against MI300X"
    )
