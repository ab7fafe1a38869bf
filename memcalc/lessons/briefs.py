"""The brief that runs through all lessons: a person with a model, a card and a run, and one question in each lesson."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil

from memcalc import Gpu, Inference, Model, Training, breakdown, fewest_gpus, peak, symbol, total, values
from memcalc.article.table1 import CONTEXT
from memcalc.catalogue import rows
from memcalc.errors import choice
from memcalc.estimate.code import arguments
from memcalc.estimate.speed import fastest
from memcalc.formula.totals import inference
from memcalc.lessons.task import EVERY_HEAD, ONE_OF_TWO, Answers, Task, cache_of, weights_of
from memcalc.texts import cached, later, tr

_APART = Fraction(1, 100)
"""Mistakes that are as near to each other as this, or to what is right, cannot be told apart."""


@dataclass(frozen=True)
class Brief:
    """A person who needs answers, as a row of `data/briefs.csv` has it.

    >>> Brief.named("home").run.weights
    'Q4_K_M'
    """

    row: Mapping[str, str]

    @classmethod
    def named(cls, name: str) -> "Brief":
        """Return the brief of a name; raise InputError for an unknown one."""
        choice("brief", name, BRIEFS)
        return next(cls(row) for row in rows("briefs") if row["brief"] == name)

    @cached_property
    def model(self) -> Model:
        """The model."""
        return Model.named(self.row["model"])

    @cached_property
    def gpu(self) -> Gpu:
        """The card, or one of them."""
        return Gpu.named(self.row["gpu"])

    @cached_property
    def run(self) -> Inference:
        """How the model answers."""
        return Inference(
            context=self._count("context"),
            batch=self._count("batch"),
            weights=self.row["weights"],
            kv_cache=self.row["kv_cache"],
        )

    @cached_property
    def training(self) -> Training:
        """How the model, or adapters beside it, are trained."""
        return Training(
            context=self._count("text"),
            batch=self._count("texts"),
            recipe=self.row["recipe"],
            optimizer=self.row["optimizer"],
            zero=self._count("zero"),
            data_parallel=self._count("cards"),
            recompute=self.row["recompute"],
            **self._adapters,
        )

    @cached_property
    def plan(self) -> tuple[Model, Inference | Training]:
        """What is wished for in the end: a model, and a run of it."""
        run = self.run if self.row["plan"] == "answer" else self.training
        more = {"context": self._count("plan_context"), "batch": self._count("plan_batch")}
        return Model.named(self.row["plan_model"]), replace(run, **more)

    @property
    def told(self) -> dict[str, object]:
        """What its words may name."""
        counts = {name: self._count(name) for name in ("context", "batch", "text", "plan_context", "plan_batch")}
        return dict(self.row) | counts | {"rank": self.row["lora_rank"], "base": self.row["base_weights"]}

    @property
    def _adapters(self) -> dict[str, object]:
        rank = self._count("lora_rank")
        return {"lora_rank": rank, "base_weights": self.row["base_weights"]} if rank else {}

    def _count(self, name: str) -> int:
        return int(self.row[name])


BRIEFS = tuple(row["brief"] for row in rows("briefs"))
"""The names of the briefs."""

LESSONS = tuple(dict.fromkeys(row["lesson"] for row in rows("brief_words")))
"""The lessons in which a brief asks something."""

QUESTIONS = tuple(f"{name}.{lesson}" for name in BRIEFS for lesson in LESSONS)
"""What a brief can ask: its name and the lesson, such as "home.4"."""


@dataclass(frozen=True)
class _Asked:
    """What all briefs ask in a lesson; `answers` computes it, and `code` is a line of Python that does so too."""

    unit: str
    answers: Callable[[Brief], Answers]
    words: Mapping[str, str]
    code: Callable[[Brief], str]


_ASKED: dict[str, _Asked] = {}


def _asks(lesson: str, unit: str, code: Callable[[Brief], str], **words: str) -> Callable:
    """Enter the function below as what a brief asks in a lesson."""

    def enter(answers: Callable[[Brief], Answers]) -> Callable[[Brief], Answers]:
        _ASKED[lesson] = _Asked(unit, answers, words, code)
        return answers

    return enter


@cached
def question(number: str) -> Task:
    """Return what a brief asks in a lesson, such as "home.4"; raise InputError where it asks nothing.

    >>> question("lab.4").unit
    'GiB'
    """
    name, _, lesson = choice("brief", number, QUESTIONS).partition(".")
    return asked_by(Brief.named(name), lesson)


def asked_by(brief: Brief, lesson: str) -> Task:
    """Return what a brief asks in a lesson: its answers are computed from its model, its card and its runs."""
    asked, speaks = _ASKED[lesson], (lesson, brief.row["brief"])
    says = next(row["says"] for row in rows("brief_words") if (row["lesson"], row["brief"]) == speaks)

    @cached
    def answers() -> tuple[object, list[tuple[object, str]]]:
        right, *mistakes = asked.answers(brief)
        return right, list(_told_apart(right, mistakes))

    words = {name: tr(text, **brief.told) for name, text in asked.words.items()}
    return Task(asked.unit, answers, solution=asked.code(brief), says=tr(says, **brief.told), **words)


def _told_apart(right: object, mistakes: list[tuple[object, str]]) -> Iterator[tuple[object, str]]:
    """Yield the mistakes of which a number says which it was: a brief may make two of them the same."""
    seen = [right]
    for wrong, why in mistakes:
        if wrong > 0 and all(abs(Fraction(wrong) / Fraction(other) - 1) > _APART for other in seen):
            seen.append(wrong)
            yield wrong, why


def _answering(line: str) -> Callable[[Brief], str]:
    return lambda brief: line.format(arguments(brief.model, brief.run))


def _training(line: str) -> Callable[[Brief], str]:
    return lambda brief: line.format(arguments(brief.model, brief.training))


@_asks(
    "0",
    "GiB",
    _answering("total({}) / 2**30"),
    asks="How much do [weights] and [cache|kv_cache] take together?",
    hint="Two terms: the parameters in their format, and the notes on the tokens of all conversations.",
    because="It is the sum of both; driver and buffers come on top.",
    matters="Every lesson asks something of this brief again, and the last one asks for a plan.",
)
def _together(brief: Brief) -> Answers:
    model, run = brief.model, brief.run
    weights, notes = weights_of(model, run), cache_of(model, run)
    yield weights + notes
    yield weights, "those are the weights alone; the cache comes on top"
    yield notes, "that is the cache alone; the weights come on top"
    yield weights + notes // 2, ONE_OF_TWO
    yield weights + cache_of(model, run, kv_heads=model.heads), EVERY_HEAD
    yield weights + cache_of(model, run, batch=1), "that holds one conversation, and there are more at once"
    yield (
        weights_of(model, run, weights="FP16") + notes,
        tr("the weights are in {weights}, and you took 16 bits", weights=run.weights),
    )
    yield (
        weights + cache_of(model, run, kv_cache="FP16"),
        tr("the cache is in {kv_cache}, and you took 16 bits", kv_cache=run.kv_cache),
    )


@_asks(
    "1",
    "GiB",
    _answering("breakdown({})['weights'] / 2**30"),
    asks="How much do the [weights] of {model} take in {weights}?",
    hint="Look up how many bits the format spends on a parameter, all included, and how many parameters the model has.",
    because="It is the number of parameters times the bits of each, divided by eight.",
    matters="So ask for the bits of the format and for the parameters as counted, not for those of the names.",
)
def _stored(brief: Brief) -> Answers:
    model, run = brief.model, brief.run
    yield weights_of(model, run)
    for name, said in _BITS.items():
        yield weights_of(model, replace(run, weights=name)), tr(said, weights=run.weights)
    yield total(model, run), "the cache is in it, and the question is about the weights"
    yield round(model.parameters, -9), "that is a byte for each, and the parameters of the name"
    yield 2 * round(model.parameters, -9), "those are the parameters of the name; the model has some more or fewer"


_BITS = {
    "INT4": later("that is half a byte for each parameter; look up {weights}"),
    "INT8": later("that is a byte for each parameter; look up {weights}"),
    "FP16": later("that is two bytes for each parameter; look up {weights}"),
    "FP32": later("that is four bytes for each parameter; look up {weights}"),
}


@_asks(
    "2",
    "GiB",
    _training("sum(size for term, size in breakdown({}).items() if term != 'activations') / 2**30"),
    asks="How much are [weights], [gradients] and [optimizer] together, on one card?",
    hint="Which bytes has each parameter that is trained, and who shares them? What is frozen has its weights alone.",
    because="It is the sum of the three; what a text leaves behind comes on top.",
    matters="These are there before the first text is read, and they do not grow with it.",
)
def _states(brief: Brief) -> Answers:
    model, run = brief.model, replace(brief.training, activations="none")
    memory = breakdown(model, run)
    whole = replace(run, zero=0, data_parallel=1)
    frozen = replace(whole, lora_rank=0, base_weights=Training().base_weights)
    yield sum(memory.values())
    yield total(model, whole), "that is with nothing shared; the cards share it out"
    yield memory["weights"], "those are the weights alone; what is trained has gradients and notes of the optimizer too"
    yield memory["optimizer"], "that is the optimizer alone; weights and gradients are there too"
    yield memory["weights"] + memory["gradients"], "the optimizer is missing"
    yield memory["gradients"] + memory["optimizer"], "the weights are missing"
    yield memory["weights"] + memory["optimizer"], "the gradients are missing"
    yield total(model, frozen), "that trains every weight; only the adapters are trained"
    yield total(model, replace(run, zero=1)), "that is stage 1, which shares the optimizer alone"
    yield total(model, replace(run, zero=2)), "that is stage 2, which leaves the weights whole on each card"


@_asks(
    "3",
    "GiB",
    _training("breakdown({})['activations'] / 2**30"),
    asks="How much are the [activations] on one card?",
    hint="Count what goes into each layer, then what the head and the loss keep: a number for each token and each word "
    "of the vocabulary.",
    because="It is what goes into every layer, and what the loss keeps.",
    matters="Where layers are computed again, the vocabulary is often the larger part.",
)
def _kept(brief: Brief) -> Answers:
    model, run = brief.model, brief.training
    right, logits = breakdown(model, run)["activations"], run.batch * run.context * model.vocabulary
    inputs = 2 * run.batch * run.context * model.hidden * model.layers
    yield right
    yield breakdown(model, replace(run, recompute="none"))["activations"], "your layers still keep all that they make"
    yield inputs, "that is what goes into the layers; the loss keeps a number for each token and each word"
    yield 4 * logits, "those are the logits alone; what goes into each layer is kept too"
    yield 2 * inputs, "that is four bytes for each number that goes into a layer, and no loss"
    yield breakdown(model, replace(run, batch=2 * run.batch))["activations"], "that is with twice as many texts"
    yield cache_of(model, Inference(run.context)), "those are keys and values, which a model keeps that writes"
    yield total(model, run), "weights, gradients and optimizer are in it; the question is about the activations"


@_asks(
    "4",
    "GiB",
    _answering("breakdown({})['kv_cache'] / 2**30"),
    asks="How much does the [cache|kv_cache] take?",
    hint="A key and a value, in every layer, for each key-value head, token and conversation.",
    because="It is layers, times key-value heads, times the numbers of a head, times tokens, times conversations, for "
    "keys and for values.",
    matters="The weights are paid once, and this with each conversation.",
)
def _notes(brief: Brief) -> Answers:
    model, run = brief.model, brief.run
    right = cache_of(model, run)
    yield right
    yield cache_of(model, run, kv_heads=model.heads), EVERY_HEAD
    yield right // 2, tr("{why}; or a number of yours has half its bytes", why=tr(ONE_OF_TWO))
    yield 2 * right, "that is twice too much: a number of yours has too many bytes, or a factor of two is in it twice"
    yield cache_of(model, run, batch=1), "that is one conversation; there are more at once"
    yield cache_of(model, run, full_layers=1, dense_layers=1), "that is one layer; each has a cache of its own"
    yield total(model, run), "the weights are in it; the question is about the cache"


@_asks(
    "5",
    "ms",
    lambda brief: f"1000 / fastest({arguments(brief.model, brief.run)}, Gpu.named({brief.gpu.name!r})).decode",
    asks="How many milliseconds are that, if all of its bandwidth is used?",
    hint="What must be read, in bytes, divided by the bytes that the card reads in a second. Of the input embedding "
    "only the rows of the tokens are read.",
    because="It is weights and cache, divided by the bandwidth of the card.",
    matters="No program is faster, and most reach about half of it.",
)
def _round(brief: Brief) -> Answers:
    model, run, each = brief.model, brief.run, 1000 / Fraction(brief.gpu.bandwidth)
    right = Fraction(1000 / fastest(model, run, brief.gpu).decode)
    yield right
    yield weights_of(model, run) * each, "that reads the weights alone; the cache must be read too"
    yield cache_of(model, run) * each, "that reads the cache alone; the weights must be read too"
    yield brief.gpu.capacity * each, "that reads the whole card; only what lies there is read"
    yield right / 1000, "those are seconds; a second has a thousand milliseconds"
    yield 1000 / right, "those are the rounds in a second; turn it over"
    yield (weights_of(model, run) + cache_of(model, run, batch=1)) * each, "that reads the cache of one conversation"
    yield weights_of(model, replace(run, weights="FP16")) * each, "those are weights in 16 bits, and no cache"


@_asks(
    "6",
    "GB",
    lambda brief: f"total({arguments(brief.model, _row_of(brief))}) / 10**9",
    asks="How many GB do [weights] and [cache|kv_cache] of {model} take together, in INT8 at 32,768 tokens?",
    hint="A byte for each parameter, and a byte for each number of a key or a value. Which heads are stored?",
    because="It is the parameters as counted, and the key-value heads alone. In GiB the number is 7 % smaller.",
    matters="The article counts every head and the size in the name, and adds GB to GiB.",
)
def _row(brief: Brief) -> Answers:
    model, run = brief.model, _row_of(brief)
    everyone = replace(model, kv_heads=model.heads)
    by_name = values(everyone, run) | {symbol("parameters"): round(model.parameters, -9)}
    yield total(model, run)
    yield total(everyone, run), tr("{why}, as the article does", why=tr(EVERY_HEAD))
    yield inference.exact(by_name), "so the article counts: every head, and the parameters of the name"
    yield weights_of(model, run), "those are the weights alone; the cache comes on top"
    yield cache_of(model, run), "that is the cache alone; the weights come on top"
    yield total(model, replace(run, kv_cache="FP16")), "your cache is in FP16; INT8 takes one byte"
    yield total(model, replace(run, weights="FP16", kv_cache="FP16")), "that is FP16; INT8 takes one byte"


def _row_of(brief: Brief) -> Inference:
    """Return the run of the article's first table."""
    return replace(brief.run, context=CONTEXT, batch=1, weights="INT8", kv_cache="INT8")


