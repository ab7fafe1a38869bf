"""The answer in words: the verdict, the next best step, and what the numbers do not say."""

import math
from collections.abc import Iterator
from dataclasses import replace

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.estimate import offload
from memcalc.estimate.engine import pool
from memcalc.estimate.inference import AnyModel, taken
from memcalc.estimate.questions import Fit, fits, largest, on_card
from memcalc.estimate.speed import fastest
from memcalc.estimate.ways import no_way, tokens_of, ways
from memcalc.formula.choices import Kept
from memcalc.formula.overhead import inference_overhead
from memcalc.specs.engines import departures
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training
from memcalc.texts import both, later, later_many, tr, tr_many
from memcalc.units import show, three_digits


def verdict(model: Model, run: Inference | Training, gpu: Gpu) -> str:
    """Return in one sentence whether the run fits the card, and by how much.

    >>> verdict(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090"))
    'It does not fit: 4.91 GiB are missing.'
    """
    fit = fits(model, run, gpu)
    if isinstance(run, Training) and fit and not fit.unknown:
        from memcalc.estimate.peak import peak  # here: SymPy builds many terms for training

        moment = {"left": show(fit.margin), "each": on_each(run), "moment": tr(peak(model, run).name)}
        return tr("It fits: {left} are left{each} at the peak, when {moment}.", **moment)
    return verdict_on(fit, run)


def verdict_on(fit: Fit, run: Inference | Training) -> str:
    """Return a verdict in one sentence.

    >>> verdict_on(Fit(20 * 2**30, 24 * 2**30), Inference())
    "It fits: 4.00 GiB are left for the engine's buffers and more context."
    """
    sizes = {"least": show(abs(fit.margin)), "most": show(abs(fit.most)), "each": on_each(run)}
    if fit.most < 0:
        return tr(_MISSING if sizes["most"] == sizes["least"] else _MISSING_AT_BEST, **sizes)
    if not fit:
        return tr(_ONLY_IF, engine=run.engine, **sizes)
    if fit.unknown:
        return tr("It fits, if {least}{each} are enough for {unknown}.", unknown=fit.unknown, **sizes)
    if getattr(run, "kind", ""):
        return tr(_AT_ITS_MOST, engine=run.engine, **sizes)
    if isinstance(run, Inference) and run.overhead == "none" and (narrow := _narrow(fit, run)):
        return narrow
    return tr("It fits: {least} are left{each} for the engine's buffers and more context.", **sizes)


_MISSING = later("It does not fit: {least} are missing{each}.")
_MISSING_AT_BEST = later("It does not fit: {most} are missing{each} at best, and {least} at worst.")
_ONLY_IF = later(
    "It fits only if {engine} takes little beside weights and cache: at best {most} are left{each}, at worst {least} "
    "missing."
)
_AT_ITS_MOST = later("It fits: {least} are left{each}, and what {engine} takes is counted at its most.")


def on_each(run: Inference | Training) -> str:
    """Say of which of several cards an amount is; "" of a single one.

    >>> on_each(Inference(tensor_parallel=8)), on_each(Inference(pipeline_parallel=2)), on_each(Inference())
    (' on each card', ' on the fullest card', '')
    """
    if run.cards == 1:
        return ""
    return tr(" on the fullest card") if run.pipeline_parallel > 1 else tr(" on each card")


def _narrow(fit: Fit, run: Inference) -> str:
    """Say what a run depends on that leaves less than driver and libraries take; "" if it leaves more."""
    low, high = _driver_and_libraries(run)
    if fit.margin >= high:
        return ""
    sizes = {"left": show(fit.margin), "each": on_each(run), "low": show(low), "high": show(high)}
    return tr(_TOO_NARROW if fit.margin < low else _NARROW, **sizes)


_TOO_NARROW = later(
    "It does not fit: weights and cache leave {left}{each}, and driver and libraries take {low} to {high}."
)
_NARROW = later(
    "It fits only if little comes on top: weights and cache leave {left}{each}, and driver and libraries take {low} to "
    "{high}."
)


def _driver_and_libraries(run: Inference | Training) -> tuple[int, int]:
    """Return what they take at both ends of the documented cases [bytes]."""
    low, high = (inference_overhead.exact(replace(run, overhead=end).values) for end in ("low", "high"))
    return low, high


def next_steps(model: AnyModel, run: Inference | Training, gpu: Gpu, formats: tuple[str, ...] = ()) -> list[str]:
    """Return what could be done: how far the context may grow, or what makes the run fit, one change or two at once.

    Parameters
    ----------
    formats : as of `ways`

    >>> next_steps(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090"))[0]
    'This card holds at most 22,709 tokens of context.'
    """
    if isinstance(run, Inference):
        found = ways(model, run, gpu, formats)
        return [way.sentence for way in found] or ([] if fits(model, run, gpu) else [no_way(model, run)])
    from memcalc.estimate import training_ways  # here: SymPy builds many terms for training

    found = [way.sentence for way in training_ways.ways(model, run, gpu)]
    return found or ([] if fits(model, run, gpu) else [tr(_NOTHING)])


