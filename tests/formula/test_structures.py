"""The terms of models whose window layers have other heads, or whose family has tensors of its own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import architectures
from memcalc import TERMS, Inference, Model, breakdown
from memcalc.formula.structures import in_structure
from memcalc.formula.tensors import Structure
from memcalc.formula.weights import weights

GEMMA = Model.named("Gemma-3-4B")
SAME = {"window_heads": 8, "window_kv_heads": 4, "window_head_dim": 256}


def test_a_general_model_keeps_the_general_terms():
    assert in_structure(weights, Structure()) is weights
    assert in_structure(TERMS["decode_time"], Model.named("Qwen3-8B").structure) is TERMS["decode_time"]


@given(architectures(["full and windows"]), st.sampled_from(["FP16", "FP8"]))
def test_window_layers_with_the_same_heads_count_as_without_heads_of_their_own(model, cache):
    own = {f"window_{name}": getattr(model, name) for name in ("heads", "kv_heads", "head_dim")}
    other, run = replace(model, **own), Inference(context=1000, kv_cache=cache)
    assert other.structure.own
    assert not model.structure.own
    assert (other.parameters, other.active_parameters) == (model.parameters, model.active_parameters)
    assert breakdown(other, run) == breakdown(model, run)


@pytest.mark.parametrize("changed", ["window_kv_heads", "window_head_dim"])
def test_heads_of_their_own_change_window_layers_alone(changed):
    other, run = replace(GEMMA, **SAME | {changed: 2 * SAME[changed]}), Inference(context=2048)
    full = replace(GEMMA, full_layers=0, window_layers=0, mamba_layers=GEMMA.layers, inner=1)
    assert full.parameters != GEMMA.parameters  # the layers that differ below are layers with a window
    more = breakdown(other, run)["kv_cache"] - breakdown(GEMMA, run)["kv_cache"]
    assert more == GEMMA.window_layers * 2 * 4 * 256 * 1024 * 2  # keys and values of 1,024 tokens, once more


def test_the_tensors_of_a_family_are_in_its_parameters():
    plain = Model.named("Llama-3.2-1B")
    bitnet = replace(plain, family="bitnet")
    assert bitnet.parameters - plain.parameters == plain.layers * (plain.hidden + plain.intermediate)
