"""What a layer keeps for the backward pass, by its places: their words and fills, and two codes side by side."""

from collections.abc import Iterator
from itertools import product

import pandas
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from memcalc import Model, Training, breakdown, values
from memcalc.article.claims import claim
from memcalc.estimate import training
from memcalc.estimate.ask import read_inputs
from memcalc.formula.saved_tensors import PLACES, place_of
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import OUTLINE, PLAIN, context_axes, label, picture, stacked, tokens
from memcalc.units import in_unit, show

_CODES = {
    "Megatron\nGPT-3-175B": ("GPT-3-175B", Training(activations="megatron")),
    "Hugging Face\nLLaMA-7B": ("LLaMA-7B", Training(attention="flash")),
}
_EDGE = "#222222"  # not black, which a dark page turns to white, and white is not seen on these fills


def fill_of(place: str) -> dict[str, object]:
    """Return how an area of a place is filled, and what a legend calls it; a hatch tells in grey print what it is."""
    row = PLACES[place]
    colour = tuple(1 - float(row["strength"]) * (1 - part) for part in to_rgb(SUMMANDS["activations"].colour))
    return {"label": row["word"], "facecolor": colour, "hatch": row["hatch"], **OUTLINE, "edgecolor": _EDGE}


def _layer_rows() -> Iterator[dict[str, object]]:
    """Yield the tensors of a layer that can be seen, place by place, with their bytes for each number."""
    for code, (name, run) in _CODES.items():
        model = Model.named(name)
        known, numbers = values(model, run), run.context * run.batch * model.hidden
        places = [(place_of(tensor), tensor) for tensor in training.saved_tensors(model, run)]
        for place, tensor in sorted(places, key=lambda pair: list(PLACES).index(pair[0])):
            size = tensor.bytes(known) / numbers
            if place not in ("scores", "once") and size > 0.1:  # what takes less would be a line
                yield {"code": code, "place": place, "tensor": tensor.name, "bytes": size}


def _layer_in_words(rows: pandas.DataFrame) -> str:
    said = []
    for code, lines in rows.groupby("code", sort=False):
        places = lines.groupby("place", sort=False)["bytes"].sum()
        parts = ", ".join(f"{PLACES[place]['word']} {size:.3g}" for place, size in places.items())
        said.append(f"{' '.join(code.split())} {lines['bytes'].sum():.3g} bytes ({parts}; {len(lines)} tensors)")
    return f"Two bars of boxes, one box a tensor, in bytes for each number that goes into the layer: {'; '.join(said)}."


@picture(_layer_rows, _layer_in_words, height=2.3)
def kept_in_a_layer(_figure, axes, rows: pandas.DataFrame) -> None:
    """Draw each tensor that a layer keeps, scores left out, as a box as wide as its bytes for each number."""
    codes = list(rows["code"].unique())
    for y, code in enumerate(codes):
        end = 0.0
        for place, tensors in rows[rows["code"] == code].groupby("place", sort=False):
            start, look = end, fill_of(place)
            end = stacked(axes, y, [(size, look) for size in tensors["bytes"]], start, height=0.6, linewidth=0.8)
            label(axes, f"{look['label']} {end - start:.3g}", (start, y - 0.3), (1, 2), bbox=None, fontsize=7.5)
        label(axes, f"{end:.3g}", (end, y), (5, 0), va="center", fontweight="bold", fontsize=10)
    axes.set(yticks=range(len(codes)), yticklabels=codes, ylim=(len(codes) - 0.55, -0.75), xlim=(0, 50))
    axes.set(xlabel="bytes kept for each number that goes into the layer")
    axes.set_title("The same layer in two codes, without the scores")
    axes.xaxis.set_major_formatter(PLAIN)
    axes.tick_params(axis="y", length=0)


def _band_of(number: str) -> tuple[int, int, int]:
    row = claim(number).readings[0].statements[0].row
    low, high = map(int, row["published"].removesuffix(" GB").split(" to "))
    return read_inputs(row["inputs"])["context"], low, high


BANDS = tuple(map(_band_of, ("C017", "C018")))
"""What the article says that activations of a 7B model take: context [tokens], from and to [GB]."""

AT_PEAK = "full, at its peak"
"""Full recomputation where it needs most: the inputs of all layers, and the tensors of the one computed again, but for
its scores."""

