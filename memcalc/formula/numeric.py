"""From an expression to numbers: exactly, in whole numbers and fractions, or fast, in floats and arrays of them.

An expression is written as Python that calls a few functions, and there are two sets of them. `lambdify`, which can do
far more, takes several times as long, and whoever asks a single question would wait for it.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache, partial, reduce
from numbers import Rational

import sympy
from sympy.core.relational import Relational

from memcalc.errors import InputError, integer, shown
from memcalc.formula.symbols import POSITION


def in_order(letters: Iterable[sympy.Symbol]) -> tuple[sympy.Symbol, ...]:
    """Return symbols in reading order."""
    return tuple(sorted(letters, key=POSITION.__getitem__))


@cache
def arguments(expr: sympy.Basic) -> tuple[sympy.Symbol, ...]:
    """Return the symbols of `expr` in reading order, which is the order of the arguments below."""
    return in_order(expr.free_symbols)


@cache
def exact(expr: sympy.Basic) -> Callable[..., int | Fraction]:
    """Return `expr` as a function of whole numbers and fractions; no float stands in between.

    >>> from memcalc.formula.symbols import symbol
    >>> exact(symbol("parameters") / 2)(10**17 + 1)
    Fraction(100000000000000001, 2)
    """
    return function(arguments(expr), written(expr))


@cache
def fast(expr: sympy.Basic) -> Callable:
    """Return `expr` as a function of floats or numpy arrays."""
    return function(arguments(expr), written(expr), in_floats=True)


@cache
def function(letters: tuple[sympy.Symbol, ...], source: str, in_floats: bool = False) -> Callable:
    """Return what is `written` as a function of its letters: of exact numbers, or of floats."""
    listed = ", ".join(map(written, letters))
    functions = _of_floats() if in_floats else _EXACT
    return eval(f"lambda {listed}: {source}", dict(functions))  # it has no words but ours


def bound(expr: sympy.Basic, parts: Mapping[sympy.Symbol, str]) -> str:
    """Return `expr` as Python in which some letters stand for what is written of them.

    >>> from memcalc.formula.symbols import symbols
    >>> s, b = symbols("context batch")
    >>> function((b,), bound(s * b, {s: "7"}))(6)
    42
    """
    if not parts:
        return written(expr)
    return f"(lambda {', '.join(map(written, parts))}: {written(expr)})({', '.join(parts.values())})"


@cache
def written(expr: sympy.Basic) -> str:
    """Return `expr` as Python, in which a letter is called by its place in the glossary.

    Raises TypeError for what no term is made of.
    """
    for kinds, write in _WRITTEN.items():
        if isinstance(expr, kinds):
            return write(expr)
    raise TypeError(f"{expr} is {type(expr).__name__}, of which no term is made")


def _joined(sign: str, expr: sympy.Basic) -> str:
    return f"({f' {sign} '.join(map(written, expr.args))})"


def _called(expr: sympy.Basic) -> str:
    return f"{type(expr).__name__}({', '.join(map(written, expr.args))})"


def _divided(expr: sympy.Expr) -> tuple[str, str]:
    """Return what stands above and below the line of a product; "1" below where it has no line."""
    above, below = [], []
    for factor in sympy.Mul.make_args(expr):
        if factor.is_Rational:
            above.append(written(sympy.Integer(factor.p)))
            below += [str(factor.q)] * (factor.q != 1)
        elif factor.is_Pow and factor.exp.is_Integer:
            power = "" if abs(factor.exp) == 1 else f"**{abs(factor.exp)}"
            (below if factor.exp < 0 else above).append(written(factor.base) + power)
        elif factor is expr:
            raise TypeError(f"{expr} is a power that no term has")
        else:
            above.append(written(factor))
    return " * ".join(above) or "1", " * ".join(below) or "1"


def _product(expr: sympy.Expr) -> str:
    above, below = _divided(expr)
    return f"({above})" if below == "1" else f"over({above}, {below})"


def _rounded(expr: sympy.floor | sympy.ceiling) -> str:
    inside = expr.args[0]
    above, below = _divided(sympy.together(inside)) if inside.is_Add else _divided(inside)
    return f"{type(expr).__name__}({above}, {below})"


def _cases(cases: sympy.Piecewise) -> str:
    *others, (last, _) = cases.args  # whose condition is always true
    pairs = [(written(value), written(condition)) for value, condition in reversed(others)]
    return reduce(lambda otherwise, pair: f"where({pair[1]}, {pair[0]}, {otherwise})", pairs, written(last))


_WRITTEN = {
    sympy.Symbol: lambda letter: f"x{POSITION[letter]}",
    sympy.Integer: lambda number: str(number) if number >= 0 else f"({number})",
    (sympy.Mul, sympy.Pow, sympy.Rational): _product,
    sympy.Add: partial(_joined, "+"),
    (sympy.Min, sympy.Max): _called,
    (sympy.floor, sympy.ceiling): _rounded,
    sympy.Mod: partial(_joined, "%"),
    sympy.Piecewise: _cases,
    Relational: lambda expr: _joined(expr.rel_op, expr),
    sympy.And: partial(_joined, "&"),
    sympy.Or: partial(_joined, "|"),
    sympy.Tuple: lambda several: f"({''.join(f'{written(one)}, ' for one in several)})",
}
"""Kind of expression → how it is written."""

_EXACT = {
    "over": Fraction,
    "floor": operator.floordiv,
    "ceiling": lambda above, below: -(-above // below),
    "Min": min,
    "Max": max,
    "where": lambda condition, value, otherwise: value if condition else otherwise,
}
"""What is called, for whole numbers and fractions."""


@cache
def _of_floats() -> dict[str, Callable]:
    import numpy

    return {
        "over": operator.truediv,
        "floor": lambda above, below: numpy.floor(above / below),
        "ceiling": lambda above, below: numpy.ceil(above / below),
        "Min": lambda *several: reduce(numpy.minimum, several),
        "Max": lambda *several: reduce(numpy.maximum, several),
        "where": numpy.where,
    }


def number(symbol: sympy.Symbol, value: object) -> int | Fraction:
    """Return `value` as a Python int or Fraction if the symbol can have it, else raise InputError.

    >>> from memcalc.formula.symbols import symbol
    >>> number(symbol("bytes_per_weight"), sympy.Rational(1, 2))
    Fraction(1, 2)
    """
    if type(value) is int and value > 0:  # nearly always
        return value
    plain = value if type(value) in (int, Fraction) else _plain(value)
    if plain is None or (plain <= 0 and symbol.is_positive) or (plain < 0 and symbol.is_nonnegative):
        least = "positive" if symbol.is_positive else "not negative" if symbol.is_nonnegative else "of either sign"
        raise InputError(f"{symbol} must be a whole number or a fraction, and {least}, not {shown(value)}.")
    return plain.numerator if plain.denominator == 1 else plain


def _plain(value: object) -> int | Fraction | None:
    if isinstance(value, Rational) and not isinstance(value, bool):
        return Fraction(int(value.numerator), int(value.denominator))
    return integer(value)


def rounded_up(expr: sympy.Expr) -> sympy.Expr:
    """Return `expr` rounded up, which SymPy simplifies once it has numbers: to look for some before takes it long."""
    return sympy.ceiling(expr, evaluate=False)


class Max(sympy.Max):
    """The largest of several, which SymPy compares once they are numbers: to compare formulas takes it a second."""

    @classmethod
    def _is_connected(cls, one: sympy.Expr, other: sympy.Expr) -> object:
        if not (one.is_number and other.is_number):
            return one == other
        return cls if one >= other else sympy.Min


class Min(sympy.Min):
    """The smallest of several, compared as late as the largest."""

    @classmethod
    def _is_connected(cls, one: sympy.Expr, other: sympy.Expr) -> object:
        if not (one.is_number and other.is_number):
            return one == other
        return cls if one <= other else sympy.Max
