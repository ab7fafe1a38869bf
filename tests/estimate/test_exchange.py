"""Experts on other cards in training: the shares of all cards are the whole, and an uneven router costs more."""

import math

import pytest

from memcalc import Gpu, InputError, Model, Training, breakdown, fits, peak
from memcalc.estimate.training_time import training_time
from memcalc.estimate.training_ways import ways

MIXTRAL = Model.named("Mixtral-8x7B")
EXPERTS = 32 * 8 * 3 * 4096 * 14_336
ELSE = MIXTRAL.parameters - EXPERTS


def states(cards, expert_parallel, **choices):
    run = Training(data_parallel=cards, expert_parallel=expert_parallel, recipe="bf16", activations="none", **choices)
    return breakdown(MIXTRAL, run)


@pytest.mark.parametrize("expert_parallel", [1, 2, 4, 8])
@pytest.mark.parametrize("cards", [1, 2, 4])
def test_what_is_shared_out_adds_up_to_the_whole(cards, expert_parallel):
    number, near = cards * expert_parallel, 1e-4  # eight rows of a router on more cards
    memory = states(cards, expert_parallel, sharding="fsdp")
    assert number * memory["weights"] == pytest.approx(2 * MIXTRAL.parameters, rel=near)
    assert number * memory["optimizer"] == pytest.approx(4 * MIXTRAL.parameters, rel=near)


@pytest.mark.parametrize(("stage", "shared"), [(0, ()), (1, ("optimizer",)), (2, ("optimizer", "gradients"))])
def test_a_card_has_all_but_the_experts_of_others(stage, shared):
    """DeepSpeed-MoE and Megatron-LM: what is no expert is shared out between all cards, experts between some."""
    each = {"weights": 2, "gradients": 2, "optimizer": 4}
    memory = states(4, 2, zero=stage)
    for name, width in each.items():
        own, others = EXPERTS / (2 * 4), ELSE / (2 * 4)
        expected = own + others if name in shared else EXPERTS / 2 + ELSE
        assert memory[name] == pytest.approx(width * expected, rel=1e-5)


def test_an_even_router_keeps_as_much_as_one_card_with_all_experts():
    alone, among = (breakdown(MIXTRAL, Training(recipe="bf16", expert_parallel=number)) for number in (1, 8))
    assert among["activations"] == alone["activations"]


def test_an_uneven_router_may_send_every_token_to_one_card():
    """Of 8 cards with an expert each, one gets the tokens of all: four times the two choices of its own tokens."""
    run = Training(recipe="bf16", expert_parallel=8, data_parallel=1, zero=2)
    said = peak(MIXTRAL, run).unknown
    tokens, layers = 4096, 32
    kept = tokens * (8 - 2) * layers * (2 * 2 * 4096 + 4 * 2 * 14_336)  # of grouped_mm, as truth_train's law has it
    amount = float(said.split("up to ")[1].split(" GiB")[0])
    assert amount == pytest.approx(kept / 2**30, rel=0.05)
    assert not fits(MIXTRAL, run, Gpu.named("H100 80 GB"))
    assert fits(MIXTRAL, run, Gpu.named("B200")).word == "fits if"


def test_the_way_out_is_one_that_divides_experts():
    run = Training(expert_parallel=4, data_parallel=2, zero=2)
    shared = ways(MIXTRAL, run, Gpu.named("RTX 4090"))[0]
    assert shared.run.by_rows
    assert shared.run.expert_parallel == 4
    assert fits(MIXTRAL, shared.run, Gpu.named("RTX 4090"))


def test_cards_with_other_experts_have_other_sequences():
    h100 = Gpu.named("H100 80 GB")
    one, eight = (training_time(MIXTRAL, Training(expert_parallel=number), h100) for number in (1, 8))
    assert (one.cards, eight.cards) == (1, 8)
    assert math.isclose(8 * one.tokens_per_second, eight.tokens_per_second)


def test_stage_3_of_deepspeed_divides_no_experts():
    with pytest.raises(InputError, match="zero must be 0, 1 or 2 with expert_parallel"):
        states(2, 2, zero=3)


def test_experts_are_divided_evenly():
    with pytest.raises(InputError, match="expert_parallel must divide experts = 8"):
        breakdown(MIXTRAL, Training(expert_parallel=3))
