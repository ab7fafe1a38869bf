"""Exact is exact: no float stands between the values and the result."""

from fractions import Fraction

import numpy
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from memcalc.errors import InputError
from memcalc.formula import numeric
from memcalc.formula.symbols import symbol

P, B, s, b = symbol("parameters"), symbol("bytes_per_weight"), symbol("context"), symbol("batch")
LARGE = st.integers(1, 10**30)


@given(LARGE, LARGE)
def test_halves_quotients_and_block_rounding_are_exact(one, other):
    assert numeric.exact(P * s / 2)(one, other) == Fraction(one * other, 2)
    assert numeric.exact(sympy.Rational(2, 3) * P / s)(one, other) == Fraction(2 * one, 3 * other)
    assert numeric.exact(sympy.ceiling(P / s) * s)(one, other) == -(-one // other) * other
    assert numeric.exact(sympy.Min(P, s / 2))(one, other) == min(one, Fraction(other, 2))


@given(LARGE, LARGE, st.integers(-50, 50))
def test_powers_signs_and_rounded_sums_are_exact(one, other, shift):
    assert numeric.exact(-3 * P**2 / s**3)(one, other) == Fraction(-3 * one**2, other**3)
    assert numeric.exact(sympy.ceiling(P / 4 + s / 6 + shift))(one, other) == -(-(3 * one + 2 * other) // 12) + shift
    assert numeric.exact(sympy.floor((P + shift) / s))(one, other) == (one + shift) // other


@given(st.integers(1, 100), st.integers(1, 100))
def test_the_first_case_whose_condition_holds_is_taken(one, other):
    both, either = sympy.And(sympy.Eq(P, s), P > 50), sympy.Or(s > P, sympy.Ge(s, 50))
    cases = numeric.exact(sympy.Piecewise((1, both), (2, either), (s / 2, True)))
    expected = 1 if one == other > 50 else 2 if one < other or other >= 50 else Fraction(other, 2)
    assert cases(one, other) == expected
    fast = numeric.fast(sympy.Piecewise((1, both), (2, either), (s / 2, True)))
    assert fast(numpy.array([one, 99.0]), numpy.array([other, 99.0])).tolist() == [expected, 1]


@pytest.mark.parametrize("expr", [sympy.sqrt(P), 2**s, sympy.log(P), P * sympy.sin(s)])
def test_what_no_term_is_made_of_is_not_written(expr):
    with pytest.raises(TypeError, match="no term"):
        numeric.exact(expr)


@given(LARGE, LARGE, st.integers(1, 1000))
def test_a_remainder_in_a_product_stays_in_its_brackets(one, other, divisor):
    expr = P * sympy.Mod(s, b)
    assert numeric.exact(expr)(one, other, divisor) == one * (other % divisor)
    assert numeric.exact(expr / 3)(one, other, divisor) == Fraction(one * (other % divisor), 3)
    assert numeric.fast(expr)(5, numpy.array([7, 8]), 4).tolist() == [15, 0]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (numpy.int64(10**5), 10**5),
        (sympy.Integer(7), 7),
        (sympy.Rational(17, 16), Fraction(17, 16)),
        (Fraction(4, 2), 2),
        (10**40, 10**40),
    ],
)
def test_numbers_of_any_kind_become_plain(value, plain):
    number = numeric.number(P, value)
    assert number == plain
    assert type(number) in (int, Fraction)


@pytest.mark.parametrize("value", [1.0, "7", None, True, -60, 0, float("nan"), 1j, [7]])
def test_what_is_no_exact_number_is_refused(value):
    with pytest.raises(InputError, match=r"P must be a whole number or a fraction, and positive, not "):
        numeric.number(P, value)


def test_zero_is_a_number_for_what_a_model_may_lack():
    assert numeric.number(symbol("positions"), 0) == 0


def test_the_largest_is_sought_among_numbers_and_not_among_formulas():
    largest = numeric.Max(P, 2 * P, s)
    assert len(largest.args) == 3
    assert largest.subs({P: 3, s: 5}) == numeric.exact(largest)(3, 5) == numeric.fast(largest)(3.0, 5.0) == 6
    assert largest.xreplace({P: sympy.Integer(3), s: sympy.Rational(13, 2)}) == sympy.Rational(13, 2)
    assert sympy.latex(numeric.Max(P, s)) == sympy.latex(sympy.Max(P, s))


def test_so_is_the_smallest():
    smallest = numeric.Min(P, 2 * P, s)
    assert len(smallest.args) == 3
    assert smallest.subs({P: 3, s: 5}) == numeric.exact(smallest)(3, 5) == numeric.fast(smallest)(3.0, 5.0) == 3
    assert numeric.Min(P, 4, 7) == numeric.Min(P, 4)
    assert numeric.Min(sympy.Integer(3), sympy.Rational(5, 2)) == sympy.Rational(5, 2)
    assert sympy.latex(numeric.Min(P, s)) == sympy.latex(sympy.Min(P, s))
