"""The peak of a training step: measured on cards, as measured terms have it, and what must hold for any run."""

from dataclasses import replace
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measured import rows
from memcalc import Gpu, InputError, Model, Training, breakdown, fewest_gpus, fits, largest, peak, total
from memcalc.estimate.ask import model_and_run
from memcalc.estimate.measured import measurements
from memcalc.estimate.peak import beside, kinds_of, step_peak
from memcalc.formula.moments import PHASES
from small_models import SMALL, STAGES, STEPPED, STEPS

few = settings(max_examples=8, deadline=None)
MISTRAL, LLAMA = Model.named("Mistral-7B-v0.1"), Model.named("LLaMA-7B")
TRAINED = [row for row in (*measurements(), *rows("field_training")) if row.quantity == "trained_peak"]
"""Peaks of real trainings: a few stand in the package."""

FIELD = [row for row in TRAINED if "lora_rank" not in row.inputs]
ADAPTERS = [row for row in TRAINED if "lora_rank" in row.inputs]


def of(row):
    model, run = Model.named(row.model), Training(**row.inputs)
    return model, run, peak(model, run)


@pytest.mark.parametrize("row", FIELD, ids=[row.id for row in FIELD])
def test_the_peak_of_full_fine_tunes_on_a100_cards(row):
    """Their fused RMSNorm keeps its 16-bit input alone: of two norms 2 × 5 bytes less of each hidden number."""
    model, run, found = of(row)
    without_norms = 10 * model.hidden * run.context * run.batch
    fused = "RMSNorm" in row.how and found.moment == "backward"
    others = max(at.bytes for phase, at in found.moments.items() if phase != "backward")
    assert max(found.bytes - fused * without_norms, others) == pytest.approx(row.measured, rel=0.02)
    if run.data_parallel == 1:
        assert found.bytes == pytest.approx(row.measured, rel=0.05)
    if run.loss.startswith("plain"):
        assert found.bytes == pytest.approx(row.measured, rel=0.001)


@pytest.mark.parametrize("row", ADAPTERS, ids=[row.id for row in ADAPTERS])
def test_the_peak_of_adapters_on_a100_cards(row):
    """Off by what other code keeps: norms in one kernel less, the older Mistral's repeated keys and values more."""
    assert of(row)[2].bytes == pytest.approx(row.measured, rel=0.05)


def test_fsdp_holds_what_the_reentrant_checkpoint_makes_anew():
    """Of 32 layers, each input and, but for two, its gradient, of 16 bits; else what lies there at the last layer."""
    run = Training(lora_rank=16, recipe="mixed", recompute="full", loss="fused_linear", base_weights="BF16")
    several = replace(run, sharding="fsdp", data_parallel=4, batch=16)
    one, other = (peak(MISTRAL, replace(several, reentrant=word)).bytes for word in (True, False))
    assert one - other == pytest.approx(30 * 2 * 4096 * 16 * 4096, rel=0.02)
    assert peak(MISTRAL, several).bytes == one


@pytest.mark.parametrize("name", ["Gemma-3-12B", "Gemma-2-9B", "Mistral-7B-v0.1", "Qwen3-30B-A3B", "Phi-3-mini-4k"])
@pytest.mark.parametrize("base", ["BF16", "NF4", "LLM.int8", "GPTQ-INT4-g128"])
def test_adapters_have_a_peak_beside_every_kind_of_layers(name, base):
    model = Model.named(name)
    for shared in ({}, {"sharding": "fsdp", "data_parallel": 4}):
        for recompute in ("none", "full"):
            run = Training(context=8192, lora_rank=8, recompute=recompute, base_weights=base, recipe="mixed", **shared)
            run = replace(run, kbit_preparation=False) if model.moe_layers and run.quantized else run
            assert peak(model, run).bytes >= breakdown(model, run)["weights"]


def test_the_step_of_adamw_takes_five_times_the_weights_in_bf16():
    found = peak(MISTRAL, Training(recipe="bf16", recompute="full"))
    assert found.moment == "step"
    assert found.bytes == pytest.approx(5 * 2 * MISTRAL.parameters, rel=1e-6)
    in_place = peak(MISTRAL, Training(recipe="bf16", recompute="full", optimizer="adamw_torch_fused"))
    assert in_place.moments["step"].bytes == pytest.approx(4 * 2 * MISTRAL.parameters, rel=1e-6)
    one_by_one = peak(MISTRAL, Training(recipe="bf16", optimizer="AdamW for-loop")).moments["step"]
    assert one_by_one.parts["step_temporaries"] == 2 * (2 * 32_000 * 4096 + 4096)  # embedding or head


