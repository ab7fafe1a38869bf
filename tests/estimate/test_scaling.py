"""LLaMA's shape at any size, and the largest that a card holds, against LLaMA's own sizes."""

import pytest

from memcalc import Gpu, Inference, InputError, Model, fits
from memcalc.estimate.scaling import largest_model, scaled

RUN = Inference(context=32768, weights="INT8", kv_cache="INT8")
LLAMA = {"7B": 6_738_415_616, "13B": 13_015_864_320, "33B": 32_528_943_616, "65B": 65_285_660_672}


@pytest.mark.parametrize(("layers", "name"), [(32, "LLaMA-7B"), (40, "LLaMA-13B")])
def test_the_shape_gives_llamas_models(layers, name):
    model, llama = scaled(layers), Model.named(name)
    assert model.values == llama.values
    assert model.parameters == LLAMA[name.removeprefix("LLaMA-")]


@pytest.mark.parametrize("layers", [1, 7, 32, 71, 80])
def test_eight_heads_serve_equally_many_others(layers):
    model = scaled(layers, grouped=True)
    assert model.kv_heads == 8
    assert model.heads % 8 == 0
    assert 0 <= model.heads - layers < 8


def test_no_layers_are_no_model():
    with pytest.raises(InputError, match="layers must be a whole number from 1 to 78,125, not 0"):
        scaled(0)


@pytest.mark.parametrize(
    ("card", "plain", "too_large", "grouped"),
    [
        ("RTX 4090", "7B", "13B", 14.8),  # Qwen2.5-14B, 32B and 72B, which have grouped heads
        ("RTX 6000 Ada", "13B", "33B", 32.8),
        ("A100 80 GB", "33B", "65B", 72.7),
        ("H100 80 GB", "33B", "65B", 72.7),
    ],
)
def test_the_largest_llama_fits_and_the_next_does_not(card, plain, too_large, grouped):
    gpu = Gpu.named(card)
    assert LLAMA[plain] <= largest_model(gpu, RUN).parameters < LLAMA[too_large]
    assert largest_model(gpu, RUN, grouped=True).parameters >= grouped * 10**9


@pytest.mark.parametrize("grouped", [False, True])
def test_one_layer_more_does_not_fit(grouped):
    gpu = Gpu.named("MI300X")
    most = largest_model(gpu, RUN, grouped)
    assert fits(most, RUN, gpu)
    assert not fits(scaled(most.layers + 1, grouped), RUN, gpu)


def test_a_card_may_hold_none():
    with pytest.raises(InputError, match="gpu mine holds no model of LLaMA's shape with 32,768 tokens of context"):
        largest_model(Gpu("mine", "me", 1, 1, None, source="made up"), RUN)
