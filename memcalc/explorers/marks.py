"""The drawn language: shapes as plain data, which a page draws and moves, and how they are touched.

A shape is a dictionary: its SVG element as "tag", the element's attributes, and what the page knows of it:

- "of": the term whose colour it has, "look": its classes in the stylesheet, "text": what it says
- "inside": the shape in which it lies; a shape moves with what it lies in
- "says": its name and size, shown when it is hovered or has the focus; "lights": the letters that it stands for
- "press": the settings that a click on it makes; "group": the shapes among which the arrow keys go,
  which what lies in a shape takes from it
- "handle": the control that dragging it moves, and how
- "answer": whether it waits until a guess is made; "from": where it comes from when the guess opens it
- "via": the shape by whose place it moves when it comes to have one, or no longer has; all else moves before or after

Lengths are CSS pixels. A name is unique in a picture, and the same thing keeps its name in every frame: so it moves.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from memcalc.texts import tr

Shape = Mapping[str, object]
"""One shape, as JSON has it."""

Point = tuple[float, float]

LAYOUTS = (360, 600, 860)
"""The widths for which a picture is laid out [px]; a page takes the widest that it has room for."""

ARROWS = {
    "y": "M-4 -3.2L0 -7.2L4 -3.2M-4 3.2L0 7.2L4 3.2",
    "x": "M-3.2 -4L-7.2 0L-3.2 4M3.2 -4L7.2 0L3.2 4",
    "xy": "M-5 0V5H0M5 0V-5H0M-5 5L5 -5",
}
"""The two arrows in the ring of a handle, by the axis along which it goes."""


class Marks:
    """The shapes of a picture, in the order in which they are drawn.

    Parameters
    ----------
    width : of the picture [px]; the layout is made for it

    >>> marks = Marks(600)
    >>> marks.rect("weights", 0, 10, 50, 20, of="weights", says="weights: 1.00 GiB")
    >>> marks.shapes["weights"]["height"]
    20
    """

    def __init__(self, width: int):
        self.width = width
        self.shapes: dict[str, Shape] = {}

    def put(self, name: str, tag: str, **attributes: object) -> None:
        """Add a shape of any kind; attributes with a dash are written with an underscore."""
        rounded = {key.replace("_", "-"): _short(value) for key, value in attributes.items() if value not in (None, "")}
        self.shapes[name] = {"tag": tag, **rounded}

    def wait(self, drawn: Collection[str]) -> None:
        """Have every shape wait until a guess is made, but those that were drawn before."""
        for name in self.shapes.keys() - drawn:
            self.shapes[name]["answer"] = True

    def rect(self, name: str, x: float, y: float, width: float, height: float, **more: object) -> None:
        """Add a rectangle; one of a negative size has none."""
        self.put(name, "rect", x=x, y=y, width=max(width, 0), height=max(height, 0), **more)

    def path(self, name: str, d: str, **more: object) -> None:
        """Add an outline in SVG's language; `outline` and `line` write it."""
        self.put(name, "path", d=d, **more)

    def line(self, name: str, points: Iterable[Point], **more: object) -> None:
        """Add a line through points."""
        self.path(name, line(points), **{"look": "lead"} | more)

    def circle(self, name: str, x: float, y: float, radius: float, **more: object) -> None:
        """Add a disc."""
        self.put(name, "circle", cx=x, cy=y, r=radius, **more)

    def text(self, name: str, x: float, y: float, text: str, *, anchor: str = "start", **more: object) -> None:
        """Add a text whose baseline begins, or has its middle or end, at a place."""
        self.put(name, "text", x=x, y=y, text=text, text_anchor=None if anchor == "start" else anchor, **more)

    def label(self, name: str, x: float, y: float, lines: Sequence[str], *, anchor: str = "start", **more: object):
        """Add a strong line and fainter ones below it."""
        first, *others = lines
        self.text(name, x, y, first, anchor=anchor, **{"look": "strong"} | more)
        for place, other in enumerate(others, 1):
            self.text(f"{name}_{place}", x, y + 4 + 15 * place, other, anchor=anchor, answer=more.get("answer"))

    def grid(self, name: str, x: float, y: float, side: float, *, of: str, rows: bool = False) -> str:
        """Add a pattern of squares, or of `rows`, which begins at a place, and return how a shape is filled by it."""
        name = name.replace(" ", "_")  # it is part of an address
        self.put(name, "pattern", x=x, y=y, width=side, height=side, patternUnits="userSpaceOnUse")
        self.path(
            f"{name}_line",
            f"M0 0H{side:.2f}" if rows else f"M{side:.2f} 0H0V{side:.2f}",
            inside=name,
            of=of,
            look="hair",
        )
        return f"url(#{name})"

    def level(self, left: float, right: float, y: float, words: float, anchor: str = "start") -> None:
        """Add the level that is dragged to a guess: from one end to the other, and where its words stand.

        The page moves it, and writes what is guessed; `frame.Guess` says along which axis.
        """
        self.put("guess", "g", look="along-y", transform=f"translate(0 {y})")
        self.rect("guess_reach", left, -16, right - left, 32, inside="guess", look="reach")
        self.line("guess_line", [(left, 0), (right, 0)], inside="guess", look="mine")
        said = {"anchor": anchor, "inside": "guess", "look": "middling halo"}
        self.text("guess_words", words, -8, tr("drag me to your guess"), **said)

    def knob(self, name: str, x: float, y: float, axis: str, handle: Mapping[str, object], **more: object) -> None:
        """Add a handle: a ring with two arrows, which is dragged along an axis, "x", "y" or "xy"."""
        move = f"translate({x:.1f} {y:.1f})"
        self.put(name, "g", transform=move, look=f"knob along-{axis}", handle={"axis": axis[-1], **handle}, **more)
        self.circle(f"{name}_reach", 0, 0, 22, inside=name, look="reach")
        self.circle(f"{name}_ring", 0, 0, 12, inside=name, look="ring")
        self.path(f"{name}_arrows", ARROWS[axis], inside=name, look="arrows")


