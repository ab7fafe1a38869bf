"""The glossary in data/glossary.csv, as words and numbers: what each symbol means, its unit, range and names elsewhere.

Nothing here needs SymPy, which is slow to import: whoever only asks for a meaning or a limit, does not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from memcalc.catalogue import Row, rows

if TYPE_CHECKING:
    import sympy

_DOMAINS = {
    "1, 2, 3, …": {"integer": True, "positive": True},
    "0, 1, 2, …": {"integer": True, "nonnegative": True},
    "integer": {"integer": True},
    "> 0": {"positive": True},
    "≥ 0": {"nonnegative": True},
}


_FEW = 4  # of what a model has so many at most, nobody needs a letter


@dataclass(frozen=True, kw_only=True)
class Entry(Row):
    """One line of the glossary; `domain` is a key of _DOMAINS: what numbers the symbol may stand for.

    `default`, `low` and `high` are those of a slider; `limit` is the largest value that is accepted anywhere.
    `config`, `zero` and `megatron` name it in a Hugging Face config.json, the ZeRO paper and Korthikanti et al.
    A symbol whose value is `neutral` drops out of the formula: it counts what a model lacks or a run does not do.
    A `derived` symbol is the left side of a term and has no slider.
    A summand of `breakdown` has an `order` there, a `word` for sentences and legends, and a colour, a hatch and a mark,
    each of which tells it from the others; it is `sized` if it grows with the number of parameters.
    """

    letter: str
    domain: str
    name: str
    meaning: str
    unit: str = ""
    default: int | None = None
    low: int | None = None
    high: int | None = None
    limit: int | None = None
    scale: str = "linear"
    config: str = ""
    zero: str = ""
    megatron: str = ""
    neutral: int | None = None
    order: int | None = None
    word: str = ""
    colour: str = ""
    hatch: str = ""
    mark: str = ""
    sized: bool = False

    @cached_property
    def symbol(self) -> sympy.Symbol:
        """The letter, as SymPy knows it."""
        import sympy  # here, because what only asks for meanings and limits does without

        return sympy.Symbol(self.letter, **_DOMAINS[self.domain])

    @property
    def derived(self) -> bool:
        """Whether a term gives this symbol its value."""
        return self.limit is None

    @property
    def is_small(self) -> bool:
        """Whether it is a switch or counts a few, such as the matrices of an MLP: a number says as much as a letter."""
        return self.high is not None and self.high <= _FEW and not self.unit

    @property
    def least(self) -> int:
        """The smallest value that is accepted anywhere: that of the slider for a choice of few, 0 for what may lack."""
        if self.high == self.limit:
            return self.low
        return 1 if _DOMAINS[self.domain].get("positive") else 0


ENTRIES = tuple(map(Entry.of_row, rows("glossary")))
"""Every line, in reading order."""

BY_NAME = {entry.name: entry for entry in ENTRIES}
"""Name, as in specs and terms → the same entry."""

SUMMANDS = {entry.name: entry for entry in sorted(ENTRIES, key=lambda entry: entry.order or 0) if entry.order}
"""Name of each term that `breakdown` may have → its entry, in the order of the formula."""
