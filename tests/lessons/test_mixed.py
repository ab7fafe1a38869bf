"""The mixed questions: from all lessons, with other numbers, the same for a seed, and old mistakes among them."""

import pytest

from memcalc import InputError, fits, units
from memcalc.explorers.words import plain, words
from memcalc.lessons.briefs import LESSONS
from memcalc.lessons.check import EXERCISES, judge
from memcalc.lessons.mixed import DRAWN, MANY, NUMBERS, SEEDS, drawn, lesson_of, mixed, numbers


@pytest.mark.parametrize("seed", SEEDS)
def test_twelve_from_all_lessons(seed):
    chosen = numbers(seed, ["4.1", "0.2", "1.1", "6.2"])
    assert len(chosen) == len(set(chosen)) == MANY
    assert {lesson_of(number) for number in chosen} == set(LESSONS)
    assert sum(number.startswith("again.") for number in chosen) == 3
    assert chosen == numbers(seed, ["4.1", "0.2", "1.1", "6.2"]), "the same for the same seed"
    assert set(chosen) <= set(NUMBERS)


def test_another_seed_asks_other_questions():
    first, second = set(numbers(1, [])), set(numbers(2, []))
    assert len(first & second) <= 3


@pytest.mark.parametrize("number", DRAWN[: 4 * len(LESSONS)])
def test_a_drawn_question_has_an_answer_and_mistakes_that_are_told_apart(number):
    task = mixed(number)
    right, mistakes = task.answers()
    size = units.UNITS.get(task.unit, 1)
    assert judge(task, float(right) / size).right
    assert len(mistakes) >= 3
    for wrong, why in mistakes:
        assert judge(task, float(wrong) / size).sentence == f"Not yet: {why}."
    text = plain(words(task.says))
    assert "{" not in text
    assert text.endswith(".")


def test_where_a_speed_is_asked_the_model_fits_its_card():
    for seed in SEEDS[:6]:
        task = mixed(f"drawn.{seed}.5")
        model, card = (part.partition("'")[0] for part in task.solution.split("named('")[1:])
        attempts = (drawn(f"{seed} 5 {attempt}") for attempt in range(200))
        found = next(one for one in attempts if (one.model.name, one.gpu.name) == (model, card))
        assert fits(found.model, found.run, found.gpu)


def test_what_does_not_exist_is_named():
    for seed in (0, 21, "one"):
        with pytest.raises(InputError, match="seed must be a whole number from 1 to 20"):
            numbers(seed, [])
    with pytest.raises(InputError, match=r"question 'again.9.9' is not known"):
        mixed("again.9.9")


def test_an_exercise_once_more_is_the_exercise():
    assert mixed("again.6.1") is EXERCISES["6.1"]
