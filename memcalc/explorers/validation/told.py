"""The story of one measured row: what was measured, how and with what, and two columns, as large as its bytes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from memcalc.errors import InputError, choice
from memcalc.estimate.ask import QUESTIONS, model_and_run, read_inputs
from memcalc.estimate.measured import COLUMNS as CELLS
from memcalc.estimate.measured import Measurement, measurements, read
from memcalc.estimate.measured import row as row_of
from memcalc.estimate.terms import values
from memcalc.explorers.controls import Picker
from memcalc.explorers.frame import Guess
from memcalc.explorers.marks import Marks, Point, along
from memcalc.explorers.validation.axis import written
from memcalc.explorers.validation.dots import PLOTS, called, mark, percent, rest, term_of
from memcalc.explorers.words import formula
from memcalc.specs.training import Training
from memcalc.texts import later, tr
from memcalc.units import UNITS, show_both

_NO_WORDS = str.maketrans("[]{}*", "()()·")  # what `words.words` would read
_MOST_OWN = 1000  # characters of a row of one's own


COLUMNS = {360: (40, 546, 90, 130), 600: (438, 360, 48, 200), 860: (602, 444, 78, 330)}
"""Layout → where the two columns of a row begin, how wide they are, and how much room is above them [px]."""


def height(width: int) -> int:
    """Return how high the picture of rows is in a layout [px]."""
    return {360: 632, 600: 438, 860: 532}[width]


def told(text: str) -> Measurement:
    """Return the row with this id, or one of the reader's own, given as a line.

    Raises InputError for an id that no row has, and for a line that is no row.

    >>> told("r003").model
    'GPT-2'
    """
    if "," in text:
        return read(text[:_MOST_OWN])
    return row_of(choice("row", text.strip().upper(), [row.id for row in measurements()]))


@dataclass(frozen=True)
class RowPicker(Picker):
    """A search in the measured rows by quantity and model, or a row of one's own."""

    def data(self, name: str) -> dict[str, object]:
        """Return what the page must know of it."""
        found = {}
        for row in measurements():
            found.setdefault(f"{tr(called(row.quantity))}, {row.model or tr('a matrix')}", []).append(row.id)
        return {"name": name, "kind": "picker", "label": tr(self.label), "groups": found, "own": tr(self.own)}

    def allowed(self, name: str, value: object) -> str:
        """Return the id, or the line; raise InputError for what is neither."""
        if not isinstance(value, str):
            raise InputError(f"{name} must be the id of a measured row, such as R003, not {value!r}.")
        row = told(value)
        return value if "," in value else row.id


ROWS = RowPicker(
    later("row"),
    "measured",
    "quantity",
    later("a line of your own: name,quantity,model,inputs,amount,how,with what,date"),
    read,
)
"""The control that chooses a row."""


def own(row: Measurement) -> bool:
    """Return whether a row is the reader's, and not of data/measured.csv."""
    return row not in measurements()


def subject(row: Measurement) -> tuple[str, str]:
    """Return what was measured, and of what.

    >>> subject(row_of("R003")), subject(row_of("Q001"))
    (('process peak', 'of GPT-2'), ('matrix', 'of 1,024 × 2,048 in NF4'))
    """
    return tr(called(row.quantity)), tr("of {model}", model=_of(row))


def _of(row: Measurement) -> str:
    return row.model or tr("{rows:,} × {columns:,} in {format}", **row.inputs)


def _name(row: Measurement) -> str:
    return tr("{quantity} of {model}", quantity=tr(called(row.quantity)), model=_of(row))


def verdict(row: Measurement) -> str:
    """Return the result: how far the formula is from what was measured."""
    name, unit = _name(row).translate(_NO_WORDS), row.row["unit"]
    if not row.residual:
        amount = show_both(int(row.measured)) if unit == "bytes" else written(float(row.measured), unit)
        return tr(_NOTHING_LEFT, amount=amount, name=name)
    said, found = (written(float(amount), unit) for amount in (row.predicted, row.measured))
    return tr(_LACKS if row.residual > 0 else _TOO_MUCH, share=percent(row), said=said, name=name, found=found)


_NOTHING_LEFT = later("*Not a byte is left over:* formula and measurement both say {amount} for the {name}.")
_LACKS = later("*{share:.3g} % is not in the formula:* it says {said} for the {name}, and {found} was measured.")
_TOO_MUCH = later(
    "*{share:.3g} % too much is in the formula:* it says {said} for the {name}, and {found} was measured."
)


