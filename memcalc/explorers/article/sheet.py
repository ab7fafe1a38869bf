"""A printed table whose numbers can be clicked."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from memcalc.explorers.marks import Marks

_HIGH = {False: 31, True: 42}  # of a row of one line, and of two [px]
_LETTER = 7.3  # how wide a letter is, about [px]
_BESIDE = 50  # how far after the first cell of a column a second one begins [px]
_BELOW = 21  # or how high the strip is in which it stands below the row [px]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    head : what stands above it; "|" where it is broken on a narrow page
    wide : layout → how wide it is [px]
    words : whether it has words, which begin at the left, and not numbers, which end at the right
    """

    head: str
    wide: Mapping[int, int]
    words: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell that can be clicked.

    Parameters
    ----------
    name : of its shapes
    text, after : what is printed, and what is printed after it, or below on a narrow page
    says : what it is, in words
    press : the settings that a click makes
    of : the term that it counts
    mark : the sign of its verdict, if it is shown
    struck : whether it is struck out
    """

    name: str
    text: str
    says: str
    press: Mapping[str, object]
    after: str = ""
    of: str = ""
    mark: str = ""
    struck: bool = False


Printed = str | Sequence[Cell]
"""What stands in a column of a row: words that are not counted, or cells."""


def draw(marks: Marks, columns: Sequence[Column], rows: Sequence[Sequence[Printed]], chosen: str) -> float:
    """Draw a table with one cell chosen; return where it ends."""
    ends = list(accumulate((column.wide[marks.width] for column in columns), initial=1 if _narrow(marks) else 12))
    spans = [_Span(left, right, column.words) for column, (left, right) in zip(columns, pairwise(ends), strict=True)]
    top = _heads(marks, columns, spans)
    for number, row in enumerate(rows):
        top = _row(marks, f"row_{number}", spans, row, top, chosen)
    return top


@dataclass(frozen=True)
class _Span:
    """From where to where a column goes [px], and whether it has words."""

    left: float
    right: float
    words: bool


def _narrow(marks: Marks) -> bool:
    return marks.width < 600


def _room(marks: Marks) -> int:
    """Return how much room the verdict has on the right of a number [px]."""
    return 27 if _narrow(marks) else 31


def _heads(marks: Marks, columns: Sequence[Column], spans: Sequence[_Span]) -> float:
    unbroken = marks.width == max(columns[0].wide)
    heads = [column.head.replace("-|", "").replace("|", " ") if unbroken else column.head for column in columns]
    most = max(head.count("|") for head in heads)
    for place, (head, span) in enumerate(zip(heads, spans, strict=True)):
        x, anchor = (span.left + 4, "start") if span.words else (span.right - 5, "end")
        for line, text in enumerate(head.split("|"), most - head.count("|")):
            look = "tiny" if _narrow(marks) else ""
            marks.text(f"head_{place}_{line}", x, 14 + 14 * line, text, anchor=anchor, look=look)
    bottom = 22 + 14 * most
    marks.line("head_line", [(spans[0].left, bottom), (spans[-1].right, bottom)], look="ink")
    return bottom


def _row(marks: Marks, name: str, spans: Sequence[_Span], row: Sequence[Printed], top: float, chosen: str) -> float:
    high = _HIGH[max(_lines(marks, span, printed) for span, printed in zip(spans, row, strict=True)) > 1]
    below = marks.width < 860 and any(_several(printed) for printed in row)
    for place, (span, printed) in enumerate(zip(spans, row, strict=True)):
        if isinstance(printed, str):
            lines = _wrapped(span, printed)
            for line, text in enumerate(lines):
                y = top + high / 2 + 5 + 17 * line - 8.5 * (len(lines) - 1)
                marks.text(f"{name}_{place}_{line}", span.left + 4, y, text, look=_look(marks))
        else:
            _cells(marks, span, top, high, printed, chosen)
    bottom = top + high + _BELOW * below
    marks.line(f"{name}_line", [(spans[0].left, bottom), (spans[-1].right, bottom)], look="hair")
    return bottom


def _look(marks: Marks) -> str:
    return "plain" if _narrow(marks) else "body"


def _several(printed: Printed) -> bool:
    return not isinstance(printed, str) and len(printed) > 1


def _wrapped(span: _Span, text: str) -> list[str]:
    return textwrap.wrap(text, round((span.right - span.left) / _LETTER))


def _lines(marks: Marks, span: _Span, printed: Printed) -> int:
    if isinstance(printed, str):
        return len(_wrapped(span, printed))
    return 1 + (_narrow(marks) and any(cell.after for cell in printed))


def _cells(marks: Marks, span: _Span, top: float, high: float, cells: Sequence[Cell], chosen: str) -> None:
    """Draw the cells of a column: a second one stands beside the first, or below the row where the page is not wide."""
    first, *second = cells
    beside = replace(span, right=span.left + _BESIDE) if second and marks.width >= 860 else span
    _cell(marks, beside, top, high, first, chosen)
    for cell in second:
        if beside is span:
            _cell(marks, replace(span, left=span.right - 3 * _BESIDE), top + high - 5, _BELOW + 4, cell, chosen)
        else:
            _cell(marks, replace(span, left=beside.right), top, high, cell, chosen)


def _cell(marks: Marks, span: _Span, top: float, high: float, cell: Cell, chosen: str) -> None:
    x, anchor = (span.left + 4, "start") if span.words else (span.right - _room(marks), "end")
    middle = top + high / 2
    after = f" ({cell.after})" if cell.after else ""
    if after and _narrow(marks):
        marks.text(f"{cell.name}_after", span.right - 3, middle + 15, cell.after, anchor="end", look="tiny")
        middle, after = middle - 6, ""
    printed = {"anchor": anchor, "of": cell.of}
    marks.text(cell.name, x, middle + 5, f"{cell.text}{after}", look=_look(marks), **printed)
    if cell.struck:  # once more, with a line through it: a verdict waits until a guess is made
        struck = f"{_look(marks)} struck"
        marks.text(f"{cell.name}_struck", x, middle + 5, f"{cell.text}{after}", look=struck, answer=True, **printed)
    if cell.mark:
        letter = (6.8 if _narrow(marks) else _LETTER) * span.words
        beside = x + 3 + 5 * span.words + letter * len(cell.text)
        marks.text(f"{cell.name}_mark", beside, middle + 5, cell.mark, look="mark", answer=True)
    reach = {"look": "reach chosen" if cell.name == chosen else "reach", "press": cell.press, "says": cell.says}
    wide = span.right - span.left - 2
    marks.rect(f"{cell.name}_reach", span.left + 1, top + 2, wide, high - 4, rx=3, group="cells", **reach)
