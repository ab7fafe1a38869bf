"""The states of runs: every measured row to the byte, the papers' numbers, and what must hold for any run."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from measured import rows
from memcalc import Inference, InputError, Model, Training, breakdown, catalogue, peak
from memcalc.estimate.ask import ask
from memcalc.estimate.offload import places as all_places
from memcalc.estimate.states import places, states
from memcalc.estimate.training import activations, saved_tensors
from memcalc.formula.sharding import bucket_memory
from memcalc.formula.symbols import symbol
from small_models import RECIPES, RUNS, SMALL, STAGES, memory, needed, small

TERMS = ("weights", "gradients", "optimizer", "master_weights")
LLAMA_7B = Model.named("LLaMA-7B")


def of(*terms):
    chosen = rows("training", *terms)
    return pytest.mark.parametrize("row", chosen, ids=[f"{row.id}-{row.quantity}" for row in chosen])


def predicted(row):
    run = Training(**row.inputs)
    return memory(small(row.model), run), run


@of(*TERMS)
def test_each_term_is_exact(row):
    assert predicted(row)[0][row.quantity] == row.measured


@of("moments")
def test_momentum_and_variance_are_exact(row):
    assert 2 * predicted(row)[0]["one_state"] == row.measured  # these rows leave the step counters out


def _live(row):
    named, run = predicted(row)
    weights, gradients, optimizer = (named[name] for name in ("weights", "gradients", "optimizer"))
    bucket = bucket_memory.exact(run.values | {symbol("bucket"): 500_000}) if run.zero == 3 else 0
    begun = optimizer if run.zero == 0 and run.recipe == "mixed" else named["master_weights"]
    kept = gradients if run.zero == 3 else 0  # the others free them behind the step
    return {
        "live_bytes_after_init": weights + begun + bucket + (gradients if run.zero == 3 else 0),
        "live_bytes_after_backward": weights + begun + bucket + gradients,
        "live_bytes_after_step": weights + optimizer + bucket + kept,
    }[row.quantity]


@of("live_bytes_after_init", "live_bytes_after_step")
def test_what_is_alive_in_deepspeed_is_explained_to_a_few_scalars(row):
    """The rest is the batch (128 bytes), flags and norms."""
    assert 0 <= row.measured - _live(row) <= 140


@of("live_bytes_after_backward")
def test_gradients_that_lie_across_a_border_are_kept_whole_by_both_cards(row):
    """Stages 1 and 2 keep the tensors at the two ends of a share whole: the largest has 4001 × 256 numbers."""
    named, run = predicted(row)
    rest = row.measured - _live(row)
    if run.zero in (1, 2):
        rest += named["gradients"] - run.values[symbol("bytes_per_gradient")] * named["share"]
        assert 0 <= rest <= 140 + 2 * run.values[symbol("bytes_per_gradient")] * 4001 * 256
    else:
        assert 0 <= rest <= 140


ZERO_PAPER = {0: 120, 1: 31.4, 2: 16.6, 3: 1.9}
"""GB for 7.5 billion parameters on 64 cards: figure 1 of the paper."""


@pytest.mark.parametrize("stage", ZERO_PAPER)
def test_the_zero_paper(stage):
    run = Training(zero=stage, data_parallel=64)
    assert round(needed(Model.nominal(7_500_000_000), run) / 1e9, 1) == ZERO_PAPER[stage]


@pytest.mark.parametrize(("cards", "estimate"), [(2, 31_361_000_000), (8, 12_116_750_000), (64, 6_503_843_750)])
def test_deepspeeds_own_estimate_has_a_gradient_of_four_bytes_beside_that_of_two(cards, estimate):
    """Rows of its estimate for 2.851 billion parameters, stage 2: 2P + 18P/N, where its engine keeps 2P + 14P/N."""
    size = 2_851_000_000
    ours = needed(Model.nominal(size), Training(zero=2, data_parallel=cards))
    assert abs(estimate - ours - 4 * size / cards) <= 300  # what fills the shares up


def test_adam_on_llama_7b():
    assert needed(LLAMA_7B, Training()) == 16 * LLAMA_7B.parameters + 4 * (32 * 9 + 3)


def test_zero_shares_the_part_of_a_card():
    """GPT-3 on 8 × 16 × 8 cards: 175 billion × 16 bytes / 1024, and the first stage has the embedding on top."""
    model = Model.named("GPT-3-175B")
    run = Training(tensor_parallel=8, pipeline_parallel=16, data_parallel=8, zero=3)
    whole = 16 * model.parameters / 1024
    assert whole <= needed(model, run) <= 1.08 * whole


def test_qlora_trains_adapters_on_a_frozen_model():
    run = Training(lora_rank=16, base_weights="INT4", adapters="BF16")
    named = memory(LLAMA_7B, run)
    assert named["base_weights"] == LLAMA_7B.parameters / 2
    assert named["adapters"] == 39_976_960
    assert named["weights"] == named["base_weights"] + 2 * 39_976_960
    assert named["optimizer"] == 12 * 39_976_960 + 4 * 2 * 7 * 32


@pytest.mark.parametrize(
    ("offload", "zero", "on_the_card"),
    [
        ("none", 2, ["weights", "gradients", "optimizer"]),
        ("optimizer", 2, ["weights"]),
        ("parameters", 3, []),
        ("nvme", 3, []),
    ],
)
def test_what_is_offloaded_leaves_the_card(offload, zero, on_the_card):
    run = Training(zero=zero, data_parallel=4, offload=offload)
    kept = places(LLAMA_7B, run)
    assert [name for name, size in kept["gpu"].items() if size] == on_the_card
    everywhere = {name: sum(kept[place][name] for place in kept) for name in kept["gpu"]}
    assert everywhere == places(LLAMA_7B, replace(run, offload="none"))["gpu"]


def test_a_13b_model_trains_on_a_card_of_32_gb_with_offload():
    """ZeRO-Offload, abstract: 13 billion parameters on a single card (a V100 of 32 GB)."""
    run = Training(zero=2, offload="optimizer")
    assert needed(Model.nominal(13_000_000_000), run) == 26_000_000_000


def test_what_has_no_architecture_cannot_be_divided():
    with pytest.raises(InputError, match=r"tensor_parallel must be 1 .* not 2\."):
        states(Model.nominal(10**9), Training(tensor_parallel=2))


@settings(max_examples=40, deadline=None)
@given(model=SMALL, recipe=RECIPES, stage=STAGES)
def test_one_card_changes_nothing(model, recipe, stage):
    assert needed(model, Training(recipe=recipe, **stage)) == needed(model, Training(recipe=recipe))


@settings(max_examples=60, deadline=None)
@given(model=SMALL, run=RUNS)
def test_the_shares_together_hold_everything(model, run):
    named, alone = memory(model, run), memory(model, replace(run, zero=0, sharding="zero", data_parallel=1))
    for name in ("weights", "gradients", "master_weights"):
        assert run.data_parallel * named[name] >= alone[name]


@settings(max_examples=40, deadline=None)
@given(model=SMALL, recipe=RECIPES, cards=st.integers(2, 1000), zero=st.integers(1, 3))
def test_a_higher_stage_takes_no_more_but_for_padding(model, recipe, cards, zero):
    assume(model.parameters > 100 * cards)
    more, less = (Training(recipe=recipe, zero=stage, data_parallel=cards) for stage in (zero - 1, zero))
    copied = recipe in ("fp32", "autocast") and zero == 1  # DeepSpeed's flat copy comes with the first stage
    extra = 4 * model.parameters // cards if copied else 0
    assert needed(model, less) <= needed(model, more) + extra + 20 * 200


@pytest.mark.parametrize("name", catalogue.names("optimizers"))
def test_every_optimizer_can_be_asked_about_every_kind_of_model(name):
    run = Training(optimizer=name)
    for model in ("LLaMA-7B", "GPT-2"):
        model = Model.named(model)
        assert 0 <= memory(model, run)["optimizer_states"] <= 12 * model.parameters + 16 * 1000


ACTIVATIONS = rows("runs", "activations", "weight_copies")
LLAMA = Model.named("Llama-2-7B")


@pytest.mark.parametrize("row", ACTIVATIONS, ids=lambda row: f"{row.id}-{row.model}-{row.quantity}")
def test_a_whole_model_keeps_what_was_measured(row):
    run = Training(**row.inputs)
    assert breakdown(Model.named(row.model), run)[row.quantity] == row.measured


@pytest.mark.parametrize("sharding", ["fsdp", "fsdp2"])
def test_what_is_gathered_in_16_bits_is_not_cast_again(sharding):
    run = Training(recipe="autocast", sharding=sharding, data_parallel=8)
    assert "weight_copies" not in breakdown(LLAMA, run)
    assert breakdown(LLAMA, run)["activations"] == breakdown(LLAMA, replace(run, recipe="bf16"))["activations"]


def test_eager_attention_needs_three_times_what_flash_does():
    flash, eager = (
        breakdown(LLAMA, Training(context=2048, recipe="bf16", attention=kernel))["activations"]
        for kernel in ("flash", "eager")
    )
    assert (round(flash / 1e9, 1), round(eager / 1e9, 1)) == (12.6, 38.3)


@pytest.mark.parametrize(("context", "gigabytes"), [(4095, 26.99), (4096, 29.67)])
def test_mistral_loses_flash_at_its_window(context, gigabytes):
    run = Training(context=context, recipe="bf16")
    assert round(breakdown(Model.named("Mistral-7B-v0.1"), run)["activations"] / 1e9, 2) == pytest.approx(
        gigabytes, abs=0.01
    )


@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
@given(stages=st.integers(2, 32))
def test_a_first_stage_holds_its_part_of_the_layers_for_every_stage_behind_it(recompute, stages):
    def in_layers(count):
        run = Training(activations="megatron", recompute=recompute, pipeline_parallel=count, micro_batches=count)
        return breakdown(LLAMA, run)["activations"] - count * masks

    masks = 4096 * 4096  # of the embeddings' dropout, for each micro-batch under way
    assert in_layers(stages) == in_layers(2)


@pytest.mark.parametrize(
    ("model", "run", "sentence"),
    [
        (
            "Mixtral-8x7B",
            {"activations": "megatron"},
            "activations must be 'none' for Mixtral-8x7B: nobody has measured its experts.",
        ),
        ("GLM-4.5-Air", {}, "activations must be 'none' for GLM-4.5-Air: nobody has measured its experts."),
        ("gpt-oss-20b", {"attention": "flash"}, "attention must be sdpa or eager for gpt_oss, whose sinks"),
        (
            "DeepSeek-V3",
            {"activations": "megatron"},
            "activations must be 'none' for DeepSeek-V3: nobody has measured its experts and its latent attention.",
        ),
        ("Falcon-H1-7B", {}, "activations must be 'none' for Falcon-H1-7B: nobody has measured its state-space layers"),
        (
            "Llama-2-7B",
            {"pipeline_parallel": 2},
            "pipeline_parallel must be 1 with activations 'transformers', not 2",
        ),
        (
            "GPT-2",
            {"lora_rank": 8, "base_weights": "NF4"},
            "base_weights must be BF16, FP16 or FP32 for adapters beside GPT-2, whose matrices are transposed",
        ),
        (
            "Llama-2-7B",
            {"lora_rank": 8, "base_weights": "HQQ-INT4-g64"},
            "activations must be 'none' for adapters beside base_weights HQQ-INT4-g64: what is kept is known for",
        ),
        (
            "Mixtral-8x7B",
            {"lora_rank": 8, "base_weights": "FP32", "recipe": "autocast"},
            "base_weights must be BF16 or FP16 for adapters beside Mixtral-8x7B: nobody has measured experts in FP32",
        ),
        (
            "Llama-2-7B",
            {"lora_rank": 8, "base_weights": "FP32", "recipe": "bf16", "attention": "flash"},
            "attention 'flash' needs 16 bits, which numbers in FP32 between layers have not",
        ),
        (
            "Llama-2-7B",
            {"lora_rank": 8, "lora_targets": "qkv_proj"},
            "lora_targets must be all or some of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj for",
        ),
        (
            "Llama-2-7B",
            {"lora_rank": 5000, "lora_targets": "q_proj"},
            "lora_rank must be at most 4,096 for Llama-2-7B, the lesser side of its q_proj, not 5,000.",
        ),
        (
            "Llama-2-7B",
            {"recompute": "selective"},
            "recompute must be none, full, keep-attention, keep-products or torchtitan with activations 'transformers'",
        ),
        ("Llama-2-7B", {"recipe": "fp32", "attention": "flash"}, "attention 'flash' needs 16 bits"),
        ("Falcon-7B", {}, "activations must be 'megatron' or 'none' for Falcon-7B: nobody has measured the code of"),
    ],
)
def test_what_is_not_known_is_refused(model, run, sentence):
    with pytest.raises(InputError) as caught:
        breakdown(Model.named(model), Training(**run))
    assert str(caught.value).startswith(sentence)


def test_llama_cpp_reads_a_prompt_in_its_compute_buffer():
    """Llama-2-7B with 32,768 tokens: 0.13 GiB, or 2.12 GiB with flash attention off."""
    run = {"context": 32_768, "engine": "llama.cpp", "prefill": "whole"}
    fused, eager = (breakdown(LLAMA, Inference(**run, attention=kind))["activations"] for kind in ("flash", "eager"))
    assert (round(fused / 2**30, 2), round(eager / 2**30, 2)) == (0.13, 2.12)


def test_a_prefill_in_chunks_needs_less():
    whole, chunked = (
        breakdown(LLAMA, Inference(context=4096, prefill=prefill))["activations"] for prefill in ("whole", 512)
    )
    assert chunked < whole / 4


@pytest.mark.parametrize("engine", ["ideal", "transformers"])
def test_a_prefill_and_its_cache_are_what_was_measured(engine):
    """D300259: two layers of Mistral-7B read 512 tokens at once."""
    two = replace(Model.named("Mistral-7B-v0.1"), window_layers=2, dense_layers=2)
    memory = breakdown(two, Inference(context=512, prefill="whole", engine=engine))
    counters = 16 if engine == "ideal" else 0  # in the cache, or beside it
    assert memory["kv_cache"] == 2 * 2 * 8 * 128 * 512 * 2 + 16 - counters
    assert memory["kv_cache"] + memory["activations"] == 65_282_064


@pytest.mark.parametrize(
    ("model", "run", "says"),
    [
        ("Llama-2-7B", {"weights": "FP32"}, "weights must be of at most 16 bits with a prefill, not 'FP32'."),
        (
            "Falcon-7B",
            {},
            "prefill must be 'none' for Falcon-7B: nobody has measured the code of its family, 'falcon'.",
        ),
    ],
)
def test_a_prefill_in_other_numbers_or_code_is_refused(model, run, says):
    with pytest.raises(InputError) as caught:
        breakdown(Model.named(model), Inference(context=1024, prefill="whole", **run))
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("run", [Inference(1024, prefill="whole"), Training(context=1024)])
def test_a_family_whose_code_is_that_of_another_keeps_as_much(run):
    seed = Model.named("Seed-OSS-36B")
    assert breakdown(seed, run) == breakdown(replace(seed, family="llama"), run)


def test_no_pass_has_more_tokens_than_there_are():
    short = Inference(context=256, engine="llama.cpp", prefill="whole")
    assert breakdown(LLAMA, short) == breakdown(LLAMA, replace(short, ubatch=256))


def kept(row):
    """What the formula says of a measured row, whose inputs are a config.json and a run."""
    run = Training(**{name: value for name, value in row.inputs.items() if name in Training.declared})
    model = Model.from_config({name: value for name, value in row.inputs.items() if name not in Training.declared})
    *_, term = activations(model, run)
    found = {part.name: part.exact(model.values | run.values) for part in (term, *term.every_part.values())}
    layers = {"layer_activations": 1, "activations": model.moe_layers, "other_activations": 0}
    return found[row.quantity] + layers[row.quantity] * held_by_hooks(row.inputs)


def held_by_hooks(inputs):
    """What stayed in a layer with experts when these rows were measured, and no gradient needs [bytes].

    A branch of the graph that ends in indices alone is freed with what it saved, unless hooks on saved tensors hold
    it: how DeepSeek-V3 chooses groups, and the indices in the auxiliary loss.
    """
    tokens = inputs["context"] * inputs["batch"]
    if inputs.get("router_outputs") and not inputs["model_type"].startswith("deepseek"):
        return 8 * tokens * inputs["num_experts_per_tok"]
    if inputs["model_type"] == "deepseek_v3" and "experts" in inputs and "recompute" not in inputs:
        return tokens * (16 * inputs["n_group"] + 8 * inputs["topk_group"] + inputs["n_routed_experts"])
    return 0


@pytest.mark.parametrize("family", sorted({row.inputs["model_type"] for row in rows("expert_activations")}))
def test_experts_and_latent_attention_to_the_byte(family):
    measured = [row for row in rows("expert_activations") if row.inputs["model_type"] == family]
    assert len(measured) >= 30
    assert [(row.id, row.measured) for row in measured] == [(row.id, kept(row)) for row in measured]


@pytest.mark.parametrize("policy", ["keep-attention", "keep-products", "torchtitan"])
def test_selective_checkpoints_to_the_byte(policy):
    measured = [row for row in rows("selected") if row.inputs["recompute"] == policy]
    assert len(measured) >= 8
    assert [(row.id, row.measured) for row in measured] == [(row.id, kept(row)) for row in measured]


def test_selective_checkpoints_of_other_code_are_refused():
    refused = {
        "must be 'none' or 'full' for adapters beside Llama-2-7B": {"recompute": "torchtitan", "lora_rank": 8},
        "must be one of none, selective, full with": {"recompute": "keep-products", "activations": "megatron"},
        "no kernel that recompute 'keep-attention'": {"recompute": "keep-attention", "attention": "eager"},
    }
    for said, fields in refused.items():
        with pytest.raises(InputError, match=said):
            breakdown(LLAMA, Training(**fields))
    with pytest.raises(InputError, match="for GPT-2, not 'torchtitan': nobody has measured it"):
        breakdown(Model.named("GPT-2"), Training(recompute="torchtitan"))


@given(st.sampled_from(["bf16", "autocast"]), st.integers(1, 8192), st.integers(1, 4))
def test_what_a_policy_keeps_lies_between_all_and_the_inputs_alone(recipe, context, batch):
    run = Training(context=context, batch=batch, recipe=recipe)
    full, attention, titan, products, every = (
        breakdown(LLAMA, replace(run, recompute=policy))["activations"]
        for policy in ("full", "keep-attention", "torchtitan", "keep-products", "none")
    )
    assert full < attention < titan < products < every


def test_experts_of_models_by_name_to_the_byte():
    """Rows of `make measure`: what the graph keeps alive, without hooks."""
    found = {row.id: ask(row.quantity, row.model, row.inputs).value for row in rows("experts")}
    assert len(found) >= 100
    assert found == {row.id: row.measured for row in rows("experts")}


EXPERTS = st.sampled_from(["grouped_mm", "eager", "batched_mm"])
PARTLY_ROUTED = st.sampled_from(["DeepSeek-V2-Lite", "DeepSeek-V2", "DeepSeek-V3", "Kimi-K2"])


@settings(max_examples=20)
@given(PARTLY_ROUTED, EXPERTS, st.sampled_from(["bf16", "fp32", "autocast"]), st.integers(1, 4096))
def test_layers_with_and_without_experts_add_up(name, experts, recipe, context):
    run, model = Training(context=context, experts=experts, recipe=recipe), Model.named(name)
    dense, routed = (
        breakdown(replace(model, dense_layers=model.layers - count, moe_layers=count), run)["activations"]
        for count in (0, model.layers)
    )
    together = model.dense_layers * dense + model.moe_layers * routed
    assert together == model.layers * breakdown(model, run)["activations"]


@pytest.mark.parametrize("name", ["Mixtral-8x7B", "DeepSeek-V3"])
def test_recomputation_leaves_of_each_layer_its_input_alone(name):
    run = Training(context=512, recompute="full")
    [alone] = [tensor for tensor in saved_tensors(Model.named(name), run) if tensor.per == "layer"]
    assert alone.name == "input of the layer"


@pytest.mark.parametrize("row", rows("offloaded"), ids=lambda row: row.id)
def test_what_stays_on_the_card_where_inputs_of_layers_wait_in_cpu_memory(row):
    assert ask(row.quantity, row.model, row.inputs).value == row.measured


def test_what_waits_in_cpu_memory_is_said():
    """LLaMA-7B: of each token of 32 layers, 4,096 numbers of 16 bits."""
    run = Training(context=4096, recipe="bf16", recompute="full", offload_activations=True)
    both = run, replace(run, offload_activations=False)
    on_card, at_home = (breakdown(LLAMA_7B, one)["activations"] for one in both)
    assert all_places(LLAMA_7B, run)["cpu"]["activations"] == at_home - on_card == 2 * 32 * 4096 * 4096
    first, last = (peak(LLAMA_7B, one).moments for one in both)
    assert last["loss"].bytes - first["loss"].bytes == at_home - on_card
    with pytest.raises(InputError, match="offload_activations must be False without recompute full"):
        replace(run, recompute="none")


@pytest.mark.parametrize("row", rows("low_rank"), ids=lambda row: row.id)
def test_what_optimizers_of_low_rank_hold_to_the_byte(row):
    assert ask(row.quantity, row.model, row.inputs).value == row.measured


def test_low_rank_needs_whole_matrices():
    for fields in ({"sharding": "fsdp"}, {"lora_rank": 8}, {"zero": 2}):
        with pytest.raises(InputError, match="GaLore AdamW"):
            Training(optimizer="galore_adamw", **fields)