def notes(row: Measurement) -> list[str]:
    """Return what was measured, how and with what, and why both numbers differ."""
    inputs, meaning = row.written.replace("; ", ", ").replace("=", " "), tr(row.row["meaning"])
    whose = later("Your row is {meaning}, with {inputs}.") if own(row) else _ROW_IS
    lines = [
        tr(whose, id=row.id, meaning=meaning, inputs=inputs),
        tr("How it was measured: {how}.", how=tr(row.how)),
        tr("With {library}, on {date}.", library=row.library, date=row.date),
    ]
    if row.residual:
        cause = tr(row.cause or row.row["cause"] or later("not known yet"))
        lines.append(tr("Why they differ: {cause}.", cause=cause.replace("_", " ")))
    return [line.translate(_NO_WORDS) for line in lines]


_ROW_IS = later("Row {id} is {meaning}, with {inputs}.")


def hints(row: Measurement) -> list[str]:
    """Return which other rows tell more."""
    alike = [one for one in measurements() if one.model == row.model and one.inputs == row.inputs and one.id != row.id]
    same = later("Row {id} is of the same run: {meaning}.")
    lines = [tr(same, id=one.id, meaning=tr(one.row["meaning"])) for one in alike[:3]]
    choose = later("Choose “{filter}” in the sentence: the axes close in on rows like this one.")
    return [*lines, tr(choose, filter=tr(called(row.quantity)))]


def code(row: Measurement) -> str:
    """Return the line of Python that gives the same."""
    if own(row):
        cells = (
            row.id,
            row.quantity,
            row.model,
            row.written,
            f"{float(row.measured):.17g}",
            row.how,
            row.library,
            row.date,
        )
        return f"validation.table([validation.read({dict(zip(CELLS, cells, strict=True))!r})])"
    return f"validation.against({row.id!r})"


def lines(row: Measurement) -> list[dict[str, object]]:
    """Return the formula of a row whose amount is one term of a model's run."""
    question, terms = QUESTIONS[row.row["question"]], row.asked.terms
    if question.run is None or row.row["unit"] != "bytes" or len(terms) != 1:
        return []
    inputs = read_inputs(row.row["usual"]) | dict(row.inputs)
    of_run = {name: value for name, value in inputs.items() if name not in ("gpu", "model", *question.own)}
    model, run = model_and_run(row.model, of_run, question.run is Training)
    whole = terms[0].exact(values(model, run))
    return formula(model, run, terms) if whole == row.predicted else []


@dataclass(frozen=True)
class Columns:
    """Two columns side by side, the formula's and what was measured, whose area is their bytes.

    Parameters
    ----------
    row : whose
    left, floor : where they begin [px]
    width : of one [px]
    room : how high the larger may be [px]
    """

    row: Measurement
    left: float
    floor: float
    width: float
    room: float

    @cached_property
    def square(self) -> tuple[float, float]:
        """The side of a square [px], a whole number of which go side by side, and how many bytes it stands for."""
        largest = float(max(self.row.predicted, self.row.measured)) or 1
        sides = [self.width / count for count in (1, 2, 3, 4, 5)]
        found = [(side, 4.0**power) for power in range(25) for side in sides]
        fits = [pair for pair in found if largest / pair[1] * pair[0] ** 2 <= self.room * self.width]
        return max(fits, key=lambda pair: (round(pair[0] ** 2 / pair[1] * largest), pair[0]))

    def high(self, size: float) -> float:
        """Return how high so many bytes are [px]."""
        side, square = self.square
        return float(size) / square * side**2 / self.width

    @property
    def parts(self) -> dict[str, tuple[float, float, float]]:
        """The formula, what it has of the measured, and the rest: where each begins, its floor and its top [px]."""
        said, found = self.high(self.row.predicted), self.high(self.row.measured)
        common, second = min(said, found), self.left + 2 * self.width
        return {"said": (self.left, 0, said), "found": (second, 0, common), "rest": (second, common, found)}


def columns(marks: Marks, place: Columns) -> Guess:
    """Draw the two columns of a row, and what is left over on top of the second; return what can be guessed of them."""
    row, term = place.row, term_of(place.row)
    squares = marks.grid("column_grid", place.left, place.floor, place.square[0], of=term)
    both = {"said": (_FORMULA_SAYS, row.predicted), "found": (_MEASURED, row.measured)}
    for name, (x, low, top) in place.parts.items():
        area = {"x": x, "y": place.floor - top, "width": place.width, "height": top - low, "answer": name != "said"}
        if name in both:
            says = tr(both[name][0], amount=float(both[name][1]), unit=tr(row.row["unit"]))
            marks.rect(f"column_{name}", **area, of=term, look="area", says=says)
            marks.rect(f"column_{name}_squares", **area, fill=squares, look="texture")
        elif top > low:
            marks.rect("column_rest", **area, of=term, look="area", says=rest(row))
    _around(marks, place)
    _sizes(marks, place)
    _guess_line(marks, place)
    return _guess(place)


