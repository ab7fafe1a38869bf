"""The explorer of the activations: what it says and draws is what was measured."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import InputError, Model, Training, breakdown, catalogue, units
from memcalc.explorers.activations import CODES, KERNELS, kept_for_backward
from memcalc.explorers.frame import LAYOUTS

AT_THE_LOSS = {"moment": 20}
MEASURED = {row["id"]: int(row["measured"]) for row in catalogue.rows("measured") if row["id"] in ("A131", "A132")}
SETTINGS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(
            ["LLaMA-7B", "GPT-2", "Llama-3.1-70B", "Mistral-7B-v0.1", "Gemma-3-27B", "Mixtral-8x7B"]
        ),
        "gpu": st.sampled_from(catalogue.names("gpus")),
        "context": st.integers(1, 2**20),
        "batch": st.integers(1, 256),
        "code": st.sampled_from(CODES),
        "attention": st.sampled_from(KERNELS),
        "recompute": st.sampled_from(["none", "selective", "full"]),
        "moment": st.integers(0, 60),
        "width": st.sampled_from(LAYOUTS),
    }
)


@settings(max_examples=30, deadline=None)
@given(SETTINGS)
def test_each_setting_has_a_picture_or_a_sentence(setting):
    try:
        frame = kept_for_backward.frame(**setting)
    except InputError:
        return
    high = -frame.guess.handle["size"]
    drawn = sum(
        frame.shapes[f"card_{band}"]["height"]
        for band in ("weights", "optimizer", "gradients", "activations", "scores", "passing")
    )
    written = float(frame.shapes["card_total"]["text"].split()[0].replace(",", ""))
    if "MiB" not in frame.shapes["card_total"]["text"]:
        assert drawn == pytest.approx(written * high, rel=0.03, abs=1)
    assert frame.sentence_said.startswith(("It fits", "It does not fit"))


@pytest.mark.parametrize(("name", "attention"), [("A132", "eager"), ("A131", "flash")])
def test_the_activations_are_what_was_measured(name, attention):
    frame = kept_for_backward.frame(attention=attention, **AT_THE_LOSS)
    assert "when the loss has its gradient" in frame.sentence_said
    assert frame.guess.truth == pytest.approx(MEASURED[name] / 2**30)
    assert frame.formula[0]["numbers"]["M_act"] == units.show(MEASURED[name])
    assert units.show(MEASURED[name] - 16_388) in frame.sentence_said  # labels are gone once the loss is known


def test_the_guess_is_dragged_on_the_scale_of_film_and_card():
    frame = kept_for_backward.frame(**AT_THE_LOSS)
    handle, base = frame.guess.handle, frame.shapes["card_optimizer"]
    assert handle["origin"] == pytest.approx(base["y"], abs=0.1)
    there = handle["origin"] + handle["size"] * frame.guess.truth
    assert there == pytest.approx(frame.shapes["card_scores"]["y"], abs=0.3)


def test_the_peak_moves_with_the_context():
    assert (
        "at its peak, when the optimizer takes a root for every parameter"
        in kept_for_backward.frame(context=256, moment=60).sentence_said
    )
    assert "at its peak, when layer 32 goes back through its scores" in kept_for_backward.frame(moment=60).sentence_said


def test_megatron_ends_where_nobody_measured():
    frame = kept_for_backward.frame(code="megatron", recompute="selective", moment=60)
    assert frame.notes[0].startswith("Nobody has measured the way back")
    assert frame.shapes["unseen_words"]["text"] == "not measured"
    kept = breakdown(Model.named("LLaMA-7B"), Training(context=2048, activations="megatron", recompute="selective"))[
        "activations"
    ]
    assert units.show_both(kept) in frame.sentence_said
    assert "{attention}" not in frame.sentence
    assert "{attention}" in kept_for_backward.frame().sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recompute": "selective"}, "recompute must be 'none' or 'full' with code 'transformers'"),
        ({"model": "Mixtral-8x7B"}, "A film of a step shows layers of attention and one MLP, which Mixtral-8x7B"),
    ],
)
def test_what_is_not_known_is_said(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        kept_for_backward.frame(**changes)


@pytest.mark.parametrize("code", CODES)
def test_the_line_of_python_gives_what_is_shown(code):
    frame = kept_for_backward.frame(code=code, batch=3)
    kept = eval(frame.code, {"Model": Model, "Training": Training, "breakdown": breakdown})
    assert frame.formula[0]["numbers"]["M_act"] == units.show(kept)


@pytest.mark.parametrize("width", LAYOUTS)
def test_shapes_stay_in_the_picture(width):
    for moment in (0, 24, 60):
        frame = kept_for_backward.frame(width=width, moment=moment)
        for name, shape in frame.shapes.items():
            if shape["tag"] == "rect" and "inside" not in shape:
                assert shape["x"] >= -1, name
                assert shape["x"] + shape["width"] <= width + 1, name
                assert shape["y"] + shape["height"] <= frame.height, name
