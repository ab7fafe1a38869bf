"""Exercises and guesses: what is right, or what kind of mistake it is."""

import re
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
from memcalc.formula.symbols import GLOSSARY, symbol, symbols
from memcalc.lessons import activations, article, fit, hardware, kv_cache, optimizer, plan, validation, weights  # noqa: F401
from memcalc.lessons.formulas import formula, number
from memcalc.lessons.task import ENTERED, GUESSED, Task
from memcalc.texts import later, tr

EXERCISES = dict(sorted(ENTERED.items()))
"""Number → exercise, as the lessons entered them; the first digit is the notebook."""

GUESSES = dict(sorted(GUESSED.items()))
"""Number → guess, as the lessons entered them."""

CLOSE = Fraction(5, 1000)
"""An answer may be off by half a percent: two digits after the point are enough."""

NEAR = Fraction(3, 100)
"""What is off by less than this was reckoned right and rounded too much; as a guess it is a good one."""

FAIR = Fraction(1, 10)
"""A guess that is off by less than this is not far off."""

_ROUNDED = later(
    "Close, but off by more than rounding explains: check each factor, and give two digits after the point."
)

_BITS = later("that is bits; a byte has eight")

RIVALS = {"GB": "GiB", "GiB": "GB", "MB": "MiB", "MiB": "MB"}
"""Unit of an exercise → the one that it is mistaken for."""

KINDS = ("right", "known", "near", "unknown", "unread", "open")
"""How an answer can be: right, a known mistake, rounded too much, another mistake, not to be read, or not given."""


@dataclass(frozen=True)
class Feedback:
    """What `check` says; true if the answer is right.

    Parameters
    ----------
    kind : one of `KINDS`
    sentence : what is said of it; a colon parts how it is from why
    mistake : of a known one, what led to it, as the lesson has it
    """

    kind: str
    sentence: str
    mistake: str = ""

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.kind == "right"

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        signs = {"right": "✓ ", "open": ""}  # nothing is wrong with what was not tried
        return f"{signs.get(self.kind, '✗ ')}{self.sentence}"


def check(number: str, answer: object) -> Feedback:
    """Compare an answer to an exercise with what the formula gives.

    Parameters
    ----------
    answer : a number in the unit that the exercise asks for, or a text: "4 GiB", a product of numbers, a formula in the
        letters of the glossary, a verdict; also a SymPy expression. No text is evaluated

    Raises InputError if there is no exercise of that number.

    >>> check("4.1", "64 GiB")
    ✗ Not yet: only the key-value heads are stored, and you counted the query heads.
    >>> check("4.1", 8)
    ✓ Right: 8.00 GiB = 8.59 GB.
    >>> check("4.2", "L_full * h_kv * d_k * s * (B_k + B_v)")
    ✓ Right: L × h_kv × d_k × s × (B_k + B_v).
    """
    return judge(EXERCISES[choice("exercise", str(number), EXERCISES)], answer)


def judge(exercise: Task, answer: object) -> Feedback:
    """Compare an answer with what a task asks for, as `check` does."""
    if answer is None:
        return Feedback("open", tr("No answer yet: set answer above, then run the cell again."))
    try:
        given = _read(answer, exercise.unit)
    except InputError as problem:
        return Feedback("unread", str(problem))
    right = exercise.answers()[0]
    if _same(given, right):
        return Feedback("right", tr("Right: {answer}.", answer=_show(right, exercise.unit)))
    known = [(wrong, why) for wrong, why in known_mistakes(exercise) if _same(given, wrong)]
    if known:
        why = min(known, key=lambda pair: _apart(given, pair[0]))[1]
        return Feedback("known", tr("Not yet: {why}.", why=tr(why)), why)
    if isinstance(right, (sympy.Expr, str)):
        return Feedback("unknown", tr("Not yet, and not one of the mistakes we know; the hint may help."))
    if _same(given, right, NEAR):
        return Feedback("near", tr(_ROUNDED))
    said = later("Not yet: {off}, and not one of the mistakes we know; the hint may help.")
    return Feedback("unknown", tr(said, off=off(given, right)))


def known_mistakes(task: Task) -> list[tuple[object, str]]:
    """Return the wrong answers that are known, each with what led to it: those of the task, then those of its unit."""
    right, mistakes = task.answers()
    return [*mistakes, *_mistaken_units(right, task.unit)]