_NOTHING = later("No change that was tried makes it fit, nor any number of such cards.")


def notes(model: Model, run: Inference | Training, gpu: Gpu) -> list[str]:
    """Return what a careful reader should know about the numbers."""
    found, trained = [], model.trained_context
    if trained and (run.context > trained or _longest(model, run, gpu) > trained):
        said = later("{model} was trained for {trained:,} tokens; more needs an extension.")
        found.append(tr(said, model=model.name, trained=trained))
    found += [*on_top(run), *elsewhere(gpu)]
    found += _of_training(model, run, gpu) if isinstance(run, Training) else _on_card(model, run, gpu)
    return [*found, *said_of(model, run)]


def on_top(run: Inference | Training) -> list[str]:
    """Return what comes on top of what is counted, in a sentence; nothing where an engine's verdict has it.

    >>> on_top(Inference(overhead="high"))
    []
    """
    return [] if run.overhead != "none" or getattr(run, "kind", "") else [_overhead(run)]


def elsewhere(gpu: Gpu) -> list[str]:
    """Return, for a card of another vendor than those on which driver and libraries were documented, that it is so.

    >>> elsewhere(Gpu.named("MI300X"))
    ['What driver and libraries take is documented here of NVIDIA: of cards of AMD it is not known.']
    """
    documented = [row["vendor"] for row in catalogue.rows("overheads") if row["name"] == "context_memory"]
    if gpu.vendor in ("", *documented):
        return []
    said = later("What driver and libraries take is documented here of {known}: of cards of {vendor} it is not known.")
    return [tr(said, known=both(documented), vendor=gpu.vendor)]


def said_of(model: AnyModel, run: Inference | Training) -> list[str]:
    """Return what a careful reader should know whatever the card is.

    >>> said_of(Model.named("Llama-3-8B"), Inference(weights="FP16"))
    []
    """
    found = [*_of_serving(model, run)] if isinstance(run, Inference) else []
    if model.assumed:
        names = ", ".join(model.assumed)
        found.append(tr("Not in the file, taken from the documented defaults: {names}.", names=names))
    if model.ignored:
        found.append(tr("In the files, but not counted here: {names}.", names=", ".join(model.ignored)))
    return [*found, *model.said]


