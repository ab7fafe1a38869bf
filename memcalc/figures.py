"""What all pictures share, and those of inference: one function each, which draws rows and closes its figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas
from matplotlib.ticker import FuncFormatter

from memcalc import tables
from memcalc.advice import WORDS
from memcalc.canvas import Drawn, canvas
from memcalc.gpu import Gpu
from memcalc.units import in_unit, show, show_briefly

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


def weights_by_format(rows: pandas.DataFrame | None = None) -> Drawn:
    """Draw the weights of models in several formats on one logarithmic axis, with what two cards can hold."""
    rows = _weights_rows() if rows is None else rows
    models = list(rows["model"].unique())
    with canvas(height=3.0) as (figure, axes):
        for (name, points), marker in zip(rows.groupby("format", sort=False), "osD^", strict=True):
            for point in points.itertuples():
                place = in_unit(point.bytes, "GiB"), models.index(point.model)
                axes.plot(*place, marker, color=COLOURS["weights"], markeredgecolor="black", markersize=8)
                label(axes, f"{name}\n{show_briefly(point.bytes)}", place, (0, 9), ha="center")
        for gib, words in map(limit_of, CARDS):
            axes.axvline(gib, **LIMIT)
            label(axes, words, (gib, -0.95), (3, 0), va="top")
        axes.set(xscale="log", xlim=(2, 400), xlabel="weights [GiB]", title="What the weights take, by format")
        axes.set(yticks=range(len(models)), yticklabels=models, ylim=(len(models) - 0.6, -1.0))
        axes.set_xticks([5, 10, 20, 50, 100, 200])
        axes.minorticks_off()
        axes.grid(axis="y", color="black", alpha=0.1)
        axes.xaxis.set_major_formatter(PLAIN)
    return figure.told(_weights_in_words(rows))


def kv_cache_context(rows: pandas.DataFrame | None = None) -> Drawn:
    """Draw cache against context on two logarithmic axes, and mark where it crosses the weights."""
    rows = _cache_rows() if rows is None else rows
    with canvas() as (figure, axes):
        context_axes(axes, rows["context"].min(), rows["context"].max())
        axes.set_ylim(0.1, 1000)
        for (model, lines), dash in zip(rows.groupby("model", sort=False), ("-", "--"), strict=True):
            for term in ("kv_cache", "weights"):
                gib, words = in_unit(lines[term], "GiB"), f"{WORDS[term]}, {model}"
                axes.plot(lines["context"], gib, dash, color=COLOURS[term], label=words, linewidth=2)
            _mark_crossing(axes, lines["crossing"].iloc[0], in_unit(lines["weights"].iloc[0], "GiB"))
        gib, words = limit_of("RTX 4090")
        axes.axhline(gib, **LIMIT)
        label(axes, words, (rows["context"].min(), gib), (3, 3))
        axes.set_title("The cache outgrows the weights (FP16, one sequence)")
        axes.legend(fontsize=8, loc="upper left", ncols=2)
    return figure.told(_cache_in_words(rows))


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


def _mark_crossing(axes, context: int, gib: float) -> None:
    axes.plot([context, context], [axes.get_ylim()[0], gib], color="black", linewidth=0.8)
    axes.plot([context], [gib], "o", color="black", zorder=3)
    label(axes, f"{context:,} tokens", (context, axes.get_ylim()[0]), (3, 4))


def label(axes, text: str, place: tuple[float, float], offset: tuple[float, float], **style):
    """Write small text beside a place of the axes, so many points to the right and above, and return it."""
    style = {"fontsize": 8, "bbox": _PAPER, "parse_math": False} | style  # a dollar is a dollar
    return axes.annotate(text, place, offset, textcoords="offset points", **style)


def _weights_rows() -> pandas.DataFrame:
    return tables.weights_by_format(("LLaMA-7B", "LLaMA-13B", "Llama-2-70B"), ("FP32", "FP16", "INT8", "INT4"))


def _cache_rows() -> pandas.DataFrame:
    return tables.cache_by_context(("LLaMA-7B", "Llama-3.1-8B"), [2**power for power in range(10, 21)])


def _weights_in_words(rows: pandas.DataFrame) -> str:
    lines = [f"{row.model} in {row.format} {show(row.bytes)}" for row in rows.itertuples()]
    return f"One line a model, one mark a format, on a logarithmic axis: {', '.join(lines)}."


def _cache_in_words(rows: pandas.DataFrame) -> str:
    lines = [f"that of {row.model} at {row.crossing:,} tokens" for row in rows.drop_duplicates("model").itertuples()]
    return f"A rising line of the cache passes a level line of the weights: {', '.join(lines)}."


PICTURES = (
    Picture(
        "weights_by_format",
        _weights_rows,
        weights_by_format,
        caption="Weights of three models in four formats, counted from the architecture: half the bits, half the bytes."
        " Dotted: what a program can use of two cards. INT8 and INT4 are counted without scales, as in the article.",
        describe=_weights_in_words,
    ),
    Picture(
        "kv_cache_context",
        _cache_rows,
        kv_cache_context,
        caption="Cache against context for a model with 32 key-value heads (LLaMA-7B) and one with 8 (Llama-3.1-8B). "
        "Dots: the context at which the cache outweighs the weights, solved from the formula.",
        describe=_cache_in_words,
    ),
)
"""The pictures of inference."""