_POLICIES = (
    ("Megatron", "none", {"activations": "megatron", "recompute": "none"}),
    ("Megatron", "selective", {"activations": "megatron", "recompute": "selective"}),
    ("Megatron", "full", {"activations": "megatron", "recompute": "full"}),
    ("Hugging Face", "none, eager", {"attention": "eager"}),
    ("Hugging Face", "none, flash", {"attention": "flash"}),
)
_LINES = {"Megatron": "-", "Hugging Face": "--"}
_WIDER = 1.25  # half a band's width, and the room behind the last context, on the logarithmic axis
_BAND = {"facecolor": "0.85", "edgecolor": "black", "linewidth": 1.2, "zorder": 1.5}


def _rows() -> Iterator[dict[str, object]]:
    """Yield the activations at each context under each policy [bytes]."""
    model = Model.named("LLaMA-7B")
    for context, (code, recomputed, choices) in product([2**power for power in range(10, 18)], _POLICIES):
        run = Training(context=context, **choices)
        line = {"code": code, "recomputed": recomputed, "context": context}
        yield line | {"activations": breakdown(model, run)["activations"]}
        if recomputed == "full":
            yield line | {"recomputed": AT_PEAK, "activations": training.peak_of_recomputation(model, run)}


def _in_words(rows: pandas.DataFrame) -> str:
    ends = [
        f"{code}, {policy}: {show(lines['activations'].iloc[2], 'GB')} and {show(lines['activations'].iloc[-1], 'GB')}"
        for (code, policy), lines in rows.groupby(["code", "recomputed"], sort=False)
    ]
    bands = " and ".join(f"{low} to {high} GB at {context:,} tokens" for context, low, high in BANDS)
    return f"Rising lines, at 4,096 and at 131,072 tokens: {'; '.join(ends)}. Two boxes: {bands}."


@picture(
    _rows,
    _in_words,
    "Activations of LLaMA-7B, one sequence in 16 bits, by what the backward pass computes again: all that"
    " is kept in the layers, by the head and by the loss, with logits in FP32. What the article says (boxes) needs"
    " full recomputation, at its peak: with the tensors of the one layer that is computed again, but for its scores"
    " (bold). The line of full recomputation in Hugging Face code would lie on Megatron's.",
    height=4.2,
)
def activations_context(_figure, axes, rows: pandas.DataFrame) -> None:
    """Draw activations against context on two logarithmic axes, one line a policy, with what the article says."""
    contexts, colour = sorted(rows["context"].unique()), SUMMANDS["activations"].colour
    context_axes(axes, contexts[0], contexts[-1] * _WIDER, "GB")
    axes.set_xticks(contexts, map(tokens, contexts))
    for (code, policy), lines in rows.groupby(["code", "recomputed"], sort=False):
        width = 2.5 if policy == AT_PEAK else 1.2
        axes.plot(lines["context"], in_unit(lines["activations"], "GB"), _LINES[code], color=colour, linewidth=width)
    _name_lines(axes, rows[rows["context"] == contexts[-1]].sort_values("activations"))
    peaks = rows[rows["recomputed"] == AT_PEAK].set_index("context")["activations"]
    for context, low, high in BANDS:
        left, right, peak = context / _WIDER, context * _WIDER, in_unit(peaks[context], "GB")
        axes.add_patch(Rectangle((left, low), right - left, high - low, **_BAND))
        label(axes, f"article: {low}–{high} GB", (right, high), (0, 4), ha="right")
        axes.plot([context], [peak], "o", color="black", markersize=4)
        label(axes, f"{peak:.3g} GB", (right, peak), (0, -16), ha="right", fontweight="bold")
    axes.set_title("Only full recomputation comes down to what the article says")
    keys = [axes.plot([], [], dash, color=colour, label=code)[0] for code, dash in _LINES.items()]
    axes.legend(handles=keys, title="counted as in", loc="upper left", alignment="left")


def _name_lines(axes, ends: pandas.DataFrame) -> None:
    """Write code and what it recomputes beside the right ends of the lines, from the lowest up and apart."""
    lowest, right = 0.0, axes.get_xlim()[1]
    for line in ends.itertuples():
        height, words = max(in_unit(line.activations, "GB"), lowest), f"{line.code}: {line.recomputed}"
        label(axes, words, (right, height), (4, 0), va="center", bbox=None, annotation_clip=False)
        lowest = 1.65 * height  # on the logarithmic axis
