"""A card shows a program no more memory than it has."""

import re
from fractions import Fraction

import pytest

from memcalc import Gpu, InputError, catalogue


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
        ((24, None, None), "reported_mib or visible_gib must be given"),
        ((24, -5, None), "reported_mib must be a positive number, not -5."),
        ((24, None, 0), "visible_gib must be a positive number, not 0."),
        (("24", 24564, None), "marketed_gb must be a whole number from 1 to 1,000,000, not '24'."),
    ],
)
def test_impossible_cards(sizes, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        Gpu("mine", "me", *sizes, source="measured")
