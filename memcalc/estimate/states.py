"""The states of a run that trains: which part of weights, gradients and optimizer a card keeps, and in which place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import sympy

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.estimate import adapters, frozen
from memcalc.estimate.degrees import check_degrees
from memcalc.estimate.inference import stored_weights
from memcalc.formula import lora, optimizer, sharding
from memcalc.formula.choices import Average, Family, Layout, Offload
from memcalc.formula.divided import embedding_gradient
from memcalc.formula.numeric import Min
from memcalc.formula.parallelism import on_one_card
from memcalc.formula.recipes import Optimizer, Recipe
from memcalc.formula.sharding import P_1, N_d, Piece, counting
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import Structure
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters, weights
from memcalc.specs.model import Model, NominalModel
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

_PAPER = catalogue.find("papers", "paper", "ZeRO")
ZERO_PAPER = Model.nominal(int(_PAPER["parameters"])), int(_PAPER["data_parallel"])
"""The model of which the ZeRO paper counts the states, and the number of cards for which it compares the stages."""


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
    if run.optimizer_in_backward:
        every = every[0], optimizer.largest_gradient(trained.pieces), every[2]
    if run.planned and run.stage < 2:
        every = every[0], _with_whole_embedding(every[1]), every[2]
    other, kept = _OFF_THE_CARD[run.offload]
    return tuple(term if place == (other if term.name in kept else "gpu") else _kept_elsewhere(term) for term in every)


def averaged(model: Model | NominalModel, run: Training) -> tuple[Term, ...]:
    """Return the term for the average of what is trained, if the run keeps one: a card has of it what it has of that.

    >>> averaged(Model.nominal(10**9), Training(ema="FP32"))
    (M_ema = P × B_e,)
    """
    if run.ema == Average.NONE:
        return ()
    trained = _trained_in(model, run)
    own = P_1, (_share(trained, run.stage, run.by_rows),)
    return (
        counting(optimizer.averaged_weights, *(own if run.stage == 3 else (trained.whole.symbol, (trained.whole,)))),
    )


@cache
def _with_whole_embedding(gradients: Term) -> Term:
    return replace(gradients, expr=gradients.expr + embedding_gradient)


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


_B = symbol("bytes_per_weight")


@dataclass(frozen=True, eq=False)
class _Trained:
    """What is trained: the term that counts it, its tensors, what is frozen beside it, and the bytes of each weight."""

    whole: Term
    pieces: tuple[Piece, ...]
    frozen: _Trained | None = None
    each: sympy.Symbol = _B


@cache
def _cut(structure: Structure, kinds: tuple[str, ...]) -> _Trained:
    trained, frozen = sharding.cut(structure, kinds)
    rest = _Trained(replace(sharding.untrained, expr=sharding.total(frozen)), frozen)
    return _Trained(replace(sharding.trained, expr=sharding.total(trained)), trained, rest)


@cache
def _trained(structure: Structure, several: bool, apart: bool, targets: str, dora: bool) -> _Trained:
    whole = in_structure(parameters, structure)
    model = _Trained(on_one_card(whole) if several else whole, sharding.pieces(structure, several, apart))
    if not targets:
        return model
    thin = lora.adapter_pieces(structure, targets, several, dora, apart)
    return _Trained(replace(lora.adapters, expr=sharding.total(thin)), thin, model, symbol("bytes_per_adapter"))


_NOMINAL = _Trained(parameters, sharding.one_piece(parameters.symbol))


def _trained_in(model: Model | NominalModel, run: Training) -> _Trained:
    if isinstance(model, NominalModel):
        run.refuse_without_architecture(lora_rank=0, frozen=0)
        if run.optimizer_spec.layout not in (Layout.FULL, Layout.BLOCKS):
            why = "for a size without architecture: it needs matrices"
            raise InputError(f"optimizer must not be {run.optimizer} {why}.")
        return _NOMINAL
    check_degrees(model, run)
    if run.frozen:
        return _cut(model.structure, frozen.kinds(model, run))
    targets, apart = run.lora_targets if run.lora_rank else "", run.expert_parallel > 1
    trained = _trained(model.structure, run.divided, apart, targets, run.dora)
    if run.lora_rank:
        adapters.check(model, run)
    return trained


def _share(trained: _Trained, stage: int, by_rows: bool) -> Term:
    if stage < 3:
        shares = sharding.flat_shares(trained.pieces)
        if len(shares) > 1:
            return counting(replace(sharding.share, expr=parameters.symbol), sympy.Add(*shares.values()), ())
        return counting(sharding.share, trained.whole.symbol, (trained.whole,))
    return (sharding.row_share if by_rows else sharding.tensor_share)(trained.pieces, trained.whole)


def _weights(number: sympy.Expr, parts: tuple[Term, ...], base: Term | None, each: sympy.Symbol) -> Term:
    if base is None:
        return counting(weights, number, parts)
    return replace(
        weights,
        expr=base.symbol + number * each,
        meaning="What is frozen, and what is trained beside it.",
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
    shares = sharding.flat_shares(trained.pieces) if stage in (1, 2) else {}
    every_share = (cards * one for cards, one in shares.items())  # with what fills the last one up
    filled = (sympy.Add(*every_share), ()) if len(shares) > 1 else (N_d * P_1, (share,))
    base = _base(trained.frozen, stage, by_rows, stored) if trained.frozen else None
    seen = trained.pieces
    if stage:
        seen = sharding.rows_of(seen) if by_rows else sharding.one_piece(P_1)
    return (
        _weights(*(own if stage == 3 else filled if stage else everything), base=base, each=trained.each),
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
    if run.offload != Offload.NONE or (run.optimizer_in_backward and kind.temporaries is not None):
        return begun, _NOTHING
    if run.stage == 1:
        begun = _own_gradients(trained, run.by_rows)
    of_unknown_tensors = isinstance(model, NominalModel) and kind.step == "forloop"
    if kind.temporaries is None or of_unknown_tensors:
        return begun, None
    return begun, _temporaries(trained, run.stage, run.by_rows, kind, run.recipe)


def roots(run: Training) -> sympy.Expr | None:
    """Return what a step takes for a moment of each number of a tensor [bytes], where it is done in the backward pass.

    >>> roots(Training(recipe="bf16", optimizer_in_backward=True))
    B_o
    """
    if not run.optimizer_in_backward:
        return None
    kind = run.optimizer_spec
    results = {"foreach": min(1, kind.temporaries or 0), "forloop": kind.temporaries or 0}.get(kind.step, 0)
    return symbol("bytes_per_moment") * results


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
