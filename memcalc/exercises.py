"""Exercises that say right, or what kind of mistake it is; every expected value is computed by the formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from numbers import Real

import sympy

from memcalc import units
from memcalc.errors import InputError, choice
from memcalc.evaluate import breakdown, crossing, largest
from memcalc.formula.kv_cache import kv_cache, token
from memcalc.formula.reading import text
from memcalc.specs import Gpu, Inference, Model
from memcalc.symbols import symbol

CLOSE = Fraction(5, 1000)
"""An answer may be off by half a percent: two digits after the point are enough."""


@dataclass(frozen=True)
class Feedback:
    """What `check` says; true if the answer is right."""

    right: bool
    sentence: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'✓' if self.right else '✗'} {self.sentence}"


Answers = tuple[object, list[tuple[object, str]]]
"""The right answer, and the wrong answers that are worth a word, each with what led to it."""


@dataclass(frozen=True)
class Exercise:
    """What `check` compares with; `unit` is one of `units.UNITS`, "tokens", or "formula" for a SymPy expression."""

    unit: str
    answers: Callable[[], Answers]


def check(number: str, answer: object) -> Feedback:
    """Compare an answer with what the formula gives.

    Parameters
    ----------
    number : the exercise, such as "4.1"
    answer : a number in the unit that the exercise asks for, a string such as "4 GiB", or a SymPy expression

    Raises InputError if there is no such exercise.

    >>> check("4.1", "16 GiB")
    ✗ Not yet: only the key-value heads are stored, and you counted the query heads.
    >>> check("4.1", 4)
    ✓ Right: 4.00 GiB = 4.29 GB.
    """
    exercise = EXERCISES[choice("exercise", number, EXERCISES)]
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
    return Feedback(False, "Not yet, and not one of the mistakes we know; the hint may help.")


def compare(guess: object, count: int) -> str:
    """Set a guess [GiB, or a string with its unit] beside the real amount [bytes].

    >>> compare(4, 2**34)
    'You said 4.00 GiB; it is 16.00 GiB, 4.0 times as much.'
    """
    if guess is None:
        return f"You left your guess open; it is {units.show(count)}."
    said = _read(guess, "GiB")
    if _same(said, count):
        return f"You said {units.show(said)}; it is {units.show(count)}: well guessed."
    ratio, word = (count / said, "much") if said < count else (said / count, "little")
    return f"You said {units.show(said)}; it is {units.show(count)}, {float(ratio):,.1f} times as {word}."


def _read(answer: object, unit: str) -> object:
    if unit == "formula":
        if not isinstance(answer, sympy.Expr):
            raise InputError(f"the answer must be an expression made of the glossary's symbols, not {answer!r}.")
        return answer
    if isinstance(answer, str):
        return units.parse(answer)
    if isinstance(answer, bool) or not isinstance(answer, Real | sympy.Number) or not 0 < answer < inf:
        raise InputError(f"the answer must be a positive number of {unit}, not {answer!r}.")
    return Fraction(str(answer)) * units.UNITS.get(unit, 1)


def _same(given: object, expected: object) -> bool:
    if isinstance(given, sympy.Expr) or isinstance(expected, sympy.Expr):
        return sympy.simplify(given - expected) == 0
    return abs(given - expected) <= CLOSE * expected


def _show(answer: object, unit: str) -> str:
    if unit == "formula":
        return text(answer)
    return units.show_both(answer) if unit in units.UNITS else f"{answer:,} {unit}"


def _mistaken_units(right: object, unit: str) -> list[tuple[object, str]]:
    if unit not in units.UNITS:
        return []
    other, asked = ("GB" if unit == "GiB" else "GiB"), f"and the question asks for {unit}"
    return [
        (Fraction(right, units.UNITS[other]) * units.UNITS[unit], f"that is the number of {other}, {asked}"),
        (right * units.UNITS[unit], f"that is the number of bytes, {asked}"),
        (right * 8, "that is bits; a byte has eight"),
    ]


def _thirteen_billion() -> Answers:
    model, run = Model.named("LLaMA-13B"), Inference(32_768, weights="INT8", kv_cache="INT8")
    return _total(model, run), [
        (model.parameters, "these are the weights alone; the cache comes on top"),
        (_total(model, replace(run, kv_cache="FP16")), "your cache is still in FP16"),
        (_total(model, replace(run, weights="FP16")), "your weights are still in FP16"),
    ]


def _reported_memory() -> Answers:
    card = Gpu.named("RTX 4090")
    return units.to_bytes(card.reported_mib, "MiB"), [
        (card.reported_mib * 10**6, "a MiB is 1,048,576 bytes, and you took it for a million")
    ]


def _longest_context() -> Answers:
    model, run, card = Model.named("LLaMA-13B"), Inference(1, weights="INT4", kv_cache="INT4"), Gpu.named("RTX 4090")
    whole_card = card.capacity // breakdown(model, run)["kv_cache"]
    return largest("context", model, run, card), [
        (whole_card, "you gave the whole card to the cache; the weights need their place first"),
        (largest("context", model, replace(run, kv_cache="FP16"), card), "your cache is still in FP16"),
    ]


def _grouped_heads() -> Answers:
    model, run = Model.named("Llama-3.1-8B"), Inference(32_768)
    return _cache(model, run), [
        (_cache(replace(model, kv_heads=model.heads), run), _EVERY_HEAD),
        (_cache(model, run) // 2, _ONE_OF_TWO),
        (_cache(replace(model, layers=1), run), "that is one layer; each layer has a cache of its own"),
    ]


def _one_more_token() -> Answers:
    return token.expr, [
        (kv_cache.expr, "that is the whole cache; one more token is its change with s"),
        (token.expr.xreplace({symbol("kv_heads"): symbol("heads")}), _EVERY_HEAD),
        (token.expr / 2, _ONE_OF_TWO),
    ]


def _crossing() -> Answers:
    model, run = Model.named("LLaMA-13B"), Inference()
    return crossing(model, run), [
        (crossing(model, replace(run, weights="INT8")), "your weights are in INT8 while the cache is in FP16"),
        (2 * crossing(model, run), _ONE_OF_TWO),
    ]


def _total(model: Model, run: Inference) -> int:
    return sum(breakdown(model, run).values())


def _cache(model: Model, run: Inference) -> int:
    return breakdown(model, run)["kv_cache"]


_EVERY_HEAD = "only the key-value heads are stored, and you counted the query heads"
_ONE_OF_TWO = "each token has a key and a value, and you counted one of them"

EXERCISES: dict[str, Exercise] = {
    "0.1": Exercise("GiB", _thirteen_billion),
    "0.2": Exercise("GB", _reported_memory),
    "0.3": Exercise("tokens", _longest_context),
    "4.1": Exercise("GiB", _grouped_heads),
    "4.2": Exercise("formula", _one_more_token),
    "4.3": Exercise("tokens", _crossing),
}
"""Number → exercise; the first digit is the notebook."""
