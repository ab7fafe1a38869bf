"""check says right, or what kind of mistake it is."""

import math

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from memcalc import InputError
from memcalc.formula.symbols import symbol, symbols
from memcalc.lessons import EXERCISES
from memcalc.lessons.check import _same, check, compare

d, h, s, b = symbols("hidden heads context batch")


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


LETTERS = st.sampled_from([d, h, s, b]) | st.integers(1, 9).map(sympy.Integer)
FORMULAS = st.recursive(
    LETTERS,
    lambda parts: (
        st.builds(sympy.Add, parts, parts)
        | st.builds(sympy.Mul, parts, parts)
        | st.builds(lambda one, other: one / (other + 1), parts, parts)
        | st.builds(sympy.Pow, parts, st.integers(-2, 3))
    ),
    max_leaves=8,
)


@given(FORMULAS, FORMULAS)
def test_formulas_are_the_same_if_their_difference_is_nothing(one, other):
    assert _same(one, sympy.expand(one))
    assert _same(one, sympy.factor(one))
    assert _same(one, other) == (sympy.cancel(one - other) == 0)


@pytest.mark.parametrize("answer", [0.5 * d * h, d * h / 2, d * h * sympy.Rational(1, 2), d**2.0 * h / d / 2])
def test_a_decimal_number_is_the_fraction_that_is_meant(answer):
    assert _same(answer, d * h / 2)
    assert _same(d / 3, 0.3333333333333333 * d)
    assert not _same(answer, 0.51 * d * h)


POWERS = [d**200, (d + 1) ** 50, (d + h + s + b) ** 999, 1 / (d + 1) ** 50, d ** (10**30), d**h**s, 2**d, d**0.5]
OTHERS = [sympy.sqrt(d + h), sympy.Max(d, h), sympy.ceiling(d / 3), sympy.Sum(d, (h, 1, 10**9)), sympy.oo * d, sympy.I]


@pytest.mark.parametrize("answer", [*POWERS, *OTHERS, d * 10**5000, sympy.Float("1e1000") * d])
def test_a_formula_that_is_hard_to_simplify_is_answered_without(answer, monkeypatch):
    for name in ("simplify", "expand", "cancel", "factor", "together"):
        monkeypatch.setattr(sympy, name, lambda *_, name=name: pytest.fail(f"{name} may take for ever"))
    assert _same(answer, answer)
    for number in (number for number, exercise in EXERCISES.items() if exercise.unit == "formula"):
        assert repr(check(number, answer)) == "✗ Not yet, and not one of the mistakes we know; the hint may help."


def test_equal_formulas_with_a_large_power_are_the_same():
    right = EXERCISES["4.2"].answers()[0]
    assert check("4.2", right * (d + 1) ** 50 / (d**2 + 2 * d + 1) ** 25)
    assert not check("4.2", right * (d + 1) ** 50 / (d**2 + 2 * d + 2) ** 25)


def test_a_letter_is_told_from_every_other():
    letters = [symbol(name) for name in ("hidden", "heads", "kv_heads", "head_dim", "context", "batch", "layers")]
    assert all(_same(one, other) == (one is other) for one in letters for other in letters)
