"""Ways to make a training run fit: what is promised holds, and less would not do."""

import re
from dataclasses import replace

import pytest

from memcalc import Gpu, Model, Training, fits
from memcalc.estimate.training_ways import ways
from memcalc.units import show

QLORA = {"lora_rank": 16, "base_weights": "NF4-double", "optimizer": "paged_adamw_8bit", "recompute": "full"}
CASES = {
    "7B on one card": ("Llama-2-7B", "A100 80 GB", {}),
    "7B on eight": ("Llama-2-7B", "A100 80 GB", {"data_parallel": 8, "recompute": "full"}),
    "8B with QLoRA": ("Llama-3.1-8B", "RTX 4090", {"context": 2048, **QLORA}),
    "70B": ("Llama-3.1-70B", "H100 80 GB", {"zero": 3, "data_parallel": 8, "recompute": "full"}),
    "8B with FSDP": ("Llama-3.1-8B", "RTX 4090", {"sharding": "fsdp", "data_parallel": 4, "context": 1024}),
    "experts": ("Mixtral-8x7B", "H100 80 GB", {"zero": 3, "data_parallel": 8, "recompute": "full"}),
    "7B in 16 bits": ("Llama-2-7B", "L40S", {"recipe": "bf16", "recompute": "full", "context": 2048}),
    "7B on 48 GB": ("Llama-2-7B", "L40S", {"recompute": "full", "context": 2048}),
    "a small one": ("GPT-2", "RTX 4090", {"context": 1024, "batch": 32}),
    "a size alone": (7 * 10**9, "A100 40 GB", {"data_parallel": 4}),
    "13B on a small card": ("Llama-2-13B", "RTX 4090", {"context": 2048}),
    "more than needed": ("Llama-2-7B", "A100 80 GB", {"zero": 3, "data_parallel": 8, "recompute": "full"}),
    "more cards than needed": ("Llama-2-7B", "A100 80 GB", {"sharding": "fsdp", "data_parallel": 8}),
    "what fits": ("GPT-2", "RTX 4090", {"context": 1024, "batch": 1}),
}


def asked(case):
    name, card, fields = CASES[case]
    model = Model.named(name) if isinstance(name, str) else Model.nominal(name)
    return model, Training(**fields), Gpu.named(card)


@pytest.mark.parametrize("case", CASES)
def test_each_run_that_is_promised_fits_and_leaves_what_is_said(case):
    model, run, gpu = asked(case)
    found = ways(model, run, gpu)
    assert found
    for way in found:
        fit = fits(model, way.run, gpu)
        assert fit, way.sentence
        if said := re.search(r"would leave (.+?iB)", way.sentence):
            assert said[1] == show(fit.margin)
            changes = [name for name in run.declared if getattr(way.run, name) != getattr(run, name)]
            assert all(name in way.sentence for name in changes)


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_to_be_the_least_or_the_most_is(case):
    model, run, gpu = asked(case)
    for way in ways(model, run, gpu):
        less = {
            "no lower stage": lambda run: replace(run, zero=run.zero - 1),
            "with fewer cards": lambda run: replace(run, data_parallel=run.data_parallel - 1),
            "tokens of context": lambda run: replace(run, context=run.context + 1),
            "sequences of this context": lambda run: replace(run, batch=run.batch + 1),
        }
        for words, change in less.items():
            if words in way.sentence:
                assert not fits(model, change(way.run), gpu), way.sentence


def test_a_run_that_fits_is_told_how_far_it_may_grow():
    """Both limits, of one sequence too."""
    model, run, gpu = asked("what fits")
    longest, batch = (way.sentence for way in ways(model, run, gpu))
    assert re.fullmatch(r"This card holds at most [\d,]+ tokens of context\.", longest)
    assert re.fullmatch(r"It holds at most [\d,]+ sequences of this context\.", batch)


def test_nothing_is_fewer_than_one_card():
    run = Training(context=512, zero=3, data_parallel=8)
    *_, cards = (way.sentence for way in ways(Model.named("Llama-3.2-1B"), run, Gpu.named("A100 80 GB")))
    assert re.fullmatch(r"data_parallel 1 would leave [\d.]+ GiB\.", cards)


def test_a_run_with_more_than_it_needs_is_told_so():
    """ZeRO, figure 1: of 16 bytes a parameter, 8 cards with stage 1 keep 5.5; 2 with stage 3 keep 8."""
    *_, stage, cards = (way.sentence for way in ways(*asked("more than needed")))
    assert stage.startswith("zero 1 would leave ")
    assert cards.startswith("data_parallel 2 would leave ")


def test_the_first_stage_that_fits_needs_no_more_cards():
    """ZeRO, figure 1: 8 cards with stage 1 keep 4 + 12/8 bytes of each parameter, which 80 GB hold."""
    sentences = [way.sentence for way in ways(*asked("7B on eight"))]
    assert sentences[0].startswith("zero 1 would leave ")
    assert not any("data_parallel" in sentence for sentence in sentences)


@pytest.mark.parametrize("case", CASES)
def test_two_changes_are_told_where_one_is_not_enough(case):
    said = [way.sentence for way in ways(*asked(case))]
    if any(one.startswith(("recompute full would", "loss fused_linear would", "recipe bf16 would")) for one in said):
        assert not any(one.startswith("recompute full and") for one in said)


def test_the_optimizer_in_the_backward_pass_is_tried():
    """A step of AdamW in 16 bits takes five times the weights' 13.5 GB; in the backward pass, three times."""
    for case, begins in {"7B in 16 bits": "optimizer_in_backward True", "7B on 48 GB": "recipe bf16 and opt"}.items():
        model, run, gpu = asked(case)
        [way] = [way for way in ways(model, run, gpu) if way.run.optimizer_in_backward]
        assert way.sentence.startswith(begins)
        assert way.sentence.endswith(", without a clip of all gradients together, or sums over several passes.")
        assert not fits(model, replace(way.run, optimizer_in_backward=False), gpu)


def test_what_is_enough_alone_is_not_told_again_with_more():
    assert not any("in_backward" in way.sentence for way in ways(*asked("7B on one card")))


def test_changes_of_the_result_say_so():
    sentences = [way.sentence for way in ways(*asked("7B on one card"))]
    [bf16] = [one for one in sentences if one.startswith("recipe bf16")]
    assert bf16.endswith(", but loses updates that are small beside their weight.")
    [adapters] = [one for one in sentences if one.startswith("lora_rank 16")]
    assert adapters.endswith(", and trains adapters alone.")
    [offload] = [one for one in sentences if "offload" in one]
    assert offload.startswith("zero 2 and offload optimizer would leave ")
    assert offload.endswith(" of CPU memory for each card.")
