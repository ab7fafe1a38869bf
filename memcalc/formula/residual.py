"""Residual: the newest tokens of a quantized cache, which stay in 16 bit until there are enough to quantize."""

from dataclasses import replace
from functools import cache

import sympy
from sympy import Min

from memcalc.formula.kv_cache import (
    B_k,
    B_v,
    L_full,
    L_mla,
    L_win,
    b,
    d_k,
    d_r,
    h_kv,
    kv_cache,
    r_kv,
    reserved_window,
    s,
)
from memcalc.formula.term import Term
from memcalc.symbols import symbol, symbols

s_0, R = symbols("prompt residual")

_CACHE_UTILS = "wolf2020transformers, src/transformers/cache_utils.py"
_16_BIT = 2  # bytes

newest_keys = Term(
    name="newest_keys",
    symbol=symbol("newest_keys"),
    expr=sympy.Mod(s, R),
    meaning="Keys wait in 16 bit until R of them are there, and are then quantized together.",
    holds="KIVI",
    source="liu2024kivi, section 3.3",
)

newest_values = Term(
    name="newest_values",
    symbol=symbol("newest_values"),
    expr=Min(s, R),
    meaning="Values are quantized one by one, so that the last R of them are always in 16 bit.",
    holds="KIVI",
    source="liu2024kivi, section 3.3",
)


def _in_layers(newest: sympy.Symbol) -> sympy.Expr:
    return L_full * newest + L_win * Min(newest, reserved_window.symbol)


residual_memory = Term(
    name="residual_memory",
    symbol=symbol("residual_memory"),
    expr=h_kv
    * d_k
    * ((_16_BIT - B_k) * _in_layers(newest_keys.symbol) + (_16_BIT - B_v) * _in_layers(newest_values.symbol))
    + L_mla * (r_kv + d_r) * (_16_BIT - B_k) * newest_keys.symbol,
    meaning="What the newest tokens, which are still in 16 bit, take beyond their quantized size.",
    holds="KIVI",
    source="liu2024kivi, section 3.3",
    parts=(newest_keys, newest_values, reserved_window),
)


@cache
def with_residual(policy: str) -> Term:
    """Return the term for a quantized cache that keeps its newest tokens in 16 bit.

    Parameters
    ----------
    policy : "KIVI", or "transformers", which quantizes the prompt at once, and then keys and values R tokens at a time

    Source: liu2024kivi, section 3.3; wolf2020transformers, src/transformers/cache_utils.py.

    >>> with_residual("transformers").parts[-1].parts[:2]
    (s_k = Mod(s - s_0, R), s_v = Mod(s - s_0, R))
    """
    residual = residual_memory
    if policy == "transformers":
        facts = {"expr": sympy.Mod(s - s_0, R), "holds": "QuantizedCache of Transformers", "source": _CACHE_UTILS}
        keys = replace(newest_keys, **facts)
        values = replace(newest_values, **facts, meaning=keys.meaning.replace("Keys", "Values"))
        residual = replace(residual, holds=keys.holds, source=keys.source, parts=(keys, values, reserved_window))
    return replace(kv_cache, expr=kv_cache.expr + b * residual.symbol, parts=(*kv_cache.parts, residual))
