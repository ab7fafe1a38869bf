"""The article's tables as published: rows of cells, each of which is recomputed and judged."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import ClassVar, Self

from memcalc import catalogue

Judged = tuple[str, str, str]
"""What stands in the place of a cell, the verdict on it, which is one of `claims.VERDICTS`, and why."""


@dataclass(frozen=True)
class PublishedRow:
    """A row of a table: its cells as published; each table judges them in a `judged` of its own."""

    cells: tuple[Mapping[str, str], ...]
    table: ClassVar[str]

    @classmethod
    def rows(cls) -> list[Self]:
        """Return the rows of the table, as data/article.csv has them."""
        cells = (cell for cell in catalogue.rows("article") if cell["table"] == cls.table)
        return [cls(tuple(row)) for _, row in groupby(cells, itemgetter("row"))]

    @property
    def subject(self) -> str:
        """What the row is about, as the article calls it."""
        return self.cells[0]["subject"]

    def published(self, quantity: str) -> str:
        """Return the published number or word."""
        return self._cell(quantity)["published"]

    def as_published(self, quantity: str) -> str:
        """Return the published cell, with its unit."""
        return f"{self.published(quantity)} {self._cell(quantity)['unit']}".strip()

    def recomputed(self, quantity: str) -> str:
        """Return what stands in the place of the cell."""
        return self.judged(quantity)[0]

    def verdict(self, quantity: str) -> tuple[str, str]:
        """Return the verdict on a cell, and why."""
        return self.judged(quantity)[1:]

    def lines(self) -> Iterator[dict[str, str]]:
        """Yield the line of each cell in a table of verdicts."""
        for quantity in (cell["quantity"] for cell in self.cells):
            recomputed, verdict, why = self.judged(quantity)
            line = {"Quantity": quantity, "Published": self.as_published(quantity), "Recomputed": recomputed}
            yield line | {"Verdict": verdict, "Why": why}

    def _cell(self, quantity: str) -> Mapping[str, str]:
        return next(cell for cell in self.cells if cell["quantity"] == quantity)


def table_of(lines: Iterable[Mapping[str, object]]):
    """Return lines as a table of pandas."""
    import pandas  # the pictures of a page do without it

    return pandas.DataFrame(lines)
