"""The widgets of a lesson: a guess comes before its answer, an exercise says what check says, both are remembered."""

import subprocess
import sys
from pathlib import Path

import ipywidgets
import pytest

import memcalc
from memcalc import InputError, exercise, predict
from memcalc.explorers.words import plain
from memcalc.lessons import EXERCISES, GUESSES, check, page, widgets
from memcalc.lessons.record import VARIABLE, Kept, kept

QUESTION = "Guess 4.1: How much does the cache of LLaMA-7B take after 4,096 tokens, if a number takes two bytes?"
RIGHT = "L_full * h_kv * d_k * s * (B_k + B_v)"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of its own."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


def heard(widget, **said):
    """What a page sends."""
    widget._handle_custom_msg(said, [])


def everything(widget):
    """All that a page could read."""
    return str({name: value for name, value in widget.get_state().items() if name not in ("_esm", "_css")})


def test_nothing_answers_before_a_guess():
    first = predict("4.1", unit="GiB", then=lambda: pytest.fail("it is too early"))
    assert (repr(first), first.guess, len(first.children)) == (QUESTION, None, 1)
    assert "2.00" not in everything(first.asked)
    assert "natural" not in everything(first.asked)


@pytest.mark.parametrize("number", GUESSES)
def test_in_print_the_whole_question_is_read(number):
    shown = predict(number)._repr_mimebundle_()["text/plain"]
    assert shown.endswith(plain(predict(number).asked.question["asks"]))


def test_a_guess_opens_what_it_asked_for_beside_its_factor_and_its_mistake(file):
    first = predict("4.1", unit="MiB", then=lambda: ipywidgets.Label("the picture"))
    assert first.asked.question["unit"] == "MiB"
    heard(first.asked, guess="1", unit="GiB")
    told = first.asked.told
    assert plain(told["head"]) == "You said 1.00 GiB; it is 2.00 GiB: 2.0 times too little."
    assert told["bars"] == {"said": 2**30, "right": 2**31, "written": ["1.00 GiB", "2.00 GiB"], "of": "kv_cache"}
    assert told["why"][0].startswith("A natural mistake: each token has a key and a value")
    assert (first.guess, [child.value for child in first.children[1:]]) == ("1 GiB", ["the picture"])
    assert repr(first) == QUESTION, "in print the answer is never seen"
    assert kept()[0]["guesses"]["4.1"].first == "1 GiB"


def test_who_does_not_want_to_guess_is_shown_the_answer_and_has_guessed_nothing(file):
    picture = ipywidgets.Label()
    first = predict("4.1", then=picture)
    heard(first.asked, skip=True)
    assert plain(first.asked.told["head"]) == "It is 2.00 GiB."
    assert (first.guess, first.children) == (None, (first.asked, picture))
    assert kept()[0]["guesses"]["4.1"] == Kept(tries=1)


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        ("", "Type a number first"),
        ("  ", "Type a number first"),
        ("much", "Amount 'much' is not a number with a unit"),
        ("1,5", "Amount '1,5 GiB' is not a number with a unit"),
        ("0", "must be a positive number of GiB"),
        ("-1", "not a number with a unit"),
        ("2 tokens", "not a number with a unit"),
        ("2*", "ends where a number"),
        ("1e999", "not a number with a unit"),
    ],
)
def test_a_guess_that_cannot_be_read_gets_one_sentence_and_opens_nothing(file, guess, said):
    first = predict("4.1", then=lambda: pytest.fail("it is too early"))
    heard(first.asked, guess=guess, unit="GiB")
    assert list(first.asked.told) == ["problem"]
    assert said in first.asked.told["problem"]
    assert (first.guess, file.exists()) == (None, False)


def test_one_can_guess_again(file):
    first = predict("4.1", then=ipywidgets.Label)
    for guess in ("4 GiB", "2 GiB"):
        heard(first.asked, guess=guess, unit="GiB")
        assert len(first.children) == 2
        heard(first.asked, again=True)
        assert (first.asked.told, len(first.children)) == ({}, 1)
    one = kept()[0]["guesses"]["4.1"]
    assert (one.first, one.last, one.tries) == ("4 GiB", "2 GiB", 2)


def test_a_guess_is_remembered_by_the_next_kernel(file):
    predict("4.1").asked.commit("4", "GiB")
    again = predict("4.1", then=ipywidgets.Label)
    assert (again.guess, len(again.children)) == ("4 GiB", 2)
    assert plain(again.asked.told["head"]).endswith("2.0 times too much.")
    assert repr(again) == QUESTION


def test_a_kept_guess_that_makes_no_sense_any_more_is_asked_anew(file):
    predict("4.1").asked.commit("4", "GiB")
    file.write_text(file.read_text().replace("4 GiB", "4 heads"))
    assert not predict("4.1").asked.is_open


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
    assert asked.told["next"] == ["Next: exercise 4.2. 1 of 3 here, 1 of 29 exercises in all."]
    heard(exercise("4.3"), answer="2196")
    last = exercise("4.2")
    heard(last, answer=RIGHT)
    done = "3 of 3 here, 3 of 29 exercises in all."
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
    monkeypatch.setattr(widgets, "check", lambda *_: 1 / 0)
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
