"""What has a name here: models, cards, formats, engines, optimizers and recipes, in groups."""

import argparse
import json
import shutil
import textwrap
from collections.abc import Callable, Mapping
from enum import StrEnum

from memcalc import catalogue
from memcalc.formula.choices import Family, Layout

_Row = Mapping[str, str]


def _sentence(kind: type[StrEnum], column: str) -> Callable[[_Row], str]:
    return lambda row: kind(row[column]).sentence


TABLES: dict[str, Callable[[_Row], str]] = {
    "models": lambda row: row["maker"],
    "gpus": lambda row: row["vendor"],
    "formats": _sentence(Family, "family"),
    "engines": lambda row: row["kind"] or "no engine: what tokens and states themselves need",
    "optimizers": _sentence(Layout, "layout"),
    "recipes": lambda row: "bytes of weights, gradients and master weights",
}
"""Each table that can be listed → the group of a row."""


def groups(table: str) -> dict[str, list[str]]:
    """Return the names in a table by group, in the table's order.

    >>> groups("engines")["vLLM"]
    ['vLLM']
    """
    found = {}
    for row in catalogue.rows(table):
        found.setdefault(TABLES[table](row), []).append(row["name"])
    return found


def answer(options: argparse.Namespace) -> None:
    """Print the names in a table."""
    found = groups(options.table)
    if options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    width = shutil.get_terminal_size().columns
    fill = {"width": max(width, 40), "initial_indent": "  ", "subsequent_indent": "  ", "break_on_hyphens": False}
    for group, names in found.items():
        joined = ", ".join(name.replace(" ", "\0") for name in names)
        print(f"{group}\n{textwrap.fill(joined, **fill)}".replace("\0", " "))
