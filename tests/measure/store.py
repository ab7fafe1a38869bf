"""Where rows are kept: those of the last complete run in the package, those of a run that goes on beside this file."""

import csv
from collections.abc import Iterable
from pathlib import Path

from memcalc.validation import COLUMNS

DATA = Path(__file__).parents[2] / "memcalc" / "data" / "measured.csv"
DATA_OF_TESTS = Path(__file__).parents[1] / "data"
PARTS = Path(__file__).parent
Row = dict[str, str]


def place(table: str) -> Path:
    """Return where the rows of a table stand: one of tests/data, or "" for that of the package."""
    return DATA_OF_TESTS / f"{table}.csv" if table else DATA


def part(device: str) -> Path:
    """Return where the rows of a run on a device stand until it has come to its end."""
    return PARTS / f"measured.{device}.part.csv"


def load(path: Path) -> dict[str, Row]:
    """Return id → row; nothing if there is no such file."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["id"]: row for row in csv.DictReader(lines)}


def save(path: Path, rows: Iterable[Row]) -> None:
    """Write rows in the order of their ids: all of them, or, if something stops it, none."""
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["id"]))
    beside.replace(path)
