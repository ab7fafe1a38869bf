"""A run that trains: its terms from top to bottom, where each is kept, what the backward pass needs, and the peaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import sympy

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.estimate import adapters
from memcalc.estimate.degrees import check_degrees
from memcalc.estimate.inference import stored_weights
from memcalc.estimate.prefill import unmeasured
from memcalc.formula import activations as saved
from memcalc.formula import lora, megatron, optimizer, sharding, training_step
from memcalc.formula.choices import Accounting, End, Family, Layout, Offload, Recompute
from memcalc.formula.numeric import Min
from memcalc.formula.overhead import inference_overhead, overhead
from memcalc.formula.parallelism import on_one_card
from memcalc.formula.recipes import Optimizer, Recipe
from memcalc.formula.saved_tensors import DROPOUTS, RECOMPUTE, SELECTED, CodePath, SavedTensor
from memcalc.formula.saved_tensors import saved_tensors as tensors_of
from memcalc.formula.sharding import P_1, N_d, Piece, counting
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import Structure
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters, weights
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.run import PARALLEL
from memcalc.specs.training import Training

PLACES = ("gpu", "cpu", "nvme")
"""Where a state can be kept: on the card, in the computer's memory, on its disk."""

_STATES = ("weights", "gradients", "optimizer")

_OFF_THE_CARD = {
    Offload.NONE: ("cpu", ()),
    Offload.OPTIMIZER: ("cpu", _STATES[1:]),
    Offload.PARAMETERS: ("cpu", _STATES),
    Offload.NVME: ("nvme", _STATES),
}
"""Offload → another place than the card, and the terms that it keeps.

Source: ren2021zerooffload for optimizer; rajbhandari2021zeroinfinity for parameters and nvme.
"""

_KINDS = {"moe_layers": "experts", "latent_layers": "latent"}
"""Kind of layers → the trait of a family's code that has them."""

_CODES = [name for row in catalogue.rows("code_paths") for name in (row["name"], *row["aliases"].split("|")) if name]

_SELECTED = [row["name"] for row in catalogue.rows("code_paths") if "selected" in row["traits"].split()]

_PAPER = catalogue.find("papers", "paper", "ZeRO")
ZERO_PAPER = Model.nominal(int(_PAPER["parameters"])), int(_PAPER["data_parallel"])
"""The model of which the ZeRO paper counts the states, and the number of cards for which it compares the stages."""


def terms(model: Model | NominalModel, run: Training) -> tuple[Term, ...]:
    """Return the terms of a training run, for the card that holds most of the model.

    >>> [term.name for term in terms(Model.named("LLaMA-7B"), Training(overhead="low"))]
    ['weights', 'gradients', 'optimizer', 'activations', 'overhead']
    """
    parts = states(model, run) + (activations(model, run) if isinstance(model, Model) else ())
    return parts if run.overhead == End.NONE else (*parts, _overhead_beside(parts[-1]))


@cache
def _overhead_beside(last: Term) -> Term:
    return replace(overhead, parts=(last,)) if last.name == "activations" else inference_overhead


def states(model: Model | NominalModel, run: Training, place: str = "gpu") -> tuple[Term, ...]:
    """Return weights, gradients and optimizer of a run, as the most loaded card keeps them; they are already divided.

    A term that is kept elsewhere than in this one of the `PLACES` is 0.
    Raises InputError if the model cannot be trained that way.

    >>> [str(term) for term in states(Model.nominal(7_500_000_000), Training(zero=2, data_parallel=64))]
    ['M_w = P_1 × B × N_d', 'M_g = P_1 × B_g', 'M_opt = M_m + M_st']
    """
    trained = _trained_in(model, run)
    plain = run.base_format.family == Family.PLAIN
    stored = None if plain else stored_weights(model, run.base_format, run.divided)
    every = _every(trained, run.stage, run.by_rows, run.optimizer_spec, stored)
    other, kept = _OFF_THE_CARD[run.offload]
    return tuple(term if place == (other if term.name in kept else "gpu") else _kept_elsewhere(term) for term in every)


@cache
def _kept_elsewhere(term: Term) -> Term:
    return replace(term, expr=sympy.Integer(0), holds="it is offloaded: kept in another place than this", parts=())


def places(model: Model | NominalModel, run: Training) -> dict[str, dict[str, int]]:
    """Return for each place the bytes that one card's share takes there, term by term [bytes].

    >>> run = Training(zero=2, data_parallel=1, offload="optimizer")
    >>> places(Model.nominal(13_000_000_000), run)["gpu"]
    {'weights': 26000000000, 'gradients': 0, 'optimizer': 0}
    """
    known = model.values | run.values
    return {place: {term.name: term.exact(known) for term in states(model, run, place)} for place in PLACES}


@dataclass(frozen=True, eq=False)
class _Trained:
    """What is trained: the term that counts it, and its tensors; and the model under it, where that is frozen."""

    whole: Term
    pieces: tuple[Piece, ...]
    frozen: _Trained | None = None