def test_deepspeed_raises_gradients_before_it_steps():
    """Stage 2: 16-bit gradients of the share, laid end to end, raised to 32 bits; or these and a root in 32 bits."""
    model, run = Model.nominal(8_000_000), Training(zero=2, data_parallel=4)
    assert peak(model, run).parts["step_temporaries"] == 6 * 2_000_000
    assert peak(model, replace(run, optimizer="AdamW fused")).parts["step_temporaries"] == 6 * 2_000_000
    assert peak(model, replace(run, recipe="bf16")).parts["step_temporaries"] == 2 * 2_000_000


PASSES = rows("peaks", "step_peak")
"""Forward and backward passes on fake CPU tensors."""


def the_pass(row):
    counts = {name: value for name, value in row.inputs.items() if name in Model.declared}
    packing = "qkv" if row.inputs["family"] == "gpt2" else ""
    layers = dict.fromkeys(("full_layers", "dense_layers"), row.inputs["layers"])
    run = {name: row.inputs[name] for name in ("context", "batch", "recipe", "attention", "recompute")}
    return Model(name=row.model, packing=packing, **counts, **layers), Training(**run)


@pytest.mark.parametrize("row", PASSES, ids=[row.id for row in PASSES])
def test_forward_and_backward_pass_peak_to_the_byte(row):
    """On a CPU, other kernels of attention and norms keep a little less, or no scores: the row says how much."""
    model, run = the_pass(row)
    less = breakdown(model, run)["activations"] - row.inputs["activations"]
    if row.inputs["family"] != "gpt2" and (run.attention, run.recompute) != ("sdpa", "none"):
        assert less == 0
        assert step_peak(model, run) == row.measured
    on_the_way = [(moment, at) for moment, at in kinds_of(model, run) if moment.phase in ("loss", "backward")]
    few_are_kept = [moment.layer == "first" or "embedding" in moment.name for moment, _ in on_the_way]
    each = [beside(at) - (0 if few else less) for (_, at), few in zip(on_the_way, few_are_kept, strict=True)]
    assert max(each) == row.measured


IN_BACKWARD = rows("in_backward")
"""Passes in which a hook behind each gradient steps its weight and drops it."""


@pytest.mark.parametrize("row", IN_BACKWARD, ids=[row.id for row in IN_BACKWARD])
def test_a_pass_that_steps_each_weight_behind_its_gradient(row):
    """To the byte but for GPT-2, whose norms have 16-bit statistics on a CPU."""
    model, run = model_and_run(row.model, row.inputs, trained=True)
    assert step_peak(model, run) == pytest.approx(row.measured, rel=0.0001 if row.model == "GPT-2" else 0)


SHARDED = rows("sharded", "step_peak")
"""Passes of models that fully_shard divides between cards."""


@pytest.mark.parametrize("row", SHARDED, ids=[row.id for row in SHARDED])
def test_a_pass_that_is_shared_out_by_fully_shard(row):
    """To the byte; in FP32 and a short context, off by the scale of a norm, whose gradient comes last."""
    model, run = model_and_run(row.model, row.inputs, trained=True)
    assert step_peak(model, run) == pytest.approx(row.measured, rel=1e-5 if run.recipe == "fp32" else 0)


@few
@given(st.sampled_from(["gathered", "FP32"]), st.booleans(), st.sampled_from(["autocast", "bf16", "fp32"]))
def test_fully_shard_needs_more_the_more_it_keeps(reduced, reshard, recipe):
    model, run = Model.named("Llama-3.2-1B"), Training(recipe=recipe, data_parallel=8, recompute="full", batch=4)
    run = replace(run, sharding="fsdp2", reduced=reduced, reshard=reshard)
    most = replace(run, reduced="FP32", reshard=False)
    assert peak(model, run).bytes <= peak(model, most).bytes
    assert breakdown(model, run) == breakdown(model, replace(run, sharding="fsdp", reshard=True, reduced="gathered"))


@pytest.mark.parametrize("fields", [{"lora_rank": 8}, {"frozen": 2}, {"offload": "parameters"}, {"zero": 2}])
def test_what_was_not_measured_with_fully_shard_is_refused(fields):
    with pytest.raises(InputError, match=r"(sharding must be fsdp with|zero must be 0 with sharding fsdp2)"):
        Training(sharding="fsdp2", data_parallel=4, **fields)


