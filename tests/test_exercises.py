"""check says right, or what kind of mistake it is."""

import math

import pytest
import sympy

from memcalc import InputError
from memcalc.exercises import EXERCISES, check, compare
from memcalc.symbols import symbol

L, h, h_kv, d_k, b, B_kv, s = map(
    symbol, ("layers", "heads", "kv_heads", "head_dim", "batch", "bytes_per_element", "context")
)


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("0.1", 24.62), ("0.1", "24.62 GiB"), ("0.1", "26.44 GB"),
        ("0.2", 25.76), ("0.2", "24564 MiB"), ("0.3", 92_164),
        ("4.1", 4), ("4.1", "4 GiB"), ("4.1", sympy.Integer(4)), ("4.2", 2 * L * h_kv * d_k * b * B_kv),
        ("4.2", (L + L) * d_k * h_kv * B_kv * b), ("4.3", 31_778),
    ],
)  # fmt: skip
def test_right(number, answer):
    feedback = check(number, answer)
    assert feedback, feedback
    assert repr(feedback).startswith("✓ Right: ")


@pytest.mark.parametrize(
    ("number", "answer", "why"),
    [
        ("0.1", 26.44, "that is the number of GB"),
        ("0.1", 12.12, "weights alone"),
        ("0.1", 197, "bits"),
        ("0.2", 24.564, "took it for a million"),
        ("0.2", 24, "that is the number of GiB"),
        ("4.1", 16, "counted the query heads"),
        ("4.1", 2, "you counted one of them"),
        ("4.1", 4.295, "that is the number of GB"),
        ("4.1", 2**32, "that is the number of bytes"),
        ("4.1", 32, "bits"),
        ("4.2", 2 * L * h_kv * d_k * s * b * B_kv, "whole cache"),
        ("4.2", 2 * L * h * d_k * b * B_kv, "counted the query heads"),
        ("4.3", 63_556, "you counted one of them"),
    ],
)
def test_known_mistakes(number, answer, why):
    feedback = check(number, answer)
    assert not feedback
    assert why in repr(feedback)


@pytest.mark.parametrize("number", EXERCISES)
@pytest.mark.parametrize("answer", [None, -1, 0, True, "four", "", "import os", [4], {}, math.nan, math.inf, 1e300])
def test_stupid_answers_get_a_sentence(number, answer):
    assert repr(check(number, answer)).startswith("✗ ")


@pytest.mark.parametrize("number", EXERCISES)
def test_no_mistake_is_the_right_answer(number):
    right, mistakes = EXERCISES[number].answers()
    for wrong, _ in mistakes:
        assert sympy.simplify(wrong - right) != 0


def test_an_unknown_exercise_is_named():
    with pytest.raises(InputError, match=r"exercise '9.9' is not known"):
        check("9.9", 1)


def test_compare():
    assert compare(None, 2**34) == "You left your guess open; it is 16.00 GiB."
    assert compare("32 GiB", 2**34) == "You said 32.00 GiB; it is 16.00 GiB, 2.0 times as little."
    assert compare(16, 2**34) == "You said 16.00 GiB; it is 16.00 GiB: well guessed."
