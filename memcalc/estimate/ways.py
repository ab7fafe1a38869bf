"""Ways to make a run fit: what a card holds, formats that exist, CPU memory, more cards; one change, then two."""

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.estimate import offload
from memcalc.estimate.inference import AnyModel, format_in, resolved
from memcalc.estimate.questions import Fit, fewest_gpus, fits, largest
from memcalc.estimate.terms import breakdown
from memcalc.formula.choices import Family
from memcalc.formula.formats import Format, named_bits
from memcalc.formula.symbols import BY_NAME
from memcalc.formula.tensors import present
from memcalc.specs.engines import formats_of, slower_formats
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import AUTO, Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training
from memcalc.texts import both, cached, later, later_many, tr, tr_many
from memcalc.units import show

_USEFUL = 2048
"""Tokens of context that are worth a smaller format [tokens]."""

_MOST_CARDS = 64
"""More cards than that nobody puts together for one run without further words."""

_NEAR = 4
"""So many formats are weighed against each other before the next one is tried."""

_UNEVEN = 1.1
"""By so much the fullest card may have more than its share, or a pool count a weight more than its bytes."""

_ROUGH = 0.8
"""A format whose bits alone, times this, fill the card is not tried: mixes keep some tensors in fewer bits."""


@dataclass(frozen=True)
class Way:
    """A run that fits the card, and how to say what was changed."""

    run: Inference | Training
    sentence: str


@cached  # an explorer asks the same again in every frame
def ways(model: AnyModel, run: Inference, gpu: Gpu, formats: tuple[str, ...] = ()) -> tuple[Way, ...]:
    """Return what makes a run fit, or, if it fits, how far it may grow.

    Single changes come first: fewer tokens or sequences, then the format of weights, of the cache, and of both that
    loses least, then a part in CPU memory, then more cards; two changes where no single one is enough.

    Parameters
    ----------
    formats : that weights and cache may have; nothing for those that the engine has and people offer

    >>> [way.sentence for way in ways(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090"))][:3:2]
    ['This card holds at most 22,709 tokens of context.', 'Q8_0 cache would leave 2.59 GiB.']
    """
    limits, search = tuple(fewer(model, run, gpu)), Search(model, gpu, formats)
    if fits(model, run, gpu):
        return limits
    partly = tuple(Way(*way) for way in offload.ways(model, run, gpu))
    single = (*limits, *search.in_smaller_formats(run), *partly)
    several = tuple(search.on_cards(run))
    return (*(single or search.shorter_in_smaller(run)), *(several or search.on_cards_in_smaller(run)))


def fewer(model: AnyModel, run: Inference | Training, gpu: Gpu) -> Iterator[Way]:
    """Yield how many tokens, and how many sequences, the card holds."""
    counts = {"context": lambda count: holding(tokens_of(count, run), run)}
    if run.batch > 1:
        counts["batch"] = lambda count: holding_at_once(count, run)
    for quantity, sentence in counts.items():
        count = _largest(quantity, model, run, gpu)
        if 0 < count < BY_NAME[quantity].limit or (quantity == "batch" and count):
            yield Way(_with(run, quantity, count), sentence(count))


def holding(tokens: str, run: Inference | Training) -> str:
    """Say how many tokens the cards of a run hold: one card, several together, or each of those that are apart.

    >>> holding("2,048 tokens", Inference(tensor_parallel=2))
    'These 2 cards hold at most 2,048 tokens.'
    """
    together = _together(run)
    return tr_many(*(_HOLD if together == run.cards else _EACH_HOLD), together, tokens=tokens)


def holding_at_once(sequences: int, run: Inference | Training) -> str:
    """Say how many sequences they hold, after how many tokens.

    >>> holding_at_once(11, Inference())
    'It holds at most 11 sequences of this context.'
    """
    return tr_many(*_HOLD_SEQUENCES, _together(run), sequences=sequences)


def _together(run: Inference | Training) -> int:
    """Return how many cards work on the same sequences: in training, those that divide experts have others each."""
    apart = run.data_parallel * run.expert_parallel if isinstance(run, Training) else 1
    return run.cards // apart


