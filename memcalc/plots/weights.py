"""The picture of weights: the bits that a format's name says, and those that a model's file spends."""

import math
from collections.abc import Iterator

import pandas

from memcalc import Inference, Model, breakdown
from memcalc.formula.formats import Format, named_bits
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import CARDS, LIMIT, OUTLINE, Drawn, canvas, label, limit_of, picture, plain_axes, stacked
from memcalc.specs.run import weights_format
from memcalc.units import in_unit, show, three_digits

_COLOUR = SUMMANDS["weights"].colour

PARTS = {
    "named": {"label": "bits of the name", "facecolor": _COLOUR, "hatch": ""},
    "scales": {"label": "scales", "facecolor": "#E69F00", "hatch": "////"},
    "more": {"label": "tensors in more bits", "facecolor": "none", "hatch": "xxxx"},
}
"""Part of what is stored, from the foot of a bar to its end → how it is filled, and what a legend calls it."""

EDGE = OUTLINE | {"linewidth": 0.8}
"""How the parts are outlined."""

FORMATS = ("BF16", "LLM.int8", "Q8_0", "Q6_K", "NF4", "GPTQ-INT4-g128", "NF4-double", "Q4_K_M", "Q4_0", "Q2_K")
"""What is drawn: 16 bits, and formats of 8, 6, 4 and 2 bits of the tools that many use."""


def bits_of_the_name(weights: str) -> int:
    """Return the bits that the name of a format of data/formats.csv promises; raise InputError for another name.

    >>> [bits_of_the_name(name) for name in ("Q4_K_M", "NF4-double", "LLM.int8", "BF16")]
    [4, 4, 8, 16]
    """
    return named_bits(weights_format("weights", weights))


def parts(model: Model, weights: str) -> dict[str, int]:
    """Return the weights of a model in a format of data/formats.csv, in the three parts of `PARTS` [bytes].

    The scales are those of a model whose every number is quantized; what the tensors take that have more bits is the
    rest. Raises InputError for a format that is not known.

    >>> parts(Model.named("Llama-3.1-8B"), "Q4_0")
    {'named': 4015130624, 'scales': 501891328, 'more': 136353536}
    """
    stored = breakdown(model, Inference(weights=weights))["weights"]
    bits = (bits_of_the_name(weights), Format.named(weights).bits)
    named, in_blocks = (math.ceil(model.parameters * each / 8) for each in bits)
    return {"named": named, "scales": in_blocks - named, "more": stored - in_blocks}


def bits_per_weight(model: str = "Llama-3.1-8B") -> Drawn:
    """Draw for each format how many bits the file of a model of data/models.csv spends for each parameter, and on what.

    Raises InputError for a model that is not known.
    """
    spec = Model.named(model)
    rows = pandas.DataFrame({name: parts(spec, name) for name in FORMATS}).T * 8 / spec.parameters
    with canvas(height=3.7) as (figure, axes):
        ends = stacked(axes, rows.index, [(rows[part], style) for part, style in PARTS.items()], **EDGE)
        for format, bits in ends.items():
            label(axes, f"{bits:.2f}", (bits, format), (4, 0), va="center", fontweight="bold", bbox=None)
        axes.invert_yaxis()
        axes.set(xlim=(0, 17.5), xticks=range(0, 17, 2), xlabel="bits for each parameter")
        axes.set_title(f"What the name says, and what a file of {model} spends")
        axes.tick_params(axis="y", length=0)
        axes.legend(loc="lower right")
    each = (f"{name} {row['named']:.0f} and {row.sum():.2f}" for name, row in rows.iterrows())
    words = "One bar a format, in three parts: bits of the name, scales, tensors in more bits."
    words += f" For {model}, bits of the name and all bits for each parameter: {', '.join(each)}."
    return figure.with_alt_text(words)


def _rows() -> Iterator[dict[str, object]]:
    """Yield the weights of models in formats [bytes]."""
    for model in ("LLaMA-7B", "LLaMA-13B", "Llama-2-70B"):
        for name in ("FP32", "FP16", "INT8", "INT4"):
            size = breakdown(Model.named(model), Inference(weights=name))["weights"]
            yield {"model": model, "format": name, "bytes": size}


def _in_words(rows: pandas.DataFrame) -> str:
    lines = [f"{row.model} in {row.format} {show(row.bytes)}" for row in rows.itertuples()]
    return f"One line a model, one mark a format, on a logarithmic axis: {', '.join(lines)}."


@picture(
    _rows,
    _in_words,
    "Weights of three models in four formats, counted from the architecture: half the bits, half the bytes."
    " Dotted: what a program can use of two cards. INT8 and INT4 are counted without scales, as in the article.",
    height=3.0,
)
def weights_by_format(_figure, axes, rows: pandas.DataFrame) -> None:
    """Draw the weights of models in several formats on one logarithmic axis, with what two cards can hold."""
    models = list(rows["model"].unique())
    for (name, points), marker in zip(rows.groupby("format", sort=False), "osD^", strict=True):
        for point in points.itertuples():
            place = in_unit(point.bytes, "GiB"), models.index(point.model)
            axes.plot(*place, marker, color=_COLOUR, markeredgecolor="black", markersize=8)
            label(axes, f"{name}\n{three_digits(place[0])} GiB", place, (0, 9), ha="center")
    for gib, words in map(limit_of, CARDS):
        axes.axvline(gib, **LIMIT)
        label(axes, words, (gib, -0.95), (3, 0), va="top")
    axes.set(xscale="log", xlim=(2, 400), xlabel="weights [GiB]", title="What the weights take, by format")
    axes.set(yticks=range(len(models)), yticklabels=models, ylim=(len(models) - 0.6, -1.0))
    axes.set_xticks([5, 10, 20, 50, 100, 200])
    plain_axes(axes, "x", "y")
