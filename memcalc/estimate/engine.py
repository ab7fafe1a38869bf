"""What an engine takes beside weights and cache, as a range, and the pool that is left for the caches of requests."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from memcalc.errors import InputError, instance, must, whole
from memcalc.estimate.inference import AnyModel, held_in, resolved
from memcalc.estimate.prefill import prefill, unmeasured
from memcalc.estimate.terms import breakdown, last, values
from memcalc.formula.choices import Budget, End, Logits
from memcalc.formula.overhead import inference_overhead
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.formula.term import Term, Values
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import OFFLOAD, Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.run import overhead_values
from memcalc.specs.weighed import WeighedModel
from memcalc.texts import cached, later, tr
from memcalc.units import UNITS, parse, show

_STEPS_KNOWN = ("moe_layers", "latent_layers")
"""Counts of layers whose working memory the terms of an engine's step have, beside those of attention and MLPs."""


@dataclass(frozen=True)
class Share:
    """Something that an engine takes: its term, and its bytes at both ends of what is known."""

    term: Term
    low: int
    high: int


@dataclass(frozen=True)
class Taken:
    """What an engine takes beside weights and cache.

    Parameters
    ----------
    shares : what is known, each as a range
    unknown : what is taken too, and is not known, in words; "" if there is nothing
    """

    shares: tuple[Share, ...] = ()
    unknown: str = ""

    def bytes(self, end: End) -> int:
        """Return the sum at one end [bytes]."""
        return sum(getattr(share, end) for share in self.shares)


