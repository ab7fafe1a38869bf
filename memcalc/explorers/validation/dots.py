"""Measured rows as dots: against what the formula says, or by what is left over; every dot is one row."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from string import ascii_letters

from memcalc.estimate.ask import QUANTITIES
from memcalc.estimate.measured import NOTABLE, Measurement, measurements
from memcalc.explorers.controls import Menu
from memcalc.explorers.marks import Marks, Point, apart
from memcalc.explorers.validation.axis import Axis, written
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import later, tr, tr_many

EVERY = later("every row")
"""The filter that keeps all rows."""

_POWERS = (-3, 2)  # the ends of the axis of what is left over, as powers of ten [%], unless rows lie further out


def packages(row: Measurement) -> tuple[str, ...]:
    """Return the packages with which a row was measured, without their versions; PyTorch is under most of them.

    >>> packages(measurements()[0])
    ('transformers',)
    """
    names = (part.split()[0] for part in row.library.split(",") if part.strip())
    return tuple(name for name in names if name != "torch")


@cache
def filters() -> dict[str, list[Measurement]]:
    """Return what rows can be chosen by → those rows: all, those of a quantity, those measured with a package."""
    found = {EVERY: list(measurements())}
    for row in measurements():
        found.setdefault(called(row.quantity), []).append(row)
    for row in measurements():
        for package in packages(row):
            found.setdefault(_DID.format(package=package), []).append(row)
    return found


_DID = later("what {package} did")


@dataclass(frozen=True)
class FilterMenu(Menu):
    """A choice of rows: some of its words have the name of a package in them."""

    def data(self, name: str) -> dict[str, object]:
        """Return what the page must know of it."""
        did = {_DID.format(package=one): tr(_DID, package=one) for row in measurements() for one in packages(row)}
        return super().data(name) | {"called": [did.get(option) or tr(option) for option in self.options]}


def called(quantity: str) -> str:
    """Return the name of a quantity as words, which `tr` has in other languages.

    >>> called("step_peak"), called("kv_cache")
    ('step peak', 'cache')
    """
    return SUMMANDS[quantity].word if quantity in SUMMANDS else QUANTITIES[quantity]["called"]


def term_of(row: Measurement) -> str:
    """Return the term whose colour and mark a row has."""
    return row.row["term"]


@dataclass(frozen=True)
class Plot:
    """Where dots lie in a layout, and how large they are [px].

    Parameters
    ----------
    left, top, side : the square of both numbers
    radius : of a dot
    lanes : where names, heaps and what is left over begin
    right : where what is left over ends
    tall : all lanes
    """

    left: float
    top: float
    side: float
    radius: float
    lanes: tuple[float, float, float]
    right: float
    tall: float

    @property
    def bottom(self) -> float:
        """Where the axes begin."""
        return self.top + self.side


PLOTS = {
    360: Plot(62, 20, 284, 2.4, (8, 8, 258), 352, 560),
    600: Plot(66, 20, 340, 2.8, (8, 140, 410), 590, 372),
    860: Plot(70, 20, 430, 3.5, (8, 158, 478), 846, 470),
}
"""Layout → where its dots lie."""


def against(rows: Sequence[Measurement], plot: Plot) -> tuple[dict[str, Point], tuple[Axis, Axis]]:
    """Return where each row lies if it is drawn against the formula, and both axes."""
    amounts = tuple(float(amount) for row in rows for amount in (row.predicted, row.measured))
    across = Axis(amounts, plot.left, plot.left + plot.side)
    up = Axis(amounts, plot.bottom, plot.top)
    return {row.id: (across.at(float(row.predicted)), up.at(float(row.measured))) for row in rows}, (across, up)


def percent(row: Measurement) -> float:
    """Return what is left over, without its sign [% of what was measured]."""
    return abs(float(100 * row.residual))


Lanes = Mapping[str, tuple[float, float]]
"""Quantity → the middle of its lane and its height [px]."""


def leftover(rows: Sequence[Measurement], plot: Plot) -> tuple[dict[str, Point], Lanes, Axis]:
    """Return where each row lies by what is left over: in the heap of the exact ones, or on an axis.

    Further the middle and the height of each quantity's lane, and the axis.
    """
    lanes = lanes_of(rows, plot)
    off = [share for row in rows if (share := percent(row))]
    low, high = (10.0**power for power in _POWERS)
    axis = Axis((min((low, *off)), max((high, *off))), plot.lanes[2], plot.right - 12)
    places = {}
    for quantity, (middle, high) in lanes.items():
        alike = [row for row in rows if row.quantity == quantity]
        places |= _heap([row for row in alike if not row.residual], plot, middle, high)
        places |= {row.id: (axis.at(percent(row)), middle) for row in alike if row.residual}
    return places, lanes, axis


def lanes_of(rows: Iterable[Measurement], plot: Plot) -> Lanes:
    """Return the middle and the height of the lane of each quantity [px], in the order of the terms."""
    found = {row.quantity for row in rows}
    names = [name for term in SUMMANDS for name, row in QUANTITIES.items() if row["term"] == term and name in found]
    high = plot.tall / len(names)
    return {name: (plot.top + (place + 0.5) * high, high) for place, name in enumerate(names)}


def rank_of(count: int, plot: Plot, high: float) -> int:
    """Return how many exact rows stand above one another in a heap."""
    pitch, under = 2 * plot.radius + 1, _name_above(plot)
    most = max(1, int((high - 3 - under) / pitch))
    wide = max(1, int((plot.lanes[2] - plot.lanes[1] - 40) / pitch))
    return min(most, max(math.ceil(count / wide), min(most, 4)))


def heap_width(count: int, plot: Plot, high: float) -> float:
    """Return how wide a heap of exact rows is [px]."""
    return math.ceil(count / rank_of(count, plot, high)) * (2 * plot.radius + 1)


def _name_above(plot: Plot) -> float:
    """Return the room for a name above its heap; where the page is wide, it stands beside it."""
    return 15 if plot.lanes[0] == plot.lanes[1] else 0


def _heap(rows: Sequence[Measurement], plot: Plot, middle: float, high: float) -> dict[str, Point]:
    """Return the places of exact rows, side by side in columns."""
    pitch, rank = 2 * plot.radius + 1, rank_of(len(rows), plot, high)
    top = middle + _name_above(plot) / 2 - (min(rank, len(rows)) - 1) / 2 * pitch
    start = plot.lanes[1] + plot.radius
    return {row.id: (start + at // rank * pitch, top + at % rank * pitch) for at, row in enumerate(rows)}


@cache
def _everywhere(width: int, view: object) -> Mapping[str, Point]:
    """Return where each row lies if all are shown: those that a filter hides stay there."""
    return view(filters()[EVERY], PLOTS[width])[0]


def both(marks: Marks, shown: Sequence[Measurement], row: Measurement) -> tuple[Point | None, float | None]:
    """Draw rows by both their numbers; return where one of them lies, and how high it would lie on the line."""
    plot = PLOTS[marks.width]
    places, axes = against(shown, plot)
    ground(marks, plot, axes, shown[0].row["unit"])
    dots(marks, shown, _everywhere(marks.width, against) | places, plot.radius)
    groups(marks, plot, shown, places, row)
    return places.get(row.id), axes[1].at(float(row.predicted))


def left_over(marks: Marks, shown: Sequence[Measurement], row: Measurement) -> tuple[Point | None, float | None]:
    """Draw rows by what is left over; return where one of them lies."""
    plot = PLOTS[marks.width]
    places, lanes, axis = leftover(shown, plot)
    rails(marks, plot, shown, lanes, axis)
    dots(marks, shown, _everywhere(marks.width, leftover) | places, plot.radius)
    return places.get(row.id), None


def dots(marks: Marks, shown: Sequence[Measurement], places: Mapping[str, Point], radius: float) -> None:
    """Draw every row as the mark of its term; those that are not shown are there, but hidden."""
    wanted = {row.id for row in shown}
    for number, alike in enumerate(_alike()):
        name = ascii_letters[number]  # short, for every dot says it
        here = [row for row in alike if row.id in places]
        hidden = "" if any(row.id in wanted for row in here) else "none"
        marks.put(name, "g", of=term_of(alike[0]), look="area", display=hidden, group=name, answer=True)
        for row in here:
            more = {"inside": name, "says": says(row), "press": {"row": row.id}}
            mark(marks, row.id, row, *places[row.id], radius, **more)


@cache
def _alike() -> tuple[tuple[Measurement, ...], ...]:
    """Return the rows of each quantity and each set of packages: every filter takes all of them, or none."""
    kinds = [(list(SUMMANDS).index(term_of(row)), row.quantity, packages(row)) for row in measurements()]
    ordered = sorted(zip(kinds, measurements(), strict=True), key=lambda pair: pair[0])
    return tuple(tuple(row for _, row in alike) for _, alike in groupby(ordered, key=lambda pair: pair[0]))


def says(row: Measurement) -> str:
    """Return what a row is and what both numbers are, for whoever points at its dot; a click tells the rest.

    >>> print(says(next(row for row in measurements() if row.id == "A026")))
    A026: Mistral-7B-v0.1
    448 MiB, exact
    """
    found, said = (written(float(amount), row.row["unit"]) for amount in (row.measured, row.predicted))
    if row.residual:
        numbers = f"{tr('measured {found}, formula {said}', found=found, said=said)}\n{rest(row)}"
    else:
        numbers = tr("{amount}, exact", amount=found)
    return f"{row.id}: {row.model or row.inputs['format']}\n{numbers}"


def rest(row: Measurement) -> str:
    """Return what is left over, in words.

    >>> rest(next(row for row in measurements() if row.id == "R003"))
    '14.1 % is not in the formula'
    """
    too_much = later("{share:.3g} % too much is in the formula")
    return tr(later("{share:.3g} % is not in the formula") if row.residual > 0 else too_much, share=percent(row))


def mark(marks: Marks, name: str, row: Measurement, x: float, y: float, radius: float, **more: object) -> None:
    """Draw the mark of a row's term: its shape tells what its colour tells."""
    kind = SUMMANDS[term_of(row)].mark
    if kind == "o":
        marks.circle(name, x, y, radius, **more)
        return
    start, rest = _MARKS.get(kind, _MARKS["D"])
    strokes = (command + "".join(f" {step * radius:.1f}" for step in steps) for command, *steps in rest)
    path = f"M{x + start[0] * radius:.1f} {y + start[1] * radius:.1f}{''.join(strokes)}"
    marks.path(name, _NEEDLESS.sub("", path), **more)


