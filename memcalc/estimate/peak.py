"""The peak of a training step: the highest of its moments, what lies there, and the step as a film."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property

import sympy

from memcalc.errors import instance, must
from memcalc.estimate import exchange, towers, training
from memcalc.estimate.states import roots, stepping
from memcalc.estimate.terms import values
from memcalc.formula import divided, megatron, numeric
from memcalc.formula.choices import Accounting, Offload, Recompute, Reduced, Sharding
from memcalc.formula.formats import FP32, HALF
from memcalc.formula.fully_sharded import FullySharded
from memcalc.formula.gathered import reduced
from memcalc.formula.moments import PHASES, Moment, Step
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import symbol
from memcalc.formula.term import Term
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training
from memcalc.specs.weighed import WeighedModel
from memcalc.texts import both, cached, tr


@dataclass(frozen=True)
class At:
    """What lies on the card at one moment of a step.

    Parameters
    ----------
    moment : the phase of the step, a word of `formula.moments.PHASES`
    name : what happens, as it follows "when"
    parts : name of a term → its bytes
    """

    moment: str
    name: str
    parts: Mapping[str, int]

    @cached_property
    def bytes(self) -> int:
        """All that lies there [bytes on one GPU]."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Peak(At):
    """The highest moment of a step.

    Parameters
    ----------
    moments : phase → the highest moment in it, in the order of a step
    unknown : what is there too and nobody knows, in words; "" if there is nothing
    """

    moments: Mapping[str, At] = field(default_factory=dict)
    unknown: str = ""


def peak(model: Model | NominalModel, run: Training) -> Peak:
    """Return the highest moment of a training step [bytes on one GPU], with its parts and the other moments.

    Parameters
    ----------
    model : from `Model.named`, `Model.from_config` or `Model.nominal`
    run : how it is trained

    What is not known is left out, and `unknown` names it.
    Raises InputError if the model cannot be trained that way.
    Source: paszke2019pytorch, section 5.5; `Moment.term` of each moment says more.

    >>> found = peak(Model.named("Mistral-7B-v0.1"), Training(batch=4, recipe="bf16", recompute="full"))
    >>> found.moment, found.bytes, found.parts["step_temporaries"]
    ('step', 72417322124, 14483464192)
    """
    instance("model", model, Model, NominalModel, WeighedModel)
    instance("run", run, Training)
    return _peak(model, run)


@cached
def _peak(model: Model | NominalModel, run: Training) -> Peak:
    plan = _planned_for(model, run)
    found = _highest(plan.at(run))
    said = filter(None, (plan.unknown, exchange.unknown(model, run, _bytes)))
    return Peak(**found, unknown=both([*said]))


def _bytes(model: Model, run: Training) -> int:
    return max(at.bytes for at in _planned_for(model, run).at(run))


def _highest(every: tuple[At, ...]) -> dict[str, object]:
    found = {}
    for one in every:
        if one.moment not in found or found[one.moment].bytes < one.bytes:
            found[one.moment] = one
    top = max(found.values(), key=lambda one: one.bytes)
    in_order = {phase: found[phase] for phase in PHASES if phase in found}
    return {"moment": top.moment, "name": top.name, "parts": top.parts, "moments": in_order}


_GROWING = {"context": "own_context", "batch": "batch", "data_parallel": "sharing_cards"}
"""Field of a run that changes numbers in the same formulas, but for what `_Kind` asks of it → who has its number."""

_CHOICES = tuple(name for name in Training.declared if name not in _GROWING)


@dataclass(frozen=True)
class _Kind:
    """What decides which moments a run has, and which terms; `run` is one of the kind."""

    model: Model | NominalModel
    choices: tuple[object, ...]
    many: bool
    several: bool
    beyond_window: bool
    run: Training = field(compare=False)


@dataclass(frozen=True, eq=False)
class _Plan:
    """The moments of a kind of run: which terms each has, their function, and the numbers that all runs share."""

    moments: tuple[tuple[Moment, tuple[tuple[str, int], ...]], ...]
    function: Callable
    numbers: tuple[int | Fraction, ...]
    growing: tuple[tuple[int, str], ...]
    unknown: str

    def at(self, run: Training) -> tuple[At, ...]:
        """Return every moment that may be the highest, in numbers; a part of a byte takes a whole one."""
        numbers = list(self.numbers)
        for place, name in self.growing:
            numbers[place] = getattr(run, name)
        found = [number if type(number) is int else math.ceil(number) for number in self.function(*numbers)]
        return tuple(
            At(moment.phase, moment.name, {name: found[place] for name, place in parts})
            for moment, parts in self.moments
        )


