"""A run that trains: its terms from top to bottom, and what the backward pass needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from memcalc import catalogue
from memcalc.errors import InputError, shown
from memcalc.estimate import adapters, frozen, planned, towers
from memcalc.estimate.degrees import check_degrees
from memcalc.estimate.prefill import unmeasured
from memcalc.estimate.states import averaged, states
from memcalc.formula import activations as saved
from memcalc.formula import lora, megatron
from memcalc.formula.choices import Accounting, Attention, End, Exchange, Recompute
from memcalc.formula.overhead import inference_overhead, overhead
from memcalc.formula.saved_tensors import DROPOUTS, RECOMPUTE, SELECTED, CodePath, SavedTensor
from memcalc.formula.saved_tensors import saved_tensors as tensors_of
from memcalc.formula.term import Term
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training
from memcalc.texts import later, tr

_KINDS = {"moe_layers": "experts", "latent_layers": "latent"}
"""Kind of layers → the trait of a family's code that has them."""

_CODES = [name for row in catalogue.rows("code_paths") for name in (row["name"], *row["aliases"].split("|")) if name]

_RINGED, _SELECTED = (
    [row["name"] for row in catalogue.rows("code_paths") if trait in row["traits"].split()]
    for trait in ("ringed", "selected")
)


def terms(model: Model | NominalModel, run: Training) -> tuple[Term, ...]:
    """Return the terms of a training run, for the card that holds most of the model.

    >>> [term.name for term in terms(Model.named("LLaMA-7B"), Training(overhead="low"))]
    ['weights', 'gradients', 'optimizer', 'activations', 'overhead']
    """
    kept = activations(model, run) if isinstance(model, Model) else ()
    parts = (*states(model, run), *averaged(model, run), *towers.terms(model, run), *kept)
    return parts if run.overhead == End.NONE else (*parts, _overhead_beside(parts[-1]))


@cache
def _overhead_beside(last: Term) -> Term:
    return replace(overhead, parts=(last,)) if last.name == "activations" else inference_overhead


def activations_unknown(model: Model, run: Training) -> str:
    """Return why the activations of a run are not known, in one sentence that names the field; nothing if they are.

    >>> activations_unknown(Model.named("Mamba-2.8B"), Training())
    "activations must be 'none' for Mamba-2.8B: nobody has measured its state-space layers."
    """
    return next(_reasons(model, run), "")


def _reasons(model: Model, run: Training) -> Iterator[str]:
    if run.activations == Accounting.NONE:
        return
    own = _own_kinds(model) if run.activations == Accounting.TRANSFORMERS else []
    if missing := unmeasured(model, but=own):
        yield tr(_NOBODY, allowed="'none'", model=model.name, missing=missing)
    yield from (
        _not_in_megatron(run) if run.activations == Accounting.MEGATRON else _not_in_transformers(model, run, own)
    )
    if run.context_parallel > 1:
        yield from _not_along_a_sequence(model, run)


_NOBODY = later("activations must be {allowed} for {model}: nobody has measured {missing}.")


def _not_in_megatron(run: Training) -> Iterator[str]:
    if run.recompute not in megatron.RECOMPUTE:
        allowed = ", ".join(map(str, megatron.RECOMPUTE))
        yield f"recompute must be one of {allowed} with activations 'megatron', not {run.recompute}."
    if run.recipe in ("fp32", "autocast"):
        yield f"recipe must be one of 16 bits with activations 'megatron', not {run.recipe!r}."
    if run.lora_rank:
        yield f"lora_rank must be 0 with activations 'megatron', not {run.lora_rank:,}; 'none' leaves them out."


