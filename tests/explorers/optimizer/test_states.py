"""The training states of a run, as a picture of them needs them."""

from fractions import Fraction

import pytest

from memcalc import InputError, Model, Training, breakdown
from memcalc.explorers.optimizer.states import States, model_or_size

PAPER = Model.nominal(7_500_000_000)
OPTIMIZERS = ("AdamW", "8-bit AdamW", "Lion", "SGD momentum", "SGD")


def test_a_model_is_named_or_is_a_size():
    assert model_or_size("7.5 billion parameters") == model_or_size("7500 M") == model_or_size("7.5b") == PAPER
    assert model_or_size("LLaMA-7B").parameters == 6_738_415_616
    for text in ("7.5", "7.5 GB", "1e9 billion", "7 billion tokens", "0 billion", "99999999 trillion", "Lama", "{"):
        with pytest.raises(InputError):
            model_or_size(text)


def test_mixed_precision_is_two_two_four_four_four():
    """Rajbhandari et al., section 3.1."""
    parts = States(PAPER, Training()).parts
    assert [part.word for part in parts] == ["weight", "gradient", "master copy", "momentum", "variance"]
    assert [part.each for part in parts] == [2, 2, 4, 4, 4]


def test_eight_bit_states_have_a_byte_and_a_scale_for_each_256():
    """Dettmers et al., section 2: blocks of 256 would share a scale of four bytes."""
    *_, state = States(PAPER, Training(recipe="bf16", optimizer="8-bit AdamW")).parts
    assert state.each == 1 + Fraction(4, 256)


@pytest.mark.parametrize("recipe", ["mixed", "megatron", "bf16", "fp32"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_slices_of_all_cards_are_the_whole(recipe, optimizer):
    for stage in range(4):
        states = States(PAPER, Training(recipe=recipe, optimizer=optimizer, zero=stage, data_parallel=8))
        for term, size in states.kept.items():
            times = 8 if states.shared(term) else 1
            assert times * size == pytest.approx(states.whole[term], rel=1e-5), "but for a last slice filled up"


@pytest.mark.parametrize("name", ["LLaMA-7B", "DeepSeek-V3", "Mamba-2.8B"])
def test_what_is_kept_is_the_breakdown(name):
    run = Training(zero=2, data_parallel=16, activations="none")
    assert States(Model.named(name), run).kept == breakdown(Model.named(name), run)


def test_each_stage_shares_one_more_and_a_click_takes_it_back():
    states = States(PAPER, Training(zero=2, data_parallel=8))
    assert states.stages == {"optimizer": 1, "gradients": 2, "weights": 3}
    clicks = [states.toggled(term) for term in ("optimizer", "gradients", "weights")]
    assert clicks == [{"zero": "0"}, {"zero": "1"}, {"zero": "3"}]
    assert not any(States(PAPER, Training(zero=3, data_parallel=1)).shared(term) for term in states.stages)


@pytest.mark.parametrize("model", [PAPER, Model.named("LLaMA-7B")], ids=["size", "model"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stage", range(4))
def test_the_formula_adds_up_to_what_is_kept(model, optimizer, stage):
    of_a_size = {"activations": "none"} if isinstance(model, Model) else {}
    states = States(model, Training(optimizer=optimizer, zero=stage, data_parallel=8, **of_a_size))
    *_, written = (term.simplified(states.known) for term in states.terms)
    assert states._spelled_out(written).exact(states.known) == states.kept["optimizer"]
    line, *share = states.formula()
    assert [summand["of"] for summand in line["summands"]] == ["weights", "gradients", "optimizer"]
    assert ("P_1" in line["numbers"]) == (stage > 0)
    assert len(share) == (stage > 0 and not (stage == 3 and isinstance(model, Model)))
    assert all(line["numbers"]["N_d"] == "8" for line in share)


def test_the_formula_has_the_numbers_of_the_paper():
    """Rajbhandari et al., figure 1: 31.4 GB with stage 1 on 64 cards."""
    line, share = States(PAPER, Training(zero=1, data_parallel=64)).formula()
    assert line["numbers"]["M_train"] == "31.41 GB"
    assert line["numbers"]["=weights"] == "weights 15.00 GB"
    assert share["numbers"] == {"P": "7,500,000,000", "N_d": "64", "P_1": "117,187,500"}
