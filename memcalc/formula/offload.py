"""Offload: a part of a model lies in CPU memory, and the card has what is left."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import sympy

from memcalc.formula.symbols import symbol
from memcalc.formula.term import Term

_SOURCE = "ggml2026llama, src/llama-model.cpp, load_tensors"
_HOLDS = "llama.cpp: the tables of the input lie in CPU memory, the output lies on the card if any layer does"


@cache
def weights_on_card(weights: Term) -> Term:
    """Return the term for the weights that are left on the card.

    >>> from memcalc.formula.weights import weights
    >>> weights_on_card(weights)
    M_w = -M_cpu + M_twice + P × B
    """
    return replace(
        weights,
        expr=weights.expr + symbol("copied_weights") - symbol("cpu_weights"),
        meaning="The card holds the weights but for those in CPU memory; what both need, both have.",
        holds=f"{_HOLDS}; {weights.holds}",
        source=f"{_SOURCE}; {weights.source}",
    )


weights_in_cpu_memory = Term(
    name="weights",
    expr=symbol("cpu_weights"),
    meaning="In CPU memory lie the tables of the input, the layers that are not on the card, and experts of others.",
    holds=_HOLDS,
    source=_SOURCE,
)


@cache
def elsewhere(term: Term) -> Term:
    """Return the term in a place that has nothing of it."""
    return replace(term, expr=sympy.Integer(0), holds="all of it lies in another place than this", parts=())


def cache_of_layers(cache: Term, layers: Mapping[sympy.Symbol, int]) -> Term:
    """Return the term for the cache of some of the layers.

    Parameters
    ----------
    layers : for each kind of layer, how many

    >>> from memcalc.formula.in_files import told_cache
    >>> cache_of_layers(told_cache, {symbol("token_keys"): 0, symbol("token_values"): 0}).expr
    B_conv*b*c_in*(n_conv - n_skip)
    """
    return _cache_of(cache, tuple(layers.items()))


@cache
def _cache_of(term: Term, layers: tuple[tuple[sympy.Symbol, int], ...]) -> Term:
    expr = term.expr.xreplace({letter: sympy.Integer(number) for letter, number in layers})
    return replace(term, expr=expr, parts=tuple(_cache_of(part, layers) for part in term.parts))
