"""The explorer of a plan: a model on several cards side by side, and a rubric that ticks itself."""

from dataclasses import replace

from memcalc import Gpu
from memcalc.catalogue import names
from memcalc.estimate import advice
from memcalc.estimate.code import code
from memcalc.estimate.ways import PLAIN
from memcalc.explorers.controls import Menu, Number, model_of, numbers_of
from memcalc.explorers.frame import Frame, OnDemand, explorer
from memcalc.explorers.marks import Marks
from memcalc.explorers.plan.cards import Slim, draw_cards
from memcalc.explorers.plan.rubric import draw_rubric, rubric
from memcalc.explorers.plan.run import CARDS, Plan, answering, offered, trained
from memcalc.explorers.vessel import guess
from memcalc.explorers.words import plain, words
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import both, later, later_many, tr, tr_many
from memcalc.units import show

COPIES = {
    **{later("one copy"): 1, later("two copies"): 2, later("three copies"): 3},
    **{later("four copies"): 4, later("eight copies"): 8},
}
"""How many whole models the cards hold together."""

ADAPTERS = {later("train LoRA adapters"): "FP16", later("train QLoRA adapters"): "NF4"}
"""A task that trains adapters alone → the format of the frozen weights below."""

TASKS = (later("answer"), later("train all weights"), *ADAPTERS)
"""What the cards are for."""

SHARED = (later("nothing"), later("the optimizer"), later("optimizer and gradients"), later("all states"))
"""What the cards share that train, by the stage of ZeRO."""

RECOMPUTE = {later("all activations kept"): "none", later("layers computed again"): "full"}
"""What is done with the activations until the backward pass."""

_OPTIMIZERS = ("AdamW", "8-bit AdamW", "Lion", "SGD momentum", "SGD", "Muon")
_WORDS_OF_A_GUESS = 176  # so wide is a card that has room for them [px]
_DOLLARS = (*(digit * 10**zeros for zeros in (3, 4, 5) for digit in (1, 2, 5)), 10**6)


def _two_a_doubling(name: str) -> Number:
    """Return the slider of a name with the marks 1, 2, 3, 4, 6, 8, 12 and so on."""
    slider = numbers_of(name)
    return replace(slider, grid=tuple(mark for mark in slider.grid if mark % 2 ** max(mark.bit_length() - 2, 0) == 0))


_ANSWER = later(
    "*The wish:* {task} {batch} people at once, each with up to {context} tokens and at least {speed} tokens a second, "
    "for at most {budget} dollars. *The plan:* {model} with [weights] in {weights} and a [cache] in {kv_cache}, on "
    "{cards} × {gpu}."
)
_ANSWER_IN_COPIES = later(
    "*The wish:* {task} {batch} people at once, each with up to {context} tokens and at least {speed} tokens a second, "
    "for at most {budget} dollars. *The plan:* {model} with [weights] in {weights} and a [cache] in {kv_cache}, on "
    "{cards} × {gpu}, which hold {copies} of it."
)
_WISH = {
    "all": later(
        "*The wish:* {task} of {model} on texts of {context} tokens, {batch} on each card at once, for at most "
        "{budget} dollars."
    ),
    "adapters": later(
        "*The wish:* {task} of {model} of rank {lora_rank} on texts of {context} tokens, {batch} on each card at once, "
        "for at most {budget} dollars."
    ),
    "all, unknown": later("*The wish:* {task} of {model} for at most {budget} dollars."),
    "adapters, unknown": later("*The wish:* {task} of {model} of rank {lora_rank} for at most {budget} dollars."),
}
_PLAN = {
    "one": later("*The plan:* the recipe {recipe} with the [optimizer] {optimizer}, {recompute}, on {cards} × {gpu}."),
    "several": later(
        "*The plan:* the recipe {recipe} with the [optimizer] {optimizer}, {recompute}, on {cards} × {gpu}, which "
        "share {zero}."
    ),
    "one, unknown": later("*The plan:* the recipe {recipe} with the [optimizer] {optimizer}, on {cards} × {gpu}."),
    "several, unknown": later(
        "*The plan:* the recipe {recipe} with the [optimizer] {optimizer}, on {cards} × {gpu}, which share {zero}."
    ),
}
"""The sentences of the controls that act; `unknown` are activations that nobody has measured."""


