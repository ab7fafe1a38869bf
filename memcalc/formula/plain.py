"""A term as a beginner reads it: without what a model lacks, small counts as numbers, one letter for equal layers."""

from dataclasses import replace
from functools import cache

import sympy

from memcalc.formula import numeric
from memcalc.formula.symbols import GLOSSARY, symbol
from memcalc.formula.tensors import LAYERS
from memcalc.formula.term import Term, Values

_SMALL = tuple(letter for letter, entry in GLOSSARY.items() if entry.is_small)

_LONG = 4  # summands, which are read at a glance

_KINDS = tuple(LAYERS.free_symbols | {symbol(name) for name in ("dense_layers", "moe_layers")})
"""Letters that count the layers of one kind."""


def plain(term: Term, values: Values) -> Term:
    """Return a term as one model and run need it, in as few letters as it takes.

    What drops out is left out, as `Term.simplified` does; a small count, such as the three matrices of an MLP, is its
    number; and where all layers are alike, L counts them.

    >>> from memcalc import TERMS, Inference, Model, values
    >>> known = values(Model.named("Llama-3.1-8B"), Inference())
    >>> plain(TERMS["parameters"], known)
    P = P_emb + L × (P_attn + P_mlp + P_norm) + d
    >>> plain(TERMS["mlp"], known), plain(TERMS["kv_cache"], known)
    (P_mlp = 3 × d × d_ff, M_kv = L × h_kv × d_k × s × b × (B_k + B_v))
    """
    simple = term.simplified(values)
    small = [letter for letter in _SMALL if letter in simple.every_letter]
    put = {letter: sympy.Integer(values[letter]) for letter in small if isinstance(values.get(letter), int)}
    put |= dict.fromkeys(alike(values), symbol("layers"))
    known = frozenset((letter, values[letter]) for letter in _switching(simple) if isinstance(values.get(letter), int))
    return _put(simple, simple.of_its_letters(frozenset(put.items())), known)


def alike(values: Values) -> tuple[sympy.Symbol, ...]:
    """Return the letters that count layers of a kind of which every layer is.

    >>> from memcalc import Model
    >>> sorted(map(str, alike(Model.named("Mixtral-8x7B").values)))
    ['L_full', 'L_moe']
    """
    every = LAYERS.xreplace({letter: sympy.Integer(values.get(letter) or 0) for letter in LAYERS.free_symbols})
    return tuple(letter for letter in _KINDS if every and values.get(letter) == every)


@cache
def _switching(term: Term) -> frozenset[sympy.Symbol]:
    """Return the letters on which it depends whether a part counts: of all numbers, these alone change how it reads."""
    own = (letter for one in _switches(term) for letter in one.free_symbols)
    return frozenset(own).union(*map(_switching, term.parts))


def _switches(term: Term) -> list[sympy.Expr]:
    return [one for one in term.expr.atoms(numeric.Min) if 1 in one.args]


@cache
def _put(term: Term, put: frozenset, known: frozenset) -> Term:
    parts = tuple(
        _put(part, part.of_its_letters(put), part.of_its_letters(known)) for part in term.parts if part.name != "layers"
    )
    numbers = {letter: sympy.Integer(value) for letter, value in known}
    switches = {one: one.xreplace(numbers).doit() for one in _switches(term)}
    put = dict(put) | {one: value for one, value in switches.items() if value.is_number}
    return replace(term, expr=_short(sympy.collect(term.expr.xreplace(put), symbol("layers"))), parts=parts)


def _short(expr: sympy.Expr) -> sympy.Expr:
    """Return a long sum with the letters that all its summands share before a bracket; a bare number stays outside."""
    rest, summands = expr.as_coeff_Add()
    if not summands.is_Add or len(summands.args) <= _LONG:
        return expr
    shared = set.intersection(*(set(one.free_symbols) for one in summands.args if one.is_Mul or one.is_Symbol))
    shared = sympy.Mul(*(letter for letter in shared if all(_is_factor(letter, one) for one in summands.args)))
    return shared * sympy.Add(*(one / shared for one in summands.args)) + rest


def _is_factor(letter: sympy.Symbol, summand: sympy.Expr) -> bool:
    return summand.as_powers_dict().get(letter, 0) >= 1
