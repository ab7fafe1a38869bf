"""The formula turned round: what one more token costs, and the context at which something is reached.

Blocks, extra room and bytes beside the cache are left out here; `estimate.questions` searches with them.
"""

from dataclasses import replace

import sympy
from sympy import Max, Min

from memcalc.formula.kv_cache import W, c_all, c_win, kv_cache, n_u, reserved, reserved_window, s, state_memory
from memcalc.formula.term import Term
from memcalc.formula.weights import weights


def _smooth(cache: Term, window_tokens: sympy.Expr) -> sympy.Expr:
    """Return the cache with tokens as they are, not in blocks, and no extra room; a window layer holds that many."""
    plain = {reserved.symbol: s, reserved_window.symbol: window_tokens, n_u: 1, c_all: 0, c_win: 0}
    return cache.expr.xreplace(plain)


def _slope(cache: Term) -> sympy.Expr:
    slope = sympy.diff(_smooth(cache, Min(s, W)), s)
    return slope.replace(sympy.Heaviside, lambda difference, *_: sympy.Piecewise((1, difference > 0), (0, True)))


token = Term(
    name="token",
    expr=_slope(kv_cache),
    meaning="What one more token in every sequence adds to the cache: the derivative of the cache by the context.",
    holds="token by token; in blocks, the same on average",
    source=kv_cache.source,
)


def _reached(line: sympy.Expr) -> sympy.Expr:
    """Return the context at which a cache that is a straight line takes as much as the weights."""
    return (weights.symbol - line.subs(s, 0)) / sympy.diff(line, s)


crossing = Term(
    name="crossing",
    # A window layer stops growing at W: the cache is the smaller of two straight lines, and both must have got there.
    expr=Max(_reached(_smooth(kv_cache, s)), _reached(_smooth(kv_cache, W))),
    meaning="From this many tokens on, the cache takes as much memory as the weights, or more.",
    holds="some layer sees the whole context; without blocks",
    source=kv_cache.source,
    parts=(weights, state_memory),
)


def turned_round(cache: Term) -> dict[str, Term]:
    """Return name → term of both for another cache than the general one."""
    reached = Max(_reached(_smooth(cache, s)), _reached(_smooth(cache, W)))
    return {token.name: replace(token, expr=_slope(cache)), crossing.name: replace(crossing, expr=reached)}
