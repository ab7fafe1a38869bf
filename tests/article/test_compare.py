"""A relation is true in GB, in GiB, in both, or in neither."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc.article.compare import RELATIONS, said, units_of
from memcalc.errors import InputError
from memcalc.estimate.ask import Quantity
from memcalc.formula import TERMS

BOTH = ["GB", "GiB"]
CACHE = Quantity(2**34, "bytes")


@pytest.mark.parametrize(
    ("found", "relation", "published", "units"),
    [
        (Quantity(14 * 10**9, "bytes"), "is", "14 GB", ["GB"]),
        (CACHE, "is", "16 GB", ["GiB"]),
        (Quantity(2**29, "bytes"), "is", "512 MB", ["GiB"]),
        (CACHE, "is", "32 GB", []),
        (Quantity(8, "bytes"), "is", "8 bytes", BOTH),
        (Quantity(192, "GB"), "is", "192 GB", BOTH),
        (Quantity(Fraction(5300), "GB/s"), "is", "5.2 TB/s", []),
        (Quantity(Fraction(2039), "GB/s"), "is", "2.0 TB/s", BOTH),
        (Quantity(Fraction(1935), "GB/s"), "is", "2.0 TB/s", []),
        (Quantity(Fraction(1935), "GB/s"), "is", "2 TB/s", BOTH),
        (Quantity(1599, "USD"), "is about", "1,600 USD", BOTH),
        (Quantity(1499, "USD"), "is about", "1,600 USD", []),
        (CACHE, "is above", "14 GB", BOTH),
        (CACHE, "is above", "17 GB", ["GB"]),
        (CACHE, "is below", "17 GB", ["GiB"]),
        (CACHE, "is between", "10 to 20 GB", BOTH),
        (CACHE, "is between", "17 to 20 GB", ["GB"]),
        (Quantity(64, "×"), "is at least", "64 ×", BOTH),
        (CACHE, "fits", "RTX 4090", BOTH),
        (CACHE, "exceeds", "RTX 4090", []),
        (Quantity(TERMS["weights"].expr, "formula"), "equals", "bytes_per_weight × parameters", BOTH),
        (Quantity(TERMS["weights"].expr, "formula"), "equals", "2 × parameters × bytes_per_weight", []),
        (Quantity(TERMS["decode_time"].expr, "formula"), "contains", "bandwidth", BOTH),
        (Quantity(frozenset({"weights"}), "terms"), "equals", "weights", BOTH),
        (Quantity(frozenset({96, 256, 512}), "GB"), "contains", "192 GB", []),
        (Quantity(39.2, "% a year"), "is shown", "", BOTH),
    ],
)
def test_units(found, relation, published, units):
    assert sorted(units_of(found, relation, published)) == units


@given(st.integers(10**6, 10**15), st.sampled_from(["MB", "GB", "TB"]), st.integers(1, 10**6))
def test_no_number_of_bytes_is_in_both_units(count, unit, number):
    assert len(units_of(Quantity(count, "bytes"), "is", f"{number} {unit}")) <= 1


@given(st.integers(1, 10**15), st.integers(1, 10**6))
def test_above_and_at_least_are_what_below_is_not(count, number):
    found, published = Quantity(count, "bytes"), f"{number} MB"
    below, above = units_of(found, "is below", published), units_of(found, "is above", published)
    assert not below & above
    assert units_of(found, "is at least", published) == frozenset(BOTH) - below


def test_every_relation_is_said_both_ways():
    assert said(CACHE, "fits", "RTX 4090") == "16.00 GiB = 17.18 GB, fits the RTX 4090 (23.64 GiB)"
    assert said(CACHE, "is", "32 GB") == "16.00 GiB = 17.18 GB, which is not 32 GB"
    assert said(CACHE, "is", "16 GB") == "16.00 GiB = 17.18 GB, which is 16 GiB"
    assert said(Quantity(39.2, "% a year"), "is shown", "") == "39.2 % a year"
    assert all(true != false for name, (_, true, false) in RELATIONS.items() if name != "is shown")


@pytest.mark.parametrize(
    ("relation", "published", "sentence"),
    [
        ("equal", "16 GB", "relation 'equal' is not known; the nearest is equals"),
        ("is", "sixteen", "published must be a number with its unit, not 'sixteen'"),
        ("is", "16 tokens", "unit must be 'bytes' as that of the quantity, or a multiple, not 'tokens'"),
        ("fits", "RTX 4091", "gpu 'RTX 4091' is not known"),
    ],
)
def test_bad_rows_are_refused(relation, published, sentence):
    with pytest.raises(InputError, match=sentence):
        units_of(CACHE, relation, published)
