"""The answer for a method of training: phases in bytes, the verdict, and what can be done."""

import json
import re
import shlex
from pathlib import Path

import pytest

from memcalc.__main__ import main
from memcalc.command.methods import EXAMPLES
from memcalc.units import show

GUIDE = (Path(__file__).parents[2] / "site" / "asking.md").read_text(encoding="utf-8")
PARAMETERS, VOCABULARY = 1_235_814_400, 128_256  # of Llama-3.2-1B, with 146 tensors
RESTING = 6 * PARAMETERS + 4 * 146  # in 16 bits: 2 + 4 bytes of each parameter, and a counter of each tensor
ONE_B = ["Llama-3.2-1B", "80 GB", "--context", "512", "--recipe", "bf16"]


def said(capsys, *arguments):
    assert main(["train", *arguments]) == 0
    return capsys.readouterr().out


def answer(capsys, *arguments):
    return json.loads(said(capsys, *arguments, "--json"))


def test_dpo_scores_within_the_step_as_measured(capsys):
    """TRL's steps on fake tensors, as tests/estimate/test_beside.py has them: one pair of 512 tokens."""
    found = answer(capsys, *ONE_B, "--method", "dpo")
    assert [*found["phases"]] == ["loss", "step"]
    parts = found["phases"]["loss"]["parts"]
    assert parts["reference weights"] == 2 * PARAMETERS
    there = parts["policy activations"] + parts["reference activations"]
    assert there == pytest.approx(3_569_517_980, rel=1e-6)
    alone = answer(capsys, *ONE_B, "--method", "DPO", "--reference", "none")
    assert [*alone["phases"]] == ["step"]
    assert found["phases"]["step"]["bytes"] - alone["phases"]["step"]["bytes"] == 2 * PARAMETERS


def test_grpo_beside_an_engine_that_sleeps(capsys):
    """30 % of 80 GB while completions are written, and nothing of that later; the reference stays."""
    grpo = [*ONE_B, "--method", "GRPO", "--rollout", "vLLM", "--beta", "0.04", "--completion", "128"]
    found = answer(capsys, *grpo, "--sleep", "1")
    assert [*found["phases"]] == ["rollout", "scoring", "step"]
    assert found["phases"]["rollout"]["bytes"] == RESTING + 2 * PARAMETERS + 24 * 10**9
    scoring = RESTING + 2 * PARAMETERS + 4 * VOCABULARY * (129 + 128)
    assert found["phases"]["scoring"]["bytes"] == scoring
    assert (found["highest"], found["needed"]) == ("rollout", RESTING + 2 * PARAMETERS + 24 * 10**9)
    assert (found["in_cpu_memory"], found["verdict"]) == (2 * PARAMETERS, "fits if")
    awake = answer(capsys, *grpo)
    assert (awake["phases"]["scoring"]["bytes"], awake["highest"]) == (scoring + 24 * 10**9, "step")
    assert (awake["verdict"], awake["not_counted"], awake["in_cpu_memory"]) == ("fits", "", 0)


@pytest.mark.parametrize(("recipe", "width"), [("bf16", 2), ("fp32", 4)])
def test_a_policy_that_writes_needs_its_cache_alone(recipe, width, capsys):
    """16 layers of 8 heads with 64 numbers, keys and values, of 512 tokens of 8 completions."""
    found = answer(capsys, *ONE_B, "--recipe", recipe, "--method", "GRPO")
    assert found["phases"]["rollout"]["parts"]["rollout kv_cache"] == 16 * 8 * 64 * 2 * 512 * 8 * width


def test_ppo_has_four_models_of_which_two_may_be_others(capsys):
    found = answer(capsys, *ONE_B, "--method", "PPO")
    weights = {name: size for name, size in found["phases"]["scoring"]["parts"].items() if name.endswith("weights")}
    assert weights == dict.fromkeys(
        [f"{one} weights" for one in ("policy", "value", "reference", "reward")], 2 * PARAMETERS
    )
    other = answer(capsys, *ONE_B, "--method", "PPO", "--reward-model", "Llama-3.1-8B")
    head = VOCABULARY * 4096  # which a model that gives one number has not
    assert other["phases"]["step"]["parts"]["reward weights"] == 2 * (8_030_261_248 - head)


def test_the_longest_context_is_the_longest_that_fits(capsys):
    dpo = ["Llama-3.2-1B", "24 GB", "--recipe", "bf16", "--recompute", "full", "--method", "DPO", "--context"]
    most = int(re.search(r"holds at most ([\d,]+) tokens", said(capsys, *dpo, "64"))[1].replace(",", ""))
    assert answer(capsys, *dpo, str(most))["fits"]
    assert not answer(capsys, *dpo, str(most + 1))["fits"]


def test_what_is_told_to_fit_can_be_typed(capsys):
    dpo = [
        "Llama-3.1-8B",
        "H100 80 GB",
        "--context",
        "1K",
        "--recipe",
        "bf16",
        "--recompute",
        "full",
        "--method",
        "DPO",
    ]
    told = said(capsys, *dpo, "--batch", "4")
    assert re.search(r"\nIt does not fit: [\d.]+ GiB are missing in the step\.\n", told)
    for change in ("--reference none", "--lora-rank 16", "--zero 3 --data-parallel 2"):
        margin = answer(capsys, *dpo, "--batch", "4", *change.split())["margin"]
        words = change.replace(" --", " and ").strip("-").replace("-", "_")
        assert f"\n{words} would leave {show(margin)}" in told


