"""The explorer of weights: what is said, what is drawn, and that both are the formula."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measured import rows
from memcalc import Gpu, Inference, InputError, Model, breakdown, catalogue, units
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.weights import CARDS, NO_CARD, for_one_token, stored_weights
from memcalc.specs.run import weights_formats

FORMATS = st.sampled_from(weights_formats())
SETTINGS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(catalogue.names("models")),
        "weights": FORMATS,
        "gpu": st.sampled_from((NO_CARD, *CARDS)),
        "layer": st.integers(0, 126),
    }
)


def area(shape):
    return shape["width"] * shape["height"]


def whole(**setting):
    return stored_weights.data(setting)


@given(setting=SETTINGS, width=st.sampled_from(LAYOUTS))
def test_every_setting_has_a_frame_or_one_sentence(setting, width):
    if setting["layer"] > Model.named(setting["model"]).layers:
        with pytest.raises(InputError, match="layer must be at most"):
            stored_weights.data(setting, width)
        return
    data = stored_weights.data(setting, width)
    json.dumps(data, allow_nan=False)
    assert len(data["shapes"]) < 500
    named = [shape["inside"] for shape in data["shapes"].values() if "inside" in shape]
    assert set(named) <= set(data["shapes"])


@given(model=st.sampled_from(catalogue.names("models")), form=FORMATS, width=st.sampled_from(LAYOUTS))
def test_the_map_is_to_the_outline_as_its_bytes_are_to_those_of_16_bits(model, form, width):
    shapes = stored_weights.frame(width=width, model=model, weights=form).shapes
    size, plain = (breakdown(Model.named(model), Inference(weights=name))["weights"] for name in (form, "FP16"))
    assert area(shapes["map"]) / area(shapes["ghost"]) == pytest.approx(size / plain, rel=2e-3)
    assert shapes["map_name"]["text"] == f"{form}: {units.show(size)}"


@pytest.mark.parametrize("gpu", CARDS)
def test_the_card_is_to_the_map_as_its_bytes(gpu):
    """The outline of what runs over is that of the map without the card."""
    card, model = Gpu.named(gpu), Model.named("Llama-3.1-405B")
    frame = stored_weights.frame(model=model.name, gpu=gpu)
    size = breakdown(model, Inference())["weights"]
    assert f"It does not fit into one {gpu}: {units.show(size - card.capacity)} run over" in frame.sentence_said
    corners = [
        tuple(map(float, pair.split())) for pair in re.findall(r"[ML]([\d.]+ [\d.]+)", frame.shapes["over"]["d"])
    ]
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    over = abs(sum(x * y2 - x2 * y for (x, y), (x2, y2) in pairs)) / 2
    assert over / area(frame.shapes["map"]) == pytest.approx(1 - card.capacity / size, rel=5e-3)


def test_what_fits_says_what_is_left():
    frame = stored_weights.frame(weights="Q4_K_M", gpu="RTX 4090")
    left = units.show(Gpu.named("RTX 4090").capacity - 4_912_898_048)
    assert frame.sentence_said.endswith(f"It fits into one RTX 4090 and leaves {left} for all else.")
    assert "over" not in frame.shapes


@pytest.mark.parametrize("model", ["Qwen3.5-27B", "Gemma-4-31B", "Gemma-3n-E2B"])
def test_a_token_passes_all_of_a_model_without_experts_whatever_its_layers(model):
    """Their families have tensors of their own, which the formula of the picture counts too."""
    frame, built = stored_weights.frame(model=model), Model.named(model)
    assert "A token passes" not in frame.sentence_said
    assert for_one_token(built, Inference(weights="FP16")) == 2 * built.parameters
    assert {line["numbers"]["P"] for line in frame.formula if "P" in line["numbers"]} == {f"{built.parameters:,}"}


def test_a_mixture_of_experts_is_stored_whole_and_passed_in_part():
    """Jiang et al. 2024, section 2.1: two of eight experts; counted in tests/data/parameters.csv."""
    [active] = [row.measured for row in rows("parameters", "active_parameters") if row.model == "Mixtral-8x7B"]
    frame = stored_weights.frame(model="Mixtral-8x7B", weights="BF16")
    assert frame.sentence_said.startswith("86.99 GiB = 93.41 GB: 16.00 bits for each of its 46,702,792,704 parameters")
    assert f"A token passes {units.show(2 * active)} of it" in frame.sentence_said
    assert "8 experts × 28,672 × 4,096 × 16 bits = 1.75 GiB; a token passes 2" in frame.shapes["1.gate_up_proj"]["says"]
    veil = [list(map(float, re.findall(r"-?[\d.]+", box))) for box in frame.shapes["veil"]["d"].split("z")[:-1]]
    pale = sum(wide * high for _, _, wide, high, _ in veil) / area(frame.shapes["map"])
    assert pale == pytest.approx(1 - active / 46_702_792_704, abs=0.01)


@pytest.mark.parametrize("weights", ["FP16", "Q8_0", "NF4-double", "Q4_K_M"])
def test_what_a_token_passes_has_about_the_bits_of_the_whole(weights):
    for name in ("Mixtral-8x7B", "Qwen3-30B-A3B"):
        model, run = Model.named(name), Inference(weights=weights)
        stored = breakdown(model, run)["weights"] / model.parameters
        passed = for_one_token(model, run) / model.active_parameters
        assert stored <= passed < 1.6 * stored  # what is not an expert has more bits, never fewer


def test_a_dense_model_is_passed_whole():
    model = Model.named("Llama-3.1-8B")
    for weights in weights_formats():
        run = Inference(weights=weights)
        assert for_one_token(model, run) == breakdown(model, run)["weights"]
    frame = stored_weights.frame(weights="Q4_0")
    assert "veil" not in frame.shapes
    assert "passes" not in frame.sentence_said


def test_published_bits():
    """llama.cpp's tools/quantize/README.md, commit 311c2c9: 4.8944 bits a weight for Llama-3.1-8B in Q4_K_M."""
    assert "4.89 bits for each of its 8,030,261,248 parameters; the name says 4." in whole(weights="Q4_K_M")["said"][1]


