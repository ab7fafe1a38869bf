"""The explorer of training: what one card keeps of the training states."""

import re

import pytest

from cases import placed, width, written
from memcalc import InputError, Model, Training, breakdown
from memcalc.explorers.optimizer import states_on_a_card
from memcalc.plots.optimizer import STATES
from memcalc.plots.style import CARDS

STAGES, RECIPES, OPTIMIZERS = (options for _, options in states_on_a_card.menus.values())
PAPER = {"data_parallel": 64, "recipe": "mixed", "optimizer": "AdamW"}
ZERO_PAPER = {"0": 120, "1": 31.4, "2": 16.6, "3": 1.9}  # Rajbhandari et al., figure 1 [GB]


@pytest.mark.parametrize("stage", STAGES)
def test_the_stages_are_those_of_the_zero_paper(stage):
    frame = states_on_a_card.frame(zero=stage, **PAPER)
    kept = float(re.match(r"Each of 64 cards keeps ([\d.]+) GB of training states", frame.said)[1])
    assert kept == pytest.approx(ZERO_PAPER[stage], abs=0.05)
    assert written(frame) == {"total": f"{kept:.2f} GB", "unshared": "120.00 GB without sharing"}


@pytest.mark.parametrize("stage", STAGES)
def test_one_card_has_nobody_to_share_with(stage):
    frame = states_on_a_card.frame(zero=stage, **PAPER | {"data_parallel": 1})
    assert frame.said.startswith("One card keeps 120.00 GB of training states, 16 bytes for each parameter")
    shapes = placed(frame)
    assert sum(width(shapes[term]) for term in STATES) == pytest.approx(width(shapes["alone"]), abs=0.05)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("stage", STAGES)
def test_bars_are_as_long_as_their_bytes(stage, recipe):
    shapes = placed(states_on_a_card.frame(zero=stage, **PAPER | {"data_parallel": 8, "recipe": recipe}))
    kept = breakdown(Model.nominal(7_500_000_000), Training(zero=int(stage), data_parallel=8, recipe=recipe))
    scale = width(shapes["alone"]) / sum(breakdown(Model.nominal(7_500_000_000), Training(recipe=recipe)).values())
    assert [width(shapes[term]) for term in STATES] == pytest.approx([kept[term] * scale for term in STATES], abs=0.05)


def test_megatron_shares_twelve_of_eighteen_bytes():
    """NVIDIA/Megatron-LM#654: 6 + 12/d bytes for a parameter with the distributed optimizer."""
    run = PAPER | {"zero": "1", "recipe": "megatron"}
    for cards, each in ((1, "18 bytes"), (8, "7.5 bytes"), (64, "6.188 bytes")):
        assert each in states_on_a_card.frame(**run | {"data_parallel": cards}).said


def test_each_state_is_worked_out_and_the_optimizer_says_what_it_remembers():
    details = states_on_a_card.frame(zero="3", **PAPER).details
    assert details[0] == "On one RTX 4090, 23.51 GB would be left; activations come on top."
    assert "M_m = P_1 × B_m = 117,187,500 × 4 = 468,750,000 bytes" in details
    assert details[-1] == "AdamW remembers momentum and variance of each parameter."
    plain = states_on_a_card.frame(zero="0", **PAPER | {"recipe": "bf16", "optimizer": "SGD"}).details
    assert [line.partition(" =")[0] for line in plain[2:]] == ["M_w", "M_g", "SGD remembers nothing."]


@pytest.mark.parametrize("optimizer", OPTIMIZERS[:-1])
def test_nothing_leaves_the_picture(optimizer):
    for recipe in RECIPES:
        frame = states_on_a_card.frame(zero="0", data_parallel=1, recipe=recipe, optimizer=optimizer)
        end = max(placed(frame)["mark"][::2])
        right = float(re.search(r'viewBox="0 0 ([\d.]+)', frame.svg.text)[1])
        assert end < 0.8 * right, "the words beside the mark need room"


@pytest.mark.parametrize("stage", STAGES)
def test_matrices_that_cannot_be_laid_flat_are_refused(stage):
    with pytest.raises(InputError, match=r"needs (the )?matrices"):
        states_on_a_card.frame(zero=stage, **PAPER | {"optimizer": "Muon"})


def test_the_line_of_python_gives_what_is_shown():
    frame = states_on_a_card.frame(zero="2", **PAPER | {"data_parallel": 8})
    names = {"Model": Model, "Training": Training, "breakdown": breakdown}
    assert sum(eval(frame.code, names).values()) == 28_125_000_000
    assert "zero=2, data_parallel=8" in frame.code


def test_the_cards_that_are_drawn_are_in_the_words():
    assert all(name in states_on_a_card.frame(zero="0", **PAPER).svg.text for name in CARDS)
