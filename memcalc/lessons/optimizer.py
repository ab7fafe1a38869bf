"""Exercises of notebook 2, optimizer and ZeRO, and its guess."""

from dataclasses import replace
from fractions import Fraction
from itertools import count
from math import ceil

from memcalc import Gpu, Model, Training, breakdown, places, total
from memcalc.estimate.states import ZERO_PAPER
from memcalc.lessons.task import Answers, guess, task
from memcalc.texts import tr


@guess(
    "2.1",
    "GB",
    asks="LLaMA-7B runs in 13.48 GB of [weights], with 16 bits for each number. How much does the card keep to train "
    "it?",
    matters="That is eight times the weights: [gradients] as large as they, and an [optimizer] that keeps three "
    "numbers of 32 bits for each of 16.",
)
def _states_of_a_training() -> Answers:
    model, run = Model.named("LLaMA-7B"), Training(recipe="mixed", optimizer="AdamW", activations="none")
    memory = breakdown(model, run)
    right, weights = sum(memory.values()), memory["weights"]
    yield right
    yield weights, "that is what it takes to run; a training keeps notes on each number too"
    yield 2 * weights, "that has weights and gradients; the optimizer keeps more than both"
    yield 3 * weights, "that has one note of 16 bits beside weights and gradients; there are three, of 32 bits"
    yield (
        4 * weights,
        "that has two notes of 16 bits beside weights and gradients; there are three, of 32 bits",
    )
    yield memory["optimizer"], "that lacks one part: weights, gradients, and three notes of 32 bits make sixteen bytes"
    yield 10 * weights, "that is more than sixteen bytes for each number, as when gradients have 32 bits too"


@task(
    "2.1",
    "GB",
    asks="A model of 7.5 billion parameters is trained in mixed precision with AdamW, at stage 3, on *one* card. How "
    "many GB of training states does the card keep?",
    hint="Who would keep the rest?",
    solution="7.5 * (2 + 2 + 4 + 4 + 4)",
    because="It is 120 GB, as without ZeRO.",
    matters="Sharing needs somebody to share with. On one card offload, fewer bytes or LoRA help.",
    goal="explain why ZeRO saves nothing on one card, and why it is not offload",
)
def _stage_three_on_one_card() -> Answers:
    (model, cards), run = ZERO_PAPER, Training(zero=3)
    memory = breakdown(model, run)
    shared = {stage: total(model, Training(zero=stage, data_parallel=cards)) for stage in (1, 2, 3)}
    paper = tr("those are {cards} cards, as in the ZeRO paper; one card has nobody to share with", cards=cards)
    yield total(model, run)
    yield shared[3], paper
    yield round(shared[3], -8), paper  # as the paper rounds it
    for stage in (2, 1):
        yield (
            shared[stage],
            tr("that is stage {stage} on {cards} cards; one card has nobody to share with", stage=stage, cards=cards),
        )
    yield memory["weights"], "the weights alone would be left if the rest were offloaded, and ZeRO is no offload"
    yield memory["weights"] + memory["gradients"], "the optimizer stays on the card too: ZeRO is no offload"
    yield memory["optimizer"], "that is the optimizer alone; weights and gradients are there too"


@task(
    "2.2",
    "bytes",
    asks="Megatron calls it “distributed optimizer”: it is stage 1 with the recipe megatron. How many bytes for each "
    "parameter does each of eight cards keep?",
    hint="The table above has the summands. Which of them are the optimizer's? Divide these by eight.",
    solution="2 + 4 + 12/8",
    because="It is 7.5: weights and gradients whole, and an eighth of what the optimizer keeps. Neither 16 nor 18.",
    matters="So bytes per parameter mean little without the recipe, the stage and the number of cards.",
    goal="compute what a card keeps in a stage of ZeRO, with any recipe",
)
def _megatron_on_eight_cards() -> Answers:
    (model, _), run, cards = ZERO_PAPER, Training(recipe="megatron", zero=1, data_parallel=8), 8

    def each(**changes: object) -> float:
        return total(model, replace(run, **changes)) / model.parameters

    right, optimizer = each(), breakdown(model, run)["optimizer"] / model.parameters
    yield right
    yield each(recipe="mixed", zero=0), "that is the recipe mixed, with nothing shared; 16 is no law"
    yield each(zero=0), "that is the recipe with nothing shared; the optimizer's part is divided between the cards"
    yield each(zero=3), "that divides all three; stage 1 shares out the optimizer's part alone"
    yield each(zero=2), "that divides the gradients too; stage 1 leaves them whole"
    yield each(recipe="mixed"), "your gradients have 16 bits, and Megatron sums them up in 32"
    yield optimizer, "that is the optimizer's share alone; weights and gradients come on top"
    yield right - optimizer, "you left out the optimizer's share"
    yield right * cards, "that is all cards together; the question is about one"
    yield right + run.recipe_spec.master * (1 - 1 / cards), "the master copy is shared out too: it is the optimizer's"


