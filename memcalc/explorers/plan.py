"""What the explorer of a plan shows: every term of a run on one of several cards."""

from dataclasses import replace

from memcalc import Gpu, Inference, Model, Training, breakdown, fits, tables, units
from memcalc.errors import choice
from memcalc.estimate import advice, training
from memcalc.explorers import bar
from memcalc.explorers.frame import Frame, explorer
from memcalc.formula.choices import End
from memcalc.formula.symbols import SUMMANDS

TASKS = {
    "answer": None,
    "train": {},
    "train, layers computed again": {"recompute": "full"},
    "train adapters (LoRA)": {"lora_rank": 16, "recompute": "full"},
    "train adapters (QLoRA)": {"lora_rank": 16, "recompute": "full", "base_weights": "NF4"},
}
"""What the cards are for → what is chosen for a training run; None for inference."""

_CARDS = [str(2**power) for power in range(7)]  # how many there can be


@explorer(
    presets={
        "a chatbot": {"model": "Gemma-3-27B", "gpu": "RTX 4090", "task": "answer", "cards": "1", "context": 2**15}
        | {"batch": 1, "weights": "FP16", "kv_cache": "FP16"},
        "50 users": {"model": "Llama-3.1-70B", "gpu": "H100 80 GB", "task": "answer", "cards": "1", "context": 2**13}
        | {"batch": 50, "weights": "FP16", "kv_cache": "FP16"},
        "fine-tuning": {"model": "Llama-3.1-8B", "gpu": "A100 40 GB", "task": "train", "cards": "8", "context": 2**13}
        | {"batch": 1},
    },
    menus={
        "task": ("task", TASKS),
        "cards": ("number of cards", _CARDS),
        "overhead": ("driver, libraries, allocator", list(End)),
    },
)
def plan(
    *, model: str, gpu: str, task: str, cards: str, context: int, batch: int, weights: str, kv_cache: str, overhead: str
) -> Frame:
    """Show every term of a plan on the card that holds most, against what a program can use of it.

    Cards that answer divide the model, and the batch is that of all; cards that train divide the states (ZeRO-3), and
    each has its own batch. The formats are for answering alone.
    Raises InputError where a choice is unknown or the formula does not hold.

    >>> run = {"context": 8192, "batch": 50, "weights": "FP16", "kv_cache": "FP16", "overhead": "none"}
    >>> plan.frame(model="Llama-3.1-70B", gpu="H100 80 GB", task="answer", cards="4", **run).said[:60]
    'Each of 4 cards must hold 64.11 GiB = 68.83 GB; a program ca'
    """
    model, gpu, count = Model.named(model), Gpu.named(gpu), int(choice("cards", cards, _CARDS))
    run = _run(model, task, count, context=context, batch=batch, overhead=overhead)
    if isinstance(run, Inference):
        run = replace(run, weights=weights, kv_cache=kv_cache)
    memory = breakdown(model, run)
    details = [f"{SUMMANDS[term].word}: {size:,} bytes = {units.show_both(size)}" for term, size in memory.items()]
    whole = isinstance(run, Inference) or run.activations != "none"  # every term is counted
    details += advice.next_steps(model, run, gpu)[:3] if whole else []
    details += advice.notes(model, run, gpu)
    drawn = tuple(term for term in SUMMANDS if term in memory or term != "weight_copies")  # which are rare
    shapes = bar.bar({term: memory.get(term, 0) for term in drawn}, gpu.capacity)
    code = tables.code(model, run, shown=("context", "batch"))
    return Frame(bar.card(gpu.name, drawn), shapes, _said(model, run, gpu, count, whole), details, code)


def _run(model: Model, task: str, cards: int, **known: object) -> Inference | Training:
    """Return what the cards are to do, without activations where nobody has measured them."""
    chosen = TASKS[choice("task", task, TASKS)]
    if chosen is None:
        return Inference(**known, tensor_parallel=cards)
    run = Training(**known, **chosen, zero=3, data_parallel=cards)
    unknown = training.activations_unknown(model, run)  # mixtures of experts, adapters, other families
    return replace(run, activations="none") if unknown else run


def _said(model: Model, run: Inference | Training, gpu: Gpu, cards: int, whole: bool) -> str:
    fit = fits(model, run, gpu)
    who = "The card" if cards == 1 else f"Each of {cards} cards"
    needed = f"{who} must hold {units.show_both(fit.needed)}; a program can use {units.show(fit.capacity)} of it."
    if fit and not whole:
        left = f"{units.show(fit.margin)} are left"
        return f"{needed} {left}, but activations come on top: nobody has measured them here."
    return f"{needed} {advice.verdict(model, run, gpu)}"