@explorer(
    _ANSWER,
    presets={
        later("a chatbot"): {"model": "Gemma-3-27B", "gpu": "RTX 4090", "context": 2**15, "speed": 6, "budget": 2_000},
        later("50 people"): {"model": "Llama-3.1-70B", "gpu": "H100 80 GB", "context": 2**13, "batch": 50}
        | {"speed": 10, "budget": 120_000},
        later("fine-tuning"): {
            "model": "Llama-3.1-8B",
            "gpu": "A100 40 GB",
            "context": 2**13,
            "task": "train all weights",
        }
        | {"cards": "8", "budget": 120_000},
    },
    task=Menu("what the cards do", TASKS),
    cards=Menu("number of cards", tuple(map(str, CARDS))),
    copies=Menu("copies of the model", tuple(COPIES)),
    context=_two_a_doubling("context"),
    batch=_two_a_doubling("batch"),
    speed=Number("speed", 1, 1_000, later("tokens/s for each"), grid=(1, 2, 5, 10, 20, 50, 100, 200)),
    budget=Number("budget", 1, 10**9, later("dollars"), grid=_DOLLARS),
    recipe=Menu("recipe: bytes of each number", tuple(names("recipes")), ("B", "B_g")),
    optimizer=Menu("optimizer", _OPTIMIZERS),
    zero=Menu("what the cards share", SHARED),
    recompute=Menu("activations", tuple(RECOMPUTE)),
    lora_rank=Number("rank of the adapters", 1, 256, letter="r", grid=(1, 2, 4, 8, 16, 32, 64, 128, 256)),
)
def plan(
    *,
    width: int = 860,
    task: str = "answer",
    model: str = "Gemma-3-27B",
    gpu: str = "RTX 4090",
    cards: str = "1",
    copies: str = "one copy",
    batch: int = 1,
    context: int = 2**15,
    weights: str = "FP16",
    kv_cache: str = "FP16",
    speed: int = 6,
    budget: int = 2_000,
    recipe: str = "mixed",
    optimizer: str = "AdamW",
    zero: str = "all states",
    recompute: str = "all activations kept",
    lora_rank: int = 16,
) -> Frame:
    """Show a model on several cards, what nobody counts on top of it, and how the plan does by its wish.

    Cards that answer split the model by tensor parallelism, as many as hold a copy; cards that train share states.

    >>> plan.frame(model="Llama-3.1-70B", gpu="H100 80 GB", cards="4", batch=50, context=8192).sentence_said[:64]
    'It fits: 15.07 GiB stay free on each of 4 cards, and the dashed '
    """
    model, gpu, count = model_of(model), Gpu.of(gpu), int(cards)
    if task == "answer":
        run = {"context": context, "weights": weights, "kv_cache": kv_cache}
        chosen = answering(model, gpu, count, COPIES[copies], batch, **run)
    else:
        run = {"context": context, "batch": batch, "recipe": recipe, "optimizer": optimizer}
        run |= {"recompute": RECOMPUTE[recompute], **adapters_of(task, lora_rank)}
        chosen = trained(model, gpu, count, SHARED.index(zero), **run)
    marks = Marks(width)
    card, low = draw_cards(marks, chosen)
    above = set(marks.shapes)
    end = draw_rubric(marks, rubric(chosen, speed, budget), low)
    marks.wait(above)
    _guess_line(marks, card)
    return frame_of(marks, end, chosen, card, _sentence(chosen, task), low)


def adapters_of(task: str, rank: int) -> dict[str, object]:
    """Return the fields of a run that trains adapters alone; none for another task."""
    return {"lora_rank": rank, "base_weights": ADAPTERS[task]} if task in ADAPTERS else {}


def _sentence(chosen: Plan, task: str) -> str:
    """Return the sentence of the controls that act."""
    several = chosen.cards > 1
    if chosen.answers:
        return _ANSWER_IN_COPIES if several else _ANSWER
    unknown = ", unknown" if chosen.unknown else ""
    wish, plan = ("adapters" if task in ADAPTERS else "all"), ("several" if several else "one")
    return f"{tr(_WISH[wish + unknown])} {tr(_PLAN[plan + unknown])}"