@task(
    "2.3",
    "cards",
    asks="Llama-3.1-70B is trained in mixed precision with AdamW, at stage 3. What is the smallest number of cards "
    "“A100 80 GB” that hold the states alone? A program can use 79.15 GiB of each.",
    hint="Take all states, divide by what a card holds, and round up. The model has 70,553,706,496 parameters.",
    solution="14",
    because="Sixteen bytes for each parameter are 13.3 times a card. The model file alone needs two.",
    matters="A run needs one card more, because a step gathers weights for a moment; fewest_gpus counts that too.",
    goal="find how many cards hold the states of a training",
)
def _cards_for_seventy_billion() -> Answers:
    model, card, run = Model.named("Llama-3.1-70B"), Gpu.named("A100 80 GB"), Training(zero=3, activations="none")
    memory = breakdown(model, run)
    enough = (cards for cards in count(1) if total(model, replace(run, data_parallel=cards)) <= card.capacity)
    right = next(enough)  # that hold the states; a step needs more for a moment
    weights, optimizer, states = memory["weights"], memory["optimizer"], sum(memory.values())
    by_name = ceil(states / (card.marketed_gb * 10**9))
    yield right
    yield ceil(weights / card.capacity), "that holds the model file alone; training adds gradients and the optimizer"
    yield ceil(2 * weights / card.capacity), "that holds weights and gradients; the optimizer is the largest part"
    yield ceil(optimizer / card.capacity), "that holds the optimizer alone, not weights and gradients"
    yield ceil((states - weights) / card.capacity), "either weights or gradients are missing: each has two bytes"
    yield states / card.capacity, "a card cannot be cut: round up"
    yield right - 1, "you rounded down, and something is left that has no card"
    yield by_name, "you took the 80 GB of the name for 80 billion bytes; see capacity"


@task(
    "2.4",
    "GB",
    asks="LLaMA-7B gets LoRA with r = 16 on all linear matrices. The recipe is bf16, and the optimizer, bitsandbytes "
    "Adam, has both states in 32 bits. How many GB do the adapters take, with their gradients and states?",
    hint="How many parameters are trained? They are named below the picture above. Which bytes has each of them?",
    solution="39,976,960 * (2 + 2 + 4 + 4) / 10**9",
    because="It is 0.48 GB: a weight, a gradient and two states for each.",
    matters="Frozen model and activations come on top, and LoRA does not remove them.",
    goal="say which memory LoRA removes, and which it does not",
)
def _adapters() -> Answers:
    model = Model.named("LLaMA-7B")
    plain = Training(recipe="bf16", optimizer="bitsandbytes Adam", activations="none")
    run = replace(plain, lora_rank=16, adapters="BF16")
    memory, frozen = breakdown(model, run), breakdown(model, plain)["weights"]
    adapters, right = memory["weights"] - frozen, total(model, run) - frozen
    mixed = total(model, replace(run, recipe="mixed")) - frozen
    narrow = total(model, replace(run, lora_targets="qv")) - frozen
    yield right
    yield adapters, "those are the adapters alone; they are trained, so gradients and states come on top"
    yield adapters + memory["gradients"], "the optimizer remembers two numbers for each parameter of the adapters"
    yield memory["optimizer"], "that is the optimizer alone, or a state of yours has 16 bits instead of 32"
    yield mixed, "weights and gradients have two bytes each here, and no master copy: the recipe is bf16"
    yield total(model, run), "that is with the frozen model; the question is about what is trained"
    yield total(model, plain), "that trains the whole model; LoRA trains the adapters alone"
    yield frozen, "that is the frozen model; the question is about what is trained"
    yield narrow, "those are adapters on queries and values alone; all linear layers have one"
    yield Fraction(right, 2), "that is half: rank 8, or 6 bytes for each parameter"
    yield Fraction(right * 10, 12), "weights or gradients of the adapters are missing"


@task(
    "2.5",
    "GB",
    asks="A model of 7.5 billion parameters is trained in mixed precision with AdamW on one card, and DeepSpeed "
    "offloads the [optimizer] at stage 2. How many GB of training states stay on the card?",
    hint="The gradients go along, because the step is done where the optimizer is.",
    solution="7.5 * 2",
    because="It is 15 GB, the weights in 16 bits. The other 105 GB lie in the computer's memory.",
    matters="Nothing is saved: a byte that leaves the card needs its place elsewhere, and a way there in every step.",
    goal="say what offload moves, and what stays on the card",
)
def _left_on_the_card() -> Answers:
    (model, cards), run = ZERO_PAPER, Training(zero=2, offload="optimizer")
    where, memory = places(model, run), breakdown(model, Training())
    right, whole = sum(where["gpu"].values()), sum(memory.values())
    yield right
    yield whole, "nothing has moved in that; the optimizer and the gradients leave the card"
    yield whole - memory["optimizer"], "the gradients go along, because the step is done where the optimizer is"
    yield sum(where["cpu"].values()), "that is what lies in the computer's memory; the question is about the card"
    yield memory["optimizer"], "that is the optimizer, which leaves the card; the question is about what stays"
    yield (
        total(model, Training(zero=2, data_parallel=cards)),
        tr("those are {cards} cards; offload needs no other card", cards=cards),
    )
    yield right // 2, "that is one byte for each parameter; weights in 16 bits have two"
