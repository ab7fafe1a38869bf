"""A card drawn as a container to scale: its area is its memory, and what it cannot hold runs over its rim."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from memcalc.explorers.frame import Guess
from memcalc.explorers.marks import Marks, along, steps
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import tr
from memcalc.units import UNITS, in_unit, show, show_both

WALL = 4
"""How thick the wall of a card is drawn [px]."""

BRACKET = 10
"""How far from a heap the bracket beside it ends [px]."""

LIQUID = ("kv_cache", "activations")
"""Terms that are drawn in rows, for they grow with the tokens; the others are drawn in squares."""

_SMALLEST_SQUARE = 6.5  # what is smaller than this is seen as grey [px]
_CLOSEST_ROWS = 3  # lines that are closer than this are seen as grey [px]
_SEEN = 8  # what is higher than this is easily seen [px]
_PINS = 7  # the contacts below a card are so far apart [px]
_SQUARES = 1.25  # a card is so many times as wide as the square root of its GiB


@dataclass(frozen=True)
class Vessel:
    """A card with its load, in a place and at a scale.

    Parameters
    ----------
    capacity : what a program can use of it [bytes]
    parts : term → what it takes there [bytes], from the floor up
    middle, floor : where the middle of its floor is [px]
    unit : side of the square that stands for 1 GiB [px]
    widest : how wide a heap above its rim may be [px]
    """

    capacity: int
    parts: Mapping[str, int]
    middle: float
    floor: float
    unit: float
    widest: float

    @property
    def width(self) -> float:
        """How wide it is inside [px]."""
        return squares(self.capacity) * self.unit

    @property
    def left(self) -> float:
        """Where it begins [px]."""
        return self.middle - self.width / 2

    @property
    def rim(self) -> float:
        """How high its rim is [px]."""
        return self.floor - self.high(self.capacity)

    def high(self, size: float) -> float:
        """Return how high so many bytes lie in it [px]."""
        return in_unit(size, "GiB") * self.unit**2 / self.width

    @cached_property
    def inside(self) -> dict[str, tuple[float, float]]:
        """Part → bottom and top of what is below the rim [px]."""
        return {
            name: (self.floor - self.high(min(below, self.capacity)), self.floor - self.high(min(end, self.capacity)))
            for name, (below, end) in self._ends.items()
        }

    @cached_property
    def above(self) -> dict[str, tuple[float, float]]:
        """Part → bottom and top of what lies above the rim [px]; areas are as true as below."""
        tall = self._heap_height / self.over if self.over else 0
        return {
            name: (self.rim - tall * max(0, below - self.capacity), self.rim - tall * (end - self.capacity))
            for name, (below, end) in self._ends.items()
            if end > self.capacity
        }

    @property
    def over(self) -> int:
        """What does not fit [bytes]."""
        return max(0, sum(self.parts.values()) - self.capacity)

    @property
    def top(self) -> float:
        """How high the load reaches [px]."""
        if self.over:
            return self.rim - self._heap_height
        return self.floor - self.high(sum(self.parts.values()))

    @property
    def heap_width(self) -> float:
        """How wide the heap above the rim is [px]."""
        area = in_unit(self.over, "GiB") * self.unit**2
        lip = min(24, 0.05 * self.width + 2.5 * WALL) * (1 - math.exp(-area / (9 * self.width)))
        return max(self.width + 2 * lip, min(self.widest, math.sqrt(2 * area)))

    @property
    def droop(self) -> float:
        """How far the lips of the heap hang down beside the wall [px]."""
        hangs = (self.heap_width - self.width) / 2 > WALL + 1
        return min(3.4 * WALL, 0.4 * in_unit(self.over, "GiB") * self.unit**2 / self.heap_width) if hangs else 0

    @property
    def shoulder(self) -> float:
        """Radius of the round corners of what lies highest above the rim [px]."""
        if not self.over:
            return 0
        bottom, top = list(self.above.values())[-1]
        return min(3 * WALL, (bottom - top) / 2, self.heap_width / 4)

    @property
    def surface(self) -> list[tuple[float, float]]:
        """The two ends of the surface, between its round corners if it has any [px]."""
        half = (self.heap_width if self.over else self.width) / 2 - self.shoulder
        return [(self.middle - half, self.top), (self.middle + half, self.top)]

    @property
    def _heap_height(self) -> float:
        area = in_unit(self.over, "GiB") * self.unit**2
        lips = self.droop * (self.heap_width - self.width - 2 * WALL)
        return max(area - lips, 0.6 * area) / self.heap_width

    @cached_property
    def _ends(self) -> dict[str, tuple[int, int]]:
        ends, below = {}, 0
        for name, size in self.parts.items():
            ends[name], below = (below, below + size), below + size
        return ends

    @property
    def middles(self) -> dict[str, float]:
        """Part → how high its middle lies, in the card if it is to be seen there, else above the rim [px]."""
        seen = {
            name: ends if ends[0] - ends[1] >= _SEEN else self.above.get(name, ends)
            for name, ends in self.inside.items()
        }
        return {name: sum(ends) / 2 for name, ends in seen.items()}

    def larger(self, term: str) -> tuple[tuple[float, float], float]:
        """Return bottom and top of a part where more of it lies, below the rim or above it, and how wide it is [px]."""
        below, above = self.inside[term], self.above.get(term, (0, 0))
        areas = ((below, self.width), (above, self.heap_width))
        return max(areas, key=lambda area: (area[0][0] - area[0][1]) * area[1])

    def beside(self, place: float, held: bool = True) -> float:
        """Return where a line may begin that leads away to the right: beside the wall, the heap or its bracket [px].

        Parameters
        ----------
        place : how high the line is [px]
        held : whether it leads from what is in the card or on it, not from the bracket
        """
        if self.over and place < self.rim + self.droop:
            return self.middle + self.heap_width / 2 + BRACKET + 4 * held
        return self.middle + self.width / 2 + 8

    def per(self, size: int) -> float:
        """Return how far the surface rises for so many bytes more, where it is now [px]."""
        return in_unit(size, "GiB") * self.unit**2 / (self.heap_width if self.over else self.width)


def squares(capacity: int) -> int:
    """Return how many squares of 1 GiB a card is wide: cards of all sizes have the same shape.

    >>> squares(24 * 2**30), squares(80 * 2**30)
    (6, 11)
    """
    return max(1, round(_SQUARES * math.sqrt(in_unit(capacity, "GiB"))))


def unit_for(capacity: int, load: int, wide: float, high: float, most: float = 72) -> float:
    """Return the side of a square [px] with which a card and its load have room.

    Parameters
    ----------
    wide, high : the room for the card, and for the heap on it [px]
    most : the largest side; smaller ones come in steps, so that the scale stands still while a hand moves
    """
    for unit in steps(0.01, most, 2**0.25):
        vessel = Vessel(capacity, {"weights": load}, 0, 0, unit, wide)
        if vessel.width <= wide and -min(vessel.top, vessel.rim) <= high:
            return unit
    return unit


def square_of(unit: float) -> tuple[float, int]:
    """Return the side of a square that is large enough to be seen [px], and how many GiB it stands for.

    >>> square_of(20), square_of(4)
    ((20, 1), (8, 4))
    """
    gib = 1
    while unit < _SMALLEST_SQUARE:
        unit, gib = 2 * unit, 4 * gib
    return unit, gib


def draw(
    marks: Marks, vessel: Vessel, name: str = "card", row: float = 0, look: str = "", **more: Mapping[str, object]
):
    """Draw a card and its load.

    Parameters
    ----------
    name : what its shapes are called: "card", then "card_weights" and so on
    row : how far apart the rows of a liquid are [px]
    look : "thin" for a small card, which has no texture
    more : term → what the page must know of its shapes
    """
    marks.rect(f"{name}_well", vessel.left, vessel.rim, vessel.width, vessel.floor - vessel.rim, look="blank")
    for term in vessel.parts:
        _part(marks, vessel, name, term, row, look == "thin", more.get(term, {}))
    _wall(marks, vessel, name, look)
    for place, (term, (bottom, top)) in enumerate(vessel.above.items()):
        above = _slab(vessel, bottom, top, first=place == 0 and look != "thin", last=place == len(vessel.above) - 1)
        said = {"says": tr("{size} over the rim", size=show(vessel.over)), **_lit(more, term)}
        marks.path(f"{name}_{term}_over", above, of=term, look="spill", answer=True, **said)
        if look != "thin":
            _texture_above(marks, vessel, name, term, above, row)


def _wall(marks: Marks, vessel: Vessel, name: str, look: str) -> None:
    """Draw the wall of a card, and the contacts below a large one."""
    left, right, low, rim = vessel.left, vessel.left + vessel.width, vessel.floor + WALL / 2, vessel.rim
    curl = WALL * 1.7
    wall = f"M{left - WALL * 2.2:.1f} {rim:.1f}q{curl} 0 {curl} {curl}V{low:.1f}H{right + WALL / 2:.1f}"
    marks.path(f"{name}_wall", f"{wall}V{rim + curl:.1f}q0 {-curl} {curl} {-curl}", look=f"wall {look}".strip())
    if look != "thin":
        pins = int(vessel.width / _PINS)
        first = vessel.middle - _PINS * (pins - 1) / 2
        lines = "".join(f"M{first + _PINS * pin:.1f} {low + WALL:.1f}v3" for pin in range(pins))
        marks.path(f"{name}_pins", lines, look="wall thin pale")


def _texture_above(marks: Marks, vessel: Vessel, name: str, term: str, outline: str, row: float) -> None:
    """Draw squares or rows above the rim, too; rows go on from below it, and are lower where the heap is wider."""
    (low, high), (bottom, _) = vessel.inside[term], vessel.above[term]
    liquid = term in LIQUID
    side = row * vessel.width / vessel.heap_width if liquid else square_of(vessel.unit)[0]
    if side < _CLOSEST_ROWS:
        return
    begun = ((low - high) / row) % 1 if liquid else 0
    start = bottom + side * (begun - 100)
    pattern = marks.grid(f"{name}_{term}_over_grid", vessel.left, start, side, of=term, rows=liquid)
    marks.path(f"{name}_{term}_over_rows", outline, fill=pattern, look="texture", answer=True)


def rim(marks: Marks, first: Vessel, last: Vessel, beyond: float) -> None:
    """Draw the level of the rim over cards on which something lies above it, and a bracket beside the last of them.

    Parameters
    ----------
    beyond : how far the level reaches out on both sides [px]
    """
    left, right = first.middle - first.heap_width / 2, last.middle + last.heap_width / 2
    marks.line("rim", [(left - beyond, last.rim), (right + beyond, last.rim)], look="rim", answer=True)
    near, far = right + 5, right + BRACKET
    bracket = [(near, last.top), (far, last.top), (far, last.rim), (near, last.rim)]
    marks.line("rim_bracket", bracket, look="edge beyond", answer=True)


def _lit(more: Mapping[str, Mapping[str, object]], term: str) -> dict[str, object]:
    return {key: value for key, value in more.get(term, {}).items() if key in ("lights", "press")}


def _part(
    marks: Marks, vessel: Vessel, name: str, term: str, row: float, plain: bool, more: Mapping[str, object]
) -> None:
    bottom, top = vessel.inside[term]
    place = {"x": vessel.left, "y": top, "width": vessel.width, "height": bottom - top}
    empty = {"y": vessel.floor, "height": 0}
    said = {} if plain else {"says": f"{tr(SUMMANDS[term].word)}: {show_both(vessel.parts[term])}"} | dict(more)
    marks.rect(f"{name}_{term}", **place, of=term, look="area", answer=True, **{"from": empty}, **said)
    if plain:
        return
    liquid = term in LIQUID
    side = max(row, 1) if liquid else square_of(vessel.unit)[0]
    pattern = marks.grid(f"{name}_{term}_grid", vessel.left, bottom - side * 100, side, of=term, rows=liquid)
    marks.rect(f"{name}_{term}_rows", **place, fill=pattern, look="texture", answer=True, **{"from": empty})


def _slab(vessel: Vessel, bottom: float, top: float, first: bool, last: bool) -> str:
    """Return the outline of a part above the rim: the lowest hangs over the wall, the highest has round shoulders."""
    left, right = vessel.middle - vessel.heap_width / 2, vessel.middle + vessel.heap_width / 2
    hang = vessel.droop if first else 0
    round_ = vessel.shoulder if last else 0
    bend = min(hang, 6)
    low = bottom + hang - bend
    shape = f"M{left:.1f} {low:.1f}V{top + round_:.1f}q0 {-round_:.1f} {round_:.1f} {-round_:.1f}H{right - round_:.1f}"
    shape += f"q{round_:.1f} 0 {round_:.1f} {round_:.1f}V{low:.1f}"
    if not hang:
        return f"{shape}H{left:.1f}Z"
    wall = (vessel.left - WALL, vessel.left + vessel.width + WALL)
    shape += f"{_lip(right, wall[1], low, bend)}V{bottom:.1f}H{wall[0]:.1f}V{low:.1f}{_lip(wall[0], left, low, bend)}"
    return f"{shape}Z"


def _lip(start: float, end: float, low: float, bend: float) -> str:
    """Return the rounded end of what hangs down, from one side to the other."""
    return f"Q{start:.1f} {low + bend:.1f} {(start + end) / 2:.1f} {low + bend:.1f}T{end:.1f} {low:.1f}"


def guess(vessel: Vessel, asks: str, needed: int, height: int) -> Guess:
    """Return the guess of how high a load reaches: a line is dragged along the card.

    Parameters
    ----------
    asks : what is asked, and how it is answered
    needed : the answer [bytes]
    height : of the picture until it opens [px]
    """
    per_gib = vessel.high(UNITS["GiB"])
    return Guess(
        asks=asks,
        unit="GiB",
        truth=in_unit(needed, "GiB"),
        handle={"axis": "y"} | along("guess", origin=vessel.floor, size=-per_gib),
        low=0,
        high=round((vessel.floor - 12) / per_gib),
        height=height,
    )
