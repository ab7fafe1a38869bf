"""Weights and cache as two columns to one scale: one grows with the conversation, the other does not."""

from dataclasses import dataclass
from fractions import Fraction

from memcalc import Inference, Model, breakdown, crossing, values
from memcalc.explorers.frame import Guess
from memcalc.explorers.kv_cache.designs import binary
from memcalc.explorers.marks import Marks, along
from memcalc.formula.inverse import token
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import tr
from memcalc.units import UNITS, in_unit, show, show_both

_PLACES = {360: ((120, 236), 640), 600: ((415, 518), 380), 860: ((668, 762), 380)}
"""Layout → where the columns stand: their middles and their floor [px]."""

_WIDE = {360: 40, 600: 48, 860: 56}  # a column [px]
_HIGH = {360: 170, 600: 290, 860: 290}  # the room for it [px]
_SQUARES = (
    *(2.0**power for power in range(-6, 2)),
    3,
    *(part << power for power in range(15) for part in (4, 5, 6, 7)),
)
"""How many squares of 1 GiB a column may be wide: the scale goes in steps."""

_SMALLEST_SQUARE = 6.5  # what is smaller than this is seen as grey [px]
_DIGIT = 8.6  # how wide a digit of an amount is [px]
_LOW = 52  # below a level that is lower than this there is no room for words [px]


@dataclass(frozen=True)
class Columns:
    """Both columns, where they stand, and their scale.

    Parameters
    ----------
    middles : of the two [px]
    wide, floor, room : how wide they are, where they stand, and how high they may be [px]
    unit : side of the square that stands for 1 GiB [px]
    weights, cache : what they take [bytes]
    passed : the context at which the cache reaches the weights, if it ever does [tokens]
    """

    middles: tuple[float, float]
    wide: float
    floor: float
    room: float
    unit: float
    weights: int
    cache: int
    passed: int | None

    @classmethod
    def of(cls, width: int, model: Model, run: Inference) -> "Columns":
        """Return the columns of a layout."""
        (middles, floor), wide, room = _PLACES[width], _WIDE[width], _HIGH[width]
        memory = breakdown(model, run)
        weights, cache = memory["weights"], memory["kv_cache"]
        most = in_unit(max(weights, cache), "GiB")
        unit = next(wide / count for count in _SQUARES if most * wide / count**2 <= room)
        return cls(middles, wide, floor, room, unit, weights, cache, crossing(model, run))

    def high(self, size: float | Fraction) -> float:
        """Return how high so many bytes stand in a column [px]."""
        return float(size) / UNITS["GiB"] * self.unit**2 / self.wide

    @property
    def level(self) -> float:
        """How high the weights reach [px]."""
        return self.floor - self.high(self.weights)

    @property
    def top(self) -> float:
        """How high the cache reaches [px]."""
        return self.floor - self.high(self.cache)

    @property
    def right(self) -> float:
        """Where the ground ends on which they stand [px]."""
        return self.middles[1] + self.wide / 2 + 42

    @property
    def square(self) -> tuple[float, Fraction]:
        """The side of a square that can be seen and fits in [px], and how many bytes it stands for."""
        side, size = self.unit, Fraction(UNITS["GiB"])
        while side > self.wide:
            side, size = side / 2, size / 4
        while side < _SMALLEST_SQUARE:
            side, size = side * 2, size * 4
        return side, size

    @property
    def over(self) -> bool:
        """Whether the cache has reached the weights."""
        return self.cache >= self.weights


def draw(marks: Marks, columns: Columns, model: Model, run: Inference) -> None:
    """Draw weights and cache, the level that the weights reach, and the handle on the cache."""
    pour = {"answer": True, "from": {"y": columns.floor, "height": 0}}
    _column(marks, columns, "weights", columns.middles[0], columns.level, columns.weights, lights="M_w")
    _column(marks, columns, "kv_cache", columns.middles[1], columns.top, columns.cache, lights="M_kv b", **pour)
    left, right = columns.middles[0] - columns.wide / 2 - 14, columns.right
    marks.line("ground", [(left, columns.floor), (right, columns.floor)], look="wall thin")
    words = tr("one square is {size}", size=binary(columns.square[1]))
    marks.text("square", right, columns.floor + 36, words, anchor="end", look="tiny")
    words = tr("in {format}", format=run.weights)
    marks.text("in_bits", columns.middles[0], columns.floor + 36, words, anchor="middle", look="tiny")
    start = columns.middles[0] + columns.wide / 2
    marks.line("weights_level", [(start, columns.level), (right, columns.level)], look="level", of="weights")
    if columns.over:
        _crossing(marks, columns)
    _amounts(marks, columns)
    _handle(marks, columns, model, run)
    _guess_line(marks, columns)


