"""The answer in words: the verdict, the next best step, and what the numbers do not say."""

import math
from collections.abc import Iterator
from dataclasses import replace

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.estimate import offload
from memcalc.estimate.inference import resolved, taken
from memcalc.estimate.questions import breakdown, fewest_gpus, fits, largest
from memcalc.estimate.speed import fastest
from memcalc.formula.choices import Family, Kept
from memcalc.formula.formats import Format
from memcalc.formula.overhead import inference_overhead
from memcalc.formula.symbols import BY_NAME, SUMMANDS
from memcalc.specs.engines import departures
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import AUTO, OFFLOAD, Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.run import PARALLEL
from memcalc.specs.training import Training
from memcalc.specs.weighed import WeighedModel
from memcalc.units import show


def verdict(model: Model, run: Inference | Training, gpu: Gpu) -> str:
    """Return in one sentence whether the run fits the card, and by how much.

    >>> verdict(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090"))
    'It does not fit: 4.91 GiB are missing.'
    """
    fit = fits(model, run, gpu)
    if not fit:
        return f"It does not fit: {show(-fit.margin)} are missing."
    left_for = "what the loss and the step need for a moment" if isinstance(run, Training) else "the engine's buffers"
    return f"It fits: {show(fit.margin)} are left for {left_for} and more context."


def next_steps(model: Model, run: Inference | Training, gpu: Gpu) -> list[str]:
    """Return what could be done: how far the context may grow, or each single change that makes the run fit.

    >>> next_steps(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090"))[0]
    'This card holds at most 22,709 tokens of context.'
    """
    context = largest("context", model, run, gpu)
    bounded = 0 < context < BY_NAME["context"].limit
    steps = [f"This card holds at most {_tokens(context, run)}."] if bounded else []
    if run.batch > 1 and (batch := largest("batch", model, run, gpu)):
        steps.append(f"It holds at most {batch:,} sequences of this context.")
    if fits(model, run, gpu):
        return steps
    if isinstance(run, Training):
        return [*steps, *_savings(model, run, gpu)] or ["No single change makes it fit; it needs more cards."]
    ways = [*steps, *_smaller_formats(model, run, gpu), *offload.ways(model, run, gpu)] or [_no_way(model, run, gpu)]
    return [*ways, *_cards(model, run, gpu)]


def notes(model: Model, run: Inference | Training, gpu: Gpu) -> list[str]:
    """Return what a careful reader should know about the numbers."""
    found, trained = [], model.trained_context
    if trained and (run.context > trained or largest("context", model, run, gpu) > trained):
        found.append(f"{model.name} was trained for {trained:,} tokens; more needs an extension.")
    if run.overhead == "none":
        found.append(_overhead(run))
    if isinstance(run, Inference) and isinstance(model, Model):
        found += [*_speed(model, run, gpu), *_of_engines(model, run)]
    if isinstance(run, Inference) and not isinstance(model, NominalModel):
        found += offload.said(model, run)
    if isinstance(run, Inference) and (said := taken(model, run)):
        found.append(said)
    if model.assumed:
        found.append(f"Not in the file, taken from the documented defaults: {', '.join(model.assumed)}.")
    if model.ignored:
        found.append(f"In the files, but not counted here: {', '.join(model.ignored)}.")
    return [*found, *model.said]


def _speed(model: Model, run: Inference, gpu: Gpu) -> Iterator[str]:
    """Yield how fast the cards are at best, if the run fits them and the bandwidth is known."""
    if gpu.bandwidth is None or not fits(model, run, gpu):
        return
    cards = math.prod(getattr(run, degree) for degree in PARALLEL)
    such = "one such card" if cards == 1 else f"{cards:,} such cards"
    if bound := fastest(model, run, gpu).decode:
        yield f"No program writes more than {bound:,.0f} tokens per second and sequence on {such}."
    else:
        yield "How fast it can be is not said: the total of its files does not tell what a token reads of them."


