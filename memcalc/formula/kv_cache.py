"""Key and value cache: what attention keeps of every token so that it need not be computed again."""

from dataclasses import replace
from functools import cache, partial

import sympy
from sympy import Mod

from memcalc.formula.formats import HALF
from memcalc.formula.numeric import Min, rounded_up
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import (
    L_full,
    L_mla,
    L_ssd,
    L_ssm,
    L_win,
    N,
    d,
    d_i,
    d_k,
    d_r,
    d_v,
    h,
    h_kv,
    n_conv,
    n_grp,
    r_kv,
    window_symbols,
)
from memcalc.formula.term import Term

L_delta, L_conv, L_lin, L_idx = symbols("delta_layers conv_layers linear_layers index_layers")
h_dk, h_dv, d_dk, d_dv, d_idx = symbols("delta_key_heads delta_heads delta_key_dim delta_dim index_dim")
s, b, W, s_blk, n_u, w_x, s_0, R = symbols("context batch window block sharing window_extra prompt residual")
B_k, B_v, B_conv, B_ssm = symbols("bytes_per_key bytes_per_value bytes_per_conv bytes_per_state")
c_all, c_win, n_skip = symbols("counter window_counter conv_skipped")

reserved = Term(
    name="reserved",
    expr=s_blk * rounded_up(n_u * s / s_blk),
    meaning="An engine reserves room for tokens in whole blocks, for each sequence or for those that share.",
    holds="no token is held once for several sequences",
    source="kwon2023pagedattention, section 4.1",
)

reserved_window = Term(
    name="reserved_window",
    expr=Min(reserved.symbol, s_blk * rounded_up((n_u * W + w_x) / s_blk)),
    meaning="A window layer needs no more tokens than its window, however long the context.",
    holds="tokens that have left the window are given up at once",
    source="jiang2023mistral, section 2",
    parts=(reserved,),
)


def _inputs(channels: sympy.Expr) -> sympy.Expr:
    """Return the bytes of the last inputs of a convolution."""
    return channels * (n_conv - n_skip) * B_conv


state_memory = Term(
    name="state_memory",
    expr=L_ssm * (_inputs(d_i) + d_i * N * B_ssm)
    + L_ssd * (_inputs(d_i + 2 * n_grp * N) + d_i * N * B_ssm)
    + L_delta * (_inputs(2 * h_dk * d_dk + h_dv * d_dv) + h_dv * d_dk * d_dv * B_ssm)
    + L_conv * _inputs(d)
    + L_lin * h * d_k**2 * B_conv,
    meaning="A state-space layer keeps a state and the last few inputs of its convolution, and no tokens; so do layers "
    "of other linear attention, each a part of it.",
    holds="layers of Mamba, Mamba-2, the delta rule, short convolutions or lightning attention; states do not grow "
    "with the context",
    source="gu2023mamba, sections 2 and 3.4; dao2024mamba2, sections 7.1 and 7.2; wolf2020transformers, cache_utils.py",
)

_latent = (r_kv + d_r) * B_k  # one latent and one shared key instead, not two of either


def _pair(key: sympy.Expr, value: sympy.Expr) -> sympy.Expr:
    """Return the bytes of a key and a value of so many numbers."""
    return key * (B_k + B_v) if key == value else key * B_k + value * B_v


def _kept(tokens: sympy.Expr) -> sympy.Expr:
    """Return the bytes of all sequences, of so many that attention keeps of the tokens of one."""
    sequences = b / n_u * (tokens + (L_mla * _latent + L_idx * d_idx * B_k) * reserved.symbol)
    return sequences + b * state_memory.symbol + c_all * (L_full + L_win + L_mla) + c_win * L_win


kv_cache = Term(
    name="kv_cache",
    expr=_kept(_pair(h_kv * d_k, h_kv * d_k) * (L_full * reserved.symbol + L_win * reserved_window.symbol)),
    meaning="Each attention layer keeps a key and a value of d_k numbers per key-value head for every token of every "
    "sequence; latent attention keeps one latent instead, a window layer only its window, a state-space layer a state.",
    holds="keys and values are stored as the model makes them, none shared between layers or sequences",
    source="ainslie2023gqa, section 2.2; deepseek2024v2, section 2.1.4; gu2023mamba, sections 2 and 3.4",
    parts=(reserved, reserved_window, state_memory),
)


@cache
def cache_of(own: frozenset[str]) -> Term:
    """Return the term for a model whose window layers have sizes of their own, or values another size than keys.

    Parameters
    ----------
    own : as of `tensors.Layout`

    >>> cache_of(frozenset(["kv_heads"])).expr.has(symbols("window_kv_heads")[0])
    True
    """
    value = d_v if "value_dim" in own else d_k
    full = _pair(h_kv * d_k, h_kv * value)
    windows = full.xreplace(window_symbols(own))
    tokens = L_full * full * reserved.symbol + L_win * windows * reserved_window.symbol
    return replace(kv_cache, expr=_kept(tokens), holds=f"{kv_cache.holds}; heads as each kind of layer has them")


@cache
def with_whole_rope() -> Term:
    """Return the term for a quantized latent cache: what carries the position stays in 16 bit.

    >>> with_whole_rope().expr.has(HALF * d_r)
    True
    """
    whole = {L_mla * _latent: L_mla * (r_kv * B_k + HALF * d_r)}
    holds = f"{kv_cache.holds}; 16 bit for the numbers that carry the position"
    return replace(kv_cache, expr=kv_cache.expr.xreplace(whole), holds=holds)


@cache
def of_every_head(cache: Term) -> Term:
    """Return the term for code that copies keys and values for each query head before it keeps them.

    >>> of_every_head(kv_cache).expr.has(h_kv)
    False
    """
    parts = tuple(replace(part, expr=part.expr.xreplace({h_kv: h})) for part in cache.parts)
    copied = f"{cache.holds}, but once for each query head"
    return replace(cache, expr=cache.expr.xreplace({h_kv: h}), holds=copied, parts=parts)


_kivi = partial(Term, holds="KIVI", source="liu2024kivi, section 3.3")

newest_keys = _kivi(
    name="newest_keys",
    expr=Mod(s, R, evaluate=False),
    meaning="Keys wait in 16 bit until R of them are there, and are then quantized together.",
)

newest_values = _kivi(
    name="newest_values",
    expr=Min(s, R),
    meaning="Values are quantized one by one, so that the last R of them are always in 16 bit.",
)


def _in_layers(newest: sympy.Symbol) -> sympy.Expr:
    return L_full * newest + L_win * Min(newest, reserved_window.symbol)


residual_memory = _kivi(
    name="residual_memory",
    expr=h_kv * d_k * ((HALF - B_k) * _in_layers(newest_keys.symbol) + (HALF - B_v) * _in_layers(newest_values.symbol))
    + L_mla * (r_kv + d_r) * (HALF - B_k) * newest_keys.symbol,
    meaning="What the newest tokens, which are still in 16 bit, take beyond their quantized size.",
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
        source = "wolf2020transformers, src/transformers/cache_utils.py"
        theirs = partial(replace, holds="QuantizedCache of Transformers", source=source)
        keys = theirs(newest_keys, expr=Mod(s - s_0, R, evaluate=False))
        values = theirs(newest_values, expr=keys.expr, meaning=keys.meaning.replace("Keys", "Values"))
        residual = theirs(residual, parts=(keys, values, reserved_window))
    return replace(kv_cache, expr=kv_cache.expr + b * residual.symbol, parts=(*kv_cache.parts, residual))
