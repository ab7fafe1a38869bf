"""The article's first table: each cell worked as the article does, and from the architecture."""

from dataclasses import replace
from functools import cached_property

from memcalc import Fit, Gpu, Inference, Model, breakdown, symbol, total, units, values
from memcalc.article.published import Judged, PublishedRow, table_of
from memcalc.estimate.code import code
from memcalc.formula.term import Values
from memcalc.formula.totals import inference

CONTEXT = 32_768
"""The context of the article's first table: "@32K"."""


class Row(PublishedRow):
    """One row of the article's first table, worked twice: as the article does, and from the architecture."""

    table = "1"

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
        return breakdown(self.model, self.run) | {"total": total(self.model, self.run)}

    @cached_property
    def own_values(self) -> Values:
        """Symbol → value in the article's own formula: the size in the name, and every head stores keys and values."""
        everyone = replace(self.model, kv_heads=self.model.heads)
        return values(everyone, self.run) | {symbol("parameters"): int(self.published("parameters")) * 10**9}

    @cached_property
    def own(self) -> dict[str, int]:
        """Term → bytes by the article's own formula."""
        parts = {term.name: term.exact(self.own_values) for term in inference.parts}
        return parts | {"total": inference.exact(self.own_values)}

    @property
    def follows(self) -> bool:
        """Whether weights and cache both follow from the article's own formula, in GB or in GiB."""
        return None not in (self._unit("weights"), self._unit("kv_cache"))

    def fit(self, quantity: str, needed: int) -> Fit:
        """Return whether so many bytes fit the card that a "fits …" cell names."""
        return Fit(needed, Gpu.named(quantity.removeprefix("fits ")).capacity)

    def judged(self, quantity: str) -> Judged:
        """Return the number from the architecture, or whether it fits; the verdict on the cell, and why."""
        if quantity.startswith("fits "):
            return self._fits(quantity)
        return self._parameters() if quantity == "parameters" else self._bytes(quantity)

    def code(self, quantity: str) -> str:
        """Return the line of Python that gives the recomputed cell."""
        if quantity == "parameters":
            return f"Model.named({self.model.name!r}).parameters"
        if quantity.startswith("fits "):
            return f"{code(self.model, self.run, 'total')} <= Gpu.named({quantity.removeprefix('fits ')!r}).capacity"
        return code(self.model, self.run, quantity)

    def _bytes(self, quantity: str) -> Judged:
        why, unit = f"its own formula gives {units.show_both(self.own[quantity])}", self._unit(quantity)
        if quantity == "total":
            why += "; it adds GB to GiB" if self.follows else "; a summand is wrong"
            unit = unit if self.follows else None  # what a wrong summand makes comes near by chance
        return units.show_both(self.exact[quantity]), f"holds only in {unit}" if unit else "wrong", why

    def _unit(self, quantity: str) -> str | None:
        """The unit in which the article's own formula gives the published number; a number cannot mean both."""
        meant = (unit for unit in ("GB", "GiB") if units.means(self.own[quantity], self.published(quantity), unit))
        return next(meant, None)

    def _parameters(self) -> Judged:
        counted = f"{self.model.parameters:,}"
        if units.rounds_to(self.model.parameters, self.published("parameters"), 10**9):
            return counted, "holds", "rounded"
        return counted, "holds under assumption", "the size is a name, not a count"

    def _fits(self, quantity: str) -> Judged:
        really, own = (self.fit(quantity, terms["total"]) for terms in (self.exact, self.own))
        why = f"it needs {units.show(really.needed)} of {units.show(really.capacity)}"
        if _yes(really) != self.published(quantity):
            return _yes(really), "wrong", why
        if bool(really) == bool(own):
            return _yes(really), "holds", why
        why = f"with {self.model.kv_heads} key-value heads, not with {self.model.heads}"
        return _yes(really), "holds under assumption", why


def table1():
    """Return the article's first table: each number as published beside the exact one in GiB."""
    return table_of(map(_line, Row.rows()))


def _line(row: Row) -> dict[str, str]:
    line = {"Model": row.subject, "Precision": row.run.weights}
    line["Parameters, published"] = row.published("parameters") + "B"
    line["Parameters, counted"] = row.recomputed("parameters")
    for quantity, title in (("weights", "Weights"), ("kv_cache", "Cache at 32K"), ("total", "Total")):
        line[f"{title}, published"] = row.as_published(quantity)
        line[f"{title}, recomputed"] = units.show(row.exact[quantity])
    line["Fits RTX 4090, published"] = row.published("fits RTX 4090")
    line["Fits RTX 4090, recomputed"] = row.recomputed("fits RTX 4090")
    return line | {"Follows from its own formula": _yes(row.follows)}


def table1_verdicts():
    """Return every cell of the article's first table with its verdict and the reason."""
    return table_of(
        {"Model": row.subject, "Precision": row.run.weights, **line, "Computed by": row.code(line["Quantity"])}
        for row in Row.rows()
        for line in row.lines()
    )


def _yes(answer: object) -> str:
    return "Yes" if answer else "No"
