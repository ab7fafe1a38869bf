"""A step as a film: its highest moment is what was measured, and its parts are the terms."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import InputError, Model, Training, breakdown, catalogue
from memcalc.estimate.ask import read_inputs
from memcalc.estimate.peak import beside, passes, step_peak
from memcalc.estimate.training import peak_of_recomputation
from memcalc.explorers.film import PARTS, STOPS, film, one_layer, stops, unmeasured

PEAKS = [row for row in catalogue.rows("measured") if row["quantity"] == "step_peak"]
MEASURED = ("LLaMA-7B", "Llama-3.2-1B", "Qwen2.5-0.5B", "GPT-2", "Llama-3.1-70B")
RUNS = st.builds(
    Training,
    context=st.integers(1, 10**5),
    batch=st.integers(1, 8),
    recipe=st.sampled_from(["bf16", "mixed", "fp32"]),
    attention=st.sampled_from(["eager", "sdpa"]),
    recompute=st.sampled_from(["none", "full"]),
    loss=st.sampled_from(["plain", "fused", "fused_linear", "log_probabilities"]),
)


def highest(moments):
    return max((moment for moment in moments if moment.phase != "step"), key=lambda moment: moment.total)


def states(moments):
    return moments[0].parts["weights"] + moments[0].parts["optimizer"]


@pytest.mark.parametrize("row", PEAKS, ids=[row["id"] for row in PEAKS])
def test_the_highest_moment_is_what_was_measured(row):
    moments = film(Model.named(row["model"]), Training(**read_inputs(row["inputs"])))
    assert highest(moments).total - states(moments) == int(row["measured"])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MEASURED), RUNS)
def test_parts_add_up_to_the_terms(name, run):
    model = Model.named(name)
    moments, memory = film(model, run), breakdown(model, run)
    assert highest(moments).total - states(moments) == step_peak(model, run)
    assert {moment.name: moment.kept for moment in moments}["the loss is known"] == memory["activations"]
    assert max(moment.parts["gradients"] for moment in moments) == memory["gradients"]
    for moment in moments:
        assert tuple(moment.parts) == PARTS
        assert min(moment.parts.values()) >= 0
        assert (moment.parts["weights"], moment.parts["optimizer"]) == (memory["weights"], memory["optimizer"])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MEASURED), RUNS)
def test_the_first_layer_goes_back_at_the_height_of_its_term(name, run):
    model = Model.named(name)
    moments = film(model, run)
    height = {moment.name: moment.total - states(moments) for moment in moments}
    terms = {at.name: beside(at) for _, at in passes(model, run)}
    for word in ("MLP", "scores"):
        first = f"layer 1 goes back through its {word}"
        assert height.get(first) == terms.get(f"the first layer goes back through its {word}")


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(MEASURED), RUNS)
def test_a_player_misses_no_peak_and_goes_from_the_start_to_the_end(name, run):
    moments = film(Model.named(name), run)
    seen = stops(moments)
    assert len(seen) == STOPS + 1
    assert (seen[0], seen[-1]) == (moments[0], moments[-1])
    assert max(moments, key=lambda moment: moment.total) in seen
    assert list(seen) == sorted(seen, key=lambda moment: moment.time)
    assert (moments[0].time, moments[-1].time) == (0, 1)


def test_the_optimizer_holds_a_copy_of_all_weights_for_a_moment():
    moments = film(Model.named("LLaMA-7B"), Training(context=512, recipe="bf16"))
    [height] = {moment.parts["passing"] for moment in moments if "root" in moment.name or "quotient" in moment.name}
    assert height == 2 * 6_738_415_616


def test_recomputation_makes_the_way_back_longer():
    share = {}
    for recompute in ("none", "full"):
        moments = film(Model.named("LLaMA-7B"), Training(context=2048, recipe="bf16", recompute=recompute))
        time = {moment.name: moment.time for moment in moments}
        back = time["layer 1 has its gradients"] - time["the head has its gradients"]
        share[recompute] = back / time["layer 32 has gone forward"]
    assert share == {"none": 2, "full": 3}


@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
def test_of_megatron_the_film_shows_what_is_kept(recompute):
    model, run = Model.named("LLaMA-7B"), Training(context=4096, activations="megatron", recompute=recompute)
    moments = film(model, run)
    kept = {moment.name: moment.kept for moment in moments}
    assert kept["all is kept that the way back needs"] == breakdown(model, run)["activations"]
    if recompute == "full":
        assert moments[-1].kept == peak_of_recomputation(model, run) == 2_130_706_432
    assert unmeasured(model, run) == "Nobody has measured the way back in the code of Megatron."


def test_of_code_that_nobody_measured_too():
    model, run = Model.named("Mistral-7B-v0.1"), Training(context=2048)
    assert unmeasured(model, run) == "Nobody has measured the way back of Mistral-7B-v0.1 in this code."
    assert film(model, run)[-1].kept == breakdown(model, run)["activations"]


@pytest.mark.parametrize(
    ("name", "run", "says"),
    [
        ("LLaMA-7B", Training(zero=1, data_parallel=8), "one card alone"),
        ("Mixtral-8x7B", Training(), "A film of a step shows layers of attention and one MLP, which Mixtral-8x7B"),
        ("LLaMA-7B", Training(activations="none"), "activations must be transformers or megatron"),
        ("Gemma-3-27B", Training(context=2048), "context must be below the window of 1,024 tokens"),
    ],
)
def test_what_has_no_film_is_said(name, run, says):
    with pytest.raises(InputError, match=says):
        film(Model.named(name), run)


def test_a_layer_of_llama():
    layer = one_layer(Model.named("LLaMA-7B"), Training(context=2048, recipe="bf16", attention="eager"))
    assert layer.weights == layer.gradients == 2 * 202_383_360
    assert layer.kept["scores"] == 6 * 32 * 2048**2
    assert sum(layer.kept.values()) - layer.kept["scores"] == pytest.approx(45.5 * 2048 * 4096, rel=1e-3)
    assert layer.again == layer.kept
