"""Formulas as people type them: the right ones are read, all else gets a sentence, and nothing is evaluated."""

import string
from contextlib import suppress

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from memcalc import InputError
from memcalc.formula.printing import text
from memcalc.formula.symbols import symbols
from memcalc.lessons.formulas import LETTERS, formula, number

L, h_kv, d_k, d, s, b, B, E = symbols("layers kv_heads head_dim hidden context batch bytes_per_weight experts")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2*L*h_kv*d_k*s*b*B", 2 * L * h_kv * d_k * s * b * B),
        ("2 L h_kv d_k s b B", 2 * L * h_kv * d_k * s * b * B),
        ("M_kv = 2 × L · kv_heads × d_k × s b B", 2 * L * h_kv * d_k * s * b * B),
        ("s(b + 1)", s * b + s),
        ("[b + 1] s", s * b + s),
        ("d^2 − d²", 0 * d),
        ("-d**2", -(d**2)),
        ("(-d)**2", d**2),
        ("d ** -1", 1 / d),
        ("1 / 2 d", d / 2),
        ("d / 2 / s", d / (2 * s)),
        ("0.5 d", d / 2),
        ("1,024 * 2,097,152", sympy.Integer(2**31)),
        ("2E", 2 * E),
        ("- - d", d),
    ],
)
def test_it_is_read_as_it_is_meant(typed, meant):
    assert sympy.expand(formula(typed) - meant) == 0


PARTS = st.sampled_from([L, h_kv, d_k, d, s, b, B, E]) | st.integers(1, 99).map(sympy.Integer)
EXPRESSIONS = st.recursive(
    PARTS,
    lambda parts: (
        st.builds(sympy.Add, parts, parts)
        | st.builds(sympy.Mul, parts, parts)
        | st.builds(sympy.Pow, parts, st.integers(1, 3))
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
def test_what_memcalc_prints_can_be_typed(expr):
    assert sympy.expand(formula(text(expr)) - expr) == 0
    assert sympy.expand(formula(str(expr)) - expr) == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "a text of 1 to 300 characters"),
        ("d" * 301, "a text of 1 to 300 characters"),
        (None, "a text of 1 to 300 characters"),
        ("d +", "ends where a number or a letter should stand"),
        ("(d", "a bracket that is not closed"),
        ("d)", r"'\)' where a number or a letter"),
        ("* d", r"'\*' where a number or a letter"),
        ("2 3", "'3' where a number"),
        ("Lhd", "letters of the glossary, such as h_kv, d_k and s, not 'Lhd'"),
        ("24,62 d", "not ',62 d'"),
        ("d // 2", "'/' where"),
        ("d / (s - s)", "divides by zero"),
        ("0 ^ -1", "divides by zero"),
        ("d ^ s", "whole numbers up to 64"),
        ("d ^ 65", "whole numbers up to 64"),
        ("d ^ 0.5", "whole numbers up to 64"),
        ("2 ^ 2 ^ 2", "whole numbers up to 64"),
        ("9 " * 40, "'9' where"),
        ("9" * 31, "more than 30 digits"),
        ("(9^64)^64", "a number too large to be meant"),
        ("((d * 9^9)^64)^64", "a number too large to be meant"),
        ("(" * 21 + "d" + ")" * 21, "more than 20 brackets"),
        ("s == d", "not '=d'|not '== d'"),
        ("s = d = b", "not '= b'"),
        ("__import__('os')", "numbers, letters"),
        ("d.__class__", "numbers, letters"),
        ("lambda: d", "numbers, letters"),
        ("d if s else b", "letters of the glossary"),
        ("exec", "letters of the glossary"),
        ("𝟗d", "numbers, letters"),
    ],
)
def test_all_else_gets_one_sentence(typed, said):
    with pytest.raises(InputError, match=said) as refused:
        formula(typed)
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)


@given(st.text(alphabet=string.printable + "×²−éß𝟗٣", max_size=60) | st.text(max_size=40))
def test_no_text_does_anything_but_be_read_or_refused(typed):
    with suppress(InputError):
        assert formula(typed).free_symbols <= set(LETTERS.values())


@given(st.text(alphabet="d9()^*/-+ ", max_size=300))
def test_hostile_arithmetic_ends_at_once(typed):
    with suppress(InputError):
        formula(typed)


def test_a_product_of_numbers_is_worked_out_exactly():
    assert number("64*8*128*32768*(2+2) / 2**30") == 8
    assert number("1/3 + 1/6") == sympy.Rational(1, 2)
    with pytest.raises(InputError, match="put numbers in place of the letters, such as L"):
        number("2 * L * s")
