"""Parallelism: the part of a model that the most loaded card holds, which is a smaller model.

What cannot be divided evenly is rounded up: that is the card that has more.
"""

from dataclasses import replace
from functools import cache

import sympy
from sympy import Min, ceiling, floor

from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import E, Tensor, n_emb
from memcalc.formula.term import Term

_DIVIDED = {
    "tensor_parallel": "heads kv_heads window_heads window_kv_heads vocabulary intermediate "
    "expert_intermediate shared_intermediate inner state_heads delta_key_heads delta_heads",
    "pipeline_parallel": "full_layers window_layers sharing_layers window_sharing_layers latent_layers mamba_layers "
    "mamba2_layers delta_layers conv_layers linear_layers bare_layers parallel_layers index_layers dense_layers "
    "wide_layers moe_layers",
    "expert_parallel": "experts",
}


@cache
def shares_of(group: str = "") -> dict[sympy.Symbol, sympy.Expr]:
    """Return for each count of the whole model that of one card; a router knows every expert, wherever it is."""
    shares = {whole: ceiling(whole / symbol(by)) for by, wholes in _DIVIDED.items() for whole in symbols(wholes)}
    shares[n_emb] = Min(n_emb, 1 + floor(1 / symbol("pipeline_parallel")))  # of several stages, each holds at most one
    return {whole: share for whole, share in shares.items() if group != "router" or whole != E}


@cache
def on_one_card(term: Term) -> Term:
    """Return the term for the card that holds most of the model.

    >>> from memcalc.formula import TERMS
    >>> on_one_card(TERMS["latent_attention"]).symbols[:3], on_one_card(TERMS["norms"])
    ((d, h, d_k), P_norm = n_vec × n_norm × d)
    """
    shares = shares_of(term.name)
    return replace(term, expr=term.expr.xreplace(shares), parts=tuple(map(on_one_card, term.parts)))


def tensor_on_one_card(tensor: Tensor) -> Tensor:
    """Return the tensor that one card holds of it; how many of them it holds, `stage_of` says."""
    shape = tuple(sympy.Add(size).xreplace(shares_of(tensor.group)) for size in tensor.shape)
    return replace(tensor, shape=shape)


def stage_of(total: sympy.Expr) -> sympy.Expr:
    """Return of a sum over tensors what one stage of a pipeline holds, which has its share of the layers.

    >>> from memcalc.formula.tensors import L_full
    >>> stage_of(3 * L_full)
    3*ceiling(L_full/p)
    """
    counts = {n_emb, *symbols(_DIVIDED["pipeline_parallel"])}
    return total.xreplace({whole: share for whole, share in shares_of().items() if whole in counts})
