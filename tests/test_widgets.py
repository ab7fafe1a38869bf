"""Explorers: every control moves, nonsense shows a sentence, an unexpected exception is not swallowed."""

import ipywidgets
import pytest

from memcalc import InputError, audit_scenes, scenes
from memcalc.widgets import control, explore, value_of
from sweep import move_every_control

FIT = {"model": "LLaMA-7B", "gpu": "RTX 4090", "context": 32_768, "batch": 1, "weights": "FP16", "kv_cache": "FP16"}
CACHE = {"kv_heads": 32, "context": 32_768, "batch": 1, "kv_cache": "FP16"}
AUDIT = {"kind": "all", "verdict": "all"}
SCENES = [(scenes.will_it_fit, FIT), (scenes.cache_against_context, CACHE), (audit_scenes.audit, AUDIT)]


def parts(explorer, start):
    *controls, picture, words = explorer.children
    return dict(zip(start, controls, strict=True)), picture, words


@pytest.mark.parametrize(("scene", "start"), SCENES)
def test_every_control_moves_number_and_picture(scene, start):
    controls, picture, words = parts(explore(scene, **start), start)
    for name, widget in controls.items():
        before = picture.value, words.value
        first = widget.value
        widget.value = "INT8" if isinstance(first, str) and first == "FP16" else _another(widget)
        assert picture.value != before[0], name
        assert words.value != before[1], name
        widget.value = first
        assert (picture.value, words.value) == before, name


def _another(widget):
    if isinstance(widget, ipywidgets.Dropdown):
        return widget.options[1]
    return widget.value * 2 if widget.value < 32 else widget.value / 2


def test_controls_stand_at_the_start_values():
    controls, _, words = parts(explore(scenes.will_it_fit, **FIT), FIT)
    assert {name: value_of(widget) for name, widget in controls.items()} == FIT
    assert "28.55 GiB = 30.66 GB" in words.value
    assert "32 × 32 × 128 × 32,768 × 1 × (2 + 2) = 17,179,869,184 bytes" in words.value


def test_nonsense_shows_one_sentence_and_keeps_the_picture():
    controls, picture, words = parts(explore(scenes.cache_against_context, **CACHE), CACHE)
    before = picture.value
    controls["kv_heads"].value = 64
    assert "kv_heads must divide heads = 32 without remainder, not 64." in words.value
    assert picture.value == before
    controls["kv_heads"].value = 16
    assert "must divide" not in words.value


def test_an_unexpected_exception_is_not_swallowed():
    def broken(**state):
        if state["context"] > 32_768:
            raise ZeroDivisionError
        return scenes.will_it_fit(**state)

    explorer = explore(broken, **FIT)
    with pytest.raises(ZeroDivisionError):
        move_every_control()
    explorer.close_all()


def test_pictures_and_words_are_for_everyone():
    _, picture, words = parts(explore(scenes.will_it_fit, **FIT), FIT)
    assert 'role="img"' in picture.value
    assert 'aria-label="It needs 28.55 GiB' in picture.value
    assert 'aria-live="polite"' in words.value


def test_labels_have_letter_words_and_unit():
    assert control("context", 4096).description == "s: context [tokens]"
    assert control("kv_heads", 8).description == "h_kv: key and value heads"
    assert control("full_layers", 32).min == 0


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("model", "LLaMA-8B", "model 'LLaMA-8B' is not known"),
        ("context", 10**7, "context must be a whole number from 128 to 1,048,576, not 10000000."),
        ("colour", 3, "control 'colour' is not known"),
        ("kind", "rumour", "kind 'rumour' is not known"),
    ],
)
def test_a_control_that_cannot_be(name, value, sentence):
    with pytest.raises(InputError, match=sentence):
        control(name, value)
