"""What a scene gives an explorer: a frame, and the settings and menus that belong to it.

A scene is a function from the values of the controls to a `Frame`; it raises InputError where they make no sense.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from memcalc.stage import Label, Point, Stage

Setting = Mapping[str, str | int]
"""Control → value."""


@dataclass(frozen=True)
class Frame:
    """What an explorer shows for one setting of its controls: a picture, and the same in words.

    Parameters
    ----------
    stage : the picture, drawn once
    shapes : moving shape → where it is now
    said : the result, in a sentence or two
    details : what follows from it, a line each
    code : the line of Python that gives the same result
    """

    stage: Stage
    shapes: Mapping[str, Sequence[Point] | Label]
    said: str
    details: Sequence[str]
    code: str


Menus = Mapping[str, tuple[str, Callable[[], list[str]]]]
"""Control → its label, and what gives its options."""


def scene(presets: Mapping[str, Setting], menus: Menus | None = None) -> Callable:
    """Give a scene its presets (name → setting) and the menus that it alone has."""

    def known(function: Callable[..., Frame]) -> Callable[..., Frame]:
        function.presets, function.menus = presets, menus or {}
        return function

    return known
