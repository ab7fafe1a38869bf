"""The house style of pictures, and a figure that says in words what it shows."""

import base64
import html
import io
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pandas
from IPython import get_ipython
from matplotlib import pyplot as plt
from matplotlib import rc_context, rc_params_from_file, rcParamsDefault
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from memcalc import Gpu
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import tr
from memcalc.units import in_unit, show

_STYLE = rc_params_from_file(Path(__file__).parent / "house.mplstyle", use_default_template=False)


_FOLLOWS_THE_THEME = (
    "<style>.memcalc-figure { background: none !important; } "
    '[data-jp-theme-light="false"] .memcalc-figure { filter: invert(1) hue-rotate(180deg); }</style>'
)
"""Black ink turns white in JupyterLab's dark theme, and hues stay; a page that allows no style keeps white paper."""


class Drawn(Figure):
    """A figure with a text for those who cannot see it; notebooks show both as an image of HTML."""

    alt = ""

    def with_alt_text(self, alt: str) -> Self:
        """Keep the text and return the figure."""
        self.alt = alt
        return self

    def as_svg(self, **how: object) -> str:
        """Return the picture as the address of an SVG, for a page that has it inside; `how` as for `savefig`."""
        file = io.BytesIO()
        with house_style():
            self.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator")), **how)
        return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"

    def _repr_html_(self) -> str:
        file = io.BytesIO()
        with house_style():
            self.savefig(file, format="png", bbox_inches="tight", transparent=True, metadata={"Software": None})
        pixels = base64.b64encode(file.getvalue()).decode()
        shown = f'class="memcalc-figure" style="background: #fff" alt="{html.escape(self.alt)}"'
        return f'{_FOLLOWS_THE_THEME}<img {shown} src="data:image/png;base64,{pixels}">'


if shell := get_ipython():  # its own image of a figure has no place for the text
    shell.display_formatter.formatters["image/png"].for_type(Drawn, lambda figure: None)


def house_style():
    """Return a context in which matplotlib draws in the house style, whatever the settings of the user."""
    defaults = {name: value for name, value in rcParamsDefault.items() if not name.startswith("backend")}
    return rc_context(defaults | _STYLE)


@contextmanager
def canvas(width: float = 7.0, height: float = 3.6, **panels):
    """Give a figure [inches] in the house style and its axes, as `plt.subplots` does, and close it at the end."""
    with house_style():
        figure, axes = plt.subplots(figsize=(width, height), FigureClass=Drawn, **panels)
        try:
            yield figure, axes
        finally:
            plt.close(figure)


LIMIT = {"color": "0.35", "linewidth": 1, "linestyle": ":"}
"""How the capacity of a card is drawn."""

STRONG_LIMIT = LIMIT | {"color": "black", "linewidth": 2}
"""How it is drawn where it is what counts."""

CARDS = ("RTX 4090", "A100 80 GB")
"""The cards whose memory is drawn: a large one of a workstation, and one of a computing centre."""

PLAIN = FuncFormatter(lambda number, _: f"{number:,g}")
"""Numbers on an axis as people write them: 1,000 and 0.1."""

OUTLINE = {"edgecolor": "black", "hatch_linewidth": 0.5}
"""How areas are outlined."""


@dataclass(frozen=True)
class Picture:
    """A picture of a table: called, it draws its own rows or those that it is given, and says in words what it shows.

    Parameters
    ----------
    paint : draws rows on the axes of a figure; its name is that of the picture and of its file
    rows : gives the rows
    describe : says in words what rows show, for those who cannot see it
    caption : the words beside it in the article
    panels : size and division of the figure, as for `canvas`
    """

    paint: Callable[[Drawn, object, pandas.DataFrame], None]
    rows: Callable[[], pandas.DataFrame]
    describe: Callable[[pandas.DataFrame], str]
    caption: str = ""
    panels: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.paint.__name__

    @property
    def alt(self) -> str:
        """The picture in words."""
        return self.describe(self.rows())

    def __call__(self, rows: pandas.DataFrame | None = None) -> Drawn:
        """Return the figure of these rows, or of its own."""
        rows = self.rows() if rows is None else rows
        with canvas(**self.panels) as (figure, axes):
            self.paint(figure, axes, rows)
        return figure.with_alt_text(self.describe(rows))


def picture(rows: Callable, describe: Callable, caption: str = "", **panels: object) -> Callable[..., Picture]:
    """Make a picture of the function that paints it; rows may be given as dictionaries, the rest is as of `Picture`."""
    return lambda paint: Picture(paint, lambda: pandas.DataFrame(rows()), describe, caption, panels)


def filled(term: str) -> dict[str, object]:
    """Return how an area of a term is filled, and what a legend calls it: a hatch tells what a colour tells."""
    entry = SUMMANDS[term]
    return {"label": tr(entry.word), "facecolor": entry.colour, "hatch": entry.hatch, **OUTLINE}


def stacked(axes, heights, parts: Iterable[tuple[object, Mapping[str, object]]], left=0.0, **bar: object):
    """Draw parts as boxes side by side at one height or at several, and return where they end.

    Parameters
    ----------
    parts : length of a box, or of one at each height, and how it is filled
    bar : how all boxes are drawn, as for matplotlib's barh
    """
    for lengths, style in parts:
        axes.barh(heights, lengths, left=left, **bar, **style)
        left = left + lengths
    return left


def limit_of(card: str, unit: str = "GiB") -> tuple[float, str]:
    """Return what a program can use of a card [unit], and the label of the line that marks it."""
    capacity = Gpu.named(card).capacity
    return in_unit(capacity, unit), f"{card}: {show(capacity, unit)}"


def plain_axes(axes, numbers: str = "xy", grid: str = "both", written: FuncFormatter = PLAIN) -> None:
    """Write the `numbers` of these axes as people do, mark none but those, and lay a faint `grid` across these."""
    axes.minorticks_off()
    axes.grid(axis=grid, color="black", alpha=0.1)
    for name in numbers:
        getattr(axes, f"{name}axis").set_major_formatter(written)


def context_axes(axes, first: int, last: int, unit: str = "GiB") -> None:
    """Give the axes a logarithmic context below and a logarithmic memory beside."""
    axes.set(xscale="log", yscale="log", xlim=(first, last), xlabel="context [tokens]", ylabel=f"memory [{unit}]")
    axes.set_xticks([2**power for power in range(8, 21, 2) if first <= 2**power <= last])
    plain_axes(axes, "y", "y")
    axes.xaxis.set_major_formatter(FuncFormatter(tokens))


def tokens(count: float, _position: int | None = None) -> str:
    """Write a number of tokens as model cards do: 32K is 32 × 1,024.

    >>> tokens(32768), tokens(1048576), tokens(25706)
    ('32K', '1M', '25,706')
    """
    for size, letter in ((2**20, "M"), (2**10, "K")):
        if count >= size and count % size == 0:
            return f"{count / size:.0f}{letter}"
    return f"{count:,.0f}"


def label(axes, text: str, place: tuple[float, float], offset: tuple[float, float], **style):
    """Write small text beside a place of the axes, so many points to the right and above, and return it."""
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    style = {"fontsize": 8, "bbox": paper, "parse_math": False} | style  # a dollar is a dollar
    return axes.annotate(text, place, offset, textcoords="offset points", **style)
