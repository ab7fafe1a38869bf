"""The picture of the training states draws its rows, and the rows are what the ZeRO paper says."""

import pytest
from matplotlib import pyplot as plt

from memcalc.plots import optimizer

STATES = optimizer.training_states_zero.rows()
ZERO_PAPER = (120, 31.4, 16.6, 1.9)  # Rajbhandari et al., figure 1: GB on each of 64 cards, 7.5 billion parameters


def test_the_stages_are_those_of_the_zero_paper():
    marked = STATES[STATES["cards"] == 64]
    assert list(marked[list(optimizer.STATES)].sum(axis=1) / 1e9) == pytest.approx(ZERO_PAPER, abs=0.05)


def test_what_is_not_shared_does_not_shrink():
    shared = {0: (), 1: ("optimizer",), 2: ("optimizer", "gradients"), 3: optimizer.STATES}
    for stage, lines in STATES.groupby("stage"):
        level = [term for term in optimizer.STATES if lines[term].max() < 1.000001 * lines[term].min()]
        assert level == [term for term in optimizer.STATES if term not in shared[stage]]


def test_areas_and_dots_lie_where_the_rows_say():
    figure = optimizer.training_states_zero(STATES)
    assert plt.get_fignums() == []
    for (_, lines), axes, published in zip(STATES.groupby("stage"), figure.axes, ZERO_PAPER, strict=True):
        heights = lines[list(optimizer.STATES)].cumsum(axis=1) / 1e9
        for area, term in zip(axes.collections, optimizer.STATES, strict=True):
            corners = area.get_paths()[0].vertices
            assert corners[:, 1].max() == pytest.approx(heights[term].max())
        (dot,) = axes.lines
        assert dot.get_xdata() == [64]
        assert dot.get_ydata() == [pytest.approx(published, abs=0.05)]


def test_the_words_say_what_the_picture_shows():
    said = "120 GB with stage 0, 31.4 GB with stage 1, 16.6 GB with stage 2, 1.88 GB with stage 3"
    assert said in optimizer.training_states_zero.alt
