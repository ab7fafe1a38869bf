"""Ways to make a run fit: what a card holds, formats that exist, more cards; one change, then two at once."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.estimate import offload
from memcalc.estimate.inference import AnyModel, format_in, resolved
from memcalc.estimate.inventory import inventory
from memcalc.estimate.questions import Fit, fewest_gpus, fits, largest
from memcalc.estimate.terms import breakdown
from memcalc.formula.formats import Format
from memcalc.formula.symbols import BY_NAME, SUMMANDS
from memcalc.formula.tensors import present
from memcalc.specs.engines import formats_of
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import AUTO, Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training
from memcalc.units import show

_USEFUL = 2048
"""Tokens of context that are worth a smaller format [tokens]."""

_MOST_CARDS = 64
"""More cards than that nobody puts together for one run without further words."""

_NEAR = 4
"""So many formats are weighed against each other before the next one is tried."""

_UNEVEN = 1.1
"""By so much the fullest card may have more than its share, or a pool count a weight more than its bytes."""

_ROUGH = 0.8
"""A format whose bits alone, times this, fill the card is not tried: mixes keep some tensors in fewer bits."""


@dataclass(frozen=True)
class Way:
    """A run that fits the card, and how to say what was changed."""

    run: Inference | Training
    sentence: str


@lru_cache(maxsize=1024)  # an explorer asks the same again in every frame
def ways(model: AnyModel, run: Inference, gpu: Gpu) -> tuple[Way, ...]:
    """Return what makes a run fit, or, if it fits, how far it may grow.

    Single changes come first: fewer tokens or sequences, then the format of weights, of the cache, and of both that
    loses least, then more cards; two changes at once where no single one is enough.

    >>> [way.sentence for way in ways(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090"))][:3:2]
    ['This card holds at most 22,709 tokens of context.', 'Q8_0 cache would leave 2.59 GiB.']
    """
    limits = tuple(fewer(model, run, gpu))
    if fits(model, run, gpu):
        return limits
    partly = tuple(Way(*way) for way in offload.ways(model, run, gpu))
    single = (*limits, *_formats(model, run, gpu), *partly)
    several = tuple(_cards(model, run, gpu))
    return (*(single or _shorter_in_smaller(model, run, gpu)), *(several or _cards_in_smaller(model, run, gpu)))


def fewer(model: AnyModel, run: Inference | Training, gpu: Gpu) -> Iterator[Way]:
    """Yield how many tokens, and how many sequences, the card holds."""
    counts = {"context": lambda count: f"This card holds at most {tokens_of(count, run)}."}
    if run.batch > 1:
        counts["batch"] = lambda count: f"It holds at most {count:,} sequences of this context."
    for quantity, sentence in counts.items():
        count = _largest(quantity, model, run, gpu)
        if 0 < count < BY_NAME[quantity].limit or (quantity == "batch" and count):
            yield Way(_with(run, quantity, count), sentence(count))


def _largest(quantity: str, model: AnyModel, run: Inference | Training, gpu: Gpu) -> int:
    """Return the largest context or batch; 0 if a choice of the run excludes the smaller ones."""
    try:
        return largest(quantity, model, run, gpu)
    except InputError:
        return 0


def _with(run: Inference | Training, quantity: str, count: int) -> Inference | Training:
    chunk = getattr(run, "prefill", "")
    if quantity == "context" and not isinstance(chunk, str):
        return replace(run, context=count, prefill=min(chunk, count))
    return replace(run, **{quantity: count})


def tokens_of(context: int, run: Inference | Training) -> str:
    """Say how many tokens, and for how many sequences if they are several.

    >>> tokens_of(4096, Inference(batch=2))
    '4,096 tokens of context for each of 2 sequences'
    """
    each = f" for each of {run.batch:,} sequences" if run.batch > 1 else ""
    return f"{context:,} tokens of context{each}"


def _formats(model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[Way]:
    """Yield for weights, cache and both the format that loses least and fits."""
    left = ""
    for fields in (("weights",), ("kv_cache",), ("kv_cache", "weights")):
        way, margin = next(_in_smaller(fields, model, run, gpu), (None, 0))
        if way and show(margin) != left:
            left = show(margin)
            yield Way(way.run, f"{way.sentence} would leave {left}.")


def _in_smaller(fields: tuple[str, ...], model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[tuple[Way, int]]:
    """Yield runs that fit with these fields in fewer bits, those that lose least first, and what they leave [bytes]."""
    field, *others = fields
    for name in smaller_formats(field, model, run, gpu):
        if field == "weights" and stored_bytes(model, name) > _spare(model, run, gpu):
            continue
        changed, words = replace(run, **{field: name}), f"{name} {SUMMANDS[field].word}"
        if others:
            further = _in_smaller(tuple(others), model, changed, gpu)
            yield from ((Way(way.run, f"{way.sentence} and {words}"), left) for way, left in further)
        elif fit := _fit(model, changed, gpu):
            yield Way(changed, words), fit.margin


def _spare(model: Model, run: Inference, gpu: Gpu) -> int:
    """Return what the weights may take on all cards together [bytes], and a little more: cards share unevenly."""
    fit = _fit(model, run, gpu)
    if fit is None:
        return 0
    cards = run.tensor_parallel * run.pipeline_parallel * run.expert_parallel
    return int(_UNEVEN * cards * (fit.margin + breakdown(model, run)["weights"]))


def _fit(model: AnyModel, run: Inference, gpu: Gpu) -> Fit | None:
    """Return the verdict; None if this model has no such file, or the run no such cache."""
    try:
        return fits(model, run, gpu)
    except InputError:
        return None


def smaller_formats(field: str, model: AnyModel, run: Inference, gpu: Gpu, cards: int = 1) -> Iterator[str]:
    """Yield the formats of weights or cache of fewer bits that exist for the engine, from many bytes to few.

    Without an engine, those that some engine has. Of weights, only those that may fit on so many cards at all.

    >>> card = Gpu.named("RTX 4090")
    >>> [*smaller_formats("kv_cache", Model.named("LLaMA-7B"), Inference(engine="vLLM"), card)]
    ['FP8']
    """
    if not isinstance(model, Model):
        return
    run = resolved(model, run)
    forms = sorted(map(Format.named, _existing(run.kind, field)), key=lambda form: -form.bits)
    if field == "kv_cache":
        most = max(now.bits for now in run.cache_formats)
        fewer = [form for form in forms if form.bits < most and (form.cache != "latent" or model.latent_layers)]
        yield from (form.name for form in fewer)
        return
    now = model.file_weights if run.weights == AUTO else stored_bytes(model, run.weights)
    room = cards * gpu.capacity * run.tensor_parallel * run.pipeline_parallel * run.expert_parallel
    trying = [form.name for form in forms if _ROUGH * model.parameters * form.bits / 8 <= room]
    near = []
    while trying or near:  # bits alone do not tell which of two mixes takes more
        near, trying = [*near, *trying[: _NEAR - len(near)]], trying[_NEAR - len(near) :]
        name = max(near, key=lambda one: stored_bytes(model, one))
        near.remove(name)
        if stored_bytes(model, name) <= min(now - 1, room):
            yield name


@lru_cache(maxsize=4096)
def stored_bytes(model: Model, name: str) -> int:
    """Return what the whole model takes in a format [bytes], without the time that SymPy needs to write the term.

    >>> stored_bytes(Model.named("Llama-3.1-8B"), "Q4_K_M")
    4912898048
    """
    try:
        form, tensors = format_in(model, name), present(model.structure, model.absent)
        return math.ceil(sum(one.size for one in inventory(model.values, tensors, form)))
    except InputError:  # blocks that do not divide the matrices
        return BY_NAME["file_weights"].limit


def _existing(kind: str, field: str) -> list[str]:
    """Return the formats that an engine, or any, has: of weights those that people offer, of caches without an engine
    the usual ones.
    """
    kinds = [kind] if kind else dict.fromkeys(row["engine"] for row in catalogue.rows("engine_formats"))
    had = {name for one in kinds for name in formats_of(one, field, experimental=False)}
    column = "offered" if field == "weights" else "" if kind else "usual"
    return [name for name in catalogue.names("formats", column) if name in had]


def _cards(model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[Way]:
    """Yield the fewest such cards that would do, divided as the engine does, if the run says nothing of several."""
    if run.divided:
        return
    try:
        several = _by_layers(model, run, gpu) if run.reserving.by_layers else _by_heads(model, run, gpu)
    except InputError:  # known on one card only
        return
    if several:
        cards = several.tensor_parallel * several.pipeline_parallel
        how = "each with some of the layers" if several.pipeline_parallel > 1 else "with tensor parallelism"
        yield Way(several, f"{cards:,} such cards would do, {how}.")


def _by_heads(model: AnyModel, run: Inference, gpu: Gpu) -> Inference | None:
    cards = fewest_gpus(model, run, gpu)
    return replace(run, tensor_parallel=cards) if cards > 1 else None


def _by_layers(model: AnyModel, run: Inference, gpu: Gpu) -> Inference | None:
    """Return the run on the fewest cards that share the layers out; more cards never hold more each."""
    most = getattr(model, "layers", 1)
    stages = (replace(run, pipeline_parallel=cards) for cards in range(2, min(most, _MOST_CARDS) + 1))
    return next((several for several in stages if fits(model, several, gpu)), None)


def _shorter_in_smaller(model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[Way]:
    """Yield the format that loses least in which the card holds a useful context, of one sequence if not of all.

    If none is useful, that of the fewest bytes, with what the card then holds.
    """
    wanted, best = min(run.context, _USEFUL), None
    for asked in dict.fromkeys((run, replace(run, batch=1))):
        for name in smaller_formats("weights", model, asked, gpu):
            count = _largest("context", model, replace(asked, weights=name), gpu)
            if count:
                best = name, count, asked
            if count >= wanted:
                yield _said(*best)
                return
    if best:
        yield _said(*best)


def _said(name: str, count: int, asked: Inference) -> Way:
    changed = _with(replace(asked, weights=name), "context", count)
    return Way(changed, f"In {name}, this card holds at most {tokens_of(count, asked)}.")


def _cards_in_smaller(model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[Way]:
    """Yield the format that loses least in which some number of cards would do."""
    for name in smaller_formats("weights", model, run, gpu, _MOST_CARDS):
        for several in _cards(model, replace(run, weights=name), gpu):
            yield Way(several.run, several.sentence.replace(" would do,", f" would do in {name},"))
            return


def no_way(model: AnyModel, run: Inference) -> str:
    """Say why nothing that was tried makes it fit."""
    if not isinstance(model, Model):
        return "It needs a smaller file of this model, or a larger card."
    least = min(map(Format.named, _existing(run.kind, "weights")), key=lambda form: form.bits).name
    try:
        weights = show(breakdown(model, replace(run, weights=least))["weights"])
    except InputError:
        return "No format that was tried makes it fit: it needs a larger card, or several."
    return f"Even {least} weights take {weights}: it needs a larger card, or several."
