"""What is derived from a term: equation, LaTeX, text, exact and fast value."""

import numpy
import pytest
import sympy
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from cases import EVERY_TERM
from memcalc import Inference, Model, values
from memcalc.errors import InputError
from memcalc.formula import TERMS
from memcalc.formula.printing import in_order
from memcalc.formula.symbols import symbol

TERMS_BY_NAME = {f"{term.name} {number}": term for number, term in enumerate(EVERY_TERM)}
FEW = st.integers(0, 10**4)


@pytest.mark.parametrize("term", TERMS_BY_NAME.values(), ids=TERMS_BY_NAME)
@settings(max_examples=20)
@given(data=st.data())
def test_exact_equals_substitution_and_fast_agrees(term, data):
    symbols = sorted(term.expanded().free_symbols, key=str)
    numbers = data.draw(st.lists(FEW, min_size=len(symbols), max_size=len(symbols)))
    values = {letter: n + (letter.is_positive is not None) for letter, n in zip(symbols, numbers, strict=True)}
    try:
        exact = term.value(values)
    except InputError:  # it divides by a count of zero
        reject()
    substituted = term.expanded().xreplace({letter: sympy.Integer(value) for letter, value in values.items()})
    assert exact == substituted
    assert float(term.fast(values)) == pytest.approx(float(substituted), rel=1e-9)


@pytest.mark.parametrize("model", ["LLaMA-7B", "GPT-2", "Llama-3.1-8B"])
def test_what_drops_out_changes_no_value(model):
    known = values(Model.named(model), Inference())
    for name in ("parameters", "kv_cache", "token", "crossing", "inference"):
        simple = TERMS[name].simplified(known)
        assert simple.exact(known) == TERMS[name].exact(known)
        assert simple.expanded().free_symbols <= TERMS[name].expanded().free_symbols


@pytest.mark.parametrize("term", TERMS.values(), ids=lambda term: term.name)
def test_reading_order_changes_nothing(term):
    assert sympy.expand(in_order(term.expr).doit() - term.expr) == 0


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("weights", r"M_{w} = P \times B"),
        ("inference", r"M = M_{w} + M_{\mathrm{kv}}"),
        ("norms", r"P_{\mathrm{norm}} = n_{\mathrm{vec}} \times n_{\mathrm{norm}} \times d"),
    ],
)  # fmt: skip
def test_latex_in_reading_order(name, latex):
    assert TERMS[name].latex() == latex
    assert TERMS[name]._repr_latex_() == f"$\\displaystyle {latex}$"


def test_a_model_sees_only_its_own_formula():
    known = values(Model.named("LLaMA-7B"), Inference())
    cache = TERMS["kv_cache"].simplified(known)
    token = r"h_{\mathrm{kv}} \times d_{k}"
    bytes_ = r"b \times \left(B_{k} + B_{v}\right)"
    assert cache.latex() == rf"M_{{\mathrm{{kv}}}} = L_{{\mathrm{{full}}}} \times {token} \times s \times {bytes_}"
    numbers = r"32 \times 32 \times 128 \times 32{,}768 \times 1 \times \left(2 + 2\right)"
    assert cache.latex(known) == rf"M_{{\mathrm{{kv}}}} = {numbers}"
    assert TERMS["crossing"].simplified(known).latex() == (
        rf"s_{{x}} = \frac{{M_{{w}}}}{{L_{{\mathrm{{full}}}} \times {token} \times {bytes_}}}"
    )


def test_symbols_in_reading_order():
    assert [str(symbol) for symbol in TERMS["weights"].symbols] == ["P", "B"]


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
    known = values(Model.named("LLaMA-7B"), Inference()) | {symbol("full_layers"): 10**6}
    contexts = numpy.array([1, 10**9])
    one = 10**6 * 32 * 128 * 4.0
    assert TERMS["kv_cache"].fast(known | {symbol("context"): contexts}) == pytest.approx([one, 1e9 * one])


@pytest.mark.parametrize("term", TERMS.values(), ids=lambda term: term.name)
def test_a_term_says_what_it_means_and_when_it_holds(term):
    assert term.meaning.endswith(".")
    assert term.holds
    assert term.source
