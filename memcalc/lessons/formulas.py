"""Formulas as people type them: numbers and letters of the glossary, read by a parser; no text is ever evaluated."""

import re
from collections.abc import Callable, Iterator

import sympy

from memcalc.errors import InputError, must, shown
from memcalc.formula.symbols import BY_NAME, GLOSSARY
from memcalc.texts import later, tr

LETTERS = {symbol.name: symbol for symbol in GLOSSARY}
"""Letter, as it is written in a line of text → symbol."""

_LONGEST, _DEEPEST, _DIGITS, _HIGHEST, _BITS = 300, 20, 30, 64, 1024
"""Most characters, brackets in brackets, digits of a number, highest exponent, and bits of what is worked out."""

_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?"
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|([A-Za-z]\w*)|(\*\*|[-+*/^()]))")
_WRITTEN = str.maketrans({"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "²": "^2", "³": "^3", "[": "(", "]": ")"})


def formula(text: str) -> sympy.Expr:
    """Return the expression that a text spells, such as "2*L*h_kv*d_k*s*b*B".

    It may have numbers, letters or names of the glossary, + - * / and brackets, whole exponents after ^ or **, and a
    name with an equals sign before it; the sign between factors can be left out. Raises InputError for anything else.

    >>> formula("2 L h_kv d_k s b B") == formula("M_kv = 2 × L × kv_heads × d_k × s × b × B")
    True
    >>> formula("L * __import__('os')")
    Traceback (most recent call last):
    memcalc.errors.InputError: formula must be of numbers, letters, + - * / ^ and brackets, not "__import__('os')".
    """
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
        raise must("formula", tr("a text of 1 to {most} characters", most=_LONGEST), shown(text))
    return _Reader(re.sub(r"^\s*\w*\s*=(?!=)", "", text)).whole()


def number(text: str) -> sympy.Rational:
    """Return the value of a text of numbers alone, such as "2 * 64 * 8 * 128 / 2**20"; raise InputError for another.

    >>> number("64*8*128*32768*(2+2) / 2**30")
    8
    """
    value = formula(text)
    if not value.is_Rational:
        letter = min(map(str, value.free_symbols))
        said = later("the answer is a number: put numbers in place of the letters, such as {letter}.")
        raise InputError(tr(said, letter=letter))
    return value


class _Reader:
    """Reads a text from left to right: sums of products of powers."""

    def __init__(self, text: str):
        self._tokens, self._place, self._depth = list(_tokens(text)), 0, 0

    def whole(self) -> sympy.Expr:
        value = self._sum()
        if self._next:
            raise _stray(self._next)
        return value

    @property
    def _next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self, *signs: str) -> str:
        """Return the next token and go on, if it is one of these."""
        found = self._next
        self._place += (taken := found in signs and found != "")
        return found if taken else ""

    def _sum(self) -> sympy.Expr:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InputError(tr("formula has more than {most} brackets in brackets.", most=_DEEPEST))
        value = self._product()
        while sign := self._take("+", "-"):
            value = _small(value + self._product() if sign == "+" else value - self._product())
        self._depth -= 1
        return value

    def _product(self) -> sympy.Expr:
        value = self._signed(self._power)
        while True:
            if sign := self._take("*", "/"):
                value = _times(value, self._signed(self._power), sign)
            elif self._next == "(" or self._next[:1].isalpha():  # without a sign between them
                value = _times(value, self._power(), "*")
            else:
                return value

    def _signed(self, read: Callable[[], sympy.Expr]) -> sympy.Expr:
        minus = False
        while sign := self._take("+", "-"):
            minus ^= sign == "-"
        return -read() if minus else read()

    def _power(self) -> sympy.Expr:
        value = self._atom()
        if not self._take("^", "**"):
            return value
        exponent = self._signed(self._atom)
        if self._next in ("^", "**") or not (exponent.is_Integer and abs(exponent) <= _HIGHEST):
            raise InputError(tr("formula must have whole numbers up to {most} as exponents.", most=_HIGHEST))
        if exponent < 0:
            return _times(sympy.Integer(1), value**-exponent, "/")
        return _small(value**exponent)

    def _atom(self) -> sympy.Expr:
        token = self._next
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise InputError(tr("formula has a bracket that is not closed."))
            return value
        if not token or not (token[0].isalpha() or token[0].isdigit()):
            raise _stray(token)
        self._place += 1
        return _letter(token) if token[0].isalpha() else sympy.Rational(token.replace(",", ""))


def _tokens(text: str) -> Iterator[str]:
    text, place = text.translate(_WRITTEN).rstrip(), 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            raise must("formula", tr("of numbers, letters, + - * / ^ and brackets"), shown(text[place:].strip(), 30))
        if len(match[1] or "") > _DIGITS:
            raise InputError(tr("formula has a number of more than {most} digits.", most=_DIGITS))
        yield match[0].strip()
        place = match.end()


def _letter(name: str) -> sympy.Symbol:
    if name in LETTERS:
        return LETTERS[name]
    if name in BY_NAME:
        return BY_NAME[name].symbol
    raise must("formula", tr("of letters of the glossary, such as h_kv, d_k and s"), shown(name, 30))


def _stray(token: str) -> InputError:
    said = later("formula has {given} where a number or a letter should stand.") if token else _CUT_OFF
    return InputError(tr(said, given=shown(token)))


_CUT_OFF = later("formula ends where a number or a letter should stand.")


def _times(value: sympy.Expr, factor: sympy.Expr, sign: str) -> sympy.Expr:
    if sign == "/" and factor == 0:
        raise InputError(tr("formula divides by zero."))
    return _small(value * factor if sign == "*" else value / factor)


def _small(value: sympy.Expr) -> sympy.Expr:
    """Return an expression whose numbers are of a size that people write."""
    if any(max(abs(one.p), one.q).bit_length() > _BITS for one in value.atoms(sympy.Rational)):
        raise InputError(tr("formula has a number too large to be meant."))
    return value
