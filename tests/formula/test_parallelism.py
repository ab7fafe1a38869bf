"""The part of a model that one card holds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import MODELS
from memcalc import Inference, Model, breakdown
from memcalc.formula import TERMS
from memcalc.formula.parallelism import on_one_card

CARDS = st.integers(1, 16)


@given(MODELS, CARDS, CARDS)
def test_no_byte_is_lost(model, tensor, pipeline):
    whole = breakdown(model, Inference(context=512))
    run = Inference(context=512, tensor_parallel=tensor, pipeline_parallel=pipeline)
    for name, count in breakdown(model, run).items():
        assert count <= whole[name]
        assert count * tensor * pipeline >= whole[name] - 2 * model.hidden * 2 * 2  # one final norm, on the last stage


@given(MODELS)
def test_one_card_holds_everything(model):
    alone = dict.fromkeys(("tensor_parallel", "pipeline_parallel", "expert_parallel"), 1)
    known = model.values | Inference(**alone).values
    for name in ("parameters", "kv_cache"):
        assert on_one_card(TERMS[name]).exact(known) == TERMS[name].exact(known)


def test_heads_and_widths_are_divided_but_norms_are_not():
    model = Model.named("LLaMA-7B")
    weights = breakdown(model, Inference(tensor_parallel=8))["weights"] // 2
    norms = (2 * 32 + 1) * 4096
    assert weights == (model.parameters - norms) // 8 + norms


LLAMA_LAYER = 4 * 4096**2 + 3 * 4096 * 11_008 + 2 * 4096
LLAMA_3_LAYER = 2 * 2048 * (2048 + 512) + 3 * 2048 * 8192 + 2 * 2048


@pytest.mark.parametrize(
    ("name", "stages", "parameters"),
    [
        ("LLaMA-7B", 1, 32 * LLAMA_LAYER + 2 * 32_000 * 4096 + 4096),
        ("LLaMA-7B", 2, 16 * LLAMA_LAYER + 32_000 * 4096 + 4096),
        ("LLaMA-7B", 32, LLAMA_LAYER + 32_000 * 4096 + 4096),
        ("Llama-3.2-1B", 1, 16 * LLAMA_3_LAYER + 128_256 * 2048 + 2048),
        ("Llama-3.2-1B", 4, 4 * LLAMA_3_LAYER + 128_256 * 2048 + 2048),
    ],
)
def test_a_stage_of_several_holds_one_embedding_table_at_most(name, stages, parameters):
    """The first stage embeds the tokens and the last has the output head (Narayanan et al. 2021, section 2.2)."""
    assert breakdown(Model.named(name), Inference(pipeline_parallel=stages))["weights"] == 2 * parameters


@pytest.mark.parametrize("stages", [1, 2, 4, 8])
@pytest.mark.parametrize("weights", ["NF4", "FP8-128x128", "Q4_0"])
def test_a_stage_of_quantized_layers_is_a_smaller_model(weights, stages):
    """But for the embedding, of which the whole has two tables and a stage one."""
    model = Model.named("LLaMA-7B")
    small = replace(model, full_layers=32 // stages, dense_layers=32 // stages, embedding_tables=1 + (stages == 1))
    stage = breakdown(model, Inference(weights=weights, pipeline_parallel=stages))["weights"]
    assert stage == breakdown(small, Inference(weights=weights))["weights"]


@pytest.mark.parametrize(("cards", "heads"), [(4, 2), (8, 1), (16, 1)])
def test_a_key_value_head_is_copied_rather_than_cut(cards, heads):
    cache = breakdown(Model.named("Llama-3.1-8B"), Inference(tensor_parallel=cards))["kv_cache"]
    assert cache == 2 * 32 * heads * 128 * 32_768 * 2


def test_the_router_is_not_divided_between_experts_cards():
    model = replace(
        Model.named("LLaMA-7B"), dense_layers=0, moe_layers=32, experts=8, active_experts=2, expert_intermediate=64
    )
    whole, shared = (breakdown(model, Inference(expert_parallel=cards))["weights"] for cards in (1, 8))
    assert whole - shared == 32 * 7 * 3 * 4096 * 64 * 2
