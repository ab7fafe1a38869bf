"""A method of training on the command line: what is typed, and what is refused in a sentence."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Training, catalogue
from memcalc.__main__ import main
from memcalc.command.methods import OPTIONS, Asked
from memcalc.estimate.beside import rows_of

RUN = Training(context=512, batch=1, recipe="bf16")
HUGE = str(10**30)


def asked(method, run=RUN, **said):
    return Asked(method, run, said)


def test_left_out_all_is_as_trl_has_it():
    """grpo_config.py: num_generations=8, beta=0.0, use_vllm=False; a group is then dealt out to eight steps of one."""
    grpo = asked("GRPO")
    assert (grpo.rollout, grpo.reference, grpo.written) == ("transformers", False, 8)
    assert (grpo.writing.engine, grpo.writing.kv_cache) == ("transformers", "BF16")
    ppo = asked("PPO", Training(context=512, batch=4, recipe="fp32"))
    assert (ppo.rollout, ppo.written, ppo.writing.kv_cache) == ("transformers", 4, "FP32")
    assert asked("DPO").writing is asked("reward model").writing is None


def test_an_engine_is_as_trl_starts_it():
    """vllm_generation.py, _init_vllm: max_num_batched_tokens=4096, and max_num_seqs are the completions of a card."""
    found = asked("GRPO", rollout="vllm", generations=16).writing
    assert (found.engine, float(found.utilization)) == ("vLLM", 0.3)
    assert (found.batched_tokens, found.sequences, found.batch, found.context) == (4096, 16, 1, 512)
    assert float(asked("GRPO", rollout="vLLM", rollout_share=0.5).writing.utilization) == 0.5
    assert asked("GRPO", rollout="server").writing is None


@given(st.integers(1, 40), st.integers(1, 12), st.integers(2, 40))
def test_the_fewest_completions_are_whole_groups_and_whole_steps(batch, cards, group):
    """grpo_config.py, __post_init__: generation_batch_size is a multiple of num_generations, and of a step of all."""
    run = Training(context=512, batch=batch, data_parallel=cards, recipe="bf16")
    found = asked("GRPO", run, generations=group).written
    fitting = (steps * batch for steps in range(1, group + 1) if steps * batch * cards % group == 0)
    assert found == next(fitting)
    assert asked("GRPO", run, generations=group, rollout_batch=3 * found).written == 3 * found
    assert found * cards % math.lcm(group, batch * cards) == 0


@pytest.mark.parametrize(
    ("said", "there"), [({}, False), ({"beta": 0}, False), ({"beta": 0.04}, True), ({"reference": "none"}, False)]
)
def test_grpo_has_a_reference_with_beta_alone(said, there):
    assert asked("GRPO", **said).reference is there


def test_dpo_has_one_unless_it_has_scored_before():
    assert asked("DPO").reference is None
    assert asked("DPO", reference="none").reference is False


TRAIN = ["train", "Llama-3.2-1B", "80 GB", "--context", "512"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("--method ORPO", "method 'ORPO' is not known; the nearest is GRPO. Known: DPO, GRPO, PPO, reward model."),
        (f"--method {HUGE}", f"method '{HUGE}' is not known. Known: DPO, GRPO, PPO, reward model."),
        ("--beta 0.1", "beta must be left out without a method: --method DPO, GRPO, PPO or reward."),
        ("--sleep 2", "sleep must be left out without a method: --method DPO, GRPO, PPO or reward."),
        ("--method DPO --beta 0.1", "beta must be left out for DPO: no byte depends on it: there is a reference"),
        ("--method DPO --rollout vLLM", "rollout must be left out for DPO: it has no such choice."),
        ("--method DPO --completion 9", "completion must be left out for DPO: prompts and answers get logits alike."),
        ("--method DPO --reference 7B", "reference '7B' is not known. Known: none."),
        (
            "--method DPO --reference none --loss fused_linear",
            "loss must be another for DPO without a reference, which Liger's needs, not 'fused_linear'.",
        ),
        ("--method DPO --tensor-parallel 2 --activations none", "tensor_parallel must be 1 for DPO, where zero or"),
        ("--method reward --generations 8", "generations must be left out for reward model: it has no such choice."),
        ("--method reward --loss fused_linear", "loss must be plain for reward model, not 'fused_linear'."),
        ("--method PPO --reference none", "reference must be left out for PPO: there is always a reference."),
        ("--method PPO --rollout vLLM", "rollout 'vLLM' is not known. Known: transformers."),
        ("--method PPO --reward-model nonsense", "model 'nonsense' is not known."),
        ("--method PPO --loss fused_linear", "loss must be one of plain, log_probabilities, "),
        ("--method GRPO --reward-model 1B", "reward-model must be left out for GRPO: a reward is any function there"),
        ("--method GRPO --beta nan", "beta must be a number from 0 on, not nan."),
        ("--method GRPO --beta -1", "beta must be a number from 0 on, not -1."),
        ("--method GRPO --beta much", "beta must be a number from 0 on, not 'much'."),
        ("--method GRPO --beta true", "beta must be a number from 0 on, not True."),
        ("--method GRPO --beta 1e999", "beta must be a number from 0 on, not inf."),
        (
            "--method GRPO --beta 0.1 --reference none",
            "reference must be left out with beta 0.1, for which there is one",
        ),
        ("--method GRPO --generations 1", "generations must be a whole number from 2 to 1,000,000, not 1."),
        ("--method GRPO --generations -8", "generations must be a whole number from 2 to 1,000,000, not -8."),
        (f"--method GRPO --generations {HUGE}", f"generations must be a whole number from 2 to 1,000,000, not {HUGE}."),
        ("--method GRPO --generations few", "generations must be a whole number from 2 to 1,000,000, not 'few'."),
        ("--method GRPO --completion 0", "completion must be a whole number from 1 to 512, not 0."),
        ("--method GRPO --completion 513", "completion must be a whole number from 1 to 512, not 513."),
        (f"--method GRPO --completion {HUGE}", f"completion must be a whole number from 1 to 512, not {HUGE}."),
        ("--method GRPO --completion all", "completion must be a whole number from 1 to 512, not 'all'."),
        ("--method GRPO --rollout SGLang", "rollout 'SGLang' is not known. Known: transformers, vLLM, elsewhere."),
        (
            "--method GRPO --rollout-share 0.3",
            "rollout-share is of an engine on the same card: choose it with --rollout",
        ),
        ("--method GRPO --sleep 2 --rollout elsewhere", "sleep is of an engine on the same card: choose it with"),
        ("--method GRPO --rollout vLLM --rollout-share 0", "rollout-share must be a number above 0 and at most 1"),
        (f"--method GRPO --rollout vLLM --rollout-share {HUGE}", "rollout-share must be a number above 0 and at most"),
        ("--method GRPO --rollout vLLM --rollout-share half", "rollout-share must be a number above 0 and at most 1"),
        ("--method GRPO --rollout vLLM --rollout-share nan", "rollout-share must be a number above 0 and at most 1"),
        ("--method GRPO --rollout vLLM --sleep 3", "sleep must be 0 or 1 or 2 for 'rollout', not 3."),
        ("--method GRPO --rollout vLLM --sleep deep", "sleep must be 0 or 1 or 2 for 'rollout', not 'deep'."),
        (
            "--method GRPO --rollout-batch 12",
            "rollout-batch must be whole groups of 8 and whole steps of 1: a multiple",
        ),
        (f"--method GRPO --rollout-batch {HUGE}", "rollout-batch must be a whole number from 1 to 1,000,000, not "),
        ("--num_generations 8", "--num-generations is TRL's; here it is --generations."),
        ("--precompute_ref_log_probs", "--precompute-ref-log-probs is TRL's; here it is --reference, with none."),
        ("--vllm_enable_sleep_mode", "--vllm-enable-sleep-mode is TRL's; here it is --sleep, with 2."),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(typed, sentence, capsys):
    assert main([*TRAIN, *typed.split()]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"memcalc: {sentence}")


def test_every_choice_is_of_a_known_method_and_has_its_source():
    for row in catalogue.rows("method_options"):
        assert rows_of(row["method"])[0]["method"] == row["method"]
        assert row["option"] in {*OPTIONS, "rollout_tokens"}  # which TRL alone sets
        assert f"{{{row['source'].partition(', ')[0]}," in catalogue.bibliography()
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["date"])
