"""A card shows a program no more memory than it has."""

import re
from fractions import Fraction

import pytest

from memcalc import Gpu, InputError, catalogue
from memcalc.formula.symbols import symbol


def test_names_and_aliases():
    assert Gpu.named("geforce rtx-4090") == Gpu.named("RTX 4090")
    with pytest.raises(InputError, match="gpu 'RTX 4080' is not known; the nearest is RTX 4090"):
        Gpu.named("RTX 4080")


@pytest.mark.parametrize("name", catalogue.names("gpus"))
def test_a_card_shows_a_program_no_more_than_it_has(name):
    gpu = Gpu.named(name)
    assert 0.5 * gpu.marketed_gb * 10**9 < gpu.capacity <= gpu.marketed_gb * 2**30
    if gpu.reported_mib and gpu.visible_gib:
        assert gpu.visible_gib * 2**30 <= gpu.reported_mib * 2**20 * Fraction("1.0001")


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ((24, -5, None), "reported_mib must be a positive number, not -5."),
        ((24, None, 0), "visible_gib must be a positive number, not 0."),
        (("24", 24564, None), "marketed_gb must be a whole number from 1 to 1,000,000, not '24'."),
    ],
)
def test_impossible_cards(sizes, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        Gpu("mine", "me", *sizes, source="measured")


@pytest.mark.parametrize(
    ("prices", "sentence"),
    [
        ({"price_usd": 0}, "price_usd must be a whole number from 1 to 1,000,000,000, not 0."),
        ({"price_high_usd": 5}, "price_usd must be given with price_high_usd"),
        (
            {"price_usd": 9, "price_high_usd": 5},
            "price_high_usd must be a whole number from 9 to 1,000,000,000, not 5.",
        ),
        ({"price_usd": 9, "price_is": "guess"}, "price_is 'guess' is not known"),
        ({"marketed_unit": "TB"}, "marketed_unit 'TB' is not known"),
    ],
)
def test_impossible_prices(prices, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        Gpu("mine", "me", 24, 24564, None, source="measured", **prices)


@pytest.mark.parametrize(
    ("sizes", "unit", "which", "capacity"),
    [
        ((16, None, None), "GB", "marketed", 16 * 10**9),  # the least that the number can mean
        ((256, None, None), "GiB", "marketed", 256 * 2**30),
        ((24, 24564, None), "GB", "reported", 24564 * 2**20),
        ((24, 24564, 23), "GB", "visible", 23 * 2**30),
    ],
)
def test_the_capacity_is_the_nearest_to_a_program_that_is_known(sizes, unit, which, capacity):
    gpu = Gpu("mine", "me", *sizes, source="measured", marketed_unit=unit)
    assert (gpu.capacity, gpu.capacity_is) == (capacity, which)


@pytest.mark.parametrize("name", catalogue.names("gpus"))
def test_every_price_has_a_date_and_a_source(name):
    gpu = Gpu.named(name)
    assert gpu.source
    if gpu.price_usd:
        assert re.fullmatch(r"20[12]\d(-[01]\d)?", gpu.price_date)
        assert gpu.price_source
    else:
        assert not gpu.price_date


def test_only_speeds_that_are_known_have_values():
    speeds = {str(letter): value for letter, value in Gpu.named("A100 80 GB").values.items()}
    assert speeds == {"BW": 2039 * 10**9, "FLOPS": 312 * 10**12}
    assert Gpu.named("RTX 3090").values.keys() == {symbol("bandwidth")}
    assert list(map(str, Gpu.named("GH200 96 GB").values)) == ["FLOPS"]
