"""Several cards or formats in one table: what they need, whether it fits, how much context, how fast at best."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING

from memcalc import catalogue
from memcalc.command.answers import in_words, run_of
from memcalc.errors import InputError
from memcalc.specs.engines import formats_of
from memcalc.specs.inference import Inference
from memcalc.specs.run import weights_formats
from memcalc.units import show

if TYPE_CHECKING:
    from memcalc.estimate.inference import AnyModel
    from memcalc.specs.gpu import Gpu

_MOST_ROWS = 300
"""Longer tables nobody reads, and they take minutes."""

ALL = "all"
"""What stands for every card, or every format that the engine has."""


@dataclass(frozen=True)
class Row:
    """One line: bytes, tokens, tokens per second; None where it is not known, and why in `refused`."""

    card: str
    weights: str
    needed: int | None = None
    capacity: int | None = None
    margin: int | None = None
    fits: bool | None = None
    largest_context: int | None = None
    tokens_per_second: float | None = None
    refused: str = ""


def answer(options: argparse.Namespace) -> None:
    """Print the table of a command line."""
    _refuse_what_no_table_shows(options)
    run = run_of(options)
    cards = _cards([*options.gpu, *options.cards])
    formats = _formats(options.formats, run)
    if len(cards) * len(formats) > _MOST_ROWS:
        pairs = f"{len(cards):,} cards in {len(formats):,} formats"
        raise InputError(f"a table must have at most {_MOST_ROWS} rows, and {pairs} are more: name fewer of either.")
    from memcalc.command.models import meant
    from memcalc.estimate.inference import as_published

    model = meant(options.model, options.tag)
    run = as_published(model, run)
    rows = list(_with_progress(rows_of(model, run, cards, formats), len(cards) * len(formats)))
    if all(row.refused for row in rows) and len({row.refused for row in rows}) == 1:
        raise InputError(rows[0].refused)
    form = "json" if options.json else options.table or "text"
    several = [len(cards) > 1, len(formats) > 1]
    print(_with_words(model, run, rows, several) if form == "text" else _WRITERS[form](rows), end="")


def _refuse_what_no_table_shows(options: argparse.Namespace) -> None:
    if len(options.gpu) > 1 or options.tensor_split:
        raise InputError("gpu must be one card in a table: --cards compares several, which do not share a model out.")
    if options.explain:
        raise InputError("explain must be left out with a table, which has no room for what each term means.")
    if options.json and options.table not in (None, "json"):
        raise InputError(f"table must be json with --json, not {options.table}.")


def rows_of(model: AnyModel, run: Inference, cards: Iterable[str], formats: Sequence[str]) -> Iterator[Row]:
    """Yield a row for each card and each format of the weights; what is refused has the sentence that says why."""
    for card in cards:
        for form in formats:
            try:
                yield _row(model, replace(run, weights=form), card)
            except InputError as problem:
                yield Row(card, form, refused=str(problem))


def _cards(names: list[str]) -> list[str]:
    if not names:
        raise InputError('gpu must name a card, such as "RTX 4090", or cards several of them.')
    if ALL in names:
        return catalogue.names("gpus")
    return list(dict.fromkeys(names))


def _formats(names: list[str], run: Inference) -> list[str]:
    """Return the formats that were asked for; all that the engine has, or of no engine all that are usual."""
    if ALL in names:
        kind = run.reserving.kind
        return list(formats_of(kind, "weights")) if kind else weights_formats()
    return list(dict.fromkeys(names)) or [run.weights]


def _row(model: AnyModel, run: Inference, card: str) -> Row:
    from memcalc.estimate.inference import resolved
    from memcalc.estimate.questions import fits, largest
    from memcalc.specs.gpu import Gpu

    gpu = Gpu.of(card)
    fit = fits(model, run, gpu)
    context = largest("context", model, run, gpu)
    weights = resolved(model, run).weights
    speed = _speed(model, run, gpu) if fit else None
    return Row(gpu.name, weights, fit.needed, fit.capacity, fit.margin, bool(fit), context, speed)


def _speed(model: AnyModel, run: Inference, gpu: Gpu) -> float | None:
    from memcalc.estimate.speed import fastest
    from memcalc.specs.model import Model

    return fastest(model, run, gpu).decode if isinstance(model, Model) else None


def _with_progress(rows: Iterable[Row], count: int) -> Iterator[Row]:
    """Yield the rows; whoever waits at a terminal for more than a second reads how far it is."""
    begun, told = time.monotonic(), False
    for done, row in enumerate(rows, start=1):
        yield row
        if time.monotonic() - begun > 1 and sys.stderr and sys.stderr.isatty():
            told = True
            print(f"\r{done:,} of {count:,}", end="", file=sys.stderr, flush=True)
    if told:
        print("\r" + " " * 20 + "\r", end="", file=sys.stderr, flush=True)


def _with_words(model: AnyModel, run: Inference, rows: Sequence[Row], several: Sequence[bool]) -> str:
    """Return the table under what all of its rows share, and above what its numbers are.

    Parameters
    ----------
    several : whether there are several cards, and several formats, so that their column is shown
    """
    from memcalc.estimate.effects import without_effect

    known = [row for row in rows if not row.refused]
    run = replace(run, weights=known[0].weights) if known else run
    cards, formats = several
    said = f": {in_words(model, run, ['weights'] if formats else [])}" if known else ""
    title = f"{model.name}{'' if cards else f' on {rows[0].card}'}{said}"
    idle = without_effect(model, run) if known else []
    return "\n".join([title, "", _as_text(rows, several), _WHAT_IT_IS, *idle, ""])


_WHAT_IT_IS = "context: the most tokens that the card holds; tokens/s: of each sequence, what no program exceeds."

_HEAD = ("card", "weights", "needs", "has", "margin", "fits", "context", "tokens/s")
_LEFT = 2
"""So many of the columns are texts, which stand at the left."""


def _cells(row: Row) -> list[str]:
    if row.refused:
        return [row.card, row.weights, row.refused]
    sizes = [show(size) for size in (row.needed, row.capacity, row.margin)]
    speed = "" if row.tokens_per_second is None else f"{row.tokens_per_second:,.0f}"
    return [row.card, row.weights, *sizes, "yes" if row.fits else "no", f"{row.largest_context:,}", speed]


def _as_text(rows: Sequence[Row], shown: Sequence[bool]) -> str:
    """Return the rows in columns; of the texts at the left, those that are to be shown."""
    cells = [[*compress(line, shown), *line[_LEFT:]] for line in ([*_HEAD], *map(_cells, rows))]
    texts = sum(shown)
    whole = [line for line in cells if len(line) == len(cells[0])]
    widths = [max(len(line[column]) for line in whole) for column in range(len(cells[0]))]
    widths[:texts] = [max(len(line[column]) for line in cells) for column in range(texts)]
    return "\n".join("  ".join(_aligned(line, widths, texts)).rstrip() for line in cells) + "\n"


def _aligned(line: Sequence[str], widths: Sequence[int], texts: int) -> Iterator[str]:
    for column, (cell, width) in enumerate(zip(line, widths, strict=False)):
        yield f"{cell:<{width}}" if column < texts or len(line) < len(widths) else f"{cell:>{width}}"


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    marks = ["---"] * _LEFT + ["---:"] * (len(_HEAD) - _LEFT)
    lines = [_HEAD, marks, *map(_cells, rows)]
    full = ([*line, *[""] * (len(_HEAD) - len(line))] for line in lines)
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in full)


def as_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV, with bytes and tokens as whole numbers."""
    out = io.StringIO()
    table = csv.DictWriter(out, list(Row.__dataclass_fields__), lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(row) for row in rows)
    return out.getvalue()


def _as_json(rows: Sequence[Row]) -> str:
    return json.dumps([asdict(row) for row in rows], indent=2) + "\n"


_WRITERS = {"markdown": as_markdown, "csv": as_csv, "json": _as_json}
