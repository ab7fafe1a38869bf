"""The explorer of training: the bytes of one parameter, and cards side by side which can share them."""

from dataclasses import replace

from memcalc import Gpu, Training, catalogue, fewest_gpus
from memcalc.estimate.code import code
from memcalc.estimate.states import ZERO_PAPER
from memcalc.explorers.controls import Menu, Number, Picker
from memcalc.explorers.frame import Frame, OnDemand, explorer
from memcalc.explorers.marks import Marks
from memcalc.explorers.optimizer import one_parameter
from memcalc.explorers.optimizer.one_parameter import Strip
from memcalc.explorers.optimizer.sharing import Scene
from memcalc.explorers.optimizer.states import States, model_or_size
from memcalc.formula.choices import Layout
from memcalc.formula.symbols import BY_NAME, SUMMANDS
from memcalc.specs.model import NominalModel
from memcalc.units import show

PAPER = f"{ZERO_PAPER[0].parameters / 10**9:g} billion parameters"
"""The model of which the ZeRO paper counts the states."""

CARDS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 32, 64, 128, 256, 512, 1024)
"""The marks of the slider; another number can be typed."""

_N_D = BY_NAME["data_parallel"]


@explorer(
    "You train {model} in the recipe {recipe}: beside the [weights] there are [gradients], and what the [optimizer] "
    "{optimizer} keeps. You have {data_parallel} cards {gpu}, which share at stage {zero} of ZeRO.",
    presets={
        "the ZeRO paper, 64 cards": {"data_parallel": ZERO_PAPER[1], "zero": "3"},
        "one card": {"data_parallel": 1, "zero": "3"},
        "Megatron, 8 cards": {"zero": "1", "recipe": "megatron"},
        "Llama-3.1-70B": {"model": "Llama-3.1-70B", "zero": "3", "data_parallel": 16},
    },
    model=Picker(
        "model",
        "models",
        "maker",
        "your own config.json … or type a size, such as 7.5 billion parameters",
        model_or_size,
    ),
    recipe=Menu("recipe: bytes of a number", ("mixed", "megatron", "bf16", "fp32"), ("B", "B_g", "B_m", "B_o")),
    optimizer=Menu("optimizer", ("AdamW", "8-bit AdamW", "Lion", "SGD momentum", "SGD", "Muon"), ("n_o", "M_1")),
    zero=Menu("stage of ZeRO", ("0", "1", "2", "3")),
    data_parallel=Number("cards that share", 1, _N_D.high, "cards", str(_N_D.symbol), CARDS),
)  # "autocast" has the bytes of "fp32"
def states_on_a_card(
    *,
    width: int = 860,
    model: str = PAPER,
    recipe: str = "mixed",
    optimizer: str = "AdamW",
    data_parallel: int = 8,
    gpu: str = "A100 80 GB",
    zero: str = "0",
) -> Frame:
    """Show what training keeps of one parameter, and how much of all of them stays on each card.

    Raises InputError for an optimizer that needs the matrices which ZeRO lays flat, or which a size does not have.

    >>> states_on_a_card.frame(zero="3", data_parallel=64).sentence_said[:67]
    'The states fit: each of 64 cards keeps 1.88 GB of its 84.99 GB. Acti'
    """
    trained = model_or_size(model)
    of_a_size = {} if isinstance(trained, NominalModel) else {"activations": "none"}
    run = Training(recipe=recipe, optimizer=optimizer, data_parallel=data_parallel, zero=int(zero), **of_a_size)
    states, gpu = States(trained, run), Gpu.of(gpu)
    marks = Marks(width)
    top = one_parameter.draw(marks, states, _STRIPS[width])
    scene = Scene(marks, states, gpu, top + 22)
    height = scene.draw(CARDS)
    return Frame(
        marks=marks,
        height=height,
        said=_said(states, gpu),
        alt=_alt(states, gpu),
        notes=_notes(states),
        hints=OnDemand(lambda: _hints(states, gpu)),
        formula=states.formula(),
        code=code(trained, run, shown=("recipe", "optimizer", "zero", "data_parallel")),
        scale=f"{scene.row.scale:.3g}",
        guess=scene.guess(),
    )


_STRIPS = {
    860: Strip(12, 28, 30, 20, down=False),
    600: Strip(12, 28, 19, 15, down=False),
    360: Strip(112, 8, 16, 10, down=True),
}


def _cards(count: int) -> str:
    return "the card" if count == 1 else f"each of {count:,} cards"


def _said(states: States, gpu: Gpu) -> str:
    """Return whether the states fit; never that all does, for activations are not among them."""
    kept, who = sum(states.kept.values()), _cards(states.run.data_parallel)
    size, limit = show(kept, "GB"), show(gpu.capacity, "GB")
    besides = "Activations come on top and are not counted here."
    if kept <= gpu.capacity:
        return f"*The states fit:* {who} keeps {size} of its {limit}. {besides}"
    over = show(kept - gpu.capacity, "GB")
    return f"*The states do not fit:* {who} would keep {size}, which is {over} more than its {limit}. {besides}"


def _alt(states: States, gpu: Gpu) -> str:
    """Return the picture in words."""
    parts = ", ".join(f"{part.word} {float(part.each):.4g}" for part in states.parts)
    kept = ", ".join(f"{SUMMANDS[term].word} {show(size, 'GB')}" for term, size in states.kept.items())
    shared = [SUMMANDS[term].word for term in states.kept if states.shared(term)]
    whose = f"shared out: {' and '.join(shared)}" if shared else "nothing is shared"
    cards = f"{states.run.data_parallel:,} x {gpu.name} side by side, {whose}. On each: {kept}."
    return f"The bytes of one parameter: {parts}. {cards}"


def _notes(states: States) -> list[str]:
    """Return what the recipe and the optimizer mean, and what is not counted."""
    run = states.run
    recipe = catalogue.find("recipes", "recipe", run.recipe)["meaning"]
    alone = ["One card has nobody to share with, so no stage changes anything."] * (
        run.data_parallel == 1 and run.zero > 0
    )
    remembers = f"{run.optimizer} remembers {run.optimizer_spec.meaning}."
    besides = "Buffers, and the pieces that travel between cards, are not counted either."
    return [*alone, f"In the recipe {run.recipe}: {recipe}.", remembers, besides]


def _hints(states: States, gpu: Gpu) -> list[str]:
    """Return what would make each card keep less: a look at the largest block, the next stage, more cards."""
    run = states.run
    largest = max(states.kept, key=states.kept.get)
    shared = "is shared already" if states.shared(largest) else f"is shared from stage {states.stages[largest]} on"
    hints = [f"The largest block on a card is {SUMMANDS[largest].word}: it {shared}."]
    if (
        run.zero < len(states.stages)
        and run.data_parallel > 1
        and run.optimizer_spec.layout in (Layout.FULL, Layout.BLOCKS)
    ):
        after = States(states.model, replace(run, zero=run.zero + 1))
        hints.append(f"At stage {run.zero + 1} it would be {show(sum(after.kept.values()), 'GB')} on each card.")
    if sum(states.kept.values()) > gpu.capacity and run.zero:
        count = fewest_gpus(states.model, run, gpu)
        hints.append(
            f"At this stage, {count:,} of these cards hold the states, and what a step takes for a moment."
            if count
            else "At this stage, no number of these cards holds the states, and what a step takes for a moment."
        )
    return hints
