"""check says right, or what kind of mistake it is."""

import math

import pytest
import sympy

from memcalc import InputError
from memcalc.lessons import EXERCISES
from memcalc.lessons.check import check, compare


@pytest.mark.parametrize("number", EXERCISES)
@pytest.mark.parametrize(
    "answer", [None, -1, 0, True, "four", "", "import os", [4], {}, math.nan, math.inf, 1e300, sympy.nan, "0 GiB"]
)
def test_stupid_answers_get_a_sentence(number, answer):
    assert repr(check(number, answer)).startswith("✗ ")


def test_an_unknown_exercise_is_named():
    with pytest.raises(InputError, match=r"exercise '9.9' is not known"):
        check("9.9", 1)


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (None, "You left your guess open; it is 16.00 GiB."),
        ("32 GiB", "You said 32.00 GiB; it is 16.00 GiB: 2.0 times too much."),
        ("4", "You said 4.00 GiB; it is 16.00 GiB: 4.0 times too little."),
        (17, "You said 17.00 GiB; it is 16.00 GiB: not far off."),
        (16.2, "You said 16.20 GiB; it is 16.00 GiB: well guessed."),
        (-1, "the answer must be a positive number of GiB, not -1. It is 16.00 GiB."),
    ],
)
def test_compare(guess, said):
    assert compare(guess, 2**34) == said
