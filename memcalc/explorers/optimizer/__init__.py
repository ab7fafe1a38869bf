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
from memcalc.texts import both, later, later_many, tr, tr_many
from memcalc.units import show

PAPER = f"{ZERO_PAPER[0].parameters / 10**9:g} billion parameters"
"""The model of which the ZeRO paper counts the states."""

CARDS = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 32, 64, 128, 256, 512, 1024)
"""The marks of the slider; another number can be typed."""

_N_D = BY_NAME["data_parallel"]

_ON_ONE_CARD = later(
    "You train {model} in the recipe {recipe}: beside the [weights] there are [gradients], and what the [optimizer] "
    "{optimizer} keeps. You have {data_parallel} card {gpu}, and choose stage {zero} of ZeRO."
)


@explorer(
    later(
        "You train {model} in the recipe {recipe}: beside the [weights] there are [gradients], and what the "
        "[optimizer] {optimizer} keeps. You have {data_parallel} cards {gpu}, which share at stage {zero} of ZeRO."
    ),
    presets={
        later("the ZeRO paper, 64 cards"): {"data_parallel": ZERO_PAPER[1], "zero": "3"},
        later("one card"): {"data_parallel": 1, "zero": "3"},
        later("Megatron, 8 cards"): {"zero": "1", "recipe": "megatron"},
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
    scene = Scene(marks, states, gpu, one_parameter.draw(marks, states, _STRIPS[width]) + 22)
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
        sentence=_ON_ONE_CARD if data_parallel == 1 else "",
        guess=scene.guess(),
    )


_STRIPS = {
    860: Strip(12, 28, 30, 20, down=False),
    600: Strip(12, 28, 19, 15, down=False),
    360: Strip(112, 8, 16, 10, down=True),
}


def _said(states: States, gpu: Gpu) -> str:
    """Return whether the states fit; never that all does, for activations are not among them."""
    kept, cards = sum(states.kept.values()), states.run.data_parallel
    sizes = {"size": show(kept, "GB"), "limit": show(gpu.capacity, "GB")}
    besides = tr("Activations come on top and are not counted here.")
    if kept <= gpu.capacity:
        return f"{tr_many(*_FITS, cards, **sizes)} {besides}"
    return f"{tr_many(*_OVER, cards, over=show(kept - gpu.capacity, 'GB'), **sizes)} {besides}"


_FITS = later_many(
    "*The states fit:* the card keeps {size} of its {limit}.",
    "*The states fit:* each of {count:,} cards keeps {size} of its {limit}.",
)
_OVER = later_many(
    "*The states do not fit:* the card would keep {size}, which is {over} more than its {limit}.",
    "*The states do not fit:* each of {count:,} cards would keep {size}, which is {over} more than its {limit}.",
)


def _alt(states: States, gpu: Gpu) -> str:
    """Return the picture in words."""
    parts = ", ".join(f"{part.called} {float(part.each):.4g}" for part in states.parts)
    kept = ", ".join(f"{tr(SUMMANDS[term].word)} {show(size, 'GB')}" for term, size in states.kept.items())
    shared = [tr(SUMMANDS[term].word) for term in states.kept if states.shared(term)]
    said = _SHARED if shared else _WHOLE
    cards = {"cards": states.run.data_parallel, "card": gpu.name, "kept": kept}
    return tr(said, parts=parts, shared=both(shared), **cards)


_SHARED = later(
    "The bytes of one parameter: {parts}. {cards:,} x {card} side by side, shared out: {shared}. On each: {kept}."
)
_WHOLE = later(
    "The bytes of one parameter: {parts}. {cards:,} x {card} side by side, nothing is shared. On each: {kept}."
)


def _notes(states: States) -> list[str]:
    """Return what the recipe and the optimizer mean, and what is not counted."""
    run = states.run
    recipe = tr(catalogue.find("recipes", "recipe", run.recipe)["meaning"])
    found = [
        tr("In the recipe {recipe}: {meaning}.", recipe=run.recipe, meaning=recipe),
        tr("{optimizer} remembers {meaning}.", optimizer=run.optimizer, meaning=tr(run.optimizer_spec.meaning)),
        tr("Buffers, and the pieces that travel between cards, are not counted either."),
    ]
    if run.data_parallel > 1 or not run.zero:
        return found
    return [tr("One card has nobody to share with, so no stage changes anything."), *found]


def _hints(states: States, gpu: Gpu) -> list[str]:
    """Return what would make each card keep less: a look at the largest block, the next stage, more cards."""
    run = states.run
    hints = [_largest(states)]
    if (
        run.zero < len(states.stages)
        and run.data_parallel > 1
        and run.optimizer_spec.layout in (Layout.FULL, Layout.BLOCKS)
    ):
        after = States(states.model, replace(run, zero=run.zero + 1))
        size = show(sum(after.kept.values()), "GB")
        hints.append(tr("At stage {stage} it would be {size} on each card.", stage=run.zero + 1, size=size))
    if sum(states.kept.values()) > gpu.capacity and run.zero:
        count = fewest_gpus(states.model, run, gpu)
        hints.append(tr(_ENOUGH if count else _NEVER, count=count))
    return hints


def _largest(states: States) -> str:
    """Say which block of a card is the largest, and from which stage on it is shared."""
    largest = max(states.kept, key=states.kept.get)
    already = later("The largest block on a card is {word}: it is shared already.")
    from_stage = later("The largest block on a card is {word}: it is shared from stage {stage} on.")
    said = already if states.shared(largest) else from_stage
    return tr(said, word=tr(SUMMANDS[largest].word), stage=states.stages[largest])


_ENOUGH = later("At this stage, {count:,} of these cards hold the states, and what a step takes for a moment.")
_NEVER = later("At this stage, no number of these cards holds the states, and what a step takes for a moment.")
