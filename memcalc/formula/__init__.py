"""The formula: each module gives the terms that its name says, each written once as a SymPy expression."""

from memcalc.formula import inverse, kv_cache, lora, optimizer, overhead, sharding, speed, total, weights
from memcalc.formula.term import Term

TERMS: dict[str, Term] = {
    term.name: term
    for module in (weights, optimizer, sharding, lora, kv_cache, inverse, speed, overhead, total)
    for term in vars(module).values()
    if isinstance(term, Term)
}
"""Name → term, for every term of every module."""

__all__ = ["TERMS", "Term"]
