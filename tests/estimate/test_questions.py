"""Bytes per term, the verdict, and the inverse questions."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import MODELS, RUNS
from memcalc import Gpu, Inference, InputError, Model, Training, breakdown, crossing, fewest_gpus, fits, largest, values
from memcalc.formula import TERMS
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import BY_NAME
from small_models import small

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


@given(MODELS, RUNS, st.sampled_from(["FP32", "BF16", "INT8", "INT4"]))
def test_the_terms_of_plain_formats_make_the_formulas_total(model, run, form):
    run = replace(run, weights=form)
    known = values(model, run)
    formula = in_structure(TERMS["inference"], model.structure)
    assert abs(total(model, run) - formula.exact(known)) <= 1  # two half bytes may each take a whole one
    assert float(formula.fast(known)) == pytest.approx(total(model, run), rel=1e-12)


@given(MODELS, RUNS, st.sampled_from(["context", "batch"]))
def test_memory_grows_with_context_and_batch(model, run, quantity):
    more = replace(run, **{quantity: getattr(run, quantity) + 1})
    assert total(model, more) >= total(model, run)  # a state space takes no more, and a full window


@given(MODELS, RUNS)
def test_the_margin_is_capacity_minus_need(model, run):
    fit = fits(model, run, CARD)
    assert fit.margin == CARD.capacity - total(model, run)
    assert bool(fit) == (fit.margin >= 0)


@pytest.mark.parametrize(("missing", "fit"), [(-1, True), (0, True), (1, False)])
def test_what_fills_the_card_to_the_last_byte_fits(missing, fit):
    """LLaMA-7B: 6,738,415,616 parameters of two bytes, and 2 × 32 × 4,096 numbers of two bytes a token."""
    needed = 2 * 6_738_415_616 + 32_768 * 2 * 32 * 4096 * 2
    card = replace(CARD, visible_gib=Fraction(needed - missing, 2**30))
    verdict = fits(Model.named("LLaMA-7B"), Inference(context=32_768), card)
    assert (verdict.needed, verdict.margin, bool(verdict)) == (needed, -missing, fit)


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
        (
            lambda model, run: fits(run, model, CARD),
            "model must be of type Model, NominalModel or WeighedModel, not Inference(",
        ),
        (lambda model, run: fits(model, CARD, run), "gpu must be of type Gpu, not Inference("),
        (lambda model, run: fits(model, run, "RTX 4090"), "gpu must be of type Gpu, not 'RTX 4090'."),
        (
            lambda model, run: breakdown("LLaMA-7B", run),
            "model must be of type Model, NominalModel or WeighedModel, not 'LLaMA-7B'.",
        ),
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


LLAMA_7B = Model.named("LLaMA-7B")
TRAININGS = [
    Training(context=512, recipe="bf16", optimizer="SGD"),
    Training(context=512, recipe="bf16", optimizer="8-bit AdamW", zero=3, data_parallel=64, recompute="full"),
    Training(context=512, sharding="fsdp", data_parallel=16, activations="megatron", overhead="low"),
    Training(context=512, recipe="autocast", optimizer="Adafactor", sharding="fsdp", data_parallel=16),
]


@pytest.mark.parametrize("run", TRAININGS, ids=str)
@pytest.mark.parametrize("quantity", ["context", "batch"])
def test_largest_knows_training(run, quantity):
    card = Gpu.named("H100 80 GB")
    best = largest(quantity, LLAMA_7B, run, card)
    assert best == BY_NAME[quantity].limit or not fits(LLAMA_7B, replace(run, **{quantity: best + 1}), card)
    assert best
    assert fits(LLAMA_7B, replace(run, **{quantity: best}), card)


@pytest.mark.parametrize("run", TRAININGS[:3], ids=str)
def test_the_largest_size_that_trains(run):
    run = replace(run, activations="none")
    best = largest("parameters", Model.nominal(1), run, CARD)
    assert fits(Model.nominal(best), run, CARD)
    assert not fits(Model.nominal(best + 1 + 2 * 64), run, CARD)  # what fills the shares up leaves a few bytes open
    assert largest("parameters", LLAMA_7B, run, CARD) == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize("form", ["FP16", "INT4", "Q4_K_M", "GPTQ-INT4-g128"])
def test_the_largest_size_has_the_bits_of_the_model(form):
    run = Inference(4096, weights=form)
    memory = breakdown(LLAMA_7B, run)
    best = largest("parameters", LLAMA_7B, run, CARD)
    room = CARD.capacity - memory["kv_cache"]
    assert best == pytest.approx(room / memory["weights"] * LLAMA_7B.parameters, rel=1e-9)


def test_largest_stays_where_prefill_is_known():
    mistral, chunked = Model.named("Mistral-7B-v0.1"), Inference(2048, prefill=2048)
    assert largest("context", mistral, replace(chunked, engine="transformers-static"), Gpu.named("H200")) == 4095
    assert largest("context", mistral, chunked, Gpu.named("H200")) == BY_NAME["context"].limit
    assert 0 < largest("context", LLAMA_7B, Inference(32_768, prefill=512), CARD) < 32_768
    assert largest("context", LLAMA_7B, Inference(32_768, prefill=512), Gpu.named("T4")) > 512


@pytest.mark.parametrize("visible", [22, 24, 26, 28, 40])
def test_largest_sees_that_a_full_window_may_take_less(visible):
    """Grouped heads in FP32 keep their scores until the mask of a full window brings another kernel."""
    model = replace(Model.named("Mistral-7B-v0.1"), window_layers=4, dense_layers=4)
    run, card = Training(recipe="fp32"), replace(CARD, visible_gib=visible)
    best = largest("context", model, run, card)
    assert fits(model, replace(run, context=best), card)
    longer = [best + 1, *range(best + 2, 3 * model.window, 97), model.window]
    assert not any(fits(model, replace(run, context=context), card) for context in longer if context > best)


def test_crossing_is_a_question_of_inference():
    with pytest.raises(InputError, match="run must be of type Inference"):
        crossing(LLAMA_7B, Training())
    with pytest.raises(InputError, match="model must be of type Model"):
        crossing(Model.nominal(1), Inference())


@pytest.mark.parametrize(
    "name",
    ["Llama-2-70B", "Qwen2.5-72B", "Falcon-40B", "Mixtral-8x22B", "DeepSeek-V3", "Jamba-1.5-Large", "Mamba-2-2.7B"],
)
@pytest.mark.parametrize("card", ["T4", "A100 80 GB"])
def test_fewest_gpus_of_inference_by_brute_force(name, card):
    model, run, card = Model.named(name), Inference(8192, batch=4), Gpu.named(card)

    def even(cards):
        whole = [model.heads, model.state_heads, model.inner if model.mamba_layers else 0]
        shared = model.kv_heads % cards == 0 or cards % model.kv_heads == 0
        return shared and all(count % cards == 0 for count in whole)

    enough = [n for n in range(1, 129) if even(n) and fits(model, replace(run, tensor_parallel=n), card)]
    assert fewest_gpus(model, run, card) == min(enough, default=0)


SIZES = [*map(Model.nominal, (99, 10**5 + 1, 3 * 10**9)), small("llama20M"), LLAMA_7B]
SHARED = st.builds(
    lambda recipe, stage, optimizer: Training(recipe=recipe, optimizer=optimizer, activations="none", **stage),
    st.sampled_from(["mixed", "fp32", "bf16", "megatron"]),
    st.sampled_from([{"zero": 0}, {"zero": 1}, {"zero": 2}, {"zero": 3}, {"sharding": "fsdp"}]),
    st.sampled_from(["AdamW", "SGD", "8-bit AdamW", "torchao AdamW 4-bit block 64"]),
)


@given(st.sampled_from(SIZES), SHARED, st.integers(1, 99), st.integers(-9, 9))
@settings(max_examples=40)
def test_fewest_gpus_of_training_by_brute_force(model, run, cards, more):
    """The card has just what each of so many needs, or a few bytes more or less: one share too full would be seen."""
    room = max(1, fits(model, replace(run, data_parallel=cards), CARD).needed + more)
    card = replace(CARD, visible_gib=Fraction(room, 2**30))
    found = fewest_gpus(model, run, card)
    shares = run.zero or run.sharding == "fsdp"
    fewer = range(1, found or 100) if shares else [1]
    enough = [n for n in fewer if fits(model, replace(run, data_parallel=n), card)]
    assert enough == ([1] if found == 1 and not shares else [])
    assert found == 0 or fits(model, replace(run, data_parallel=found), card)
    assert found <= cards or more < 0 or not shares


def test_fewest_gpus_where_full_shares_need_most():
    """Of ZeRO 2 the weights of the first of 3 cards are filled up to 12 numbers, of 5 cards to 10.

    The step has the gradients twice: as the backward pass left them, and laid end to end.
    """
    model, run = Model.nominal(10), Training(zero=2, recipe="bf16", optimizer="SGD", activations="none")
    needed = {n: fits(model, replace(run, data_parallel=n), CARD).needed for n in range(1, 7)}
    assert needed == {1: 20 + 20, 2: 24 + 2 * 12, 3: 24 + 2 * 8, 4: 32 + 2 * 8, 5: 20 + 2 * 4, 6: 24 + 2 * 4}
    rooms = {n: replace(CARD, visible_gib=Fraction(needed[n], 2**30)) for n in needed}
    assert {n: fewest_gpus(model, run, room) for n, room in rooms.items()} == {1: 1, 2: 1, 3: 1, 4: 1, 5: 5, 6: 5}


def test_the_other_degrees_multiply_the_cards():
    model, card = Model.named("Mixtral-8x7B"), Gpu.named("A100 80 GB")
    assert fewest_gpus(model, Inference(4096, pipeline_parallel=4), card) == 4
    run = Training(zero=1, tensor_parallel=8, data_parallel=1000, activations="none")
    assert fewest_gpus(model, run, card) == 8 * min(
        n for n in range(1, 99) if fits(model, replace(run, data_parallel=n), card)
    )


def test_published_numbers_of_cards():
    """Llama-3.1-70B at 16 bytes a parameter fills 14 cards of 80 GB, and a step takes 9 GB more on each.

    DeepSeek-V3 in FP8 takes one machine of 8 H200.
    """
    assert fewest_gpus(Model.nominal(70_553_706_496), Training(zero=3), Gpu.named("A100 80 GB")) == 15
    assert fewest_gpus(Model.named("DeepSeek-V3"), Inference(4096, weights="FP8"), Gpu.named("H200")) == 8


def test_fewest_gpus_takes_only_degrees_that_an_engine_has():
    with pytest.raises(InputError, match="expert_parallel must be 1 for LLaMA-7B, which has no experts, not 8"):
        fewest_gpus(LLAMA_7B, Inference(expert_parallel=8), CARD)
    with pytest.raises(InputError, match="pipeline_parallel must be at most the 32 layers of LLaMA-7B, not 64"):
        fewest_gpus(LLAMA_7B, Training(zero=3, pipeline_parallel=64, activations="none"), CARD)
    run = Inference(32_768, weights="FP32")
    assert fewest_gpus(LLAMA_7B, replace(run, tensor_parallel=3), CARD) == fewest_gpus(LLAMA_7B, run, CARD) == 2


def test_fewest_gpus_refuses_what_fits_refuses():
    with pytest.raises(InputError, match="has no architecture"):
        fewest_gpus(Model.nominal(10**9), Inference(), CARD)
    with pytest.raises(InputError, match="gpu must be of type Gpu"):
        fewest_gpus(LLAMA_7B, Inference(), "RTX 4090")
    pythia = Model.named("Pythia-6.9B")
    with pytest.raises(InputError, match=r"'none' for Pythia-6\.9B on several cards: nobody has measured"):
        fewest_gpus(pythia, Inference(10**6, prefill=512), CARD)
