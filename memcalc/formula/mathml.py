"""Formulas as MathML, which a browser sets by itself: reading order, products visible, word subscripts upright.

Under each letter stands a place for its number, which a page fills and changes without setting the formula anew.
"""

from functools import cache
from typing import ClassVar
from xml.dom.minidom import Element

import sympy
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.precedence import PRECEDENCE, precedence_traditional

from memcalc.formula.printing import in_order


@cache
def mathml(expr: sympy.Expr, numbers: bool = False) -> str:
    """Return `expr` in reading order as the inside of a `<math>` element.

    Parameters
    ----------
    numbers : whether each letter has a place for its number below it

    >>> from memcalc.formula.symbols import symbol
    >>> mathml(symbol("parameters") * symbol("layers"))
    '<mrow><mi>P</mi><mo>&#215;</mo><mi>L</mi></mrow>'
    >>> mathml(symbol("kv_heads"))
    '<msub><mi>h</mi><mtext>kv</mtext></msub>'
    >>> mathml(symbol("context"), numbers=True)
    '<munder data-letter="s"><mpadded depth="0.4em"><mi>s</mi></mpadded><mtext/></munder>'
    """
    printed = _Presentation({"order": "none", "numbers": numbers}).doprint(in_order(expr))
    return printed.replace("<mo>-</mo>", "<mo>&#8722;</mo>")  # a minus, not a hyphen


class _Presentation(MathMLPresentationPrinter):
    """SymPy's own printer, but for the order of factors, the sign between them, and subscripts that are words."""

    _default_settings: ClassVar = MathMLPresentationPrinter._default_settings | {"numbers": False}

    def _node(self, tag: str, *children: Element | str, **attributes: str) -> Element:
        node = self.dom.createElement(tag)
        for child in children:
            node.appendChild(self.dom.createTextNode(child) if isinstance(child, str) else child)
        for name, value in attributes.items():
            node.setAttribute(f"data-{name}", value)
        return node

    def _print_Symbol(self, symbol: sympy.Symbol, style: str = "plain") -> Element:
        name, _, below = symbol.name.partition("_")
        letter = super()._print_Symbol(sympy.Symbol(name), style)
        if below:
            letter = self._node("msub", letter, self._node("mi" if len(below) == 1 else "mtext", below))
        if not self._settings["numbers"]:
            return letter
        deep = self._node("mpadded", letter)
        deep.setAttribute("depth", "0.4em")  # as deep as one with a subscript, so that all numbers stand in a row
        return self._node("munder", deep, self._node("mtext"), letter=symbol.name)

    def _print_Mul(self, product: sympy.Mul) -> Element:
        below = [factor for factor in product.args if factor.is_Pow and factor.exp.is_negative]
        parts = [factor for factor in product.args if factor.is_Rational and not factor.is_Integer]
        above = [factor for factor in product.args if factor not in (*below, *parts)]
        above = [sympy.Integer(part.p) for part in parts if part.p != 1] + above
        if product.args[0] == -1:
            return self._node("mrow", self._node("mo", "−"), self._product(above[1:]))
        if not below and not parts:
            return self._product(above)
        inverse = [sympy.Integer(part.q) for part in parts]
        inverse += [factor.base if factor.exp == -1 else factor.base**-factor.exp for factor in below]
        return self._node("mfrac", self._product(above), self._product(inverse))

    def _product(self, factors: list[sympy.Expr]) -> Element:
        if len(factors) < 2:
            return self._print(factors[0] if factors else sympy.S.One)
        row = self._node("mrow")
        for place, factor in enumerate(factors):
            if place:
                row.appendChild(self._node("mo", "×"))
            row.appendChild(self.parenthesize(factor, PRECEDENCE["Mul"], strict=True))
        return row

    def parenthesize(self, item: sympy.Expr, level: float, strict: bool = False) -> Element:
        """Put brackets around what needs them; they stay low, for below the letters stand numbers."""
        inner = self._print(item)
        binds = precedence_traditional(item)
        if binds < level or (not strict and binds <= level):
            return self._node("mrow", self._bracket("("), inner, self._bracket(")"))
        return inner

    def _bracket(self, sign: str) -> Element:
        bracket = self._node("mo", sign)
        bracket.setAttribute("stretchy", "false")
        return bracket

    def _print_ceiling(self, rounded: sympy.ceiling) -> Element:
        return self._node("mrow", self._bracket("⌈"), self._print(rounded.args[0]), self._bracket("⌉"))

    def _print_Min(self, several: sympy.Min | sympy.Max) -> Element:
        row = self._node("mrow", self._node("mi", several.func.__name__.lower()), self._bracket("("))
        for place, argument in enumerate(several.args):
            if place:
                row.appendChild(self._node("mo", ","))
            row.appendChild(self._print(argument))
        row.appendChild(self._bracket(")"))
        return row

    _print_Max = _print_Min

    def _print_Piecewise(self, cases: sympy.Piecewise) -> Element:
        row = self._node("mrow", self._bracket("("))
        for value, condition in cases.args[:-1]:
            said = (
                self._print(value),
                self._node("mtext", " if "),
                self._print(condition),
                self._node("mtext", ", else "),
            )
            for node in said:
                row.appendChild(node)
        row.appendChild(self._print(cases.args[-1].expr))
        row.appendChild(self._bracket(")"))
        return row
