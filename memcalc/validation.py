"""Reality: measured amounts, what the formula says to each, and why the two differ where they do."""

import html
from collections.abc import Iterable
from dataclasses import dataclass

from memcalc import Inference, InputError, Training
from memcalc.estimate.measured import COLUMNS, NOTABLE, Measurement, measurements, read, row
from memcalc.tables import WholeTable
from memcalc.texts import later, tr

__all__ = ["COLUMNS", "NOTABLE", "Lines", "Measurement", "against", "measurements", "read", "residuals", "row", "table"]

_SAID = {
    "context": later("{value:,} tokens"),
    "batch": later("batch of {value}"),
    "data_parallel": later("{value} cards"),
    "kv_cache": later("{value} cache"),
    "rows": later("{value:,} rows"),
    "columns": later("{value:,} columns"),
    **dict.fromkeys(("engine", "weights", "format", "recipe", "optimizer", "attention", "sharding", "gpu"), "{value}"),
}
"""Input → how it is said; others are said with their name."""


@dataclass(frozen=True)
class Lines:
    """Measured rows as sentences, one a line; in a notebook each unfolds to how it was measured.

    Parameters
    ----------
    rows : what was measured
    """

    rows: tuple[Measurement, ...]

    def __repr__(self) -> str:
        return "\n".join(map(_sentence, self.rows))

    def _repr_html_(self) -> str:
        told = ((html.escape(_sentence(one)), _details(one)) for one in self.rows)
        return "".join(f"<details><summary>{line}</summary>{details}</details>" for line, details in told)


def against(*rows: str | Measurement) -> Lines:
    """Return measured rows, or those with these ids, each as a sentence that says whether the formula agrees.

    Raises InputError for an id that no row has.

    >>> against("L002")
    Llama-2-7B, 32,768 tokens, llama.cpp, FP16 cache: the cache takes 17,179,869,184 bytes, as the formula says ✓
    """
    if not rows:
        raise InputError("rows must be at least one measurement, not none.")
    return Lines(tuple(one if isinstance(one, Measurement) else row(one) for one in rows))


def _sentence(one: Measurement) -> str:
    """Say what was measured on what, and what the formula says to it."""
    unit, measured, predicted = one.row["unit"], *(f"{float(each):,.0f}" for each in (one.measured, one.predicted))
    amount = f"{', '.join(_on_what(one))}: {tr(one.row['said'])} {measured} {tr(unit)}".removeprefix(": ")
    if one.row["bound"] == "below":
        most = tr("{amount}; the formula says at most {predicted}", amount=amount, predicted=predicted)
        return f"{most} {'✓' if one.within else '✗'}"
    if one.residual == 0:
        return tr("{amount}, as the formula says ✓", amount=amount)
    more = later("{amount}, {share} more than the {predicted} of the formula")
    less = later("{amount}, {share} less than the {predicted} of the formula")
    said = tr(more if one.residual > 0 else less, amount=amount, share=one.percent.strip("-"), predicted=predicted)
    return tr("{sentence}: unfold to read why", sentence=said) if one.cause else said


def _on_what(one: Measurement) -> list[str]:
    """Return the model and the inputs in words; of a model that was changed only that it was."""
    of_run = {name: value for name, value in one.inputs.items() if _is_said(name)}
    changed = tr(" with other sizes") if len(of_run) < len(one.inputs) else ""
    said = [tr(_SAID.get(name, f"{name.replace('_', ' ')} {{value}}"), value=value) for name, value in of_run.items()]
    alone = {"batch": 1}  # goes without saying
    said = [words for words, (name, value) in zip(said, of_run.items(), strict=True) if alone.get(name) != value]
    return [f"{one.model}{changed}", *said] if one.model else said


def _is_said(name: str) -> bool:
    """Return whether an input belongs to the run, or to a matrix, and not to the model."""
    return name in _SAID or name in Inference.declared or name in Training.declared


def _details(one: Measurement) -> str:
    lines = [tr("What it is: {meaning}.", meaning=tr(one.row["meaning"]))]
    lines += [tr("Why the two differ: {cause}.", cause=tr(one.cause))] if one.cause else []
    lines += [
        tr("Inputs: {inputs}.", inputs=one.written),
        tr("How it was measured: {how}.", how=tr(one.how)),
        tr("{library}; {date}; row {id}.", library=one.library, date=one.date, id=one.id),
    ]
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


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
    for one in measurements() if rows is None else rows:
        groups.setdefault(one.quantity, []).append(one)
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
