"""MathML: in reading order, products visible, words upright, a place for a number below each letter."""

from xml.dom import minidom

import pytest
import sympy

from cases import EVERY_TERM
from memcalc import TERMS
from memcalc.formula.mathml import mathml
from memcalc.formula.symbols import GLOSSARY, symbol

KNOWN = {"mrow", "mi", "mo", "mn", "mtext", "msub", "msup", "mfrac", "munder", "mpadded", "math", "msqrt"}


def read(expr, **options):
    return minidom.parseString(f"<math>{mathml(expr, **options)}</math>")


def letters(dom):
    return [node.getAttribute("data-letter") for node in dom.getElementsByTagName("munder")]


@pytest.mark.parametrize("term", EVERY_TERM, ids=lambda term: term.name)
def test_every_term_is_mathml_with_a_place_for_each_number(term):
    dom = read(term.expr, numbers=True)
    assert {node.tagName for node in dom.getElementsByTagName("*")} <= KNOWN
    assert set(letters(dom)) == {str(letter) for letter in term.expr.free_symbols}
    for node in dom.getElementsByTagName("munder"):
        assert len(node.childNodes) == 2
        assert node.lastChild.tagName == "mtext"


def test_factors_stand_in_reading_order_with_a_sign_between_them():
    dom = read(symbol("batch") * symbol("context") * symbol("head_dim"), numbers=True)
    assert letters(dom) == ["d_k", "s", "b"]
    assert mathml(symbol("context") * symbol("batch") * 2).count("&#215;") == 2


def test_a_subscript_that_is_a_word_is_upright_and_a_letter_is_not():
    assert mathml(symbol("kv_heads")) == "<msub><mi>h</mi><mtext>kv</mtext></msub>"
    assert mathml(symbol("head_dim")) == "<msub><mi>d</mi><mi>k</mi></msub>"
    assert mathml(symbol("bandwidth")) == "<mi>&#946;</mi>"


def test_greek_letters_are_letters():
    greek = next(letter for letter in GLOSSARY if str(letter).startswith("beta"))
    assert "β" in mathml(greek) or "&#946;" in mathml(greek)


def test_brackets_fractions_and_rounding():
    keys, values = symbol("bytes_per_key"), symbol("bytes_per_value")
    assert mathml(symbol("batch") * (keys + values)).count('<mo stretchy="false">') == 2
    assert mathml(symbol("parameters") / symbol("tensor_parallel")).startswith("<mfrac>")
    rounded = mathml(sympy.ceiling(symbol("context") / 32))
    assert "&#8968;" in rounded
    assert "&#8969;" in rounded
    assert mathml(-symbol("context")).startswith("<mrow><mo>&#8722;</mo>")


def test_the_most_and_the_least_are_written_as_functions():
    printed = mathml(sympy.Min(symbol("context"), symbol("window")))
    assert "<mi>min</mi>" in printed
    assert printed.count("<mo>,</mo>") == 1


def test_a_case_by_case_value_is_set_as_cases():
    printed = mathml(TERMS["token"].expr)
    assert "piecewise" not in printed
