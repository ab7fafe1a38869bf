"""The pictures of activations: boxes are the tensors of a layer, lines the policies, as papers and measurements say."""

import numpy
import pytest
from matplotlib import pyplot as plt

from memcalc import Training, breakdown, validation
from memcalc.formula.saved_tensors import CodePath, saved_tensors
from memcalc.plots import activations as drawn
from memcalc.specs.model import Model

ROWS = drawn.kept_in_a_layer.rows()
ACTIVATIONS = drawn.activations_context.rows()
MEGATRON, HUGGING_FACE = (lines for _, lines in ROWS.groupby("code", sort=False))
PAPER = {"norm": 4, "attention": 11, "mlp": 19}  # Korthikanti et al., section 4.1: 2 norms of 2, 11 and 19 bytes


def test_megatrons_layer_is_that_of_the_paper():
    assert MEGATRON.groupby("place")["bytes"].sum().to_dict() == pytest.approx(PAPER)
    assert len(MEGATRON) == 12


def test_hugging_faces_layer_is_the_measured_one():
    row = validation.row("A001")
    measured = row.measured / (row.inputs["context"] * row.inputs["batch"] * Model.named(row.model).hidden)
    assert HUGGING_FACE["bytes"].sum() == pytest.approx(float(measured), abs=0.05)
    assert f"{HUGGING_FACE['bytes'].sum():.3g}" == "45.5"
    wide = HUGGING_FACE[HUGGING_FACE["bytes"] == 2 * 11_008 / 4_096]
    assert (len(wide), set(wide["place"])) == (4, {"mlp"})


def test_boxes_are_as_wide_as_the_rows_and_stand_side_by_side():
    axes = drawn.kept_in_a_layer(ROWS).axes[0]
    assert plt.get_fignums() == []
    assert [box.get_width() for box in axes.patches] == pytest.approx(list(ROWS["bytes"]))
    for box, after in zip(axes.patches, axes.patches[1:], strict=False):
        assert after.get_x() == pytest.approx(box.get_x() + box.get_width()) or after.get_x() == 0
    assert {text.get_text() for text in axes.texts} >= {"34", "45.5", "norms 4", "attention 11", "MLP 19", "norms 12"}


def test_every_tensor_has_a_place_and_every_place_another_look():
    for attention in ("eager", "flash"):
        for recompute in ("none", "full"):
            places = {
                drawn.place_of(tensor) for tensor in saved_tensors(CodePath("llama", attention, recompute=recompute))
            }
            assert places <= drawn.PLACES.keys()
            assert ("scores" in places) == (attention == "eager" and recompute == "none")
    looks = [drawn.fill_of(place) for place in drawn.PLACES]
    assert len({look["hatch"] for look in looks}) == len({look["facecolor"] for look in looks}) == len(looks)


def test_the_words_say_what_the_picture_shows():
    alt = drawn.kept_in_a_layer().alt
    assert "Megatron GPT-3-175B 34 bytes (norms 4, attention 11, MLP 19; 12 tensors)" in alt
    assert "Hugging Face LLaMA-7B 45.5 bytes (norms 12, attention 10, MLP 23.5; 14 tensors)" in alt


def ends(policy, code="Megatron"):
    lines = ACTIVATIONS[(ACTIVATIONS["recomputed"] == policy) & (ACTIVATIONS["code"] == code)]
    return [size / 1e9 for size in lines.set_index("context")["activations"].loc[[4_096, 131_072]]]


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


def test_the_words_say_what_the_lines_show():
    assert "Megatron, full, at its peak: 2.13 GB and 68.18 GB" in drawn.activations_context.alt
