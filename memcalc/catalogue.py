"""The tables in data/: read once, rows found by name."""

import csv
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from importlib.resources import files
from itertools import product
from types import MappingProxyType
from typing import Self, get_args, get_origin, get_type_hints

from memcalc import texts
from memcalc.errors import InputError, choice, shown, spelled

_DATA = files("memcalc") / "data"
LISTED = ("models", "gpus", "formats", "engines", "optimizers", "recipes")
"""Tables whose names a user may want to see."""

_types = cache(get_type_hints)  # which takes longer than to read a row


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

    A name that several sizes share raises InputError with each of them.

    >>> find("gpus", "gpu", "NVIDIA GeForce RTX 4090")["reported_mib"]
    '24564'
    """
    known, aliases, sizes = _index(table)
    if isinstance(name, str) and name in known:
        return known[name]
    if several := spelled(name, sizes):
        *first, last = sorted(several, key=_by_numbers)
        said = texts.later("{field} {given} is sold in several sizes: name {names} or {last}.")
        raise InputError(texts.tr(said, field=field, given=shown(name), names=", ".join(first), last=last))
    return known[choice(field, name, known, aliases, where_listed(table))]


def _by_numbers(name: str) -> list[str | int]:
    """Return what sorts names as people do, 96 before 128."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def where_listed(table: str) -> str:
    """Return the sentence that says where a user sees the names in a table; "" for one that is not listed.

    >>> where_listed("gpus")
    '`python -m memcalc list gpus` lists all that are.'
    """
    return texts.tr("`python -m memcalc list {table}` lists all that are.", table=table) if table in LISTED else ""


def language(name: str = "") -> str:
    """Choose the language of what people read, and return it; without a name, return the one that is chosen.

    Raises InputError for a language that has no catalogue.

    >>> language("en"), language()
    ('en', 'en')
    """
    if name:
        texts.speak(choice("language", name, texts.languages()))
    return texts.chosen()


@cache
def _index(table: str) -> tuple[dict[str, Mapping[str, str]], dict[str, str], dict[str, list[str]]]:
    """Return name → row, other spelling → name, and the name that sizes share → the names of them."""
    aliases, sizes = {}, {}
    for row in rows(table):
        others = filter(None, row.get("aliases", "").split("|"))
        aliases |= {spelling: row["name"] for name in (row["name"], *others) for spelling in _spellings(row, name)}
        for spelling in _spellings(row, row.get("sizes_of", "")):
            sizes.setdefault(spelling, []).append(row["name"])
    return {row["name"]: row for row in rows(table)}, aliases, sizes


def _spellings(row: Mapping[str, str], name: str) -> set[str]:
    """Return a name with and without each of the words that may stand before it: the vendor, and those of a brand."""
    brands = row.get("brand", "").split("|")
    return {spelling for brand in brands for spelling in _branded(row.get("vendor", ""), brand.split(), name)}


def _branded(vendor: str, brand: list[str], name: str) -> set[str]:
    for word in brand:
        name = name.removeprefix(f"{word} ")
    before = product(*(("", f"{word} ") for word in (vendor, *brand) if word))
    return {"".join(words) + name for words in before} if name else set()


class Row:
    """A dataclass whose objects can be rows of a table; a field is the cell of its column."""

    @classmethod
    def of_row(cls, row: Mapping[str, str]) -> Self:
        """Return what a row says; where a cell is empty, a field has its default."""
        types = _types(cls)
        said = [field.name for field in fields(cls) if row.get(field.name) or field.default is MISSING]
        return cls(**{column: _read(types[column], row[column]) for column in said})

    @classmethod
    def named(cls, name: str) -> Self:
        """Return what the table called like the class says of a name; a wrong one raises InputError, as `find`."""
        return _made(cls, name) if isinstance(name, str) else _row_of(cls, name)


def _row_of(kind: type[Row], name: object) -> Mapping[str, str]:
    called = kind.__name__.lower()
    return find(f"{called}s", called, name)


@cache
def _made(kind: type[Row], name: str) -> Row:
    return kind.of_row(_row_of(kind, name))


def _read(kind: object, cell: str) -> object:
    """Read a cell as the type of its field: a number, a text or a word of a few, yes or no, names parted by "|"."""
    if get_origin(kind) is frozenset:
        return frozenset(cell.split("|"))
    kind = next(iter(get_args(kind)), kind)  # of "int | None", the int
    return cell == "yes" if kind is bool else kind(cell) if cell else None


def bibliography() -> str:
    """Return the text of references.bib."""
    return (_DATA / "references.bib").read_text(encoding="utf-8")
