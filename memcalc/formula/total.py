"""The formula as a whole: what a run needs is the sum of its terms."""

from memcalc.formula.kv_cache import kv_cache
from memcalc.formula.term import Term
from memcalc.formula.weights import weights
from memcalc.symbols import symbol

inference = Term(
    name="inference",
    symbol=symbol("inference"),
    expr=weights.symbol + kv_cache.symbol,
    meaning="To generate text, a card holds the weights and the cache of every sequence.",
    holds="no training; working buffers of the engine and what the driver takes come on top",
    source="article2025formula, the equation",
    parts=(weights, kv_cache),
)