@pytest.mark.parametrize("width", LAYOUTS)
def test_a_click_on_any_tensor_leads_into_its_layer_and_back(width):
    shapes = stored_weights.frame(width=width).shapes
    assert {shape["press"]["layer"] for shape in shapes.values() if "press" in shape} == set(range(1, 33))
    layer = stored_weights.frame(width=width, layer=7).shapes
    assert layer["7.down_proj"]["press"] == {"layer": 0}
    assert layer["next"]["press"] == {"layer": 8}
    assert layer["7.q_proj"]["says"] == "layer 7, q_proj\n4,096 × 4,096 × 16 bits = 32.00 MiB"
    assert "next" not in stored_weights.frame(width=width, layer=32).shapes


def test_in_a_layer_the_controls_that_do_nothing_are_gone():
    controls = [piece["control"] for piece in whole(layer=3)["sentence"] if "control" in piece]
    assert controls == ["layer", "model", "weights"]
    assert "layer" not in [piece.get("control") for piece in whole()["sentence"] if isinstance(piece, dict)]


def test_the_corner_stands_where_each_format_would_be():
    shapes = whole(weights="NF4")["shapes"]
    places = dict(shapes["corner"]["handle"]["places"])
    assert shapes["corner"]["handle"]["axis"] == "x"
    for form in ("FP16", "NF4", "Q2_K"):
        there = whole(weights=form)["shapes"]["map"]
        assert places[form] == pytest.approx(there["x"] + there["width"], abs=0.2)
    assert "FP32" not in places, "it has no room in this picture"
    assert sorted(places.values()) == sorted(set(places.values()))


def test_a_name_of_equal_size_is_its_own_place():
    places = dict(whole(weights="BF16")["shapes"]["corner"]["handle"]["places"])
    assert "BF16" in places
    assert "FP16" not in places


