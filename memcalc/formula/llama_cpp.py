"""llama.cpp: the working buffers that the engine reserves before the first token, as it states them on a CPU."""

from collections.abc import Iterator
from functools import cache

import sympy
from sympy import Max, ceiling

from memcalc.errors import InputError, choice
from memcalc.formula.formats import FP32, HALF, INT32, INT64
from memcalc.formula.symbols import GLOSSARY, symbols
from memcalc.formula.tensors import V, d, d_ff, d_k, h, h_kv
from memcalc.formula.term import Term, Values

s, b, s_u, n_out, s_c = symbols("context batch micro_tokens outputs cells")

_ALIGNED, _BLOCK = 32, 256  # bytes; cells
_CACHES = {True: ("FP16", "BF16", "FP32"), False: ("FP16",)}
_UNKNOWN = symbols("window_layers latent_layers mamba_layers mamba2_layers moe_layers")

_HOLDS = "llama.cpp on a CPU; a dense model with gated MLP, full attention in every layer; s_u a multiple of 8"
_SOURCE = "ggml2026llama, src/llama-graph.cpp and ggml/src/ggml-alloc.c"

_each = FP32 * s_u  # bytes of one number of every token
_output_places = _ALIGNED * ceiling(INT32 * n_out / _ALIGNED)


def check_dense(values: Values):
    """Raise InputError if a layer is of a kind whose buffers are not known: a window, experts, a latent or a state.

    >>> check_dense({_UNKNOWN[-1]: 0})
    """
    for kind in filter(values.get, _UNKNOWN):
        name = GLOSSARY[kind].name
        raise InputError(f"{name} must be 0 for the compute buffer, which is known for dense models only.")


@cache
def cells(unified: bool = False) -> Term:
    """Return the term for the cells of the cache that one micro-batch looks at.

    Parameters
    ----------
    unified : whether all sequences share one cache, or each has its own

    >>> cells()
    s_c = 256 × ⌈s/256⌉
    """
    return Term(
        name="cells",
        expr=_BLOCK * ceiling((s * b if unified else s) / _BLOCK),
        meaning="The cache is reserved in blocks of 256 cells, and the buffer for a full one.",
        holds="llama.cpp; s tokens of each sequence",
        source="ggml2026llama, src/llama-kv-cache.cpp",
    )


@cache
def compute_buffer(flash: bool = True, cache_format: str = "FP16", unified: bool = False) -> Term:
    """Return the term for the buffer of everything that is computed between the layers' weights.

    Parameters
    ----------
    flash : whether attention is fused, so that no scores are stored
    cache_format : format of keys and values: "FP16", and with flash also "BF16" or "FP32"
    unified : as for `cells`

    Raises InputError for another cache format: a quantized cache is rotated first, which takes more.

    >>> llama = {V: 32000, d: 4096, d_ff: 11008, h: 32, h_kv: 32, d_k: 128}
    >>> compute_buffer().exact(llama | {s_c: 4096, s_u: 512, n_out: 512})
    105396224
    """
    cache_format = choice("cache format", cache_format, _CACHES[flash])
    return Term(
        name="compute_buffer",
        expr=Max(*_moments(flash, cache_format)),
        meaning="The engine plans where each result lies and reserves the highest place: in attention, MLP or output.",
        holds=_HOLDS if flash else f"{_HOLDS}; where the scores or the logits need most, else within 8 %",
        source=_SOURCE,
        parts=(cells(unified),),
    )


def _moments(flash: bool, cache_format: str) -> Iterator[sympy.Expr]:
    """Yield what lies in the buffer at once: in the MLP, at the output, and in attention where that is more."""
    inputs, residual, normalised, output = _inputs(flash), *3 * [_each * d]
    gate, up, product = 3 * [_each * d_ff]
    queries, heads = 2 * [_each * h * d_k]
    yield gate + up + product + residual + normalised + output + _each * Max(d, h * d_k) + inputs
    logits = FP32 * n_out * V
    yield residual + normalised + logits + _output_places
    if not flash:
        scores = _each * h * s_c
        yield scores + residual + normalised + output + queries + heads + inputs
    if cache_format == "FP32":
        keys, values = 2 * [HALF * s_c * h_kv * d_k]  # FP16 copies, for fused attention reads no FP32
        yield keys + values + residual + normalised + output + queries + heads + inputs


def _inputs(flash: bool) -> sympy.Expr:
    tokens, positions, places = INT32 * s_u, INT32 * s_u, INT64 * s_u
    value_places = places if flash else places * h_kv * d_k  # values are stored transposed: one place a number
    mask = (HALF if flash else FP32) * s_u * s_c
    return tokens + positions + _output_places + places + value_places + mask


output_buffer = Term(
    name="output_buffer",
    expr=FP32 * V * b,
    meaning="The engine keeps room for the logits of one token of each sequence.",
    holds="llama.cpp; logits of the last token alone are asked for",
    source="ggml2026llama, src/llama-context.cpp",
)