def compare(guess: object, count: int) -> str:
    """Set a guess [GiB, or a string with its unit] beside the real amount [bytes].

    >>> compare(4, 2**34)
    'You said 4.00 GiB; it is 16.00 GiB: 4.0 times too little.'
    """
    if guess is None:
        return tr("You left your guess open; it is {right}.", right=units.show(count))
    try:
        said = _read(guess, "GiB")
    except InputError as problem:
        return tr("{problem} It is {right}.", problem=problem, right=units.show(count))
    both = {"guess": units.show(said), "right": units.show(count), "verdict": _verdict(said, count)}
    return tr("You said {guess}; it is {right}: {verdict}.", **both)


@dataclass(frozen=True)
class Weighed:
    """A guess beside what is right: both in bytes or in the unit of the question, and what is said of them.

    Parameters
    ----------
    said, right : the two amounts
    written : how both are written
    verdict : how far apart they are
    mistake : which natural mistake the guess is; "" if none
    """

    said: Fraction
    right: Fraction
    written: tuple[str, str]
    verdict: str
    mistake: str

    @property
    def good(self) -> bool:
        """Whether it is not far off."""
        return _same(self.said, self.right, FAIR)


def weigh(number: str, guess: object, unit: str = "") -> Weighed:
    """Set a guess beside what it asked for, as a guess is meant: in round numbers.

    Parameters
    ----------
    number : of the guess, such as "4.1"
    guess : a number of `unit`, or a text with its own
    unit : another than the question's

    Raises InputError for a guess that cannot be read, an unknown number, and a unit of something else.

    >>> weighed = weigh("4.1", "512 KiB")
    >>> weighed.verdict, weighed.mistake
    ('4,096 times too little', 'that is one token; each of the 4,096 leaves as much')
    """
    question = GUESSES[choice("guess", str(number), GUESSES)]
    said = _read(guess, unit_of(question, unit))
    right, mistakes = question.answers()
    known = [*mistakes, (right * 8, _BITS)] if question.unit in units.UNITS else mistakes
    near = [(abs(said / wrong - 1), why) for wrong, why in known if _same(said, wrong, FAIR)]
    mistake = "" if not near or _same(said, right, FAIR) else tr(min(near)[1])
    both = written(said, unit or question.unit), written(right, question.unit)
    return Weighed(Fraction(said), Fraction(right), both, _verdict(said, right), mistake)


def unit_of(question: Task, unit: str) -> str:
    """Return the unit of an answer: the question's, or another in which the same can be said; else raise InputError."""
    if not unit or unit == question.unit:
        return question.unit
    return choice("unit", unit, units.UNITS if question.unit in units.UNITS else [question.unit])


def off(said: object, right: object) -> str:
    """Return by how much a number is off.

    >>> off(4, 16), off(17, 16), off(10**9, 2)
    ('4.0 times too little', '6 % too much', 'more than a million times too much')
    """
    factor = Fraction(max(said, right)) / Fraction(min(said, right))
    if factor > 10**6:
        return tr(_MILLIONS[said < right])
    if factor < 1 + FAIR:
        return tr(_PERCENT[said < right], percent=f"{abs(float(said / right - 1)) * 100:.0f}")
    return tr(_TIMES[said < right], factor=f"{float(factor):,.{1 if factor < 100 else 0}f}")


_MILLIONS = later("more than a million times too much"), later("more than a million times too little")
_PERCENT = later("{percent} % too much"), later("{percent} % too little")
_TIMES = later("{factor} times too much"), later("{factor} times too little")


def _verdict(said: object, right: object) -> str:
    """Return how good a guess is."""
    guesses = {later("well guessed"): NEAR, later("not far off"): FAIR}
    return next((tr(words) for words, tolerance in guesses.items() if _same(said, right, tolerance)), off(said, right))


