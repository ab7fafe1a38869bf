"""The article's third table: what can be derived from it, and what cannot be checked said plainly."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from memcalc import Gpu, Inference, Model, breakdown, catalogue, largest, symbol, units, values
from memcalc.article.cards import FIRST_TOKEN
from memcalc.article.published import Judged, PublishedRow, table_of
from memcalc.estimate.questions import last
from memcalc.formula.roofline import electricity_cost, energy, writing_time
from memcalc.formula.term import Values

MODEL, CARD = Model.named("LLaMA-7B"), Gpu.named("RTX 4090")
"""The "7B" and the card of the table."""

FACTS = {row["name"]: row for row in catalogue.rows("market")}
"""What the article leaves open, by name: assumed, or from a source."""

ASSUMED = {symbol(name): int(FACTS[name]["value"]) for name in ("board_power", "electricity_price")}
"""Symbol → what the cost of electricity assumes."""

_UNITS = {"quantized_downloads": "%", "cards_sold": "cards", "context": "tokens", "cost_per_million": "US dollars"}


class Cost(NamedTuple):
    """The least that tokens can cost: time at the bound of speed [h], energy [kWh] and electricity [US dollars]."""

    hours: float
    kilowatt_hours: float
    dollars: float


def cost_of_a_million(batch: int = 1) -> Cost:
    """Return the least that a million tokens of LLaMA-7B in INT8 can cost on an RTX 4090, at the first token.

    The sequences of a batch share the reading of the weights.

    >>> round(cost_of_a_million().hours, 2), round(cost_of_a_million().dollars, 3)
    (1.82, 0.123)
    """
    seconds, *rest = (float(term.value(a_million(batch))) for term in (writing_time, energy, electricity_cost))
    return Cost(seconds / 3600, *rest)


def a_million(batch: int = 1) -> Values:
    """Return the value of each symbol while a million tokens are written in so many sequences at once."""
    return values(MODEL, replace(FIRST_TOKEN, batch=batch)) | CARD.values | ASSUMED | {symbol("written_tokens"): 10**6}


def smallest_batch(dollars: Fraction) -> int | None:
    """Return the fewest sequences at the same time with which the electricity of a million tokens costs no more.

    None if the card holds not so many.

    >>> smallest_batch(Fraction("0.50")), smallest_batch(Fraction("0.10")), smallest_batch(Fraction("0.000001"))
    (1, 2, None)
    """
    most = largest("batch", MODEL, FIRST_TOKEN, CARD)
    too_few = last(lambda batch: cost_of_a_million(batch).dollars > dollars, most)
    return too_few + 1 if too_few < most else None


class Row(PublishedRow):
    """One row of the article's third table: one quantity in several years."""

    table = "3"

    @property
    def values(self) -> list[Fraction]:
        """The numbers of the cells; 4K of context are 4 × 1,024, 500K of cards 500 × 1,000."""
        thousand = 1024 if self.cells[0]["quantity"] == "context" else 1000
        sizes = {"K": thousand, "M": thousand**2}
        return [Fraction(cell["published"]) * sizes.get(cell["unit"], 1) for cell in self.cells]

    def judged(self, quantity: str) -> Judged:
        """Return the growth and what else follows from the row, the verdict on it, and why.

        A share, a number of sales and an average need a source, and the article names none. A cost must cover its
        electricity: it is wrong if it does not with as many sequences at once as the card holds, and holds under the
        assumptions of power, price and number of sequences if it does.
        """
        judge = {"cards_sold": self._sales, "context": self._context, "cost_per_million": self._cost}
        share = "", "not checkable", f"no source; and {FACTS['article_date']['meaning']}"
        follows, verdict, why = judge[quantity]() if quantity in judge else share
        steps = ", ".join(_factor(later / earlier) for earlier, later in pairwise(self.values))
        years, whole = len(self.values) - 1, self.values[-1] / self.values[0]
        growth = f"{steps}; {_factor(whole)} in {years} years, {_factor(whole ** (1 / years))} a year"
        return growth + follows, verdict, why

    def _sales(self) -> Judged:
        billions = ", ".join(units.dollars(cards * CARD.price_usd / 10**9) for cards in self.values)
        follows = f"; at {units.dollars(CARD.price_usd)} each, {billions} billion"
        ended = "{meaning} ({source})".format_map(FACTS["production_end"])
        return follows, "not checkable", f"no source, and not said whether in the year or in all; {ended}"

    def _context(self) -> Judged:
        caches = [breakdown(MODEL, Inference(context=int(tokens)))["kv_cache"] for tokens in self.values]
        return f"; FP16 cache of {MODEL.name}: {', '.join(map(units.show, caches))}", "not checkable", "no source"

    def _cost(self) -> Judged:
        alone = cost_of_a_million()
        bound = f"{units.three_digits(alone.hours)} h, {units.three_digits(alone.kilowatt_hours)} kWh"
        follows = f"; one sequence at the bound of speed: {bound}, {units.dollars(alone.dollars)} of electricity"
        batches = {cell["year"]: smallest_batch(value) for cell, value in zip(self.cells, self.values, strict=True)}
        watts, cents = ASSUMED.values()
        power = f"electricity at {watts} W and {units.dollars(Fraction(cents, 100))} a kWh"
        if None in batches.values():
            return follows, "wrong", f"{power} alone costs more"
        needed = ", ".join(f"{batch} in {year}" for year, batch in batches.items())
        return follows, "holds under assumption", f"covers {power} with this many sequences at once: {needed}"


def _factor(ratio: float) -> str:
    return f"× {units.three_digits(ratio)}" if ratio >= 1 else f"÷ {units.three_digits(1 / ratio)}"


def table3():
    """Return the article's third table as published, with what follows from it and what nobody can check.

    >>> table3().loc[3, "Verdict"]
    'holds under assumption'
    """
    return table_of(map(_line, Row.rows()))


def _line(row: Row) -> dict[str, str]:
    years = {cell["year"] + f" ({cell['remark']})" * bool(cell["remark"]): shown(cell) for cell in row.cells}
    derived, verdict, why = row.judged(row.cells[0]["quantity"])
    return {"Metric": row.subject, **years, "Derived": derived, "Verdict": verdict, "Why": why}


def shown(cell: Mapping[str, str]) -> str:
    """Return a cell as the article prints it."""
    return f"${cell['published']}" if cell["unit"] == "$" else f"{cell['published']}{cell['unit']}"


def points():
    """Return the cells of the third table as numbers: metric, year, value and unit, and the cell as published.

    >>> [str(number) for number in points().loc[3, ["year", "value", "unit", "published"]]]
    ['2023', '500000.0', 'cards', '500K']
    """
    return table_of(
        {"metric": row.subject, "year": int(cell["year"]), "value": float(value)}
        | {"unit": _UNITS[cell["quantity"]], "published": shown(cell)}
        for row in Row.rows()
        for cell, value in zip(row.cells, row.values, strict=True)
    )