_NEEDLESS = re.compile(r"\.0(?=\D|$)|(?<=[a-z]) | (?=-)")
"""What an outline is read without; hundreds of dots are sent at once."""


_MARKS = {
    "D": ((0, -1.15), (("l", 1.15, 1.15, -1.15, 1.15, -1.15, -1.15), ("z",))),
    "s": ((-0.9, -0.9), (("h", 1.8), ("v", 1.8), ("h", -1.8), ("z",))),
    "^": ((0, -1.2), (("l", 1.2, 2.1), ("h", -2.4), ("z",))),
    "<": ((-1.2, 0), (("l", 2.1, -1.2), ("v", 2.4), ("z",))),
    "X": ((-1, -1), (("l", 2, 2), ("m", 0, -2), ("l", -2, 2))),
    "P": ((0, -1.2), (("v", 2.4), ("m", -1.2, -1.2), ("h", 2.4))),
}
"""Mark of a term in the glossary → where it starts, and its strokes, in radii."""


def ground(marks: Marks, plot: Plot, axes: tuple[Axis, Axis], unit: str) -> None:
    """Draw both axes and the line on which the formula and what was measured are equal."""
    across, up = axes
    marks.put("ground", "g", look="pale")
    for place, tick in enumerate(across.ticks(4 if marks.width == 360 else 6)):
        x, y = across.at(tick), up.at(tick)
        label = written(tick, unit) if tick else "0"
        marks.line(f"up_{place}", [(plot.left, y), (plot.left + plot.side, y)], look="hair", inside="ground")
        marks.line(f"across_{place}", [(x, plot.top), (x, plot.bottom)], look="hair", inside="ground")
        marks.text(f"up_{place}_text", plot.left - 8, y + 4, label, anchor="end")
        marks.text(f"across_{place}_text", x, plot.bottom + 18, label, anchor="middle")
    right = plot.left + plot.side
    marks.line("frame", [(plot.left, plot.top), (plot.left, plot.bottom), (right, plot.bottom)])
    marks.line("equal", [(plot.left, plot.bottom), (right, plot.top)])
    marks.text("across", right, plot.bottom + 36, tr("the formula says →"), anchor="end", look="middling")
    marks.text("up", plot.left + 8, plot.top + 8, tr("↑ measured"), look="middling halo")
    marks.text("more", plot.left + 8, plot.top + 27, tr("above the line: more than the formula says"), look="tiny halo")


