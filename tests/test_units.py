"""Bytes in words and back."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import units
from memcalc.errors import InputError


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (13_476_831_232, "12.55 GiB = 13.48 GB"),
        (0, "0.00 MiB = 0.00 MB"),
        (524_288, "0.50 MiB = 0.52 MB"),
        (2**40, "1,024.00 GiB = 1,099.51 GB"),
        (10**27, "931,322,574,615,478,515.63 GiB = 1,000,000,000,000,000,000.00 GB"),
    ],
)
def test_both_units(count, shown):
    assert units.show_both(count) == shown


@given(st.integers(0, 10**18), st.sampled_from(sorted(units.UNITS)))
def test_parse_reads_what_was_written(count, unit):
    assert units.parse(f"{count:,} {unit}") == count * units.UNITS[unit]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "GiB",
        "-4 GiB",
        "4 parsecs",
        "__import__('os') GiB",
        "4 GiB; 5",
        "1e9 B",
        "24,62 GiB",
        "4 tokens",
        "9" * 5000 + " B",
    ],
)
def test_parse_refuses_what_is_no_amount(text):
    with pytest.raises(InputError, match="is not a number with a unit"):
        units.parse(text)


def test_capacity_is_rounded_down():
    assert units.to_bytes("23.64", "GiB") == int(Fraction("23.64") * 2**30)
    assert units.to_bytes("0.9", "B") == 0


@given(st.integers(1, 10**15))
def test_a_number_never_means_both_units(count):
    published = f"{units.in_unit(count, 'GB'):.12f}"
    if Fraction(published):
        assert not (units.means(count, published, "GB") and units.means(count, published, "GiB"))
