"""Between how many cards a model can be divided: what the heads, the layers and the experts allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import MODELS
from memcalc import Inference, InputError, Model, Training, breakdown
from memcalc.estimate.degrees import check_degrees, splits
from memcalc.estimate.states import places
from memcalc.estimate.training import peak_of_recomputation

REFUSED = [
    ("Llama-3.1-8B", "tensor_parallel", 3, "divide heads = 32 of Llama-3.1-8B without remainder"),
    ("Llama-3.1-8B", "pipeline_parallel", 64, "be at most the 32 layers of Llama-3.1-8B"),
    ("Llama-3.1-8B", "expert_parallel", 8, "be 1 for Llama-3.1-8B, which has no experts"),
    ("Mixtral-8x7B", "expert_parallel", 64, "be at most experts = 8 of Mixtral-8x7B"),
    ("Falcon-7B", "tensor_parallel", 2, "divide heads = 71 of Falcon-7B without remainder"),
    ("Qwen2.5-7B", "tensor_parallel", 14, "divide kv_heads = 4 of Qwen2.5-7B without remainder, or be a multiple"),
    ("Laguna-XS.2", "tensor_parallel", 48, "divide window_heads = 64 of Laguna-XS.2 without remainder"),
    ("Mamba-2.8B", "tensor_parallel", 3, "divide inner = 5,120 of Mamba-2.8B without remainder"),
    ("Falcon-H1-34B", "tensor_parallel", 4, "divide groups = 2 of Falcon-H1-34B without remainder"),
    ("Falcon-H1-34B", "tensor_parallel", 20, "divide inner = 4,096 of Falcon-H1-34B without remainder"),
    ("Qwen3.5-27B", "tensor_parallel", 24, "divide delta_key_heads = 16 of Qwen3.5-27B without remainder"),
    ("Nemotron-H-8B", "pipeline_parallel", 53, "be at most the 52 layers of Nemotron-H-8B"),
]
"""Heads of Falcon-7B, Qwen2.5-7B and the others as their config.json has them."""


@pytest.mark.parametrize(("name", "degree", "cards", "allowed"), REFUSED)
def test_what_no_engine_divides_is_refused_in_one_sentence(name, degree, cards, allowed):
    model = Model.named(name)
    for run in (Inference(**{degree: cards}), Training(activations="none", **{degree: cards})):
        with pytest.raises(InputError) as caught:
            breakdown(model, run)
        assert str(caught.value) == f"{degree} must {allowed}, not {cards:,}."


def test_experts_that_do_not_share_out_evenly_are_served_and_not_trained():
    """Three experts of eight on the first card, as determine_expert_map of vLLM deals them out; Megatron refuses."""
    model, run = Model.named("Mixtral-8x7B"), Inference(expert_parallel=3)
    whole = breakdown(model, Inference())["weights"]
    expert = 3 * model.hidden * model.expert_intermediate * model.moe_layers * 2
    assert breakdown(model, run)["weights"] == whole - 5 * expert
    with pytest.raises(InputError, match=r"^expert_parallel must divide experts = 8 of Mixtral-8x7B"):
        breakdown(model, Training(activations="none", expert_parallel=3))


def test_so_it_is_wherever_a_divided_training_is_asked_for():
    model, run = Model.named("LLaMA-7B"), Training(tensor_parallel=3)
    for question in (places, peak_of_recomputation):
        with pytest.raises(InputError, match="tensor_parallel must divide heads = 32"):
            question(model, run)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("Llama-3.1-8B", [1, 2, 4, 8, 16, 32]),
        ("Falcon-7B", [1, 71]),  # its one head of keys and values is copied
        ("Qwen2.5-7B", [1, 2, 4, 28]),
        ("DeepSeek-V3", [1, 2, 4, 8, 16, 32, 64, 128]),  # latents are copied
        ("Mamba-2-2.7B", [1, 2, 4, 5, 8, 10, 16, 20, 40, 80]),  # so is its one group
        ("Nemotron-H-8B", [1, 2, 4, 8]),  # of 8 groups
        ("Falcon-H1-34B", [1, 2]),
        ("Gemma-4-31B", [1, 2, 4, 8, 16, 32]),  # 4 heads of keys and values, 16 in window layers
    ],
)
def test_the_numbers_of_cards_that_share_all_heads(name, numbers):
    assert list(splits(Model.named(name))) == numbers


@given(MODELS, st.integers(1, 256))
def test_what_is_offered_is_allowed_and_nothing_else(model, cards):
    try:
        breakdown(model, Inference(tensor_parallel=cards))
    except InputError:
        assert cards not in splits(model)
    else:
        assert cards in splits(model)


@pytest.mark.parametrize("name", ["Llama-3.1-8B", "Mixtral-8x7B", "DeepSeek-V3", "Jamba-v0.1"])
def test_as_many_stages_as_layers_and_cards_as_experts_are_allowed(name):
    model = Model.named(name)
    run = Inference(pipeline_parallel=model.layers, expert_parallel=model.experts or 1)
    assert check_degrees(model, run) is None
    assert breakdown(model, run)