_HOLD = later_many("This card holds at most {tokens}.", "These {count:,} cards hold at most {tokens}.")
_EACH_HOLD = later_many("Each card holds at most {tokens}.", "Each {count:,} cards hold at most {tokens} together.")
_HOLD_SEQUENCES = later_many(
    "It holds at most {sequences:,} sequences of this context.",
    "They hold at most {sequences:,} sequences of this context.",
)


def _largest(quantity: str, model: AnyModel, run: Inference | Training, gpu: Gpu) -> int:
    """Return the largest context or batch; 0 if a choice of the run excludes the smaller ones."""
    try:
        return largest(quantity, model, run, gpu)
    except InputError:
        return 0


def _with(run: Inference | Training, quantity: str, count: int) -> Inference | Training:
    chunk = getattr(run, "prefill", "")
    if quantity == "context" and not isinstance(chunk, str):
        return replace(run, context=count, prefill=min(chunk, count))
    return replace(run, **{quantity: count})


def tokens_of(context: int, run: Inference | Training) -> str:
    """Say how many tokens, and for how many sequences if they are several.

    >>> tokens_of(4096, Inference(batch=2))
    '4,096 tokens of context for each of 2 sequences'
    """
    if run.batch == 1:
        return tr("{context:,} tokens of context", context=context)
    return tr("{context:,} tokens of context for each of {batch:,} sequences", context=context, batch=run.batch)


