"""The terms of a model unlike the general one: with tensors of its family alone, or window layers with other heads."""

from dataclasses import replace
from functools import cache

from memcalc.formula.kv_cache import cache_of, kv_cache
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
    from memcalc.formula.roofline import operations_of, prefill_operations  # here: a run without speed does without

    found = counted(tensors)
    own_heads = {kv_cache: cache_of, prefill_operations: operations_of} if structure.own else {}
    return found | {term.name: made(structure.own) for term, made in own_heads.items()}
