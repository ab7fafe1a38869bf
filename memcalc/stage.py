"""A matplotlib picture drawn once as SVG, whose named shapes then move at the cost of joining strings.

A full redraw takes matplotlib 65 ms or more, nearly all of it for text. What moves in an explorer are a few paths, so
the rest is kept: the SVG is cut at the paths of the moving shapes; a frame puts new coordinates between the pieces.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable, Sequence

import matplotlib
from matplotlib.figure import Figure

Point = tuple[float, float]


class Stage:
    """A picture with shapes that move.

    Parameters
    ----------
    figure : a figure with one pair of axes; its moving artists are lines or patches with these names as their `gid`
    moving : the names
    """

    def __init__(self, figure: Figure, moving: Iterable[str]):
        self._to_pixels = figure.axes[0].transData
        self._points_per_pixel = 72 / figure.dpi
        self._height = figure.get_figheight() * 72
        svg, done = _as_inline_svg(figure), 0
        paths = {re.search(rf'id="{name}">\s*<path d="', svg).end(): name for name in moving}
        self._pieces: list[tuple[str, str]] = []
        for start, name in sorted(paths.items()):
            self._pieces.append((svg[done:start], name))
            done = svg.index('"', start)
        self._end = svg[done:]

    def frame(self, label: str, **shapes: Sequence[Point]) -> str:
        """Return the SVG with each moving shape at its points, in the units of the axes; `label` says what it shows."""
        svg = "".join(piece + self._path(shapes[name]) for piece, name in self._pieces) + self._end
        return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)

    def _path(self, points: Sequence[Point]) -> str:
        corners = self._to_pixels.transform(points) * self._points_per_pixel
        return "M " + " L ".join(f"{x:.2f} {self._height - y:.2f}" for x, y in corners)


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
