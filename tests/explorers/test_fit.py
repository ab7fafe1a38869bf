"""The first question: the picture says what the words say."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from memcalc import Gpu, Inference, InputError, Model, breakdown, fits
from memcalc.catalogue import names
from memcalc.explorers.fit import SHELF, will_it_fit
from memcalc.explorers.frame import LAYOUTS
from memcalc.units import show

SETTINGS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(names("models")),
        "gpu": st.sampled_from(names("gpus")),
        "context": st.integers(128, 2**20),
        "batch": st.integers(1, 256),
        "weights": st.sampled_from(["FP16", "INT8", "Q4_K_M", "NF4"]),
        "kv_cache": st.sampled_from(["FP16", "FP8"]),
        "width": st.sampled_from(LAYOUTS),
    }
)


@given(SETTINGS)
def test_the_verdict_is_that_of_the_formula(setting):
    try:
        frame = will_it_fit.frame(**setting)
    except InputError:
        assume(False)
    model, gpu = Model.named(setting["model"]), Gpu.named(setting["gpu"])
    run = Inference(**{name: setting[name] for name in ("context", "batch", "weights", "kv_cache")})
    fit = fits(model, run, gpu)
    assert frame.sentence_said.startswith("It fits" if fit else "It does not fit")
    assert show(abs(fit.margin)) in frame.sentence_said
    assert frame.guess.truth == pytest.approx(sum(breakdown(model, run).values()) / 2**30)


def test_a_block_is_halved_by_a_click():
    for term, fields in (("weights", "weights"), ("kv_cache", "kv_cache")):
        high = {}
        for form in ("FP16", "INT8"):
            shape = will_it_fit.frame(context=4096, **{fields: form}).shapes[f"card_{term}"]
            high[form] = shape["height"]
            assert shape["press"] == {fields: {"FP16": "INT8", "INT8": "INT4"}[form]}
        assert high["INT8"] == pytest.approx(high["FP16"] / 2, rel=0.02)


def test_the_surface_is_a_handle_that_also_knows_the_last_context_that_fits():
    handle = will_it_fit.frame().shapes["context"]["handle"]
    assert (handle["control"], handle["axis"], handle["also"]) == ("context", "y", [22_709])
    assert will_it_fit.frame(context=22_709).sentence_said.startswith("It fits: 0.35 MiB stay free")
    assert will_it_fit.frame(context=22_710).sentence_said.startswith("It does not fit")


def test_a_handle_leads_to_where_the_surface_then_is():
    frame, there = will_it_fit.frame(context=4096), will_it_fit.frame(context=5120)
    handle = frame.shapes["context"]["handle"]
    assert frame.scale == there.scale
    lies = float(there.shapes["context"]["transform"].split()[1].rstrip(")"))
    assert handle["origin"] + handle["size"] * 5120 == pytest.approx(lies, abs=0.2)


@pytest.mark.parametrize("width", LAYOUTS)
def test_what_would_help_waits_for_a_hint(width):
    frame = will_it_fit.frame(width=width)
    said = " ".join([frame.said, *frame.notes, *(str(shape.get("text", "")) for shape in frame.shapes.values())])
    assert "22,709" not in said
    assert "INT8" not in said
    assert frame.hints[0] == "This card holds at most 22,709 tokens of context."


def test_what_is_not_counted_is_said():
    assert any("Driver and libraries take" in note for note in will_it_fit.frame().notes)


def test_the_other_cards_are_chosen_by_a_click():
    shapes = will_it_fit.frame().shapes
    pressed = [shape["press"] for shape in shapes.values() if shape.get("group") == "shelf"]
    assert pressed == [{"gpu": card} for card in SHELF]


def test_a_model_that_keeps_no_tokens_has_no_surface_to_drag():
    assert "context" not in will_it_fit.frame(model="Mamba-2.8B").shapes


def test_the_line_of_python_gives_what_is_shown():
    known = {"Model": Model, "Inference": Inference, "breakdown": breakdown}
    frame = will_it_fit.frame(batch=3, weights="NF4")
    assert show(sum(eval(frame.code, known).values())) in frame.sentence_said
    assert "context=32768, batch=3, weights='NF4', kv_cache='FP16'" in frame.code


def label(name, **setting):
    shapes = will_it_fit.frame(**setting).shapes
    return shapes[f"label_{name}"]["text"], shapes[f"label_{name}_1"]["text"]


def test_what_a_token_takes_is_said_as_a_product_only_where_it_is_one():
    """2 × 32 layers × 32 heads × 128 numbers × 2 bytes; of Gemma-3-27B only 10 of 62 layers keep every token."""
    assert label("kv_cache") == ("cache 16.00 GiB", "32,768 tokens × 512.00 KiB")
    assert label("kv_cache", model="Gemma-3-27B")[1] == "32,768 tokens, 80.00 KiB for one more"
    assert label("kv_cache", model="Mamba-2.8B")[1] == "the same for any number of tokens"


@pytest.mark.parametrize("width", LAYOUTS[1:])
def test_a_label_leads_to_what_lies_wholly_above_the_rim(width):
    shapes = will_it_fit.frame(model="Llama-3.1-70B", context=2**17, width=width).shapes
    heights = {name: shapes[f"lead_{name}"]["d"].split()[1].partition("L")[0] for name in ("kv_cache", "weights")}
    rim = shapes["card_well"]["y"]
    assert float(heights["kv_cache"]) < rim < float(heights["weights"])


def test_a_line_stands_for_tokens_only_where_there_is_one():
    assert "tokens" in will_it_fit.frame().shapes["card_scale"]["text"]
    assert "tokens" not in will_it_fit.frame(model="GPT-2", gpu="MI300X", context=1024).shapes["card_scale"]["text"]


def test_one_person_and_several_are_spoken_of_differently():
    assert "a conversation of {context} tokens with {batch} person." in will_it_fit.frame().sentence
    assert "{batch} people at once." in will_it_fit.frame(batch=2).sentence


def test_what_a_card_is_sold_as_is_said_of_those_that_are_sold():
    below = {gpu: will_it_fit.frame(gpu=gpu).shapes["card_name"]["text"] for gpu in ("RTX 4090", "24 GB")}
    assert below["RTX 4090"] == "RTX 4090, sold as 24 GB: a program sees 23.64 GiB"
    assert below["24 GB"] == "24 GB: a program sees 22.35 GiB"


@pytest.mark.parametrize("width", LAYOUTS)
def test_the_name_of_every_card_has_room_below_it(width):
    """A letter is about half as wide as it is high, which is 13 px."""
    for gpu in names("gpus"):
        said = will_it_fit.frame(gpu=gpu, width=width).shapes["card_name"]
        half = 6.6 * len(said["text"]) / 2
        assert half <= said["x"] <= width - half, gpu
