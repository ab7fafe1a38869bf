"""Measured rows and measured steps, where no table and no picture is needed."""

import subprocess
import sys

import pytest

from memcalc import Model, Training, breakdown, catalogue
from memcalc.estimate.measured import POLICIES, STEPPED, measured_steps, measurements, step, step_run
from memcalc.estimate.peak import step_peak


def test_each_line_of_the_data_is_a_row():
    lines = catalogue.rows("measured")
    assert [row.id for row in measurements()] == [line["id"] for line in lines]
    for row, line in zip(measurements()[:20], lines, strict=False):
        assert (str(row.measured), row.how, row.library) == (line["measured"], line["how"], line["library"])


@pytest.mark.parametrize("policy", POLICIES)
def test_steps_were_measured_at_eight_contexts_and_equal_the_formula(policy):
    assert list(measured_steps(policy)) == [2**power for power in range(5, 13)]
    for context, size in measured_steps(policy).items():
        assert step(context, policy)[1] == size


@pytest.mark.parametrize("policy", POLICIES)
def test_a_step_is_that_of_its_run(policy):
    model = Model.named(STEPPED)
    run = Training(context=300, recipe="bf16", attention="eager", recompute=POLICIES[policy])
    assert step_run(300, policy) == run
    memory = breakdown(model, run)
    assert step(300, policy) == (memory["gradients"] + memory["activations"], step_peak(model, run))


def test_neither_pandas_nor_matplotlib_is_needed():
    asks = "import sys, memcalc.estimate.measured; print({'pandas', 'matplotlib', 'numpy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
