"""The article's tables and figures: as published beside what the formula gives, with a verdict a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas

from memcalc import catalogue, units
from memcalc.estimate.questions import Fit, breakdown, total
from memcalc.estimate.terms import values
from memcalc.formula.symbols import symbol
from memcalc.formula.totals import inference
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.tables import code

CONTEXT = 32_768
"""The context of the article's first table: "@32K"."""


@dataclass(frozen=True)
class Row:
    """One row of the article's first table, worked twice: as the article does, and from the architecture."""

    number: str
    cells: tuple[Mapping[str, str], ...]

    @cached_property
    def model(self) -> Model:
        """The model that the row means; "LLaMA 70B" can only be Llama 2, for the first LLaMA has no such size."""
        return Model.named(self.cells[0]["catalogue"])

    @cached_property
    def run(self) -> Inference:
        """The run of the row: its precision for weights and cache alike."""
        precision = self.cells[0]["precision"]
        return Inference(context=CONTEXT, weights=precision, kv_cache=precision)

    @cached_property
    def exact(self) -> dict[str, int]:
        """Term → bytes, with parameters counted and key-value heads as the model has them."""
        memory = breakdown(self.model, self.run) | {"total": total(self.model, self.run)}
        return {"parameters": self.model.parameters, **memory}

    @cached_property
    def own(self) -> dict[str, int]:
        """Term → bytes by the article's own formula: the size in the name, and every head stores keys and values."""
        nominal = int(self.published("parameters")) * 10**9
        everyone = replace(self.model, kv_heads=self.model.heads)
        known = values(everyone, self.run) | {symbol("parameters"): nominal}
        terms = {term.name: term.exact(known) for term in inference.parts}
        return {"parameters": nominal, **terms, "total": inference.exact(known)}

    def published(self, quantity: str) -> str:
        """The published cell."""
        return next(cell["published"] for cell in self.cells if cell["quantity"] == quantity)

    def verdict(self, quantity: str) -> tuple[str, str]:
        """Return the verdict on a cell, and why."""
        if quantity.startswith("fits "):
            return self._verdict_on_fit(quantity)
        if quantity == "parameters":
            return self._verdict_on_size()
        return self._verdict_on_bytes(quantity)

    def fit(self, quantity: str, needed: int) -> Fit:
        """Return whether so many bytes fit the card that a "fits …" cell names."""
        return Fit(needed, Gpu.named(quantity.removeprefix("fits ")).capacity)

    @property
    def follows(self) -> bool:
        """Whether weights and cache both follow from the article's own formula, in GB or in GiB."""
        return None not in (self._unit("weights"), self._unit("kv_cache"))

    def _verdict_on_bytes(self, quantity: str) -> tuple[str, str]:
        why, unit = f"its own formula gives {units.show_both(self.own[quantity])}", self._unit(quantity)
        if quantity == "total":
            why += "; it adds GB to GiB" if self.follows else "; a summand is wrong"
            unit = unit if self.follows else None  # what a wrong summand makes comes near by chance
        return f"holds only in {unit}" if unit else "wrong", why

    def _unit(self, quantity: str) -> str | None:
        """The unit in which the article's own formula gives the published number; a number cannot mean both."""
        meant = (unit for unit in ("GB", "GiB") if units.means(self.own[quantity], self.published(quantity), unit))
        return next(meant, None)

    def _verdict_on_size(self) -> tuple[str, str]:
        count = self.exact["parameters"]
        holds = units.rounds_to(count, self.published("parameters"), 10**9)
        return ("holds", "rounded") if holds else ("holds under assumption", "the size is a name, not a count")

    def _verdict_on_fit(self, quantity: str) -> tuple[str, str]:
        really, own = (self.fit(quantity, terms["total"]) for terms in (self.exact, self.own))
        why = f"it needs {units.show(really.needed)} of {units.show(really.capacity)}"
        if bool(really) != (self.published(quantity) == "Yes"):
            return "wrong", why
        if bool(really) != bool(own):
            return "holds under assumption", f"with {self.model.kv_heads} key-value heads, not with {self.model.heads}"
        return "holds", why


def rows() -> list[Row]:
    """Return the rows of the article's first table."""
    return [Row(number, cells) for number, cells in published("1").items()]


def published(table: str) -> dict[str, tuple[Mapping[str, str], ...]]:
    """Return row number → cells of one of the article's tables, as data/article.csv has them.

    >>> [cell["published"] for cell in published("2")["1"]]
    ['24', '1.0', '1600', '7']
    """
    cells = [cell for cell in catalogue.rows("article") if cell["table"] == table]
    numbers = dict.fromkeys(cell["row"] for cell in cells)
    return {number: tuple(cell for cell in cells if cell["row"] == number) for number in numbers}


def table1() -> pandas.DataFrame:
    """Return the article's first table: each number as published beside the exact one in GiB."""
    return pandas.DataFrame(_line(row) for row in rows())


def _line(row: Row) -> dict[str, str]:
    line = {"Model": row.cells[0]["subject"], "Precision": row.run.weights}
    line["Parameters, published"] = row.published("parameters") + "B"
    line["Parameters, counted"] = _recomputed(row, "parameters")
    for quantity, title in (("weights", "Weights"), ("kv_cache", "Cache at 32K"), ("total", "Total")):
        line[f"{title}, published"] = f"{row.published(quantity)} GB"
        line[f"{title}, recomputed"] = units.show(row.exact[quantity])
    line["Fits RTX 4090, published"] = row.published("fits RTX 4090")
    line["Fits RTX 4090, recomputed"] = _recomputed(row, "fits RTX 4090")
    line["Follows from its own formula"] = _yes(row.follows)
    return line


def table1_verdicts() -> pandas.DataFrame:
    """Return every cell of the article's first table with its verdict and the reason."""
    return pandas.DataFrame(_cell(row, cell) for row in rows() for cell in row.cells)


def _cell(row: Row, cell: Mapping[str, str]) -> dict[str, str]:
    verdict, why = row.verdict(cell["quantity"])
    return {
        "Model": cell["subject"],
        "Precision": cell["precision"],
        "Quantity": cell["quantity"],
        "Published": f"{cell['published']} {cell['unit']}".strip(),
        "Recomputed": _recomputed(row, cell["quantity"]),
        "Verdict": verdict,
        "Why": why,
        "Computed by": _code(row, cell["quantity"]),
    }


def _code(row: Row, quantity: str) -> str:
    """Return the line of Python that gives the recomputed cell."""
    if quantity == "parameters":
        return f"Model.named({row.model.name!r}).parameters"
    if quantity.startswith("fits "):
        return f"{code(row.model, row.run, 'total')} <= Gpu.named({quantity.removeprefix('fits ')!r}).capacity"
    return code(row.model, row.run, quantity)


def _recomputed(row: Row, quantity: str) -> str:
    if quantity.startswith("fits "):
        return _yes(row.fit(quantity, row.exact["total"]))
    count = row.exact[quantity]
    return f"{count:,}" if quantity == "parameters" else units.show_both(count)


def _yes(answer: object) -> str:
    return "Yes" if answer else "No"


TABLES: dict[str, Callable[[], pandas.DataFrame]] = {
    "table1_models_at_32k": table1,
    "table1_verdicts": table1_verdicts,
}
"""File name → table."""
