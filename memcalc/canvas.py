"""The house style of pictures, and a figure that says in words what it shows."""

from __future__ import annotations

import base64
import html
import io
from contextlib import contextmanager

from IPython import get_ipython
from matplotlib import pyplot as plt
from matplotlib import rc_context, rcParamsDefault
from matplotlib.figure import Figure

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