def _not_in_transformers(model: Model, run: Training, own: list[str]) -> Iterator[str]:
    one_card_alone = {"pipeline_parallel": 1, "sequence_parallel": False}
    if run.planned:
        yield from planned.unknown(model, run)
    for name, alone in one_card_alone.items():
        if (found := getattr(run, name)) != alone:
            yield f"{name} must be {alone} with activations 'transformers', not {found!r}; 'none' leaves them out."
    if missing := unmeasured(model, _CODES, but=own) or _mixture(model):
        other = "'none'" if model.moe_layers or model.latent_layers else tr(" or ").join(["'megatron'", "'none'"])
        yield tr(_NOBODY, allowed=other, model=model.name, missing=missing)
    if run.lora_rank:
        yield from adapters.unknown(model, run)
    if run.recompute not in RECOMPUTE:
        known = RECOMPUTE if model.family in _SELECTED and not run.lora_rank else RECOMPUTE[:2]
        allowed = f"{', '.join(known[:-1])} or {known[-1]} with activations 'transformers'"
        yield f"recompute must be {allowed}, not {run.recompute}, which activations 'megatron' alone know."
    if run.recompute in SELECTED and (model.family not in _SELECTED or run.lora_rank):
        beside = f"adapters beside {model.name}" if run.lora_rank else model.name
        yield f"recompute must be 'none' or 'full' for {beside}, not '{run.recompute}': nobody has measured it."


def _not_along_a_sequence(model: Model, run: Training) -> Iterator[str]:
    """Yield why nobody knows what a card keeps that has a part of each sequence: few kinds are measured."""
    asked = f"not {run.context_parallel:,}."
    if run.activations == Accounting.MEGATRON or model.family not in _RINGED:
        whose = "activations 'megatron'" if run.activations == Accounting.MEGATRON else f"the code of {model.family}"
        yield f"context_parallel must be 1 with {whose}, of which nobody has measured it, {asked}"
        return
    if run.exchange == Exchange.ULYSSES:
        yield from _not_by_heads(model, run.context_parallel)
    if model.window_layers:
        yield f"context_parallel must be 1 for {model.name}, whose windows no ring knows, {asked}"
    for name, usual in {"lora_rank": 0, "frozen": 0, "dropout": 0}.items():
        if (found := getattr(run, name)) != usual:
            yield f"{name} must be {usual} with context_parallel, not {shown(found)}: nobody has measured it."
    if run.recompute not in RECOMPUTE[:2]:
        yield f"recompute must be none or full with context_parallel, not {run.recompute}: nobody has measured it."
    if code_path(model, run).kernel != Attention.FLASH:
        fused = "must be sdpa or flash in numbers of 16 bits with context_parallel"
        yield f"attention {fused}, not {run.attention} with recipe {run.recipe}."


def _not_by_heads(model: Model, cards: int) -> Iterator[str]:
    """Yield why cards cannot divide the heads of a model between them: some share those of keys and values."""
    if model.heads % cards:
        allowed = f"divide heads = {model.heads:,} of {model.name} without remainder with exchange ulysses"
        yield f"context_parallel must {allowed}, not {cards:,}."
    if model.kv_heads % cards and cards % model.kv_heads:
        allowed = f"divide kv_heads = {model.kv_heads:,} of {model.name} without remainder, or be a multiple"
        yield f"context_parallel must {allowed}, with exchange ulysses, not {cards:,}."


def _own_kinds(model: Model) -> list[str]:
    """Return the kinds of layers beside attention and MLP that are measured in the code of a model's family."""
    traits = CodePath(model.family).traits if model.family in _CODES else ()
    return [kind for kind, trait in _KINDS.items() if trait in traits]


def _mixture(model: Model) -> str:
    """Return what is unknown of a model that differs in its windows and in its experts from layer to layer."""
    windows, experts = model.full_layers and model.window_layers, model.moe_layers and model.dense_layers
    return tr("windows in some layers and experts in others") if windows and experts else ""


def _refuse_unknown_activations(model: Model, run: Training) -> None:
    check_degrees(model, run)
    if reason := activations_unknown(model, run):
        raise InputError(reason)


