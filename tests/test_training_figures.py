"""The pictures of training draw their rows, and the rows are what the papers say."""

import numpy
import pytest
from matplotlib import pyplot as plt

from memcalc import training_figures as drawn

STATES, ACTIVATIONS = (picture.rows() for picture in drawn.PICTURES)
ZERO_PAPER = (120, 31.4, 16.6, 1.9)  # Rajbhandari et al., figure 1: GB on each of 64 cards, 7.5 billion parameters


def ends(policy, code="Megatron"):
    lines = ACTIVATIONS[(ACTIVATIONS["recomputed"] == policy) & (ACTIVATIONS["code"] == code)]
    return [size / 1e9 for size in lines.set_index("context")["activations"].loc[[4_096, 131_072]]]


def test_the_stages_are_those_of_the_zero_paper():
    marked = STATES[STATES["cards"] == 64]
    assert list(marked[list(drawn.STATES)].sum(axis=1) / 1e9) == pytest.approx(ZERO_PAPER, abs=0.05)


def test_what_is_not_shared_does_not_shrink():
    shared = {0: (), 1: ("optimizer",), 2: ("optimizer", "gradients"), 3: drawn.STATES}
    for stage, lines in STATES.groupby("stage"):
        level = [term for term in drawn.STATES if lines[term].max() < 1.000001 * lines[term].min()]
        assert level == [term for term in drawn.STATES if term not in shared[stage]]


def test_areas_and_dots_lie_where_the_rows_say():
    figure = drawn.training_states_zero(STATES)
    assert plt.get_fignums() == []
    for (_, lines), axes, published in zip(STATES.groupby("stage"), figure.axes, ZERO_PAPER, strict=True):
        heights = lines[list(drawn.STATES)].cumsum(axis=1) / 1e9
        for area, term in zip(axes.collections, drawn.STATES, strict=True):
            corners = area.get_paths()[0].vertices
            assert corners[:, 1].max() == pytest.approx(heights[term].max())
        (dot,) = axes.lines
        assert dot.get_xdata() == [64]
        assert dot.get_ydata() == [pytest.approx(published, abs=0.05)]


@pytest.mark.parametrize(("policy", "bytes_each"), [("none", 34 + 5 * 32), ("selective", 34), ("full", 2)])
def test_megatrons_policies_are_those_of_its_paper(policy, bytes_each):
    narrower = 0 if policy == "full" else 4 * (4 - 11_008 / 4_096)  # two tensors of the MLP: 4 d wide in the paper
    layers = (bytes_each - narrower) * 4_096 * 4_096 * 32
    outside = (5 * 4_096 + 4 * 32_000) * 4_096  # section 4.3: dropout mask, final norm, head; logits in FP32
    assert ends(policy)[0] * 1e9 == pytest.approx(layers + outside, rel=1e-3)


def test_the_article_is_met_by_full_recomputation_at_its_peak_alone():
    for policy, code in ACTIVATIONS[["recomputed", "code"]].drop_duplicates().itertuples(index=False):
        pairs = zip(ends(policy, code), drawn.BANDS, strict=True)
        met = all(low <= size <= high for size, (_, low, high) in pairs)
        assert met == (policy == drawn.AT_PEAK)
    assert ends(drawn.AT_PEAK) == pytest.approx(
        [2.17, 69.39], rel=0.02
    )  # which count an MLP of 4 d, and an input twice


def test_hugging_face_code_with_full_recomputation_would_lie_on_megatrons_line():
    from memcalc import Model, Training, breakdown

    run = Training(context=4_096, recompute="full")
    assert breakdown(Model.named("LLaMA-7B"), run)["activations"] / 1e9 == pytest.approx(ends("full")[0], rel=0.05)


def test_lines_lie_where_the_rows_say_and_boxes_where_the_article_does():
    axes = drawn.activations_context(ACTIVATIONS).axes[0]
    points = [(x, y) for line in axes.lines if len(line.get_xdata()) > 1 for x, y in zip(*line.get_data(), strict=True)]
    rows = zip(ACTIVATIONS["context"], ACTIVATIONS["activations"] / 1e9, strict=True)
    assert numpy.array(sorted(points)) == pytest.approx(numpy.array(sorted(rows)))
    for box, (context, low, high) in zip(axes.patches, drawn.BANDS, strict=True):
        assert (box.get_y(), box.get_y() + box.get_height()) == pytest.approx((low, high))
        assert box.get_x() < context < box.get_x() + box.get_width()


def test_the_words_say_what_the_pictures_show():
    states, activations = drawn.PICTURES
    assert "120 GB with stage 0, 31.4 GB with stage 1, 16.6 GB with stage 2, 1.88 GB with stage 3" in states.alt
    assert "Megatron, full, at its peak: 2.13 GB and 68.18 GB" in activations.alt
