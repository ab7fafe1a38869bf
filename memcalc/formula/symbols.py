"""Every symbol of the formula, once: letter, meaning, unit, default and range, its name elsewhere, how it is shown.

They stand in data/glossary.csv, in reading order: products and tables are written in it. Letters are the article's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from memcalc import catalogue
from memcalc.errors import choice

_DOMAINS = {
    "1, 2, 3, …": {"integer": True, "positive": True},
    "0, 1, 2, …": {"integer": True, "nonnegative": True},
    "integer": {"integer": True},
    "> 0": {"positive": True},
    "≥ 0": {"nonnegative": True},
}


@dataclass(frozen=True)
class Entry:
    """One line of the glossary.

    `default`, `low` and `high` are those of a slider; `limit` is the largest value that is accepted anywhere.
    `config`, `zero` and `megatron` name it in a Hugging Face config.json, the ZeRO paper and Korthikanti et al.
    A symbol whose value is `neutral` drops out of the formula: it counts what a model lacks or a run does not do.
    A `derived` symbol is the left side of a term and has no slider.
    A summand of `breakdown` has an `order` there, a `word` for sentences and legends, and a colour, a hatch and a mark,
    each of which tells it from the others; it is `sized` if it grows with the number of parameters.
    """

    symbol: sympy.Symbol
    name: str
    meaning: str
    unit: str
    default: int | None
    low: int | None
    high: int | None
    limit: int | None
    scale: str
    config: str
    zero: str
    megatron: str
    neutral: int | None
    order: int | None
    word: str
    colour: str
    hatch: str
    mark: str
    sized: bool

    @property
    def derived(self) -> bool:
        """Whether a term gives this symbol its value."""
        return self.limit is None

    @property
    def least(self) -> int:
        """The smallest value that is accepted anywhere: that of the slider for a choice of few, 0 for what may lack."""
        if self.high == self.limit:
            return self.low
        return 1 if self.symbol.is_positive else 0


def _entry(row: Mapping[str, str]) -> Entry:
    numbers = ("default", "low", "high", "limit", "neutral", "order")
    texts = ("name", "meaning", "unit", "config", "zero", "megatron", "word", "colour", "hatch", "mark")
    return Entry(
        symbol=sympy.Symbol(row["letter"], **_DOMAINS[row["domain"]]),
        scale=row["scale"] or "linear",
        sized=row["sized"] == "yes",
        **{name: int(row[name]) if row[name] else None for name in numbers},
        **{name: row[name] for name in texts},
    )


_ENTRIES = tuple(map(_entry, catalogue.rows("glossary")))

GLOSSARY = {entry.symbol: entry for entry in _ENTRIES}
"""Symbol → its entry, in reading order."""

BY_NAME = {entry.name: entry for entry in _ENTRIES}
"""Name, as in specs and terms → the same entry."""

_ORDERED = sorted((entry for entry in _ENTRIES if entry.order), key=lambda entry: entry.order)

SUMMANDS = {entry.name: entry for entry in _ORDERED}
"""Name of each term that `breakdown` may have → its entry, in the order of the formula."""

POSITION = {symbol: position for position, symbol in enumerate(GLOSSARY)}
"""Symbol → its place in the reading order."""


def symbol(name: str) -> sympy.Symbol:
    """Return the symbol that the glossary lists under `name`; an unknown name raises InputError with the nearest ones.

    >>> symbol("context")
    s
    """
    return BY_NAME[name if name in BY_NAME else choice("symbol", name, BY_NAME)].symbol


def symbols(names: str) -> tuple[sympy.Symbol, ...]:
    """Return the symbols of several names.

    >>> symbols("context batch")
    (s, b)
    """
    return tuple(map(symbol, names.split()))
