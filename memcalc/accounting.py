"""Accounting: which terms a run of a model consists of, and which value each of their symbols has."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache

from memcalc import states
from memcalc.errors import InputError, instance
from memcalc.formula import activations, megatron
from memcalc.formula.kept import DROPOUTS, Case
from memcalc.formula.kv_cache import L_full, L_win, W, kv_cache
from memcalc.formula.overhead import inference_overhead, overhead
from memcalc.formula.parallel import on_one_card, tensor_on_one_card
from memcalc.formula.prefill import Pass
from memcalc.formula.tensors import present
from memcalc.formula.term import Term, Values
from memcalc.formula.weights import weights, weights_in
from memcalc.model import Model, NominalModel
from memcalc.runs import PARALLEL, Inference
from memcalc.symbols import symbol
from memcalc.training import Training


def values(model: Model | NominalModel, run: Inference | Training) -> Values:
    """Return the value of each symbol that the model and the run determine.

    >>> from memcalc.symbols import symbol
    >>> values(Model.named("LLaMA-7B"), Inference(context=4096))[symbol("context")]
    4096
    """
    instance("model", model, Model, NominalModel)
    instance("run", run, Inference, Training)
    known = model.values | run.values
    if not divided(run):  # counted once, not for every run
        known[symbol("parameters")] = model.parameters
    if isinstance(run, Inference) and isinstance(model, Model):
        known |= _windows(model, run)
    return known


def _windows(model: Model, run: Inference) -> Values:
    """Say how many layers keep the whole context, and how many of the newest tokens the others keep."""
    if run.recent and model.window_layers:
        raise InputError(f"recent must be 0 for {model.name}, which has a window of its own, not {run.recent:,}.")
    if run.recent:
        return {L_full: 0, L_win: model.full_layers, W: run.sinks + run.recent}
    if run.window == "full":  # a window that nobody makes use of
        return {L_full: model.full_layers + model.window_layers, L_win: 0}
    return {}


def divided(run: Inference | Training) -> bool:
    """Return whether more than one card holds the model."""
    return any(getattr(run, degree) > 1 for degree in PARALLEL)


@lru_cache(maxsize=1024)
def terms(model: Model | NominalModel, run: Inference | Training) -> tuple[Term, ...]:
    """Return the terms of a run in the formula's order, for the card that holds most of the model.

    >>> [term.name for term in terms(Model.named("LLaMA-7B"), Inference(prefill="whole"))]
    ['weights', 'kv_cache', 'activations']
    """
    if isinstance(run, Training):
        return _training_terms(model, run)
    if isinstance(model, NominalModel):
        return (weights,)
    parts = [_weights(model, run), on_one_card(kv_cache) if divided(run) else kv_cache]
    if run.prefill != "none":
        parts.append(_prefill(model, run))
    if run.overhead != "none":
        parts.append(inference_overhead)
    return tuple(parts)


def _weights(model: Model, run: Inference) -> Term:
    tensors = present(model.packing, model.absent)
    if not divided(run):
        return weights_in(run.weights, tensors)
    term = weights_in(run.weights, tuple(map(tensor_on_one_card, tensors)))
    return on_one_card(term) if term is weights else term


def _prefill(model: Model, run: Inference) -> Term:
    if divided(run):
        raise InputError("prefill is known for one card only: take prefill='none' or no parallelism.")
    if model.window_layers and run.context >= model.window:
        raise InputError(f"prefill is known below the window of {model.window:,} tokens only, not for {run.context:,}.")
    chunked = run.prefill not in ("whole", run.context)
    return _working_memory(Pass(case(model, run, "bf16"), chunked=chunked, windowed=model.window_layers > 0))


@cache
def _working_memory(forward: Pass) -> Term:
    return replace(forward.prefill, name="activations", symbol=symbol("activations"))


def _training_terms(model: Model | NominalModel, run: Training) -> tuple[Term, ...]:
    parts = [*states.terms(model, run)]
    if isinstance(model, Model) and run.activations != "none":
        parts += _kept(model, run)
    if run.overhead != "none":
        parts.append(_overhead_beside(parts[-1]))
    return tuple(parts)


@cache
def _overhead_beside(last: Term) -> Term:
    return replace(overhead, parts=(last,)) if last.name == "activations" else inference_overhead


def _kept(model: Model, run: Training) -> list[Term]:
    """Return what is kept for the backward pass, and the copies of the weights that autocast makes."""
    if model.layers > model.full_layers + model.window_layers or model.moe_layers:
        raise InputError(f"activations must be 'none' for {model.name}: only dense attention layers are known.")
    if run.activations == "megatron":
        return [megatron.activations(run.recompute, run.sequence_parallel, run.pipeline_parallel > 1)]
    for name, alone in {**dict.fromkeys(PARALLEL, 1), "sequence_parallel": False, "lora_rank": 0}.items():
        if getattr(run, name) != alone:
            raise InputError(f"{name} must be {alone} with activations 'transformers', not {getattr(run, name)!r}.")
    reached = 0 < model.window <= run.context
    mixed = model.full_layers > 0 and model.window_layers > 0
    dropouts = frozenset(DROPOUTS if run.dropout else ())
    code = case(model, run, run.recipe, recompute=run.recompute, mixed=mixed, dropouts=dropouts)
    copies = [activations.weight_copies(run.recompute)] if run.recipe == "autocast" else []
    if reached and mixed:
        return [*copies, activations.with_windows(code)]
    return [*copies, activations.activations(replace(code, masked=reached))]


def case(model: Model, run: Inference | Training, recipe: str, **facts: object) -> Case:
    """Return what decides which tensors the model's code keeps or holds at its peak."""
    return Case(
        model.family,
        attention=run.attention,
        recipe=recipe,
        grouped=model.kv_heads < model.heads,
        many=run.batch > 1,
        **facts,
    )
