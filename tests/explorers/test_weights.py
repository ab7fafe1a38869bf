"""The explorer of weights: by the name of the format, as stored, and for one token."""

import re

import pytest

from cases import placed, width, written
from measured import rows
from memcalc import Inference, InputError, Model, breakdown, units
from memcalc.explorers.weights import for_one_token, stored_weights
from memcalc.plots.weights import PARTS
from memcalc.specs.run import weights_formats


@pytest.mark.parametrize(("name", "weights"), [("Llama-3.1-8B", "Q4_K_M"), ("Mixtral-8x7B", "NF4"), ("GPT-2", "INT8")])
def test_bars_are_as_long_as_their_bytes(name, weights):
    frame, model = stored_weights.frame(model=name, weights=weights), Model.named(name)
    shapes, stored = placed(frame), breakdown(model, Inference(weights=weights))["weights"]
    scale = sum(width(shapes[part]) for part in PARTS if shapes[part]) / stored
    assert width(shapes["by_name"]) == pytest.approx(width(shapes["named"]))
    assert width(shapes["passed"]) == pytest.approx(for_one_token(model, Inference(weights=weights)) * scale, abs=0.05)
    assert written(frame)["stored_size"] == units.show(stored)


def test_a_mixture_is_stored_whole_and_passed_in_part():
    """Jiang et al. 2024, section 2.1: two of eight experts; counted in tests/data/parameters.csv."""
    [active] = [row.measured for row in rows("parameters", "active_parameters") if row.model == "Mixtral-8x7B"]
    frame = stored_weights.frame(model="Mixtral-8x7B", weights="BF16")
    assert "takes 86.99 GiB = 93.41 GB: 16.00 bits for each of its 46,702,792,704 parameters" in frame.said
    assert frame.said.endswith(f"Each token passes {active:,} of them: 23.99 GiB.")


@pytest.mark.parametrize("weights", ["FP16", "Q8_0", "NF4-double", "Q4_K_M"])
def test_what_a_token_passes_has_about_the_bits_of_the_whole(weights):
    for name in ("Mixtral-8x7B", "Qwen3-30B-A3B"):
        model, run = Model.named(name), Inference(weights=weights)
        whole = breakdown(model, run)["weights"] / model.parameters
        passed = for_one_token(model, run) / model.active_parameters
        assert whole <= passed < 1.6 * whole  # what is not an expert has more bits, never fewer


def test_a_dense_model_is_passed_whole():
    for weights in weights_formats():
        run = Inference(weights=weights)
        model = Model.named("Llama-3.1-8B")
        assert for_one_token(model, run) == breakdown(model, run)["weights"]
    assert stored_weights.frame(model="GPT-2", weights="Q4_0").said.endswith("Each token passes all of them.")


def test_what_is_longer_than_the_axis_is_cut_with_an_arrow_head():
    frame = stored_weights.frame(model="Llama-3.1-8B", weights="FP32")
    shapes = placed(frame)
    right = float(re.search(r'viewBox="0 0 ([\d.]+)', frame.svg.text)[1])
    assert all(shapes[f"{name}_further"] for name in ("by_name", "stored", "passed"))
    assert max(shapes["stored_further"][::2]) < 0.85 * right, "the size beside it needs room"
    assert not placed(stored_weights.frame(model="Llama-3.1-8B", weights="FP16"))["stored_further"]


def test_the_details_add_up_and_name_what_they_add():
    details = stored_weights.frame(model="Llama-3.1-8B", weights="NF4-double").details
    assert details[0].startswith("NF4-double: NF4 with double quantization: 8-bit scales")
    sizes = "3.74 GiB (bits of the name) + 121.53 MiB (scales) + 1.45 GiB (tensors in more bits) = 5.31 GiB"
    assert details[1] == sizes
    assert details[2:] == [
        "On one RTX 4090, 18.33 GiB would be left.",
        "On one A100 80 GB, 73.84 GiB would be left.",
    ]
    assert (
        stored_weights.frame(model="Mixtral-8x7B", weights="FP16").details[2]
        == "On one RTX 4090, 63.35 GiB are missing."
    )


def test_the_line_of_python_gives_what_is_shown():
    frame = stored_weights.frame(model="Llama-3.1-8B", weights="Q4_K_M")
    names = {"Model": Model, "Inference": Inference, "breakdown": breakdown}
    assert eval(frame.code, names) == 4_912_898_048


@pytest.mark.parametrize(("model", "weights"), [("Llama-9", "FP16"), ("GPT-2", "INT5"), ("GPT-2", "KIVI-4")])
def test_names_that_make_no_sense_are_refused(model, weights):
    with pytest.raises(InputError):
        stored_weights.frame(model=model, weights=weights)