@cache
def _trained(structure: Structure, several: bool, targets: str) -> _Trained:
    whole = in_structure(parameters, structure)
    model = _Trained(on_one_card(whole) if several else whole, sharding.pieces(structure, several))
    if not targets:
        return model
    thin = lora.adapter_pieces(structure, targets, several)
    return _Trained(replace(lora.adapters, expr=sharding.total(thin)), thin, model)


_NOMINAL = _Trained(parameters, sharding.one_piece(parameters.symbol))


def _trained_in(model: Model | NominalModel, run: Training) -> _Trained:
    if isinstance(model, NominalModel):
        run.refuse_without_architecture(lora_rank=0)
        if run.optimizer_spec.layout not in (Layout.FULL, Layout.BLOCKS):
            why = "for a size without architecture: it needs matrices"
            raise InputError(f"optimizer must not be {run.optimizer} {why}.")
        return _NOMINAL
    check_degrees(model, run)
    trained = _trained(model.structure, run.divided, run.lora_targets if run.lora_rank else "")
    if run.lora_rank:
        adapters.check(model, run)
    return trained


def _share(trained: _Trained, stage: int, by_rows: bool) -> Term:
    if stage < 3:
        return counting(sharding.share, trained.whole.symbol, (trained.whole,))
    return (sharding.row_share if by_rows else sharding.tensor_share)(trained.pieces, trained.whole)


def _weights(number: sympy.Expr, parts: tuple[Term, ...], base: Term | None) -> Term:
    if base is None:
        return counting(weights, number, parts)
    return replace(
        weights,
        expr=base.symbol + number * symbol("bytes_per_adapter"),
        meaning="The frozen model and the adapters beside it.",
        holds=base.holds,
        source=base.source,
        parts=(base, *parts),
    )


def _base(frozen: _Trained, stage: int, by_rows: bool, stored: Term | None) -> Term:
    """Return the term for the frozen weights under the adapters; `stored` is theirs, if they have scales or blocks."""
    if stored is None:
        number = _share(frozen, stage, by_rows).expr if stage == 3 else frozen.whole.symbol
        return counting(lora.base_weights, number, (frozen.whole,))
    expr = sympy.ceiling(stored.expr / N_d) if stage == 3 else stored.expr
    return replace(stored, name=lora.base_weights.name, expr=expr)


@cache
def _every(trained: _Trained, stage: int, by_rows: bool, kind: Optimizer, stored: Term | None) -> tuple[Term, ...]:
    """Return the three terms: cards share the optimizer out from stage 1 on, gradients from 2, weights from 3."""
    share = _share(trained, stage, by_rows)
    everything, own = (trained.whole.symbol, (trained.whole,)), (P_1, (share,))
    filled = (N_d * P_1, (share,))  # all shares, with what fills the last one up
    base = _base(trained.frozen, stage, by_rows, stored) if trained.frozen else None
    seen = trained.pieces
    if stage:
        seen = sharding.rows_of(seen) if by_rows else sharding.one_piece(P_1)
    return (
        _weights(*(own if stage == 3 else filled if stage else everything), base=base),
        counting(optimizer.gradients, *(own if stage >= 2 else everything)),
        optimizer.optimizer_of(kind, seen, *(own if stage else everything)),
    )


def stepping(model: Model | NominalModel, run: Training) -> tuple[Term, Term | None]:
    """Return the gradients with which the optimizer begins, and what its step takes for a moment; None if not known.

    >>> stepping(Model.nominal(10**9), Training(recipe="bf16"))
    (M_g = P × B_g, M_tmp = P × B_o)
    """
    trained, kind = _trained_in(model, run), run.optimizer_spec
    begun = states(model, run)[1]
    if run.offload != Offload.NONE:
        return begun, _NOTHING
    if run.stage == 1:
        begun = _own_gradients(trained, run.by_rows)
    of_unknown_tensors = isinstance(model, NominalModel) and kind.step == "forloop"
    if kind.temporaries is None or of_unknown_tensors:
        return begun, None
    return begun, _temporaries(trained, run.stage, run.by_rows, kind, run.recipe)


_NOTHING = replace(optimizer.step_temporaries_of("fused"), holds="the step is done elsewhere than on the card")


@cache
def _own_gradients(trained: _Trained, by_rows: bool) -> Term:
    return counting(optimizer.gradients, P_1, (_share(trained, 1, by_rows),))


