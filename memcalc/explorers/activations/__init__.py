"""The explorer of the activations: a training step as a film, and what each layer keeps for the way back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from memcalc import Gpu, Model, Training, breakdown
from memcalc.errors import InputError
from memcalc.estimate import training
from memcalc.estimate.code import code as line_of_code
from memcalc.explorers.activations.reel import Reel, draw_card
from memcalc.explorers.activations.stack import Stack, at_the_loss, draw_stack
from memcalc.explorers.activations.strip import draw_film
from memcalc.explorers.controls import Menu, Number, model_of
from memcalc.explorers.film import film, one_layer, unmeasured
from memcalc.explorers.frame import Frame, Guess, OnDemand, explorer
from memcalc.explorers.marks import Marks, along
from memcalc.explorers.words import formula
from memcalc.formula.choices import Accounting, Recompute
from memcalc.texts import later, tr
from memcalc.units import in_unit, show, show_both

CODES = (Accounting.TRANSFORMERS.value, Accounting.MEGATRON.value)
KERNELS = (later("eager"), later("flash"))

_RECOMPUTE = (later("none"), later("selective"), later("full"))  # the words of `choices.Recompute`
_SENTENCE = {
    CODES[0]: later(
        "You train {model} on one {gpu}, on texts of {context} tokens, {batch} at a time, in the code of {code} with "
        "{attention} attention, and recompute {recompute}. Watch one step up to moment {moment} of 60."
    ),
    CODES[1]: later(
        "You train {model} on one {gpu}, on texts of {context} tokens, {batch} at a time, in the code of {code}, and "
        "recompute {recompute}. Watch one step up to moment {moment} of 60."
    ),
}
_DOUBLINGS = tuple(2**power for power in range(7, 18))
_MOMENTS = tuple(range(61))


@explorer(
    _SENTENCE[CODES[0]],
    presets={
        later("all kept"): {},
        later("flash"): {"attention": "flash"},
        later("full recomputation"): {"attention": "flash", "recompute": "full", "moment": 60},
        later("a short text, to the end"): {"context": 256, "moment": 60},
        later("Megatron, selective"): {"code": "megatron", "recompute": "selective"},
    },
    context=Number("context", 1, 2**20, "tokens", "s", _DOUBLINGS),
    batch=Number("batch", 1, 256, "texts", "b", (1, 2, 4, 8, 16)),
    code=Menu("code that runs", CODES),
    attention=Menu("attention kernel", KERNELS),
    recompute=Menu("what is computed again", _RECOMPUTE),
    moment=Number("moment of the step", 0, 60, grid=_MOMENTS, plays=150),
)
def kept_for_backward(
    *,
    width: int = 860,
    model: str = "LLaMA-7B",
    gpu: str = "A100 80 GB",
    context: int = 2048,
    batch: int = 1,
    code: str = "transformers",
    attention: str = "eager",
    recompute: str = "none",
    moment: int = 20,
) -> Frame:
    """Show a training step as a film: what lies on the card at each moment, and what each layer keeps.

    Raises InputError where nobody has described what this code keeps.

    >>> kept_for_backward.frame(moment=60).sentence_said
    'It fits: at its peak, when layer 32 goes back through its scores, 74.08 GiB lie on the card; 5.07 GiB stay free.'
    """
    model, gpu, run = model_of(model), Gpu.of(gpu), _run(context, batch, code, recompute, attention)
    marks, reel = Marks(width), Reel(width, film(model, run), moment, gpu.capacity)
    draw_film(marks, reel)
    draw_card(marks, reel, gpu)
    stack = Stack(width, one_layer(model, run), model.layers, max(map(at_the_loss, reel.moments)))
    height = draw_stack(marks, stack, reel.now)
    return Frame(
        marks=marks,
        height=height,
        said=_said(reel),
        alt=tr(_ALT, layers=model.layers),
        notes=_notes(model, run),
        hints=_hints(model, run),
        formula=_formula(model, run),
        code=line_of_code(model, run, "activations", shown=("context", "batch", "recipe", "attention", "recompute")),
        sentence=_SENTENCE[code],
        scale=f"{reel.gib:.3g} {len(reel.moments)}",
        guess=_guess(marks, reel, breakdown(model, run)["activations"]),
    )


_ALT = later("Memory over a training step, as far as it has been played, the card now, and {layers} layers.")


def _run(context: int, batch: int, code: str, recompute: str, attention: str) -> Training:
    if code == CODES[0] and recompute == Recompute.SELECTIVE:
        raise InputError(tr("recompute must be 'none' or 'full' with code 'transformers', not 'selective'."))
    kernel = {"attention": attention} if code == CODES[0] else {}
    return Training(context=context, batch=batch, recipe="bf16", activations=code, recompute=recompute, **kernel)


def _said(reel: Reel) -> str:
    """Return the verdict on what has been played."""
    now, top = reel.now, reel.top
    highest = {"top": top.name, "size": show(top.total), "free": show(reel.capacity - top.total)}
    if reel.first_over:
        missing = {"full": reel.first_over.name, "top": top.name, "size": show(top.total - reel.capacity)}
        return tr(_OVER if reel.over else _OVER_SO_FAR, **missing)
    if reel.over:
        return tr(_FITS, **highest)
    played = {"now": now.name, "size": show(now.total), "kept": show_both(now.kept)}
    said = tr(_FITS_SO_FAR_KEPT if now.kept else _FITS_SO_FAR, **played)
    return said if top is now else f"{said} {tr(_HIGHEST, **highest)}"


_OVER = later("*It does not fit:* the card is full when {full}. When {top}, {size} are missing.")
_OVER_SO_FAR = later(
    "*It does not fit:* the card is full when {full}. When {top}, {size} are missing, the most so far."
)
_FITS = later("*It fits:* at its peak, when {top}, {size} lie on the card; {free} stay free.")
_FITS_SO_FAR = later("*It fits so far:* when {now}, {size} lie on the card.")
_FITS_SO_FAR_KEPT = later("*It fits so far:* when {now}, {size} lie on the card, {kept} of it [activations].")
_HIGHEST = later("The highest so far: {size}, when {top}.")


def _notes(model: Model, run: Training) -> list[str]:
    unknown = unmeasured(model, run)
    return [
        tr("{unknown} So the film ends with what is kept.", unknown=unknown) if unknown else tr(_MEASURED),
        tr(_THRICE if run.recompute == Recompute.FULL else _TWICE),
        tr("The loss and the optimizer's step are stretched so that they can be seen."),
        tr("Weights, gradients and AdamW's states have 16 bits, and the optimizer steps all tensors at once."),
        tr("Not counted: short-lived results of the forward pass, driver and allocator."),
    ]


_MEASURED = later(
    "The highest point before the optimizer's step is measured; the rest follows from the tensors' shapes."
)
_TWICE = later("Time is counted in matrix products: the way back takes twice as long as the way there.")
_THRICE = later("Time is counted in matrix products: the way back takes three times as long as the way there.")


def _hints(model: Model, run: Training) -> Sequence[str]:
    """Return what other choices would need, a line each."""
    runs = {words: replace(run, **change) for words, change in _OTHERS.items()}
    others = {words: other for words, other in runs.items() if other != run and not unmeasured(model, other)}

    def lines() -> Iterator[str]:
        for words, other in others.items():
            top = max(film(model, other), key=lambda moment: moment.total)
            yield tr(words, size=show(top.total), moment=top.name)

    return OnDemand(lines) if others else ()


_OTHERS = {
    later("With the flash kernel, the highest point is {size}, when {moment}."): {"attention": "flash"},
    later("With full recomputation, the highest point is {size}, when {moment}."): {"recompute": "full"},
}


def _formula(model: Model, run: Training) -> list[dict[str, object]]:
    """Return the activations as a line, and below it what a layer keeps."""
    whole = training.activations(model, run)[-1]
    layer = next(part for part in whole.every_part.values() if part.name == "layer_activations")
    lines = [*formula(model, run, [whole]), *formula(model, run, [layer])]
    return [line | {"summands": [summand | {"of": whole.name} for summand in line["summands"]]} for line in lines]


def _guess(marks: Marks, reel: Reel, kept: int) -> Guess:
    """Draw the line that is dragged to where the activations are expected to end, and ask for it."""
    floor = reel.y(reel.states)
    marks.level(reel.left, reel.card_right, round(floor - 60), reel.left + 8)
    return Guess(
        asks=tr("How many GiB of activations will lie on weights and optimizer at the loss? Drag the dashed line."),
        unit="GiB",
        truth=in_unit(kept, "GiB"),
        handle={"axis": "y"} | along("guess", origin=floor, size=-reel.gib),
        low=0,
        high=round((floor - 14) / reel.gib),
    )
