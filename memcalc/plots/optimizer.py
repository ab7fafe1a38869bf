"""The picture of the training states: what ZeRO shares out between cards."""

import pandas

from memcalc.estimate.advice import WORDS
from memcalc.estimate.questions import breakdown
from memcalc.plots.style import PLAIN, Drawn, Picture, canvas, filled, label
from memcalc.specs.model import Model
from memcalc.specs.training import Training
from memcalc.units import in_unit

STATES = ("weights", "gradients", "optimizer")
"""From the foot of a stack to its top: each stage of ZeRO shares out one more, from the top down."""

SIZE = 7_500_000_000
"""Parameters of the model of which the ZeRO paper counts the states."""

MARKED = 64
"""The number of cards for which the ZeRO paper compares the stages."""


_SHARED = ("nothing shared", "shared: optimizer", "and gradients", "and weights")


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


def _states_rows() -> pandas.DataFrame:
    model, cards = Model.nominal(SIZE), sorted({round(2 ** (quarter / 4)) for quarter in range(41)})
    lines = [
        {"stage": stage, "cards": count, **breakdown(model, Training(zero=stage, data_parallel=count))}
        for stage in range(4)
        for count in cards
    ]
    return pandas.DataFrame(lines)


def _states_in_words(rows: pandas.DataFrame) -> str:
    marked = rows[rows["cards"] == MARKED]
    sums = [f"{in_unit(sum(row[term] for term in STATES), 'GB'):.3g} GB" for _, row in marked.iterrows()]
    stages = ", ".join(f"{size} with stage {stage}" for stage, size in zip(marked["stage"], sums, strict=True))
    return (
        "Four panels of stacked areas over 1 to 1,024 cards, one a stage of ZeRO. What is shared falls towards nothing,"
        f" what is not stays level. On each of {MARKED} cards: {stages}."
    )


TRAINING_STATES_ZERO = Picture(
    "training_states_zero",
    _states_rows,
    training_states_zero,
    caption="Training states of 7.5 billion parameters on one of N_d cards, in mixed precision with Adam, as in the"
    " ZeRO paper. Each stage shares out one kind of state more; what is not shared stays level, however many cards"
    " there are. Dots: 64 cards, as in the paper's first figure.",
    describe=_states_in_words,
)
