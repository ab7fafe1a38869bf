"""The widget: its state asks for frames, nonsense shows a sentence, an unexpected exception is not swallowed."""

from pathlib import Path

import pytest

import memcalc
from memcalc import InputError
from memcalc.explorers import fit
from memcalc.explorers.frame import Explorable
from memcalc.explorers.widget import Explorer
from scenes import EXPLORERS
from sweep import move_every_control

EACH = pytest.mark.parametrize("shown", EXPLORERS, ids=[shown.subject for shown in EXPLORERS])
START = fit.setting({})


@pytest.fixture(autouse=True)
def _nothing_stays_open():
    yield
    Explorer.close_all()


@EACH
def test_every_control_moves_and_comes_back(shown):
    explorer = shown()
    start = explorer.frame
    move_every_control()
    assert explorer.frame == start


def test_an_explorer_says_what_it_shows():
    explorer = fit()
    assert repr(explorer) == "Explorer(fit: It does not fit: 4.91 GiB of the 28.55 GiB run over the rim.)"
    assert explorer.state == explorer.start == START
    bundle, _ = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorer)


def test_a_closed_explorer_only_asks():
    explorer = fit(closed=True)
    assert (
        repr(explorer) == "Explorer(fit: How high will it reach? Drag the dashed line, or type a number; then open it.)"
    )
    assert explorer.guess_unit == "GiB"
    explorer.guess, explorer.closed = 13.0, False
    assert "It does not fit" in repr(explorer)


def test_no_guess_is_none_whatever_word_a_page_s_python_has_for_null():
    shown = fit(closed=True)
    shown.set_state({"guess": object(), "closed": False})  # as Pyodide gives what JavaScript calls null
    assert (shown.guess, shown.closed) == (None, False)
    shown.set_state({"guess": 3})
    assert shown.guess == 3


def test_nonsense_shows_one_sentence_and_keeps_the_picture():
    explorer = fit()
    before = explorer.frame
    explorer.state = START | {"context": 1}
    assert explorer.frame == before | {
        "state": explorer.state,
        "problem": "context must be a whole number from 128 to 1,048,576, not 1.",
    }
    explorer.state = START | {"context": 4096}
    assert not explorer.frame.get("problem")
    assert explorer.frame["said"] != before.get("said")


def test_an_exact_number_and_another_spelling_are_taken():
    explorer = fit()
    explorer.state = START | {"context": 22_709, "model": "llama 7b", "gpu": "GeForce RTX 4090"}
    assert "context=22709" in explorer.frame["code"]
    assert "It fits: 0.35 MiB" in repr(explorer)


def test_another_layout_has_its_own_frames():
    explorer = fit(context=4096)
    explorer.width = 360
    assert explorer.base["size"][0] == explorer.frame["size"][0] == 360
    assert explorer.state["context"] == 4096


def test_a_problem_leaves_the_last_picture_in_another_layout_too():
    explorer = fit()
    explorer.state = explorer.state | {"context": 4096}
    explorer.state = explorer.state | {"context": 0}
    assert explorer.frame["problem"].startswith("context must be")
    explorer.width = 360
    narrow = fit.answer(explorer.start | {"context": 4096}, explorer.start, 360)
    assert explorer.frame == narrow | {"state": explorer.state, "problem": explorer.frame["problem"]}


def test_frames_that_come_ahead_are_the_frames_that_come(monkeypatch):
    explorer, sent = fit(), []
    monkeypatch.setattr(explorer, "send", sent.append)
    asked = {"ahead": "context", "state": explorer.state, "from": 0}
    while asked:  # as the page asks for the rest
        explorer._look_ahead(explorer, asked, [])
        asked = sent.pop() if "ahead" in sent[-1] else None
    contexts = [frame["state"]["context"] for frame in sent]
    assert contexts[:3] == [32_768, 28_672, 40_960]
    assert sorted(contexts) == list(explorer._shown.controls["context"].grid)
    for frame in sent:
        explorer.state = frame["state"]
        assert explorer.frame == frame


def test_hints_that_take_long_come_when_they_are_asked_for(monkeypatch):
    explorer, sent = fit(), []
    monkeypatch.setattr(explorer, "send", sent.append)
    explorer.state = START | {"context": 65_536}
    assert (explorer.frame["hints"], explorer.frame["unasked"]) == ([], True)
    explorer._handle_custom_msg({"hints": explorer.state}, [])
    whole = explorer._shown.data(explorer.state)
    assert [frame["hints"] for frame in sent] == [whole["hints"]] != [[]]
    explorer.state = START | {"context": 4096}
    assert "unasked" not in explorer.frame, "how far one that fits may grow is known at once"


def test_the_kernel_answers_others_between_the_frames_that_come_ahead(monkeypatch):
    explorer, sent = fit(), []
    monkeypatch.setattr(explorer, "send", sent.append)
    monkeypatch.setattr("memcalc.explorers.widget._PATIENCE", -1)
    asked = {"ahead": "context", "state": explorer.state, "from": 3}
    explorer._look_ahead(explorer, asked, [])
    assert sent == [asked], "nothing was computed, and the rest is to be asked for"


def test_an_unexpected_exception_is_shown_and_not_swallowed():
    def broken(*, width=860, context=32_768):
        if context > 32_768:
            raise ZeroDivisionError("there is no such thing")
        return fit.frame(width=width, context=context)

    explorer = Explorable(broken, "{context}", {})()
    with pytest.raises(ZeroDivisionError):
        explorer.state = {"context": 65_536}
    assert explorer.frame["problem"] == "A fault of memcalc, not of yours: ZeroDivisionError: there is no such thing."


def test_an_explorer_does_not_start_with_nonsense():
    with pytest.raises(InputError, match="context must be a whole number"):
        fit(context=0)
    with pytest.raises(InputError, match="control 'kontext' is not known"):
        fit(kontext=4096)


def test_a_user_s_text_reaches_the_page_as_text():
    page = Path(memcalc.__file__).parent / "explorers" / "page"
    found = [line for path in page.glob("*.js") for line in path.read_text().splitlines() if "innerHTML" in line]
    assert len(found) == 1, "a formula alone, which SymPy has printed"
