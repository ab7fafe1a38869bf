"""The house style of pictures, and a figure that says in words what it shows."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import pandas
from IPython import get_ipython
from matplotlib import pyplot as plt
from matplotlib import rc_context, rcParamsDefault
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from memcalc.specs.gpu import Gpu
from memcalc.units import in_unit, show

STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "legend.frameon": False,
    "svg.hashsalt": "memcalc",
}


class Drawn(Figure):
    """A figure with a text for those who cannot see it; notebooks show both as an image of HTML."""

    alt = ""

    def told(self, alt: str) -> Drawn:
        """Keep the text and return the figure."""
        self.alt = alt
        return self

    def _repr_html_(self) -> str:
        file = io.BytesIO()
        with house_style():
            self.savefig(file, format="png", bbox_inches="tight", metadata={"Software": None})
        pixels = base64.b64encode(file.getvalue()).decode()
        return f'<img alt="{html.escape(self.alt)}" src="data:image/png;base64,{pixels}">'


if shell := get_ipython():  # its own image of a figure has no place for the text
    shell.display_formatter.formatters["image/png"].for_type(Drawn, lambda figure: None)


def house_style():
    """Return a context in which matplotlib draws in the house style, whatever the settings of the user."""
    defaults = {name: value for name, value in rcParamsDefault.items() if not name.startswith("backend")}
    return rc_context(defaults | STYLE)


@contextmanager
def canvas(width: float = 7.0, height: float = 3.6, **panels):
    """Give a figure and its axes in the house style, and close the figure at the end.

    Parameters
    ----------
    width, height : of the picture in print [inches]
    panels : how it is divided into several axes, as for matplotlib's subplots
    """
    with house_style():
        figure, axes = plt.subplots(figsize=(width, height), FigureClass=Drawn, **panels)
        try:
            yield figure, axes
        finally:
            plt.close(figure)


COLOURS = {
    "weights": "#0072B2",
    "gradients": "#56B4E9",
    "optimizer": "#009E73",
    "activations": "#D55E00",
    "kv_cache": "#E69F00",
    "overhead": "#999999",
}
"""One colour a term throughout, from the palette of Okabe and Ito, which colour-blind readers tell apart."""

HATCHES = {
    "weights": "",
    "gradients": "|||",
    "optimizer": "\\\\\\",
    "activations": "xxx",
    "kv_cache": "///",
    "overhead": "---",
}
"""One hatch a term, so that grey print still works."""

LIMIT = {"color": "0.35", "linewidth": 1, "linestyle": ":"}
"""How the capacity of a card is drawn."""

CARDS = ("RTX 4090", "A100 80 GB")
"""The cards whose memory is drawn: a large one of a workstation, and one of a computing centre."""

PLAIN = FuncFormatter(lambda number, _: f"{number:,g}")
"""Numbers on an axis as people write them: 1,000 and 0.1."""

_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


@dataclass(frozen=True)
class Picture:
    """A figure of the article: its file name, the rows that it draws, and the words beside it."""

    name: str
    rows: Callable[[], pandas.DataFrame]
    draw: Callable[[pandas.DataFrame], Drawn]
    caption: str
    describe: Callable[[pandas.DataFrame], str]

    @property
    def alt(self) -> str:
        """The picture in words, for those who cannot see it."""
        return self.describe(self.rows())


def filled(term: str) -> dict[str, object]:
    """Return how an area of a term is filled: its colour, and its hatch for grey print."""
    return {"facecolor": COLOURS[term], "hatch": HATCHES[term], "edgecolor": "black", "hatch_linewidth": 0.5}


def limit_of(card: str, unit: str = "GiB") -> tuple[float, str]:
    """Return what a program can use of a card [unit], and the label of the line that marks it."""
    capacity = Gpu.named(card).capacity
    return in_unit(capacity, unit), f"{card}: {show(capacity, unit)}"


def context_axes(axes, first: int, last: int, unit: str = "GiB") -> None:
    """Give the axes a logarithmic context below and a logarithmic memory beside."""
    axes.set(xscale="log", yscale="log", xlim=(first, last), xlabel="context [tokens]", ylabel=f"memory [{unit}]")
    axes.set_xticks([2**power for power in range(8, 21, 2) if first <= 2**power <= last])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(FuncFormatter(tokens))
    axes.yaxis.set_major_formatter(PLAIN)
    axes.grid(axis="y", color="black", alpha=0.1)


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
    style = {"fontsize": 8, "bbox": _PAPER, "parse_math": False} | style  # a dollar is a dollar
    return axes.annotate(text, place, offset, textcoords="offset points", **style)