@cache
def _temporaries(trained: _Trained, stage: int, by_rows: bool, kind: Optimizer, recipe: str) -> Term:
    number, parts = (P_1, (_share(trained, stage, by_rows),)) if stage else (trained.whole.symbol, (trained.whole,))
    if stage == 3 and not by_rows:
        number = Min(P_1, symbol("sub_group"))
    seen = sharding.rows_of(trained.pieces) if stage and by_rows else sharding.one_piece(number)
    bytes_of = Recipe.named(recipe)
    fused = recipe == "megatron"  # whose code has a kernel of its own, on gradients that are raised already
    own = optimizer.step_temporaries_of(
        "fused" if fused else kind.step, seen if stage else trained.pieces, kind.temporaries
    )
    own = counting(own, number, parts)
    master = bytes_of.master_in_zero if stage and not by_rows else bytes_of.master
    raised, flat = bytes_of.gradient < master, (stage in (1, 2) and not by_rows) or (stage == 0 and master > 0)
    return own if fused or not (raised or flat) else optimizer.with_raised(own, number, raised, flat)


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
        yield f"activations must be 'none' for {model.name}: nobody has measured {missing}."
    yield from (
        _not_in_megatron(run) if run.activations == Accounting.MEGATRON else _not_in_transformers(model, run, own)
    )


def _not_in_megatron(run: Training) -> Iterator[str]:
    if run.recompute not in megatron.RECOMPUTE:
        allowed = ", ".join(map(str, megatron.RECOMPUTE))
        yield f"recompute must be one of {allowed} with activations 'megatron', not {run.recompute}."
    if run.recipe in ("fp32", "autocast"):
        yield f"recipe must be one of 16 bits with activations 'megatron', not {run.recipe!r}."
    if run.lora_rank:
        yield f"lora_rank must be 0 with activations 'megatron', not {run.lora_rank:,}; 'none' leaves them out."


def _not_in_transformers(model: Model, run: Training, own: list[str]) -> Iterator[str]:
    one_card_alone = dict.fromkeys(PARALLEL, 1) | {"sequence_parallel": False}
    for name, alone in one_card_alone.items():
        if (found := getattr(run, name)) != alone:
            yield f"{name} must be {alone} with activations 'transformers', not {found!r}; 'none' leaves them out."
    if missing := unmeasured(model, _CODES, but=own) or _mixture(model):
        other = "'none'" if model.moe_layers or model.latent_layers else "'megatron' or 'none'"
        yield f"activations must be {other} for {model.name}: nobody has measured {missing}."
    if run.lora_rank:
        yield from adapters.unknown(model, run)
    if run.recompute not in RECOMPUTE:
        allowed = " or ".join(map(repr, map(str, RECOMPUTE[:2])))
        yield f"recompute must be {allowed} with activations 'transformers', not '{run.recompute}'."
    if run.recompute in SELECTED and (model.family not in _SELECTED or run.lora_rank):
        beside = f"adapters beside {model.name}" if run.lora_rank else model.name
        yield f"recompute must be 'none' or 'full' for {beside}, not '{run.recompute}': nobody has measured it."


def _own_kinds(model: Model) -> list[str]:
    """Return the kinds of layers beside attention and MLP that are measured in the code of a model's family."""
    traits = CodePath(model.family).traits if model.family in _CODES else ()
    return [kind for kind, trait in _KINDS.items() if trait in traits]


def _mixture(model: Model) -> str:
    """Return what is unknown of a model that differs in its windows and in its experts from layer to layer."""
    windows, experts = model.full_layers and model.window_layers, model.moe_layers and model.dense_layers
    return "windows in some layers and experts in others" if windows and experts else ""


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
        return (megatron.activations(run.recompute, run.sequence_parallel, run.pipeline_parallel > 1),)
    code = code_path(model, run)
    kept = saved.activations
    if code.mixed and 0 < model.window <= run.context:
        kept = saved.with_windows
    elif model.moe_layers and model.dense_layers:
        kept = saved.with_experts
    return (*lora.copies(code), kept(code))


def code_path(model: Model, run: Training) -> CodePath:
    """Return what decides which tensors a run of Hugging Face code keeps."""
    adapted = adapters.adapted(model, run) if run.lora_rank else None
    mixed = model.full_layers > 0 and model.window_layers > 0
    return CodePath(
        model.family,
        attention=run.attention,
        recipe=adapted.recipe if adapted else run.recipe,
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
    term = megatron.recomputation_peak(run.sequence_parallel, run.pipeline_parallel > 1)
    return term.exact(model.values | run.values)


def step_peak(model: Model, run: Training) -> int:
    """Return the peak of a forward and backward pass, beside weights and optimizer [bytes on one GPU].

    Gradients come while activations go: it is less than their sum, or more by what the loss needs for a moment.
    Raises InputError where nobody has measured it.

    >>> step_peak(Model.named("Llama-3.2-1B"), Training(context=512, recipe="bf16"))
    3522301960
    """
    _refuse_unknown_activations(model, run)
    code = code_path(model, run)
    term = lora.step_peak(code) if run.lora_rank else training_step.step_peak(code, tied=model.embedding_tables == 1)
    return term.exact(model.values | run.values | {symbol("parameters"): model.parameters})
