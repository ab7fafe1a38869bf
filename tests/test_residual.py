"""Quantized caches keep their newest tokens in 16 bit, as the code that cuts them does."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Gpu, Inference, Model, breakdown, fits, largest
from memcalc.formula.residual import with_residual
from memcalc.symbols import symbol

R = 128


def named(name, **run):
    return breakdown(Model.named(name), Inference(**run))["kv_cache"]


def kivi(prompt, steps):
    """Tokens whose keys, and whose values, are in 16 bit: as KIVI's code cuts them, step by step."""
    keys, in_16_bit = prompt % R, min(prompt, R)
    for _ in range(steps):
        keys, in_16_bit = (keys + 1) % R, in_16_bit + 1
        in_16_bit -= in_16_bit > R
    return keys, in_16_bit


def quantized_cache(prompt, steps):
    """The same for Transformers' QuantizedCache, which empties both at once."""
    keys = 0
    for _ in range(steps):
        keys = 0 if keys + 1 >= R else keys + 1
    return keys, keys


@pytest.mark.parametrize(("code", "form", "bits"), [(kivi, "KIVI-2", 3), (quantized_cache, "quanto-INT4-g64", 4.5)])
@given(prompt=st.integers(1, 1000), steps=st.integers(0, 300), batch=st.integers(1, 4))
def test_newest_tokens_stay_in_16_bit_as_the_code_cuts_them(code, form, bits, prompt, steps, batch):
    context = prompt + steps
    numbers = batch * 32 * 32 * 128
    size = sum(numbers * (2 * newest + bits / 8 * (context - newest)) for newest in code(prompt, steps))
    assert named("Llama-2-7B", context=context, prompt=prompt, batch=batch, kv_cache=form) == size


@pytest.mark.parametrize("policy", ["KIVI", "transformers"])
@given(st.integers(1, 10**6), st.integers(1, 1024), st.data())
def test_the_residual_is_never_more_than_its_tokens(policy, context, residual, data):
    prompt = data.draw(st.integers(0, context))
    known = {symbol("context"): context, symbol("residual"): residual, symbol("prompt"): prompt}
    for part in with_residual(policy).parts[-1].parts[:2]:
        assert 0 <= part.exact(known) <= min(residual, context)


def test_2_bits_cost_3_and_the_newest_tokens():
    """Of KIVI's groups of 32 in 2 bits: 2 + 32/32."""
    size = named("Llama-2-7B", context=131_072, kv_cache="KIVI-2")
    newest = 128 * 32 * 32 * 128 * (2 - Fraction(3, 8))  # the values of 128 tokens
    assert size == 131_072 * 524_288 * Fraction(3, 16) + newest


@pytest.mark.parametrize("form", ["KIVI-2", "quanto-INT4-g64"])
@given(budget=st.integers(10**7, 10**9))
def test_every_context_up_to_the_largest_fits(form, budget):
    """A cache shrinks when its newest tokens are quantized, so that a longer context may fit and a shorter one not."""
    model = replace(Model.named("Llama-3.2-1B"), full_layers=1, dense_layers=1)
    card = replace(Gpu.named("RTX 4090"), visible_gib=Fraction(budget, 2**30))
    run = Inference(weights="INT4", kv_cache=form, batch=64)
    best = largest("context", model, run, card)
    around = range(max(1, best - 300), best + 2)
    fitting = [context for context in around if fits(model, replace(run, context=context), card)]
    assert fitting == [*around[:-1]] if best else 1 not in fitting
