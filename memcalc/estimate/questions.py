"""The questions: how many bytes, does it fit, how much would, on how many cards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from memcalc.errors import InputError, choice, instance, must
from memcalc.estimate.degrees import splits
from memcalc.estimate.engine import budget, cache_bytes, check_cache, in_cpu_memory, pool_bytes
from memcalc.estimate.inference import AnyModel, resolved, stack_in
from memcalc.estimate.terms import breakdown, last, terms, total, values
from memcalc.formula import numeric
from memcalc.formula.choices import Accounting, Layout
from memcalc.formula.symbols import BY_NAME, SUMMANDS
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import LARGEST_MODEL, Model, NominalModel
from memcalc.specs.training import Training
from memcalc.specs.weighed import WeighedModel

if TYPE_CHECKING:
    from memcalc.estimate.peak import Peak


@dataclass(frozen=True)
class Fit:
    """The verdict on a model, a run and a card, in bytes; true if it fits.

    Parameters
    ----------
    needed : what the run needs; of what an engine takes, the high end of what is known
    capacity : what a program can use of the card, or what its engine may
    least : what the run needs at the low end of what is known; None where that is the same
    unknown : what is needed too, and is not known, in words; "" if there is nothing
    """

    needed: int
    capacity: int
    least: int | None = None
    unknown: str = ""

    @property
    def margin(self) -> int:
        """Bytes to spare; negative if some are missing."""
        return self.capacity - self.needed

    @property
    def most(self) -> int:
        """Bytes to spare at best."""
        return self.capacity - (self.needed if self.least is None else self.least)

    @property
    def word(self) -> str:
        """The verdict in a word or two: "fits", "fits if" something that is not known holds, or "does not fit"."""
        if self.most < 0:
            return "does not fit"
        return "fits if" if self.margin < 0 or self.unknown else "fits"

    def __bool__(self) -> bool:
        return self.margin >= 0


def fits(model: AnyModel, run: Inference | Training, gpu: Gpu) -> Fit:
    """Return whether the run fits into what a program can use of the card, with the margin [bytes].

    Inference needs the sum of its terms; training its `peak`, and what is not known of that is in `Fit.unknown`.

    A size without an architecture has training states, but no known cache: it can be trained, not run.
    Raises InputError for inference with such a size, and with files that do not tell the cache.

    >>> fits(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090")).margin
    -5273443697
    """
    instance("gpu", gpu, Gpu)
    if isinstance(run, Inference):
        check_cache(model, run)
        on_card(model, run, gpu)  # refuses what does not run there
    if isinstance(run, Training):
        found = _peak(model, run)
        return Fit(found.bytes, gpu.capacity, unknown=found.unknown)
    if not getattr(run, "kind", ""):
        elsewhere = in_cpu_memory(model, run) if gpu.unified and isinstance(run, Inference) else 0
        return Fit(total(model, run) + elsewhere, gpu.capacity)
    kept, (low, high, unknown) = cache_bytes(model, run), pool_bytes(model, run, gpu)
    capacity = budget(model, run, gpu)
    if run.offloaded and low - kept >= in_cpu_memory(model, run):
        unknown = ""  # for no copy is larger than what lies there
    return Fit(capacity - low + kept, capacity, capacity - high + kept, unknown)


def on_card(model: AnyModel, run: Inference, gpu: Gpu) -> str:
    """Return what an engine does with weights that the card cannot compute with, in a sentence; "" where it can.

    Raises InputError if it does not run them there at all.

    >>> on_card(Model.named("Llama-3.1-8B"), Inference(weights="FP8-128x128", engine="vLLM"), Gpu.named("H200"))
    ''
    """
    return run.reserving.on_card(resolved(model, run).weights, gpu.name, gpu.capability)


def _peak(model: AnyModel, run: Training) -> Peak:
    from memcalc.estimate.peak import peak  # here: SymPy builds many terms for training, which most runs do not ask for

    return peak(model, run)


def largest(quantity: str, model: AnyModel, run: Inference | Training, gpu: Gpu) -> int:
    """Return the largest context [tokens], batch [sequences] or size [parameters] with which the run fits the card.

    Parameters
    ----------
    quantity : "context", "batch" or "parameters"; or "gpu_layers", of whose answer the output is one; the others are
        taken from the run and the model

    A model of another size has the same bytes for each parameter; cache and activations stay those of the model.
    Every shorter context and smaller batch fits too.
    The answer is 0 if not even one fits, and never more than the glossary's limit for the quantity, or than the
    window of a model whose prefill is known below it only.
    Raises InputError for an unknown quantity, and as `fits` does.

    >>> largest("context", Model.named("LLaMA-7B"), Inference(), Gpu.named("RTX 4090"))
    22709
    >>> largest("parameters", Model.nominal(1), Training(recipe="bf16"), Gpu.named("RTX 4090"))
    2538325671
    """
    quantity = choice("quantity", quantity, ("context", "batch", "parameters", "gpu_layers"))
    if quantity == "gpu_layers":
        return _most_layers(model, run, gpu)
    fit = fits(model, run, gpu)  # refuses what has no answer
    _refuse_uncounted(quantity, model, run)
    if quantity == "parameters":
        if isinstance(model, WeighedModel):
            raise InputError(f"quantity must be 'context' or 'batch' for {model.name}: {model.unknown}")
        needed = _of_size(model, run)
        return last(lambda count: needed(count) <= fit.capacity, LARGEST_MODEL)
    if isinstance(getattr(run, "prefill", ""), str):  # the answer is the same whatever the run's own number
        run = replace(run, **{quantity: BY_NAME[quantity].default})
    return _largest(quantity, model, run, gpu)


def _refuse_uncounted(quantity: str, model: AnyModel, run: Inference | Training) -> None:
    """Raise InputError if nothing that grows with the quantity is counted."""
    if quantity == "parameters" or isinstance(run, Inference):
        return
    if isinstance(model, NominalModel):
        raise must("quantity", "'parameters' for a size alone, whose activations nobody knows", repr(quantity))
    if run.activations == Accounting.NONE:
        allowed = f"transformers or megatron to find the largest {quantity}, on which they alone depend"
        raise must("activations", allowed, "'none'")


def _most_layers(model: AnyModel, run: Inference, gpu: Gpu) -> int:
    """Return how many of the last layers the card holds; the output is one more than the model has."""
    instance("run", run, Inference)
    fits(model, replace(run, gpu_layers=0), gpu)  # refuses what has no answer
    layers = len(stack_in(model, resolved(model, run)).layers)
    return last(lambda count: bool(fits(model, replace(run, gpu_layers=count), gpu)), layers + 1)


@lru_cache(maxsize=1024)  # an explorer asks the same again in every frame
def _largest(quantity: str, model: AnyModel, run: Inference | Training, gpu: Gpu) -> int:
    def spare(count: int) -> int:
        counts = {count, _peak_before(count, run)} if quantity == "context" else {count}
        return min(fits(model, _with(run, quantity, several), gpu).margin for several in counts)

    low, high, edge = 0, BY_NAME[quantity].limit, getattr(model, "window", 0)
    if quantity == "context" and edge:
        if _ends_at_window(model, run):
            high = edge - 1
        elif edge <= high:  # whose mask may bring a leaner kernel
            low, high = (edge, high) if spare(edge) >= 0 else (0, edge - 1)
    return last(lambda count: spare(count) >= 0, high, low, _guess(spare, low, high, BY_NAME[quantity].default))


def _guess(spare: Callable[[int], int], low: int, high: int, start: int) -> int:
    """Return about where nothing is to spare: memory grows in a few straight lines, and the last may be the one."""
    if low >= high:
        return low
    guess, there = min(max(start, low + 1), high), spare(high)
    for _ in range(2):
        here = spare(guess)
        if here <= there:  # nothing grows, or this is the end
            return high
        guess = min(max(guess + here * (high - guess) // (here - there), low + 1), high)
    return guess


def _ends_at_window(model: AnyModel, run: Inference | Training) -> bool:
    """Return whether a prefill is known below the window only: where all room for the cache is there from the start."""
    read = isinstance(run, Inference) and run.prefill != "none"
    return read and run.reserving.counter > 0 and model.window_layers > 0


def _peak_before(context: int, run: Inference | Training) -> int:
    """Return the last context up to this one whose newest tokens, still in 16 bit, are as many as they get."""
    if isinstance(run, Training) or not run.cache_formats[0].residual:
        return context
    whole = BY_NAME["residual"].default
    start = run.prompt if run.cache_formats[0].residual == "transformers" else 0
    return max(start + (context - start + 1) // whole * whole - 1, 1) if context >= start + whole - 1 else context


def _of_size(model: AnyModel, run: Inference | Training) -> Callable[[int], int]:
    """Return the bytes of the run as a function of the number of parameters."""
    if isinstance(run, Training):
        return _training_of_size(model, run)
    if isinstance(model, NominalModel):
        return lambda count: total(NominalModel(count), run)
    memory = breakdown(model, run)
    sized = sum(size for name, size in memory.items() if SUMMANDS[name].sized)
    rest = sum(memory.values()) - sized
    return lambda count: rest + math.ceil(Fraction(sized * count, model.parameters))


def _training_of_size(model: AnyModel, run: Training) -> Callable[[int], int]:
    if isinstance(model, NominalModel):
        return lambda count: _peak(NominalModel(count), run).bytes
    found, growing = [], {name for name, entry in SUMMANDS.items() if entry.sized}
    if run.stage != 3 or run.by_rows:  # where DeepSpeed has settings of its own
        growing |= {"step_temporaries", "gathered"}
    for at in _peak(model, run).moments.values():
        sized = sum(size for name, size in at.parts.items() if name in growing)
        found.append((at.bytes - sized, sized))
    return lambda count: max(rest + math.ceil(Fraction(sized * count, model.parameters)) for rest, sized in found)


def _with(run: Inference | Training, quantity: str, count: int) -> Inference | Training:
    """Return the run with another context or batch; no chunk of the prompt is longer than the prompt."""
    if quantity == "context" and not isinstance(getattr(run, "prefill", ""), str):
        return replace(run, context=count, prefill=min(run.prefill, count))
    return replace(run, **{quantity: count})


def fewest_gpus(model: AnyModel, run: Inference | Training, gpu: Gpu) -> int:
    """Return the smallest number of equal cards with which the run fits; 0 if no number does.

    Inference adds cards by tensor parallelism, in numbers that `estimate.degrees.splits` has: as in engines they must
    divide the heads of every kind that the model has; key-value heads may also each be copied to equally many cards.
    Latents are copied, and each expert is divided.

    Training adds cards by data parallelism, up to the glossary's limit, and needs ZeRO or FSDP to gain by it.

    The run's own number of these cards is not used; its other degrees stay, and multiply the answer.
    Raises InputError as `fits` does, and if the run asks for what is known on one card only.

    >>> fewest_gpus(Model.named("Llama-2-70B"), Inference(context=4096), Gpu.named("RTX 4090"))
    8
    >>> fewest_gpus(Model.nominal(70_000_000_000), Training(zero=3), Gpu.named("A100 80 GB"))
    15
    """
    instance("run", run, Inference, Training)
    if isinstance(model, WeighedModel):
        raise InputError(f"model {model.name!r} cannot be divided between cards here: {model.unknown}")
    degree = "tensor_parallel" if isinstance(run, Inference) else "data_parallel"
    fits(model, replace(run, **{degree: 1}), gpu)  # refuses what has no answer
    numbers = splits(model) if isinstance(run, Inference) else _sharing(model, run, gpu)
    for number in numbers:
        spread = replace(run, **{degree: number})
        if fits(model, spread, gpu):
            return spread.cards
    return 0


def _sharing(model: AnyModel, run: Training, gpu: Gpu) -> Iterator[int]:
    """Yield one card, then the numbers of cards from which on some share gets smaller, where the run may fit."""
    yield 1
    if not run.zero and not run.by_rows:
        return
    least, limit = _least(model, run), BY_NAME["data_parallel"].limit
    number = 1 + last(lambda cards: least(cards) > gpu.capacity, limit, low=1)
    while number <= limit:
        yield number
        now = least(number)
        number = 1 + last(lambda cards, now=now: least(cards) == now, limit, low=number)


def _least(model: AnyModel, run: Training) -> Callable[[int], Fraction]:
    """Return what several cards keep each at least [bytes], as a function of their number that never grows.

    The peak itself may grow: by what fills up the weights that all keep together, and where a share is quantized no
    longer.
    """
    shares_weights = replace(run, data_parallel=2).stage == 3
    whole = None if shares_weights else breakdown(model, replace(run, data_parallel=1))["weights"]
    states = _least_states(model, run) if run.optimizer_spec.layout == Layout.BLOCKS else None

    def least(cards: int) -> Fraction:
        found = _peak(model, replace(run, data_parallel=cards))
        filling = 0 if whole is None else found.parts["weights"] - whole
        grown = 0 if states is None else found.parts["optimizer"] - states(cards)
        return found.bytes - filling - grown

    return least


def _least_states(model: AnyModel, run: Training) -> Callable[[int], Fraction]:
    from memcalc.formula.sharding import N_d, at_least  # here, because SymPy takes time to build it

    several = replace(run, data_parallel=2)
    known = values(model, several)
    states = next(term for term in terms(model, several) if term.name == "optimizer")
    expr = at_least(states.written_for(known))
    letters, each = numeric.arguments(expr), run.context_parallel
    return lambda cards: numeric.exact(expr)(*(each * cards if letter is N_d else known[letter] for letter in letters))


def crossing(model: Model, run: Inference) -> int | None:
    """Return the context from which the cache takes at least as much memory as the weights [tokens]; None if none does.

    Raises InputError for training, which has no cache, and for a model without an architecture.

    >>> crossing(Model.named("LLaMA-7B"), Inference())
    25706
    """
    instance("model", model, Model)
    instance("run", run, Inference)
    return _crossing(model, replace(run, prefill="none", context=BY_NAME["context"].default))


@lru_cache(maxsize=1024)
def _crossing(model: Model, run: Inference) -> int | None:
    def cache_is_smaller(context: int) -> bool:
        longer = replace(run, context=context)
        known = values(model, longer)
        memory = {term.name: term.value(known) for term in terms(model, longer)}
        return memory["kv_cache"] < memory["weights"]

    highest = BY_NAME["context"].limit
    below = last(cache_is_smaller, highest)
    return below + 1 if below < highest else None