def frame_of(marks: Marks, end: int, chosen: Plan, card: Slim, sentence: str, low: int = 0) -> Frame:
    """Return the frame of a plan whose cards are drawn.

    Parameters
    ----------
    end : where the picture ends [px]
    card : the first of the drawn cards
    sentence : of the controls
    low : where the cards end, below which nothing is shown until a guess is made [px]; 0 if all is
    """
    model, run, gpu, said = chosen.model, chosen.run, chosen.gpu, _said(chosen)
    words_of = {term: tr(SUMMANDS[term].word) for term in chosen.memory}
    parts = both([tr("{word} of {size}", word=words_of[term], size=show(size)) for term, size in chosen.memory.items()])
    plan = {"cards": chosen.cards, "card": gpu.name, "parts": parts}
    return Frame(
        marks=marks,
        height=end,
        said=said,
        alt=tr("{cards} × {card}, each with {parts}. {said}", said=plain(words(said)), **plan),
        notes=advice.notes(model, run, gpu),
        hints=_hints(chosen) if chosen.unknown else OnDemand(lambda: _hints(chosen)),
        formula=[chosen.formula],
        code=code(model, run, shown=("context", "batch")),
        sentence=sentence,
        scale=f"{card.unit:.3g} {card.across} {chosen.cards}",
        guess=guess(card, tr(_GUESS), chosen.fit.needed, low),
    )


_GUESS = later("What must a card hold? Drag the dashed line to where it reaches, or type a number; then open it.")


def _hints(chosen: Plan) -> list[str]:
    """Return what would help, and between how many cards the model can be split."""
    steps = [] if chosen.unknown else advice.next_steps(chosen.model, chosen.run, chosen.gpu, PLAIN)[:3]
    if not chosen.answers or chosen.fit:
        return steps
    *others, last = map(str, offered(chosen.model, 1))
    if not others:
        return steps
    between = {"model": chosen.model.name, "counts": ", ".join(others), "last": last}
    return [*steps, tr(_SPLIT, **between)]


_SPLIT = later(
    "{model} can be split between {counts} or {last} cards, for each takes equally many heads of every layer."
)


def _said(chosen: Plan) -> str:
    """Say whether it fits, and never without what is not counted."""
    if not chosen.fit:
        sizes = {"over": show(-chosen.fit.margin), "needed": show(chosen.fit.needed)}
        return tr_many(*_OVER, chosen.cards, **sizes)
    said = _UNKNOWN if chosen.unknown else _SURELY if chosen.surely else _ALONE
    return tr_many(*said, chosen.cards, free=show(chosen.fit.margin), most=show(chosen.most_uncounted))


_OVER = later_many(
    "*It does not fit:* {over} of the {needed} run over the rim.",
    "*It does not fit:* {over} of the {needed} run over the rim of each of {count} cards.",
)
_UNKNOWN = later_many(
    "*Nobody knows whether it fits:* {free} stay free on the card, but the [activations] come on top, and nobody has "
    "measured them here.",
    "*Nobody knows whether it fits:* {free} stay free on each of {count} cards, but the [activations] come on top, and "
    "nobody has measured them here.",
)
_SURELY = later_many(
    "*It fits:* {free} stay free on the card, and the dashed box has room there.",
    "*It fits:* {free} stay free on each of {count} cards, and the dashed box has room there.",
)
_ALONE = later_many(
    "*It fits by its terms alone:* {free} stay free on the card, and the dashed box may take {most}.",
    "*It fits by its terms alone:* {free} stay free on each of {count} cards, and the dashed box may take {most}.",
)


def _guess_line(marks: Marks, card: Slim) -> None:
    """Draw the line that is dragged to where the load of a card is expected to reach."""
    reach, middle = card.width / 2 + 26, card.middle
    left = max(middle - reach, 0)
    if card.width > _WORDS_OF_A_GUESS:
        marks.level(left, middle + reach, 200, middle, "middle")
    else:
        marks.level(left, middle + reach, 200, middle + card.width / 2 + 10)
