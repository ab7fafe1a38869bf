"""The answer to a question: each term in bytes, the verdict, what can be done, and what the numbers do not say."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING

from memcalc import units
from memcalc.command import duration, frameworks
from memcalc.command.words import with_slots
from memcalc.errors import InputError
from memcalc.formula.glossary import SUMMANDS
from memcalc.specs.inference import AUTO, Inference
from memcalc.specs.training import Training

if TYPE_CHECKING:
    from memcalc.estimate.engine import Share
    from memcalc.estimate.inference import AnyModel
    from memcalc.estimate.questions import Fit
    from memcalc.formula import Term
    from memcalc.specs.gpu import Gpu

_A_SIZE_ALONE = (
    "A size alone tells what the weights take, at the bits of most matrices. Below 16 bits, most formats keep more for "
    "embeddings and some matrices: a few percent of a large model, a third or more of a small one. For the exact size, "
    "the cache and a verdict, name a model or give its config.json: they depend on layers and heads."
)


def on_one(model: AnyModel, run: Inference | Training, card: str, options: argparse.Namespace) -> None:
    """Answer for one card, or one of several that have as much each."""
    from memcalc.specs.gpu import Gpu

    gpu = Gpu.of(card)
    if options.json:
        print_json(model, run, gpu, _in_json(model, run, gpu, options))
    else:
        said = frameworks.beside(said_of(options), options, model, run, gpu)
        timed = duration.beside(options, model, run, gpu) if isinstance(run, Training) else ()
        print_fit(model, run, gpu, [*timed, *said])
    if options.explain and not options.json:
        from memcalc.estimate.terms import terms

        for term in (*terms(model, run), *(share.term for share in _shares(model, run, gpu))):
            print(f"\n{term.name}: {term.meaning}\n  holds: {term.holds}\n  source: {term.source}")


def _in_json(model: AnyModel, run: Inference | Training, gpu: Gpu, options: argparse.Namespace) -> dict[str, object]:
    """Return what the answer to a training has in JSON alone: what a file says in vain, and how long it takes."""
    if not isinstance(run, Training):
        return {}
    found = duration.asked(options, model, run, gpu)
    timed = {"takes": asdict(found)} if found else {}
    return {"in_vain": frameworks.in_vain(said_of(options), options), **timed}


def print_pool(options: argparse.Namespace, run: Inference) -> None:
    """Print what a pool of so many bytes holds; of which card they are makes no difference."""
    from memcalc.command.models import meant
    from memcalc.estimate.engine import pool

    model = meant(options.model, options.tag)
    found = pool(model, run, size=options.pool)
    tokens, requests = found.tokens[0], float(found.requests[0])
    if options.json:
        print(json.dumps({"model": model.name, "pool": {"bytes": found.low, "tokens": tokens, "requests": requests}}))
        return
    each = f"a request of {run.context:,} tokens keeps {units.show_both(found.request)}"
    held = f"{requests:,.2f} of them, {tokens:,} tokens"
    print(f"{model.name}: {each}, so that {units.show_both(found.low)} hold {held}.")


def run_of(options: argparse.Namespace) -> Inference | Training:
    """Return the run that a command line describes."""
    said = said_of(options)
    if options.kind is Inference:
        return Inference(**with_slots(said, options.slots, options.total_context))
    return options.kind(**frameworks.with_files(said, options))


def said_of(options: argparse.Namespace) -> dict[str, object]:
    """Return the fields that the command line says."""
    return {name: getattr(options, name) for name in options.kind.declared if hasattr(options, name)}


def is_size_alone(model: AnyModel, run: Inference | Training) -> bool:
    """Return whether the model is a size whose cache nobody knows."""
    from memcalc.specs.model import NominalModel

    return isinstance(model, NominalModel) and isinstance(run, Inference)


def print_json(
    model: AnyModel, run: Inference | Training, gpu: Gpu, beside: Mapping[str, object] | None = None
) -> None:
    """Print the answer as an object in JSON, and what stands beside it; of a size alone there is no verdict."""
    from memcalc.estimate.questions import breakdown, total
    from memcalc.estimate.terms import terms

    known = {
        "model": model.name,
        "gpu": gpu.name,
        "run": asdict(run),
        "bytes": breakdown(model, run),
        **elsewhere(model, run),
        "terms": {
            term.name: {name: getattr(term, name) for name in ("meaning", "holds", "source")}
            for term in terms(model, run)
        },
        "total": total(model, run),
        "capacity": gpu.capacity,
        "capacity_is": gpu.capacity_is,
    }
    trained = {"peak": _peak(model, run)} if isinstance(run, Training) else {}
    every = known | trained | (beside or {}) | _judged(model, run, gpu)
    print(json.dumps(every, indent=2, default=float))  # shares are exact fractions


def _peak(model: AnyModel, run: Training) -> dict[str, object]:
    """Return the peak of a step, its parts, and the other moments."""
    from memcalc.estimate.peak import peak

    found = peak(model, run)
    each = {phase: {"bytes": at.bytes, "when": at.name, "parts": at.parts} for phase, at in found.moments.items()}
    return {"moment": found.moment, **each[found.moment], "moments": each, "not_counted": found.unknown}


def _judged(model: AnyModel, run: Inference | Training, gpu: Gpu) -> dict[str, object]:
    from memcalc.estimate.questions import fits

    said = _advice(model, run, gpu)
    if is_size_alone(model, run):
        return {"fits": None, "margin": None, "advice": said}
    fit = fits(model, run, gpu)
    engine = _engine(model, run, gpu) if getattr(run, "kind", "") else {}
    verdict = {"needed": fit.needed, "fits": bool(fit), "verdict": fit.word, "margin": fit.margin}
    return {**engine, **verdict, "margin_at_best": fit.most, "not_counted": fit.unknown, "advice": said}


def _engine(model: AnyModel, run: Inference, gpu: Gpu) -> dict[str, object]:
    """Return what an engine takes, and its pool, each as a range."""
    from memcalc.estimate.engine import budget, pool, taken_by_engine

    shares = {share.term.name: [share.low, share.high] for share in taken_by_engine(model, run, gpu).shares}
    known = {"engine_takes": shares, "engine_may_use": budget(model, run, gpu)}
    try:
        found = pool(model, run, gpu)
    except InputError:  # nothing is left
        return {**known, "pool": None}
    requests = [float(several) for several in found.requests]
    return {**known, "pool": {"bytes": [found.low, found.high], "tokens": found.tokens, "requests": requests}}


def print_fit(model: AnyModel, run: Inference | Training, gpu: Gpu, beside: Sequence[str] = ()) -> None:
    """Print the answer in words, all of it or, if something has no answer, nothing; and other sentences after it."""
    print("\n".join([*_counted(model, run, gpu), *_said(model, run, gpu), *beside]))


def _said(model: AnyModel, run: Inference | Training, gpu: Gpu) -> Iterator[str]:
    """Yield the verdict, what could be done, and what a careful reader should know."""
    from memcalc.estimate import advice
    from memcalc.estimate.terms import breakdown

    if not is_size_alone(model, run):
        yield advice.verdict(model, run, gpu)
    elif (missing := breakdown(model, run)["weights"] - gpu.capacity) > 0:
        yield f"It does not fit: the weights alone miss {units.show(missing)}."
    yield from _advice(model, run, gpu)


def _advice(model: AnyModel, run: Inference | Training, gpu: Gpu) -> list[str]:
    """Return what stands after the verdict: what could be done, choices without effect, and notes."""
    from memcalc.estimate import advice
    from memcalc.estimate.effects import without_effect

    idle = without_effect(model, run)
    if is_size_alone(model, run):
        return [_A_SIZE_ALONE, *idle]
    return [*advice.next_steps(model, run, gpu), *idle, *advice.notes(model, run, gpu), *_not_as_files(model, run)]


def _not_as_files(model: AnyModel, run: Inference | Training) -> Iterator[str]:
    """Yield in what the files that people load differ from what is counted here: bare numbers, and towers."""
    from memcalc.estimate.ways import PLAIN, existing

    if isinstance(run, Inference) and run.weights in PLAIN:
        like = [name for name in existing("", "weights") if run.weights in name and name != run.weights]
        other = f"{' or '.join(like)} counts that"
        yield f"No file has just {run.weights}: all keep some tensors in 16 bit, and have scales; {other}."
    of_text = getattr(model, "family", "").endswith("_text")  # of a model that also sees or hears
    if of_text and not getattr(model, "file_weights", 0) and not model.ignored:
        yield "A tower for pictures or sound, which many files of this family have, is counted only from the files."


def _counted(model: AnyModel, run: Inference | Training, gpu: Gpu) -> Iterator[str]:
    """Yield a line for each term, what an engine takes too, the sum, what is elsewhere, and what the card has."""
    from memcalc.estimate.questions import fits
    from memcalc.estimate.terms import breakdown, terms, values

    fit = None if is_size_alone(model, run) else fits(model, run, gpu)
    known, memory = values(model, run), breakdown(model, run)
    yield f"{model.name} on {of_cards(gpu, run)}: {in_words(model, run)}"
    for term in terms(model, run):
        yield line(term.name, memory[term.name], _formula(term.simplified(known)))
    yield from _summed(model, run, gpu, sum(memory.values()), fit)
    for place, kept in elsewhere(model, run).items():
        yield line(f"in {place.upper() if place == 'cpu' else 'NVMe'} memory", sum(kept.values()))
    if getattr(run, "kind", "") and fit is not None and fit.capacity != gpu.capacity:
        yield line(f"{run.engine} may use", fit.capacity)
    yield line(f"{'the' if run.cards == 1 else 'each'} card ({gpu.capacity_is})", gpu.capacity)


def of_cards(gpu: Gpu, run: Inference | Training) -> str:
    """Name the cards of a run."""
    return gpu.name if run.cards == 1 else f"{run.cards:,} × {gpu.name}"


def _summed(model: AnyModel, run: Inference | Training, gpu: Gpu, counted: int, fit: Fit | None) -> Iterator[str]:
    """Yield what comes to the terms' bytes, and the sum; of training also its peak."""
    if isinstance(run, Training):
        found = _peak(model, run)
        yield line("total", counted)
        yield line("peak", found["bytes"], f"{found['moment']}: when {found['when']}")
        return
    needed = counted if fit is None else fit.needed
    yield from _taken(model, run, gpu)
    shares = sum(share.high for share in _shares(model, run, gpu))
    if (rest := needed - counted - shares) > 0:
        yield line("the CPU's part" if gpu.unified else "left free", rest)
    yield line("total", needed)


