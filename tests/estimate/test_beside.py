"""What runs beside a training run: sums by phase, the parts of each method, and what people met on their cards."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import Gpu, Inference, InputError, Model, Part, Training, breakdown, catalogue, parts_of, peak, together
from memcalc.estimate.beside import MOST

few = settings(max_examples=6, deadline=None)
LLAMA, QWEN = Model.named("Llama-3.2-1B"), Model.named("Qwen2.5-7B")
PARAMETERS = 1_235_814_400
RUN = Training(context=512, batch=1, recipe="bf16")
ENGINE = Inference(512, engine="vLLM", utilization=0.3)
READ_WHOLE = Inference(512, weights="BF16", prefill="whole", logits="all")
CARD = Gpu.of("80 GB")


def names(parts):
    return [part.name for part in parts]


def test_a_reference_is_there_in_every_phase():
    """Weights of 2 bytes each; the policy at rest has 2 + 4, and a counter of 4 bytes of each of 146 tensors."""
    found = together(("policy", LLAMA, RUN), ("reference", LLAMA, Inference(weights="BF16")))
    assert [*found.phases] == ["scoring", "step"]
    assert found.phases["scoring"].bytes == (2 + 4 + 2) * PARAMETERS + 4 * 146
    assert found.phases["step"].bytes == peak(LLAMA, RUN).bytes + 2 * PARAMETERS
    assert (found.moment, found.parts["reference weights"]) == ("step", 2 * PARAMETERS)
    assert found.unknown == "the working memory of reference"


@pytest.mark.parametrize(("sleep", "resting", "cpu"), [(0, 24 * 10**9, 0), (1, 0, 2 * PARAMETERS), (2, 0, 0)])
def test_an_engine_takes_its_share_or_sleeps(sleep, resting, cpu):
    """30 % of 80 GB while completions are written; TRL sleeps at level 2, OpenRLHF at level 1."""
    found = together(("policy", LLAMA, RUN), ("rollout", LLAMA, ENGINE, "", sleep), gpu=CARD)
    assert found.phases["rollout"].bytes == 6 * PARAMETERS + 4 * 146 + 24 * 10**9
    assert found.phases["step"].bytes == peak(LLAMA, RUN).bytes + resting
    assert found.cpu == cpu
    assert found.fit.word == ("fits if" if sleep else "fits")


def test_dpo_has_pairs_and_a_reference_that_works_within_the_step():
    policy, reference = parts_of("dpo", LLAMA, replace(RUN, batch=4))
    assert (policy.run.batch, policy.run.loss, reference.run.batch) == (8, "log_probabilities", 8)
    found = together(policy, reference)
    assert [*found.phases] == ["loss", "step"]
    kept = breakdown(LLAMA, policy.run)
    assert found.phases["loss"].parts["policy activations"] == kept["activations"]
    assert "policy gradients" not in found.phases["loss"].parts
    alone = together(*parts_of("DPO", LLAMA, RUN, without=("reference",)))
    assert alone.bytes == peak(LLAMA, replace(RUN, batch=2, loss="log_probabilities")).bytes


@pytest.mark.parametrize(
    ("name", "pairs", "context", "how", "measured"),
    [
        ("Llama-3.2-1B", 1, 512, {}, 3_569_517_980),
        ("Llama-3.2-1B", 2, 1024, {"recompute": "full"}, 6_834_850_868),
        ("Llama-3.1-8B", 1, 512, {}, 8_386_938_652),
        ("Llama-3.2-1B", 1, 512, {"zero": 2}, 2_945_675_154),
        ("Llama-3.1-8B", 1, 512, {"zero": 2}, 7_763_095_826),
    ],
)
def test_the_reference_of_dpo_scores_as_measured(name, pairs, context, how, measured):
    """TRL's steps from the policy's forward pass to the entropy, with transformers 5.24 on fake tensors, less weights.

    Logits are in FP32 as Accelerate raises them, or in 16 bits as DeepSpeed leaves them.
    """
    run = Training(context=context, batch=pairs, recipe="bf16", **how)
    found = together(*parts_of("DPO", Model.named(name), run)).phases["loss"]
    there = sum(size for part, size in found.parts.items() if part.endswith("activations"))
    assert there == pytest.approx(measured, rel=2e-4 if "zero" in how else 1e-6)


@pytest.mark.parametrize("method", ["DPO", "GRPO", "PPO"])
def test_with_adapters_there_is_no_second_model(method):
    run = Training(context=512, recipe="bf16", lora_rank=16, adapters="BF16", base_weights="BF16")
    also = ("reference",) if method == "GRPO" else ()
    parts = {part.name: part for part in parts_of(method, LLAMA, run, also=also)}
    assert parts["reference"].uses == "policy"
    assert not any(name == "reference weights" for at in together(*parts.values()).phases.values() for name in at.parts)
    whole = {part.name: part for part in parts_of(method, LLAMA, RUN, also=also)}
    assert together(*whole.values()).parts["reference weights"] == 2 * PARAMETERS


def test_the_parts_of_every_method():
    run = {"model": LLAMA, "run": RUN}
    assert names(parts_of("GRPO", **run)) == ["policy"]
    assert names(parts_of("GRPO", **run, also="reference")) == ["policy", "reference"]
    with_engine = parts_of("GRPO", **run, rollout=ENGINE, sleep=2)
    assert names(with_engine) == ["policy", "policy before the step", "rollout"]
    assert with_engine[-1].sleep == 2
    assert names(parts_of("PPO", **run)) == ["policy", "value", "reference", "reward"]
    assert names(parts_of("reward modelling", **run)) == ["policy"]
    written = parts_of("GRPO", **run, rollout=Inference(512, engine="transformers"))
    assert (written[-1].uses, written[-1].phase) == ("policy", "rollout")


def test_a_value_model_is_trained_whole_and_a_reward_model_is_not():
    run = Training(context=512, recipe="bf16", lora_rank=16)
    reward = Model.named("Qwen2.5-0.5B")
    parts = {part.name: part for part in parts_of("PPO", LLAMA, run, models={"reward": reward})}
    assert (parts["policy"].run.lora_rank, parts["value"].run.lora_rank) == (16, 0)
    assert (parts["reward"].model, parts["reward"].score, parts["reward"].trains) == (reward, True, False)


def test_what_is_not_known_of_a_method_is_said():
    """TRL's PPO keeps logits and hidden states in names of its loop, from the forward pass to the next one."""
    said = together(*parts_of("PPO", LLAMA, RUN), gpu=CARD)
    assert "held until its step is done and the cache of what the policy writes" in said.unknown
    assert said.fit.word == "fits if"
    assert "cache" not in together(*parts_of("GRPO", LLAMA, RUN, without="rollout")).unknown


