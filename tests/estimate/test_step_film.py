"""The film of a training step: its highest shot is the peak, and it begins and ends with the states."""

import pytest
from hypothesis import given, settings

from memcalc import InputError, Model, Training, breakdown, peak
from memcalc.estimate.step_film import film
from small_models import STEPPED, STEPS


@settings(max_examples=8, deadline=None)
@given(STEPPED, STEPS)
def test_the_highest_shot_is_the_peak(model, run):
    shots = list(film(model, run))
    assert max(size for _, size in shots) == peak(model, run).bytes
    names = [name for name, _ in shots]
    assert names[0] == "the step begins"
    assert names.index(f"layer {model.layers} has gone forward") == model.layers


def test_a_step_begins_with_weights_and_optimizer():
    model, run = Model.named("Mistral-7B-v0.1"), Training(recipe="bf16", recompute="full")
    memory = breakdown(model, run)
    shots = list(film(model, run))
    assert shots[0][1] == memory["weights"] + memory["optimizer"]
    one_layer = 2 * 4096 * run.context  # its input
    assert shots[2][1] - shots[1][1] == one_layer


def test_what_is_not_counted_is_no_film():
    with pytest.raises(InputError, match="activations must be 'transformers' for the film"):
        list(film(Model.named("LLaMA-7B"), Training(activations="none")))
