"""The part of a model that one card holds."""

import math
from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import MODELS
from divided import allowed, copied, most_loaded
from memcalc import Inference, Model, Training, breakdown, catalogue
from memcalc.estimate.inference import format_in
from memcalc.estimate.terms import terms
from memcalc.formula import TERMS
from memcalc.formula.choices import Family
from memcalc.formula.formats import Format
from memcalc.formula.parallelism import on_one_card
from memcalc.specs.run import PARALLEL


@given(MODELS, st.data())
def test_no_byte_is_lost(model, data):
    tensor, pipeline = (data.draw(st.sampled_from(numbers)) for numbers in allowed(model)[:2])
    run = Inference(context=512, weights="FP16")
    whole, run = breakdown(model, run), replace(run, tensor_parallel=tensor, pipeline_parallel=pipeline)
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


DIVIDED = [
    *("LLaMA-7B", "Llama-3.1-8B", "Qwen2.5-72B", "Llama-3.2-1B", "GPT-2", "Phi-4", "Falcon-7B", "Falcon-40B"),
    *("Mixtral-8x7B", "DeepSeek-V2-Lite", "DeepSeek-V3", "gpt-oss-20b", "Llama-4-Maverick", "Granite-4.0-H-Small"),
    *("Gemma-2-9B", "Gemma-4-31B", "MiMo-V2-Flash", "Jamba-v0.1", "Mamba-2-2.7B", "Nemotron-H-8B", "MiniMax-Text-01"),
    *(
        "Qwen3-Next-80B-A3B",
        "LFM2-1.2B",
        "Gemma-4-E2B",
        "Gemma-3n-E4B",
        "GLM-5",
        "Kimi-Linear-48B-A3B",
        "Falcon-H1-34B",
    ),
]
"""Dense, with shared and with single key heads, experts, latents, windows with own heads, states, tied tables."""
FORMS = [name for name in catalogue.names("formats") if Format.named(name).family != Family.CACHE]
PAIRS = [
    *zip(FORMS, cycle(DIVIDED), strict=False),
    *zip(cycle(["FP16", "Q4_K_M", "IQ3_XS", "NF4", "FP8-128x128"]), DIVIDED, strict=False),
]


def degrees(model):
    """Few and many cards of each kind, and all kinds together."""
    tensor, pipeline, expert = allowed(model)
    yield from ((1, 1, 1), (tensor[len(tensor) // 2], 1, 1), (tensor[-1], 1, 1), (1, pipeline[len(pipeline) // 3], 1))
    yield tensor[-1], pipeline[len(pipeline) // 4], expert[-1]


@pytest.mark.parametrize(("form", "name"), PAIRS)
def test_a_card_holds_its_part_of_every_tensor_as_the_whole_is_stored(form, name):
    """Against the cards one by one: tensors are cut by their names, between whole rows, blocks and groups."""
    model = Model.named(name)
    for cards in degrees(model):
        run = Inference(weights=form, **dict(zip(PARALLEL, cards, strict=True)))
        assert breakdown(model, run)["weights"] == math.ceil(most_loaded(model, format_in(model, form), *cards)), cards


NORMS = {"norms.norm", "final.norm"}
MIXTURE = NORMS | {"router.router"}
LATENTS = {f"latent_attention.{name}" for name in ("q_a_proj", "q_a_norm", "kv_a_proj", "kv_a_norm")}
COPIED = [
    ("Llama-3.1-8B", 8, NORMS),
    ("Llama-3.1-8B", 16, NORMS | {"attention.k_proj", "attention.v_proj"}),
    ("Falcon-40B", 16, NORMS | {"attention.qkv_proj"}),
    ("Mixtral-8x7B", 4, MIXTURE),
    ("DeepSeek-V3", 8, MIXTURE | LATENTS),
    ("Mamba-2-2.7B", 8, NORMS | {"mamba2.in_proj", "mamba2.conv1d", "mamba2.conv_bias"}),  # one group for all heads
    ("Nemotron-H-8B", 8, NORMS),  # a group for each card
    ("Jamba-v0.1", 8, MIXTURE | {f"mamba.{name}_norm" for name in ("dt", "b", "c")}),
    ("OPT-13B", 4, NORMS | {"embedding.embed_positions", "attention.o_bias", "mlp.down_bias"}),
]
"""What each card has all of, or more than its part, as in Megatron-LM and vLLM."""


@pytest.mark.parametrize(("name", "cards", "names"), COPIED)
def test_all_cards_hold_the_model_once_and_what_is_copied(name, cards, names):
    model, more = Model.named(name), {}
    for form in ("FP16", "Q4_K_M"):
        more[form] = copied(model, Format.named(form), cards)
        assert more[form].keys() == names
    runs = (Inference(weights="FP16", tensor_parallel=number) for number in (1, cards))
    whole, card = (breakdown(model, run)["weights"] for run in runs)
    assert cards * card == whole + sum(more["FP16"].values())


def test_an_eighth_of_a_file_is_an_eighth():
    """29,568 columns are no whole blocks of 256, and their eighth none of 32; but the file's types stay as they are."""
    model = Model.named("Qwen2.5-72B")
    whole, card = (breakdown(model, Inference(weights="Q4_K_M", tensor_parallel=n))["weights"] for n in (1, 8))
    assert whole < 8 * card < 1.003 * whole


@pytest.mark.parametrize("form", ["NF4", "GPTQ-INT4-g128", "LLM.int8", "HQQ-INT4-g64", "quanto-INT4", "MXFP4", "Q8_0"])
def test_two_stages_hold_half_of_frozen_weights_each_and_the_last_norm(form):
    run, model = Training(lora_rank=8, base_weights=form, activations="none"), Model.named("LLaMA-7B")
    run = replace(run, kbit_preparation=False)  # which makes FP32 of the norms
    whole, half = (breakdown(model, replace(run, pipeline_parallel=stages))["weights"] for stages in (1, 2))
    assert 2 * half == whole + 4096 * (4 if form == "Q8_0" else 2)


def test_the_sentence_says_how_a_format_is_divided():
    model = Model.named("LLaMA-7B")
    alone, several = (terms(model, Inference(weights="Q4_K_M", tensor_parallel=n))[0].holds for n in (1, 2))
    assert several.startswith(alone)
    assert "cards divide its rows, or the columns between whole blocks and groups" in several.removeprefix(alone)
