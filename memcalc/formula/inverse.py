"""The formula turned round: the context at which something is reached, solved where the expression allows it.

Blocks, extra room and bytes beside the cache are left out here; `evaluate` searches with them.
"""

import sympy
from sympy import Max

from memcalc.formula.kv_cache import W, kv_cache, s, smooth, state_memory
from memcalc.formula.term import Term
from memcalc.formula.weights import weights
from memcalc.symbols import symbol


def reached(memory: sympy.Expr) -> sympy.Expr:
    """Return the context at which the cache takes `memory` [tokens].

    A window layer stops growing at W. The cache is the smaller of two straight lines, so both must have got there.
    """
    return Max(*(_solved(smooth(window_tokens), memory) for window_tokens in (s, W)))


def _solved(line: sympy.Expr, memory: sympy.Expr) -> sympy.Expr:
    return (memory - line.subs(s, 0)) / sympy.diff(line, s)


crossing = Term(
    name="crossing",
    symbol=symbol("crossing"),
    expr=reached(weights.symbol),
    meaning="From this many tokens on, the cache takes as much memory as the weights, or more.",
    holds="some layer sees the whole context; without blocks",
    source=kv_cache.source,
    parts=(weights, state_memory),
)

largest_context = Term(
    name="largest_context",
    symbol=symbol("largest_context"),
    expr=reached(symbol("capacity") - weights.symbol),
    meaning="The context at which weights and cache fill a card: tokens are whole, so round it down.",
    holds=crossing.holds,
    source=kv_cache.source,
    parts=(weights, state_memory),
)
