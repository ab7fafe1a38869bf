"""The explorer of training: what one card keeps of the training states."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import InputError, Model, Training, breakdown, catalogue
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.optimizer import PAPER, states_on_a_card
from memcalc.units import show

ZERO_PAPER = {"0": 120, "1": 31.4, "2": 16.6, "3": 1.9}  # Rajbhandari et al., figure 1 [GB]
SETTINGS = st.fixed_dictionaries(
    {
        "width": st.sampled_from(LAYOUTS),
        "model": st.sampled_from([PAPER, "1 million parameters", "2 trillion", *catalogue.names("models")]),
        "gpu": st.sampled_from(["1 MB", "8 GB", "900000 GB", *catalogue.names("gpus")]),
        "data_parallel": st.integers(1, 1024),
        **{name: st.sampled_from(states_on_a_card.controls[name].options) for name in ("recipe", "optimizer", "zero")},
    }
)


@pytest.mark.parametrize("stage", ZERO_PAPER)
def test_the_stages_are_those_of_the_zero_paper(stage):
    frame = states_on_a_card.frame(zero=stage, data_parallel=64)
    kept = float(re.search(r"each of 64 cards (?:would keep|keeps) ([\d.]+) GB", frame.said)[1])
    assert kept == pytest.approx(ZERO_PAPER[stage], abs=0.05)
    assert frame.shapes["label_sum"]["text"] == f"{kept:.2f} GB"


@pytest.mark.parametrize("stage", ZERO_PAPER)
def test_one_card_has_nobody_to_share_with(stage):
    frame = states_on_a_card.frame(zero=stage, data_parallel=1)
    assert "the card would keep 120.00 GB" in frame.said
    assert frame.notes[0].startswith("One card has nobody to share with") == (stage != "0")


def test_the_verdict_says_that_activations_are_not_counted():
    for gpu, begin in (("H200", "The states fit: "), ("RTX 4090", "The states do not fit: ")):
        said = states_on_a_card.frame(gpu=gpu).sentence_said
        assert said.startswith(begin)
        assert said.endswith("Activations come on top and are not counted here.")


def test_the_first_stage_that_a_desk_card_holds_with_eight():
    """Of 25.38 GB: stage 2 keeps 15 + 105/8, stage 3 120/8."""
    said = [states_on_a_card.frame(gpu="RTX 4090", zero=stage).said for stage in "0123"]
    assert ["do not fit" in one for one in said] == [True, True, True, False]
    assert "15.00 GB" in said[3]


def test_matrices_that_cannot_be_laid_flat_are_refused():
    for model, stage in ((PAPER, "0"), (PAPER, "2"), ("LLaMA-7B", "2")):
        with pytest.raises(InputError, match=r"needs (the )?matrices"):
            states_on_a_card.frame(model=model, zero=stage, optimizer="Muon")
    frame = states_on_a_card.frame(model="LLaMA-7B", optimizer="Muon")
    assert frame.shapes["part_3_word"]["text"] == "momentum"


@pytest.mark.parametrize("model", [PAPER, "LLaMA-7B"])
def test_the_line_of_python_gives_what_is_shown(model):
    frame = states_on_a_card.frame(model=model, zero="2", data_parallel=8)
    names = {"Model": Model, "Training": Training, "breakdown": breakdown}
    kept = sum(eval(frame.code, names).values())
    assert f"keeps {show(kept, 'GB')}" in frame.said
    assert "zero=2, data_parallel=8" in frame.code


def test_a_hint_says_what_a_stage_more_would_keep_and_no_result_does():
    frame = states_on_a_card.frame(zero="2", gpu="RTX 4090")
    assert frame.hints == [
        "The largest block on a card is weights: it is shared from stage 3 on.",
        "At stage 3 it would be 15.00 GB on each card.",
        "At this stage, 15 of these cards hold the states, and what a step takes for a moment.",
    ]
    assert "15.00" not in frame.said


@pytest.mark.parametrize("width", LAYOUTS)
def test_the_height_stays_while_hands_move(width):
    heights = {
        states_on_a_card.frame(width=width, zero=stage, data_parallel=count, gpu=gpu).height
        for stage in "0123"
        for count in (1, 8, 64)
        for gpu in ("RTX 4090", "H200")
    }
    assert len(heights) == 1


@given(SETTINGS)
def test_every_setting_has_a_picture_or_one_sentence(setting):
    refused = ""
    try:
        frame = states_on_a_card.frame(**setting)
    except InputError as found:
        refused = str(found)
    if refused:
        assert re.fullmatch(r"(optimizer|zero) must [^\n]+matrices[^\n]*\.", refused), "Muon alone is refused"
        return
    kept = frame.guess.truth
    assert frame.height > 300
    assert f"{kept:,.2f} GB" in frame.said or "MB" in frame.said
    for name, shape in frame.shapes.items():
        assert "nan" not in str(shape.get("d", "")), name
        assert shape.get("height", 0) >= 0, name


def test_the_picture_is_told_in_words():
    frame = states_on_a_card.frame(zero="1", data_parallel=8)
    assert "weight 2, gradient 2, master copy 4, momentum 4, variance 4" in frame.alt
    assert "shared out: optimizer. On each: weights 15.00 GB, gradients 15.00 GB, optimizer 11.25 GB" in frame.alt
