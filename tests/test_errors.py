"""Bad input in one short sentence, whatever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc.errors import InputError, choice, shown, whole

ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers())


@given(ANYTHING)
def test_a_whole_number_or_a_sentence(value):
    try:
        number = whole("field", value, -5, 5)
    except InputError as problem:
        assert str(problem) == f"field must be a whole number from -5 to 5, not {shown(value)}."  # noqa: PT017
    else:
        assert number == value
        assert -5 <= number <= 5


@pytest.mark.parametrize("value", ["x" * 5000, 10**5000, [[]] * 5000], ids=["text", "number", "list"])
def test_a_value_of_any_length_is_shown_short(value):
    assert len(shown(value)) <= 61


def test_choice_ignores_case_spaces_and_dashes_but_not_points():
    options = ["Llama-3-8B", "Llama-3.1-8B"]
    assert choice("model", "llama 3.1 8b", options) == "Llama-3.1-8B"
    with pytest.raises(InputError, match=r"the nearest is Llama-3-8B or Llama-3.1-8B|the nearest is Llama-3.1-8B or"):
        choice("model", "llama 31 8b", options)


def test_an_alias_gives_its_option_and_is_not_listed():
    assert choice("model", "gpt-3", ["GPT-3-175B"], {"GPT-3": "GPT-3-175B"}) == "GPT-3-175B"
    with pytest.raises(InputError, match=r"Known: GPT-3-175B\.$"):
        choice("model", "x", ["GPT-3-175B"], {"GPT-3": "GPT-3-175B"})


def test_signs_alone_spell_no_option():
    with pytest.raises(InputError, match=r"^kind '!' is not known"):
        choice("kind", "!", ["-", "*"])
    assert choice("kind", "-", ["-", "*"]) == "-"
