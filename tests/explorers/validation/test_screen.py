"""The screen: areas and columns as high as their bytes, the measured peak on the scale, nothing of the future."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Model, breakdown
from memcalc.estimate.measured import POLICIES, STEPPED, measured_steps, step_run
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.marks import Marks
from memcalc.explorers.validation.screen import SCREENS, Projector
from memcalc.explorers.validation.stepped import CONTEXTS, LAST, Step


def shown(step, width=860):
    projector = Projector(Marks(width), step)
    projector.show()
    return projector, projector.marks.shapes


@given(st.sampled_from(CONTEXTS), st.sampled_from(sorted(POLICIES)), st.sampled_from([600, 860]))
def test_columns_are_as_high_as_their_bytes(context, policy, width):
    projector, shapes = shown(Step(context, policy), width)
    memory = breakdown(Model.named(STEPPED), step_run(context, policy))
    for name in ("gradients", "activations"):
        assert shapes[f"sum_{name}"]["height"] == pytest.approx(memory[name] / 2**30 * projector.unit, abs=0.11)
    peak = sum(shapes[f"peak_{name}"]["height"] for name in ("gradients", "activations", "passing"))
    assert peak == pytest.approx(projector.step.peak / 2**30 * projector.unit, abs=0.3)
    top = SCREENS[width].top
    assert min(shapes[name]["y"] for name in shapes if re.match("(sum|peak)_.*s$", name) and "y" in shapes[name]) > top


@pytest.mark.parametrize("width", LAYOUTS)
@pytest.mark.parametrize("policy", POLICIES)
def test_the_diamond_lies_where_it_was_measured(policy, width):
    for context, size in measured_steps(policy).items():
        projector, shapes = shown(Step(context, policy), width)
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", shapes["measured"]["d"])]
        middle = (numbers[1] + numbers[5]) / 2
        assert middle == pytest.approx(SCREENS[width].floor - size / 2**30 * projector.unit, abs=0.11)


@pytest.mark.parametrize("width", LAYOUTS)
def test_the_future_is_covered_and_the_peak_is_not_told_before_it_comes(width):
    screen = SCREENS[width]
    _, shapes = shown(Step(1024, "keep all", 5), width)
    assert shapes["future"]["x"] + shapes["future"]["width"] >= screen.right
    assert "measured" not in shapes
    _, shapes = shown(Step(1024, "keep all", LAST), width)
    assert shapes["future"]["width"] <= 2


def test_a_measured_context_can_be_chosen_and_others_cannot():
    _, shapes = shown(Step(1024, "keep all"))
    assert {name for name in shapes if re.fullmatch(r"at_\d+", name)} == {f"at_{2**power}" for power in range(5, 13)}
    assert shapes["at_128"]["press"] == {"context": 128}


def test_the_guess_is_the_measured_peak():
    guess = Projector(Marks(860), Step(1024, "keep all")).ask()
    assert guess.truth == measured_steps("keep all")[1024] / 2**30
    assert guess.low <= guess.truth <= guess.high
