"""The exercises: every known mistake has words of its own, every notebook at least three exercises."""

import itertools

import pytest

from memcalc.claims import VERDICTS
from memcalc.exercise_list import EXERCISES


@pytest.mark.parametrize("number", EXERCISES)
def test_mistakes_are_sentences_that_stand_after_not_yet(number):
    _, mistakes = EXERCISES[number].answers()
    for _, why in mistakes:
        assert why[0].islower() or why.split()[0].isupper()
        assert not why.endswith(".")


def test_three_exercises_a_notebook_or_more_in_order():
    assert list(EXERCISES) == sorted(EXERCISES)
    for _, numbers in itertools.groupby(EXERCISES, key=lambda number: number[0]):
        assert [number[1:] for number in numbers][:3] == [".1", ".2", ".3"]


@pytest.mark.parametrize("number", [number for number, exercise in EXERCISES.items() if exercise.unit == "verdict"])
def test_every_wrong_verdict_gets_a_word(number):
    right, mistakes = EXERCISES[number].answers()
    assert {right, *(verdict for verdict, _ in mistakes)} == set(VERDICTS)