def test_grpo_has_logits_of_completions_alone():
    every, some = (together(*parts_of("GRPO", LLAMA, RUN, completion=count)) for count in (512, 128))
    whole = together(*parts_of("GRPO", LLAMA, RUN))
    assert every.phases["step"].parts == whole.phases["step"].parts
    found, less = (parts_of("GRPO", LLAMA, RUN, completion=count)[0].peak.moments["loss"] for count in (512, 128))
    assert found.bytes - less.bytes == 16 * 128_256 * (512 - 129)
    assert some.bytes <= every.bytes


def test_models_that_score_take_turns():
    """The policy and the reference score one after the other: logits in FP32, and exponentials of a sequence, once."""
    found = together(*parts_of("GRPO", LLAMA, RUN, ENGINE, sleep=2, also="reference"), gpu=CARD).phases["scoring"]
    assert found.bytes == (6 + 2) * PARAMETERS + 4 * 146 + 4 * 128_256 * (512 + 511)
    both = [Part(name, LLAMA, READ_WHOLE, turns=True) for name in ("one", "other")]
    at_once = [replace(part, turns=False) for part in both]
    assert together(*at_once).bytes - together(*both).bytes == 4 * 128_256 * (512 + 511)


def test_ppo_scores_as_many_at_once_as_are_written():
    written = Inference(512, batch=64, engine="transformers")
    parts = {part.name: part.run.batch for part in parts_of("PPO", LLAMA, RUN, written)}
    assert parts == {"policy": 1, "value": 1, "reference": 64, "reward": 64, "rollout": 64}
    grpo = {part.name: part.run.batch for part in parts_of("GRPO", LLAMA, RUN, written, also="reference")}
    assert grpo == {"policy": 1, "reference": 1, "rollout": 64}


@pytest.mark.parametrize(("method", "chunk"), [("DPO", "a pair"), ("GRPO", "a completion")])
def test_chunks_of_ligers_loss_are_said(method, chunk):
    """fused_linear_preference.py and fused_linear_ppo.py of Liger-Kernel, commit ead96b6: chunk_size=1."""
    run = replace(RUN, loss="fused_linear")
    found = together(*parts_of(method, LLAMA, run, without=() if method == "DPO" else "rollout"), gpu=CARD)
    assert found.unknown == f"the logits of a chunk of Liger's loss, which is {chunk}"
    assert found.fit.word == "fits if"


