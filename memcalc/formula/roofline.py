"""Speed: what the memory formula leaves out. Both terms are bounds: nothing can be faster, real programs are slower."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import sympy
from sympy import Add, prod

from memcalc.formula.formats import Format
from memcalc.formula.kv_cache import (
    L_full,
    L_idx,
    L_mla,
    L_win,
    W,
    b,
    d_k,
    d_r,
    kv_cache,
    n_skip,
    r_kv,
    s,
    state_memory,
)
from memcalc.formula.numeric import Min
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import E, Tensor, V, d, d_v, h, n_conv, n_emb, n_pos, window_symbols
from memcalc.formula.term import Term
from memcalc.formula.weights import active, passed_weights

_MULTIPLY_AND_ADD = 2  # operations of one weight for one token
_HEAD = V * d
OF_EACH_LAYER = "embed_tokens_per_layer"
"""A table that few families have; the general terms do without."""

_LOOKED_UP = {"embed_tokens": n_emb - 1, "embed_positions": 1, OF_EACH_LAYER: 1}
"""Tables of which a token needs one row; the first is the output head too where the two are tied, and read whole."""

_looked_up = (n_emb - 1) * V * d + n_pos * d
_in_layers = active.symbol - _looked_up - _HEAD
_of_each_layer = prod(symbols("layer_embedding layer_vocabulary")) * Add(
    *symbols("full_layers window_layers sharing_layers window_sharing_layers")
)

read_weights = Term(
    name="read_weights",
    expr=(active.symbol - _looked_up) * symbol("bytes_per_weight"),
    meaning="For every new token, the card reads the active weights once; of the tables that it looks up, a row each.",
    holds=passed_weights.holds,
    source="pope2022scaling, section 2",
    parts=(active,),
)

read_cache = Term(
    name="read_cache",
    expr=kv_cache.symbol
    + b * state_memory.expr.xreplace({n_conv: n_skip + 1})
    - Min(1, L_idx) * b * L_mla * (r_kv + d_r) * symbol("bytes_per_key") * s,
    meaning="For every new token, the card reads the cache once; it also writes states, which change, and the newest "
    "input of a convolution.",
    holds="a lower bound: of latents among which an indexer chooses, none is counted, though a token reads some",
    source="pope2022scaling, section 2; gu2023mamba, section 3.3; wolf2020transformers, "
    "models/deepseek_v32/modeling_deepseek_v32.py",
    parts=(kv_cache,),
)

decode_time = Term(
    name="decode_time",
    expr=(read_weights.expr + read_cache.symbol) / symbol("bandwidth"),
    meaning="For every new token, the card reads the active weights and the cache once; of the input embedding, a row.",
    holds="a lower bound: bandwidth as marketed; all sequences choose the same k experts, though most batches need "
    "more; each token by itself, none guessed ahead; nothing stays in the small caches of the chip",
    source="pope2022scaling, section 2",
    parts=(active, read_cache),
)


@cache
def decode_in(form: Format, tensors: tuple[Tensor, ...]) -> Term:
    """Return the time of a token where not every number has the same bits: the tensors that it reads, as stored.

    Parameters
    ----------
    form : with scales, in blocks, or a mix
    tensors : what the model, or one card, holds

    >>> decode_in(Format.named("Q4_K_M"), ())
    T_tok = (M_read + M_look)/β
    """
    from memcalc.formula.quantization import passed_in, stored_bytes  # here: plain formats do without

    passed = passed_in(form, tensors)
    rows = [_LOOKED_UP[one.name] * stored_bytes((one,), form) for one in tensors if one.name in _LOOKED_UP]
    read = replace(read_weights, expr=passed.expr - Add(*rows), holds=passed.holds, parts=passed.parts)
    return _time(read)


def _time(read: Term) -> Term:
    """Return the time of a token that reads these weights."""
    return replace(decode_time, expr=(read.symbol + read_cache.symbol) / symbol("bandwidth"), parts=(read, read_cache))


@cache
def decode_of_files() -> Term:
    """Return the time of a token for a model of which the headers of its files say what is read.

    >>> decode_of_files()
    T_tok = (M_read + M_look)/β
    """
    read = replace(
        read_weights,
        expr=symbol("file_weights") - symbol("file_rows") - (E - symbol("active_experts")) * symbol("file_expert"),
        holds="every tensor is read as it is stored; the experts of a layer are as large as each other",
        source="jiang2024mixtral, section 2.1; ggml2026llama, gguf-py/gguf; huggingface2026safetensors, header",
        parts=(),
    )
    return _time(read)


_seen = Min(s, W)
_pairs = {L_full: s**2, L_win: 2 * s * _seen - _seen**2, L_mla: s**2}  # twice the pairs of a token and one before it
_numbers = {L_full: 2 * h * d_k, L_win: 2 * h * d_k, L_mla: h * (d_k + d_v)}  # in query · key, and score · value


def _operations(numbers: Mapping[sympy.Symbol, sympy.Expr], looked_up: sympy.Expr | int = 0) -> sympy.Expr:
    met = sum(kind * numbers[kind] * _pairs[kind] for kind in _pairs)
    return b * (_MULTIPLY_AND_ADD * ((_in_layers - looked_up) * s + _HEAD) + met)


prefill_operations = Term(
    name="prefill_operations",
    expr=_operations(_numbers),
    meaning="Each token meets each active weight of the layers once, and in attention each token before it; the output "
    "head meets the last token alone.",
    holds="causal attention that computes no masked pair; norms and the scan of state-space layers are left out",
    source="korthikanti2022reducing, appendix A; pope2022scaling, section 2",
    parts=(active,),
)


def operations_of(own: frozenset[str], of_each_layer: bool = False) -> Term:
    """Return the term for a model whose window layers have heads of their own, or values another size than keys.

    Parameters
    ----------
    own : as of `tensors.Structure`
    of_each_layer : whether a token has an embedding in each layer too, which is looked up
    """
    full = h * (d_k + d_v) if "value_dim" in own else _numbers[L_full]
    numbers = {**_numbers, L_full: full, L_win: full.xreplace(window_symbols(own))}
    looked_up = _of_each_layer if of_each_layer else 0
    return replace(prefill_operations, expr=_operations(numbers, looked_up))


prefill_time = Term(
    name="prefill_time",
    expr=prefill_operations.symbol / symbol("arithmetic"),
    meaning="Reading a prompt is bound by arithmetic: no card computes faster than its peak.",
    holds="a lower bound: dense 16-bit numbers, added up in 32 bits, at the clock for which the maker states the peak; "
    "some cards run faster, 8 bits or fewer are multiplied faster, and layers that share keys need not read all",
    source="pope2022scaling, section 2",
    parts=(prefill_operations,),
)

places_time = Term(
    name="places_time",
    expr=symbol("card_read") / symbol("bandwidth") + symbol("host_read") / symbol("host_bandwidth"),
    meaning="What lies in the memory of the CPU is read there, before or after what lies on the card.",
    holds="a lower bound: each layer waits for the one before, and the CPU computes with what its memory holds",
    source="pope2022scaling, section 2; ggml2026llama, src/llama-model.cpp, buffers by layer",
)

KILOWATT_HOUR = 1000 * 3600
"""Joules of a kilowatt hour."""
_CENTS = 100  # of a dollar

writing_time = Term(
    name="writing_time",
    expr=symbol("written_tokens") / b * decode_time.symbol,
    meaning="In the time of one token every sequence gets one, so that sequences written at once share the time.",
    holds="a lower bound: the context stays as it is, and the card never waits",
    source="pope2022scaling, section 2",
    parts=(decode_time,),
)

energy = Term(
    name="energy",
    expr=writing_time.symbol * symbol("board_power") / KILOWATT_HOUR,
    meaning="A card draws power as long as it writes.",
    holds="at the most that the card draws; computer and cooling come on top",
    source="article2026formula, table 3, the cost of a million tokens",
    parts=(writing_time,),
)

electricity_cost = Term(
    name="electricity_cost",
    expr=energy.symbol * symbol("electricity_price") / _CENTS,
    meaning="Each kilowatt hour has its price.",
    holds="electricity alone: the card itself comes on top",
    source="article2026formula, table 3, the cost of a million tokens",
    parts=(energy,),
)
