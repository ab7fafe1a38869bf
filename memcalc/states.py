"""Training states of a run: which terms hold for it, and where each is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import sympy

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.formats import Format
from memcalc.formula import lora, optimizer, sharding
from memcalc.formula.parallel import on_one_card, tensor_on_one_card
from memcalc.formula.sharding import P_1, N_d, Piece
from memcalc.formula.stored import weights_in
from memcalc.formula.tensors import Tensor, present
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters, weights
from memcalc.model import Model, NominalModel
from memcalc.runs import divided, refuse_without_architecture
from memcalc.symbols import symbol
from memcalc.training import Training

PLACES = ("gpu", "cpu", "nvme")
"""Where a state can be kept: on the card, in the computer's memory, on its disk."""

_KEPT = {
    "none": {},
    "optimizer": {"gradients": "cpu", "optimizer": "cpu"},
    "parameters": {"weights": "cpu", "gradients": "cpu", "optimizer": "cpu"},
    "nvme": {"weights": "nvme", "gradients": "nvme", "optimizer": "nvme"},
}
"""Offload → term → the place that keeps it, if not the card.

Source: ren2021zerooffload for optimizer; rajbhandari2021zeroinfinity for parameters and nvme.
"""


@dataclass(frozen=True, eq=False)
class _Trained:
    """What is trained: the term that counts it, and its tensors; and the model under it, where that is frozen."""

    whole: Term
    pieces: tuple[Piece, ...]
    frozen: _Trained | None = None


@cache
def _trained(packing: str, several: bool, targets: str) -> _Trained:
    model = _Trained(on_one_card(parameters) if several else parameters, sharding.pieces(packing, several))
    if not targets:
        return model
    thin = lora.adapter_pieces(packing, targets, several)
    return _Trained(lora.adapters_of(thin), thin, model)


_NOMINAL = _Trained(parameters, sharding.one_piece(parameters.symbol))


def _trained_in(model: Model | NominalModel, run: Training) -> _Trained:
    if isinstance(model, NominalModel):
        refuse_without_architecture(run, lora_rank=0)
        if run.optimizer_row["layout"] not in ("full", "blocks"):
            raise InputError(
                f"optimizer must not be {run.optimizer} for a size without architecture: it needs matrices."
            )
        return _NOMINAL
    trained = _trained(model.packing, divided(run), run.lora_targets if run.lora_rank else "")
    if not trained.whole.value(model.values | run.values):
        raise InputError(f"lora_targets must be all for {model.name}, which has no query matrices, not 'qv'.")
    return trained


def _share(trained: _Trained, stage: int, by_rows: bool) -> Term:
    if by_rows:
        return sharding.row_share(trained.pieces, trained.whole)
    if stage == 3:
        return sharding.tensor_share(trained.pieces, trained.whole)
    return sharding.flat_share(trained.whole)


def _weights(number: sympy.Expr, parts: tuple[Term, ...], base: Term | None) -> Term:
    if base is None:
        return replace(weights, expr=number * symbol("bytes_per_weight"), parts=parts)
    return replace(
        weights,
        expr=base.symbol + number * symbol("bytes_per_adapter"),
        meaning="The frozen model and the adapters beside it.",
        holds=base.holds,
        source=base.source,
        parts=(base, *parts),
    )


@cache
def _plain_base(frozen: _Trained, stage: int, by_rows: bool) -> Term:
    number = _share(frozen, stage, by_rows).expr if stage == 3 else frozen.whole.symbol
    return lora.base_weights_of(number, frozen.whole)


@cache
def _stored_base(form: str, tensors: tuple[Tensor, ...], shared: bool) -> Term:
    stored = weights_in(form, tensors)
    expr = sympy.ceiling(stored.expr / N_d) if shared else stored.expr
    return replace(stored, name=lora.base_weights.name, symbol=lora.base_weights.symbol, expr=expr)


def _base(model: Model, run: Training, frozen: _Trained) -> Term:
    """Return the term for the frozen weights under the adapters, in their format."""
    if Format.named(run.base_weights).family == "plain":
        return _plain_base(frozen, run.stage, run.sharding == "fsdp")
    tensors = present(model.packing, model.absent)
    if divided(run):
        tensors = tuple(map(tensor_on_one_card, tensors))
    return _stored_base(run.base_weights, tensors, run.stage == 3)


def _optimizer(seen: tuple[Piece, ...], name: str, number: sympy.Expr, parts: tuple[Term, ...]) -> Term:
    row = catalogue.find("optimizers", "optimizer", name)
    one_state = optimizer.one_state_of(row, seen, number, parts)
    states = optimizer.optimizer_states_of(one_state, optimizer.tensors_of(row, seen))
    return optimizer.optimizer_of(optimizer.master_weights_of(number, parts), states)


@cache
def _every(trained: _Trained, stage: int, by_rows: bool, name: str, base: Term | None) -> tuple[Term, ...]:
    """Return the three terms: each counts all that is trained, or a card's share from the stage on that shares it."""
    share = _share(trained, stage, by_rows)
    everything, part = (trained.whole.symbol, (trained.whole,)), (P_1, (share,))
    filled = (N_d * P_1, (share,))  # all shares, with what fills the last one up
    seen = trained.pieces
    if stage:
        seen = sharding.rows_of(seen) if by_rows else sharding.one_piece(P_1)
    return (
        _weights(*(everything, filled, filled, part)[stage], base=base),
        optimizer.gradients_of(*(everything, everything, part, part)[stage]),
        _optimizer(seen, name, *(everything, part, part, part)[stage]),
    )


def terms(model: Model | NominalModel, run: Training, place: str = "gpu") -> tuple[Term, ...]:
    """Return weights, gradients and optimizer of a run, as the most loaded card keeps them; they are already divided.

    Parameters
    ----------
    model : its packing decides which tensors there are
    run : recipe, optimizer, sharding, offload and adapters decide what is kept
    place : one of `PLACES`; a term that is kept elsewhere is 0

    Raises InputError if the model cannot be trained that way.

    >>> [str(term) for term in terms(Model.nominal(7_500_000_000), Training(zero=2, data_parallel=64))]
    ['M_w = P_1 × B × N_d', 'M_g = P_1 × B_g', 'M_opt = M_m + M_st']
    """
    kept = _KEPT[run.offload]
    trained = _trained_in(model, run)
    base = _base(model, run, trained.frozen) if trained.frozen else None
    every = _every(trained, run.stage, run.sharding == "fsdp", run.optimizer, base)
    return tuple(term if kept.get(term.name, "gpu") == place else _elsewhere(term) for term in every)


def _elsewhere(term: Term) -> Term:
    return replace(term, expr=sympy.Integer(0), holds="it is offloaded: kept in another place than this", parts=())


def places(model: Model | NominalModel, run: Training) -> dict[str, dict[str, int]]:
    """Return for each place the bytes that one card's share takes there, term by term [bytes].

    >>> run = Training(zero=2, data_parallel=1, offload="optimizer")
    >>> places(Model.nominal(13_000_000_000), run)["gpu"]
    {'weights': 26000000000, 'gradients': 0, 'optimizer': 0}
    """
    known = model.values | run.values
    return {place: {term.name: term.exact(known) for term in terms(model, run, place)} for place in PLACES}
