"""Measured rows, what the formula says to each, and the training steps whose peaks were measured."""

import csv
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property

from memcalc import catalogue, units
from memcalc.errors import InputError, choice, shown
from memcalc.estimate.ask import QUANTITIES, Inputs, Quantity, ask, read_inputs, written
from memcalc.estimate.peak import step_peak
from memcalc.estimate.questions import breakdown
from memcalc.specs.model import Model
from memcalc.specs.training import Training
from memcalc.texts import later

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
    def asked(self) -> Quantity:
        """What the formula says, and the terms that say it."""
        return ask(self.quantity, self.model, self.inputs)

    @cached_property
    def predicted(self) -> Fraction:
        """What the formula says [the quantity's unit]."""
        return Fraction(self.asked.value)

    @cached_property
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
        return self.row["cause"] if self.within else later("not known yet: find out")

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
def measurements(table: str = "measured") -> tuple[Measurement, ...]:
    """Return every row of data/measured.csv, or of another table with its columns; each is predicted when asked."""
    return tuple(map(_parsed, catalogue.rows(table)))


def row(name: str) -> Measurement:
    """Return the row with this id of data/measured.csv, or of data/speeds.csv; raise InputError if none has it.

    >>> row("W001").model, row("T001").model
    ('LLaMA-7B', 'LLaMA-7B')
    """
    known = {measurement.id: measurement for table in ("measured", "speeds") for measurement in measurements(table)}
    return known[choice("measured row", name, known)]


STEPPED = "Llama-3.2-1B"
"""The model whose steps were measured at many contexts."""

POLICIES = {later("keep all"): "none", later("compute again"): "full"}
"""What is done with activations → what is recomputed."""


def step(context: int, policy: str) -> tuple[int, int]:
    """Return gradients and activations as a sum, and the peak of a step [bytes].

    >>> step(64, "keep all")
    (2635559692, 3522301960)
    """
    model, run = Model.named(STEPPED), step_run(context, policy)
    memory = breakdown(model, run)
    return memory["gradients"] + memory["activations"], step_peak(model, run)


def step_run(context: int, policy: str) -> Training:
    """Return the run of such a step."""
    return Training(context=context, recipe="bf16", attention="eager", recompute=POLICIES[policy])


@cache  # an explorer asks in every frame
def measured_steps(policy: str) -> dict[int, int]:
    """Return context → peak, as measured with this policy [tokens, bytes]."""
    rows = [row for row in measurements() if row.quantity == "step_peak" and row.model == STEPPED]
    alike = [row for row in rows if Training(**row.inputs) == step_run(row.inputs["context"], policy)]
    return {row.inputs["context"]: int(row.measured) for row in alike}
