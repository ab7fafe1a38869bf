"""What must hold for any model and any run: limits, identities, and that what makes no sense is refused by name."""

import math
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architectures import ATTENTION, DENSE, KINDS, STATES, architectures
from cases import on
from divided import allowed
from memcalc import Inference, InputError, Model, Training, breakdown, catalogue, total, values
from memcalc.estimate.terms import terms
from memcalc.specs.engines import formats_of
from memcalc.specs.run import PARALLEL

few = settings(max_examples=12)
fewer = settings(max_examples=6)

CACHES = ["FP32", "FP16", "INT8", "INT4"]
"""Formats from many bits to few."""

INFERENCES = st.builds(
    on,
    st.sampled_from(catalogue.names("engines")),
    st.builds(
        Inference,
        context=st.integers(1, 10**6),
        batch=st.integers(1, 512),
        weights=st.sampled_from(["FP32", "FP16", "INT4", "Q4_K_M", "NF4", "GPTQ-INT4-g128", "LLM.int8"]),
        kv_cache=st.sampled_from([*CACHES, "INT8/INT4"]),
        window=st.sampled_from(["ideal", "full"]),
        overhead=st.sampled_from(["none", "low", "high"]),
    ),
)
STAGES = [{"zero": 0}, {"zero": 1}, {"zero": 2}, {"zero": 3}, {"sharding": "fsdp"}]
RECIPES = st.sampled_from(catalogue.names("recipes"))
TRAININGS = st.builds(
    lambda stage, **run: Training(activations="none", **stage, **run),
    st.sampled_from(STAGES),
    recipe=RECIPES,
    optimizer=st.sampled_from(["AdamW", "SGD", "8-bit AdamW"]),
    data_parallel=st.integers(1, 1000),
    lora_rank=st.sampled_from([0, 1]),  # for which no matrix is too thin
    overhead=st.sampled_from(["none", "high"]),
)


@few
@given(architectures(), INFERENCES | TRAININGS)
def test_exact_is_fast_and_the_terms_make_the_total(model, run):
    known, memory = values(model, run), breakdown(model, run)
    for term in terms(model, run):
        assert float(term.fast(known)) == pytest.approx(float(term.value(known)), rel=1e-9)
        assert memory[term.name] == math.ceil(term.value(known)) >= 0
    assert total(model, run) == sum(memory.values()) > 0


@few
@given(architectures(DENSE, experts=False), st.sampled_from(["none", "full"]), st.sampled_from(["megatron", "eager"]))
def test_exact_is_fast_for_activations_too(model, recompute, code):
    kind = {"activations": "megatron"} if code == "megatron" else {"attention": code}
    run = Training(context=777, batch=3, recompute=recompute, **kind)
    known = values(model, run)
    for term in terms(model, run):
        assert float(term.fast(known)) == pytest.approx(float(term.value(known)), rel=1e-9)


@few
@given(architectures(), INFERENCES, st.sampled_from(["context", "batch"]), st.integers(1, 10**5))
def test_more_context_and_more_sequences_never_take_less(model, run, quantity, more):
    assert total(model, replace(run, **{quantity: getattr(run, quantity) + more})) >= total(model, run)


@few
@given(architectures(DENSE, experts=False), st.sampled_from(["context", "batch"]), st.integers(1, 20_000))
def test_neither_do_they_in_training(model, quantity, more):
    for run in (Training(context=99, recipe="bf16"), Training(context=99, activations="megatron")):
        assert total(model, replace(run, **{quantity: getattr(run, quantity) + more})) > total(model, run)


@few
@given(architectures(), INFERENCES | TRAININGS, st.data())
def test_one_more_layer_takes_more(model, run, data):
    present = [name for name in KINDS if getattr(model, name)]
    kind = data.draw(st.sampled_from(present))
    assert total(replace(model, **{kind: getattr(model, kind) + 1}), run) > total(model, run)


@few
@given(architectures(), INFERENCES, st.sampled_from(["weights", "kv_cache"]))
def test_fewer_bits_never_take_more(model, run, quantity):
    had = [form for form in CACHES if not run.kind or form in formats_of(run.kind, quantity)]
    sizes = [total(model, replace(run, **{quantity: form})) for form in had]
    assert sizes == sorted(sizes, reverse=True)


@few
@given(architectures(), RECIPES, st.sampled_from(STAGES))
def test_sharding_over_one_card_changes_nothing(model, recipe, stage):
    alone = Training(recipe=recipe, activations="none")
    assert breakdown(model, replace(alone, **stage)) == breakdown(model, alone)


@few
@given(architectures(), RECIPES, st.sampled_from(STAGES), st.integers(2, 1000))
def test_the_shares_of_all_cards_hold_every_byte(model, recipe, stage, cards):
    """With an optimizer that counts nothing for each tensor: flat shares have fewer tensors."""
    alone = Training(recipe=recipe, activations="none", optimizer="SGD momentum")
    whole, share = breakdown(model, alone), breakdown(model, replace(alone, data_parallel=cards, **stage))
    assert all(cards * share[name] >= whole[name] for name in whole)


