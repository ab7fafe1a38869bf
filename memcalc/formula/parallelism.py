"""Parallelism: the part of a model that the most loaded card holds, which is a smaller model.

What cannot be divided evenly is rounded up: that is the card that has more. Stages of a pipeline divide the layers
that have a group of tensors, each group by itself, because how kinds of layers take turns is not known here.

Tensor parallelism is that of Megatron-LM and vLLM. Heads and widths are divided, those of state spaces too; heads of
keys and values and the groups of Mamba-2 are copied where they are fewer than the cards. Every card has all norms,
routers, indexers and latents with the matrices that make them; and, unlike in vLLM, the gated convolutions of LFM2.
"""

from dataclasses import replace
from functools import cache

import sympy
from sympy import floor

from memcalc.formula.numeric import Min, rounded_up
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import GROUPS, E, Tensor, n_emb
from memcalc.formula.term import Term

_DIVIDED = {
    "tensor_parallel": "heads kv_heads window_heads window_kv_heads vocabulary layer_vocabulary intermediate "
    "expert_intermediate shared_intermediate inner groups state_heads delta_key_heads delta_heads",
    "pipeline_parallel": "full_layers window_layers sharing_layers window_sharing_layers latent_layers mamba_layers "
    "mamba2_layers delta_layers conv_layers linear_layers bare_layers parallel_layers index_layers dense_layers "
    "wide_layers moe_layers",
    "expert_parallel": "experts",
}

_STAGES = symbol("pipeline_parallel")


@cache
def _every_share() -> dict[sympy.Expr, sympy.Expr]:
    shares = {whole: rounded_up(whole / symbol(by)) for by, wholes in _DIVIDED.items() for whole in symbols(wholes)}
    shares |= {layers: rounded_up(layers / _STAGES) for layers in GROUPS.values() if layers.is_Add}
    return shares | {n_emb: Min(n_emb, 1 + floor(1 / _STAGES))}  # of several stages, each holds at most one


@cache
def shares_of(group: str = "") -> dict[sympy.Expr, sympy.Expr]:
    """Return for each count of the whole model that of one card.

    A router knows every expert, wherever it is, and an embedding every layer.
    """
    copied = {"router": (E,), "embedding": symbols(_DIVIDED["pipeline_parallel"])}.get(group, ())
    return {whole: share for whole, share in _every_share().items() if whole not in copied}


def divided_widths() -> dict[sympy.Expr, sympy.Expr]:
    """Return for heads and the width of an MLP what one card has of them.

    >>> [*divided_widths()]
    [h, h_kv, d_ff]
    """
    return {whole: _every_share()[whole] for whole in symbols("heads kv_heads intermediate")}


@cache
def on_one_card(term: Term) -> Term:
    """Return the term for the card that holds most of the model.

    >>> from memcalc.formula import TERMS
    >>> on_one_card(TERMS["latent_attention"]).symbols[:3], on_one_card(TERMS["norms"])
    ((d, h, d_k), P_norm = n_vec × n_norm × d)
    """
    shares = shares_of(term.name)
    return replace(term, expr=term.expr.xreplace(shares), parts=tuple(map(on_one_card, term.parts)))


@cache
def tensor_on_one_card(tensor: Tensor) -> Tensor:
    """Return what one card holds of a tensor: its part of each, in its part of the layers.

    >>> from memcalc.formula.tensors import TENSORS
    >>> [down] = [tensor for tensor in TENSORS if (tensor.group, tensor.name) == ("mlp", "down_proj")]
    >>> tensor_on_one_card(down).shape, tensor_on_one_card(down).number
    ((d, ceiling(d_ff/t)), ceiling(L_dense/p))
    """
    shares = shares_of(tensor.group)
    counts = tensor.each, tensor.layers, *tensor.shape
    each, layers, *shape = (sympy.Add(count).xreplace(shares) for count in counts)
    return replace(tensor, each=each, layers=layers, shape=tuple(shape), whole=tensor)
