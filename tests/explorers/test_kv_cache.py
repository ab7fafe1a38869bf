"""The explorer of the cache: what it says, how pairs are shared, and that every setting has a picture."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import GPT2
from memcalc import Inference, InputError, Model, breakdown, catalogue
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.kv_cache import AS_BUILT, growing_cache
from memcalc.units import show


def frame(**setting):
    return growing_cache.frame(**growing_cache.setting(setting))


def texts(shown):
    return {name: shape["text"] for name, shape in shown.shapes.items() if shape["tag"] == "text"}


def test_the_result_is_said():
    """16 GiB for 32,768 tokens, 25,706 tokens until the weights are reached: computed by hand in lesson 4."""
    said = frame(context=32_768).sentence_said
    assert said == (
        "After 32,768 tokens the cache takes 16.00 GiB, more than the 12.55 GiB of the weights. "
        "It reached them at token 25,706."
    )
    assert frame(context=1, says="").sentence_said.startswith("After 1 token the cache takes 0.50 MiB.")
    assert "in each of 16 conversations the cache takes 256.00 GiB" in frame(context=32_768, batch=16).sentence_said


@pytest.mark.parametrize("model", catalogue.names("models"))
def test_every_way_to_share_is_one_that_goes(model):
    heads = Model.named(model).heads
    for sharing in growing_cache.controls["sharing"].options:
        shown = frame(model=model, sharing=sharing)
        if handle := shown.shapes.get("sharing"):
            places = [place for _, place in handle["handle"]["places"]]
            assert len(set(places)) == len(places)
            assert sharing in dict(handle["handle"]["places"])
            pairs = int(re.match(r"\d+", texts(shown)["pairs"])[0])
            assert heads % pairs == 0


def test_a_way_that_does_not_go_is_said():
    shown = frame(model="Qwen2.5-7B", sharing="8 queries")
    assert texts(shown)["pairs"] == "4 pairs"
    assert "28 queries cannot be dealt out by 8; a pair serves 7, the next number that goes." in shown.notes
    assert len(frame(model="Falcon-7B").shapes["sharing"]["handle"]["places"]) == 2  # 71 is a prime


@pytest.mark.parametrize("sharing", [AS_BUILT, "4 queries"])
def test_the_line_of_python_gives_what_is_shown(sharing):
    names = {"Model": Model, "Inference": Inference, "breakdown": breakdown, "replace": replace}
    shown = frame(context=32_768, sharing=sharing)
    assert f"takes {show(eval(shown.code, names))}" in shown.sentence_said


def test_a_config_of_ones_own():
    shown = frame(model=json.dumps(GPT2), context=1024, sharing="2 queries")
    assert texts(shown)["pairs"] == "6 pairs"
    assert "replace(Model.from_config('config.json'), kv_heads=6)" in shown.code
    with pytest.raises(InputError):
        frame(model='{"model_type": "gpt2"}')


SETTINGS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(catalogue.names("models")),
        "context": st.integers(1, 2**20),
        "batch": st.integers(1, 256),
        "kv_cache": st.sampled_from(growing_cache.controls["kv_cache"].options),
        "sharing": st.sampled_from(growing_cache.controls["sharing"].options),
        "latents": st.sampled_from(("hidden", "shown")),
        "says": st.text(max_size=120),
    }
)


@given(SETTINGS, st.sampled_from(LAYOUTS))
def test_every_setting_has_a_picture(setting, width):
    data = growing_cache.data(setting, width)
    for name, shape in data["shapes"].items():
        if shape["tag"] == "rect":
            assert all(shape[side] >= 0 for side in ("width", "height")), name
            assert name.endswith("reach") or "inside" in shape or shape["x"] + shape["width"] <= width + 1, name
    assert data["shapes"]["cells" if "cells" in data["shapes"] else "state"]
    cache, weights = (data["shapes"][f"{term}_column"]["height"] for term in ("kv_cache", "weights"))
    assert max(cache, weights) <= 290
    assert json.loads(json.dumps(data))["said"]
