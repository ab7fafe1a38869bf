"""The article's third table: what can be derived from it, and what cannot be checked said plainly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import pandas

from memcalc import catalogue, units
from memcalc.article.published import PublishedRow, published
from memcalc.estimate.questions import breakdown, largest, last
from memcalc.estimate.terms import values
from memcalc.formula.roofline import electricity_cost, energy, writing_time
from memcalc.formula.symbols import symbol
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model

MODEL, CARD = Model.named("LLaMA-7B"), Gpu.named("RTX 4090")
"""The "7B" and the card of the table."""

FACTS = {row["name"]: row for row in catalogue.rows("market")}
"""What the article leaves open, by name: assumed, or from a source."""

ASSUMED = {symbol(name): int(FACTS[name]["value"]) for name in ("board_power", "electricity_price")}
"""Symbol → what the cost of electricity assumes."""

_UNITS = {"quantized_downloads": "%", "cards_sold": "cards", "context": "tokens", "cost_per_million": "US dollars"}


@dataclass(frozen=True)
class Cost:
    """The least that tokens can cost: time at the bound of speed [h], energy [kWh] and electricity [US dollars]."""

    hours: float
    kilowatt_hours: float
    dollars: float


def cost_of_a_million(batch: int = 1) -> Cost:
    """Return the least that a million tokens of LLaMA-7B in INT8 can cost on an RTX 4090, at the first token.

    Parameters
    ----------
    batch : sequences at the same time, which share the reading of the weights [sequences]

    >>> round(cost_of_a_million().hours, 2), round(cost_of_a_million().dollars, 3)
    (1.82, 0.123)
    """
    run = Inference(context=1, batch=batch, weights="INT8", kv_cache="INT8")
    known = values(MODEL, run) | CARD.values | ASSUMED | {symbol("written_tokens"): 10**6}
    seconds, *rest = (float(term.value(known)) for term in (writing_time, energy, electricity_cost))
    return Cost(seconds / 3600, *rest)


def smallest_batch(dollars: Fraction) -> int | None:
    """Return the fewest sequences at the same time with which the electricity of a million tokens costs no more.

    Parameters
    ----------
    dollars : the price of a million tokens [US dollars]

    None if the card holds not so many sequences.

    >>> smallest_batch(Fraction("0.50")), smallest_batch(Fraction("0.10")), smallest_batch(Fraction("0.000001"))
    (1, 2, None)
    """
    most = largest("batch", MODEL, Inference(context=1, weights="INT8", kv_cache="INT8"), CARD)
    too_few = last(lambda batch: cost_of_a_million(batch).dollars > dollars, most)
    return too_few + 1 if too_few < most else None


class Row(PublishedRow):
    """One row of the article's third table: one quantity in several years."""

    def recomputed(self, quantity: str) -> str:
        """Return the growth, and what else follows from the numbers."""
        if quantity == "quantized_downloads":
            return self._growth()
        follows = {"cards_sold": self._turnover, "context": self._caches, "cost_per_million": self._electricity}
        return f"{self._growth()}; {follows[quantity]()}"

    def verdict(self, quantity: str) -> tuple[str, str]:
        """Return the verdict on the row, and why.

        A share, a number of sales and an average need a source, and the article names none. A cost must cover its
        electricity: it is wrong if it does not with as many sequences at once as the card holds, and holds under the
        assumptions of power, price and number of sequences if it does.
        """
        if quantity == "cost_per_million":
            return self._on_cost()
        ended = FACTS["production_end"]
        why = {
            "quantized_downloads": "; and 2025 was over when the article appeared, in May 2026",
            "cards_sold": f", and not said whether in the year or in all; {ended['meaning']} ({ended['source']})",
        }
        return "not checkable", f"no source{why.get(quantity, '')}"

    def values(self) -> list[Fraction]:
        """Return the numbers of the cells; 4K of context are 4 × 1,024, 500K of cards 500 × 1,000."""
        thousand = 1024 if self.quantities[0] == "context" else 1000
        sizes = {"K": thousand, "M": thousand**2}
        return [Fraction(cell["published"]) * sizes.get(cell["unit"], 1) for cell in self.cells]

    def _growth(self) -> str:
        """Write the factor from year to year, over all years, and a year on average."""
        values = self.values()
        steps = ", ".join(_factor(later / earlier) for earlier, later in pairwise(values))
        years, whole = len(values) - 1, values[-1] / values[0]
        return f"{steps}; {_factor(whole)} in {years} years, {_factor(whole ** (1 / years))} a year"

    def _turnover(self) -> str:
        billions = ", ".join(units.dollars(cards * CARD.price_usd / 10**9) for cards in self.values())
        return f"at {units.dollars(CARD.price_usd)} each, {billions} billion"

    def _caches(self) -> str:
        caches = [breakdown(MODEL, Inference(context=int(tokens)))["kv_cache"] for tokens in self.values()]
        return f"FP16 cache of {MODEL.name}: {', '.join(map(units.show, caches))}"

    def _electricity(self) -> str:
        alone = cost_of_a_million()
        bound = f"{units.three_digits(alone.hours)} h, {units.three_digits(alone.kilowatt_hours)} kWh"
        return f"one sequence at the bound of speed: {bound}, {units.dollars(alone.dollars)} of electricity"

    def _on_cost(self) -> tuple[str, str]:
        batches = {cell["year"]: smallest_batch(Fraction(cell["published"])) for cell in self.cells}
        watts, cents = ASSUMED.values()
        power = f"electricity at {watts} W and {units.dollars(Fraction(cents, 100))} a kWh"
        if None in batches.values():
            return "wrong", f"{power} alone costs more"
        needed = ", ".join(f"{batch} in {year}" for year, batch in batches.items())
        return "holds under assumption", f"covers {power} with this many sequences at once: {needed}"


def _factor(ratio: float) -> str:
    return f"× {units.three_digits(ratio)}" if ratio >= 1 else f"÷ {units.three_digits(1 / ratio)}"


def rows() -> list[Row]:
    """Return the rows of the article's third table."""
    return [Row(cells) for cells in published("3").values()]


def table3() -> pandas.DataFrame:
    """Return the article's third table as published, with what follows from it and what nobody can check.

    >>> table3().loc[3, "Verdict"]
    'holds under assumption'
    """
    return pandas.DataFrame(map(_line, rows()))


def _line(row: Row) -> dict[str, str]:
    years = {cell["year"] + f" ({cell['remark']})" * bool(cell["remark"]): _shown(cell) for cell in row.cells}
    cell = row.judged(row.quantities[0])
    return {
        "Metric": row.subject,
        **years,
        "Derived": cell["Recomputed"],
        "Verdict": cell["Verdict"],
        "Why": cell["Why"],
    }


def _shown(cell: Mapping[str, str]) -> str:
    return f"${cell['published']}" if cell["unit"] == "$" else f"{cell['published']}{cell['unit']}"


def points() -> pandas.DataFrame:
    """Return the cells of the third table as numbers: metric, year, value and unit, and the cell as published.

    >>> [str(number) for number in points().loc[3, ["year", "value", "unit", "published"]]]
    ['2023', '500000.0', 'cards', '500K']
    """
    cells = ((row, *pair) for row in rows() for pair in zip(row.cells, row.values(), strict=True))
    return pandas.DataFrame(
        {
            "metric": row.subject,
            "year": int(cell["year"]),
            "value": float(value),
            "unit": _UNITS[cell["quantity"]],
            "published": _shown(cell),
        }
        for row, cell, value in cells
    )
