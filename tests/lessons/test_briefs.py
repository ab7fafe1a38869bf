"""The briefs: what each person asks in each lesson is computed, and what they say of their runs is true."""

import itertools
from fractions import Fraction

import pytest

import memcalc
from memcalc import InputError, explorers, fits, peak, total, units
from memcalc.catalogue import rows
from memcalc.estimate.speed import fastest
from memcalc.explorers.words import plain, words
from memcalc.lessons.briefs import BRIEFS, LESSONS, QUESTIONS, Brief, question
from memcalc.lessons.check import judge

each = pytest.mark.parametrize("number", QUESTIONS)


def test_every_brief_asks_in_every_lesson():
    assert {(row["brief"], row["lesson"]) for row in rows("brief_words")} == set(
        itertools.product((*BRIEFS, "drawn"), LESSONS)
    )
    assert tuple("012345678") == LESSONS


@each
def test_what_is_right_passes_and_every_mistake_is_told_from_the_others(number):
    task = question(number)
    right, mistakes = task.answers()
    size = units.UNITS.get(task.unit, 1)
    assert judge(task, float(right) / size).right
    assert len(mistakes) >= 3
    for wrong, why in mistakes:
        assert judge(task, float(wrong) / size).sentence == f"Not yet: {why}."
    for (one, _), (other, _) in itertools.combinations([(right, ""), *mistakes], 2):
        assert abs(Fraction(one) / Fraction(other) - 1) > 0.01


@each
def test_the_line_of_python_gives_the_answer(number):
    task = question(number)
    names = {name: getattr(memcalc, name) for name in memcalc.__all__} | {"fastest": fastest}
    assert judge(task, eval(task.solution, names)).right


@each
def test_three_sentences_then_one_question(number):
    task = question(number)
    says, asks = plain(words(task.says)), plain(words(task.asks))
    assert "{" not in says + asks
    assert (says.count(". "), says[-1], asks.count("?"), asks[-1]) == (2, ".", 1, "?")
    for line in (task.hint, task.because, task.matters):
        assert plain(words(line)).endswith((".", "?"))
    for _, why in task.answers()[1]:
        assert why[0].islower()
        assert not why.endswith(".")


def test_what_the_words_say_of_the_runs_is_true():
    """Lesson 7: the sum fits, and a fifth of the lab's card seems free; lesson 8: the plan does not fit."""
    home, service, lab = map(Brief.named, ("home", "service", "lab"))
    at_home, in_lab = (total(one.model, one.training) for one in (home, lab))
    assert at_home < home.gpu.capacity < peak(home.model, home.training).bytes
    assert 0.18 < 1 - in_lab / lab.gpu.capacity < 0.22
    assert peak(service.model, service.training).bytes > total(service.model, service.training)
    for one in (home, service, lab):
        assert fits(one.model, one.run, one.gpu)
        assert not fits(*one.plan, one.gpu)


@pytest.mark.parametrize("name", BRIEFS)
def test_the_cell_of_the_article_is_one_that_its_explorer_has(name):
    assert Brief.named(name).row["cell"] in explorers.article.controls["cell"].options


def test_an_unknown_brief_is_named():
    with pytest.raises(InputError, match="brief 'office' is not known"):
        Brief.named("office")
    with pytest.raises(InputError, match=r"brief 'home.9' is not known"):
        question("home.9")