def test_the_optimizer_in_the_backward_pass_needs_one_gradient():
    model, run = Model.named("Llama-3.1-8B"), Training(recipe="bf16", recompute="full", optimizer="AdamW fused")
    behind, inside = (breakdown(model, replace(run, optimizer_in_backward=word)) for word in (False, True))
    assert (behind["gradients"], inside["gradients"]) == (2 * model.parameters, 2 * 128_256 * 4096)
    found = peak(model, replace(run, optimizer_in_backward=True))
    assert found.moments["step"].bytes == inside["weights"] + inside["optimizer"] + inside["gradients"]
    assert found.bytes < peak(model, run).bytes - 8 * 10**9
    unknown = peak(model, replace(run, optimizer="Lion", optimizer_in_backward=True)).unknown
    assert unknown == "what a step of Lion takes for a moment"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"zero": 2}, "optimizer_in_backward must be False with zero 2"),
        ({"sharding": "fsdp"}, "optimizer_in_backward must be False with sharding fsdp"),
        ({"lora_rank": 8}, "optimizer_in_backward must be False with lora_rank 8"),
        ({"recipe": "mixed"}, "optimizer_in_backward must be False but with recipe fp32, autocast or bf16"),
    ],
)
def test_what_cannot_be_stepped_in_the_backward_pass_is_refused(fields, says):
    with pytest.raises(InputError, match=says):
        Training(**{"recipe": "bf16", "optimizer_in_backward": True} | fields)


@pytest.mark.parametrize("wrong", [[], {}, None, ()])
def test_no_model_and_no_run_are_refused_in_one_sentence(wrong):
    for field, asked in {"model": (wrong, Training()), "run": (LLAMA, wrong)}.items():
        with pytest.raises(InputError, match=f"^{field} must be of type"):
            peak(*asked)
    with pytest.raises(InputError, match="model must be of type"):
        fits(wrong, Training(), Gpu.named("RTX 4090"))


def test_activations_and_gradients_are_no_bound_of_the_peak():
    sums = {row.id: row.inputs["activations"] + row.inputs["gradients"] for row in PASSES}
    assert sum(sums[row.id] > row.measured for row in PASSES) == 21
    assert sum(sums[row.id] < row.measured for row in PASSES) == 24  # what the loss needs for a moment
    [row] = [row for row in PASSES if row.id == "D300357"]  # four layers of Llama-2-7B
    assert sums[row.id] / row.measured == pytest.approx(1.43, abs=0.01)


RECIPES = st.sampled_from(["bf16", "fp32"])
KINDS = st.builds(Training, recipe=RECIPES, attention=st.sampled_from(["eager", "sdpa"]))


@few
@given(st.sampled_from(["LLaMA-7B", "Qwen2.5-0.5B", "GPT-2"]).map(Model.named), KINDS, st.integers(1, 10**5))
def test_a_pass_holds_all_that_is_there_at_once(model, run, context):
    run = replace(run, context=context)
    memory = breakdown(model, run)
    assert max(memory["activations"], memory["gradients"]) < step_peak(model, run)
    assert step_peak(model, run) <= step_peak(model, replace(run, context=context + 1))


@few
@given(KINDS, st.integers(10**5, 10**6))
def test_of_a_long_context_recomputation_needs_less(run, context):
    run = replace(run, context=context)
    assert step_peak(LLAMA, replace(run, recompute="full")) < step_peak(LLAMA, run)


@few
@given(KINDS, st.sampled_from(["none", "full"]))
def test_of_a_short_context_all_gradients_are_the_peak(run, recompute):
    run, width = replace(run, context=1, recompute=recompute), 4 if run.recipe == "fp32" else 2
    assert step_peak(LLAMA, run) == breakdown(LLAMA, run)["gradients"] + 4096 * width + 8


@pytest.mark.parametrize(
    ("name", "run", "says"),
    [
        ("Gemma-2-9B", Training(recipe="bf16", attention="eager"), "family must be one of llama, qwen2, qwen3, gpt2"),
        ("LLaMA-7B", Training(recipe="autocast"), "recipe must be one of bf16, mixed, fp32"),
        ("GPT-2", Training(recipe="bf16", dropout=0.1), "dropout must be 0 for the peak of a step, not 0.1"),
        ("LLaMA-7B", Training(activations="megatron"), "activations must be one of transformers for the peak"),
    ],
)
def test_what_was_not_measured_is_not_guessed(name, run, says):
    with pytest.raises(InputError, match=says):
        step_peak(Model.named(name), run)


def test_what_nobody_knows_is_named():
    run = Training(recipe="bf16", activations="none")
    card = Gpu.named("A100 80 GB")
    fit = fits(LLAMA, run, card)
    assert (fit.word, fit.unknown) == ("fits if", "the activations")
    assert fits(Model.nominal(10**9), Training(), card).unknown == "the activations"
    assert "what a step of Lion takes" in fits(LLAMA, replace(run, optimizer="Lion"), card).unknown
    assert "the loss" in fits(LLAMA, replace(run, activations="megatron"), card).unknown
    assert not fits(LLAMA, Training(recipe="bf16", recompute="full"), card).unknown
    for quantity in ("context", "batch"):
        with pytest.raises(InputError, match="activations must be transformers or megatron to find the largest"):
            largest(quantity, LLAMA, run, card)
        with pytest.raises(InputError, match="quantity must be 'parameters' for a size alone"):
            largest(quantity, Model.nominal(10**9), Training(), card)


