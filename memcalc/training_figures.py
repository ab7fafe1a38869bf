"""The pictures of training: what ZeRO shares out between cards, and what is kept for the backward pass."""

from __future__ import annotations

from collections.abc import Iterator

import pandas
from matplotlib.patches import Rectangle

from memcalc.advice import WORDS
from memcalc.canvas import Drawn, canvas
from memcalc.evaluate import breakdown
from memcalc.figures import COLOURS, PLAIN, Picture, context_axes, filled, label, tokens
from memcalc.model import Model
from memcalc.passes import peak_of_recomputation
from memcalc.training import Training
from memcalc.units import in_unit, show

STATES = ("weights", "gradients", "optimizer")
"""From the foot of a stack to its top: each stage of ZeRO shares out one more, from the top down."""

SIZE = 7_500_000_000
"""Parameters of the model of which the ZeRO paper counts the states."""

MARKED = 64
"""The number of cards for which the ZeRO paper compares the stages."""

BANDS = ((4_096, 2, 4), (131_072, 60, 80))
"""What the article says that activations of a 7B model take: context [tokens], from and to [GB]."""

AT_PEAK = "full, at its peak"
"""Full recomputation where it needs most: the inputs of all layers, and the tensors of the one computed again, but for
its scores."""

_MODEL = "LLaMA-7B"
_SHARED = ("nothing shared", "shared: optimizer", "and gradients", "and weights")
_POLICIES = (
    ("Megatron", "none", {"activations": "megatron", "recompute": "none"}),
    ("Megatron", "selective", {"activations": "megatron", "recompute": "selective"}),
    ("Megatron", "full", {"activations": "megatron", "recompute": "full"}),
    ("Hugging Face", "none, eager", {"attention": "eager"}),
    ("Hugging Face", "none, flash", {"attention": "flash"}),
)
_LINES = {"Megatron": "-", "Hugging Face": "--"}
_WIDER = 1.25  # half a band's width, and the room behind the last context, on the logarithmic axis
_LINE_APART = 1.65  # two names beside lines, on the logarithmic axis
_BAND = {"facecolor": "0.85", "edgecolor": "black", "linewidth": 1.2, "zorder": 1.5}


def training_states_zero(rows: pandas.DataFrame | None = None) -> Drawn:
    """Draw what one card holds of the training states over the number of cards, in one panel for a stage of ZeRO."""
    rows = _states_rows() if rows is None else rows
    with canvas(height=3.3, ncols=4, sharey=True) as (figure, panels):
        for axes, (stage, lines) in zip(panels, rows.groupby("stage"), strict=True):
            _stack(axes, lines)
            axes.set_title(f"ZeRO {stage}\n{_SHARED[stage]}", fontsize=9)
            axes.set(xscale="log", xlim=(1, lines["cards"].max()), ylim=(0, 130), xticks=[1, 8, 64, 512])
            axes.minorticks_off()
            axes.grid(axis="y", color="black", alpha=0.1)
            axes.xaxis.set_major_formatter(PLAIN)
        panels[0].set_ylabel("memory of a card [GB]")
        figure.supxlabel("degree of data parallelism [cards]", fontsize=9)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=len(STATES))
    return figure.told(_states_in_words(rows))


def _stack(axes, lines: pandas.DataFrame) -> None:
    sizes = [in_unit(lines[term], "GB") for term in STATES]
    areas = axes.stackplot(lines["cards"], *sizes, labels=[WORDS[term] for term in STATES])
    for area, term in zip(areas, STATES, strict=True):
        area.set(**filled(term))
    whole = sum(sizes)[lines["cards"] == MARKED].iloc[0]
    axes.plot([MARKED], [whole], "o", color="black", markersize=5, clip_on=False, zorder=3)
    label(axes, f"{whole:.3g} GB", (MARKED, whole), (0, 7), fontweight="bold", bbox=None)


def activations_context(rows: pandas.DataFrame | None = None) -> Drawn:
    """Draw activations against context on two logarithmic axes, one line a policy, with what the article says."""
    rows = _activations_rows() if rows is None else rows
    with canvas(height=4.2) as (figure, axes):
        contexts = sorted(rows["context"].unique())
        context_axes(axes, contexts[0], contexts[-1] * _WIDER, "GB")
        axes.set_xticks(contexts, map(tokens, contexts))
        for (code, policy), lines in rows.groupby(["code", "recomputed"], sort=False):
            width = 2.5 if policy == AT_PEAK else 1.2
            gb = in_unit(lines["activations"], "GB")
            axes.plot(lines["context"], gb, _LINES[code], color=COLOURS["activations"], linewidth=width)
        _name_lines(axes, rows[rows["context"] == contexts[-1]].sort_values("activations"))
        peaks = rows[rows["recomputed"] == AT_PEAK].set_index("context")["activations"]
        for context, low, high in BANDS:
            _band(axes, context, low, high, in_unit(peaks[context], "GB"))
        axes.set_title("Only full recomputation comes down to what the article says")
        keys = [axes.plot([], [], dash, color=COLOURS["activations"], label=code)[0] for code, dash in _LINES.items()]
        axes.legend(handles=keys, title="counted as in", loc="upper left", alignment="left")
    return figure.told(_activations_in_words(rows))


