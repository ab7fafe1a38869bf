"""A term of the formula: one SymPy expression, and all that is derived from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property

import sympy

from memcalc.errors import InputError
from memcalc.formula import numeric
from memcalc.formula.printing import latex, text
from memcalc.formula.symbols import GLOSSARY, symbol

Values = Mapping[sympy.Symbol, object]

_IN_GLOSSARY = frozenset(map(id, GLOSSARY))  # SymPy takes longer to hash a symbol than Python to find the same one


@dataclass(frozen=True, eq=False, repr=False)
class Term:
    """One term of the formula, with what it means, when it holds and where it comes from.

    Parameters
    ----------
    name : how `breakdown` and the glossary call it
    expr : the right side, made of glossary symbols
    meaning : one sentence for a student
    holds : when the expression is true
    source : a key of references.bib, then the equation, table or page
    parts : the terms whose symbols stand in `expr`
    """

    name: str
    expr: sympy.Expr
    meaning: str
    holds: str
    source: str
    parts: tuple[Term, ...] = ()

    @cached_property
    def symbol(self) -> sympy.Symbol:
        """The left side of the equation: the letter that the glossary has for the name."""
        return symbol(self.name)

    @property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """The symbols of the expression in reading order."""
        return numeric.arguments(self.expr)

    @cached_property
    def every_part(self) -> dict[sympy.Symbol, Term]:
        """The parts, and theirs, by symbol."""
        below = {symbol: part for part in self.parts for symbol, part in part.every_part.items()}
        return below | {part.symbol: part for part in self.parts}

    @cache  # noqa: B019 – the terms live as long as the package
    def expanded(self, given: frozenset[sympy.Symbol] = frozenset()) -> sympy.Expr:
        """Return the expression with each part written out, except those whose value is `given`."""
        parts = {part.symbol: part.expanded(given) for part in self.parts if part.symbol not in given}
        return self.expr.xreplace(parts)

    def written_for(self, values: Values) -> sympy.Expr:
        """Return the expression in symbols that have values: a part that has one stays, the others are written out."""
        return self.expanded(self._given(values))

    def simplified(self, values: Values) -> Term:
        """Return the term without what drops out of it: layers that a model lacks, cards that a run does not use.

        >>> from memcalc import TERMS, Inference, Model, values
        >>> TERMS["kv_cache"].simplified(values(Model.named("LLaMA-7B"), Inference()))
        M_kv = L_full × h_kv × d_k × s × b × (B_k + B_v)
        """
        return self._without(frozenset(pair for pair in self._neutral if values.get(pair[0]) == pair[1]))

    @cached_property
    def every_letter(self) -> frozenset[sympy.Symbol]:
        """The symbols of the expression, of its parts, and of theirs."""
        return frozenset(self.expr.free_symbols).union(*(part.every_letter for part in self.parts))

    def of_its_letters(self, pairs: frozenset[tuple[sympy.Symbol, object]]) -> frozenset:
        """Return those of some pairs that begin with a letter of the term, on which alone it depends."""
        return frozenset(pair for pair in pairs if pair[0] in self.every_letter)

    @cached_property
    def _neutral(self) -> tuple[tuple[sympy.Symbol, int], ...]:
        """The letters that drop out where they have a certain value, with that; others need not be told apart."""
        known = ((letter, GLOSSARY[letter].neutral) for letter in self.every_letter if letter in GLOSSARY)
        return tuple((letter, neutral) for letter, neutral in known if neutral is not None)

    @cache  # noqa: B019 – as above
    def _without(self, neutral: frozenset) -> Term:
        parts = [part._without(part.of_its_letters(neutral)) for part in self.parts]
        gone = {part.symbol: part.expr for part in parts if part.expr.is_number or part.expr.is_Symbol}
        expr = self.expr.xreplace(dict(neutral)).xreplace(gone)
        below = (inner for part in parts if part.symbol in gone for inner in part.parts)
        left = tuple(part for part in dict.fromkeys((*parts, *below)) if part.symbol in expr.free_symbols)
        return replace(self, expr=expr.doit(), parts=left)

    def numbers(self, values: Values) -> Values:
        """Return the values, and with them those of the parts that are not given, so that each symbol has one."""
        return {**{part.symbol: part.value(values) for part in self.parts if part.symbol not in values}, **values}

    def latex(self, values: Values | None = None) -> str:
        """Return the equation in reading order, or with the numbers in the places of the symbols."""
        return f"{latex(self.symbol)} = {latex(self.expr, values)}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __repr__(self) -> str:
        return f"{self.symbol} = {text(self.expr)}"

    def value(self, values: Values) -> int | Fraction:
        """Return the value as it is, which may be a fraction.

        Raises InputError if a symbol has no value or an impossible one, is not in the glossary, or divides by 0.
        """
        source, known = self._checked(values)
        numbers = [numeric.number(symbol, value) for symbol, value in known.items()]
        try:
            return numeric.function(tuple(known), source)(*numbers)
        except ZeroDivisionError:
            raise InputError(f"{self.name} has no value here: {self} divides by 0.") from None

    def exact(self, values: Values) -> int:
        """Return the value as a whole number; a fraction, such as half a byte, takes a whole one.

        Raises InputError as `value` does.
        """
        return math.ceil(self.value(values))

    def fast(self, values: Values):
        """Return the value as a float, or an array where values are arrays; integer arrays would overflow unseen.

        Raises InputError if a symbol has no value, or one is not in the glossary.
        """
        import numpy

        source, known = self._checked(values)
        arrays = (numpy.asarray(value, dtype=float) for value in known.values())
        return numeric.function(tuple(known), source, in_floats=True)(*arrays)

    @cache  # noqa: B019 – as above
    def as_python(self, given: frozenset[sympy.Symbol]) -> tuple[tuple[sympy.Symbol, ...], str]:
        """Return the letters on which the value depends, and the expression as Python, with the parts in it."""
        free = self.expr.free_symbols
        parts = {part.symbol: part.as_python(given) for part in self.parts if part.symbol in free - given}
        letters = (free - parts.keys()).union(*(below for below, _ in parts.values()))
        return numeric.in_order(letters), numeric.bound(self.expr, {part: below for part, (_, below) in parts.items()})

    def _given(self, values: Values) -> frozenset[sympy.Symbol]:
        return frozenset(self.every_part.keys() & values.keys())

    def _checked(self, values: Values) -> tuple[str, Values]:
        """Return the expression as Python, and the values of its letters; InputError if one has none."""
        letters, source = self.as_python(self._given(values))
        if not values.keys() >= set(letters):  # those that cancel each other out need no value
            expr = self.written_for(values)
            letters, source = numeric.arguments(expr), numeric.written(expr)
        try:
            known = {symbol: values[symbol] for symbol in letters}
        except KeyError as missing:
            symbol = missing.args[0]
            meaning = GLOSSARY[symbol].meaning
            raise InputError(f"{self.name} needs {symbol} ({meaning}), which has no value.") from None
        if not (_IN_GLOSSARY.issuperset(map(id, values)) or values.keys() <= GLOSSARY.keys()):
            stranger = next(iter(values.keys() - GLOSSARY.keys()))
            raise InputError(f"{stranger} is not in the glossary; take symbols from memcalc.symbols.")
        return source, known
