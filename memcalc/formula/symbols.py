"""Every symbol of the formula, once: letter, meaning, unit, default and range, its name elsewhere, how it is shown.

They stand in data/glossary.csv, in reading order: products and tables are written in it. Letters are the article's.
"""

import sympy

from memcalc.errors import choice
from memcalc.formula.glossary import BY_NAME, ENTRIES, SUMMANDS, Entry

__all__ = ["BY_NAME", "GLOSSARY", "POSITION", "SUMMANDS", "Entry", "symbol", "symbols"]

GLOSSARY = {entry.symbol: entry for entry in ENTRIES}
"""Symbol → its entry, in reading order."""

POSITION = {symbol: position for position, symbol in enumerate(GLOSSARY)}
"""Symbol → its place in the reading order."""


def symbol(name: str) -> sympy.Symbol:
    """Return the symbol that the glossary lists under `name`; an unknown name raises InputError with the nearest ones.

    >>> symbol("context")
    s
    """
    return BY_NAME[name if name in BY_NAME else choice("symbol", name, BY_NAME)].symbol


def symbols(names: str) -> tuple[sympy.Symbol, ...]:
    """Return the symbols of several names.

    >>> symbols("context batch")
    (s, b)
    """
    return tuple(map(symbol, names.split()))
