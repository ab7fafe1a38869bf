"""The widgets of a lesson: a guess comes before its answer, an exercise says what check says, both are remembered."""

import subprocess
import sys
from pathlib import Path

import pytest

import memcalc
from memcalc import InputError, exercise, predict
from memcalc.explorers.words import plain
from memcalc.lessons import EXERCISES, check, page, widgets
from memcalc.lessons.record import kept

RIGHT = "L_full * h_kv * d_k * s * (B_k + B_v)"


def heard(widget, **said):
    """What a page sends."""
    widget._handle_custom_msg(said, [])


def test_what_does_not_exist_is_named():
    with pytest.raises(InputError, match=r"guess '4.9' is not known"):
        predict("4.9")
    with pytest.raises(InputError, match="unit 'tokens' is not known"):
        predict("4.1", unit="tokens")
    with pytest.raises(InputError, match=r"exercise '4.9' is not known"):
        exercise("4.9")


def test_an_exercise_that_was_not_tried_says_nothing(file):
    asked = exercise("4.2")
    assert (asked.told, asked.answer) == ({}, "")
    assert repr(asked).startswith("Exercise 4.2: What does one more conversation of s tokens cost?")
    heard(asked, answer=" ")
    assert asked.told["kind"] == "open"
    assert not file.exists(), "and nothing is kept of it"


@pytest.mark.parametrize("answer", [RIGHT, "2*L*h_kv*d_k*s*B", "h_kv", "L_full*", "__import__('os')"])
def test_an_exercise_says_what_check_says(file, answer):
    asked, feedback = exercise("4.2"), check("4.2", answer)
    heard(asked, answer=answer)
    words = " ".join([asked.told["head"], *asked.told["why"]]).casefold()
    assert asked.told["kind"] == feedback.kind
    assert feedback.sentence.partition(": ")[2].casefold() in words
    assert ("4.2" in kept()[0]["answers"]) == (feedback.kind != "unread")


def test_who_is_right_reads_why_it_matters_what_comes_next_and_how_much_is_done(file):
    asked = exercise("4.1")
    heard(asked, answer="8")
    assert asked.told["head"] == "Right: 8.00 GiB = 8.59 GB."
    assert plain(asked.told["matters"]).startswith("Eight query heads share")
    here = [number for number in EXERCISES if number.startswith("4.")]
    assert asked.told["next"] == [f"Next: exercise 4.2. 1 of {len(here)} here, 1 of {len(EXERCISES)} exercises in all."]
    for number in here[2:]:
        heard(exercise(number), answer=EXERCISES[number].solution)
    last = exercise("4.2")
    heard(last, answer=RIGHT)
    done = f"{len(here)} of {len(here)} here, {len(here)} of {len(EXERCISES)} exercises in all."
    assert last.told["next"] == [f"That was the last open exercise of this lesson. {done}"]


def test_without_a_file_nothing_is_counted():
    asked = exercise("4.1")
    heard(asked, answer="8")
    assert (asked.told["kind"], asked.told["next"], asked.told["note"]) == ("right", [], [])


def test_an_answer_is_remembered_by_the_next_kernel(file):
    heard(exercise("4.1"), answer="64 GiB")
    again = exercise("4.1")
    assert (again.answer, again.told["kind"]) == ("64 GiB", "known")
    assert repr(again).startswith("Exercise 4.1: The config.json of Qwen3-32B says")


def test_a_file_that_cannot_be_used_is_said_beside_the_answer(file):
    file.mkdir()
    first, asked = predict("4.1"), exercise("4.1")
    heard(first.asked, guess="2", unit="GiB")
    heard(asked, answer="8")
    assert first.asked.is_open
    for told in (first.asked.told, asked.told):
        assert told["note"][0].startswith("Your progress is not kept, because ")


def test_a_fault_is_shown_and_not_swallowed(monkeypatch):
    asked = exercise("4.1")
    monkeypatch.setattr(widgets, "judge", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        asked._take(asked, {"answer": "8"}, [])
    assert asked.told["problem"].startswith("A fault of memcalc, not of yours: ZeroDivisionError")


@pytest.mark.parametrize("number", EXERCISES)
def test_every_exercise_has_a_widget_and_its_solution_passes(number):
    asked = exercise(number)
    task = EXERCISES[number]
    assert repr(asked).startswith(f"Exercise {number}")
    assert not task.solution or check(number, task.solution)


def test_words_that_are_given_are_all_given():
    for task in EXERCISES.values():
        given = {name for name in ("asks", "hint", "solution", "because", "matters", "goal") if getattr(task, name)}
        assert len(given) in (0, 6), given


def test_a_user_s_text_reaches_the_page_as_text():
    for path in Path(page.__file__).parent.glob("*.js"):
        assert "innerHTML" not in path.read_text(), path


def test_who_only_checks_does_without_the_widgets_libraries():
    code = "import sys\nfrom memcalc import check, progress\nprint({'anywidget', 'ipywidgets'} & sys.modules.keys())"
    where = Path(memcalc.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=where)
    assert done.stdout.strip() == "set()"
