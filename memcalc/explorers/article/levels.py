"""Columns against levels: what was counted, drawn to scale, and what somebody says of it, as a line over it."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from memcalc.explorers.frame import Guess
from memcalc.explorers.marks import Marks, along, apart
from memcalc.explorers.vessel import square_of
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import tr

HIGH = 184
"""The room above the floor [px]."""

ROOM = {360: 190, 600: 270, 860: 372}
"""Layout → the room for what was counted [px]."""

LABELS = {360: 230, 600: 352, 860: 470}
"""Layout → where the words beside it begin [px]."""


@dataclass(frozen=True)
class Column:
    """What was counted.

    Parameters
    ----------
    name : of its shapes
    parts : what lies in it from the floor up → how much; what is called like a term has its colour
    words : a strong line, and fainter ones
    says : what it is, in words
    looks : of parts that are no terms
    """

    name: str
    parts: Mapping[str, float]
    words: Sequence[str]
    says: str
    looks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Level:
    """What somebody says.

    Parameters
    ----------
    name : of its shapes
    amount : how much
    words : a line, and another one
    short : the line on a narrow page
    look : of its line
    """

    name: str
    amount: float
    words: Sequence[str]
    short: str
    look: str


@dataclass(frozen=True)
class Chart:
    """Columns, and the levels over them.

    Parameters
    ----------
    columns, levels : what is compared
    square : what one square stands for, such as "GiB"; without it, columns have no squares, and their height counts
    below : whether the words of columns stand below them, and not beside
    """

    columns: Sequence[Column]
    levels: Sequence[Level]
    square: str = ""
    below: bool = False

    def high(self, width: int) -> int:
        """Return how high it is drawn in a layout [px]."""
        return HIGH + (66 if self.below else 72 if width < 600 else 30)


@dataclass(frozen=True)
class Board:
    """A chart at a scale.

    Parameters
    ----------
    left, floor : where its columns begin [px]
    pitch, wide : how far apart columns are, and how wide [px]
    per : how high one more of the unit stands [px]
    unit : side of the square of one unit; 0 without squares [px]
    """

    marks: Marks
    chart: Chart
    left: float
    floor: float
    pitch: float
    wide: float
    per: float
    unit: float

    def x(self, place: int) -> float:
        """Return where a column begins [px]."""
        return self.left + self.pitch * place + (self.pitch - self.wide) / 2 * self.chart.below

    def y(self, amount: float) -> float:
        """Return how high an amount stands [px]."""
        return self.floor - self.per * amount

    @property
    def end(self) -> float:
        """Where the last column ends [px]."""
        return self.x(len(self.chart.columns) - 1) + self.wide

    @property
    def scale(self) -> str:
        """A name of the scale."""
        return f"{self.per:.3g}"

    def ask(self, asks: str) -> Guess:
        """Draw the level that is dragged to where the only column is expected to end, and return what is asked."""
        (column,), left = self.chart.columns, self.x(0)
        self.marks.level(left - 10, LABELS[self.marks.width] - 14, self.floor - HIGH / 4, left + 4)
        return Guess(
            asks=asks,
            unit=tr(self.chart.square),
            truth=sum(column.parts.values()),
            handle={"axis": "y"} | along("guess", origin=self.floor, size=-self.per),
            low=0,
            high=round(HIGH / self.per, 2),
        )


def draw(marks: Marks, chart: Chart, top: float) -> Board:
    """Draw columns, levels and their words from a place down; return at which scale."""
    pitch = ROOM[marks.width] / len(chart.columns)
    board = Board(marks, chart, 12 if marks.width < 600 else 34, top + HIGH, pitch, *_scale(chart, pitch))
    for place, column in enumerate(chart.columns):
        _column(board, column, board.x(place))
    reach = (board.x(0) - 10, board.end + 10)
    marks.line("floor", [(x, board.floor + 1) for x in reach], look="wall thin")
    for level in chart.levels:
        marks.line(f"level_{level.name}", [(x, board.y(level.amount)) for x in reach], look=level.look)
    _words(board)
    if board.unit:
        right = chart.below and marks.width >= 600
        place = (LABELS[marks.width], 19) if right else (board.x(0), 62 if chart.below else 20)
        words = tr("one square is {count:,} {unit}", count=square_of(board.unit)[1], unit=tr(chart.square))
        marks.text("scale", place[0], board.floor + place[1], words, look="tiny")
    return board


def _scale(chart: Chart, pitch: float) -> tuple[float, float, float]:
    """Return how wide a column is, how high one more of the unit stands, and the side of a square [px]."""
    high = HIGH - 18
    amounts = [sum(column.parts.values()) for column in chart.columns]
    said = [level.amount for level in chart.levels]
    most = max(amounts + said)
    if not chart.square:
        return min(74, 0.6 * pitch), high / most, 0
    room = 0.7 * pitch if chart.below else pitch - 20
    squares = max(1, round(math.sqrt(max(said or amounts) * min(1.5, room / high))))
    unit = min(62, room / squares, high * squares / most)
    return squares * unit, unit / squares, unit


def _column(board: Board, column: Column, x: float) -> None:
    marks, bottom = board.marks, board.floor
    for part, amount in column.parts.items():
        name, high = f"{column.name}_{part}", board.per * amount
        place = {"x": x, "y": bottom - high, "width": board.wide, "height": high}
        colour = {"of": part, "look": "area"} if part in SUMMANDS else {"look": column.looks.get(part, "tile tint")}
        later = {"answer": not board.chart.below}  # one alone can be guessed
        marks.rect(name, **place, **colour, **later, says=column.says, **{"from": {"y": bottom, "height": 0}})
        if board.unit and part in SUMMANDS:
            pattern = marks.grid(f"{name}_grid", x, bottom, square_of(board.unit)[0], of=part)
            marks.rect(f"{name}_squares", **place, **later, fill=pattern, look="texture")
        bottom -= high


def _words(board: Board) -> None:
    """Write the words of levels on the right, and those of columns below, or also on the right if there is one."""
    chart, narrow = board.chart, board.marks.width < 600
    lines = {f"level_{level.name}": (board.y(level.amount), level.words) for level in chart.levels}
    if narrow:
        lines = {f"level_{level.name}": (board.y(level.amount), [level.short]) for level in chart.levels}
    for place, column in enumerate(chart.columns):
        if chart.below:
            _below(board, column, board.x(place) + board.wide / 2)
        elif narrow:
            board.marks.label("column", board.x(0), board.floor + 42, column.words, of=_term(column), answer=True)
        else:
            lines["column"] = board.y(sum(column.parts.values()) / 2), column.words
    gap, high, low = (21, 12, 6) if narrow else (42, 14, 20)
    heights = {name: y for name, (y, _) in lines.items()}
    spread = apart(heights, gap, board.floor - HIGH + high, board.floor - low)
    for name, (y, words) in lines.items():
        start = board.end + (6 if name == "column" else 14), y
        counted = {"look": "strong", "of": _term(chart.columns[0]), "answer": True}
        look = counted if name == "column" else {"look": "body"}
        beside(board.marks, name, start, spread[name], words, look)


def _term(column: Column) -> str:
    """Return the only term in a column, whose colour its words have."""
    (first, *others) = column.parts
    return first if first in SUMMANDS and not others else ""


def _below(board: Board, column: Column, x: float) -> None:
    strong, *others = column.words
    marks = board.marks
    look = "mark" if marks.width < 600 else "middling"
    marks.text(f"{column.name}_words", x, board.floor + 19, strong, anchor="middle", look=look)
    broken = [line for other in others for line in textwrap.wrap(other, round(board.pitch / 6.4))]
    for place, line in enumerate(broken):
        marks.text(f"{column.name}_words_{place}", x, board.floor + 34 + 14 * place, line, anchor="middle", look="tiny")


def beside(
    marks: Marks, name: str, start: tuple[float, float], y: float, words: Sequence[str], look: Mapping[str, str]
) -> None:
    """Write words on the right of a picture, at a height, with a line from what they are about."""
    left = LABELS[marks.width] - 6
    bend = min(22, (left - start[0]) / 2)
    bends = [start, (left - bend, start[1]), (left - bend / 3, y), (left, y)]
    marks.line(f"{name}_lead", bends, answer=look.get("answer"))
    marks.label(f"{name}_words", left + 6, y + 5, words, **look)
