"""What is done, lesson by lesson, in words and as a table."""

import re

import pytest

from memcalc import InputError
from memcalc.lessons import EXERCISES, GUESSES, progress
from memcalc.lessons.progress import LESSONS, tally
from memcalc.lessons.record import remember


def test_at_first_nothing_is_done(file):
    lines = repr(progress()).splitlines()
    assert len(lines) == len(LESSONS) == 10
    assert lines[9] == "9 · What you know: 0 mixed questions right"
    assert lines[4] == "4 · The KV cache: 0 of 1 guesses, 0 of 5 exercises"
    assert "✓" not in progress()._repr_html_()
    assert not file.exists(), "to look is not to write"


def test_what_is_solved_is_counted_and_its_goal_is_reached(file):
    remember("answers", "4.2", "s", False)
    assert "0 of 5 exercises" in repr(progress(4))
    remember("answers", "4.2", "L_full*h_kv*d_k*s*(B_k+B_v)", True)
    remember("guesses", "4.1", "2 GiB", True)
    remember("guesses", "4.1", "", False)
    said = ["4 · The KV cache: 1 of 1 guesses, 1 of 5 exercises", "✓ You can derive what one more conversation costs."]
    assert repr(progress(4)).splitlines()[:2] == said
    still = [line.partition(" shows that you can ")[0] for line in repr(progress(4)).splitlines()[2:]]
    assert still == [f"○ Exercise 4.{place}" for place in (1, 3, 4, 5)]
    assert repr(progress()).splitlines()[len(LESSONS) :] == said[1:], "of all lessons only what is reached"
    assert tally("4.1") == f"1 of 5 here, 1 of {len(EXERCISES)} exercises in all."
    table = progress(4)._repr_html_()
    cells = re.findall(r"<t[dh] [^>]*>(.*?)</t[dh]>", table)
    assert '<a href="04_kv_cache.ipynb">' in cells[3]
    cells[3] = re.sub("<[^>]*>", "", cells[3])
    assert cells == ["lesson", "guesses", "exercises", "4 · The KV cache", "✓ 4.1", "○ 4.1  ✓ 4.2  ○ 4.3  ○ 4.4  ○ 4.5"]
    assert "<p>✓ You can derive what one more conversation costs.</p>" in table


def test_a_problem_is_said_and_nothing_else_is_lost(file):
    file.write_text("<script>")
    lines = repr(progress(0)).splitlines()
    assert lines[0].startswith("0 · Will it fit?: 0 of ")
    assert lines[-1].startswith("Your progress could not be read; it lies in ")
    file.write_text("<script>")
    assert "<script>" not in progress(0)._repr_html_()


@pytest.mark.parametrize("lesson", [-1, 10, "four", 4.0])
def test_an_unknown_lesson_is_named(lesson):
    with pytest.raises(InputError, match="lesson must be a whole number from 0 to 9"):
        progress(lesson)


def test_every_exercise_and_guess_is_of_a_lesson():
    assert {number[0] for number in (*EXERCISES, *GUESSES)} <= set(LESSONS)
