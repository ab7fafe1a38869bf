"""Formulas as a reader expects them: factors and summands in the glossary's order, numbers first."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import sympy
from sympy.printing.str import StrPrinter

from memcalc.formula.symbols import POSITION


def latex(
    expr: sympy.Expr,
    values: Mapping[sympy.Symbol, object] | None = None,
    write: Callable[[sympy.Symbol], str] | None = None,
) -> str:
    r"""Return the LaTeX of `expr` in reading order, with numbers in the places of symbols that have `values`.

    Products are visible, and subscripts that are words stand upright. `write` gives the LaTeX of a letter, if that is
    not the one of `letter`.

    >>> from memcalc.formula.symbols import symbol
    >>> print(latex(2 * symbol("hidden") * symbol("head_dim") * symbol("kv_heads")))
    2 \times d \times h_{\mathrm{kv}} \times d_{k}
    """
    names = {symbol: (write or letter)(symbol) for symbol in expr.free_symbols}
    for symbol in expr.free_symbols & (values or {}).keys():
        names[symbol] = number(values[symbol]).replace(",", "{,}")
    return sympy.latex(in_order(expr), order="none", symbol_names=names, mul_symbol="times")


def letter(symbol: sympy.Symbol) -> str:
    r"""Return the LaTeX of a letter.

    >>> from memcalc.formula.symbols import symbol
    >>> print(letter(symbol("qkv_bias")), letter(symbol("head_dim")))
    \beta_{\mathrm{qkv}} d_{k}
    """
    name, _, below = symbol.name.partition("_")
    name = sympy.latex(sympy.Symbol(name))
    if not below:
        return name
    return f"{name}_{{{below}}}" if len(below) == 1 else f"{name}_{{\\mathrm{{{below}}}}}"


_LIGHT = 0.18
"""Luminance of a colour that can be read on white and on black: the contrast with either is about 4 to 1."""


def tinted(written: str, colour: str) -> str:
    r"""Return LaTeX in a colour, which becomes as light or as dark as can be read on white and on black.

    >>> print(tinted("M_{w}", "#0072B2"))
    \textcolor{#007BC0}{M_{w}}
    """
    linear = [_linear(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5)]
    luminance = sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    parts = (round(255 * _written(min(1, part * _LIGHT / luminance))) for part in linear)
    return rf"\textcolor{{#{''.join(f'{part:02X}' for part in parts)}}}{{{written}}}"


def _linear(part: float) -> float:
    """Return how much light a part of a colour in sRGB is, and `_written` the other way round."""
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _written(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def text(expr: sympy.Expr, values: Mapping[sympy.Symbol, object] | None = None) -> str:
    """Return `expr` in reading order as plain text, with numbers in the places of symbols that have `values`.

    >>> from memcalc.formula.symbols import symbol
    >>> text(symbol("batch") * symbol("heads") * 2), text(symbol("heads") * 2, {symbol("heads"): 32})
    ('2 × h × b', '2 × 32')
    """
    printed = _Text({"order": "none", "values": values or {}}).doprint(in_order(expr))
    return printed.replace("**", "^").replace("*", " × ")


class _Text(StrPrinter):
    _default_settings: ClassVar = StrPrinter._default_settings | {"values": {}}

    def _print_Symbol(self, symbol: sympy.Symbol) -> str:
        values = self._settings["values"]
        return number(values[symbol]) if symbol in values else symbol.name

    def _print_ceiling(self, rounded: sympy.ceiling) -> str:
        return f"⌈{self._print(rounded.args[0])}⌉"

    def _print_floor(self, rounded: sympy.floor) -> str:
        return f"⌊{self._print(rounded.args[0])}⌋"

    def _print_Min(self, several: sympy.Min | sympy.Max) -> str:
        listed = map(self._print, sorted(several.args, key=_place_of(several)))
        return f"{several.func.__name__.lower()}({', '.join(listed)})"

    _print_Max = _print_Min

    def _print_Piecewise(self, cases: sympy.Piecewise) -> str:
        *cases, (otherwise, _) = cases.args
        said = [f"{self._print(value)} if {self._print(condition)}" for value, condition in cases]
        return f"({', '.join([*said, f'else {self._print(otherwise)}'])})"


def number(value: object) -> str:
    """Return a number as a reader writes it.

    >>> from fractions import Fraction
    >>> number(32768), number(Fraction(1, 2))
    ('32,768', '0.5')
    """
    return f"{value:,}" if isinstance(value, int) else f"{float(value):,g}"


def in_order(expr: sympy.Basic) -> sympy.Basic:
    """Return `expr` rebuilt in reading order and not evaluated; `.doit()` gives the original back."""
    if not expr.args:
        return expr
    args = [in_order(argument) for argument in expr.args]
    if isinstance(expr, (sympy.Add, sympy.Mul)):
        return expr.func(*sorted(args, key=_place_of(expr)), evaluate=False)
    return expr.func(*args, evaluate=False) if isinstance(expr, sympy.Pow) else expr.func(*args)


def _place_of(whole: sympy.Expr):
    def place(argument):
        positions = sorted(POSITION[symbol] for symbol in argument.free_symbols)
        if isinstance(whole, sympy.Add):  # summands: by their symbols, a bare number last
            return (not positions, positions)
        return (isinstance(argument, sympy.Add), bool(positions), positions)  # factors: numbers first, brackets last

    return place
