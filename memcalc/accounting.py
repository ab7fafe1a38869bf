"""Accounting: which terms a run of a model consists of, and which value each of their symbols has."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache

from memcalc.errors import InputError, instance
from memcalc.formula.kv_cache import L_full, L_win, W, kv_cache
from memcalc.formula.tensors import present
from memcalc.formula.term import Term, Values
from memcalc.formula.weights import weights
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
    parts = _on_one_card(model, run) if divided(run) else [_weights(model, run), kv_cache]
    if run.prefill != "none":
        from memcalc import passes  # here and below: most runs ask for neither

        parts.append(passes.prefill(model, run))
    if run.overhead != "none":
        from memcalc.formula.overhead import inference_overhead

        parts.append(inference_overhead)
    return tuple(parts)


def _weights(model: Model, run: Inference) -> Term:
    if run.plain:
        return weights
    from memcalc.formula.formats import weights_in

    return weights_in(run.weights, present(model.packing, model.absent))


def _on_one_card(model: Model, run: Inference) -> list[Term]:
    from memcalc.formula import parallel

    if run.plain:
        return [parallel.on_one_card(weights), parallel.on_one_card(kv_cache)]
    from memcalc.formula.formats import weights_in

    tensors = tuple(map(parallel.tensor_on_one_card, present(model.packing, model.absent)))
    return [weights_in(run.weights, tensors), parallel.on_one_card(kv_cache)]


def _training_terms(model: Model | NominalModel, run: Training) -> tuple[Term, ...]:
    from memcalc import passes, states  # here: SymPy builds many terms for training, which most runs do not ask for

    parts = states.terms(model, run) + (passes.kept(model, run) if isinstance(model, Model) else ())
    return parts if run.overhead == "none" else (*parts, _overhead_beside(parts[-1]))


@cache
def _overhead_beside(last: Term) -> Term:
    from memcalc.formula.overhead import inference_overhead, overhead

    return replace(overhead, parts=(last,)) if last.name == "activations" else inference_overhead
