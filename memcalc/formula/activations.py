"""Activations: the bytes of the tensors that are kept for the backward pass: in a layer, outside the layers, in all."""

from functools import cache

import sympy

from memcalc.errors import choice
from memcalc.formula.kept import RECOMPUTE, Case, kept, total
from memcalc.formula.term import Term
from memcalc.symbols import symbol

_HOLDS = "transformers 5.23 with torch 2.13, training; what several tensors share counts once"
_SOURCE = "wolf2020transformers, src/transformers/models"
_BYTES_OF_A_COPY = 2

padded_context = Term(
    name="padded_context",
    symbol=symbol("padded_context"),
    expr=32 * sympy.ceiling(symbol("context") / 32),
    meaning="The memory-efficient kernel keeps its log-sum-exp in whole blocks of 32 rows.",
    holds="the memory-efficient kernel of PyTorch",
    source="paszke2019pytorch, torch.nn.functional.scaled_dot_product_attention",
)


@cache
def layer(case: Case) -> Term:
    """Return the term for what one layer keeps.

    >>> layer(Case("llama", recompute="full"))
    M_layer = 2 × d × s × b
    """
    expr = total(kept(case), "layer")
    return Term(
        name="layer_activations",
        symbol=symbol("layer_activations"),
        expr=expr,
        meaning="A layer keeps each tensor from which its backward pass computes gradients.",
        holds=_HOLDS,
        source=_SOURCE,
        parts=(padded_context,) if expr.has(padded_context.symbol) else (),
    )


@cache
def once(case: Case) -> Term:
    """Return the term for what is kept outside the layers: by embedding, final norm, output head and loss."""
    return Term(
        name="other_activations",
        symbol=symbol("other_activations"),
        expr=total(kept(case), "once"),
        meaning="Embedding, final norm, output head and loss keep their tensors once, however many layers there are.",
        holds=f"{_HOLDS}; cross entropy over every token, of logits in FP32",
        source=_SOURCE,
    )


@cache
def activations(case: Case) -> Term:
    """Return the term for all that is kept: by L layers, and once."""
    parts = (layer(case), once(case))
    return Term(
        name="activations",
        symbol=symbol("activations"),
        expr=symbol("layers") * parts[0].symbol + parts[1].symbol,
        meaning="Each of the L layers keeps the same tensors; the rest is kept once.",
        holds=f"{_HOLDS}; every layer alike",
        source=_SOURCE,
        parts=parts,
    )


@cache
def weight_copies(recompute: str = "none") -> Term:
    """Return the term for the 16-bit copies of FP32 weights that autocast keeps for the backward pass.

    With recomputation the copies of the layers are gone after the forward pass; that of the output head stays.

    >>> weight_copies("full")
    M_cast = 2 × V × d
    """
    d, heads = symbol("hidden"), symbol("heads") + symbol("kv_heads")
    attention = 2 * d * heads * symbol("head_dim")  # queries and output by heads, keys and values by key-value heads
    layers = symbol("layers") * (attention + symbol("mlp_matrices") * d * symbol("intermediate"))
    matrices = layers if choice("recompute", recompute, RECOMPUTE) == "none" else 0
    return Term(
        name="weight_copies",
        symbol=symbol("weight_copies"),
        expr=_BYTES_OF_A_COPY * (matrices + symbol("vocabulary") * d),
        meaning="Autocast multiplies in 16 bits: it copies each matrix, and the copy stays until the backward pass.",
        holds="FP32 weights under autocast; biases, norms and the lookup in the embedding keep no copy",
        source="paszke2019pytorch, torch.amp",
    )
