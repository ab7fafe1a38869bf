"""What runs of both kinds share: how they divide a model between cards, formats of weights, what comes on top."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING

from memcalc import catalogue
from memcalc.errors import InputError, must
from memcalc.formula.choices import End, Family
from memcalc.formula.formats import averaged, named_bits
from memcalc.formula.glossary import BY_NAME
from memcalc.specs.fields import Spec

if TYPE_CHECKING:
    import sympy

PARALLEL = ("tensor_parallel", "pipeline_parallel", "expert_parallel")
"""Fields of a run that divide a model between cards."""


class Run(Spec):
    """What is done with a model; `_numbers` are those of one kind of run, by name."""

    @cached_property
    def values(self) -> dict[sympy.Symbol, int | Fraction]:
        """Symbol → number, for the terms."""
        numbers = {name: getattr(self, name) for name in ("context", "batch", *PARALLEL)} | self._numbers()
        return {BY_NAME[name].symbol: number for name, number in numbers.items()} | overhead_values(
            self.overhead, self.kind
        )

    @property
    def kind(self) -> str:
        """Whose code runs: the kind of an engine; "" where that makes no difference."""
        return ""

    @property
    def divided(self) -> bool:
        """Whether more than one card holds the model."""
        return any(getattr(self, degree) > 1 for degree in PARALLEL)

    @property
    def cards(self) -> int:
        """How many cards work together."""
        return math.prod(getattr(self, degree, 1) for degree in (*PARALLEL, "data_parallel", "context_parallel"))

    def refuse_without_architecture(self, what: str = "a size without architecture", **fields: object) -> None:
        """Raise InputError if the run of a mere size divides it between cards, or has another value in these fields."""
        for name, needed in {**dict.fromkeys(PARALLEL, 1), **fields}.items():
            if (found := getattr(self, name)) != needed:
                raise must(name, f"{needed} for {what}", str(found))


def weights_format(field: str, name: object) -> str:
    """Return the name of a format that weights can have, as the catalogue spells it, or an average number of bits.

    Raises InputError for anything else.
    """
    if average := averaged(name):
        return average
    _refuse_bits(field, name)
    row = catalogue.find("formats", f"{field} format", name)
    if row["family"] == Family.CACHE:
        raise InputError(f"{field} must not be {row['name']!r}, which is a format of the cache alone.")
    return row["name"]


_BITS = re.compile(r"(?:bnb|int)?[-_ ]?([2-8])[-_ ]?bits?", re.IGNORECASE)
"""A number of bits, such as "4bit", which several formats have."""


def _refuse_bits(field: str, name: object) -> None:
    """Raise InputError for a mere number of bits, with the formats that have it: of llama.cpp's mixes, the usual."""
    found = _BITS.fullmatch(name.strip()) if isinstance(name, str) else None
    if not found:
        return
    rows = (row for row in catalogue.rows("formats") if row["offered"] == "yes" and re.search(r"\d", row["name"]))
    shown = (row["name"] for row in rows if row["usual"] == "yes" or row["family"] != Family.GGUF)
    *first, last = [one for one in shown if named_bits(one) == int(found[1])] or [""]
    if first:
        have = f"{', '.join(first)} and {last} have {found[1]}"
        raise InputError(f"{field} must be a format by its name, not a number of bits, as {name!r} is: {have}.")


def weights_formats() -> list[str]:
    """Return the usual formats that weights can have.

    >>> "Q4_K_M" in weights_formats(), "KIVI-4" in weights_formats()
    (True, False)
    """
    return [row["name"] for row in catalogue.rows("formats") if row["usual"] == "yes" and row["family"] != Family.CACHE]


@cache
def overhead_values(end: str, kind: str = "") -> dict[sympy.Symbol, Fraction]:
    """Return the values of the overhead's symbols at one end of the range in data/overheads.csv.

    Parameters
    ----------
    end : "low" or "high"; of "none" there are none
    kind : whose code runs; what only others take is 0

    >>> overhead_values("high", "vLLM")[BY_NAME["graph_memory"].symbol]
    Fraction(1400000000, 1)
    """
    if end == End.NONE:
        return {}
    rows = catalogue.rows("overheads")
    return {BY_NAME[row["name"]].symbol: Fraction(row[end] if row["engine"] in ("", kind) else 0) for row in rows}