def test_with_ligers_loss_grpo_scores_with_logits_all_the_same():
    """grpo_trainer.py, _get_per_token_logps_and_entropies, which knows nothing of Liger; DPO's reference has none."""
    run = replace(RUN, loss="fused_linear")
    plain, chunked = (parts_of("GRPO", LLAMA, one, also="reference")[1].working(None, True) for one in (RUN, run))
    assert plain == chunked
    policy, reference = parts_of("GRPO", LLAMA, run, also="reference", completion=128)
    assert (policy.logits, reference.logits) == (None, 129)
    of_pairs = parts_of("DPO", LLAMA, run)[1].working(None, True)
    assert of_pairs["activations"] < 2 * 4 * 128_256 * 512


def test_each_card_has_a_share_of_the_reference_in_zero_stage_3():
    run = replace(RUN, zero=3, data_parallel=8)
    found = together(*parts_of("DPO", LLAMA, run))
    assert found.phases["step"].parts["reference weights"] == pytest.approx(2 * PARAMETERS / 8, rel=1e-3)
    assert found.phases["loss"].parts["reference gathered"] == 2 * 10**9  # stage3_max_live_parameters, of 2 bytes


# What people met -----------------------------------------------------------------------------------------------------


def test_dpo_of_half_a_billion_parameters_does_not_fit_80_gb():
    """huggingface/trl#3168: out of memory with defaults, which were 8 pairs of 1,024 tokens, and weights in FP32."""
    run = Training(context=1024, batch=8, recipe="fp32")
    found = together(*parts_of("DPO", Model.named("Qwen2.5-0.5B"), run), gpu=Gpu.named("A100 80 GB"))
    assert found.fit.word == "does not fit"


def test_grpo_on_an_h20_begins_and_stops_at_the_second_step():
    """huggingface/trl#2972: 40 GB in the first step, and out of memory in the second, when the states are there.

    Copies of the parameters and gradients make 30 to 46 GB; later less is left than DDP's buckets take, which are as
    large as the gradients.
    """
    run = Training(context=768, batch=1, recipe="bf16")
    found = together(*parts_of("GRPO", QWEN, run, also="reference", completion=512), gpu=Gpu.of("96 GB"))
    weights, gradients = (found.phases["step"].parts[f"policy {name}"] for name in ("weights", "gradients"))
    assert 2 * weights < 40 * 10**9 < 2 * weights + gradients
    assert found.fit.margin < gradients


# What holds for any runs ---------------------------------------------------------------------------------------------

CONTEXTS, BATCHES = st.integers(8, 4096), st.integers(1, 8)
READ = st.builds(lambda s, b: Inference(s, b, weights="BF16", prefill="whole", logits="all"), CONTEXTS, BATCHES)
TRAINED = st.builds(lambda s, b: Training(context=s, batch=b, recipe="bf16", recompute="full"), CONTEXTS, BATCHES)
PHASE = st.sampled_from(["scoring", "loss"])


@few
@given(TRAINED, READ, PHASE, st.integers(1, 4096))
def test_more_of_one_run_is_never_less_of_all(trained, read, phase, more):
    def phases(trained, read):
        found = together(("policy", LLAMA, trained), ("reference", LLAMA, read, phase)).phases
        return {name: at.bytes for name, at in found.items()}

    before = phases(trained, read)
    longer = replace(read, context=read.context + more), replace(trained, context=trained.context + more)
    for after in (phases(trained, longer[0]), phases(longer[1], read)):
        assert all(after[name] >= size for name, size in before.items())


@few
@given(TRAINED, READ, PHASE)
def test_together_needs_at_least_what_each_does(trained, read, phase):
    parts = [Part("policy", LLAMA, trained), Part("reference", LLAMA, read, phase)]
    found = together(*parts)
    assert found.bytes == max(at.bytes for at in found.phases.values()) == sum(found.parts.values())
    assert found.bytes >= max(together(part).bytes for part in parts)
    assert together(parts[0]).bytes == peak(LLAMA, trained).bytes


@few
@given(TRAINED, READ, st.sampled_from([*permutations(range(3))]))
def test_the_order_of_parts_does_not_matter(trained, read, order):
    parts = [("policy", LLAMA, trained), ("reference", LLAMA, read, "loss"), ("rollout", LLAMA, ENGINE, "", 2)]
    first, second = together(*parts, gpu=CARD), together(*(parts[place] for place in order), gpu=CARD)
    assert {name: at.bytes for name, at in first.phases.items()} == {
        name: at.bytes for name, at in second.phases.items()
    }
    assert first.parts == second.parts
    assert (first.moment, first.fit.word) == (second.moment, second.fit.word)