def _planned_for(model: Model | NominalModel, run: Training) -> _Plan:
    beyond = run.context >= getattr(model, "window", 0)
    choices = tuple(getattr(run, name) for name in _CHOICES)
    return _planned(_Kind(model, choices, run.batch > 1, run.sharing_cards > 1, beyond, run))


@cached
def _planned(kind: _Kind) -> _Plan:
    model, run = kind.model, kind.run
    known = values(model, run)
    step = _step(model, run)
    moments = divided.moments(step) if run.divided else step.moments
    terms, letters, source = _together(moments, frozenset({symbol("parameters")} & known.keys()))
    place = {term: place for place, term in enumerate(terms)}
    growing = {symbol(name): number for name, number in _GROWING.items()}
    return _Plan(
        tuple((moment, tuple((part.name, place[part]) for part in moment.parts)) for moment in moments),
        numeric.function(letters, source),
        tuple(numeric.number(letter, known[letter]) for letter in letters),
        tuple((place, growing[letter]) for place, letter in enumerate(letters) if letter in growing),
        unknown(model, run),
    )


@cache
def _together(
    moments: tuple[Moment, ...], given: frozenset[sympy.Symbol]
) -> tuple[tuple[Term, ...], tuple[sympy.Symbol, ...], str]:
    """Return the terms of all moments, each once; the letters on which they depend, and all of them as Python."""
    terms = tuple(dict.fromkeys(part for moment in moments for part in moment.parts))
    each = [term.as_python(given) for term in terms]
    letters = numeric.in_order({letter for one, _ in each for letter in one})
    return terms, letters, f"({''.join(f'{source}, ' for _, source in each)})"


def kinds_of(model: Model | NominalModel, run: Training) -> list[tuple[Moment, At]]:
    """Return every moment that may be the highest, as terms and in numbers.

    >>> [(moment.term, at.bytes) for moment, at in kinds_of(Model.nominal(10**9), Training(recipe="bf16"))]
    [(M_upd = M_w + M_g + M_opt + M_tmp, 10000000004)]
    """
    plan = _planned_for(model, run)
    return [(moment, at) for (moment, _), at in zip(plan.moments, plan.at(run), strict=True)]


MEASURED = ("llama", "qwen2", "qwen3", "gpt2")
"""Families whose forward and backward pass has been measured operation by operation."""


def step_peak(model: Model, run: Training) -> int:
    """Return the peak of a forward and backward pass, beside weights and optimizer [bytes on one GPU].

    Gradients come while activations go: it is less than their sum, or more by what the loss needs for a moment.
    Raises InputError where nobody has measured it.

    >>> step_peak(Model.named("Llama-3.2-1B"), Training(context=512, recipe="bf16"))
    3522301960
    """
    return max(beside(at) for _, at in passes(model, run) if at.moment != "step")


def beside(at: At) -> int:
    """Return what lies there beside weights and optimizer [bytes]."""
    return at.bytes - at.parts["weights"] - at.parts["optimizer"]


def passes(model: Model, run: Training) -> list[tuple[Moment, At]]:
    """Return every moment that may be the highest of a forward and backward pass, where these were measured.

    Raises InputError where they were not.
    """
    if not run.lora_rank:
        family = training.code_path(model, run).family
        cast = ("autocast",) if run.sharding == Sharding.FSDP2 else ()  # which casts as it gathers
        options = {"recipe": ("bf16", "mixed", "fp32", *cast), "activations": (Accounting.TRANSFORMERS,)}
        for name, found, allowed in (
            *((name, getattr(run, name), allowed) for name, allowed in options.items()),
            ("family", family, MEASURED),
        ):
            if found not in allowed:
                raise must(name, f"one of {', '.join(allowed)} for the peak of a step", repr(str(found)))
        if run.dropout:
            raise must("dropout", "0 for the peak of a step", run.dropout)
    return kinds_of(model, run)


