"""Towers beside a language model that is trained: their weights count where files tell them, the rest is said."""

from dataclasses import replace

import pytest

from memcalc import Gpu, Model, Training, breakdown, fits, peak
from memcalc.estimate.advice import verdict

GEMMA = replace(Model.named("Gemma-3-4B"), file_vision=834_000_000, file_projector=6_000_000)
H100 = Gpu.named("H100 80 GB")
CONFIG = {
    "model_type": "gemma3",
    "text_config": {
        **{"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34, "num_attention_heads": 8},
        **{"num_key_value_heads": 4, "intermediate_size": 10_240, "vocab_size": 262_208, "head_dim": 256},
        "sliding_window": 1024,
    },
    "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 1152, "num_hidden_layers": 27},
}


@pytest.mark.parametrize(
    ("choice", "share"), [({}, 1), ({"zero": 2, "data_parallel": 4}, 1), ({"zero": 3, "data_parallel": 4}, 4)]
)
def test_weights_of_frozen_towers_count_at_every_moment(choice, share):
    run = Training(recipe="bf16", recompute="full", **choice)
    assert breakdown(GEMMA, run)["towers"] == 840_000_000 // share
    assert {at.parts["towers"] for at in peak(GEMMA, run).moments.values()} == {840_000_000 // share}


def test_the_verdict_says_what_towers_may_take_too():
    run = Training(recipe="bf16", recompute="full")
    assert fits(GEMMA, run, H100).word == "fits if"
    assert "what towers keep of pictures" in verdict(GEMMA, run, H100)


def test_a_tower_of_which_only_a_config_tells_is_said_to_be_missing():
    model, run = Model.from_config(CONFIG), Training(recipe="bf16", recompute="full")
    assert "towers" not in breakdown(model, run)
    assert verdict(model, run, H100).endswith("are enough for what vision_config of the file stands for.")


def test_a_language_model_alone_simply_fits():
    assert fits(Model.named("Gemma-3-4B"), Training(recipe="bf16", recompute="full"), H100).word == "fits"
