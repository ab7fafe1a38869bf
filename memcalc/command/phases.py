"""The answer for a method of training: what lies on a card in each phase, the verdict, and what can be done."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import islice

from memcalc.command import frameworks
from memcalc.command.answers import in_words, line, of_cards, said_of
from memcalc.command.methods import OPTIONS, Asked
from memcalc.errors import InputError
from memcalc.estimate import advice
from memcalc.estimate.beside import Together, rows_of
from memcalc.estimate.effects import without_effect
from memcalc.estimate.inference import AnyModel
from memcalc.estimate.questions import Fit
from memcalc.estimate.terms import last
from memcalc.estimate.ways import holding
from memcalc.formula.choices import Losses
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.gpu import Gpu
from memcalc.units import show


def answer(model: AnyModel, asked: Asked, card: str, options: argparse.Namespace) -> None:
    """Answer for one card, or one of several that have as much each."""
    gpu = Gpu.of(card)
    found = asked.on(model, gpu)
    if options.json:
        in_vain = frameworks.in_vain(said_of(options), options)
        print(json.dumps(_as_object(model, asked, gpu, found) | {"in_vain": in_vain}, indent=2, default=float))
        return
    said = [
        *_counted(model, asked, gpu, found),
        verdict(found, asked.short(model, gpu), advice.on_each(asked.run)),
        *_advice(model, asked, gpu, found),
    ]
    print("\n".join([*said, *frameworks.of_files(said_of(options), options)]))
    if options.explain:
        for row in rows_of(asked.method):
            print(f"\n{row['part']}: {row['meaning']}\n  source: {row['source']}")


def verdict(found: Together, short: Fraction | None = None, each: str = "") -> str:
    """Return in one sentence whether all phases fit, and by how much the highest does.

    Parameters
    ----------
    short : the share of the card with which the engine of the rollout would start, where it does not
    each : on which of several cards, as of `advice.on_each`

    >>> from memcalc.estimate.peak import At
    >>> verdict(Together("step", "", {"policy weights": 2**30}, {}, 0, 3 * 2**30, "a cache"))
    'It fits only if 2.00 GiB, which are left in the step, are enough for a cache.'
    """
    fit, phase = found.fit, f"in the {_WORDS.get(found.moment, found.moment)}"
    if not fit:
        return f"It does not fit: {show(-fit.margin)} are missing{each} {phase}."
    if short is not None:
        return f"It does not fit: the engine starts only with a larger share, rollout-share {float(short):g}."
    if fit.unknown:
        return f"It fits only if {show(fit.margin)}, which are left{each} {phase}, are enough for {fit.unknown}."
    return f"It fits: {show(fit.margin)} are left{each} {phase}."


_WORDS = {"loss": "loss of the step"}
"""Phase → how a sentence calls it, where that is more than its word."""


def _counted(model: AnyModel, asked: Asked, gpu: Gpu, found: Together) -> Iterator[str]:
    """Yield a line for each phase, the highest marked, what that has, and what the card has."""
    yield f"{model.name} on {of_cards(gpu, asked.run)}: {asked.method}, {in_words(model, asked.run)}{_writing(asked)}"
    for phase, at in found.phases.items():
        mark = "highest: " if phase == found.moment else ""
        yield line(phase, at.bytes, f"{mark}when {at.name}")
    if found.cpu:
        yield line("in CPU memory", found.cpu)
    yield line(f"{'the' if asked.run.cards == 1 else 'each'} card ({gpu.capacity_is})", gpu.capacity)
    each = ", ".join(f"{name} {show(size)}" for name, size in found.parts.items())
    yield f"In the {_WORDS.get(found.moment, found.moment)}: {each}."


def _writing(asked: Asked) -> str:
    if asked.writing is None:
        return ""
    own = f"{asked.engine} with {float(asked.writing.utilization):g} of the card" if asked.engine else "the policy"
    several = f"{asked.written:,} completions" if asked.written > 1 else "one completion"
    return f", {several} at a time written by {own}"


def _advice(model: AnyModel, asked: Asked, gpu: Gpu, found: Together) -> list[str]:
    said = [*_longest(model, asked, gpu), *_of_engine(model, asked, gpu), *_idle(model, asked, gpu, found)]
    if not _fits(model, asked, gpu):
        missing = [f"Not counted, because nobody knows it: {found.unknown}."] if found.unknown else []
        said = [*missing, *said, *([*_ways(model, asked, gpu)] or ["No single change that was tried makes it fit."])]
    if "completion" in asked.choices and "completion" not in asked.said and asked.run.loss != Losses.FUSED_LINEAR:
        said.append("Logits are counted for prompts too: --completion says how many tokens are written.")
    return [*said, *advice.on_top(asked.run), *advice.rounded(asked.run), *advice.said_of(model, asked.run)]


def _of_engine(model: AnyModel, asked: Asked, gpu: Gpu) -> list[str]:
    """Say what the engine has room for, or that its share of the card is too small for it to start."""
    if not asked.engine:
        return []
    short = asked.short(model, gpu)
    if short is None:
        return [*advice.of_pool(model, asked.writing, gpu)]
    if short > 1:
        return [f"{asked.engine} does not start on such a card, whatever its share."]
    share = f"{float(asked.writing.utilization):g} of the card"
    return [f"{asked.engine} does not start with {share}: it is counted with what it needs at least, {float(short):g}."]


def _idle(model: AnyModel, asked: Asked, gpu: Gpu, found: Together) -> Iterator[str]:
    """Yield what of the run and of the method changes nothing."""
    for sentence in without_effect(model, asked.run):
        if sentence.partition(" ")[0] not in _OF_ROLLOUTS:
            yield sentence
    for name in [name for name in ("generations", "rollout_batch") if name in asked.said]:
        said = {option: one for option, one in asked.said.items() if option != name}
        other = replace(asked, said=said)
        if other.written != asked.written and other.on(model, gpu).phases == found.phases:
            who = f"{asked.engine}'s share of the card stays the same" if asked.engine else "the writer is elsewhere"
            yield f"{name.replace('_', '-')} {asked.said[name]:,} changes nothing here: {who}."


_OF_ROLLOUTS = ("context", "batch", "data_parallel")
"""Fields on which what is written depends too."""


def _longest(model: AnyModel, asked: Asked, gpu: Gpu) -> Iterator[str]:
    """Yield the longest context that the card holds, where anything grows with it."""
    least = asked.said.get("completion", 1)

    def holds(context: int) -> bool:
        return context < least or bool(_fits(model, replace(asked, run=replace(asked.run, context=context)), gpu))

    found = last(holds, BY_NAME["context"].limit)
    if least <= found < BY_NAME["context"].limit:
        yield holding(f"{found:,} tokens of context", asked.run)


def _fits(model: AnyModel, asked: Asked, gpu: Gpu) -> Fit | None:
    """Return the verdict on all phases where they fit and the engine starts, else None."""
    fit = asked.on(model, gpu).fit
    return fit if fit and asked.short(model, gpu) is None else None


_OF_METHODS = (
    tuple({"zero": 3, "data_parallel": cards} for cards in (2, 4, 8)),
    ({"sleep": 2},),
    ({"reference": "none"},),
    ({"rollout": "elsewhere"},),
)
"""Changes that may make a method fit, beside those of its run; of alternatives the first that does is told."""


def _ways(model: AnyModel, asked: Asked, gpu: Gpu) -> Iterator[str]:
    """Yield each single change with which all phases fit."""
    from memcalc.estimate.training_ways import changes  # here: SymPy builds many terms for training

    for alternatives in (*changes(asked.run), *_OF_METHODS):
        yield from islice(filter(None, (_way(model, asked, gpu, change) for change in alternatives)), 1)
    if share := asked.short(model, gpu):
        yield from filter(None, [_way(model, asked, gpu, {"rollout_share": float(share)})])


def _way(model: AnyModel, asked: Asked, gpu: Gpu, change: Mapping[str, object]) -> str:
    """Return in a sentence what a change would leave; "" where it does not fit, or is none."""
    from memcalc.estimate.training_ways import price  # here: as above

    try:
        other = _changed(asked, change)
        fit = _fits(model, other, gpu)
    except InputError:  # a choice that this run, or the method, excludes
        return ""
    if not fit or other == asked:
        return ""
    beside = " for what nobody knows" if fit.unknown else ""
    typed = " and ".join(f"{name} {one}" for name, one in change.items())
    elsewhere = ", with an engine on other cards" if "rollout" in change else ""
    return f"{typed} would leave {show(fit.margin)}{beside}{price(model, asked.run, other.run)}{elsewhere}."


def _changed(asked: Asked, changes: Mapping[str, object]) -> Asked:
    """Return what is asked with other fields of the run, or other options of the method."""
    if changes.keys() <= OPTIONS.keys():
        return replace(asked, said={**asked.said, **changes})
    return replace(asked, run=replace(asked.run, **changes))


def _as_object(model: AnyModel, asked: Asked, gpu: Gpu, found: Together) -> dict[str, object]:
    fit, short = found.fit, asked.short(model, gpu)
    each = {phase: {"bytes": at.bytes, "when": at.name, "parts": at.parts} for phase, at in found.phases.items()}
    return {
        **{"model": model.name, "gpu": gpu.name, "method": asked.method, "run": asdict(asked.run)},
        "rollout": asked.writing and asdict(asked.writing),
        "said": dict(asked.said),
        "phases": each,
        "highest": found.moment,
        "in_cpu_memory": found.cpu,
        **{"capacity": gpu.capacity, "capacity_is": gpu.capacity_is, "needed": fit.needed},
        **{"fits": bool(fit) and short is None, "verdict": "does not fit" if short is not None else fit.word},
        **{"margin": fit.margin, "rollout_share_needed": short, "not_counted": fit.unknown},
        "advice": _advice(model, asked, gpu, found),
    }