def written(amount: object, unit: str) -> str:
    """Write an amount [bytes, or as it is counted], small ones in a unit in which they are something.

    >>> written(2**31, "GiB"), written(2**19, "GiB"), written(92_164, "tokens")
    ('2.00 GiB', '512.00 KiB', '92,164 tokens')
    """
    if unit not in units.UNITS:
        return f"{units.counted(amount)} {tr(unit)}"
    smaller = [other for other in units.UNITS if ("i" in other) == ("i" in unit) and units.UNITS[other] <= amount]
    return units.show(amount, unit if amount >= units.UNITS[unit] // 8 else (smaller or ["B"])[-1])


def _read(answer: object, unit: str) -> object:
    if unit == "formula":
        return _formula(answer)
    if unit == "verdict":
        return choice("verdict", answer, VERDICTS)
    amount = _worked_out(answer, unit) if isinstance(answer, str) else _amount(answer, unit)
    if not amount > 0:
        said = later("the answer must be a positive number of {unit}, not {given}.")
        raise InputError(tr(said, unit=tr(unit), given=shown(answer)))
    return amount


def _formula(answer: object) -> sympy.Expr:
    expr = getattr(answer, "expr", getattr(answer, "rhs", answer))  # a term, an equation, or the expression itself
    if isinstance(expr, str):
        return formula(expr)
    if not isinstance(expr, sympy.Expr) or not expr.free_symbols <= GLOSSARY.keys():
        said = later("the answer must be an expression of letters from {module}, such as {example}, not {given}.")
        known = {"module": "memcalc.formula.symbols", "example": 'symbol("hidden")'}
        raise InputError(tr(said, **known, given=shown(answer)))
    return expr


_TENS = re.compile(r"(?<![\w.])(\d{1,20}(?:\.\d{1,20})?)e([-+]?\d{1,2})(?![\w.])", re.IGNORECASE)
"""A number as Python prints it, such as 1.24e+09."""


def _worked_out(answer: str, unit: str) -> Fraction:
    """Return a number, or a product of numbers, with or without its unit [bytes, or as it is counted]."""
    answer = _TENS.sub(r"\1*10^\2", answer)
    product, said = re.fullmatch(r"(.*?)\s*([a-zA-Z]*|%)", answer.strip(), re.DOTALL).groups()
    if re.fullmatch(r"[KMGT]i?b", said) and unit in units.UNITS:
        bits = later("{bits} are bits, and eight of them are a byte; write {bytes} for bytes.")
        raise InputError(tr(bits, bits=said, bytes=f"{said[:-1]}B"))
    if not re.search(r"\d\s*[-+*/^()×·÷−²³]", product):
        return units.parse(answer, unit)
    try:
        one = units.parse(f"1{said}", unit)
    except InputError:  # no unit, then, but what the parser may know better
        product, one = answer, units.parse("1", unit)
    return Fraction(str(number(product))) * one


def _amount(answer: object, unit: str) -> Fraction:
    """Return a number of `unit` in bytes; 0 for what is no positive number."""
    try:
        number = 0.0 if isinstance(answer, bool) else float(answer)
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    return Fraction(number if 0 < number < inf else 0) * units.UNITS.get(unit, 1)


def _apart(given: object, expected: object) -> float:
    """Return how far an answer is from one that is the same but for rounding."""
    return 0 if isinstance(expected, (sympy.Expr, str)) else abs(float(given / expected) - 1)


_ALIKE = dict.fromkeys(symbols("full_layers dense_layers moe_layers"), symbol("layers"))
"""Letters of layers that are all alike in the models that formulas are asked of: a lesson calls them L."""


def _same(given: object, expected: object, tolerance: Fraction = CLOSE) -> bool:
    if isinstance(expected, sympy.Expr):
        given, expected = given.xreplace(_ALIKE), expected.xreplace(_ALIKE)
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
        return f"{units.counted(answer)} {tr(unit)}"
    return units.show_both(answer) if unit in ("GiB", "GB") else f"{units.show(answer, unit)} = {units.show(answer)}"


def _mistaken_units(right: int, unit: str) -> Iterator[tuple[object, str]]:
    """Yield what a right answer looks like in another unit."""
    if unit in RIVALS:
        size, rival = units.UNITS[unit], RIVALS[unit]
        for other in (name for name in RIVALS if name != unit):
            said = tr("that is the number of {other}, and the question asks for {unit}", other=other, unit=unit)
            yield Fraction(right * size, units.UNITS[other]), said
        said = tr("the number is right, but it is {unit}, not {rival}", unit=unit, rival=rival)
        yield Fraction(right * units.UNITS[rival], size), said
        yield right * size, tr("that is the number of bytes, and the question asks for {unit}", unit=unit)
        yield right * 8, _BITS
