"""The mixed questions and the guesses once more in Jupyter, and the field that takes all of it home."""

from memcalc import guess_again, progress, questions, take_home
from memcalc.lessons import GUESSES
from memcalc.lessons.mixed import mixed
from memcalc.lessons.record import kept, remember


def heard(widget, **said):
    """What a page sends."""
    widget._handle_custom_msg(said, [])


def test_twelve_questions_are_asked_and_counted(file):
    shown = questions()
    assert len(shown.children) == 12
    assert repr(shown) == shown._repr_mimebundle_()["text/plain"] == "12 mixed questions, from all lessons."
    asked = shown.children[0]
    assert (asked.question["title"], asked.told) == ("1 of 12", {})
    heard(asked, answer=mixed(asked.number).solution if mixed(asked.number).unit == "formula" else "1")
    assert asked.told["kind"] in ("known", "unknown", "near", "right")
    right = float(mixed(asked.number).answers()[0])
    heard(asked, answer=f"{right / 2**30:.4f} GiB" if asked.task.unit in ("GiB", "GB") else f"{right:.2f}")
    assert asked.told["kind"] == "right"
    assert asked.told["next"][0].startswith("That was lesson ")
    assert asked.told["next"][0].endswith(" 1 of 12 are right.")
    assert repr(progress(9)) == "9 · What you know: 1 mixed question right"
    assert questions().children[0].answer == asked.answer, "it is remembered"


def test_what_was_wrong_at_first_is_asked_once_more_with_an_empty_field(file):
    remember("answers", "4.1", "64 GiB", False)
    remember("answers", "4.1", "8", True)
    remember("answers", "0.2", "25.76", True)
    (again,) = [one for one in questions().children if one.number.startswith("again.")]
    assert again.number == "again.4.1"
    assert again.question["title"].endswith("exercise 4.1 once more: at first you said “64 GiB”")
    assert again.answer == ""


def test_guesses_are_asked_once_more_and_the_first_one_stays(file):
    remember("guesses", "4.1", "1 GiB", True)
    shown = guess_again()
    assert len(shown.children) == len(GUESSES)
    asked = next(one for one in shown.children if one.number == "4.1")
    assert (asked.told, asked.guess) == ({}, None), "what was guessed before is not shown"
    heard(asked, guess="2", unit="GiB")
    assert asked.is_open
    assert (kept()[0]["guesses"]["4.1"].first, kept()[0]["guesses"]["4.1"].last) == ("1 GiB", "2 GiB")


def test_a_name_and_a_button_write_the_page(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = take_home()
    shown.button.click()
    assert "name must be a text of 1 to 60 characters" in shown.said.value
    shown.name.value = "Ada"
    shown.button.click()
    assert '<a href="memcalc-Ada.html">' in shown.said.value
    assert (tmp_path / "memcalc-Ada.csv").exists()
