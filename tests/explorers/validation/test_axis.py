"""An axis of doublings: order, ends and round amounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc.explorers.validation.axis import Axis, written

AMOUNTS = st.lists(st.integers(0, 2**50), min_size=1, max_size=8)


@given(AMOUNTS)
def test_amounts_lie_in_order_between_the_ends(amounts):
    axis = Axis(tuple(amounts), 50, 450)
    places = [axis.at(amount) for amount in sorted(amounts)]
    assert places == sorted(places)
    assert all(50 <= place <= 450 for place in places)


@given(AMOUNTS, st.integers(3, 8))
def test_ticks_are_few_and_within_the_ends(amounts, most):
    axis = Axis(tuple(amounts), 450, 50)
    ticks = axis.ticks(most)
    assert len(ticks) <= most + 1 + (0 in amounts)
    assert all(50 <= axis.at(tick) <= 450 for tick in ticks)


def test_each_doubling_is_as_long():
    axis = Axis((2**20, 2**30), 0, 1000)
    steps = [axis.at(2 ** (power + 1)) - axis.at(2**power) for power in range(20, 30)]
    assert steps == pytest.approx([steps[0]] * 10)


@pytest.mark.parametrize(("size", "said"), [(2**40, "1 TiB"), (5 * 2**30, "5 GiB"), (1536, "1.5 KiB"), (7, "7 B")])
def test_amounts_are_written_in_binary_units(size, said):
    assert written(size) == said
