"""Accounting: which terms a run of a model consists of, and which value each of their symbols has."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache

from memcalc.errors import InputError, instance
from memcalc.formats import whole_blocks
from memcalc.formula.kv_cache import L_full, L_win, W, kv_cache
from memcalc.formula.tensors import present
from memcalc.formula.term import Term, Values
from memcalc.formula.weights import weights
from memcalc.model import Model, NominalModel
from memcalc.runs import Inference, divided, refuse_without_architecture
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
    """Say how many layers keep the whole context, and how many of the newest tokens the others keep.

    Source: xiao2023streamingllm, for sinks and recent tokens.
    """
    if run.recent and (model.window_layers or model.latent_layers or not model.full_layers):
        other = "whose attention is latent" if model.latent_layers else "which has no attention"
        why = "which has a window of its own" if model.window_layers else other
        raise InputError(f"recent must be 0 for {model.name}, {why}, not {run.recent:,}.")
    if run.recent:
        return {L_full: 0, L_win: model.full_layers, W: run.sinks + run.recent}
    if run.window == "full":  # a window that nobody makes use of
        return {L_full: model.full_layers + model.window_layers, L_win: 0}
    return {}


@lru_cache(maxsize=1024)
def terms(model: Model | NominalModel, run: Inference | Training) -> tuple[Term, ...]:
    """Return the terms of a run in the formula's order, for the card that holds most of the model.

    >>> [term.name for term in terms(Model.named("LLaMA-7B"), Inference(prefill="whole"))]
    ['weights', 'kv_cache', 'activations']
    """
    if isinstance(run, Training):
        return _training_terms(model, run)
    parts = [_sized(run)] if isinstance(model, NominalModel) else [_weights(model, run), _cache(model, run)]
    if run.prefill != "none":
        from memcalc import passes  # here and below: most runs ask for neither

        parts.append(passes.prefill(model, run))
    if run.overhead != "none":
        from memcalc.formula.overhead import inference_overhead

        parts.append(inference_overhead)
    return tuple(parts)


def _sized(run: Inference) -> Term:
    """Return the weights of a size without architecture, of which nothing else is known."""
    if not run.plain:
        raise InputError(
            f"weights must be a format without scales for a size without architecture, not {run.weights!r}."
        )
    refuse_without_architecture(run, prefill="none")
    return weights


def _weights(model: Model, run: Inference) -> Term:
    if run.plain:
        return _on_one_card(weights) if divided(run) else weights
    from memcalc.formula import parallel, stored

    tensors = present(model.packing, model.absent)
    return stored.weights_in(run.weights, tuple(map(parallel.tensor_on_one_card, tensors)) if divided(run) else tensors)


def _on_one_card(term: Term) -> Term:
    from memcalc.formula.parallel import on_one_card

    return on_one_card(term)


def _cache(model: Model, run: Inference) -> Term:
    keys, values = run.cache_formats
    attention = model.full_layers + model.window_layers
    rows = {"head_dim": model.head_dim if attention else 0, "kv_rank + rope_dim": _latent(model)}
    for name, numbers in rows.items():
        for form in (keys, values):
            if not whole_blocks(numbers, form):
                raise InputError(f"kv_cache must have blocks that divide {name} = {numbers:,}, unlike {form.name}.")
    if not keys.residual:
        return _on_one_card(kv_cache) if divided(run) else kv_cache
    from memcalc.formula.residual import with_residual

    term = with_residual(keys.residual)
    return _on_one_card(term) if divided(run) else term


def _latent(model: Model) -> int:
    return model.kv_rank + model.rope_dim if model.latent_layers else 0


def _training_terms(model: Model | NominalModel, run: Training) -> tuple[Term, ...]:
    from memcalc import passes, states  # here: SymPy builds many terms for training, which most runs do not ask for

    parts = states.terms(model, run) + (passes.terms(model, run) if isinstance(model, Model) else ())
    return parts if run.overhead == "none" else (*parts, _overhead_beside(parts[-1]))


@cache
def _overhead_beside(last: Term) -> Term:
    from memcalc.formula.overhead import inference_overhead, overhead

    return replace(overhead, parts=(last,)) if last.name == "activations" else inference_overhead