@fewer
@given(architectures(experts=False), INFERENCES | TRAININGS)
def test_experts_that_a_model_lacks_cannot_be_divided(model, run):
    with pytest.raises(InputError, match="expert_parallel must be 1 for drawn, which has no experts, not 4"):
        breakdown(model, replace(run, expert_parallel=4))


@few
@given(
    architectures(), st.integers(1, 10**5), st.sampled_from(PARALLEL), st.sampled_from(["FP16", "Q4_K_M"]), st.data()
)
def test_the_fullest_card_holds_its_share_or_more_and_never_more_than_all(model, context, degree, form, data):
    cards = data.draw(st.sampled_from(allowed(model)[PARALLEL.index(degree)]))
    run = Inference(context, weights=form)
    whole, share = breakdown(model, run), breakdown(model, replace(run, **{degree: cards}))
    assert all(whole[name] <= cards * share[name] for name in whole)
    assert all(share[name] <= whole[name] for name in whole)


@given(architectures())
def test_one_token_passes_at_most_all_parameters(model):
    assert 0 < model.active_parameters <= model.parameters
    every_expert = replace(model, active_experts=model.experts)
    assert every_expert.active_parameters == model.parameters


@given(architectures(experts=False))
def test_without_experts_a_token_passes_all_parameters(model):
    assert model.active_parameters == model.parameters


@few
@given(architectures(("windows", "full and windows")), INFERENCES)
def test_room_for_the_whole_context_takes_no_less_than_a_window(model, run):
    full, ideal = (breakdown(model, replace(run, window=kind))["kv_cache"] for kind in ("full", "ideal"))
    counters = 8 * model.window_layers  # of transformers, which a window has and other layers have not
    assert full + counters >= ideal
    short = replace(run, context=model.window, engine="ideal")
    assert total(model, replace(short, window="full")) == total(model, replace(short, window="ideal"))


@few
@given(architectures(STATES), INFERENCES, st.integers(1, 10**9))
def test_without_attention_no_token_is_cached(model, run, context):
    assert breakdown(model, run)["kv_cache"] == breakdown(model, replace(run, context=context))["kv_cache"]


@few
@given(architectures(ATTENTION), st.integers(1, 10**6))
def test_without_a_window_or_states_the_cache_is_in_proportion(model, context):
    plain = replace(model, window=10**9) if model.window_layers else model
    plain = replace(plain, mamba_layers=0, mamba2_layers=0, moe_layers=0, dense_layers=0)
    one = breakdown(plain, Inference(1))["kv_cache"]
    assert breakdown(plain, Inference(context))["kv_cache"] == context * one
    assert breakdown(plain, Inference(1, batch=7))["kv_cache"] == 7 * one


@pytest.mark.parametrize("name", catalogue.names("models"))
@pytest.mark.parametrize("run", [Inference(context=1000), Training(activations="none")], ids=["inference", "training"])
def test_every_model_of_the_catalogue_has_an_answer(name, run):
    model = Model.named(name)
    memory = breakdown(model, run)
    assert memory["weights"] == 2 * model.parameters
    assert min(memory.values()) > 0


_NUMBERS = [-1, 10**18, 10**5000, 0.5, math.nan, math.inf, -math.inf]
HOSTILE = [*_NUMBERS, None, "", "nonsense", b"1", [1], {"a": [1]}, (1, 2), {1}]
MAY_BE_ZERO = {
    "sinks",
    "recent",
    "ubatch",
    "prompt",
    "zero",
    "dropout",
    "lora_dropout",
    "lora_rank",
    "frozen",
    "gpu_layers",
    "cpu_experts",
    "loras",
    "batched_tokens",
    "sequences",
}
FLAGS = {
    "sequence_parallel",
    "router_outputs",
    "towers",
    "draft",
    "kv_offload",
    "kbit_preparation",
    "reentrant",
    "dora",
    "reshard",
}
ALLOWED = {
    "dropout": [0.5],
    "lora_dropout": [0.5],
    "kbit_preparation": [None],
    "reentrant": [None],
    "utilization": [None],
    "host_bandwidth": [None, 0.5],
}
CASES = [
    (kind, field.name, value)
    for kind in (Inference, Training)
    for field in fields(kind)
    for value in [*HOSTILE, *[0] * (field.name not in MAY_BE_ZERO), *[True] * (field.name not in FLAGS)]
    if value not in ALLOWED.get(field.name, ())
]


@pytest.mark.parametrize(("kind", "field"), sorted({(kind.__name__, field) for kind, field, _ in CASES}))
def test_a_hostile_value_is_refused_by_the_name_of_its_field(kind, field):
    for run, name, value in CASES:
        if (run.__name__, name) == (kind, field):
            with pytest.raises(InputError) as refused:
                run(**{name: value})
            assert field in str(refused.value)
            assert len(str(refused.value)) < 2000