def test_the_guess_is_the_level_in_the_outline():
    frame = stored_weights.frame(weights="NF4")
    guess, ghost = frame.guess, frame.shapes["ghost"]
    assert guess.truth == pytest.approx(5.61, abs=0.005)
    assert guess.handle["origin"] == pytest.approx(ghost["y"] + ghost["height"], abs=0.1)
    assert -guess.handle["size"] * 14.957 == pytest.approx(ghost["height"], rel=1e-3)
    waiting = {name for name, shape in frame.shapes.items() if shape.get("answer")}
    assert {"map", "map_name", "edge", "corner"} <= waiting
    assert "ghost" not in waiting


@pytest.mark.parametrize("weights", ["FP16", "BF16"])
def test_what_is_as_large_as_the_outline_is_not_asked(weights):
    frame = stored_weights.frame(weights=weights)
    assert frame.guess is None
    assert not any(name.startswith("guess") for name in frame.shapes)


def test_presets_are_what_they_are_called():
    for name, setting in stored_weights.presets.items():
        state = stored_weights.setting(setting)
        for form in ("FP16", "NF4-double", "NF4", "Q4_K_M"):
            if name.split()[-1] == form:
                assert state["weights"] == form
        for model in ("Llama-3.2-1B", "Mixtral-8x7B"):
            assert (model in name) == (state["model"] == model)


@pytest.mark.parametrize("weights", ["FP16", "NF4-double", "Q4_K_M"])
def test_the_line_of_python_gives_what_is_shown(weights):
    frame = stored_weights.frame(weights=weights)
    names = {"Model": Model, "Inference": Inference, "breakdown": breakdown}
    assert frame.sentence_said.startswith(units.show_both(eval(frame.code, names)))


def test_the_formula_adds_up():
    """In numbers: each type's numbers times its bits."""
    [count, size] = stored_weights.frame(weights="NF4").formula
    assert count["letter"] == "P"
    total = 0
    for summand in size["summands"]:
        assert "<mn>" not in summand["math"], "a number in it would be seen before a guess"
        numbers, bits = (size["numbers"][name] for name in re.findall(r'data-letter="([^"]+)"', summand["math"]))
        total += float(numbers.replace(",", "")) * float(bits.removesuffix(" / 8")) / 8
    assert total == pytest.approx(breakdown(Model.named("Llama-3.1-8B"), Inference(weights="NF4"))["weights"], rel=1e-4)


def test_hints_and_notes_say_what_is_behind_it():
    frame = stored_weights.frame(weights="NF4")
    assert frame.notes == ["NF4: bitsandbytes: 4-bit codes; one 32-bit scale per 64 numbers."]
    assert frame.hints[1] == "What is stored in 16 bits instead of NF4 takes 1.96 GiB, 34.9%."
    [note] = [note for note in stored_weights.frame(model="Jamba-v0.1").notes if "turns" in note]
    assert note == "Layers of one kind are drawn side by side; in the model they take turns."


@pytest.mark.parametrize(
    "wrong", [{"model": "Llama-9"}, {"weights": "INT5"}, {"weights": "KIVI-4"}, {"gpu": "a card"}, {"layer": 33}]
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        stored_weights.data(wrong)


def test_names_do_not_lie_on_each_other_on_a_narrow_page():
    shapes = stored_weights.frame(width=360, weights="Q4_K_M", gpu="RTX 4090").shapes
    free, ghost, corner = (shapes[name] for name in ("card_free", "ghost_name", "corner"))
    assert ghost["y"] - free["y"] > 14, "the outline of 16 bits begins below the words of the card"
    left, top = map(float, corner["transform"].removeprefix("translate(").rstrip(")").split())
    assert shapes["map_name"]["x"] + 8.6 * len(shapes["map_name"]["text"]) > left - 13, "the name reaches the handle"
    assert shapes["map_name"]["y"] < top - 13, "and stands above its ring"


def test_a_narrow_page_has_no_room_for_types_that_are_not_there():
    plain, mixed = (stored_weights.frame(width=360, weights=name) for name in ("FP16", "Q4_K_M"))
    assert mixed.height - plain.height == 17 * sum(name.startswith("label_") for name in mixed.shapes)