@dataclass(frozen=True)
class Search:
    """What is tried to make runs of a model fit a card.

    Parameters
    ----------
    formats : that weights and cache may have; nothing for those that the engine has and people offer
    """

    model: AnyModel
    gpu: Gpu
    formats: tuple[str, ...] = ()

    def in_smaller_formats(self, run: Inference) -> Iterator[Way]:
        """Yield for weights, cache and both the format that loses least and fits, the lesser single change first."""
        tried = [(fields, *next(self._smaller(fields, run), (None, 0))) for fields in _CHANGES]
        tried.sort(key=lambda one: self._lost(*one[:2]))
        left = ""
        for _, way, margin in tried:
            if way and show(margin) != left:
                left = show(margin)
                yield Way(way.run, tr("{formats} would leave {left}.", formats=way.sentence, left=left))

    def _lost(self, fields: tuple[str, ...], way: Way | None) -> tuple[int, float]:
        """Return what orders changes: how many they are, then how few bits are left."""
        bits = Format.named(getattr(way.run, fields[0]).partition("/")[0]).bits if way else 0
        return len(fields), -bits

    def _smaller(self, fields: tuple[str, ...], run: Inference) -> Iterator[tuple[Way, int]]:
        """Yield runs that fit with these fields in fewer bits, the least loss first, and what they leave [bytes]."""
        field, *others = fields
        for name in self.smaller(field, run):
            if field == "weights" and stored_bytes(self.model, name) > self._spare(run):
                continue
            changed, words = replace(run, **{field: name}), tr(_FORMATS[field], format=name)
            if others:
                further = self._smaller(tuple(others), changed)
                yield from ((Way(way.run, both([way.sentence, words])), margin) for way, margin in further)
            elif fit := self._fit(changed):
                yield Way(changed, words), fit.margin

    def _spare(self, run: Inference) -> int:
        """Return what the weights may take on all cards together [bytes], and a little more: cards share unevenly."""
        fit = self._fit(run)
        if fit is None:
            return 0
        cards = run.tensor_parallel * run.pipeline_parallel * run.expert_parallel
        return int(_UNEVEN * cards * (fit.margin + breakdown(self.model, run)["weights"]))

    def _fit(self, run: Inference) -> Fit | None:
        """Return the verdict; None if this model has no such file, or the run no such cache."""
        try:
            return fits(self.model, run, self.gpu)
        except InputError:
            return None

    def smaller(self, field: str, run: Inference, cards: int = 1) -> Iterator[str]:
        """Yield the formats of weights or cache of fewer bits, from many bytes to few.

        Of weights, only those that may fit on so many cards at all.

        >>> search = Search(Model.named("LLaMA-7B"), Gpu.named("RTX 4090"))
        >>> [*search.smaller("kv_cache", Inference(engine="vLLM"))]
        ['FP8']
        """
        if not isinstance(self.model, Model):
            return
        run = resolved(self.model, run)
        known = self.formats or existing(run.kind, field)
        forms = sorted(map(Format.named, known), key=lambda form: -form.bits)
        if field == "kv_cache":
            most = max(now.bits for now in run.cache_formats)
            fewer = (form for form in forms if form.bits < most)
            yield from (form.name for form in fewer if form.cache != "latent" or self.model.latent_layers)
            return
        now = self.model.file_weights if run.weights == AUTO else stored_bytes(self.model, run.weights)
        room = cards * self.gpu.capacity * run.tensor_parallel * run.pipeline_parallel * run.expert_parallel
        trying = [form.name for form in forms if _ROUGH * self.model.parameters * form.bits / 8 <= room]
        held = (name for name in self._by_bytes(trying) if stored_bytes(self.model, name) <= min(now - 1, room))
        yield from _slower_last(held, slower_formats(run.kind))

    def _by_bytes(self, trying: list[str]) -> Iterator[str]:
        """Yield formats that come from many bits to few, from many bytes to few: bits alone do not order mixes."""
        near = []
        while trying or near:
            near, trying = [*near, *trying[: _NEAR - len(near)]], trying[_NEAR - len(near) :]
            name = max(near, key=lambda one: stored_bytes(self.model, one))
            near.remove(name)
            yield name

    def on_cards(self, run: Inference, weights: str = "") -> Iterator[Way]:
        """Yield the fewest such cards that would do, divided as the engine does, unless the run divides in other ways.

        Parameters
        ----------
        weights : a format that is to be said
        """
        by_layers = run.reserving.by_layers
        if run.cards > (run.pipeline_parallel if by_layers else run.tensor_parallel):
            return
        try:
            several = self._by_layers(run) if by_layers else self._by_heads(run)
        except InputError:  # known on one card only
            return
        if several:
            cards = several.tensor_parallel * several.pipeline_parallel
            layers, in_format = several.pipeline_parallel > 1, _IN_FORMAT if weights else _AS_IT_IS
            yield Way(several, tr(in_format[layers], cards=cards, weights=weights))

    def _by_heads(self, run: Inference) -> Inference | None:
        cards = fewest_gpus(self.model, run, self.gpu)
        return replace(run, tensor_parallel=cards) if cards > run.tensor_parallel else None

    def _by_layers(self, run: Inference) -> Inference | None:
        """Return the run on the fewest cards that share the layers out; more cards never hold more each."""
        most = min(getattr(self.model, "layers", 1), _MOST_CARDS)
        stages = (replace(run, pipeline_parallel=cards) for cards in range(run.pipeline_parallel + 1, most + 1))
        return next((several for several in stages if fits(self.model, several, self.gpu)), None)

    def shorter_in_smaller(self, run: Inference) -> Iterator[Way]:
        """Yield the format that loses least in which the card holds a useful context, of one sequence if not of all.

        If none is useful, the one with which the card holds most, and how much that is.
        """
        wanted, best, most = min(run.context, _USEFUL), None, 0
        for asked in dict.fromkeys((run, replace(run, batch=1))):
            for name in self.smaller("weights", asked):
                smaller = replace(asked, weights=name)
                if (count := _largest("context", self.model, smaller, self.gpu)) > most:
                    most, tokens = count, tokens_of(count, asked)
                    words = tr_many(*_HOLD_IN, asked.cards, name=name, tokens=tokens)
                    best = Way(_with(smaller, "context", count), words)
                if count >= wanted:
                    yield best
                    return
        if best:
            yield best

    def on_cards_in_smaller(self, run: Inference) -> Iterator[Way]:
        """Yield the format that loses least in which some number of cards would do."""
        for name in self.smaller("weights", run, _MOST_CARDS):
            for several in self.on_cards(replace(run, weights=name), name):
                yield several
                return