def _name_lines(axes, ends: pandas.DataFrame) -> None:
    """Write code and what it recomputes beside the right ends of the lines, from the lowest up and apart."""
    lowest, right = 0.0, axes.get_xlim()[1]
    lines = zip(ends["code"], ends["recomputed"], ends["activations"], strict=True)
    for code, policy, size in lines:
        height = max(in_unit(size, "GB"), lowest)
        label(axes, f"{code}: {policy}", (right, height), (4, 0), va="center", bbox=None, annotation_clip=False)
        lowest = height * _LINE_APART


def _band(axes, context: int, low: float, high: float, peak: float) -> None:
    left, right = context / _WIDER, context * _WIDER
    axes.add_patch(Rectangle((left, low), right - left, high - low, **_BAND))
    label(axes, f"article: {low}–{high} GB", (right, high), (0, 4), ha="right")
    axes.plot([context], [peak], "o", color="black", markersize=4)
    label(axes, f"{peak:.3g} GB", (right, peak), (0, -16), ha="right", fontweight="bold")


def _states_rows() -> pandas.DataFrame:
    model, cards = Model.nominal(SIZE), sorted({round(2 ** (quarter / 4)) for quarter in range(41)})
    lines = [
        {"stage": stage, "cards": count, **breakdown(model, Training(zero=stage, data_parallel=count))}
        for stage in range(4)
        for count in cards
    ]
    return pandas.DataFrame(lines)


def _activations_rows() -> pandas.DataFrame:
    contexts = [2**power for power in range(10, 18)]
    return pandas.DataFrame(line for context in contexts for line in _policies(context))


def _policies(context: int) -> Iterator[dict[str, object]]:
    """Yield the activations under each policy [bytes]."""
    model = Model.named(_MODEL)
    for code, recomputed, choices in _POLICIES:
        run = Training(context=context, **choices)
        line = {"code": code, "recomputed": recomputed, "context": context}
        yield line | {"activations": breakdown(model, run)["activations"]}
        if recomputed == "full":
            yield line | {"recomputed": AT_PEAK, "activations": peak_of_recomputation(model, run)}


def _states_in_words(rows: pandas.DataFrame) -> str:
    marked = rows[rows["cards"] == MARKED]
    sums = [f"{in_unit(sum(row[term] for term in STATES), 'GB'):.3g} GB" for _, row in marked.iterrows()]
    stages = ", ".join(f"{size} with stage {stage}" for stage, size in zip(marked["stage"], sums, strict=True))
    return (
        "Four panels of stacked areas over 1 to 1,024 cards, one a stage of ZeRO. What is shared falls towards nothing,"
        f" what is not stays level. On each of {MARKED} cards: {stages}."
    )


def _activations_in_words(rows: pandas.DataFrame) -> str:
    ends = [
        f"{code}, {policy}: {show(lines['activations'].iloc[2], 'GB')} and {show(lines['activations'].iloc[-1], 'GB')}"
        for (code, policy), lines in rows.groupby(["code", "recomputed"], sort=False)
    ]
    bands = " and ".join(f"{low} to {high} GB at {context:,} tokens" for context, low, high in BANDS)
    return f"Rising lines, at 4,096 and at 131,072 tokens: {'; '.join(ends)}. Two boxes: {bands}."


PICTURES = (
    Picture(
        "training_states_zero",
        _states_rows,
        training_states_zero,
        caption="Training states of 7.5 billion parameters on one of N_d cards, in mixed precision with Adam, as in the"
        " ZeRO paper. Each stage shares out one kind of state more; what is not shared stays level, however many cards"
        " there are. Dots: 64 cards, as in the paper's first figure.",
        describe=_states_in_words,
    ),
    Picture(
        "activations_context",
        _activations_rows,
        activations_context,
        caption="Activations of LLaMA-7B, one sequence in 16 bits, by what the backward pass computes again: all that"
        " is kept in the layers, by the head and by the loss, with logits in FP32. What the article says (boxes) needs"
        " full recomputation, at its peak: with the tensors of the one layer that is computed again, but for its scores"
        " (bold). The line of"
        " full recomputation in Hugging Face code would lie on Megatron's.",
        describe=_activations_in_words,
    ),
)
"""The pictures of training."""