def test_how_long_a_context_may_be_is_a_question_of_the_loss():
    """Llama-3.1-8B over 8 H100: about 12 bytes for each of 128,256 logits, and 2 × 4096 in each of 32 layers."""
    model, card = Model.named("Llama-3.1-8B"), Gpu.named("H100 80 GB")
    run = Training(zero=3, data_parallel=8, recompute="full")
    states = 16 * model.parameters // 8 + 2 * 10**9 + 2 * 500_000_000  # and what DeepSpeed gathers, and its bucket
    by_hand = (card.capacity - states) / (12 * 128_256 + 2 * 4096 * 32 + 8 * 4096)
    assert largest("context", model, run, card) == pytest.approx(by_hand, rel=0.01)
    assert largest("context", model, replace(run, loss="fused_linear"), card) > 2 * by_hand


@pytest.mark.parametrize("loss", ["fused", "fused_linear"])
def test_another_loss_needs_less(loss):
    model = Model.named("Llama-3.1-8B")
    run = Training(recipe="bf16", recompute="full", optimizer="SGD", batch=4)
    plain, other = (peak(model, replace(run, loss=word)).moments for word in ("plain", loss))
    logits = 4 * 4096 * 128_256
    assert plain["loss"].bytes - other["loss"].bytes == pytest.approx((6 if loss == "fused" else 12) * logits, rel=0.15)


@few
@given(STEPPED, STEPS)
def test_the_peak_is_the_highest_moment_and_a_moment_the_sum_of_its_parts(model, run):
    found = peak(model, run)
    assert found.bytes == max(at.bytes for at in found.moments.values()) == found.moments[found.moment].bytes
    assert list(found.moments) == [phase for phase in PHASES if phase in found.moments]
    for moment, at in kinds_of(model, run):
        assert at.bytes == sum(at.parts.values()) <= found.bytes
        assert min(at.parts.values()) >= 0, at.name
        assert list(at.parts) == [part.name for part in moment.parts]
    states = breakdown(model, run)
    assert found.bytes >= states["weights"] + states["optimizer"]


@few
@given(STEPPED, STEPS, st.sampled_from(["context", "batch"]), st.integers(1, 1000))
def test_more_context_and_more_sequences_never_take_less(model, run, quantity, more):
    longer = replace(run, **{quantity: getattr(run, quantity) + more})
    if run.context < model.window <= longer.context and not model.full_layers:
        return  # the mask of a full window may bring a leaner kernel
    assert peak(model, longer).bytes >= peak(model, run).bytes


@few
@given(SMALL, st.sampled_from(["AdamW fused", "SGD"]), st.sampled_from(["fp32", "bf16"]))
def test_where_the_step_alone_counts_peak_and_sum_agree(model, optimizer, recipe):
    run = Training(recipe=recipe, optimizer=optimizer, activations="none")
    found = peak(model, run)
    assert list(found.moments) == ["step"]
    assert found.bytes == total(model, run)


@few
@given(SMALL, st.integers(2, 200), STAGES)
def test_the_shares_of_a_step_sum_to_the_whole(model, cards, stage):
    run = Training(recipe="fp32", optimizer="SGD momentum", activations="none")
    alone = peak(model, run).moments["step"].parts
    each = peak(model, replace(run, data_parallel=cards, **stage)).moments["step"].parts
    assert all(cards * each[name] >= alone[name] for name in ("weights", "gradients", "optimizer"))


def test_fewest_gpus_is_the_fewest():
    model, card = Model.named("Llama-3.1-70B"), Gpu.named("H100 80 GB")
    run = Training(sharding="fsdp", recipe="autocast", recompute="full", loss="fused_linear")
    found = fewest_gpus(model, run, card)
    assert fits(model, replace(run, data_parallel=found), card)
    assert not any(fits(model, replace(run, data_parallel=n), card) for n in range(1, found))


def test_a_peak_is_quick_behind_the_first():
    """Of the processor's own time: 0.2 ms a peak, 50 ms a search for cards, each the quickest of a few."""
    model, card, run = Model.named("Llama-3.1-8B"), Gpu.named("A100 80 GB"), Training(recompute="full", zero=3)

    def quickest(question, runs):
        def took(one):
            start = process_time()
            question(one)
            return process_time() - start

        return min(map(took, runs))

    peak(model, run)
    fewest_gpus(model, run, card)
    assert quickest(lambda one: peak(model, one), [replace(run, context=4000 + more) for more in range(50)]) < 0.0002
    longer = [replace(run, context=6000 + more) for more in range(5)]
    assert quickest(lambda one: fewest_gpus(model, one, card), longer) < 0.05
