"""The article's third table: what can be derived from it, and what cannot be checked said plainly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import pandas

from memcalc import units
from memcalc.article.table1 import published
from memcalc.estimate.questions import breakdown, largest, last
from memcalc.estimate.speed import fastest
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model

BOARD_POWER = 450
"""What an RTX 4090 draws at most, an assumption of the cost below [W]."""

ELECTRICITY = Fraction("0.15")
"""What a kilowatt hour costs, an assumption of the cost below [US dollars]."""

MODEL = Model.named("LLaMA-7B")
"""The "7B" of the table."""

Cells = tuple[Mapping[str, str], ...]
Judged = tuple[str, str, str]
"""What is derived from a row, the verdict on it, and why."""


@dataclass(frozen=True)
class Cost:
    """The least that a million tokens can cost: the time at the bound of speed, and its electricity."""

    batch: int
    hours: float

    @property
    def kilowatt_hours(self) -> float:
        """The energy [kWh], at BOARD_POWER."""
        return self.hours * BOARD_POWER / 1000

    @property
    def dollars(self) -> float:
        """The electricity [US dollars], at ELECTRICITY; the card itself comes on top."""
        return self.kilowatt_hours * float(ELECTRICITY)


def cost_of_a_million(batch: int = 1) -> Cost:
    """Return the least that a million tokens of LLaMA-7B in INT8 can cost on an RTX 4090, at the first token.

    Parameters
    ----------
    batch : sequences at the same time, which share the reading of the weights [sequences]

    >>> round(cost_of_a_million().hours, 2), round(cost_of_a_million().dollars, 3)
    (1.82, 0.123)
    """
    run = Inference(context=1, batch=batch, weights="INT8", kv_cache="INT8")
    tokens_per_hour = batch * fastest(MODEL, run, _card()).decode * 3600
    return Cost(batch, 10**6 / tokens_per_hour)


def smallest_batch(dollars: Fraction) -> int | None:
    """Return the fewest sequences at the same time with which the electricity of a million tokens costs no more.

    Parameters
    ----------
    dollars : the price of a million tokens [US dollars]

    None if the card holds not so many sequences.

    >>> smallest_batch(Fraction("0.50")), smallest_batch(Fraction("0.10")), smallest_batch(Fraction("0.000001"))
    (1, 2, None)
    """
    most = largest("batch", MODEL, Inference(context=1, weights="INT8", kv_cache="INT8"), _card())
    too_few = last(lambda batch: cost_of_a_million(batch).dollars > dollars, most)
    return too_few + 1 if too_few < most else None


def table3() -> pandas.DataFrame:
    """Return the article's third table as published, with what follows from it and what nobody can check.

    A share, a number of sales and an average need a source, and the article names none. A cost must cover its
    electricity: it is wrong if it does not with as many sequences at once as the card holds, and holds under the
    assumptions of power, price and number of sequences if it does.

    >>> table3().loc[3, "Verdict"]
    'holds under assumption'
    """
    return pandas.DataFrame(map(_line, published("3").values()))


def points() -> pandas.DataFrame:
    """Return the cells of the third table as numbers: metric, year, value and unit, and the cell as published.

    >>> [str(number) for number in points().loc[3, ["year", "value", "unit", "published"]]]
    ['2023', '500000.0', 'cards', '500K']
    """
    lines = [
        {
            "metric": cell["subject"],
            "year": int(cell["year"]),
            "value": float(_value(cell)),
            "unit": _UNITS[cell["quantity"]],
            "published": as_published(cell),
        }
        for cells in published("3").values()
        for cell in cells
    ]
    return pandas.DataFrame(lines)


def as_published(cell: Mapping[str, str]) -> str:
    """Write a cell of the third table as the article does.

    >>> [as_published(cells[0]) for cells in published("3").values()]
    ['15%', '500K', '4K', '$0.50']
    """
    return f"${cell['published']}" if cell["unit"] == "$" else f"{cell['published']}{cell['unit']}"


def _line(cells: Cells) -> dict[str, str]:
    derived, verdict, why = _JUDGES[cells[0]["quantity"]](cells)
    years = {cell["year"] + f" ({cell['remark']})" * bool(cell["remark"]): as_published(cell) for cell in cells}
    return {"Metric": cells[0]["subject"], **years, "Derived": derived, "Verdict": verdict, "Why": why}


def _card() -> Gpu:
    return Gpu.named("RTX 4090")


def _value(cell: Mapping[str, str]) -> Fraction:
    """Return the number of a cell; 4K of context are 4 × 1,024, 500K of cards 500 × 1,000."""
    thousand = 1024 if cell["quantity"] == "context" else 1000
    return Fraction(cell["published"]) * {"K": thousand, "M": thousand**2}.get(cell["unit"], 1)


def _growth(cells: Cells) -> str:
    """Write the factor from year to year, over all years, and a year on average."""
    values = [_value(cell) for cell in cells]
    steps = ", ".join(_factor(later / earlier) for earlier, later in pairwise(values))
    whole = values[-1] / values[0]
    return f"{steps}; {_factor(whole)} in {len(values) - 1} years, {_factor(whole ** (1 / (len(values) - 1)))} a year"


def _factor(ratio: float) -> str:
    return f"× {units.three_digits(ratio)}" if ratio >= 1 else f"÷ {units.three_digits(1 / ratio)}"


def _share(cells: Cells) -> Judged:
    return _growth(cells), "not checkable", "no source; and 2025 was over when the article appeared, in May 2026"


def _sales(cells: Cells) -> Judged:
    card = _card()
    billions = ", ".join(units.dollars(_value(cell) * card.price_usd / 10**9) for cell in cells)
    derived = f"{_growth(cells)}; at {units.dollars(card.price_usd)} each, {billions} billion"
    ended = "production is reported to have ended in October 2024 (hotscup.com; techmehow.com; alphaleaders.co.uk)"
    why = f"no source, and not said whether in the year or in all; {ended}"
    return derived, "not checkable", why


def _context(cells: Cells) -> Judged:
    caches = [breakdown(MODEL, Inference(context=int(_value(cell))))["kv_cache"] for cell in cells]
    sizes = ", ".join(map(units.show, caches))
    return f"{_growth(cells)}; FP16 cache of {MODEL.name}: {sizes}", "not checkable", "no source"


def _cost(cells: Cells) -> Judged:
    alone = cost_of_a_million()
    bound = f"{units.three_digits(alone.hours)} h, {units.three_digits(alone.kilowatt_hours)} kWh"
    derived = (
        f"{_growth(cells)}; one sequence at the bound of speed: {bound}, {units.dollars(alone.dollars)} of electricity"
    )
    batches = [smallest_batch(_value(cell)) for cell in cells]
    power = f"electricity at {BOARD_POWER} W and {units.dollars(ELECTRICITY)} a kWh"
    if None in batches:
        return derived, "wrong", f"{power} alone costs more"
    needed = ", ".join(f"{batch} in {cell['year']}" for cell, batch in zip(cells, batches, strict=True))
    return derived, "holds under assumption", f"covers {power} with this many sequences at once: {needed}"


_JUDGES: dict[str, Callable[[Cells], Judged]] = {
    "quantized_downloads": _share,
    "cards_sold": _sales,
    "context": _context,
    "cost_per_million": _cost,
}

_UNITS = {"quantized_downloads": "%", "cards_sold": "cards", "context": "tokens", "cost_per_million": "US dollars"}

TABLES: dict[str, Callable[[], pandas.DataFrame]] = {"table3_market": table3}
"""File name → table."""
