"""The bars of designs: as long as their bytes, and not before they are asked for."""

import json

import pytest

from memcalc.explorers.kv_cache import growing_cache
from memcalc.units import UNITS, show


def frame(**setting):
    return growing_cache.frame(**growing_cache.setting(setting))


def texts(shown):
    return {name: shape["text"] for name, shape in shown.shapes.items() if shape["tag"] == "text"}


def test_bars_are_as_long_as_their_bytes():
    """0.50, 0.52 and 0.02 GiB for window, hybrid and state at 32,768 tokens: tests/formula/test_kv_cache.py."""
    shown = frame(context=32_768)
    sizes = {"LLaMA-7B": 16.0, "Llama-3.1-8B": 4.0, "Mistral-7B-v0.1": 0.5, "Jamba-v0.1": 0.5154, "Mamba-2.8B": 0.022}
    longest = shown.shapes["LLaMA-7B_bar"]["width"]
    for name, gib in sizes.items():
        drawn = shown.shapes[f"{name}_bar"]["width"]
        assert drawn == pytest.approx(max(0.8, longest * gib / 16), abs=0.1)
    assert texts(shown)["Jamba-v0.1_size"] == "0.52 GiB"
    assert texts(shown)["Jamba-v0.1_keeps"] == "attention in 4 of 32 layers"


def test_what_an_exercise_asks_for_is_not_shown_unasked():
    """2,196 MiB: exercise 4.3 asks for a model of the same shape."""
    hidden = frame(context=32_768)
    assert "DeepSeek-V3_bar" not in hidden.shapes
    assert "2.14" not in json.dumps(growing_cache.data({"context": 32_768}))
    assert hidden.shapes["DeepSeek-V3_reach"]["press"] == {"latents": "shown"}
    shown = frame(context=32_768, latents="shown")
    assert texts(shown)["DeepSeek-V3_size"] == show(2196 * UNITS["MiB"])
    assert "DeepSeek-V3_bar" in frame(model="DeepSeek-V3").shapes


def test_one_token_is_one():
    assert texts(frame(context=1, says=""))["designs_held"].startswith("1 token in FP16")
    assert texts(frame(context=2048, batch=3))["designs_held"].startswith("3 × 2,048 tokens in FP16")
