"""Guesses in a field and in a picture: nothing answers before them, and what is said of them is the same."""

import ipywidgets
import pytest

from memcalc import InputError, explorers, predict
from memcalc.explorers.words import plain
from memcalc.lessons import GUESSES
from memcalc.lessons.record import Kept, kept, remember

QUESTION = "Guess 4.1: How much does the cache of LLaMA-7B take after 4,096 tokens, if a number takes two bytes?"


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


def pictured(context=4096, **more):
    """The guess of lesson 4 in its picture."""
    return predict("4.1", within=explorers.kv_cache(context=context, closed=True, **more))


def opened(asked, guess):
    """Open the picture with a guess, as its page does."""
    asked.picture.set_state({"guess": guess, "closed": False})
    return list(map(plain, asked.picture.remarks))


def test_a_guess_in_a_picture_gets_its_factor_and_its_mistake_and_is_kept(file):
    asked = pictured()
    assert (repr(asked), asked.guess, asked.picture.closed, asked.picture.remarks) == (QUESTION, None, True, [])
    head, why, matters = opened(asked, 1.0)
    assert head == "You said 1.00 GiB; it is 2.00 GiB: 2.0 times too little."
    assert why.startswith("A natural mistake: each token has a key and a value")
    assert matters == plain(asked.picture.remarks[-1])
    assert asked.guess == "1 GiB"
    assert kept()[0]["guesses"]["4.1"].first == "1 GiB"
    assert (repr(asked), asked._repr_mimebundle_()["text/plain"]) == (QUESTION, QUESTION)


def test_who_opens_a_picture_without_a_guess_reads_no_comparison(file):
    asked = pictured()
    assert opened(asked, None) == [plain(GUESSES["4.1"].matters)]
    assert (asked.guess, kept()[0]["guesses"]["4.1"]) == (None, Kept(tries=1))


def test_a_guess_of_an_earlier_sitting_opens_the_picture_with_it(file):
    opened(pictured(), 1.3712834)
    again = pictured()
    assert (again.guess, again.picture.guess, again.picture.closed) == ("1.371 GiB", 1.371, False)
    assert plain(again.picture.remarks[0]).startswith("You said 1.37 GiB; it is 2.00 GiB")
    assert kept()[0]["guesses"]["4.1"].tries == 1, "to look again is no try"


def test_a_guess_of_an_earlier_sitting_may_have_another_unit(file):
    remember("guesses", "4.1", "512 MiB", True)
    assert (pictured().picture.guess, pictured().guess) == (0.5, "512 MiB")


def test_a_kept_guess_that_makes_no_sense_any_more_leaves_the_picture_closed(file):
    remember("guesses", "4.1", "4 heads", True)
    assert pictured().picture.closed


def test_one_can_guess_again_in_a_picture(file):
    asked = pictured()
    opened(asked, 1.0)
    asked.picture.set_state({"guess": None, "closed": True})
    assert (asked.guess, asked.picture.remarks) == (None, [])
    assert opened(asked, 2.0)[0].endswith("well guessed.")
    assert kept()[0]["guesses"]["4.1"].tries == 2


def test_a_page_that_is_quick_says_two_changes_as_one(file):
    """The picture was closed and opened with another guess before the kernel heard of either."""
    asked = pictured()
    opened(asked, 1.0)
    assert opened(asked, 2.0)[0].endswith("well guessed.")
    assert kept()[0]["guesses"]["4.1"].tries == 2


def test_a_file_that_cannot_be_used_is_said_in_the_picture(file):
    file.mkdir()
    assert opened(pictured(), 1.0)[-1].startswith("Your progress is not kept, because ")


@pytest.mark.parametrize(
    ("within", "said"),
    [
        (lambda: explorers.kv_cache(context=4096), "must be an explorer that asks first"),
        (lambda: explorers.weights(weights="FP16", closed=True), "must be an explorer that asks first"),
        (
            lambda: explorers.kv_cache(context=8192, closed=True),
            "answer is 2.00 GiB, as the question's is, not 4.00 GiB",
        ),
        (lambda: explorers.optimizer(closed=True), "must be an explorer that asks for GiB, as the question does, not"),
        (lambda: ipywidgets.Label(), "must be of type Explorer"),
    ],
)
def test_a_picture_that_does_not_ask_the_same_is_refused(within, said):
    with pytest.raises(InputError, match=said):
        predict("4.1", within=within())


def test_a_picture_has_its_own_unit_and_opens_itself():
    for more in ({"unit": "GiB"}, {"then": ipywidgets.Label}):
        with pytest.raises(InputError, match="unit and then are of a guess without a picture"):
            predict("4.1", within=explorers.kv_cache(context=4096, closed=True), **more)