def groups(
    marks: Marks, plot: Plot, shown: Sequence[Measurement], places: Mapping[str, Point], told: Measurement
) -> None:
    """Write beside the line what the marks are, each at the middle of its rows; one that is told of has its name."""
    alike = {term: [row for row in shown if term_of(row) == term] for term in SUMMANDS}
    alike = {term: sorted(rows, key=lambda row: places[row.id][1]) for term, rows in alike.items() if rows}
    if len(alike) > 1 and alike[term_of(told)] == [told]:
        alike.pop(term_of(told))
    middles = {term: places[rows[len(rows) // 2].id] for term, rows in alike.items()}
    spread = apart({term: y for term, (_, y) in middles.items()}, 36, plot.top + 40, plot.bottom - 26)
    for term, place in middles.items():
        _group(marks, plot, alike[term], place, spread[term])


def _group(marks: Marks, plot: Plot, alike: Sequence[Measurement], place: Point, y: float) -> None:
    """Write the name of a group to the right of the line, or to its left where there is no room."""
    names = {called(row.quantity) for row in alike}
    term = term_of(alike[0])
    name = tr(names.pop() if len(names) == 1 else SUMMANDS[term].word)
    x = max(plot.left + plot.bottom - y + (18 if marks.width == 360 else 34), place[0] + 24)
    room = marks.width if marks.width == 360 else plot.left + plot.side + 30
    side, anchor = 1, "start"
    if x + 8.5 * len(name) > room:
        x, side, anchor = min(plot.left + plot.bottom - y, place[0]) - 24, -1, "end"
    start = place[0] + side * (plot.radius + 2)
    marks.line(f"lead_{term}", [(start, place[1]), (x - 14 * side, y - 5), (x - 5 * side, y - 5)], answer=True)
    marks.text(f"group_{term}", x, y, name, anchor=anchor, look="middling halo", of=term, answer=True)
    count = tr_many("{count} row", "{count} rows", len(alike))
    marks.text(f"group_{term}_count", x, y + 14, count, anchor=anchor, look="tiny halo", answer=True)


def rails(marks: Marks, plot: Plot, shown: Sequence[Measurement], lanes: Lanes, axis: Axis) -> None:
    """Draw the lanes of what is left over: a name, a heap of exact rows, and the axis of the others."""
    narrow = plot.lanes[0] == plot.lanes[1]
    end, close = plot.top + plot.tall, axis.at(10) - axis.at(1) < 50
    marks.put("ground", "g", look="pale")
    for power in range(math.ceil(math.log10(axis.ends[0])), math.floor(math.log10(axis.ends[1])) + 1):
        x = axis.at(10.0**power)
        marks.line(f"share_{power}", [(x, plot.top), (x, end)], look="hair", inside="ground")
        if not (close and power % 2):
            look, share = ("tiny", f"{10.0**power:g}") if narrow else ("", f"{10.0**power:g} %")
            marks.text(f"share_{power}_text", x, end + 18, share, anchor="middle", look=look)
    x = axis.at(float(100 * NOTABLE))
    marks.line("notable", [(x, plot.top), (x, end)], look="ghost")
    marks.text("notable_text", plot.right, plot.top - 4, tr("needs a cause →"), anchor="end", look="tiny")
    for name in lanes:
        _rail(marks, plot, [row for row in shown if row.quantity == name], *lanes[name])
    marks.text("heaps", plot.lanes[1], end + 36, tr("exact to the byte"), look="middling")
    words = tr("% of the measured →") if narrow else tr("left over, in % of what was measured →")
    marks.text("rest", plot.right, end + 36, words, anchor="end", look="middling")


def _rail(marks: Marks, plot: Plot, alike: Sequence[Measurement], middle: float, high: float) -> None:
    """Draw the lane of a quantity; a click on its name shows it alone."""
    narrow, quantity = plot.lanes[0] == plot.lanes[1], alike[0].quantity
    exact = sum(not row.residual for row in alike)
    y = middle - high / 2 + 12 if narrow else middle + 5
    more = {"press": {"filter": called(quantity)}, "group": "lanes"}
    says = tr("{meaning}: {count} rows", meaning=tr(alike[0].row["meaning"]), count=len(alike))
    more |= {"says": says, "of": term_of(alike[0])}
    marks.text(f"lane_{quantity}", plot.lanes[0], y, tr(called(quantity)), look="middling", **more)
    ends = [(plot.lanes[0], middle + high / 2), (plot.right, middle + high / 2)]
    marks.line(f"rail_{quantity}", ends, look="hair", inside="ground")
    if exact:
        x = plot.lanes[1] + heap_width(exact, plot, high) + 6
        marks.text(f"exact_{quantity}", x, middle + (12 if narrow else 5), f"{exact}", look="tiny", answer=True)