@_asks(
    "7",
    "GiB",
    _training("peak({}).bytes / 2**30"),
    asks="How much is that?",
    hint="peak(model, run) has the highest moment of a step, its bytes, and the other moments.",
    because="It is the moment at which the loss has its gradient, beside all that is kept.",
    matters="Gaps of the allocator and the driver come on top, so leave some room.",
)
def _highest(brief: Brief) -> Answers:
    model, run = brief.model, brief.training
    found, memory = peak(model, run), breakdown(model, run)
    yield found.bytes
    yield sum(memory.values()), "that is the sum of the terms, which are not all there at once; see peak"
    for moment in found.moments.values():
        yield moment.bytes, tr("that is the moment when {moment}; another one is higher", moment=tr(moment.name))
    yield sum(memory.values()) - memory["activations"], "those are the states alone; the text leaves something too"
    yield memory["activations"], "those are the activations alone"
    yield brief.gpu.capacity, "that is what a program sees of the card"


@_asks(
    "8",
    "cards",
    lambda brief: f"fewest_gpus({arguments(*brief.plan)}, Gpu.named({brief.gpu.name!r}))",
    asks="How many cards are that?",
    hint="fewest_gpus(model, run, card) answers. By hand: all that is needed, divided by what a card holds; heads must "
    "come out even between cards, and in a training the peak of a step decides.",
    because="With one card fewer it does not fit, or the heads do not come out even.",
    matters="The picture has the plan as it is now. Its rubric ticks itself: change it until no circle is empty.",
)
def _fewest(brief: Brief) -> Answers:
    (model, run), card = brief.plan, brief.gpu
    right, needed = fewest_gpus(model, run, card), total(model, replace(run, **_alone(run)))
    yield right
    yield ceil(Fraction(needed, card.capacity)), "that holds the sum, and heads must come out even, or a peak is higher"
    yield needed // card.capacity, "you rounded down, and something is left that has no card"
    yield Fraction(needed, card.capacity), "a card cannot be cut: round up"
    yield right - 1, "that is one too few: try it in the picture"
    yield right + 1, "that is one more than is needed, or the heads do not come out even"
    yield 2 * right, "half as many are enough"
    yield 1, "on one card it does not fit"


def _alone(run: Inference | Training) -> dict[str, int]:
    return {"tensor_parallel": 1} if isinstance(run, Inference) else {"data_parallel": 1}