def _taken(model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[str]:
    """Yield what the engine takes beside weights and cache, at its most."""
    for share in _shares(model, run, gpu):
        least = f"at least {units.show(share.low)}; " if 0 < share.low < share.high else ""
        yield line(share.term.name, share.high, least + _formula(share.term))


def _shares(model: AnyModel, run: Inference | Training, gpu: Gpu) -> tuple[Share, ...]:
    if not getattr(run, "kind", ""):
        return ()
    from memcalc.estimate.engine import taken_by_engine

    return taken_by_engine(model, run, gpu).shares


def elsewhere(model: AnyModel, run: Inference | Training) -> dict[str, dict[str, int]]:
    """Return what a run keeps off the card, by place."""
    if not run.off_card:
        return {}
    from memcalc.estimate.offload import places

    kept = places(model, run)
    return {place: states for place, states in kept.items() if place != "gpu" and any(states.values())}


def in_words(model: AnyModel, run: Inference | Training, left_out: Collection[str] = ()) -> str:
    """Say what the run is: context, batch, formats, and what differs from the usual, but for some fields."""
    from memcalc.estimate.inference import resolved

    run = resolved(model, run)
    named = ("weights", "kv_cache") if isinstance(run, Inference) else ("recipe", "optimizer")
    if is_size_alone(model, run):
        return f"{run.weights} weights"
    said = [f"context {run.context:,}", f"batch {run.batch:,}"]
    formats = {name: _stored(getattr(run, name)) for name in named if name not in left_out}
    said += [f"{form} {SUMMANDS[name].word if name in SUMMANDS else name}" for name, form in formats.items()]
    rest = [name for name in run.declared if name not in ("context", "batch", *named)]
    changed = [name for name in rest if getattr(run, name) != getattr(type(run), name)]
    return ", ".join(said + [f"{name} {_plainly(getattr(run, name))}" for name in changed])


def _stored(name: str) -> str:
    return "/".join("stored" if one == AUTO else one for one in name.split("/"))


def _plainly(value: object) -> str:
    return f"{float(value):g}" if isinstance(value, Fraction) else f"{value:,}" if type(value) is int else str(value)


def _formula(term: Term) -> str:
    """Return the formula of a term, or what it sums if it would fill the screen."""
    text = str(term)
    return text if len(text) <= 160 else f"{term.symbol} = sum over {len(term.expr.args)} kinds of tensors"


def line(name: str, count: int, formula: str = "") -> str:
    """Return the line of an amount [bytes] in every unit, with the formula behind it."""
    amounts = f"{count:>19,} bytes = {units.show(count):>12} = {units.show(count, 'GB'):>12}"
    return f"  {name:<20} {amounts}   {formula}".rstrip()
