"""Megatron: what the fused GPT layer of Korthikanti et al. keeps, and how tensor and pipeline parallelism divide it."""

from collections.abc import Iterable
from functools import cache

import sympy

from memcalc import catalogue
from memcalc.errors import choice
from memcalc.formula.choices import Recompute, Schedule
from memcalc.formula.pipeline import in_flight
from memcalc.formula.saved_tensors import SavedTensor, meets, total
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.term import Term
from memcalc.formula.weights import layers

RECOMPUTE = (Recompute.NONE, Recompute.SELECTIVE, Recompute.FULL)
_cards, _stages = symbols("tensor_parallel pipeline_parallel")

_HOLDS = "the GPT layer of Megatron-LM in 16 bits, with GELU and dropout; d_ff = 4 d and h d_k = d in the paper"


@cache
def saved_tensors(
    recompute: str = "none", sequence_parallel: bool = False, facts: frozenset[str] = frozenset()
) -> tuple[SavedTensor, ...]:
    """Return every tensor that a card keeps, in the order in which the forward pass makes them.

    Parameters
    ----------
    recompute : one of RECOMPUTE
    sequence_parallel : whether the cards also share what tensor parallelism leaves whole: norms, dropouts, inputs
    facts : "last_stage" if the card has the output head too; "statistics" to count those of the norms, as PyTorch does

    >>> len([tensor for tensor in saved_tensors() if tensor.per == "layer"])
    15
    """
    recompute = choice("recompute", recompute, RECOMPUTE)
    shared = ("tensor", "sequence") if sequence_parallel else ("tensor",)
    return tuple(
        SavedTensor.row(row, "bf16", _cards if row["split"] in shared else sympy.S.One)
        for row in catalogue.rows("saved_tensors_megatron")
        if meets({recompute}, row["recompute"]) and meets(facts, row["when"])
    )


def layer(recompute: str = "none", sequence_parallel: bool = False, facts: Iterable[str] = ()) -> Term:
    """Return the term for what a layer keeps on a card: a line of the paper's Table 2; arguments as in `saved_tensors`.

    >>> layer("full")
    M_layer = 2 × d × s × b
    """
    return Term(
        name="layer_activations",
        expr=total(saved_tensors(recompute, sequence_parallel, frozenset(facts)), "layer"),
        meaning="Each tensor of a layer is kept whole or shared by the t cards.",
        holds=_HOLDS,
        source="korthikanti2022reducing, Table 2 and equations 1 to 6",
    )


def once(sequence_parallel: bool = True, facts: Iterable[str] = ()) -> Term:
    """Return the term for what one micro-batch keeps outside the layers; arguments as for `saved_tensors`.

    >>> once(facts=["last_stage"]).symbols
    (V, d, s, b, t)
    """
    return Term(
        name="other_activations",
        expr=total(saved_tensors("none", sequence_parallel, frozenset(facts)), "once"),
        meaning="The first stage keeps the mask of the embeddings, the last what final norm, head and loss need.",
        holds=f"{_HOLDS}; logits in FP32",
        source="korthikanti2022reducing, section 4.3",
    )


@cache
def activations(recompute: str, sequence_parallel: bool, several_stages: bool, schedule: str = Schedule.ONE) -> Term:
    """Return the term for all that the most loaded card keeps: the first stage's layers, and what stands outside them.

    Parameters
    ----------
    recompute, sequence_parallel : as for `saved_tensors`
    several_stages : whether the layers are divided into stages; the only stage has the output head too
    schedule : the order of the stages, one of `formula.choices.Schedule`
    """
    outside = once(sequence_parallel, () if several_stages else ("last_stage",))
    flying = in_flight(schedule)
    parts = (first_stage(recompute, sequence_parallel, schedule), outside, flying)
    return Term(
        name="activations",
        expr=parts[0].symbol + _stages * flying.symbol * outside.symbol,
        meaning="Each micro-batch under way keeps its tensors, in every layer of the stage and outside the layers.",
        holds=f"{_HOLDS}; {flying.holds}",
        source="korthikanti2022reducing, sections 4.2 and 4.3",
        parts=parts,
    )


def first_stage(recompute: str = "none", sequence_parallel: bool = True, schedule: str = Schedule.ONE) -> Term:
    """Return the term for what a card of the first stage keeps in its L/p layers; arguments as for `activations`.

    >>> first_stage("full")
    M_first = M_layer × n_flight × L
    """
    parts = (layer(recompute, sequence_parallel), in_flight(schedule), layers)
    return Term(
        name="first_stage",
        expr=symbol("layers") * parts[0].symbol * parts[1].symbol,
        meaning="The first stage holds its part of the layers for every micro-batch that is under way.",
        holds=f"{_HOLDS}; {parts[1].holds}; embedding and head not counted",
        source="korthikanti2022reducing, section 4.2.3",
        parts=parts,
    )


@cache
def recomputation_peak(
    sequence_parallel: bool = False, several_stages: bool = False, schedule: str = Schedule.ONE
) -> Term:
    """Return the term for what full recomputation keeps at its peak; arguments as for `activations`.

    >>> recomputation_peak().parts[0].name
    'activations'
    """
    kept = activations("full", sequence_parallel, several_stages, schedule)
    again, alone = (layer(policy, sequence_parallel) for policy in ("selective", "full"))
    return Term(
        name="recomputation_peak",
        expr=kept.symbol + again.expr - alone.expr,
        meaning="One layer is there again: all its tensors but those of the scores stand in the place of its input.",
        holds=kept.holds,
        source="korthikanti2022reducing, Table 2",
        parts=(kept,),
    )
