"""What the explorer of the activations shows: what a run keeps for the backward pass, by its places."""

from collections.abc import Iterable

from memcalc import Gpu, InputError, Model, Training, breakdown, tables, units, values
from memcalc.errors import choice
from memcalc.estimate import training
from memcalc.explorers.bar import bar, draw_bar
from memcalc.explorers.frame import Frame, explorer, held, worked
from memcalc.explorers.svg import drawn_once
from memcalc.plots.activations import PLACES, fill_of, place_of
from memcalc.plots.style import CARDS

CODES = ("transformers", "megatron")
RECOMPUTE = ("none", "full", "selective")
KERNELS = ("eager", "flash")


@explorer(
    presets={
        "all kept": {"context": 2048, "code": "transformers", "recompute": "none", "attention": "eager"},
        "flash": {"code": "transformers", "recompute": "none", "attention": "flash"},
        "full recomputation": {"code": "transformers", "recompute": "full", "attention": "flash"},
        "Megatron, selective": {"code": "megatron", "recompute": "selective", "attention": "eager"},
    },
    menus={
        "code": ("code that runs", CODES),
        "recompute": ("what is computed again", RECOMPUTE),
        "attention": ("attention kernel", KERNELS),
    },
)
def kept_for_backward(
    *, context: int, batch: int, code: str, recompute: str, attention: str, model: str = "LLaMA-7B"
) -> Frame:
    """Show what a run keeps for the backward pass as one bar, place by place, against what two cards hold.

    Raises InputError where nobody has described what this code keeps.

    >>> setting = {"context": 2048, "batch": 1, "code": "transformers", "recompute": "full", "attention": "flash"}
    >>> kept_for_backward.frame(**setting).details[0]
    'by place: inputs of layers 0.50 GiB, head and loss 0.31 GiB'
    """
    model, run = Model.named(model), _run(context, batch, code, recompute, attention)
    parts, whole = _parts(model, run), breakdown(model, run)["activations"]
    most = max(parts, key=parts.get)
    said = f"To train on {held(run)}, {model.name} keeps {units.show_both(whole)} for the backward pass."
    said += f" Most of all: {PLACES[most]['word']}, {units.show(parts[most])}."
    line = tables.code(model, run, "activations", shown=("context", "batch", "attention", "recompute", "activations"))
    return Frame(_picture(), bar(parts, Gpu.named(CARDS[-1]).capacity), said, _details(model, run, parts), line)


def _run(context: int, batch: int, code: str, recompute: str, attention: str) -> Training:
    code, attention = choice("code", code, CODES), choice("attention", attention, KERNELS)
    if code == "transformers" and recompute == "selective":
        raise InputError("recompute must be 'none' or 'full' with code 'transformers', not 'selective'.")
    if code == "megatron" and attention == "flash":
        raise InputError("attention must be 'eager' with code 'megatron', which is counted unfused, not 'flash'.")
    return Training(context=context, batch=batch, activations=code, recompute=recompute, attention=attention)


def _parts(model: Model, run: Training) -> dict[str, int]:
    """Return the bytes that each place keeps, of all layers together."""
    known, parts = values(model, run), dict.fromkeys(PLACES, 0)
    for tensor in training.saved_tensors(model, run):
        parts[place_of(tensor)] += tensor.bytes(known) * (model.layers if tensor.per == "layer" else 1)
    return parts


def _details(model: Model, run: Training, parts: dict[str, int]) -> Iterable[str]:
    sizes = ", ".join(f"{PLACES[place]['word']} {units.show(size)}" for place, size in parts.items() if size)
    memory = breakdown(model, run)
    states = units.show(sum(memory.values()) - memory["activations"])
    parts_of = {part.name: part for term in training.activations(model, run) for part in term.every_part.values()}
    lines = [f"by place: {sizes}", *worked(model, run, [parts_of["layer_activations"]])]
    if run.activations == "megatron" and run.recompute == "full":
        peak = training.peak_of_recomputation(model, run)
        lines.append(f"While a layer is computed again, its tensors are back: {units.show_both(peak)} at the peak.")
    return [*lines, f"On top come weights, gradients and optimizer: {states} in mixed precision with AdamW."]


@drawn_once(2.1)
def _picture(figure, axes) -> None:
    pieces = (-0.5, 0.42), (0.82, 1.1)  # between the two stands the total
    draw_bar(axes, {place: fill_of(place) for place in PLACES}, CARDS, pieces, "kept for the backward pass [GiB]")
    figure.legend(loc="outside upper left", ncols=3)
