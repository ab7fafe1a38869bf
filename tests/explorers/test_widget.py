"""Explorers: every control moves, nonsense shows a sentence, an unexpected exception is not swallowed."""

import re
from pathlib import Path

import pytest

import memcalc
from memcalc import InputError, explorers
from memcalc.explorers import fit, kv_cache
from memcalc.explorers.frame import Explorable
from memcalc.explorers.widget import MENUS, Explorer, control
from memcalc.formula.symbols import GLOSSARY
from scenes import CACHE, FIT, SCENES
from sweep import move_every_control


@pytest.fixture(autouse=True)
def _nothing_stays_open():
    yield
    Explorer.close_all()


@pytest.mark.parametrize(("scene", "start"), SCENES)
def test_every_control_moves_number_and_picture(scene, start):
    explorer = scene(**start)
    before = explorer.frame
    for one in explorer.controls:
        other = {"weights": "INT8", "kv_cache": "INT8"}.get(one["name"]) or (one.get("grid") or one["options"])[1]
        explorer.state = start | {one["name"]: other}
        assert explorer.frame["moved"] != before["moved"], one
        assert explorer.frame["said"] != before["said"], one
        explorer.state = start
        assert explorer.frame == before, one


def test_an_explorer_says_what_it_shows():
    explorer = fit(**FIT)
    assert repr(explorer).startswith("Explorer(will_it_fit: It needs 28.55 GiB = 30.66 GB; the RTX 4090 has")
    assert explorer.state == explorer.start == FIT
    bundle, _ = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorer)


def test_nonsense_shows_one_sentence_and_keeps_the_picture():
    explorer = kv_cache(**CACHE)
    before = explorer.frame
    explorer.state = CACHE | {"kv_heads": 64}
    assert explorer.frame["problem"] == "kv_heads must divide heads = 32 without remainder, not 64."
    assert explorer.frame["moved"] == before["moved"]
    explorer.state = CACHE | {"kv_heads": 16}
    assert explorer.frame["problem"] == ""
    assert explorer.frame["moved"] != before["moved"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("context", 0, "context must be a whole number from 128 to 1,048,576, not 0."),
        ("context", "32K", "context must be a whole number from 128 to 1,048,576, not '32K'."),
        ("context", 1e300, "context must be a whole number from 128 to 1,048,576, not 1e\\+300."),
        ("context", None, "context must be a whole number from 128 to 1,048,576, not None."),
        ("model", "LLaMA-8B", "model 'LLaMA-8B' is not known; the nearest is"),
        ("weights", "<b>", "weights '<b>' is not known"),
    ],
)
def test_what_a_hand_may_type(name, value, sentence):
    explorer = fit(**FIT)
    explorer.state = FIT | {name: value}
    assert re.match(sentence, explorer.frame["problem"])
    with pytest.raises(InputError, match=sentence):
        fit(**FIT | {name: value})


def test_an_exact_number_and_another_spelling_are_taken():
    explorer = fit(**FIT)
    explorer.state = FIT | {"context": 22_709, "model": "llama 7b", "gpu": "GeForce RTX 4090"}
    assert "It fits: 0.35 MiB are left" in explorer.frame["said"]
    assert "model='LLaMA-7B', gpu='RTX 4090', context=22709" in explorer.frame["code"]


@pytest.mark.parametrize(("scene", "start"), SCENES)
def test_the_line_of_python_opens_the_same_explorer(scene, start):
    explorer = scene(**start)
    again = eval(explorer.frame["code"].splitlines()[1], {"explorers": explorers})
    assert isinstance(again, Explorer)
    assert again.frame == explorer.frame


def test_frames_that_come_ahead_are_the_frames_that_come(monkeypatch):
    explorer, sent = fit(**FIT), []
    monkeypatch.setattr(explorer, "send", sent.append)
    explorer._look_ahead(explorer, {"ahead": "context"}, [])
    assert [frame["state"]["context"] for frame in sent[:3]] == [32_768, 16_384, 65_536]
    for frame in sent:
        explorer.state = frame["state"]
        assert explorer.frame == frame


def test_another_picture_or_nonsense_does_not_come_ahead(monkeypatch):
    explorer, sent = kv_cache(**CACHE), []
    monkeypatch.setattr(explorer, "send", sent.append)
    explorer._look_ahead(explorer, {"ahead": "kv_heads"}, [])
    assert sorted(frame["state"]["kv_heads"] for frame in sent) == [1, 2, 4, 8, 16, 32]


def test_an_unexpected_exception_is_shown_and_not_swallowed():
    def broken(**state):
        if state["context"] > 32_768:
            raise ZeroDivisionError("there is no such thing")
        return kv_cache.frame(**state)

    explorer = Explorable(broken, {}, {})(**CACHE)
    with pytest.raises(ZeroDivisionError):
        explorer.state = CACHE | {"context": 65_536}
    assert explorer.frame["problem"] == "A fault of memcalc, not of yours: ZeroDivisionError: there is no such thing."
    explorer.state = CACHE
    with pytest.raises(ZeroDivisionError):
        move_every_control()


def test_a_user_s_text_reaches_the_page_as_text():
    page = (Path(memcalc.__file__).parent / "explorers" / "explorer.js").read_text()
    assert page.count("innerHTML") == 1, "the stage alone, which the kernel has drawn"


def test_an_explorer_does_not_start_with_nonsense():
    with pytest.raises(InputError, match="kv_heads must divide heads = 32 without remainder, not 64"):
        kv_cache(**CACHE | {"kv_heads": 64})


def test_labels_have_letter_words_and_unit():
    context = control("context", {})
    assert (context["label"], context["unit"]) == ("s: context", "tokens")
    assert context["grid"] == [2**power for power in range(7, 21)]
    assert control("kv_heads", {})["label"] == "h_kv: key and value heads"
    assert (control("full_layers", {})["low"], control("full_layers", {})["grid"]) == (0, [])
    assert {control(name, {})["kind"] for name in MENUS} == {"menu"}
    assert "Mamba-2.8B" in control("model", {})["options"]


def test_every_slider_has_a_grid_within_its_ends():
    for entry in GLOSSARY.values():
        if not entry.derived:
            one = control(entry.name, {})
            assert all(one["low"] <= step <= one["high"] for step in one["grid"])
            assert (len(one["grid"]) > 1) == (entry.scale == "log2")


@pytest.mark.parametrize("name", ["colour", "weights format", ""])
def test_a_control_that_cannot_be(name):
    with pytest.raises(InputError, match=f"control '{name}' is not known"):
        control(name, {})