def _slower_last(names: Iterable[str], slower: Collection[str]) -> Iterator[str]:
    """Yield formats as they come, but each slower one behind all others of as many bits.

    >>> [*_slower_last(["LLM.int8", "W8A8-FP8", "NF4", "AWQ-INT4-g128"], ["LLM.int8", "NF4"])]
    ['W8A8-FP8', 'LLM.int8', 'AWQ-INT4-g128', 'NF4']
    """
    waiting = []
    for name in names:
        yield from (one for one in waiting if named_bits(one) > named_bits(name))
        waiting = [one for one in waiting if named_bits(one) <= named_bits(name)]
        if name in slower:
            waiting.append(name)
        else:
            yield name
    yield from waiting


_HOLD_IN = later_many(
    "In {name}, this card holds at most {tokens}.", "In {name}, these {count:,} cards hold at most {tokens}."
)
_CHANGES = ("weights",), ("kv_cache",), ("kv_cache", "weights")
_FORMATS = {"weights": later("{format} weights"), "kv_cache": later("{format} cache")}

_AS_IT_IS = (
    later("{cards:,} such cards would do, with tensor parallelism."),
    later("{cards:,} such cards would do, each with some of the layers."),
)
_IN_FORMAT = (
    later("{cards:,} such cards would do in {weights}, with tensor parallelism."),
    later("{cards:,} such cards would do in {weights}, each with some of the layers."),
)
"""How several cards would do: with every layer shared by all of them, or each with some of the layers."""


@lru_cache(maxsize=4096)
def stored_bytes(model: Model, name: str) -> int:
    """Return what the whole model takes in a format [bytes], without the time that SymPy needs to write the term.

    >>> stored_bytes(Model.named("Llama-3.1-8B"), "Q4_K_M")
    4912898048
    """
    from memcalc.estimate.inventory import inventory  # here, for who has room needs no smaller format

    try:
        form = format_in(model, name)
        if form.family == Family.PLAIN and not form.others:
            return math.ceil(model.parameters * form.bytes)
        tensors = present(model.structure, model.absent)
        return math.ceil(sum(one.size for one in inventory(model.values, tensors, form)))
    except InputError:  # blocks that do not divide the matrices
        return BY_NAME["file_weights"].limit


def existing(kind: str, field: str) -> list[str]:
    """Return the formats that an engine, or any, has: of weights those that people offer, of caches without an engine
    the usual ones.

    >>> existing("MLX", "weights")[-2:]
    ['MLX-6bit-g64', 'MLX-8bit-g64']
    """
    kinds = [kind] if kind else dict.fromkeys(row["engine"] for row in catalogue.rows("engine_formats"))
    had = {name for one in kinds for name in formats_of(one, field, experimental=False)}
    column = "offered" if field == "weights" else "" if kind else "usual"
    return [name for name in catalogue.names("formats", column) if name in had]


def no_way(model: AnyModel, run: Inference) -> str:
    """Say why nothing that was tried makes it fit."""
    if not isinstance(model, Model):
        return tr_many(*_SMALLER_FILE, run.cards)
    least = min(map(Format.named, existing(run.kind, "weights")), key=lambda form: form.bits).name
    try:
        weights = show(breakdown(model, replace(run, weights=least))["weights"])
    except InputError:
        return tr_many(*_NO_FORMAT, run.cards)
    return tr_many(*_EVEN_IN, run.cards, format=least, weights=weights)


_SMALLER_FILE = later_many(
    "It needs a smaller file of this model, or a larger card.",
    "It needs a smaller file of this model, or larger cards, or more than {count:,}.",
)
_NO_FORMAT = later_many(
    "No format that was tried makes it fit: it needs a larger card, or several.",
    "No format that was tried makes it fit: it needs larger cards, or more than {count:,}.",
)
_EVEN_IN = later_many(
    "Even {format} weights take {weights}: it needs a larger card, or several.",
    "Even {format} weights take {weights} on each card: it needs larger cards, or more than {count:,}.",
)


PLAIN = ("INT8", "FP8", "INT4")
"""Bare numbers of so many bits, with which lessons count; no file has just these."""
