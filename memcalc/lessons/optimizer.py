"""Exercises of notebook 2: optimizer and ZeRO."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

from memcalc.estimate.questions import breakdown, fewest_gpus, total
from memcalc.estimate.training import ZERO_PAPER
from memcalc.lessons.exercise import Answers, Exercise
from memcalc.specs.gpu import Gpu
from memcalc.specs.model import Model
from memcalc.specs.training import Training


def _stage_three_on_one_card() -> Answers:
    (model, cards), run = ZERO_PAPER, Training(zero=3)
    memory = breakdown(model, run)
    shared = {stage: total(model, Training(zero=stage, data_parallel=cards)) for stage in (1, 2, 3)}
    paper = f"those are {cards} cards, as in the ZeRO paper; one card has nobody to share with"
    return total(model, run), [
        (shared[3], paper),
        (round(shared[3], -8), paper),  # as the paper rounds it
        (shared[2], f"that is stage 2 on {cards} cards; one card has nobody to share with"),
        (shared[1], f"that is stage 1 on {cards} cards; one card has nobody to share with"),
        (memory["weights"], "the weights alone would be left if the rest were offloaded, and ZeRO is no offload"),
        (memory["weights"] + memory["gradients"], "the optimizer stays on the card too: ZeRO is no offload"),
        (memory["optimizer"], "that is the optimizer alone; weights and gradients are there too"),
    ]


def _megatron_on_eight_cards() -> Answers:
    run, cards = Training(recipe="megatron", zero=1, data_parallel=8), 8
    mixed = replace(run, recipe="mixed")
    right, alone = _bytes_of_one(run), _bytes_of_one(replace(run, zero=0))
    two, three = (_bytes_of_one(replace(run, zero=stage)) for stage in (2, 3))
    optimizer = _bytes_of_one(run, "optimizer")
    return right, [
        (_bytes_of_one(replace(mixed, zero=0)), "that is the recipe mixed, with nothing shared; 16 is no law"),
        (alone, "that is the recipe with nothing shared; the optimizer's part is divided between the cards"),
        (three, "that divides all three; stage 1 shares out the optimizer's part alone"),
        (two, "that divides the gradients too; stage 1 leaves them whole"),
        (_bytes_of_one(mixed), "your gradients have 16 bits, and Megatron sums them up in 32"),
        (optimizer, "that is the optimizer's share alone; weights and gradients come on top"),
        (right - optimizer, "you left out the optimizer's share"),
        (right * cards, "that is all cards together; the question is about one"),
        (
            right + int(run.recipe_row["master"]) * (1 - 1 / cards),
            "the master copy is shared out too: it is the optimizer's",
        ),
    ]


def _bytes_of_one(run: Training, term: str = "") -> float:
    """Return what a card keeps for one parameter [bytes], of one term or of all."""
    model, _ = ZERO_PAPER
    return (breakdown(model, run)[term] if term else total(model, run)) / model.parameters


def _cards_for_seventy_billion() -> Answers:
    model, card, run = Model.named("Llama-3.1-70B"), Gpu.named("A100 80 GB"), Training(zero=3, activations="none")
    memory = breakdown(model, run)
    weights, states = memory["weights"], sum(memory.values())
    right = fewest_gpus(model, run, card)
    return right, [
        (ceil(weights / card.capacity), "that holds the model file alone; training adds gradients and the optimizer"),
        (ceil(2 * weights / card.capacity), "that holds weights and gradients; the optimizer is the largest part"),
        (ceil(memory["optimizer"] / card.capacity), "that holds the optimizer alone, not weights and gradients"),
        (ceil((states - weights) / card.capacity), "either weights or gradients are missing: each has two bytes"),
        (states / card.capacity, "a card cannot be cut: round up"),
        (right - 1, "you rounded down, and something is left that has no card"),
        (
            ceil(states / (card.marketed_gb * 10**9)),
            "you took the 80 GB of the name for 80 billion bytes; see capacity",
        ),
    ]


def _adapters() -> Answers:
    model = Model.named("LLaMA-7B")
    plain = Training(recipe="bf16", optimizer="bitsandbytes Adam", activations="none")
    run = replace(plain, lora_rank=16)
    memory, whole = breakdown(model, run), breakdown(model, plain)
    adapters, right = memory["weights"] - whole["weights"], total(model, run) - whole["weights"]
    mixed = total(model, replace(run, recipe="mixed")) - whole["weights"]
    narrow = total(model, replace(run, lora_targets="qv")) - whole["weights"]
    return right, [
        (adapters, "those are the adapters alone; they are trained, so gradients and states come on top"),
        (adapters + memory["gradients"], "the optimizer remembers two numbers for each parameter of the adapters"),
        (memory["optimizer"], "that is the optimizer alone, or a state of yours has 16 bits instead of 32"),
        (mixed, "weights and gradients have two bytes each here, and no master copy: the recipe is bf16"),
        (total(model, run), "that is with the frozen model; the question is about what is trained"),
        (sum(whole.values()), "that trains the whole model; LoRA trains the adapters alone"),
        (whole["weights"], "that is the frozen model; the question is about what is trained"),
        (narrow, "those are adapters on queries and values alone; all linear layers have one"),
        (Fraction(right, 2), "that is half: rank 8, or 6 bytes for each parameter"),
        (Fraction(right * 10, 12), "weights or gradients of the adapters are missing"),
    ]


EXERCISES = {
    "2.1": Exercise("GB", _stage_three_on_one_card),
    "2.2": Exercise("bytes", _megatron_on_eight_cards),
    "2.3": Exercise("cards", _cards_for_seventy_billion),
    "2.4": Exercise("GB", _adapters),
}
