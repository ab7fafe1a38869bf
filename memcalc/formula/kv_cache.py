"""Key and value cache: what attention keeps of every token so that it need not be computed again."""

import sympy

from memcalc.formula.term import Term
from memcalc.formula.weights import weights
from memcalc.symbols import symbol

_KEY_AND_VALUE = 2
_context = symbol("context")

kv_cache = Term(
    name="kv_cache",
    symbol=symbol("kv_cache"),
    expr=_KEY_AND_VALUE
    * symbol("layers")
    * symbol("kv_heads")
    * symbol("head_dim")
    * _context
    * symbol("batch")
    * symbol("bytes_per_element"),
    meaning="Each layer keeps a key and a value of d_k numbers per key-value head for every token of every sequence.",
    holds="every layer attends to the whole context; keys and values are stored per head, without scales beside them",
    source="ainslie2023gqa, section 2.2; article2025formula, KV cache",
)

token = Term(
    name="token",
    symbol=symbol("token"),
    expr=sympy.diff(kv_cache.expr, _context),
    meaning="What one more token in every sequence adds to the cache: the derivative of the cache by the context.",
    holds=kv_cache.holds,
    source=kv_cache.source,
)

crossing = Term(
    name="crossing",
    symbol=symbol("crossing"),
    expr=sympy.solve_linear(kv_cache.expr, weights.symbol, symbols=[_context])[1],
    meaning="From this many tokens on, the cache takes as much memory as the weights, or more.",
    holds=kv_cache.holds,
    source=kv_cache.source,
    parts=(weights,),
)
