"""The cache to the byte, its slope and where it crosses the weights."""

from dataclasses import replace

import pytest
from hypothesis import given

from cases import MODELS, RUNS
from memcalc import Inference, Model, breakdown, crossing, values
from memcalc.formula import TERMS

PER_TOKEN = {
    "LLaMA-7B": 524_288,
    "LLaMA-13B": 819_200,
    "LLaMA-65B": 2_621_440,
    "Llama-2-70B": 327_680,
    "Llama-3.1-8B": 131_072,
    "Llama-3.1-405B": 516_096,
}


def cache(model, run):
    return breakdown(model, run)["kv_cache"]


def test_the_articles_example():
    assert cache(Model.named("LLaMA-7B"), Inference(context=32_768)) == 17_179_869_184


@pytest.mark.parametrize(("name", "count"), PER_TOKEN.items())
def test_bytes_of_one_token(name, count):
    model = Model.named(name)
    assert cache(model, Inference(context=1)) == TERMS["token"].exact(values(model, Inference())) == count


@given(MODELS, RUNS)
def test_one_more_token_costs_the_derivative(model, run):
    longer = replace(run, context=run.context + 1)
    assert cache(model, longer) - cache(model, run) == TERMS["token"].exact(values(model, run))


@given(MODELS, RUNS)
def test_the_crossing_is_the_first_context_at_which_the_cache_is_no_smaller(model, run):
    first = crossing(model, run)
    if first is None:  # windows and states stop growing
        assert model.full_layers + model.latent_layers == 0
        return
    here, before = (breakdown(model, replace(run, context=context)) for context in (first, max(first - 1, 1)))
    assert here["kv_cache"] >= here["weights"]
    assert first == 1 or before["kv_cache"] < before["weights"]


@given(MODELS.filter(lambda model: model.kv_heads and not model.mamba_layers), RUNS)  # no latent, no state
def test_grouped_heads_divide_the_cache(model, run):
    everyone = replace(model, kv_heads=model.heads)
    assert cache(everyone, run) * model.kv_heads == cache(model, run) * model.heads
