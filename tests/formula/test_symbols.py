"""The glossary: every symbol once, and nothing outside it."""

import sympy

from cases import EVERY_TERM
from memcalc.formula.symbols import BY_NAME, GLOSSARY


def test_letters_and_names_are_unique():
    assert len({symbol.name for symbol in GLOSSARY}) == len(GLOSSARY) == len(BY_NAME)


def test_every_symbol_of_a_term_is_in_the_glossary():
    for term in EVERY_TERM:
        assert {term.symbol, *term.expr.free_symbols} <= GLOSSARY.keys()


def test_every_derived_symbol_has_a_term_and_every_other_a_range():
    left_sides = {term.symbol for term in EVERY_TERM}
    assert left_sides == {entry.symbol for entry in GLOSSARY.values() if entry.derived}
    for entry in GLOSSARY.values():
        assert entry.derived or entry.least <= entry.low <= entry.default <= entry.high <= entry.limit


def test_logarithmic_sliders_start_on_their_grid():
    for entry in GLOSSARY.values():
        if entry.scale == "log2":
            assert entry.low == 2 ** (entry.low.bit_length() - 1)
            assert entry.high == 2 ** (entry.high.bit_length() - 1)


def test_a_symbol_without_the_assumptions_is_another():
    assert sympy.Symbol("s") not in GLOSSARY
