"""The brief in Jupyter: chosen once, remembered, asked in each lesson, with its own picture."""

import pytest

from memcalc import InputError, brief, progress
from memcalc.explorers.widget import Explorer
from memcalc.explorers.words import plain
from memcalc.lessons.brief_widget import picture
from memcalc.lessons.briefs import BRIEFS, LESSONS, Brief, question
from memcalc.lessons.record import chosen_brief, kept, remember


def heard(widget, **said):
    """What a page sends."""
    widget._handle_custom_msg(said, [])


def test_a_brief_is_chosen_once_and_remembered_by_every_lesson(file):
    first = brief()
    assert (first.chooser.told["chosen"], first.children) == ("", (first.chooser,))
    heard(first.chooser, choose="service")
    assert first.chooser.told["said"].startswith("Jonas answers customers")
    assert first.children == (first.chooser,), "the choice stays on show"
    assert chosen_brief() == "service"
    asked = brief(4).asked
    assert repr(asked).startswith("Brief of lesson 4: At noon 24 customers write")
    assert asked.question["title"] == "A start-up's service, your brief: lesson 4"


def test_before_a_choice_a_lesson_offers_it_and_then_asks_at_once(file):
    shown = brief(4)
    assert shown.children == (shown.chooser,)
    assert repr(shown).startswith("Your brief of lesson 4: One card at home, A start-up's service, A lab's fine-tune.")
    assert shown._repr_mimebundle_()["text/plain"] == repr(shown)
    heard(shown.chooser, choose="home")
    assert shown.children == (shown.asked,)


def test_without_a_file_one_can_choose_all_the_same():
    shown = brief(0)
    heard(shown.chooser, choose="lab")
    heard(shown.asked, answer="21.19")
    assert (shown.asked.told["kind"], shown.asked.told["next"]) == ("right", [])


def test_an_answer_is_judged_kept_and_counted(file):
    remember("choices", "brief", "home", True)
    asked = brief(4).asked
    heard(asked, answer="16")
    assert asked.told["head"] == "Not yet, but I know this one."
    assert "the brief is open" in repr(progress(4))
    heard(asked, answer="4 GiB")
    assert asked.told["next"] == ["The brief is answered in 1 of 9 lessons."]
    assert plain(asked.told["matters"]).startswith("The weights are paid once")
    assert kept()[0]["briefs"]["home.4"].first == "16"
    assert "the brief is answered" in repr(progress(4))
    assert "✓ home.4" in progress(4)._repr_html_()
    assert (brief(4).asked.answer, brief(4).asked.told["kind"]) == ("4 GiB", "right")


def test_who_chooses_another_brief_loses_no_answer(file):
    remember("choices", "brief", "home", True)
    shown = brief(4)
    heard(shown.asked, answer="4 GiB")
    heard(shown.asked, other=True)
    assert shown.children == (shown.chooser,)
    heard(shown.chooser, choose="lab")
    assert (shown.asked.number, shown.asked.answer) == ("lab.4", "")
    heard(shown.asked, other=True)
    heard(shown.chooser, choose="home")
    assert shown.asked.answer == "4 GiB"


def test_the_picture_opens_on_demand_below_the_question(file):
    remember("choices", "brief", "service", True)
    shown = brief(0)
    heard(shown.asked, picture=True)
    asked, opened = shown.children
    assert asked is shown.asked
    assert isinstance(opened, Explorer)
    heard(shown.asked, picture=True)
    assert shown.children == (asked, opened), "once is enough"


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("name", BRIEFS)
def test_every_picture_is_of_the_brief(name, lesson):
    shown = picture(Brief.named(name), lesson)
    assert not shown.frame["problem"] if "problem" in shown.frame else True
    if lesson in "045":  # the picture asks, where it is closed, for what the brief asks
        task = question(f"{name}.{lesson}")
        right, size = task.answers()[0], {"GiB": 2**30, "ms": 1}[task.unit]
        assert shown.base["guess"]["truth"] == pytest.approx(float(right) / size)


def test_what_does_not_exist_is_named(file):
    with pytest.raises(InputError, match="lesson must be a whole number from 0 to 8"):
        brief(9)
    with pytest.raises(InputError, match="brief 'office' is not known"):
        brief().chooser.choose("office")
    remember("choices", "brief", "office", True)
    assert chosen_brief() == ""
    assert brief(4).children == (brief(4).chooser,) or brief(4).asked is None
