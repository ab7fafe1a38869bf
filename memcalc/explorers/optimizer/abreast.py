"""Cards side by side on one scale: of many, the first and the last, and between them the others, drawn thin."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from memcalc.explorers.vessel import WALL
from memcalc.units import UNITS

_SMALLEST_SQUARE = 6.5  # what is smaller than this is seen as grey [px]
_FIN = 7  # from one thin card to the next [px]


@dataclass(frozen=True)
class Place:
    """Where a card stands, or several thin ones.

    Parameters
    ----------
    x, width : where it begins inside its walls, and how wide it is there [px]
    first : which card it is, counted from 0; of several, the first
    cards : how many
    """

    x: float
    width: float
    first: int
    cards: int = 1


@dataclass(frozen=True)
class Abreast:
    """Cards of one kind, side by side.

    Parameters
    ----------
    count : how many
    slots : how many have room
    left : where the first begins [px]
    pitch, wide : from one to the next, and how wide each is inside [px]
    floor : where their floor is [px]
    scale : how high a byte lies in them [px]
    """

    count: int
    slots: int
    left: float
    pitch: float
    wide: float
    floor: float
    scale: float

    @cached_property
    def places(self) -> list[Place]:
        """Where cards stand: all if there is room, else the first, those between, and the last."""
        if self.count <= self.slots:
            return [Place(self.left + self.pitch * card, self.wide, card) for card in range(self.count)]
        between = self.slots // 3
        last = (self.slots - between) // 2
        first = self.slots - between - last
        found = [Place(self.left + self.pitch * card, self.wide, card) for card in range(first)]
        gap = self.pitch - self.wide
        found.append(
            Place(self.left + self.pitch * first, self.pitch * between - gap, first, self.count - first - last)
        )
        return found + [
            Place(self.left + self.pitch * (self.slots - back), self.wide, self.count - back)
            for back in range(last, 0, -1)
        ]

    @property
    def between(self) -> Place | None:
        """Where the thin ones stand, if there are any."""
        return next((place for place in self.places if place.cards > 1), None)

    @property
    def right(self) -> float:
        """Where the last one ends [px]."""
        return self.places[-1].x + self.wide

    def y(self, size: float) -> float:
        """Return how high so many bytes reach [px]."""
        return self.floor - size * self.scale

    def blocks(self, low: float, high: float, thin: bool = True) -> str:
        """Return the outline of what lies in every card from one height to another [bytes], or in all but thin ones."""
        tall = self.scale * (high - low)
        return self._each(_box(place, self.y(low), tall if thin or place.cards == 1 else 0) for place in self.places)

    def slices(self, low: float, high: float) -> str:
        """Return the outline of each card's own slice, where it was cut from what lies between two heights [bytes]."""
        return self._each(self._slice(place, low, (high - low) / self.count) for place in self.places)

    def _slice(self, place: Place, low: float, thick: float) -> str:
        """Return the outline of one slice, or of the stairs of several thin cards, which are a ramp."""
        rise = self.scale * thick * (place.cards - 1)
        return _box(place, self.y(low + thick * place.first), thick * self.scale, rise)

    def walls(self, rim: float) -> str:
        """Return the walls of every card, up to the rim [px]; thin ones have fins."""
        curl = min(WALL * 1.5, (self.floor - rim) / 2, (self.pitch - self.wide) / 2 - 1.5 * WALL)
        bend, low, tall = _n(curl), _n(self.floor + WALL / 2), _n(self.floor + WALL / 2 - rim - curl)
        walls = {
            place: f"M{_n(place.x - WALL / 2 - curl)} {_n(rim)}q{bend} 0 {bend} {bend}V{low}h{_n(place.width + WALL)}"
            f"v-{tall}q0 -{bend} {bend} -{bend}"
            for place in self.places
            if place.cards == 1
        }
        return self._each(walls.get(place, next(iter(walls.values()))) for place in self.places)

    def fins(self, rim: float) -> str:
        """Return the walls of the thin cards, as many as there is room for."""
        place = self.between
        if not place:
            return ""
        count = min(place.cards, int(place.width / _FIN))
        upright = (f"M{_n(place.x + place.width * fin / count)} {_n(rim)}V{_n(self.floor)}" for fin in range(count + 1))
        return f"{''.join(upright)}M{_n(place.x)} {_n(self.floor)}h{_n(place.width)}"

    def spilled(self, low: float, high: float) -> str:
        """Return the outline of what lies above the rim of every card, and hangs over its walls a little [bytes]."""
        rim, top = self.y(low), self.y(high)
        out = min(2 * WALL, rim - top)
        half, lip = _n(out / 2), _n(out / 4)
        drop = f"v{half}q0 {half} {lip} {half}q{lip} 0 {lip} -{half}"
        return self._each(
            f"M{_n(place.x)} {_n(top)}V{_n(rim - out)}q0 {_n(out)} {_n(-out)} {_n(out)}{drop}V{_n(rim)}"
            f"h{_n(place.width + out)}{drop}V{_n(rim)}q{_n(-out)} 0 {_n(-out)} {_n(-out)}V{_n(top)}z"
            for place in self.places
        )

    def _each(self, outlines: Iterable[str]) -> str:
        """Return some outlines as one; a card that is not there lies on the last, and comes out of it when added."""
        found = list(outlines)
        return "".join(found + found[-1:] * (self.slots - len(found)))

    def square(self) -> tuple[float, int]:
        """Return the side of a square [px], and how many MiB it stands for: its area is memory, as all here."""
        mib = self.wide * self.scale * UNITS["MiB"]
        doublings = max(0, math.ceil(math.log(_SMALLEST_SQUARE**2 / mib, 4)))
        return math.sqrt(mib * 4**doublings), 4 ** max(doublings, 0)


def _box(place: Place, floor: float, tall: float, rise: float = 0) -> str:
    """Return the outline of a box in a card, or of a ramp; all have one skeleton, so that they glide."""
    x, wide = _n(place.x), _n(place.width)
    return f"M{x} {_n(floor)}l{wide} {_n(-rise)}v{_n(-tall)}l-{wide} {_n(rise)}z"


def _n(length: float) -> str:
    """Write a length with at most one digit after the point."""
    return f"{round(length, 1) + 0.0:g}"
