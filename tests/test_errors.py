"""Bad input in one short sentence, whatever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import catalogue
from memcalc.errors import InputError, choice, nearest, shown, whole

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


@pytest.mark.parametrize(
    ("table", "typed", "first"),
    [
        *(("models", "lama3", "Llama-3-8B"), ("models", "mixtral", "Mixtral-8x7B"), ("models", "gemma3", "Gemma-3-1B")),
        *(("models", "llama3.1:8b-instruct-q4_K_M", "Llama-3.1-8B"), ("models", "qwen3-32b-q4_k_m", "Qwen3-32B")),
        *(
            ("gpus", "RTX 5000 Ada Laptop GPU", "RTX 5000 Ada"),
            ("gpus", "RTX 4099", "RTX 4090"),
            ("gpus", "titan r", "TITAN RTX"),
        ),
        *(("gpus", "macbook m3", "M3 Max 36 GB"), ("formats", "q4_k_x", "Q4_K"), ("formats", "FP61", "FP16")),
    ],
)
def test_the_nearest_name_is_one_that_was_meant(table, typed, first):
    names = {name: name for name in catalogue.names(table)}
    assert nearest(typed, names)[0] == first


@pytest.mark.parametrize(
    ("table", "typed"),
    [
        *(("models", "banana"), ("models", "dir"), ("models", "codellama"), ("models", "x-8b")),
        *(("gpus", "cpu"), ("gpus", "24"), ("gpus", "banana"), ("formats", "bnb"), ("engines", "exl2"), ("gpus", "")),
    ],
)
def test_what_is_near_to_nothing_gets_no_absurd_name(table, typed):
    assert nearest(typed, {name: name for name in catalogue.names(table)}) == []


@given(st.text(max_size=20))
def test_what_is_near_is_among_the_names(typed):
    names = {name: name for name in catalogue.names("engines")}
    found = nearest(typed, names)
    assert {*found} <= {*names}
    assert len(found) == len({*found}) <= 5
