"""Reality: measured amounts, what the formula says to each, and why the two differ where they do."""

from collections.abc import Iterable

from memcalc import InputError
from memcalc.estimate.measured import COLUMNS, NOTABLE, Measurement, measurements, read, row
from memcalc.tables import WholeTable

__all__ = ["COLUMNS", "NOTABLE", "Measurement", "against", "measurements", "read", "residuals", "row", "table"]


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