@dataclass(frozen=True)
class Pool:
    """What an engine has for the caches of all requests, as a range: from what is surely there to the most.

    Parameters
    ----------
    low, high : its bytes
    model : whose caches they are
    run : one request of the length that is asked for
    unknown : what the engine takes too, and is not known
    """

    low: int
    high: int
    model: AnyModel
    run: Inference
    unknown: str = ""

    @cached_property
    def request(self) -> int:
        """What one request of this length keeps [bytes]."""
        return cache_bytes(self.model, self.run)

    @property
    def requests(self) -> tuple[Fraction, Fraction]:
        """How many requests of this length it holds at once; a part of one is a shorter one."""
        return Fraction(self.low, self.request), Fraction(self.high, self.request)

    @cached_property
    def tokens(self) -> tuple[int, int]:
        """How many tokens it holds, in whole blocks where every layer keeps every token alike."""
        if self._block is None:
            return tuple(map(self._of_requests, (self.low, self.high)))
        return tuple(count * self.run.reserving.block for count in self.blocks)

    def _of_requests(self, size: int) -> int:
        """Return the tokens of as many whole requests as this holds, and of a shorter one in what is left."""
        several, left = divmod(size, self.request)

        def holds(context: int) -> bool:
            return cache_bytes(self.model, replace(self.run, context=context)) <= left

        return several * self.run.context + last(holds, self.run.context)

    @property
    def blocks(self) -> tuple[int, int] | None:
        """How many blocks it has; None where requests take more than blocks, such as windows and states."""
        return None if self._block is None else (self.low // self._block, self.high // self._block)

    @cached_property
    def _block(self) -> int | None:
        tokens = self.run.reserving.block
        one, many = (cache_bytes(self.model, replace(self.run, context=tokens * count)) for count in (1, _MANY))
        return one if one * _MANY == many else None

    def holds(self, contexts: Iterable[int]) -> tuple[bool, bool]:
        """Return whether requests of these lengths [tokens] fit at once: surely, and at the most.

        >>> llama, run = Model.named("Llama-3.1-8B"), Inference(engine="vLLM", utilization=0.9)
        >>> pool(llama, run, Gpu.named("RTX 3090")).holds([20_000, 8_000, 1_000])
        (False, True)
        """
        runs = (replace(self.run, context=context) for context in contexts)
        needed = sum(cache_bytes(self.model, run) for run in runs)
        return needed <= self.low, needed <= self.high


_MANY = 10**6
"""Blocks after which no window and no state goes unseen."""


def check_cache(model: AnyModel, run: Inference) -> None:
    """Raise InputError for a size without architecture, and for files that do not tell what they keep of a token."""
    if isinstance(model, NominalModel):
        raise InputError(f"model {model.name!r} has no architecture: for its cache give a name or a config.json.")
    if isinstance(model, WeighedModel) and model.untold:
        weights = show(breakdown(model, run)["weights"])
        raise InputError(f"of {model.name!r} the weights take {weights}, but {model.untold}")


def in_cpu_memory(model: AnyModel, run: Inference) -> int:
    """Return what a run keeps in the memory of the CPU [bytes]."""
    if not run.off_card:
        return 0
    known = values(model, run)
    return sum(term.exact(known) for term in held_in("cpu", model, resolved(model, run)))


def cache_bytes(model: AnyModel, run: Inference) -> int:
    """Return what the cache of a run takes on the fullest card [bytes]."""
    return breakdown(model, run)["kv_cache"]


def pool(model: AnyModel, run: Inference, gpu: Gpu | None = None, size: str | int | None = None) -> Pool:
    """Return what an engine has for the caches of all requests, each as long as the context of the run.

    Parameters
    ----------
    model : from `Model.named`, `Model.from_config` or `Model.from_checkpoint`
    run : with its engine, and how much that may take
    gpu : each of the cards
    size : the bytes of the pool, if a log says them, such as "5.98 GiB"; then no card is needed

    Raises InputError if neither a card nor a size is given, or nothing is left for the cache.

    >>> run = Inference(context=20_000, engine="vLLM", utilization=0.9, batched_tokens=20_000)
    >>> pool(Model.named("Llama-3.1-8B"), run, Gpu.named("RTX 3090")).tokens
    (18896, 34912)
    """
    instance("model", model, Model, NominalModel, WeighedModel)
    instance("run", run, Inference)
    check_cache(model, run)
    request = replace(run, batch=1)
    if size is not None:
        counted = whole("size", int(parse(size)) if isinstance(size, str) else size, 1, BY_NAME["file_weights"].limit)
        return Pool(counted, counted, model, request)
    instance("gpu", gpu, Gpu)
    low, high, unknown = pool_bytes(model, run, gpu)
    if high < 0:
        raise InputError(f"gpu {gpu.name} leaves no pool for the cache: {-high:,} bytes are missing for the rest.")
    return Pool(max(low, 0), high, model, request, unknown)


@cached
def pool_bytes(model: AnyModel, run: Inference, gpu: Gpu) -> tuple[int, int, str]:
    """Return the pool at both ends [bytes], negative if the rest does not fit, and what is not known."""
    memory = breakdown(model, run)
    other, taken = sum(memory.values()) - memory["kv_cache"], taken_by_engine(model, run, gpu)
    if gpu.unified:
        other += in_cpu_memory(model, run)
    most, least = (budget(model, run, gpu, end) - other - taken.bytes(end) for end in (End.LOW, End.HIGH))
    if run.reserving.budget == Budget.FREE:
        share = run.utilization or run.reserving.utilization
        least, most = (left if left < 0 else int(left * share) for left in (least, most))
    return least, most, taken.unknown


def budget(model: AnyModel, run: Inference, gpu: Gpu, end: End = End.HIGH) -> int:
    """Return how much of a card an engine shares out between weights, steps and pool [bytes].

    Parameters
    ----------
    end : of the range of what the driver takes, where the engine's share is one of what the driver leaves

    >>> budget(Model.named("LLaMA-7B"), Inference(engine="vLLM", utilization=0.5), Gpu.of("24 GB"))
    12000000000
    """
    engine = run.reserving
    if engine.budget == Budget.TOTAL:
        return int(gpu.capacity * (run.utilization or engine.utilization))
    if engine.budget == Budget.ASIDE:
        free = gpu.capacity - inference_overhead.exact(_card_values(run, end))
        if run.utilization:
            return int(free * run.utilization)
        from memcalc.formula.engine_step import reserve  # here, for few ask for it

        aside = reserve(gpu.capacity > 60 * UNITS["GiB"]).exact(values(model, settled(run, gpu)))
        return int(free * (1 - Fraction(aside, gpu.capacity)))
    return gpu.capacity


def settled(run: Inference, gpu: Gpu) -> Inference:
    """Return the run with what its engine takes by default on such cards, where the run leaves it open.

    >>> settled(Inference(engine="vLLM"), Gpu.named("RTX 4090")).batched_tokens
    2048
    """
    cards = run.tensor_parallel * run.pipeline_parallel
    open_fields = [field for field in ("batched_tokens", "sequences") if not getattr(run, field)]
    asked = gpu.capacity / UNITS["GiB"], cards, gpu.name
    found = {field: run.reserving.default(field, *asked) for field in open_fields}
    return replace(run, **{field: value for field, value in found.items() if value})


@cached
def taken_by_engine(model: AnyModel, run: Inference, gpu: Gpu) -> Taken:
    """Return what the engine of a run takes beside weights and cache, as a range; nothing without an engine.

    What the run itself counts, such as its prefill, is not counted again.

    >>> taken = taken_by_engine(Model.named("Llama-3.1-8B"), Inference(engine="vLLM"), Gpu.named("RTX 3090"))
    >>> [share.term.name for share in taken.shares]
    ['engine_step', 'rope_table', 'overhead']
    """
    kind = run.kind
    if not kind:
        return Taken()
    shares = [_driver(run)] if _takes_driver(run, gpu) else []
    if run.prefill != "none":
        return Taken(tuple(shares))
    if run.reserving.budget != Budget.NONE:
        return _of_a_server(model, settled(run, gpu), gpu, shares)
    try:
        steps = _of_one_request(model, run)
    except InputError:
        return Taken(tuple(shares), tr(_NOT_FOR_THIS, engine=kind))
    unknown = "" if steps else tr("the working memory of {engine}, which nobody has measured here", engine=kind)
    if run.offloaded:
        unknown = tr(_COPIES, engine=kind)
    return Taken((*steps, *shares), unknown)


_NOT_FOR_THIS = later("the working memory of {engine}, which nobody has measured for this model and run")
_COPIES = later("what {engine} copies to the card while it reads a prompt, of what lies in CPU memory")


def _takes_driver(run: Inference, gpu: Gpu) -> bool:
    """Return whether what the driver takes is to be counted, and not in the run or the budget already.

    Of cards without CUDA nothing is documented here; those of Apple give a program its share of one memory.
    """
    return run.overhead == End.NONE and run.reserving.budget != Budget.ASIDE and gpu.vendor != _APPLE


_APPLE = "Apple"


def _driver(run: Inference) -> Share:
    """Return what driver, libraries and graphs take; at best a server has taken it before it shares out the rest."""
    low, high = (inference_overhead.exact(_card_values(run, end)) for end in (End.LOW, End.HIGH))
    return Share(inference_overhead, 0 if run.reserving.budget == Budget.TOTAL else low, high)


def _card_values(run: Inference, end: End) -> Values:
    return run.values | overhead_values(end, run.kind)


def _of_a_server(model: AnyModel, run: Inference, gpu: Gpu, shares: list[Share]) -> Taken:
    """Return what a serving engine takes: the widest step, and the tables of positions."""
    from memcalc.formula.engine_step import engine_step, rope_table  # here, for few ask for it

    if not isinstance(model, Model):
        return Taken(tuple(shares), tr("the working memory of an architecture that is not known"))
    known = values(model, run)
    step = engine_step(lean=not run.reserving.sorts)
    steps = [Share(step, engine_step(lean=True).exact(known), step.exact(known))]
    table = rope_table.exact(known)
    missing = unmeasured(model, but=_STEPS_KNOWN)
    unknown = tr("the working memory of {missing}", missing=missing) if missing else ""
    if run.reserving.budget == Budget.ASIDE:
        aside = gpu.capacity - inference_overhead.exact(_card_values(run, End.HIGH)) - budget(model, run, gpu)
        unknown = unknown or _beyond(steps.pop(), aside)
    return Taken((*steps, *([Share(rope_table, table, table)] if table else []), *shares), unknown)


def _beyond(step: Share, aside: int) -> str:
    """Say that a step may need more than an engine leaves aside for it; "" if it does not."""
    if step.high <= aside:
        return ""
    said = later("a step, which may need {needed} where {left} are left aside")
    return tr(said, needed=show(step.high), left=show(max(aside, 0)))


def _of_one_request(model: AnyModel, run: Inference) -> list[Share]:
    """Return what an engine takes that reads one prompt at a time; nothing if that is not known.

    Raises InputError where the working memory of such a prompt is not known.
    """
    if not isinstance(model, Model):
        raise must("model", "one whose architecture is known", model.name)
    if run.kind not in ("llama.cpp", "transformers"):
        return []
    alone = ("pipeline_parallel",) if run.kind == "llama.cpp" else ()  # each of its cards has the same buffer
    asked = replace(run, prefill="whole", **{field: getattr(Inference, field) for field in (*OFFLOAD, *alone)})
    term, known = prefill(model, asked), values(model, asked)
    size = term.exact(known)
    if run.kind == "transformers":
        beyond = overhead_values(End.HIGH)[symbol("fragmentation")]
        return [Share(term, size, int(size * (1 + beyond)))]
    return [*_buffers(model, asked, term, known), *(_copies(model, asked, known) if run.pipeline_parallel > 1 else ())]


def _copies(model: Model, run: Inference, known: Values) -> list[Share]:
    """Return what a card keeps once more of what comes in, where several have layers of llama.cpp; at least nothing."""
    from memcalc.estimate.engine_graph import graph  # here, for few ask for it
    from memcalc.formula.llama_cpp import input_copies

    term = input_copies(graph(model, run), known)
    return [Share(term, 0, term.exact(known))]


def _buffers(model: Model, run: Inference, term: Term, known: Values) -> list[Share]:
    """Return the buffers of llama.cpp, which has logits for every token of a pass, or for one of each sequence."""
    from memcalc.estimate.engine_graph import graph  # here, for few ask for it
    from memcalc.formula.llama_cpp import compute_buffer, output_buffer

    every = run.logits == Logits.ALL
    fewest = known if every else {**known, symbol("outputs"): run.batch}
    least = compute_buffer(graph(model, run), fewest).exact(fewest)
    kept = (known[symbol("outputs")], run.context * run.batch) if every else 2 * (run.batch,)  # at least of one pass
    rest = (output_buffer.exact({**known, symbol("batch"): tokens}) for tokens in kept)
    return [Share(term, min(least, term.exact(known)), term.exact(known)), Share(output_buffer, *rest)]
