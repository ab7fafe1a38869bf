"""What the explorer of training shows: the three training states on one card, shared out or not."""

from dataclasses import replace

from memcalc import Training, breakdown, tables, units, values
from memcalc.errors import choice
from memcalc.estimate import training
from memcalc.estimate.training import ZERO_PAPER
from memcalc.explorers.bar import draw_limit, draw_parts, room, side_by_side
from memcalc.explorers.frame import Frame, explorer, worked
from memcalc.explorers.svg import Label, drawn_once
from memcalc.formula.optimizer import n_o
from memcalc.plots.optimizer import STATES
from memcalc.plots.style import CARDS, filled
from memcalc.specs.model import NominalModel

_EDGE = 180  # of the axis [GB]


@explorer(
    presets={
        "ZeRO paper, stage 3, 64 cards": {"zero": "3", "data_parallel": 64, "recipe": "mixed", "optimizer": "AdamW"},
        "one card": {"zero": "3", "data_parallel": 1},
        "Megatron, 8 cards": {"zero": "1", "data_parallel": 8, "recipe": "megatron", "optimizer": "AdamW"},
    },
    menus={
        "zero": ("stage of ZeRO", ("0", "1", "2", "3")),
        "recipe": ("recipe: bytes per number", ("mixed", "megatron", "bf16", "fp32")),  # "autocast" has those of "fp32"
        "optimizer": ("optimizer", ("AdamW", "8-bit AdamW", "Lion", "SGD momentum", "SGD", "Muon")),  # one is refused
    },
)
def states_on_a_card(*, zero: str, data_parallel: int, recipe: str, optimizer: str) -> Frame:
    """Show what one card keeps of the training states of the ZeRO paper's model, and what it would keep unshared.

    Raises InputError for an optimizer that needs the matrices which ZeRO lays flat.

    >>> states_on_a_card.frame(zero="3", data_parallel=64, recipe="mixed", optimizer="AdamW").said[:62]
    'Each of 64 cards keeps 1.88 GB of training states, 0.25 bytes '
    """
    model, _ = ZERO_PAPER
    run = Training(
        zero=int(choice("zero", zero, "0123")), data_parallel=data_parallel, recipe=recipe, optimizer=optimizer
    )
    memory, alone = (breakdown(model, one) for one in (run, replace(run, zero=0, data_parallel=1)))
    size, unshared = sum(memory.values()), sum(alone.values())
    rooms = [f"{room(name, size, 'GB')}; activations come on top." for name in CARDS]
    code = tables.code(model, run, shown=("recipe", "optimizer", "zero", "data_parallel"))
    right, whole = (units.in_unit(each, "GB") for each in (size, unshared))
    shapes = {
        **side_by_side(memory, unit="GB"),
        **side_by_side({"alone": unshared}, unit="GB"),
        "mark": [(whole, 0.4), (whole, 1.15)],
        "total": Label(units.show(size, "GB"), (max(right, 0.12 * _EDGE), 0.5)),
        "unshared": Label(f"{units.show(unshared, 'GB')} without sharing", (whole + 1, 0.9)),
    }
    return Frame(_picture(), shapes, _said(model, run, size, unshared), rooms + _worked(model, run), code)


def _said(model: NominalModel, run: Training, size: int, alone: int) -> str:
    who = "One card keeps" if run.data_parallel == 1 else f"Each of {run.data_parallel:,} cards keeps"
    each = f"{size / model.parameters:.4g} bytes for each parameter of the model"
    said = f"{who} {units.show(size, 'GB')} of training states, {each}."
    if size >= alone:
        return f"{said} {'There is nobody to share with.' if run.data_parallel == 1 else 'Nothing is saved.'}"
    return f"{said} Without sharing it would be {units.three_digits(alone / size)} times as much."


def _worked(model: NominalModel, run: Training) -> list[str]:
    """Return each state as a line, and last what the optimizer remembers: so many states like the one above."""
    weights, gradients, optimizer = training.states(model, run)
    known, parts = values(model, run), {part.name: part for part in optimizer.every_part.values()}
    terms = [weights, gradients, parts["master_weights"], *([parts["one_state"]] if known[n_o] else [])]
    lines = worked(model, run, [term for term in terms if term.exact(known)])
    return [*lines, f"{run.optimizer} remembers {run.optimizer_spec.meaning}."]


@drawn_once(2.0)
def _picture(figure, axes) -> None:
    axes.fill([0, 0, 0], [0, 0, 0], facecolor="none", edgecolor="0.5", gid="alone", label="without sharing")
    draw_parts(axes, {term: filled(term) for term in STATES})
    axes.plot([0, 0], [0, 1], color="0.5", linewidth=1, gid="mark")
    axes.text(0, 0.5, "total", gid="total", ha="right", weight="bold", in_layout=False)
    axes.text(0, 0.9, "unshared", gid="unshared", size=9, in_layout=False)
    for name in CARDS:
        draw_limit(axes, name, [(-0.95, 0.45)], -0.9, "GB")
    axes.set(xlim=(0, _EDGE), ylim=(-1.0, 1.2), yticks=[], xlabel="training states on one card [GB]")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[1:] + handles[:1], labels[1:] + labels[:1], loc="outside upper left", ncols=4)