def _of_engines(model: Model, run: Inference) -> Iterator[str]:
    """Yield what the engine keeps otherwise than the model needs; of the ideal one, what others would."""
    windows = model.window_layers > 0 and run.context > model.window
    matters = {Kept.WHOLE_CONTEXT: windows, Kept.EVERY_HEAD: 1 < model.kv_heads < model.heads}
    for one in departures(model.family):
        if matters[one.keeps] and run.reserving.kind in ("", one.engine):
            left_out = "" if run.reserving.kind else f" The engine {run.engine!r} does not count that."
            yield one.sentence + left_out


def _overhead(run: Inference | Training) -> str:
    """Say what comes on top, as a range; activations, which the allocator adds to, are left out."""
    ends = (replace(run, overhead=end) for end in ("low", "high"))
    low, high = (inference_overhead.exact(end.values) for end in ends)
    return f"Driver and libraries take {show(low)} to {show(high)} more, as documented cases have it."


def _savings(model: Model, run: Training, gpu: Gpu) -> Iterator[str]:
    cheaper = {"recompute": "full"}, {"recipe": "bf16"}, {"optimizer": "8-bit AdamW"}, {"zero": 3, "data_parallel": 8}
    for change in cheaper:
        try:
            fit = fits(model, replace(run, **change), gpu)
        except InputError:  # a choice that this run excludes
            continue
        if fit:
            said = " and ".join(f"{field} {choice}" for field, choice in change.items())
            yield f"{said} would leave {show(fit.margin)}."


def _smaller_formats(model: Model, run: Inference, gpu: Gpu) -> Iterator[str]:
    left, run = "", resolved(model, run)
    now = {"weights": [run.weights_format], "kv_cache": run.cache_formats}
    if run.weights == AUTO:  # as its files have them, which may be fewer bits than any format here
        del now["weights"]
    for fields in (("weights",), ("kv_cache",), ("weights", "kv_cache")):
        if not now.keys() >= set(fields):
            continue
        most = max(form.bits for field in fields for form in now[field])
        fewer = [form.name for form in _plain_formats() if form.bits < most]
        tries = ((name, fits(model, replace(run, **dict.fromkeys(fields, name)), gpu)) for name in fewer)
        name, fit = next(((name, fit) for name, fit in tries if fit), ("", None))
        if fit and show(fit.margin) != left:
            left = show(fit.margin)
            yield f"{name} {' and '.join(SUMMANDS[field].word for field in fields)} would leave {left}."


def _plain_formats() -> list[Format]:
    """Return the formats that weights and caches can both have, which the table lists from many bits to few."""
    return [form for form in map(Format.named, catalogue.names("formats")) if form.family == Family.PLAIN]


def _cards(model: Model, run: Inference, gpu: Gpu) -> list[str]:
    as_stored = run.weights == AUTO and model.file_weights  # which nobody knows how to divide
    if run.divided or run.prefill != "none" or as_stored or any(map(run.changed, OFFLOAD)):
        return []
    try:
        cards = fewest_gpus(model, run, gpu)
    except InputError:  # its draft model cannot be divided between so many
        return []
    return [f"{cards} such cards would do, with tensor parallelism."] if cards else []


def _no_way(model: Model, run: Inference, gpu: Gpu) -> str:
    if isinstance(model, WeighedModel):
        return "It needs a smaller file of this model, or a larger card."
    least = min(_plain_formats(), key=lambda form: form.bits).name
    smallest = replace(run, weights=least, kv_cache=least)
    if context := largest("context", model, smallest, gpu):
        return f"Even in {least}, this card holds no more than {_tokens(context, run)}."
    weights = breakdown(model, smallest)["weights"]
    return f"Even {least} weights take {show(weights)}: it needs a format of fewer bits, a larger card, or several."


def _tokens(context: int, run: Inference | Training) -> str:
    each = f" for each of {run.batch:,} sequences" if run.batch > 1 else ""
    return f"{context:,} tokens of context{each}"