@few
@given(TRAINED, READ)
def test_a_reference_asleep_costs_nothing_on_the_card(trained, read):
    asleep = together(("policy", LLAMA, trained), ("reference", LLAMA, read, "scoring", 1))
    alone = together(("policy", LLAMA, trained))
    assert asleep.phases["step"].parts == alone.phases["step"].parts
    assert asleep.cpu == 2 * PARAMETERS


# What is refused -----------------------------------------------------------------------------------------------------

POLICY = ("policy", LLAMA, RUN)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((), f"parts must be 1 to {MOST} runs, not 0"),
        (
            tuple((str(number), LLAMA, Inference()) for number in range(MOST + 1)),
            f"parts must be 1 to {MOST} runs, not 9",
        ),
        ((POLICY, POLICY), "name must be another one for each part, not 'policy'"),
        (("policy",), "part must be a Part, or a tuple of a name, a model and a run, not 'policy'"),
        ((("policy", LLAMA),), "part must be a Part, or a tuple"),
        ((POLICY, Part("it", LLAMA, Inference(), uses="nobody")), "uses of 'it' 'nobody' is not known"),
        (
            (POLICY, Part("it", QWEN, Inference(), uses="policy")),
            "model of 'it' must be Llama-3.2-1B as that of 'policy'",
        ),
        ((POLICY, ("rollout", LLAMA, ENGINE)), "gpu must be given with 'rollout', for vLLM takes a share of it"),
    ],
)
def test_what_cannot_be_added_up(parts, said):
    with pytest.raises(InputError, match=said):
        together(*parts)


def test_a_verdict_needs_a_card():
    with pytest.raises(InputError, match="gpu must be given for a verdict"):
        _ = together(POLICY).fit
    with pytest.raises(InputError, match="gpu must be of type Gpu, not '80 GB'"):
        together(POLICY, gpu="80 GB")


@pytest.mark.parametrize(
    ("method", "more", "said"),
    [
        ("DPPO", {}, "method 'DPPO' is not known; the nearest is"),
        (7, {}, "method 7 is not known"),
        ("DPO", {"also": ("critic",)}, "also 'critic' is not known"),
        ("DPO", {"without": "policy"}, "without 'policy' is not known"),
        ("DPO", {"models": {"critic": LLAMA}}, "model of 'critic' is not known"),
        ("DPO", {"completion": 9}, "completion must be None for DPO, not 9"),
        ("GRPO", {"completion": 513}, "completion must be a whole number from 1 to 512, not 513"),
        ("DPO", {"rollout": ENGINE}, "rollout must be None for DPO, where nothing is written"),
        ("GRPO", {"rollout": RUN}, "rollout must be of type Inference"),
        ("GRPO", {"sleep": 2}, "sleep must be 0 without an engine for the rollout, not 2"),
        ("GRPO", {"rollout": ENGINE, "sleep": 3}, "sleep must be 0 or 1 or 2 for 'rollout', not 3"),
        (
            "DPO",
            {"run": replace(RUN, loss="fused")},
            "loss must be one of plain, fused_linear, log_probabilities, log_probabilities-16 for DPO",
        ),
        (
            "PPO",
            {"run": replace(RUN, loss="fused_linear")},
            "loss must be one of plain, log_probabilities, log_probabilities-16 for PPO, not 'fused_linear'",
        ),
        (
            "reward",
            {"run": replace(RUN, loss="fused_linear")},
            "loss must be plain for reward model",
        ),
        (
            "GRPO",
            {"run": replace(RUN, loss="fused_linear"), "completion": 9},
            "completion must be None for Liger's loss, which keeps no logits, not 9",
        ),
        (
            "DPO",
            {"run": replace(RUN, tensor_parallel=2, activations="none")},
            "tensor_parallel must be 1 for DPO, where",
        ),
        ("DPO", {"run": replace(RUN, activations="megatron")}, "activations must be transformers or none for DPO"),
        ("DPO", {"run": Inference()}, "run must be of type Training"),
        ("DPO", {"model": "LLaMA-7B"}, "model must be of type Model or NominalModel"),
    ],
)
def test_what_no_method_has(method, more, said):
    with pytest.raises(InputError, match=said):
        parts_of(method, **{"model": LLAMA, "run": RUN} | more)


def test_every_row_has_a_source_and_a_date():
    for row in catalogue.rows("beside"):
        assert f"{{{row['source'].partition(', ')[0]}," in catalogue.bibliography()
        assert row["date"]
        assert row["meaning"]
