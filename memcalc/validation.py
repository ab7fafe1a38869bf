"""Reality: measured amounts, what the formula says to each, and why the two differ where they do."""

import csv
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property

from memcalc import InputError, catalogue, units
from memcalc.errors import choice, shown
from memcalc.estimate.ask import QUANTITIES, Inputs, ask, read_inputs, written
from memcalc.tables import WholeTable

COLUMNS = ("id", "quantity", "model", "inputs", "measured", "how", "library", "date")
"""Columns of a measured row, as in data/measured.csv."""

NOTABLE = Fraction(1, 100)
"""A residual above this share of what was measured needs a cause."""


@dataclass(frozen=True)
class Measurement:
    """An amount that was measured, and on what.

    Parameters
    ----------
    id : name of the row
    quantity : as named in data/measured_quantities.csv
    model : as named in data/models.csv; nothing for a matrix
    inputs : field of the run, or of the model where it was changed → value
    measured : the amount [bytes, or the quantity's own unit]
    how : how it was measured
    library : with which software and version
    date : when, as 2026-11-27
    """

    id: str
    quantity: str
    model: str
    inputs: Inputs
    measured: Fraction
    how: str
    library: str
    date: str

    @property
    def row(self) -> Mapping[str, str]:
        """The quantity's row of data/measured_quantities.csv: its term, unit, bound, meaning and cause."""
        return QUANTITIES[self.quantity]

    @cached_property
    def predicted(self) -> Fraction:
        """What the formula says [the quantity's unit]."""
        return Fraction(ask(self.quantity, self.model, self.inputs).value)

    @property
    def residual(self) -> Fraction:
        """Measured less predicted, as a share of what was measured."""
        return (self.measured - self.predicted) / (self.measured or 1)

    @property
    def within(self) -> bool:
        """Whether the two differ by no more than the quantity's bound, or what was measured is below it."""
        if self.row["bound"] == "below":
            return self.measured <= self.predicted
        return abs(self.residual) <= Fraction(self.row["bound"])

    @property
    def cause(self) -> str:
        """Why the two differ; nothing where they do not by more than NOTABLE, unknown beyond the quantity's bound."""
        if abs(self.residual) <= NOTABLE:
            return ""
        return self.row["cause"] if self.within else "not known yet: find out"

    @property
    def percent(self) -> str:
        """The residual in percent of what was measured."""
        return f"{float(100 * self.residual):.3g} %"

    @property
    def written(self) -> str:
        """The inputs as they stand in a row."""
        return written(self.inputs)


def read(line: str | Mapping[str, str]) -> Measurement:
    """Return a line of CSV, or a row, as a measurement.

    Parameters
    ----------
    line : with COLUMNS; the inputs are pairs such as "context=8192; engine=transformers"

    Raises InputError naming the column, the value and what is allowed.

    >>> read("mine,kv_cache,Llama-3-8B,context=8192,1073741824,by hand,none,2026-11-27").residual
    Fraction(0, 1)
    """
    if not isinstance(line, Mapping):
        line = _split(line)
    elif set(line) != set(COLUMNS) or not all(isinstance(cell, str) for cell in line.values()):
        columns = ", ".join(COLUMNS)
        raise InputError(f"a measured row must have a text in each of the columns {columns}, not {shown(line)}.")
    measurement = _parsed(line)
    measurement.predicted  # noqa: B018 - refuses a model or inputs that make no sense
    return measurement


def _split(line: str) -> dict[str, str]:
    try:
        cells = next(csv.reader([line.strip()]), []) if isinstance(line, str) else []
    except csv.Error:  # as of two lines in one
        cells = []
    if len(cells) != len(COLUMNS):
        wanted = f"the {len(COLUMNS)} columns {', '.join(COLUMNS)}, text with a comma in double quotes"
        raise InputError(f"a measured row must have {wanted}, not {len(cells)}: {shown(line)}.")
    return dict(zip(COLUMNS, map(str.strip, cells), strict=True))


def _parsed(row: Mapping[str, str]) -> Measurement:
    for name in ("id", "how", "library"):
        if not row[name]:
            raise InputError(f"{name} must say something in a measured row, not {row[name]!r}.")
    quantity, inputs = choice("quantity", row["quantity"], QUANTITIES), read_inputs(row["inputs"])
    unit = QUANTITIES[quantity]["unit"]
    measured = units.parse(row["measured"], "B" if unit == "bytes" else unit)
    if unit == "bytes" and measured.denominator > 1:
        raise InputError(f"measured must be whole bytes, not {shown(row['measured'])}.")
    try:
        date = f"{datetime.datetime.strptime(row['date'], '%Y-%m-%d'):%Y-%m-%d}"
    except ValueError:
        raise InputError(f"date must be a day such as 2026-11-27, not {shown(row['date'])}.") from None
    return Measurement(**{**row, "quantity": quantity, "inputs": inputs, "measured": measured, "date": date})


@cache
def measurements() -> tuple[Measurement, ...]:
    """Return every row of data/measured.csv; each is predicted when it is asked."""
    return tuple(map(_parsed, catalogue.rows("measured")))


def row(name: str) -> Measurement:
    """Return the row of data/measured.csv with this id; raise InputError if none has it.

    >>> row("W001").model
    'LLaMA-7B'
    """
    known = {measurement.id: measurement for measurement in measurements()}
    return known[choice("measured row", name, known)]


def against(*ids: str) -> WholeTable:
    """Return the measured rows with these ids beside the formula and the residual.

    Raises InputError for an id that no row has.

    >>> against("W001")["residual"].item()
    '0'
    """
    return table(map(row, ids))


def table(rows: Iterable[Measurement]) -> WholeTable:
    """Return measurements as a table: what was measured, what the formula says, what is left over, why, and how."""
    rows = list(rows)
    if not rows:
        raise InputError("rows must be at least one measurement, not none.")
    unit = " or ".join(dict.fromkeys(row.row["unit"] for row in rows))
    lines = [
        {
            "id": row.id,
            "quantity": row.quantity,
            "model": row.model,
            "inputs": row.written,
            f"formula [{unit}]": f"{float(row.predicted):,.0f}",
            f"measured [{unit}]": f"{float(row.measured):,.0f}",
            "residual": f"{float(row.measured - row.predicted):,.0f}" + (f" ({row.percent})" if row.residual else ""),
            "cause": row.cause,
            "how, with what, when": f"{row.how} ({row.library}, {row.date})",
        }
        for row in rows
    ]
    shown = WholeTable(lines).set_index("id")
    return shown if any(shown["cause"]) else shown.drop(columns="cause")


def residuals(rows: Iterable[Measurement] | None = None) -> WholeTable:
    """Return for each quantity: how many rows, how many exact, and the worst residual with its cause."""
    groups: dict[str, list[Measurement]] = {}
    for row in measurements() if rows is None else rows:
        groups.setdefault(row.quantity, []).append(row)
    if not groups:
        raise InputError("rows must be at least one measurement, not none.")
    return WholeTable(map(_summary, groups.values())).set_index("term")


def _summary(alike: list[Measurement]) -> dict[str, str | int]:
    worst = max(alike, key=lambda row: abs(row.residual))
    return {
        "term": worst.row["term"],
        "quantity": worst.quantity,
        "what it is": worst.row["meaning"],
        "rows": len(alike),
        "exact": sum(row.measured == row.predicted for row in alike),
        "worst residual": worst.percent if worst.residual else "none",
        "cause": worst.cause,
    }
