"""Exercises that say right, or what kind of mistake it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import inf, prod
from random import Random

import sympy

from memcalc import InputError, units
from memcalc.article.claims import VERDICTS
from memcalc.errors import choice, shown
from memcalc.formula.printing import text
from memcalc.formula.symbols import GLOSSARY
from memcalc.lessons import activations, article, fit, hardware, kv_cache, optimizer, plan, validation, weights  # noqa: F401
from memcalc.lessons.exercise import ENTERED

EXERCISES = dict(sorted(ENTERED.items()))
"""Number → exercise, as the lessons entered them; the first digit is the notebook."""

CLOSE = Fraction(5, 1000)
"""An answer may be off by half a percent: two digits after the point are enough."""

NEAR = Fraction(3, 100)
"""What is off by less than this was reckoned right and rounded too much."""

_ROUNDED = "Close, but off by more than rounding explains: check each factor, and give two digits after the point."

RIVALS = {"GB": "GiB", "GiB": "GB", "MB": "MiB", "MiB": "MB"}
"""Unit of an exercise → the one that it is mistaken for."""


@dataclass(frozen=True)
class Feedback:
    """What `check` says; true if the answer is right."""

    right: bool
    sentence: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'✓' if self.right else '✗'} {self.sentence}"


def check(number: str, answer: object) -> Feedback:
    """Compare an answer to an exercise with what the formula gives.

    Parameters
    ----------
    answer : a number in the unit that the exercise asks for, a string such as "4 GiB", a verdict, or a SymPy expression

    Raises InputError if there is no exercise of that number.

    >>> check("4.1", "64 GiB")
    ✗ Not yet: only the key-value heads are stored, and you counted the query heads.
    >>> check("4.1", 8)
    ✓ Right: 8.00 GiB = 8.59 GB.
    """
    exercise = EXERCISES[choice("exercise", str(number), EXERCISES)]
    if answer is None:
        return Feedback(False, "No answer yet: set answer above, then run the cell again.")
    try:
        given = _read(answer, exercise.unit)
    except InputError as problem:
        return Feedback(False, str(problem))
    right, mistakes = exercise.answers()
    if _same(given, right):
        return Feedback(True, f"Right: {_show(right, exercise.unit)}.")
    for wrong, why in [*mistakes, *_mistaken_units(right, exercise.unit)]:
        if _same(given, wrong):
            return Feedback(False, f"Not yet: {why}.")
    if not isinstance(right, (sympy.Expr, str)) and _same(given, right, NEAR):
        return Feedback(False, _ROUNDED)
    return Feedback(False, "Not yet, and not one of the mistakes we know; the hint may help.")


def compare(guess: object, count: int) -> str:
    """Set a guess [GiB, or a string with its unit] beside the real amount [bytes].

    >>> compare(4, 2**34)
    'You said 4.00 GiB; it is 16.00 GiB: 4.0 times too little.'
    """
    if guess is None:
        return f"You left your guess open; it is {units.show(count)}."
    try:
        said = _read(guess, "GiB")
    except InputError as problem:
        return f"{problem} It is {units.show(count)}."
    factor, word = (count / said, "little") if said < count else (said / count, "much")
    far_off = f"{float(factor):,.1f} times too {word}"
    guesses = {"well guessed": NEAR, "not far off": Fraction(1, 10)}
    verdict = next((words for words, tolerance in guesses.items() if _same(said, count, tolerance)), far_off)
    return f"You said {units.show(said)}; it is {units.show(count)}: {verdict}."


def _read(answer: object, unit: str) -> object:
    if unit == "formula":
        expr = getattr(answer, "expr", getattr(answer, "rhs", answer))  # a term, an equation, or the expression itself
        if not isinstance(expr, sympy.Expr) or not expr.free_symbols <= GLOSSARY.keys():
            letters = 'letters from memcalc.formula.symbols, such as symbol("hidden")'
            raise InputError(f"the answer must be an expression of {letters}, not {shown(answer)}.")
        return expr
    if unit == "verdict":
        return choice("verdict", answer, VERDICTS)
    amount = units.parse(answer, unit) if isinstance(answer, str) else _amount(answer, unit)
    if not amount:
        raise InputError(f"the answer must be a positive number of {unit}, not {shown(answer)}.")
    return amount


def _amount(answer: object, unit: str) -> Fraction:
    """Return a number of `unit` in bytes; 0 for what is no positive number."""
    try:
        number = 0.0 if isinstance(answer, bool) else float(answer)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    return Fraction(number if 0 < number < inf else 0) * units.UNITS.get(unit, 1)


def _same(given: object, expected: object, tolerance: Fraction = CLOSE) -> bool:
    if isinstance(expected, sympy.Expr):
        return all(_remainder(given, draw) == _remainder(expected, draw) for draw in range(2))
    if isinstance(expected, str):
        return given == expected
    return abs(given - expected) <= tolerance * expected


_PRIME = 2**61 - 1


def _remainder(expr: sympy.Basic, draw: int) -> int:
    """Return the value of a formula, modulo a prime, with drawn numbers in place of its letters.

    Sums, products and powers of whole numbers stay exact and short, however large a power is. Formulas that differ have
    other values, except for one draw in 10^17. What is none of these, such as a root, is drawn like a letter.
    """
    expr = _without_point(expr)
    if expr.is_Rational and expr.q % _PRIME:
        return expr.p * pow(expr.q, -1, _PRIME) % _PRIME
    values = [_remainder(part, draw) for part in expr.args]
    if expr.is_Add or expr.is_Mul:
        return (sum(values) if expr.is_Add else prod(values)) % _PRIME
    if expr.is_Pow and (power := _without_point(expr.exp)).is_Integer and (values[0] or power >= 0):
        return pow(values[0], int(power), _PRIME)
    return Random(f"{draw} {expr.func.__name__} {values or expr}").randrange(_PRIME)


def _without_point(expr: sympy.Basic) -> sympy.Basic:
    """Return what a decimal number is meant as: 0.5 is a half."""
    return sympy.nsimplify(expr, rational=True) if expr.is_Float and 1e-300 < abs(expr) < 1e300 else expr


def _show(answer: object, unit: str) -> str:
    if unit in ("formula", "verdict"):
        return text(answer) if unit == "formula" else answer
    if unit not in units.UNITS:
        return f"{units.counted(answer)} {unit}"
    return units.show_both(answer) if unit in ("GiB", "GB") else f"{units.show(answer, unit)} = {units.show(answer)}"


def _mistaken_units(right: int, unit: str) -> Iterator[tuple[object, str]]:
    """Yield what a right answer looks like in another unit."""
    if unit in RIVALS:
        size, rival, asked = units.UNITS[unit], RIVALS[unit], f"and the question asks for {unit}"
        for other in (name for name in RIVALS if name != unit):
            yield Fraction(right * size, units.UNITS[other]), f"that is the number of {other}, {asked}"
        yield Fraction(right * units.UNITS[rival], size), f"the number is right, but it is {unit}, not {rival}"
        yield right * size, f"that is the number of bytes, {asked}"
        yield right * 8, "that is bits; a byte has eight"