_FORMULA_SAYS = later("the formula: {amount:,.0f} {unit}")
_MEASURED = later("measured: {amount:,.0f} {unit}")


def _around(marks: Marks, place: Columns) -> None:
    """Draw the floor and the formula's level, name the row, and say what a square is."""
    row, floor, start = place.row, place.floor, place.left - 8
    end = place.left + 3 * place.width + 8
    said = floor - place.high(row.predicted)
    marks.line("column_level", [(start, said), (end, said)], look="ghost")
    marks.line("column_floor", [(start, floor), (end, floor)], look="ink")
    top = floor - place.high(max(row.predicted, row.measured)) - 68
    marks.label("row", start, top, [tr("Your row") if own(row) else row.id, *subject(row)], answer=True)
    if row.row["unit"] == "bytes":
        scale = tr("one square is {size}", size=written(place.square[1]))
        marks.text("column_scale", (start + end) / 2, floor + 36, scale, anchor="middle", look="tiny")


def _sizes(marks: Marks, place: Columns) -> None:
    """Write what both columns are, and how large."""
    row, unit, middle = place.row, place.row.row["unit"], place.width / 2
    second, low, top = place.parts["rest"]
    amounts = {later("formula"): (place.left, row.predicted), later("measured"): (second, row.measured)}
    for word, (x, amount) in amounts.items():
        more, y = {"answer": word == "measured", "anchor": "middle"}, place.floor - place.high(amount) - 8
        marks.text(f"size_{word}", x + middle, y, written(float(amount), unit), look="middling halo", **more)
        marks.text(f"word_{word}", x + middle, place.floor + 18, tr(word), anchor="middle")
    if top - low > 15:
        share, y = f"{percent(row):.3g} %", place.floor - (low + top) / 2 + 5
        marks.text(
            "rest_share", second + middle, y, share, anchor="middle", look="middling", of=term_of(row), answer=True
        )


def _guess_line(marks: Marks, place: Columns) -> None:
    """Draw the level that is dragged to where the measured column is expected to reach."""
    left, right = place.left + 2 * place.width - 16, place.left + 3 * place.width + 16
    marks.level(left, right, place.floor - 60, right, "end")


def _guess(place: Columns) -> Guess:
    """Return what is asked of a row: how much was measured?"""
    row = place.row
    unit = written(float(row.predicted)).split()[1] if row.row["unit"] == "bytes" else row.row["unit"]
    size = UNITS.get(unit, 1)
    said = written(float(row.predicted), row.row["unit"])
    return Guess(
        asks=tr(_ASKS, said=said, name=_name(row)).translate(_NO_WORDS),
        unit=tr(unit),
        truth=float(row.measured) / size,
        handle={"axis": "y"} | along("guess", origin=place.floor, size=-place.high(size)),
        low=0,
        high=round(1.6 * float(row.predicted or row.measured or 1) / size, 2),
    )


_ASKS = later(
    "The formula says {said} for the {name}. How much was measured? Drag the dashed line, or type a number; then open "
    "it."
)


def how_many(rows: Sequence[Measurement]) -> Guess:
    """Return what is asked of many rows: how many of them are exact?"""
    asks = later("Of {count} measured rows, how many does the formula meet to the byte? Type a number; then open it.")
    exact = sum(not row.residual for row in rows)
    return Guess(tr(asks, count=len(rows)), tr("rows"), exact, {"axis": "x"} | along("guess"), low=0, high=len(rows))


def ring(marks: Marks, row: Measurement, place: Point, level: float | None = None) -> None:
    """Draw the row that is told of over all others, with a ring, and how far it is from the level of the formula."""
    x, y = place
    radius = PLOTS[marks.width].radius
    if level is not None and abs(level - y) > radius + 12:
        marks.line("told_gap", [(x, level), (x, y + math.copysign(radius + 8, level - y))], look="ink", answer=True)
        share = f"{percent(row):.3g} %"
        marks.text("told_share", x - 8, (level + y) / 2 + 8, share, anchor="end", look="middling halo", answer=True)
    mark(marks, "told", row, x, y, radius + 1.5, of=term_of(row), look="area chosen texture", answer=True)
    marks.circle("told_ring", x, y, radius + 8, look="ink texture", answer=True)
