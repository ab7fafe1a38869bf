"""The terms of a model unlike the general one: with tensors of its family alone, or window layers with other heads."""

from dataclasses import replace
from functools import cache

from memcalc.formula.kv_cache import cache_of
from memcalc.formula.tensors import Structure, own
from memcalc.formula.term import Term
from memcalc.formula.weights import counted


@cache
def in_structure(term: Term, structure: Structure) -> Term:
    """Return a term as it is for models of a structure: their own terms in the places of the general parts.

    >>> from memcalc.formula.weights import weights
    >>> in_structure(weights, Structure()) is weights
    True
    """
    term = _changed(structure).get(term.name, term)
    parts = tuple(in_structure(part, structure) for part in term.parts)
    return term if parts == term.parts else replace(term, parts=parts)


@cache
def _changed(structure: Structure) -> dict[str, Term]:
    tensors = own(structure)
    if not structure.own and not any(tensor.families for tensor in tensors):
        return {}
    found = counted(tensors)
    from memcalc.formula.roofline import OF_EACH_LAYER, operations_of  # here: most runs do not ask for it

    operations = operations_of(structure.own, any(tensor.name == OF_EACH_LAYER for tensor in tensors))
    found[operations.name] = operations
    return found | _of_own_heads(structure.own) if structure.own else found


def _of_own_heads(own: frozenset[str]) -> dict[str, Term]:
    from memcalc.formula.inverse import turned_round  # here: most runs do not ask for it

    cache = cache_of(own)
    return {cache.name: cache} | turned_round(cache)
