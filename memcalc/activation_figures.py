"""What a layer keeps for the backward pass, by its places: their words and fills, and two codes side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pandas
from matplotlib.colors import to_rgb

from memcalc import passes
from memcalc.accounting import values
from memcalc.canvas import Drawn, canvas
from memcalc.figures import COLOURS, HATCHES, PLAIN, label
from memcalc.formula.kept import Kept
from memcalc.model import Model
from memcalc.symbols import symbol
from memcalc.training import Training

PLACES = {
    "scores": "scores",
    "layer": "inputs of layers",
    "norm": "norms",
    "attention": "attention",
    "mlp": "MLP",
    "once": "head and loss",
}
"""Place → the word for it in a sentence or a legend, in the order of a bar: first what grows fastest."""

_STRENGTHS = {"layer": 0.15, "norm": 0.3, "attention": 0.6, "scores": 1.0, "mlp": 0.45, "once": 0.05}
_SCORES = HATCHES["activations"]
_FILLS = {"layer": "", "norm": "...", "attention": "///", "scores": _SCORES, "mlp": "\\\\\\", "once": "---"}
_CODES = {
    "Megatron\nGPT-3-175B": ("GPT-3-175B", Training(activations="megatron")),
    "Hugging Face\nLLaMA-7B": ("LLaMA-7B", Training(attention="flash")),
}
_EDGE = "#222222"  # not black, which a dark page turns to white, and white is not seen on these fills
_SEEN = 0.1  # bytes per number: what takes less would be a line [bytes]


def place_of(tensor: Kept) -> str:
    """Return the key of PLACES for a tensor: scores are what has a number for each pair of tokens.

    >>> from memcalc.formula.megatron import kept
    >>> [place_of(tensor) for tensor in kept()].count("scores")
    3
    """
    if tensor.per == "once":
        return "once"
    return "scores" if tensor.shape.count(symbol("context")) > 1 else tensor.place


def filled(place: str) -> dict[str, object]:
    """Return how an area of a place is filled: a strength of the colour of activations, and a hatch for grey print."""
    strength = _STRENGTHS[place]
    colour = tuple(1 - strength * (1 - part) for part in to_rgb(COLOURS["activations"]))
    return {"facecolor": colour, "hatch": _FILLS[place], "edgecolor": _EDGE, "hatch_linewidth": 0.5}


def kept_in_a_layer(rows: pandas.DataFrame | None = None) -> Drawn:
    """Draw each tensor that a layer keeps, scores left out, as a box as wide as its bytes for each number."""
    rows = _rows() if rows is None else rows
    codes = list(rows["code"].unique())
    with canvas(height=2.3) as (figure, axes):
        for y, code in enumerate(codes):
            _boxes(axes, y, rows[rows["code"] == code])
        axes.set(yticks=range(len(codes)), yticklabels=codes, ylim=(len(codes) - 0.55, -0.75), xlim=(0, 50))
        axes.set(xlabel="bytes kept for each number that goes into the layer")
        axes.set_title("The same layer in two codes, without the scores")
        axes.xaxis.set_major_formatter(PLAIN)
        axes.tick_params(axis="y", length=0)
    return figure.told(_in_words(rows))


def _boxes(axes, y: int, lines: pandas.DataFrame) -> None:
    left = 0.0
    for place, tensors in lines.groupby("place", sort=False):
        start = left
        for size in tensors["bytes"]:
            axes.barh([y], [size], 0.6, left=left, linewidth=0.8, **filled(place))
            left += size
        label(axes, f"{PLACES[place]} {left - start:.3g}", (start, y - 0.3), (1, 2), bbox=None, fontsize=7.5)
    label(axes, f"{left:.3g}", (left, y), (5, 0), va="center", fontweight="bold", fontsize=10)


def _rows() -> pandas.DataFrame:
    return pandas.DataFrame(line for code, (name, run) in _CODES.items() for line in _tensors(code, name, run))


def _tensors(code: str, name: str, run: Training) -> Iterator[dict[str, object]]:
    """Yield the tensors of a layer that can be seen, place by place, with their bytes for each number."""
    model = Model.named(name)
    known, numbers = values(model, run), run.context * run.batch * model.hidden
    tensors = [tensor for tensor in passes.tensors(model, run) if place_of(tensor) not in ("scores", "once")]
    for tensor in sorted(tensors, key=lambda tensor: list(PLACES).index(place_of(tensor))):
        size = tensor.bytes(known) / numbers
        if size > _SEEN:
            yield {"code": code, "place": place_of(tensor), "tensor": tensor.name, "bytes": size}


def _in_words(rows: pandas.DataFrame) -> str:
    said = []
    for code, lines in rows.groupby("code", sort=False):
        places = lines.groupby("place", sort=False)["bytes"].sum()
        parts = ", ".join(f"{PLACES[place]} {size:.3g}" for place, size in places.items())
        said.append(f"{' '.join(code.split())} {lines['bytes'].sum():.3g} bytes ({parts}; {len(lines)} tensors)")
    return f"Two bars of boxes, one box a tensor, in bytes for each number that goes into the layer: {'; '.join(said)}."