def unknown(model: Model | NominalModel, run: Training) -> str:
    """Return what of a step is not counted because nobody knows it, in words; "" if there is nothing.

    >>> unknown(Model.named("LLaMA-7B"), Training(activations="none"))
    'the activations'
    """
    said = []
    if isinstance(model, NominalModel) or run.activations == Accounting.NONE:
        said.append(tr("the activations"))
    elif run.activations == Accounting.MEGATRON:
        said.append(tr("what the loss takes for a moment"))
    elif run.holds_inputs:
        said.append(tr("columns of outliers, which LLM.int8 keeps a second time"))
    if run.planned and run.autocast and not run.stage:
        said.append(tr("what a layer takes on its way back"))
    if run.context_parallel > 1 and not isinstance(model, NominalModel) and run.activations != Accounting.NONE:
        said.append(tr("what attention exchanges between the cards of a sequence"))
    if stepping(model, run)[1] is None:
        said.append(tr("what a step of {optimizer} takes for a moment", optimizer=run.optimizer))
    return both([*said, *towers.unknown(model)])


def _step(model: Model | NominalModel, run: Training) -> Step:
    every = training.terms(model, run)
    states, *rest = every[:3], *every[3:]
    case = windows = None
    if isinstance(model, Model) and run.activations == Accounting.TRANSFORMERS:
        case = training.code_path(model, run)
        windows = case.mixed and 0 < model.window <= run.context
    return _made(
        (*states, *(term for term in rest if term.name in ("averaged_weights", "towers", "overhead"))),
        stepping(model, run),
        case,
        (bool(windows), getattr(model, "embedding_tables", 0) == 1, *_ways(model, run)),
        _kept(model, run),
    )


@cache
def _made(
    terms: tuple[Term, ...],
    step: tuple[Term, Term | None],
    case: CodePath | None,
    ways: tuple[object, ...],
    kept: tuple[Term, ...],
) -> Step:
    windows, tied, frozen, lasting, shared, gathering, stage, hoarding, roots, settings = ways
    weights, gradients, states, *beside = terms
    kind = FullySharded if settings else Step
    return kind(
        *(weights, gradients, states, *step),
        *(lasting, shared, frozen, tied, gathering, case, windows, kept),
        beside=(*beside, *([reduced] if stage == 3 else [])),
        reducing=(reduced,) if stage in (1, 2) else (),
        hoarding=hoarding,
        roots=roots,
        **dict(settings),
    )


def _ways(model: Model | NominalModel, run: Training) -> tuple[object, ...]:
    """Return frozen, lasting, shared, gathering of a `Step`, the stage of ZeRO in DeepSpeed, hoarding, roots and
    what a `FullySharded` has besides.
    """
    deepspeed = run.stage > 0 and not run.by_rows
    gathers = run.stage == 3 or run.offload in (Offload.PARAMETERS, Offload.NVME)
    gathering = "" if not gathers else "fsdp" if run.by_rows else "zero"
    if isinstance(model, NominalModel) and gathering == "fsdp":
        gathering = ""
    shared = run.stage >= 2 or run.offload != Offload.NONE
    again = run.recompute == Recompute.FULL and run.reentrant is not False
    hoarding = again and run.lora_rank > 0 and gathering == "fsdp"
    settings = _fully_sharded(run) if gathering == "fsdp" and run.sharding == Sharding.FSDP2 else ()
    stage = run.stage if deepspeed else 0
    return run.lora_rank > 0, lasting(run), shared, gathering, stage, hoarding, roots(run), settings


def _fully_sharded(run: Training) -> tuple[tuple[str, object], ...]:
    width = FP32 if run.recipe == "fp32" else HALF
    bytes_reduced = FP32 if run.reduced == Reduced.FP32 else width
    return ("reduced", bytes_reduced), ("stays", not run.reshard), ("cast", run.recipe == "autocast")


def lasting(run: Training) -> bool:
    """Return whether memory for gradients is there between steps too, as Megatron and DeepSpeed's stage 3 keep it.

    >>> lasting(Training(recipe="megatron")), lasting(Training())
    (True, False)
    """
    partitioned = run.stage == 3 and not run.by_rows
    return run.recipe == "megatron" or run.activations == Accounting.MEGATRON or partitioned


def _kept(model: Model | NominalModel, run: Training) -> tuple[Term, ...]:
    """Return what Megatron keeps: at the end of the forward pass, and where one layer is there again."""
    if isinstance(model, NominalModel) or run.activations != Accounting.MEGATRON:
        return ()
    several = run.pipeline_parallel > 1
    kept = megatron.activations(run.recompute, run.sequence_parallel, several, run.schedule)
    if run.recompute != Recompute.FULL:
        return (kept,)
    return kept, megatron.recomputation_peak(run.sequence_parallel, several, run.schedule)