def along(
    control: str, at: Mapping[float, float] | None = None, *, origin: float = 0, size: float = 1, log: bool = False
):
    """Return how a handle moves a control: where each value lies on its axis.

    Parameters
    ----------
    control : the control that it moves
    at : value → place [px], for a few values
    origin, size : else the place of 0 (of 1, on a logarithmic axis) [px], and that of one more (of twice as many)

    >>> along("context", origin=300, size=-0.5)
    {'control': 'context', 'origin': 300, 'size': -0.5, 'log': False}
    """
    if at is not None:
        return {"control": control, "places": [[value, round(place, 1)] for value, place in at.items()]}
    return {"control": control, "origin": round(origin, 2), "size": float(f"{size:.6g}"), "log": log}


def line(points: Iterable[Point]) -> str:
    """Return the outline of a line through points, empty without any.

    >>> line([(0, 1), (2.04, 3)])
    'M0 1L2 3'
    """
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points) if points else ""


def outline(points: Iterable[Point]) -> str:
    """Return the outline of an area with these corners."""
    return f"{line(points)}Z" if points else ""


def apart(places: Mapping[str, float], gap: float, low: float, high: float) -> dict[str, float]:
    """Return the places of labels at least a gap apart, each as near to its own as possible, between two ends.

    >>> apart({"one": 10, "two": 12}, 20, 0, 100)
    {'one': 10, 'two': 30}
    """
    found, last = {}, low - gap
    for name, place in sorted(places.items(), key=lambda pair: pair[1]):
        found[name] = last = max(place, last + gap)
    ceiling = high + gap
    for name in reversed(found):
        found[name] = ceiling = min(found[name], ceiling - gap)
    return found


def steps(least: float, most: float, ratio: float = math.sqrt(2)) -> list[float]:
    """Return scales from the largest to the smallest, each so many times the next: a scale moves in steps.

    >>> steps(1, 4, 2)
    [4.0, 2.0, 1.0]
    """
    count = math.floor(math.log(most / least, ratio) + 1e-9)
    return [most / ratio**place for place in range(count + 1)]


def _short(value: object) -> object:
    """Return a length with at most one digit after the point; the page need not read more."""
    if not isinstance(value, float):
        return value
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded
