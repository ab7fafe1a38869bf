"""Passes through a model: what one keeps for the backward pass, or holds at its peak when it only reads."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.formula import activations, llama_cpp, megatron, step
from memcalc.formula.kept import DROPOUTS, Case, Kept
from memcalc.formula.kept import kept as kept_tensors
from memcalc.formula.prefill import MEASURED, Pass
from memcalc.formula.term import Term
from memcalc.model import Model
from memcalc.runs import PARALLEL, Inference, divided
from memcalc.symbols import symbol
from memcalc.training import Training

_FAMILIES = [name for row in catalogue.rows("families") for name in (row["name"], *row["aliases"].split("|")) if name]

_ALONE = {**dict.fromkeys(PARALLEL, 1), "sequence_parallel": False, "lora_rank": 0}
"""Fields of a training run that the accounting of Hugging Face code knows with one value only."""


def prefill(model: Model, run: Inference) -> Term:
    """Return the term for the working memory in which the prompt is read.

    Raises InputError where nobody has measured it: on several cards, beyond a window, or in another family's code.
    """
    if divided(run):
        raise InputError("prefill must be 'none' with more than one card, for it is known for one card only.")
    if run.engine.startswith("llama.cpp"):
        return _engine_buffer(model, run)
    if run.engine == "vLLM":
        raise InputError("prefill must be 'none' for the engine vLLM, whose working memory nobody has measured here.")
    if run.weights in ("FP32", "TF32"):
        raise InputError(f"weights must be of at most 16 bits with a prefill, not {run.weights!r}.")
    if model.family not in MEASURED:
        raise InputError(f"prefill must be 'none' for {model.name}: it is known of {', '.join(MEASURED)} only.")
    if model.window_layers and run.context >= model.window:
        raise InputError(f"context must be below the window of {model.window:,} with a prefill, not {run.context:,}.")
    chunked = run.prefill not in ("whole", run.context)
    counters = model.window_layers > 0 and run.engine == "ideal"  # Transformers' own caches count theirs themselves
    return _as_activations(_pass(_case(model, run, "bf16"), chunked, counters).prefill)


@cache
def _pass(code: Case, chunked: bool, windowed: bool) -> Pass:
    return Pass(code, chunked=chunked, windowed=windowed)


def _engine_buffer(model: Model, run: Inference) -> Term:
    if run.prefill != "whole":
        raise InputError(
            f"prefill must be 'whole' for {run.engine}, whose chunks are of ubatch tokens, not {run.prefill}."
        )
    llama_cpp.check_dense(model.values)
    keys, values = run.cache_formats
    if keys != values:
        raise InputError(f"kv_cache must be one format for keys and values with a prefill, not {run.kv_cache!r}.")
    if keys.name not in ("FP16", "BF16", "FP32"):
        raise InputError(f"kv_cache must be FP16, BF16 or FP32 with a prefill of {run.engine}, not {run.kv_cache!r}.")
    return _as_activations(llama_cpp.compute_buffer(run.attention != "eager", keys.name, "unified" in run.engine))


@cache
def _as_activations(term: Term) -> Term:
    return replace(term, name="activations", symbol=symbol("activations"))


def terms(model: Model, run: Training) -> tuple[Term, ...]:
    """Return the terms for what is kept for the backward pass, and for the copies of the weights that autocast makes.

    Raises InputError where the accounting that the run names does not hold.
    """
    if run.activations == "none":
        return ()
    if model.layers > model.full_layers + model.window_layers or model.moe_layers:
        raise InputError(f"activations must be 'none' for {model.name}: only dense attention layers are known.")
    if run.activations == "megatron":
        _check_megatron(run)
        return (megatron.activations(run.recompute, run.sequence_parallel, run.pipeline_parallel > 1),)
    for name, alone in _ALONE.items():
        if getattr(run, name) != alone:
            wrong = f"not {getattr(run, name)!r}; 'none' leaves them out"
            raise InputError(f"{name} must be {alone} with activations 'transformers', {wrong}.")
    if not model.family or model.family not in _FAMILIES:
        known = ", ".join(_FAMILIES)
        raise InputError(
            f"activations must be 'megatron' or 'none' for {model.name}: Hugging Face code is known of {known}."
        )
    if run.recompute == "selective":
        raise InputError("recompute must be 'none' or 'full' with activations 'transformers', not 'selective'.")
    copies = (activations.weight_copies(run.recompute),) if run.recipe == "autocast" else ()
    return (*copies, _activations(model, run))


def _check_megatron(run: Training) -> None:
    if run.recipe in ("fp32", "autocast"):
        raise InputError(f"recipe must be one of 16 bits with activations 'megatron', not {run.recipe!r}.")
    if run.lora_rank:
        raise InputError(
            f"lora_rank must be 0 with activations 'megatron', not {run.lora_rank:,}; 'none' leaves them out."
        )


def tensors(model: Model, run: Training) -> tuple[Kept, ...]:
    """Return every tensor that is kept for the backward pass: those of a layer, and those that are kept once.

    Of layers with and without a window, those without are shown.

    >>> tensors(Model.named("Llama-2-7B"), Training(recompute="full"))[-1].name
    'count of labels in the loss'
    """
    terms(model, run)  # refuses what is not known
    if run.activations == "megatron":
        facts = frozenset() if run.pipeline_parallel > 1 else frozenset({"last_stage"})
        return megatron.kept(run.recompute, run.sequence_parallel, facts)
    return kept_tensors(_code(model, run)) if run.activations == "transformers" else ()


def peak_of_recomputation(model: Model, run: Training) -> int:
    """Return the activations of full recomputation at their peak: one layer is there again [bytes on one GPU].

    It has all its tensors but those of the scores, in place of its input. Counted as in Megatron.
    Source: korthikanti2022reducing, Table 2.

    >>> peak_of_recomputation(Model.named("LLaMA-7B"), Training(context=4096))
    2130706432
    """
    run = replace(run, recompute="full", activations="megatron")
    known, split = model.values | run.values, run.sequence_parallel
    again, alone = (megatron.layer(policy, split).exact(known) for policy in ("selective", "full"))
    return sum(term.exact(known) for term in terms(model, run)) + again - alone


def step_peak(model: Model, run: Training) -> int:
    """Return the peak of a forward and backward pass, beside weights and optimizer [bytes on one GPU].

    Gradients come while activations go: it is less than their sum, or more by what the loss needs for a moment.
    Raises InputError where nobody has measured it.

    >>> step_peak(Model.named("Llama-3.2-1B"), Training(context=512, recipe="bf16"))
    3522301960
    """
    terms(model, run)  # refuses what is not known
    term = step.step_peak(_code(model, run), tied=model.embedding_tables == 1)
    return term.exact(model.values | run.values | {symbol("parameters"): model.parameters})


def _activations(model: Model, run: Training) -> Term:
    code = _code(model, run)
    if code.mixed and 0 < model.window <= run.context:
        return activations.with_windows(code)
    return activations.activations(code)


def _code(model: Model, run: Training) -> Case:
    mixed = model.full_layers > 0 and model.window_layers > 0
    masked = 0 < model.window <= run.context and not mixed
    dropouts = frozenset(DROPOUTS if run.dropout else ())
    return _case(model, run, run.recipe, recompute=run.recompute, mixed=mixed, masked=masked, dropouts=dropouts)


def _case(model: Model, run: Inference | Training, recipe: str, **facts: object) -> Case:
    grouped, many = model.kv_heads < model.heads, run.batch > 1
    return Case(model.family, attention=run.attention, recipe=recipe, grouped=grouped, many=many, **facts)
