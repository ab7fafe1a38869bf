"""From an expression to numbers: exactly, in whole numbers and fractions, or fast, in floats and arrays of them."""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from numbers import Rational

import sympy
from sympy.printing.numpy import NumPyPrinter
from sympy.printing.pycode import PythonCodePrinter

from memcalc.errors import InputError, integer, shown
from memcalc.formula.symbols import POSITION


@cache
def arguments(expr: sympy.Expr) -> tuple[sympy.Symbol, ...]:
    """Return the symbols of `expr` in reading order, which is the order of the arguments below."""
    return tuple(sorted(expr.free_symbols, key=POSITION.__getitem__))


@cache
def exact(expr: sympy.Expr) -> Callable[..., int | Fraction]:
    """Return `expr` as a function of whole numbers and fractions; no float stands in between.

    >>> from memcalc.formula.symbols import symbol
    >>> exact(symbol("parameters") / 2)(10**17 + 1)
    Fraction(100000000000000001, 2)
    """
    # without a docstring, for which SymPy prints the expression again, and slower
    return sympy.lambdify(arguments(expr), expr, {"Fraction": Fraction}, _FRACTIONS, docstring_limit=0)


@cache
def fast(expr: sympy.Expr) -> Callable:
    """Return `expr` as a function of floats or numpy arrays."""
    return sympy.lambdify(arguments(expr), expr, "numpy", _ARRAYS, docstring_limit=0)


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


class _Brackets(PythonCodePrinter):
    """Keeps a remainder in brackets, which SymPy 1.14 forgets: a × (s mod R) would become (a × s) mod R."""

    def _print_Mod(self, remainder: sympy.Mod) -> str:
        return f"({super()._print_Mod(remainder)})"


class _Arrays(_Brackets, NumPyPrinter):
    """Prints for numpy."""


class _Fractions(_Brackets):
    """Prints quotients as fractions, where Python's own division would give a float."""

    def _print_Mul(self, product: sympy.Mul) -> str:
        above, below = sympy.fraction(product)
        if below == 1:
            return super()._print_Mul(product)
        return f"(Fraction({self._print(above)}) / ({self._print(below)}))"

    def _print_Pow(self, power: sympy.Pow, **settings) -> str:
        return self._print_Mul(power) if sympy.fraction(power)[1] != 1 else super()._print_Pow(power, **settings)

    def _print_Rational(self, rational: sympy.Rational) -> str:
        return f"Fraction({rational.p}, {rational.q})"

    def _rounded(self, rounded: sympy.floor | sympy.ceiling) -> str:
        above, below = map(self._print, sympy.fraction(sympy.together(rounded.args[0])))
        sign = "-" if isinstance(rounded, sympy.ceiling) else ""
        return f"({sign}({sign}({above}) // ({below})))"

    _print_floor = _print_ceiling = _rounded


_SETTINGS = {"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True, "order": "none"}
_FRACTIONS, _ARRAYS = _Fractions(_SETTINGS), _Arrays(_SETTINGS)