def _on_card(model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[str]:
    if run.reserving.budget:
        yield from of_pool(model, run, gpu)
    if isinstance(model, Model):
        yield from _speed(model, run, gpu)
        yield from filter(None, [on_card(model, run, gpu)])


def _of_serving(model: AnyModel, run: Inference) -> Iterator[str]:
    if isinstance(model, Model):
        yield from _of_engines(model, run)
    if not isinstance(model, NominalModel):
        yield from offload.said(model, run)
    if said := taken(model, run):
        yield said


def _of_training(model: AnyModel, run: Training, gpu: Gpu) -> Iterator[str]:
    yield from rounded(run)
    if gpu.bf16_tflops:
        yield from _pace(model, run, gpu)


def rounded(run: Training) -> list[str]:
    """Return what weights in 16 bits alone lose, in a sentence.

    >>> rounded(Training())
    []
    """
    return [tr(_ROUNDED)] if run.recipe == "bf16" and not run.lora_rank else []


# BF16 has 8 bits of precision: half a step at the end of a binade is 1/512 of the number there.
_ROUNDED = later(
    "Recipe bf16 keeps no copy of the weights in 32 bits: an update of less than 1/512 of its weight is always lost to "
    "rounding."
)


def _longest(model: AnyModel, run: Inference | Training, gpu: Gpu) -> int:
    """Return the largest context; 0 where nothing that grows with it is counted."""
    try:
        return largest("context", model, run, gpu)
    except InputError:
        return 0


def of_pool(model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[str]:
    """Yield how many tokens the pool of an engine holds, and how many requests of this length; nothing without room.

    >>> said = of_pool(Model.named("Llama-3.1-8B"), Inference(4096, engine="vLLM"), Gpu.named("RTX 4090"))
    >>> next(said).endswith("requests of 4,096 tokens.")
    True
    """
    try:
        found = pool(model, run, gpu)
    except InputError:  # nothing is left for it
        return
    (fewest, most), (few, many) = found.tokens, found.requests
    of = {"engine": run.engine, "context": run.context}
    if fewest == most:
        said = later("The pool of {engine} holds {most:,} tokens: {many:,.2f} requests of {context:,} tokens.")
    else:
        said = later(
            "The pool of {engine} holds {fewest:,} to {most:,} tokens: {few:,.2f} to {many:,.2f} requests of "
            "{context:,} tokens."
        )
    yield tr(said, fewest=fewest, most=most, few=float(few), many=float(many), **of)


def _speed(model: Model, run: Inference, gpu: Gpu) -> Iterator[str]:
    """Yield how fast the cards are at best, if the run fits them and their speed is known."""
    if not (gpu.bandwidth or gpu.bf16_tflops) or not fits(model, run, gpu):
        return
    cards, bound = run.cards, fastest(model, run, gpu)
    if bound.decode:
        half = run.offloaded and not run.host_bandwidth
        slower = tr("; the memory of the CPU makes it slower: host_bandwidth tells by how much") if half else ""
        said = _WRITES_LESS if bound.first > _NOTABLE * bound.decode else _WRITES
        first, last = _most(bound.first), _most(bound.decode)
        yield tr_many(*said, cards, first=first, last=last, slower=slower)
    elif gpu.bandwidth:
        yield tr("How fast it can be is not said: the total of its files does not tell what a token reads of them.")
    if bound.prefill:
        yield tr_many(*_READS, cards, tokens=tokens_of(run.context, run), seconds=_least(bound.prefill))


_WRITES = later_many(
    "No program writes more than {first} tokens per second and sequence on one such card, unless it guesses tokens "
    "ahead{slower}.",
    "No program writes more than {first} tokens per second and sequence on {count:,} such cards, unless it guesses "
    "tokens ahead{slower}.",
)
_WRITES_LESS = later_many(
    "No program writes more than {first} tokens per second and sequence on one such card at the start of the context, "
    "and {last} at its end, unless it guesses tokens ahead{slower}.",
    "No program writes more than {first} tokens per second and sequence on {count:,} such cards at the start of the "
    "context, and {last} at its end, unless it guesses tokens ahead{slower}.",
)
_READS = later_many(
    "Reading {tokens} takes one such card at least {seconds} s, by the peak that its maker states for 16-bit numbers "
    "added up in 32 bits.",
    "Reading {tokens} takes {count:,} such cards at least {seconds} s, by the peak that its maker states for 16-bit "
    "numbers added up in 32 bits.",
)


def _pace(model: AnyModel, run: Training, gpu: Gpu) -> Iterator[str]:
    """Yield how fast the cards train at their peak, and how much of that is reached."""
    from memcalc.estimate.training_time import training_time, usual_utilization  # here: SymPy builds many terms

    try:
        found = training_time(model, run, gpu)
    except InputError:  # of matrices in 8 bits, of which no peak is known
        return
    low, high = (f"{float(100 * end):.0f}" for end in usual_utilization())
    yield tr_many(*_TRAINS, found.cards, speed=three_digits(found.tokens_per_second), low=low, high=high)


_TRAINS = later_many(
    "This card would train on {speed} tokens per second if nothing but arithmetic took time: published trainings reach "
    "{low} to {high} % of that.",
    "{count:,} such cards would train on {speed} tokens per second if nothing but arithmetic took time: published "
    "trainings reach {low} to {high} % of that.",
)


_NOTABLE = 1.1
"""Speeds that differ by more than this factor are both said."""


def _most(speed: float) -> str:
    """Write an upper bound, which may only be rounded up."""
    return f"{math.ceil(speed):,}" if speed >= 10 else f"{math.ceil(10 * speed) / 10:.1f}"


def _least(time: float) -> str:
    """Write a lower bound in three digits, which may only be rounded down."""
    place = 10.0 ** (2 - math.floor(math.log10(time)))
    return three_digits(math.floor(time * place) / place)


def _of_engines(model: Model, run: Inference) -> Iterator[str]:
    """Yield what the engine keeps otherwise than the model needs; without an engine, what some would."""
    windows = model.window_layers > 0 and run.context > model.window
    matters = {Kept.WHOLE_CONTEXT: windows, Kept.EVERY_HEAD: 1 < model.kv_heads < model.heads}
    for one in departures(model.family):
        if matters[one.keeps] and run.reserving.kind in ("", one.engine):
            left_out = "" if run.kind else tr(" Without an engine that is not counted.")
            yield tr(one.sentence) + left_out


def _overhead(run: Inference | Training) -> str:
    """Say what comes on top, as a range; activations, which the allocator adds to, are left out."""
    low, high = _driver_and_libraries(run)
    if isinstance(run, Inference):
        said = later("Driver and libraries take {low} to {high} more, as documented cases have it.")
        return tr(said, low=show(low), high=show(high))
    share = 100 * float(catalogue.find("overheads", "name", "fragmentation")["high"])
    said = later(
        "Driver and libraries take {low} to {high} more, as documented cases have it; what the allocator loses to "
        "fragments, in one of them {share:g} % of the activations, is not counted."
    )
    return tr(said, low=show(low), high=show(high), share=share)
