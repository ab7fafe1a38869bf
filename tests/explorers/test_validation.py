"""The explorer of the reality check: the sum of terms and the peak of a step."""

import re

import pytest

from cases import placed
from memcalc import InputError, Model, Training, breakdown, units
from memcalc.estimate import training
from memcalc.explorers.validation import sum_and_peak
from memcalc.plots.validation import POLICIES, STEPPED


def corners(frame, name):
    path = placed(frame)[name]
    return path[::2], path[1::2]


@pytest.mark.parametrize("activations", POLICIES)
@pytest.mark.parametrize("context", [1, 32, 1000, 4096, 2**20])
def test_the_words_say_both_and_how_far_they_are_apart(context, activations):
    said = sum_and_peak.frame(context=context, activations=activations).said
    recompute = "full" if activations == "compute again" else "none"
    run = Training(context=context, recipe="bf16", attention="eager", recompute=recompute)
    memory, peak = breakdown(Model.named(STEPPED), run), training.step_peak(Model.named(STEPPED), run)
    added = memory["gradients"] + memory["activations"]
    assert f"add up to {units.show(added)}," in said
    assert f"peaks at {units.show(peak)}." in said
    share, word = re.search(r"The sum is ([\d.]+)% (too much|too little)", said).groups()
    assert (float(share) / 100, word == "too much") == (pytest.approx(abs(added - peak) / peak, abs=6e-4), added > peak)


@pytest.mark.parametrize("activations", POLICIES)
def test_measured_peaks_lie_on_the_line(activations):
    frame = sum_and_peak.frame(context=1024, activations=activations)
    line = dict(zip(*corners(frame, "peak"), strict=True))
    for place in range(8):
        xs, ys = corners(frame, f"dot{place}")
        middle, height = xs[1], ys[0]
        nearest = min(line, key=lambda x: abs(x - middle))
        assert abs(nearest - middle) < 0.5
        assert abs(line[nearest] - height) < 1.5


def test_only_a_measured_context_names_its_bytes():
    assert "measured at 1,024 tokens" in sum_and_peak.frame(context=1024, activations="keep all").details[0]
    assert (
        sum_and_peak.frame(context=1000, activations="keep all").details[0].startswith("not measured at this context")
    )


def test_another_policy_is_refused():
    with pytest.raises(InputError, match="activations 'some' is not known"):
        sum_and_peak.frame(context=64, activations="some")
