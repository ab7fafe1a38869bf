"""Gathered: the weights that a card has from the others while they work, where cards share them out."""

from dataclasses import replace
from functools import cache

import sympy

from memcalc.formula.formats import HALF
from memcalc.formula.numeric import Min
from memcalc.formula.sharding import N_d, bucket_memory
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import V, d, held, n_emb, n_pos
from memcalc.formula.term import Term
from memcalc.formula.weights import layers, parameters

P, L = symbols("parameters layers")

final_norm, table = held("final"), V * d
outside = V * d * n_emb + n_pos * d + final_norm
"""Parameters outside the layers."""
one_layer = sympy.ceiling((P - outside) / L)
"""Parameters of a layer, of layers that are all alike."""


@cache
def of_fsdp(width: int, layers_at_work: int) -> Term:
    """Return the term for what FSDP gathers.

    Parameters
    ----------
    width : bytes of a number while it works
    layers_at_work : layers that are gathered beside what lies outside them

    >>> of_fsdp(2, 0)
    M_all = 2 × n_emb × V × d + 2 × n_pos × d + 2 × n_vec × d
    """
    return Term(
        name="gathered",
        expr=width * (outside + layers_at_work * one_layer),
        meaning="What lies outside the layers stays gathered through the step; a layer at work and the next one too.",
        holds="FSDP of PyTorch that wraps each layer, prefetches one, and leaves the outermost unit gathered",
        source="zhao2023fsdp, section 3.3",
        parts=(parameters, layers) if layers_at_work else (parameters,),
    )


def of_frozen(base: Term, layers_at_work: int) -> Term:
    """Return the same for a frozen model, which is gathered in the format that it is stored in.

    Parameters
    ----------
    base : what a card stores of it
    layers_at_work : as of `of_fsdp`
    """
    layer = (N_d * base.symbol - HALF * outside) / L
    return replace(
        of_fsdp(HALF, layers_at_work), expr=HALF * outside + layers_at_work * layer, parts=(base, parameters, layers)
    )


of_zero = Term(
    name="gathered",
    expr=symbol("bytes_per_weight") * Min(P, symbol("live_parameters")),
    meaning="Gathered weights are kept until there are as many as the setting allows, and then dropped.",
    holds="ZeRO stage 3 as in DeepSpeed with its own settings",
    source="deepspeed2026, stage3_max_live_parameters",
    parts=(parameters,),
)

reduced = replace(bucket_memory, source="deepspeed2026, reduce_bucket_size; rajbhandari2020zero, section 6.2")
