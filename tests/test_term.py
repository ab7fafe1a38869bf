"""What is derived from a term: equation, LaTeX, text, exact and fast value."""

import numpy
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from memcalc.errors import InputError
from memcalc.formula import TERMS
from memcalc.formula.reading import in_order
from memcalc.symbols import GLOSSARY, symbol

NUMBERS = {
    entry.symbol: st.integers(entry.least, min(entry.limit, 10**6)) for entry in GLOSSARY.values() if not entry.derived
}
VALUES = st.fixed_dictionaries(NUMBERS)


@given(VALUES)
def test_exact_equals_substitution_and_fast_agrees(values):
    for term in TERMS.values():
        substituted = sympy.ceiling(term.expanded().subs(values))
        assert term.exact(values) == substituted
        assert float(term.fast(values)) == pytest.approx(float(term.expanded().subs(values)), rel=1e-12)


@pytest.mark.parametrize("term", TERMS.values(), ids=str)
def test_reading_order_changes_nothing(term):
    assert sympy.expand(in_order(term.expr).doit() - term.expr) == 0


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("weights", "M_{w} = P B"),
        ("kv_cache", "M_{kv} = 2 L h_{kv} d_{k} s b B_{kv}"),
        ("attention", r"P_{attn} = d d_{k} \left(h + 2 h_{kv}\right) + d h d_{k} + d \beta_{o} + d_{k} \beta_{qkv} "
         r"\left(h + 2 h_{kv}\right)"),
        ("crossing", r"s_{x} = \frac{M_{w}}{2 L h_{kv} d_{k} b B_{kv}}"),
    ],
)  # fmt: skip
def test_latex_in_reading_order(name, latex):
    assert TERMS[name].latex() == latex
    assert TERMS[name]._repr_latex_() == f"$\\displaystyle {latex}$"


def test_substituted_form():
    values = {symbol(name): number for name, number in [("layers", 32), ("kv_heads", 8), ("head_dim", 128)]}
    assert (
        TERMS["kv_cache"].latex(values) == r"M_{kv} = 2 \times 32 \times 8 \times 128 \times s \times b \times B_{kv}"
    )


def test_equation_and_symbols():
    weights = TERMS["weights"]
    assert weights.equation == sympy.Eq(weights.symbol, weights.expr)
    assert [str(symbol) for symbol in weights.symbols] == ["P", "B"]


def test_a_given_part_is_not_written_out():
    given = {symbol("parameters"): 7 * 10**9, symbol("bytes_per_weight"): 2}
    assert TERMS["weights"].exact(given) == 14 * 10**9


def test_half_a_byte_takes_a_whole_one():
    half = {symbol("parameters"): 3, symbol("bytes_per_weight"): sympy.Rational(1, 2)}
    assert TERMS["weights"].exact(half) == 2


def test_missing_and_unknown_symbols_are_refused():
    with pytest.raises(InputError, match=r"weights needs B \(bytes per weight\), which has no value"):
        TERMS["weights"].exact({symbol("parameters"): 1})
    with pytest.raises(InputError, match="s is not in the glossary"):
        TERMS["weights"].exact({symbol("parameters"): 1, symbol("bytes_per_weight"): 1, sympy.Symbol("s"): 3})


def test_fast_takes_arrays_and_does_not_overflow():
    values = {symbol(name): 10**6 for name in ("layers", "kv_heads", "head_dim", "batch", "bytes_per_element")}
    contexts = numpy.array([1, 10**9])
    assert TERMS["kv_cache"].fast(values | {symbol("context"): contexts}) == pytest.approx([2e30, 2e39])


@pytest.mark.parametrize("term", TERMS.values(), ids=lambda term: term.name)
def test_a_term_says_what_it_means_and_when_it_holds(term):
    assert term.meaning.endswith(".")
    assert term.holds
    assert term.source
