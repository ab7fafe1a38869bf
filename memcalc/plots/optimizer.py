"""The picture of the training states: what ZeRO shares out between cards."""

from collections.abc import Iterator

import pandas

from memcalc import Training, breakdown
from memcalc.estimate.states import ZERO_PAPER, states
from memcalc.plots.style import filled, label, picture, plain_axes
from memcalc.units import in_unit

_MODEL, _CARDS = ZERO_PAPER

STATES = tuple(term.name for term in states(_MODEL, Training()))
"""From the foot of a stack to its top: each stage of ZeRO shares out one more, from the top down."""

_SHARED = ("nothing shared", "shared: optimizer", "and gradients", "and weights")


def _rows() -> Iterator[dict[str, object]]:
    for stage in range(4):
        for count in sorted({round(2 ** (quarter / 4)) for quarter in range(41)}):
            yield {"stage": stage, "cards": count, **breakdown(_MODEL, Training(zero=stage, data_parallel=count))}


def _in_words(rows: pandas.DataFrame) -> str:
    marked = rows[rows["cards"] == _CARDS]
    sums = in_unit(marked[list(STATES)].sum(axis=1), "GB")
    stages = ", ".join(f"{size:.3g} GB with stage {stage}" for stage, size in zip(marked["stage"], sums, strict=True))
    return (
        "Four panels of stacked areas over 1 to 1,024 cards, one a stage of ZeRO. What is shared falls towards nothing,"
        f" what is not stays level. On each of {_CARDS} cards: {stages}."
    )


@picture(
    _rows,
    _in_words,
    "Training states of 7.5 billion parameters on one of N_d cards, in mixed precision with Adam, as in the"
    " ZeRO paper. Each stage shares out one kind of state more; what is not shared stays level, however many cards"
    " there are. Dots: 64 cards, as in the paper's first figure.",
    height=3.3,
    ncols=4,
    sharey=True,
)
def training_states_zero(figure, panels, rows: pandas.DataFrame) -> None:
    """Draw what one card holds of the training states over the number of cards, in one panel for a stage of ZeRO."""
    for axes, (stage, lines) in zip(panels, rows.groupby("stage"), strict=True):
        sizes = [in_unit(lines[term], "GB") for term in STATES]
        for area, term in zip(axes.stackplot(lines["cards"], *sizes), STATES, strict=True):
            area.set(**filled(term))
        whole = sum(sizes)[lines["cards"] == _CARDS].iloc[0]
        axes.plot([_CARDS], [whole], "o", color="black", markersize=5, clip_on=False, zorder=3)
        label(axes, f"{whole:.3g} GB", (_CARDS, whole), (0, 7), fontweight="bold", bbox=None)
        axes.set_title(f"ZeRO {stage}\n{_SHARED[stage]}", fontsize=9)
        axes.set(xscale="log", xlim=(1, lines["cards"].max()), ylim=(0, 130), xticks=[1, 8, 64, 512])
        plain_axes(axes, "x", "y")
    panels[0].set_ylabel("memory of a card [GB]")
    figure.supxlabel("degree of data parallelism [cards]", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=len(STATES))
