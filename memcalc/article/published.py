"""The article's tables as published: rows of cells, each of which gets a verdict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from memcalc import catalogue

Cells = tuple[Mapping[str, str], ...]


def published(table: str) -> dict[str, Cells]:
    """Return row number → cells of one of the article's tables, as data/article.csv has them.

    >>> [cell["published"] for cell in published("2")["1"]]
    ['24', '1.0', '1600', '7']
    """
    cells = [cell for cell in catalogue.rows("article") if cell["table"] == table]
    numbers = dict.fromkeys(cell["row"] for cell in cells)
    return {number: tuple(cell for cell in cells if cell["row"] == number) for number in numbers}


@dataclass(frozen=True)
class PublishedRow(ABC):
    """A row of a table: its cells as published, which each table recomputes and judges in its own way."""

    cells: Cells

    @property
    def subject(self) -> str:
        """What the row is about, as the article calls it."""
        return self.cells[0]["subject"]

    @property
    def quantities(self) -> list[str]:
        """The quantity of each cell."""
        return [cell["quantity"] for cell in self.cells]

    def published(self, quantity: str) -> str:
        """Return the published number or word."""
        return self._cell(quantity)["published"]

    def as_published(self, quantity: str) -> str:
        """Return the published cell, with its unit."""
        return f"{self.published(quantity)} {self._cell(quantity)['unit']}".strip()

    @abstractmethod
    def recomputed(self, quantity: str) -> str:
        """Return what the formula or the catalogue has instead."""

    @abstractmethod
    def verdict(self, quantity: str) -> tuple[str, str]:
        """Return the verdict on a cell, one of `claims.VERDICTS`, and why."""

    def judged(self, quantity: str) -> dict[str, str]:
        """Return the cell as a line of a table of verdicts."""
        verdict, why = self.verdict(quantity)
        recomputed = {"Published": self.as_published(quantity), "Recomputed": self.recomputed(quantity)}
        return {"Quantity": quantity, **recomputed, "Verdict": verdict, "Why": why}

    def _cell(self, quantity: str) -> Mapping[str, str]:
        return next(cell for cell in self.cells if cell["quantity"] == quantity)
