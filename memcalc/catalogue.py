"""The tables in data/: read once, rows found by name."""

import csv
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Self

from memcalc.errors import choice

_DATA = files("memcalc") / "data"


@cache
def rows(table: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows of data/<table>.csv, which nobody can change.

    >>> rows("formats")[0]["name"]
    'FP32'
    """
    with (_DATA / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(map(MappingProxyType, csv.DictReader(lines)))


def names(table: str, column: str = "") -> list[str]:
    """Return the names in a table, in its order; with a column, of those rows alone that say yes there.

    >>> "Q4_K_M" in names("formats", "usual"), "Q4_K_M" in names("formats", "cache")
    (True, False)
    """
    return [row["name"] for row in rows(table) if not column or row[column] == "yes"]


def find(table: str, field: str, name: object) -> Mapping[str, str]:
    """Return the row that `name`, or one of its aliases, spells; else raise InputError with the nearest names.

    >>> find("gpus", "gpu", "rtx4090")["reported_mib"]
    '24564'
    """
    known, aliases = _index(table)
    return known[choice(field, name, known, aliases)]


@cache
def _index(table: str) -> tuple[dict[str, Mapping[str, str]], dict[str, str]]:
    """Return name → row, and alias → name."""
    aliases = {alias: row["name"] for row in rows(table) for alias in row.get("aliases", "").split("|") if alias}
    return {row["name"]: row for row in rows(table)}, aliases


_READ = {
    bool: lambda text: text in ("1", "yes"),
    int: lambda text: int(text or 0),
    int | None: lambda text: int(text) if text else None,
    Fraction: lambda text: Fraction(text or 0),
    frozenset[str]: lambda text: frozenset(text.split("|")),
}
"""Type → how the text of a cell becomes one; an empty number is 0."""


class Row:
    """A row of a table as an object: a dataclass whose fields are columns, each read as its type says."""

    def __init_subclass__(cls, table: str):
        cls._table = table

    @classmethod
    @cache
    def named(cls, name: str) -> Self:
        """Return the row of that name; a wrong name raises InputError with the nearest ones."""
        row = find(cls._table, cls.__name__.casefold(), name)
        return cls(**{one.name: _READ.get(one.type, one.type)(row[one.name]) for one in fields(cls)})


def bibliography() -> str:
    """Return the text of references.bib."""
    return (_DATA / "references.bib").read_text(encoding="utf-8")
