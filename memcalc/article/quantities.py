"""Quantities: a number of a claim, computed or looked up, with its unit and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from memcalc import units
from memcalc.formula import Term
from memcalc.formula.printing import text

_MODEL = 1024  # bytes: what is smaller is a parameter, not a model


@dataclass(frozen=True)
class Quantity:
    """A number that the formula or a table of data gives.

    Parameters
    ----------
    value : the number; for some quantities a set of names, or a formula
    unit : "bytes", "×", "tokens" and so on
    terms : the terms of the formula that gave it
    source : where it comes from, if not from terms
    """

    value: object
    unit: str
    terms: tuple[Term, ...] = ()
    source: str = ""

    @property
    def sources(self) -> list[str]:
        """The sources of the terms, one by one, or the source of the number."""
        parts = [part for term in self.terms for part in term.source.split("; ")]
        return list(dict.fromkeys(parts + ([self.source] if self.source else [])))

    @property
    def cell(self) -> dict[str, object]:
        """The value and its unit as two cells of a table: bytes whole, other numbers to four digits."""
        if isinstance(self.value, frozenset):
            return {"value": ", ".join(map(str, sorted(self.value))), "unit": self.unit}
        if isinstance(self.value, sympy.Expr) and not self.value.is_number:
            return {"value": text(self.value), "unit": self.unit}
        whole = self.value == int(self.value)
        return {"value": int(self.value) if whole else float(f"{float(self.value):.4g}"), "unit": self.unit}

    def __str__(self) -> str:
        if isinstance(self.value, frozenset):
            return ", ".join(map(str, sorted(self.value)))
        if isinstance(self.value, sympy.Basic) and not self.value.is_number:
            return text(self.value)
        if self.unit == "bytes" and self.value >= _MODEL:
            return units.show_both(self.value)
        if self.unit == "parameters":
            return f"{self.value / 10**9:.1f} billion parameters"
        number = f"{self.value:,}" if isinstance(self.value, int) else f"{float(self.value):,.4g}"
        return f"{number} {self.unit}".replace(" ×", "×").rstrip()


def in_words(question: str, inputs: str) -> str:
    """Return in words what is asked.

    >>> in_words("to run", "model=LLaMA-7B; parameters=7000000000; context=32768; terms=weights / weights=INT4")
    'to run LLaMA-7B, 7 billion parameters, context 32,768, weights, against weights INT4'
    """
    parts = [", ".join(_said(*pair) for pair in read(part).items()) for part in inputs.split(" / ")]
    return f"{question} {', against '.join(parts)}".rstrip()


_WORDS = {
    "marketed_gb": "memory as sold",
    "reported_mib": "memory that the driver reports",
    "bandwidth_gbs": "bandwidth",
    "price_usd": "price",
}


def _said(name: str, value: object) -> str:
    if name in ("model", "card"):
        return str(value)
    if name in ("value", "terms", "term", "symbol"):
        return _WORDS.get(value, value.replace("_", " ").replace("+", " and "))
    if name == "activations":
        return "without activations" if value == "none" else f"counted as in {value.capitalize()}"
    if name in ("year", "table"):
        return f"{name} {value}"
    if name == "parameters":
        return f"{value / 10**9:g} billion parameters" if value > 1 else "1 parameter"
    return f"{name.replace('_', ' ')} {value:,}" if isinstance(value, int) else f"{name.replace('_', ' ')} {value}"


def read(inputs: str) -> dict[str, object]:
    """Return the inputs by name; whole numbers and truth values are read, all else stays text.

    >>> read("model=LLaMA-7B; context=4096; sequence_parallel=True")
    {'model': 'LLaMA-7B', 'context': 4096, 'sequence_parallel': True}
    """
    pairs = (pair.partition("=") for pair in inputs.split("; ") if pair)
    return {name: _value(text) for name, _, text in pairs}


def _value(text: str) -> object:
    if text in ("True", "False"):
        return text == "True"
    return int(text) if text.isdecimal() else text
