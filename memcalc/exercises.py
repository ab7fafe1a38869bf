"""Exercises that say right, or what kind of mistake it is; every expected value is computed by the formula."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf

import sympy

from memcalc import units
from memcalc.accounting import values
from memcalc.errors import InputError, choice, shown
from memcalc.evaluate import breakdown, crossing, largest, total
from memcalc.formula.inverse import token
from memcalc.formula.kv_cache import kv_cache
from memcalc.formula.reading import text
from memcalc.gpu import Gpu
from memcalc.model import Model
from memcalc.runs import Inference
from memcalc.symbols import GLOSSARY, symbol, symbols

CLOSE = Fraction(5, 1000)
"""An answer may be off by half a percent: two digits after the point are enough."""

NEAR = Fraction(3, 100)
"""What is off by less than this was reckoned right and rounded too much."""


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

    >>> check("4.1", "80 GiB")
    ✗ Not yet: only the key-value heads are stored, and you counted the query heads, or divided by the key-value heads.
    >>> check("4.1", 10)
    ✓ Right: 10.00 GiB = 10.74 GB.
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
    return Feedback(False, _unknown_mistake(given, right))


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
    if _same(said, count, NEAR):
        return f"You said {units.show(said)}; it is {units.show(count)}: well guessed."
    factor, word = (count / said, "little") if said < count else (said / count, "much")
    return f"You said {units.show(said)}; it is {units.show(count)}: {float(factor):,.1f} times too {word}."


def _read(answer: object, unit: str) -> object:
    if unit == "formula":
        expr = getattr(answer, "expr", getattr(answer, "rhs", answer))  # a term, an equation, or the expression itself
        if not isinstance(expr, sympy.Expr) or not expr.free_symbols <= GLOSSARY.keys():
            raise InputError(f"the answer must be an expression made of the glossary's symbols, not {shown(answer)}.")
        return expr
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
        return sympy.simplify(given - expected) == 0
    return abs(given - expected) <= tolerance * expected


def _show(answer: object, unit: str) -> str:
    if unit == "formula":
        return text(answer)
    return units.show_both(answer) if unit in units.UNITS else f"{answer:,} {unit}"


def _unknown_mistake(given: object, right: object) -> str:
    if not isinstance(right, sympy.Expr) and _same(given, right, NEAR):
        return "Close: give two digits after the point, and a count to within half a percent."
    return "Not yet, and not one of the mistakes we know; the hint may help."


def _mistaken_units(right: object, unit: str) -> list[tuple[object, str]]:
    if unit not in units.UNITS:
        return []
    other, asked = ("GB" if unit == "GiB" else "GiB"), f"and the question asks for {unit}"
    size, other_size = units.UNITS[unit], units.UNITS[other]
    return [
        (Fraction(right, other_size) * size, f"that is the number of {other}, {asked}"),
        (Fraction(right, size) * other_size, f"the number is right, but it is {unit}, not {other}"),
        (right * size, f"that is the number of bytes, {asked}"),
        (right * 8, "that is bits; a byte has eight"),
    ]


def _thirteen_billion() -> Answers:
    model, run = Model.named("LLaMA-13B"), Inference(32_768, weights="INT8", kv_cache="INT8")
    return total(model, run), [
        (model.parameters, "these are the weights alone; the cache comes on top"),
        (_cache(model, run), "that is the cache alone; the weights come on top"),
        (total(model, replace(run, kv_cache="FP16")), "your cache is still in FP16"),
        (total(model, replace(run, weights="FP16")), "your weights are still in FP16"),
        (total(model, Inference(32_768)), "weights and cache are still in FP16"),
        (total(Model.named("LLaMA-7B"), run), "that is LLaMA-7B"),
    ]


def _reported_memory() -> Answers:
    card = Gpu.named("RTX 4090")
    return units.to_bytes(card.reported_mib, "MiB"), [
        (card.reported_mib * 10**6, "a MiB is 1,048,576 bytes, and you took it for a million"),
        (card.capacity, "that is what a program sees; start from what the driver reports"),
    ]


def _longest_context() -> Answers:
    model, run, card = Model.named("LLaMA-13B"), Inference(1, weights="INT4", kv_cache="INT4"), Gpu.named("RTX 4090")
    token_bytes, weights = _cache(model, run), breakdown(model, run)["weights"]
    sold = (units.to_bytes(card.marketed_gb, unit) for unit in ("GB", "GiB"))
    return largest("context", model, run, card), [
        (card.capacity // token_bytes, "you gave the whole card to the cache; the weights need their place first"),
        (largest("context", model, replace(run, kv_cache="FP16"), card), "your cache is still in FP16"),
        (largest("context", model, replace(run, weights="INT8"), card), "your weights are in INT8"),
        *(((memory - weights) // token_bytes, "you took the name of the card for its memory") for memory in sold),
    ]


def _config_of_70b() -> Answers:
    model, run = Model.named("Llama-3.1-70B"), Inference(32_768, kv_cache="BF16")
    return _cache(model, run), [
        (_cache(replace(model, kv_heads=model.heads), run), f"{_EVERY_HEAD}, or divided by the key-value heads"),
        (_cache(model, run) // 2, _ONE_OF_TWO),
        (
            _cache(replace(model, full_layers=1, dense_layers=1), run),
            "that is one layer; each has a cache of its own",
        ),
        (_cache(replace(model, head_dim=model.hidden), run), "that many numbers are those of all heads together"),
    ]


def _one_more_conversation() -> Answers:
    known = values(Model.named("LLaMA-7B"), Inference())
    whole, one_token = (term.simplified(known).expr for term in (kv_cache, token))
    right = sympy.diff(whole, symbol("batch"))
    key, value, weight = symbols("bytes_per_key bytes_per_value bytes_per_weight")
    return right, [
        (whole, "that is the whole cache; one more conversation is its change with b"),
        (one_token, "that is one more token; the question asks for one more conversation"),
        (right / symbol("context"), "that is one token of one conversation; it has s of them"),
        (right.xreplace({symbol("kv_heads"): symbol("heads")}), _EVERY_HEAD),
        (right.xreplace({key: weight, value: weight}), "B is the bytes of a weight"),
        (right.xreplace({value: 0}), _ONE_OF_TWO),
    ]


def _crossing() -> Answers:
    model, run = Model.named("LLaMA-13B"), Inference()
    return crossing(model, run), [
        (crossing(model, replace(run, weights="INT8")), "your weights are in INT8 while the cache is in FP16"),
        (2 * crossing(model, run), "your cache is in INT8, or you counted only keys or only values"),
        (crossing(Model.named("LLaMA-7B"), run), "that is LLaMA-7B"),
    ]


def _cache(model: Model, run: Inference) -> int:
    return breakdown(model, run)["kv_cache"]


_EVERY_HEAD = "only the key-value heads are stored, and you counted the query heads"
_ONE_OF_TWO = "each token has a key and a value, and you counted one of them"

EXERCISES: dict[str, Exercise] = {
    "0.1": Exercise("GiB", _thirteen_billion),
    "0.2": Exercise("GB", _reported_memory),
    "0.3": Exercise("tokens", _longest_context),
    "4.1": Exercise("GiB", _config_of_70b),
    "4.2": Exercise("formula", _one_more_conversation),
    "4.3": Exercise("tokens", _crossing),
}
"""Number → exercise; the first digit is the notebook."""
