"""What is written on a map: names, sums and labels."""

import re

import pytest

from memcalc import Inference, Model, breakdown, units
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.weights import stored_weights


def texts(**setting):
    return {name: shape["text"] for name, shape in stored_weights.frame(**setting).shapes.items() if "text" in shape}


def test_hovering_a_tensor_names_it_and_multiplies():
    shapes = stored_weights.frame(model="LLaMA-7B", weights="Q4_K_M").shapes
    assert shapes["16.down_proj"]["says"] == "layer 16, down_proj\n4,096 × 11,008 × 6.5625 bits = 35.27 MiB, Q6_K"
    assert shapes["1.up_proj"]["says"].startswith("layer 1, up_proj\n2 × 11,008 × 4,096 × 4.5 bits = ")
    assert shapes["embed_tokens"]["says"] == "embed_tokens\n32,000 × 4,096 × 4.5 bits = 70.31 MiB, Q4_K"


def test_tensors_that_are_drawn_as_one_are_named_all():
    says = stored_weights.frame().shapes["5.attention"]["says"]
    assert says == "layer 5, q_proj, k_proj, v_proj, o_proj\n41,943,040 numbers × 16 bits = 80.00 MiB"


def test_a_tensor_lights_up_its_letters():
    shapes = stored_weights.frame().shapes
    assert {"P_mlp", "L", "d_ff", "d"} <= set(shapes["5.down_proj"]["lights"].split())
    assert "P_emb" in shapes["embed_tokens"]["lights"].split()


def test_labels_add_up_to_the_whole():
    found = texts(weights="Q4_K_M")
    assert found["label_Q4_K"] == "Q4_K: 3.40 GiB"
    assert found["label_Q6_K"] == "Q6_K: 1.17 GiB"
    assert found["label_Q4_K_1"] == "4.5 bits, 74% of all"
    assert found["map_name"] == "Q4_K_M: 4.58 GiB"


@pytest.mark.parametrize("width", LAYOUTS)
@pytest.mark.parametrize("model", ["LLaMA-7B", "DeepSeek-V2-Lite", "Jamba-v0.1", "GPT-2"])
def test_shares_of_the_bytes_are_those_of_the_parameters_and_have_room(model, width):
    said = texts(model=model, width=width)["shares"]
    shares = {kind: int(share) for kind, share in re.findall(r"(\w[\w ]*) (\d+)%", said)}
    assert 90 <= sum(shares.values()) <= 102
    assert 6 * len(said) < width - 24
    counted = Model.named(model)
    head = 100 * (counted.embedding_tables - 1) * counted.vocabulary * counted.hidden / counted.parameters
    assert shares.get("head", 0) in (round(head), 0 if width == 360 and head < 2 else round(head))


def test_tensors_of_one_shape_are_counted_on_their_label():
    assert texts()["word_1.up_proj"] == "2 × up"
    assert texts(model="GPT-2")["word_1.up_proj"] == "up"


@pytest.mark.parametrize("width", LAYOUTS)
@pytest.mark.parametrize("weights", ["Q8_0", "LLM.int8", "NF4", "MXFP4"])
def test_scales_are_labelled_in_every_layout(width, weights):
    [scales] = [text for name, text in texts(width=width, weights=weights).items() if name == "label_scales"]
    assert scales.startswith("scales: ")


def test_the_square_is_to_scale():
    shapes = stored_weights.frame().shapes
    size = breakdown(Model.named("Llama-3.1-8B"), Inference())["weights"]
    assert shapes["square_says"]["text"] == "is 16 MiB"
    square = shapes["square"]["width"] * shapes["square"]["height"]
    whole = shapes["map"]["width"] * shapes["map"]["height"]
    assert square / whole == pytest.approx(2**24 / size, rel=0.02)


def test_the_card_names_itself():
    assert texts(gpu="RTX 4090")["card_name"] == "RTX 4090: 23.64 GiB"
    over = texts(gpu="RTX 4090", model="Llama-2-70B")
    assert over["over_name"] == f"{units.show(137_953_296_384 - 25_383_272_448)} over the rim"


def test_close_up_a_tensor_says_its_sum_and_the_thin_ones_are_named():
    found = texts(weights="Q4_K_M", layer=1)
    assert found["sum_1.up_proj"] == "2 × 14,336 × 4,096 × 4.5 bits = 63.00 MiB, Q4_K"
    assert found["name_rest"] == "too thin to be seen: norm, 32,768 bytes"
    assert found["scales_1.up_proj"] == "scales"