def activations(model: Model, run: Training) -> tuple[Term, ...]:
    """Return the terms for what is kept for the backward pass, and for the copies of the weights that autocast makes.

    Raises InputError where the accounting that the run names does not hold.
    """
    _refuse_unknown_activations(model, run)
    if run.activations == Accounting.NONE:
        return ()
    if run.activations == Accounting.MEGATRON:
        several = run.pipeline_parallel > 1
        return (megatron.activations(run.recompute, run.sequence_parallel, several, run.schedule),)
    code = code_path(model, run)
    kept = saved.activations
    if code.mixed and 0 < model.window <= run.context:
        kept = saved.with_windows
    elif model.moe_layers and model.dense_layers:
        kept = saved.with_experts
    return (*lora.copies(code), kept(code))


def away(model: Model | NominalModel, run: Training) -> int:
    """Return what of the activations waits in CPU memory [bytes for one card].

    >>> away(Model.named("LLaMA-7B"), Training(context=4096, recompute="full", offload_activations=True))
    1073741824
    """
    if not run.offload_activations or isinstance(model, NominalModel):
        return 0
    known, at_home = model.values | run.values, replace(run, offload_activations=False)
    every, on_card = (activations(model, one)[-1].exact(known) for one in (at_home, run))
    return every - on_card


def code_path(model: Model, run: Training) -> CodePath:
    """Return what decides which tensors a run of Hugging Face code keeps."""
    adapted = adapters.adapted(model, run) if run.lora_rank else None
    mixed = model.full_layers > 0 and model.window_layers > 0
    gathered = run.recipe == "autocast" and run.stage > 0 and run.by_rows  # in 16 bits, so that nothing is cast
    return CodePath(
        model.family,
        attention=run.attention,
        recipe="bf16" if gathered else adapted.recipe if adapted else run.recipe,
        recompute=run.recompute,
        loss=run.loss,
        grouped=0 < model.kv_heads < model.heads,  # latent attention has none
        many=run.batch > 1,
        masked=0 < model.window <= run.context and not mixed,
        mixed=mixed,
        dropouts=frozenset(DROPOUTS if run.dropout else ()),
        adapted=adapted,
        experts=run.experts if model.moe_layers else "",
        details=frozenset(name for name, holds in _details(model, run).items() if holds),
    )


def _details(model: Model, run: Training) -> dict[str, bool]:
    return {
        "normed_choices": model.normed_choices > 0,
        "expert_groups": model.expert_groups > 0,
        "query_latent": model.query_rank > 0,
        "uneven_heads": model.latent_layers > 0 and model.value_dim != model.head_dim,
        "router_outputs": run.router_outputs,
        **frozen.details(model, run),
        "inputs_away": run.offload_activations,
        "divided": run.planned,
        "along_sequence": run.context_parallel > 1,
        "by_heads": run.context_parallel > 1 and run.exchange == Exchange.ULYSSES,
    }


def saved_tensors(model: Model, run: Training) -> tuple[SavedTensor, ...]:
    """Return every tensor that is kept for the backward pass: those of a layer, and those that are kept once.

    Of layers with and without a window, those without are shown; of those with and without experts, those with.
    Raises InputError where the accounting that the run names does not hold.

    >>> saved_tensors(Model.named("Llama-2-7B"), Training(recompute="full"))[-1].name
    'count of labels in the loss'
    """
    _refuse_unknown_activations(model, run)
    if run.activations == Accounting.MEGATRON:
        facts = frozenset() if run.pipeline_parallel > 1 else frozenset({"last_stage"})
        return megatron.saved_tensors(run.recompute, run.sequence_parallel, facts)
    return tensors_of(code_path(model, run)) if run.activations == Accounting.TRANSFORMERS else ()


def peak_of_recomputation(model: Model, run: Training) -> int:
    """Return the activations of full recomputation at their peak: one layer is there again [bytes on one GPU].

    Counted as in Megatron; raises InputError where that accounting does not hold.

    >>> peak_of_recomputation(Model.named("LLaMA-7B"), Training(context=4096))
    2130706432
    """
    _refuse_unknown_activations(model, replace(run, recompute=Recompute.FULL, activations=Accounting.MEGATRON))
    term = megatron.recomputation_peak(run.sequence_parallel, run.pipeline_parallel > 1, run.schedule)
    return term.exact(model.values | run.values)