def test_the_answer_in_words(capsys):
    told = said(capsys, *ONE_B, "--method", "GRPO", "--rollout", "vLLM", "--sleep", "2", "--generations", "16").split(
        "\n"
    )
    assert told[0].endswith("16 completions at a time written by vLLM with 0.3 of the card")
    assert [line.split()[0] for line in told[1:5]] == ["rollout", "scoring", "step", "the"]
    assert [line for line in told[1:5] if "highest: when" in line] == [told[1]]
    assert told[5].startswith("In the rollout: policy weights 2.30 GiB, policy optimizer 4.60 GiB, rollout engine ")
    assert re.match(
        r"It fits only if [\d.]+ GiB, which are left in the rollout, are enough for what vLLM keeps", told[6]
    )
    assert any(line.startswith("The pool of vLLM holds ") for line in told)
    assert "generations 16 changes nothing here: vLLM's share of the card stays the same." in told
    reward = said(capsys, *ONE_B, "--method", "reward")
    assert re.search(r"\nIt fits: [\d.]+ GiB are left in the step\.\n", reward)


def test_a_share_that_is_too_small_does_not_fit_and_the_least_that_does_can_be_typed(capsys):
    """30 % of 24 GB are 7.2 GB, of which the weights alone take 16.06 GB."""
    grpo = ["Llama-3.1-8B", "--context", "1K", "--lora-rank", "8", "--base-weights", "NF4", "--recipe", "bf16"]
    grpo += ["--recompute", "full", "--method", "GRPO", "--completion", "128", "--rollout", "vLLM"]
    found = answer(capsys, *grpo, "48 GB")
    assert (found["fits"], found["verdict"]) == (False, "does not fit")
    share = found["rollout_share_needed"]
    assert 16.06 / 48 < share < 0.5
    told = said(capsys, *grpo, "48 GB")
    assert f"It does not fit: the engine starts only with a larger share, rollout-share {share:g}.\n" in told
    again = answer(capsys, *grpo, "48 GB", "--rollout-share", str(share))
    assert (again["fits"], again["rollout_share_needed"]) == (True, None)
    assert f"rollout_share {share:g} would leave {show(again['margin'])}." in told
    assert not answer(capsys, *grpo, "48 GB", "--rollout-share", f"{share - 0.01:.2f}")["fits"]
    assert "vLLM does not start on such a card, whatever its share." in said(capsys, *grpo, "12 GB")


def test_ligers_chunks_are_said_as_unknown(capsys):
    told = said(capsys, *ONE_B, "--method", "DPO", "--loss", "fused_linear")
    assert "are enough for the logits of a chunk of Liger's loss, which is a pair." in told


def test_json_has_the_same_keys_for_every_method(capsys):
    keys = "model gpu method run rollout said phases highest in_cpu_memory capacity capacity_is needed"
    keys += " fits verdict margin rollout_share_needed not_counted advice in_vain"
    for method in ("DPO", "GRPO", "PPO", "reward"):
        found = answer(capsys, *ONE_B, "--method", method)
        assert [*found] == keys.split()
        assert found["needed"] == max(phase["bytes"] for phase in found["phases"].values())
        assert found["margin"] == found["capacity"] - found["needed"]
        for phase in found["phases"].values():
            assert [*phase] == ["bytes", "when", "parts"]
            assert phase["bytes"] == sum(phase["parts"].values())


def test_without_a_method_nothing_changes(capsys):
    found = answer(capsys, *ONE_B)
    assert not {"method", "phases"} & found.keys()
    assert found["peak"]["bytes"] == RESTING + 4 * PARAMETERS  # gradients, and as much for a moment


def test_a_size_alone_has_phases_too(capsys):
    """2 + 2 + 4 + 2 bytes of each parameter in the step, and 2 of the reference."""
    found = answer(capsys, "7B", "H100 80 GB", "--recipe", "bf16", "--method", "DPO")
    assert found["phases"]["step"]["bytes"] == 12 * 7 * 10**9 + 4
    assert found["not_counted"] == "the activations of policy and the working memory of reference"


def test_what_a_file_says_in_vain_is_said_here_too(tmp_path, capsys):
    path = tmp_path / "ds.json"
    path.write_text(json.dumps({"zero_optimization": {"stage": 2}, "steps_per_print": 10}))
    told = [*ONE_B, "--method", "DPO", "--deepspeed", str(path), "--data-parallel", "4"]
    assert any(one["key"] == "steps_per_print" for one in answer(capsys, *told)["in_vain"])
    assert "steps_per_print" in said(capsys, *told)


def test_each_part_is_explained_with_its_source(capsys):
    told = said(capsys, *ONE_B, "--method", "PPO", "--explain")
    for part in ("policy", "value", "reference", "reward", "rollout"):
        assert re.search(rf"\n{part}: .+\n  source: trl2026, ", told)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_help_are_answered(example, capsys):
    method = shlex.split(example)[1]
    assert method in said(capsys, "Llama-3.1-8B", "H200", "--context", "1K", *shlex.split(example))


def test_the_examples_of_the_guide_are_answered(capsys):
    lines = re.findall(r"memcalc train (.*--method .*)", GUIDE)
    assert [re.search(r"--method (\w+)", line)[1] for line in lines] == ["DPO", "GRPO", "PPO", "reward"]
    for line in lines:
        assert "It fits" in said(capsys, *shlex.split(line))
