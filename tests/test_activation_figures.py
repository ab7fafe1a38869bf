"""The picture of a layer: its boxes are the tensors, and their sums are what a paper and a measurement say."""

import pytest
from matplotlib import pyplot as plt

from memcalc import activation_figures as drawn
from memcalc import reality
from memcalc.formula.kept import Case, kept
from memcalc.model import Model

ROWS = drawn._rows()
MEGATRON, HUGGING_FACE = (lines for _, lines in ROWS.groupby("code", sort=False))
PAPER = {"norm": 4, "attention": 11, "mlp": 19}  # Korthikanti et al., section 4.1: 2 norms of 2, 11 and 19 bytes


def test_megatrons_layer_is_that_of_the_paper():
    assert MEGATRON.groupby("place")["bytes"].sum().to_dict() == pytest.approx(PAPER)
    assert len(MEGATRON) == 12


def test_hugging_faces_layer_is_the_measured_one():
    row = reality.row("A001")
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
            places = {drawn.place_of(tensor) for tensor in kept(Case("llama", attention, recompute=recompute))}
            assert places <= drawn.PLACES.keys()
            assert ("scores" in places) == (attention == "eager" and recompute == "none")
    looks = [drawn.filled(place) for place in drawn.PLACES]
    assert len({look["hatch"] for look in looks}) == len({look["facecolor"] for look in looks}) == len(looks)


def test_the_words_say_what_the_picture_shows():
    alt = drawn.kept_in_a_layer().alt
    assert "Megatron GPT-3-175B 34 bytes (norms 4, attention 11, MLP 19; 12 tensors)" in alt
    assert "Hugging Face LLaMA-7B 45.5 bytes (norms 12, attention 10, MLP 23.5; 14 tensors)" in alt
