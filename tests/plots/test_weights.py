"""The picture of weights: what a format's name says, and what a file spends."""

import re

import pytest
from matplotlib import pyplot as plt

from memcalc import Inference, InputError, Model, breakdown, catalogue
from memcalc.plots.weights import (
    FORMATS,
    PARTS,
    bits_of_the_name,
    bits_per_weight,
    parts,
    weights_by_format,
)
from memcalc.specs.run import weights_formats

README = {"Q2_K": 3.1593, "Q4_K_M": 4.8944, "Q5_K_M": 5.7036, "Q6_K": 6.5633, "Q8_0": 8.5008}
"""Bits per weight of Llama-3.1-8B, from llama.cpp's tools/quantize/README.md, commit 311c2c9."""


@pytest.mark.parametrize(("weights", "bits"), README.items())
def test_a_file_spends_the_bits_that_llama_cpp_states(weights, bits):
    model = Model.named("Llama-3.1-8B")
    assert sum(parts(model, weights).values()) * 8 / model.parameters == pytest.approx(bits, abs=6e-5)


@pytest.mark.parametrize("weights", weights_formats())
def test_the_parts_are_the_whole_and_none_is_negative(weights):
    for name in ("Llama-3.2-1B", "Mixtral-8x7B", "GPT-2", "Mamba-2.8B"):
        model = Model.named(name)
        pieces = parts(model, weights)
        assert list(pieces) == list(PARTS)
        assert sum(pieces.values()) == breakdown(model, Inference(weights=weights))["weights"]
        assert min(pieces.values()) >= 0


def test_the_name_promises_no_more_than_is_stored():
    for row in catalogue.rows("formats"):
        if row["family"] != "cache":
            assert bits_of_the_name(row["name"]) <= float(row["bits"])


def test_a_format_that_is_not_known():
    with pytest.raises(InputError, match="weights format 'Q4_K_X' is not known"):
        bits_of_the_name("Q4_K_X")


def test_double_quantization_saves_what_its_paper_says():
    """Dettmers et al. 2023, section 3: 0.373 bits for each parameter."""
    model = Model.named("Llama-2-70B")
    scales = [parts(model, name)["scales"] * 8 / model.parameters for name in ("NF4", "NF4-double")]
    assert scales == pytest.approx([0.5, 0.127], abs=5e-4)


@pytest.mark.parametrize("name", ["Llama-3.1-8B", "Llama-3.2-1B"])
def test_bars_are_as_long_as_their_bits(name):
    figure = bits_per_weight(name)
    assert plt.get_fignums() == []
    (axes,) = figure.axes
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches[-len(FORMATS) :]]
    model = Model.named(name)
    stored = [breakdown(model, Inference(weights=each))["weights"] * 8 / model.parameters for each in FORMATS]
    assert ends == pytest.approx(stored)
    assert [text.get_text() for text in axes.texts] == [f"{bits:.2f}" for bits in stored]
    assert len({bar.get_hatch() for bar in axes.patches}) == len(PARTS)


def test_the_words_say_what_the_picture_shows():
    words = bits_per_weight().alt
    assert "For Llama-3.1-8B" in words
    assert "Q4_K_M 4 and 4.89" in words
    assert re.findall(r"(\S+) \d+ and", words) == list(FORMATS)


def test_weights_lie_where_the_rows_say():
    rows = weights_by_format.rows()
    lines = weights_by_format(rows).axes[0].lines
    drawn = sorted(x for line in lines if line.get_marker() != "None" for x in line.get_xdata())
    assert drawn == pytest.approx(sorted(rows["bytes"] / 2**30))


def test_the_words_say_what_the_formats_take():
    assert "LLaMA-7B in FP32 25.10 GiB, LLaMA-7B in FP16 12.55 GiB" in weights_by_format.alt
