"""An axis on which each step is a doubling: where an amount lies, round amounts to write beside it, and how."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from memcalc.texts import tr
from memcalc.units import UNITS, three_digits

_BINARY = ("TiB", "GiB", "MiB", "KiB", "B")
_ROOM = 1.25  # before the least amount and after the most, at least
_GAP = 0.07  # of an axis, between nothing and the least amount


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis, on which nothing has a place of its own before the least amount.

    Parameters
    ----------
    amounts : what must have a place
    start, end : where the axis begins and ends [px]

    >>> axis = Axis((0, 2**20, 2**30), 0, 100)
    >>> axis.at(0), round(axis.at(2**25)), round(axis.at(2**20)) < 15
    (0, 54, True)
    """

    amounts: tuple[float, ...]
    start: float
    end: float

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The amounts at both ends, with some room around the least and the most."""
        low, high = min(filter(None, self.amounts), default=1), max(self.amounts, default=0) or 1
        room = max(_ROOM, (high / low) ** 0.05)
        return low / room, high * room

    @cached_property
    def first(self) -> float:
        """Where amounts begin that are more than nothing [px]."""
        return self.start + _GAP * (self.end - self.start) * (0 in self.amounts)

    def at(self, amount: float) -> float:
        """Return the place of an amount [px]."""
        low, high = self.ends
        return (
            self.first + (self.end - self.first) * math.log(amount / low) / math.log(high / low)
            if amount
            else self.start
        )

    def ticks(self, most: int = 6) -> list[float]:
        """Return at most so many round amounts within its ends.

        >>> [written(tick) for tick in Axis((2**20, 2**29), 0, 100).ticks()]
        ['1 MiB', '4 MiB', '16 MiB', '64 MiB', '256 MiB']
        >>> [written(tick) for tick in Axis((3 * 2**30, 6 * 2**30), 0, 100).ticks()]
        ['3 GiB', '4 GiB', '5 GiB', '6 GiB', '7 GiB']
        """
        low, high = self.ends
        doublings = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
        nothing = [0.0] * (0 in self.amounts)
        if len(doublings) > 2:
            fits = (step for step in (1, 2, 5, 10, 20, 50) if sum(power % step == 0 for power in doublings) <= most)
            step = next(fits)
            return nothing + [2.0**power for power in doublings if power % step == 0]
        step = next(step for step in _round(UNITS[_unit(high)] / 1000) if (high - low) / step <= most)
        return nothing + [step * count for count in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _round(first: float) -> Iterator[float]:
    while True:
        yield from (first, 2 * first, 5 * first)
        first *= 10


def _unit(size: float) -> str:
    return next((unit for unit in _BINARY if size >= UNITS[unit]), "B")


def written(amount: float, unit: str = "bytes") -> str:
    """Write an amount in three digits: bytes in the largest binary unit of which there is one.

    >>> written(190_980_120), written(9216), written(0), written(12.3, "tokens/s")
    ('182 MiB', '9 KiB', '0 B', '12.3 tokens/s')
    """
    if unit != "bytes":
        return f"{three_digits(amount)} {tr(unit)}"
    return f"{three_digits(amount / UNITS[_unit(amount)])} {_unit(amount)}"
