"""Speed: what the memory formula leaves out. Both terms are bounds: nothing can be faster, real programs are slower."""

from collections.abc import Mapping
from dataclasses import replace

import sympy
from sympy import Min

from memcalc.formula.kv_cache import L_full, L_mla, L_win, W, b, d_k, kv_cache, s
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import V, d, d_v, h, n_emb, n_pos, window_symbols
from memcalc.formula.term import Term
from memcalc.formula.weights import active

_MULTIPLY_AND_ADD = 2  # operations of one weight for one token
_HEAD = V * d
_looked_up = (n_emb - 1) * V * d + n_pos * d  # one row of these tables is read for a token
_in_layers = active.symbol - _looked_up - _HEAD

decode_time = Term(
    name="decode_time",
    expr=((active.symbol - _looked_up) * symbol("bytes_per_weight") + kv_cache.symbol) / symbol("bandwidth"),
    meaning="For every new token, the card reads the active weights and the cache once; of the input embedding, a row.",
    holds="a lower bound: bandwidth as marketed; more than one sequence may need more experts than k",
    source="pope2022scaling, section 2",
    parts=(active, kv_cache),
)

_seen = Min(s, W)
_pairs = {L_full: s**2, L_win: 2 * s * _seen - _seen**2, L_mla: s**2}  # twice the pairs of a token and one before it
_numbers = {L_full: 2 * h * d_k, L_win: 2 * h * d_k, L_mla: h * (d_k + d_v)}  # in query · key, and score · value


def _operations(numbers: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    met = sum(kind * numbers[kind] * _pairs[kind] for kind in _pairs)
    return b * (_MULTIPLY_AND_ADD * (_in_layers * s + _HEAD) + met)


prefill_operations = Term(
    name="prefill_operations",
    expr=_operations(_numbers),
    meaning="Each token meets each active weight of the layers once, and in attention each token before it; the output "
    "head meets the last token alone.",
    holds="causal attention that computes no masked pair; norms and the scan of state-space layers are left out",
    source="korthikanti2022reducing, appendix A; pope2022scaling, section 2",
    parts=(active,),
)


def operations_of(own: frozenset[str]) -> Term:
    """Return the term for a model whose window layers have heads of their own, or values another size than keys.

    Parameters
    ----------
    own : as of `tensors.Structure`
    """
    full = h * (d_k + d_v) if "value_dim" in own else _numbers[L_full]
    numbers = {**_numbers, L_full: full, L_win: full.xreplace(window_symbols(own))}
    return replace(prefill_operations, expr=_operations(numbers))


prefill_time = Term(
    name="prefill_time",
    expr=prefill_operations.symbol / symbol("arithmetic"),
    meaning="Reading a prompt is bound by arithmetic: no card computes faster than its peak.",
    holds="a lower bound: dense 16-bit arithmetic at its peak",
    source="pope2022scaling, section 2",
    parts=(prefill_operations,),
)

_JOULES = 1000 * 3600  # of a kilowatt hour
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
    expr=writing_time.symbol * symbol("board_power") / _JOULES,
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
