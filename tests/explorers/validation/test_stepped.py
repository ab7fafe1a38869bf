"""A measured step: its film reaches the measured peak, and its words say what the formula gives."""

import re

import pytest

from memcalc import Model, breakdown
from memcalc.estimate.measured import POLICIES, STEPPED, measured_steps, step_run
from memcalc.estimate.peak import step_peak
from memcalc.explorers.validation.stepped import LAST, Step, beside, lines, notes, parts, verdict


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("context", [32, 128, 1024, 4096])
def test_the_highest_moment_is_what_was_measured(context, policy):
    step = Step(context, policy)
    assert len(step.stops) == LAST + 1
    assert max(map(beside, step.stops)) == measured_steps(policy)[context] == step.measured
    assert beside(step.highest) == step.peak


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("context", [1, 32, 1000, 4096, 2**14])
def test_the_words_say_both_and_how_far_they_are_apart(context, policy):
    model, run = Model.named(STEPPED), step_run(context, policy)
    memory, peak = breakdown(model, run), step_peak(model, run)
    added = memory["gradients"] + memory["activations"]
    said = verdict(Step(context, policy))
    share, word = re.search(r"The sum is ([\d.]+)% (too much|too little)", said).groups()
    assert (float(share) / 100, word == "too much") == (pytest.approx(abs(added - peak) / peak, abs=6e-4), added > peak)
    assert f"add up to {added / 2**30:.2f} GiB" in said
    assert f"peaks at {peak / 2**30:.2f} GiB" in said


def test_in_the_middle_only_what_has_been_seen_is_told():
    step = Step(1024, "keep all", 5)
    assert verdict(step).startswith("*Now ")
    assert f"{step.peak / 2**30:.2f} GiB" not in verdict(step)
    assert "measured" not in " ".join(notes(step))
    assert step.highest in step.seen


def test_gradients_come_while_activations_go():
    stops = Step(1024, "keep all").stops
    assert parts(stops[0])["gradients"] == 0
    assert parts(stops[-1])["gradients"] == breakdown(Model.named(STEPPED), step_run(1024, "keep all"))["gradients"]
    kept = [parts(moment)["activations"] for moment in stops]
    assert kept[-1] < max(kept) / 100


def test_only_a_measured_context_names_its_bytes():
    assert f"{measured_steps('keep all')[1024]:,} bytes" in " ".join(notes(Step(1024, "keep all")))
    assert "Nobody has measured 1,000 tokens" in " ".join(notes(Step(1000, "keep all")))


def test_both_terms_stand_there_with_their_values():
    memory = breakdown(Model.named(STEPPED), step_run(1024, "keep all"))
    found = {line["letter"]: line["numbers"][line["letter"]] for line in lines(Step(1024, "keep all"))}
    assert found == {
        "M_g": f"{memory['gradients'] / 2**30:.2f} GiB",
        "M_act": f"{memory['activations'] / 2**30:.2f} GiB",
    }
