"""Bytes per term, the verdict, and the inverse questions."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import MODELS, RUNS
from memcalc import Gpu, Inference, InputError, Model, breakdown, fits, largest, values
from memcalc.formula import TERMS
from memcalc.symbols import BY_NAME

CARD = Gpu.named("RTX 4090")


def total(model, run):
    return sum(breakdown(model, run).values())


@pytest.mark.parametrize(
    ("model", "fmt", "gib", "fit"),
    [
        ("LLaMA-7B", "FP16", 28.55, False),
        ("LLaMA-7B", "INT8", 14.28, True),
        ("LLaMA-13B", "INT8", 24.62, False),
        ("LLaMA-13B", "INT4", 12.31, True),
        ("Llama-2-70B", "INT8", 69.24, False),
        ("LLaMA-65B", "INT8", 100.80, False),
    ],
)
def test_the_articles_rows(model, fmt, gib, fit):
    run = Inference(32_768, weights=fmt, kv_cache=fmt)
    assert round(total(Model.named(model), run) / 2**30, 2) == gib
    assert bool(fits(Model.named(model), run, CARD)) == fit


def test_breakdown_is_in_the_formulas_order_and_whole():
    memory = breakdown(Model.named("Llama-2-7B"), Inference(context=32_768))
    assert list(memory.items()) == [("weights", 13_476_831_232), ("kv_cache", 17_179_869_184)]
    assert all(type(count) is int for count in memory.values())


@given(MODELS, RUNS)
def test_terms_sum_to_the_total_and_exact_is_fast(model, run):
    known = values(model, run)
    assert abs(total(model, run) - TERMS["inference"].exact(known)) <= 1  # two half bytes may each take a whole one
    assert float(TERMS["inference"].fast(known)) == pytest.approx(total(model, run), rel=1e-12)


@given(MODELS, RUNS, st.sampled_from(["context", "batch"]))
def test_memory_grows_with_context_and_batch(model, run, quantity):
    more = replace(run, **{quantity: getattr(run, quantity) + 1})
    assert total(model, more) >= total(model, run)
    assert total(model, more) > total(model, run) or (quantity == "context" and not grows(model, run))


def grows(model, run):
    """Whether some layer has room for another token."""
    return model.full_layers or model.latent_layers or run.context < model.window


@given(MODELS, RUNS)
def test_the_margin_is_capacity_minus_need(model, run):
    fit = fits(model, run, CARD)
    assert fit.margin == CARD.capacity - total(model, run)
    assert bool(fit) == (fit.margin >= 0)


@given(MODELS, RUNS, st.sampled_from(["context", "batch"]))
def test_largest_is_the_last_that_fits(model, run, quantity):
    best = largest(quantity, model, run, CARD)
    if best:
        assert fits(model, replace(run, **{quantity: best}), CARD)
    if best < BY_NAME[quantity].limit:
        assert not fits(model, replace(run, **{quantity: best + 1}), CARD)


def test_largest_by_brute_force():
    model, run = Model.named("LLaMA-7B"), Inference(context=2048)
    assert largest("batch", model, run, CARD) == max(
        n for n in range(1, 99) if fits(model, replace(run, batch=n), CARD)
    )


def test_largest_knows_its_quantities():
    with pytest.raises(InputError, match=r"quantity 'weight' is not known. Known: context, batch, parameters."):
        largest("weight", Model.named("LLaMA-7B"), Inference(), CARD)


def test_a_size_alone_has_weights_and_no_verdict():
    assert breakdown(Model.nominal(7 * 10**9), Inference(weights="INT4")) == {"weights": 3_500_000_000}
    with pytest.raises(InputError, match="has no architecture"):
        fits(Model.nominal(7 * 10**9), Inference(), CARD)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (lambda model, run: fits(run, model, CARD), "model must be of type Model or NominalModel, not Inference("),
        (lambda model, run: fits(model, CARD, run), "gpu must be of type Gpu, not Inference("),
        (lambda model, run: fits(model, run, "RTX 4090"), "gpu must be of type Gpu, not 'RTX 4090'."),
        (lambda model, run: breakdown("LLaMA-7B", run), "model must be of type Model or NominalModel, not 'LLaMA-7B'."),
        (
            lambda model, run: breakdown(model, {"context": 1}),
            "run must be of type Inference or Training, not {'context': 1}.",
        ),
        (lambda model, run: largest("context", model, CARD, run), "gpu must be of type Gpu, not Inference("),
    ],
)
def test_swapped_arguments_are_named(question, sentence):
    with pytest.raises(InputError) as caught:
        question(Model.named("LLaMA-7B"), Inference())
    assert str(caught.value).startswith(sentence)
