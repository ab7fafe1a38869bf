"""A matplotlib picture drawn once as SVG, whose named shapes then move by a few attributes each.

A full redraw takes matplotlib 65 ms or more, nearly all of it for text. What moves in an explorer are a few paths and
numbers, so the rest stays: a frame gives new coordinates alone, and the page puts them into the SVG that it has.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import matplotlib
from matplotlib.figure import Figure

from memcalc.plots.style import canvas

Point = tuple[float, float]


@dataclass(frozen=True)
class Label:
    """A text that moves: what it says, and where its baseline is [units of the axes]."""

    text: str
    place: Point


Shapes = Mapping[str, Sequence[Point] | Label]
"""Name of a moving shape → its corners or its label [units of the axes]; without corners it is not seen."""


class Svg:
    """A picture with shapes that move: `text` is the SVG as it was drawn.

    Parameters
    ----------
    figure : a figure with one pair of axes; the artists that move are lines, patches or texts with a name as `gid`
    """

    def __init__(self, figure: Figure):
        self._to_pixels = figure.axes[0].transData
        self._points_per_pixel = 72 / figure.dpi
        self._height = figure.get_figheight() * 72
        self.text = _as_inline_svg(figure)

    def moved(self, shapes: Shapes) -> dict[str, dict[str, str]]:
        """Return for each moving shape the attributes of its SVG element that put it in its place."""
        return {name: self._placed(shape) for name, shape in shapes.items()}

    def _placed(self, shape: Sequence[Point] | Label) -> dict[str, str]:
        if isinstance(shape, Label):
            ((x, y),) = self._pixels([shape.place])
            return {"x": f"{x:.2f}", "y": f"{y:.2f}", "text": shape.text}
        return {"d": "M " + " L ".join(f"{x:.2f} {y:.2f}" for x, y in self._pixels(shape)) if shape else ""}

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        corners = self._to_pixels.transform(points) * self._points_per_pixel
        return [(x, self._height - y) for x, y in corners]


def drawn_once(height: float) -> Callable[[Callable[..., None]], Callable[..., Svg]]:
    """Make a function that gives a picture, drawn once for the same arguments, of one that draws on a figure's axes."""
    return lambda draw: cache(partial(_drawn, draw, height))


def _drawn(draw: Callable[..., None], height: float, *arguments: object) -> Svg:
    with canvas(height=height) as (figure, axes):
        draw(figure, axes, *arguments)
        return Svg(figure)


def box(left: float, right: float, bottom: float, top: float) -> list[Point]:
    """Return the corners of a bar."""
    return [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]


def _as_inline_svg(figure: Figure) -> str:
    """Return the figure as SVG for a page: real text, the page's colour for black, no style that leaks into it."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "memcalc"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    size, style = r'width="([\d.]+pt)" height="[\d.]+pt"', r'style="width: 100%; max-width: \1; fill: currentColor"'
    svg = re.sub(size, style, svg, count=1)
    return re.sub(r"#000000|font-family: [^;]*;", lambda m: "currentColor" if m[0][0] == "#" else "", svg)
