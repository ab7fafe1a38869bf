"""How many micro-batches a stage holds: as PyTorch orders the passes, and as the papers say."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measured import rows
from memcalc.formula.choices import Schedule
from memcalc.formula.pipeline import in_flight, live
from memcalc.formula.symbols import symbol

ORDERS = rows("schedules", "live_passes")


def passes(schedule, **numbers):
    given = {"chunks": 1, "stage": 0} | numbers
    return live(schedule).exact({symbol(name): value for name, value in given.items()})


@pytest.mark.parametrize("row", ORDERS, ids=[row.id for row in ORDERS])
def test_the_orders_of_pytorch(row):
    """Until the gradients of weights are made, where these wait."""
    numbers = {name: value for name, value in row.inputs.items() if name != "schedule"}
    assert passes(row.inputs["schedule"], **numbers) == row.measured


@given(st.sampled_from(Schedule), st.integers(1, 8), st.integers(1, 64), st.integers(1, 8), st.data())
def test_the_first_stage_holds_most_and_none_holds_more_than_there_are(schedule, chunks, stages, rounds, data):
    numbers = {"chunks": chunks, "pipeline_parallel": stages, "micro_batches": rounds * stages}
    stage = data.draw(st.integers(0, stages - 1))
    of_stage, of_first = (passes(schedule, **numbers, stage=one) for one in (stage, 0))
    assert 1 <= of_stage <= of_first <= chunks * rounds * stages


@given(st.integers(1, 64), st.integers(1, 8), st.integers(2, 8))
def test_interleaving_holds_by_so_much_more_as_korthikanti_says(stages, chunks, rounds):
    """1 + (p - 1) / (p × m), where their m is our v."""
    numbers = {"pipeline_parallel": stages, "chunks": chunks, "micro_batches": rounds * stages}
    given = {symbol(name): value for name, value in numbers.items()}
    assert in_flight("1F1B").value(given) == 1
    assert in_flight("ZB-H1").value(given) == 1
    assert in_flight("GPipe").value(given) == rounds
    assert Fraction(in_flight("interleaved").value(given)) == 1 + Fraction(stages - 1, stages * chunks)