def _column(marks: Marks, columns: Columns, term: str, middle: float, top: float, size: int, **more: object) -> None:
    """Draw one of them: weights in squares, the cache in rows, as everywhere."""
    x, word = middle - columns.wide / 2, tr(SUMMANDS[term].word)
    place = {"x": x, "y": top, "width": columns.wide, "height": columns.floor - top}
    marks.rect(f"{term}_column", **place, of=term, look="area", says=f"{word}: {show_both(size)}", **more)
    side = columns.square[0]
    fill = marks.grid(f"{term}_grid", x, columns.floor - 100 * side, side, of=term, rows=term == "kv_cache")
    more = {key: value for key, value in more.items() if key != "lights"}
    marks.rect(f"{term}_squares", **place, fill=fill, look="texture", **more)
    marks.text(f"{term}_word", middle, columns.floor + 18, word, anchor="middle", of=term)


def _crossing(marks: Marks, columns: Columns) -> None:
    """Mark where the cache crossed the level of the weights, and say at which token."""
    x, y, said = columns.middles[1], columns.level, f"{columns.passed:,}"
    star = f"M{x - 7:.1f} {y:.1f}L{x:.1f} {y - 7:.1f}L{x + 7:.1f} {y:.1f}L{x:.1f} {y + 7:.1f}Z"
    says = tr("here the cache reached the weights: at token {token}", token=said)
    marks.path("crossing", star, look="solid", says=says, answer=True, lights="M_w M_kv")
    below = y + 28 if columns.floor - y > _LOW else y - 22
    end = columns.right + 14
    marks.text("crossing_at", end, below, said, anchor="end", look="middling halo", answer=True)
    marks.text("crossing_word", end, below + 15, tr("tokens"), anchor="end", look="halo", answer=True)


def _amounts(marks: Marks, columns: Columns) -> None:
    """Write what each takes above it: to the left what the weights take, to the right what the cache takes."""
    above = columns.top - 35
    if not columns.over and above - 14 < columns.level < above + 22:  # the level would cross the words
        above = columns.level - 35
    end = columns.middles[0] + columns.wide / 2
    start = min(columns.middles[1] - columns.wide / 2, marks.width - 4 - _DIGIT * len(show(columns.cache)))
    weights, cache = {"anchor": "end", "of": "weights"}, {"of": "kv_cache", "answer": True}
    for name, x, y, size, more in (
        ("weights", end, columns.level - 35, columns.weights, weights),
        ("kv_cache", start, above, columns.cache, cache),
    ):
        marks.text(f"{name}_gib", x, y, show(size), look="strong", **more)
        marks.text(f"{name}_gb", x, y + 17, f"= {show(size, 'GB')}", **more)


def _handle(marks: Marks, columns: Columns, model: Model, run: Inference) -> None:
    """Put a handle on the surface of the cache, if one more token raises it."""
    each = columns.high(token.exact(values(model, run)))
    if not each:
        return
    x, top = columns.middles[1] + columns.wide / 2, columns.top
    marks.line("surface", [(x - columns.wide, top), (x + 6, top)], look="surface", of="kv_cache", answer=True)
    handle = along("context", origin=top + each * run.context, size=-each)
    handle |= {"also": [columns.passed] if columns.passed else []}
    more = {"of": "kv_cache", "says": tr("context: drag the surface"), "lights": "s", "answer": True}
    marks.knob("context", x + 17, top, "y", handle, **more)


def _guess_line(marks: Marks, columns: Columns) -> None:
    """Draw the line that is dragged to where the cache is expected to reach."""
    x, reach = columns.middles[1], columns.wide / 2 + 16
    marks.level(x - reach, x + reach, columns.floor - 60, marks.width - 4, "end")


def guess(columns: Columns, asks: str, height: int) -> Guess:
    """Return the question how much the cache takes, answered by a level on its column; `height` is as of a `Guess`."""
    per_gib = columns.high(UNITS["GiB"])
    return Guess(
        asks=asks,
        unit="GiB",
        truth=in_unit(columns.cache, "GiB"),
        handle={"axis": "y"} | along("guess", origin=columns.floor, size=-per_gib),
        low=0,
        high=float(f"{columns.room / per_gib:.2g}"),
        height=height,
    )
