"""The questions: how many bytes, does it fit, how much would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from memcalc.accounting import terms, values
from memcalc.errors import InputError, choice, instance
from memcalc.formula.term import Term, Values
from memcalc.gpu import Gpu
from memcalc.model import LARGEST_MODEL, Model, NominalModel
from memcalc.runs import Inference
from memcalc.symbols import BY_NAME, symbol
from memcalc.training import Training


@dataclass(frozen=True)
class Fit:
    """The verdict on a model, a run and a card, in bytes; true if it fits."""

    needed: int
    capacity: int

    @property
    def margin(self) -> int:
        """Bytes to spare; negative if some are missing."""
        return self.capacity - self.needed

    def __bool__(self) -> bool:
        return self.margin >= 0


def breakdown(model: Model | NominalModel, run: Inference | Training) -> dict[str, int]:
    """Return the memory of each term [bytes on one GPU], in the formula's order.

    Parameters
    ----------
    model : from `Model.named`, `Model.from_config` or `Model.nominal`
    run : what is done with it

    A model without an architecture has the terms that its size alone determines.

    >>> breakdown(Model.named("LLaMA-7B"), Inference(context=32768))
    {'weights': 13476831232, 'kv_cache': 17179869184}
    """
    known = values(model, run)
    return {term.name: term.exact(known) for term in terms(model, run)}


def total(model: Model | NominalModel, run: Inference | Training) -> int:
    """Return the sum of the terms [bytes on one GPU].

    >>> total(Model.named("LLaMA-7B"), Inference(context=32768))
    30656700416
    """
    return sum(breakdown(model, run).values())


def fits(model: Model, run: Inference | Training, gpu: Gpu) -> Fit:
    """Return whether the terms fit into what a program can use of the card, with the margin [bytes].

    Raises InputError for a model without an architecture: its cache is unknown.

    >>> fits(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090")).margin
    -5273443697
    """
    instance("gpu", gpu, Gpu)
    if isinstance(model, NominalModel):
        raise InputError(f"model {model.name!r} has no architecture: for its cache give a name or a config.json.")
    return Fit(total(model, run), gpu.capacity)


def largest(quantity: str, model: Model, run: Inference | Training, gpu: Gpu) -> int:
    """Return the largest context [tokens], batch [sequences] or size [parameters] with which the run fits the card.

    Parameters
    ----------
    quantity : "context", "batch" or "parameters"; the others are taken from the run and the model

    The answer is 0 if not even one fits, and never more than the glossary's limit for the quantity.
    Raises InputError for an unknown quantity.

    >>> largest("context", Model.named("LLaMA-7B"), Inference(), Gpu.named("RTX 4090"))
    22709
    """
    quantity = choice("quantity", quantity, ("context", "batch", "parameters"))
    fit = fits(model, run, gpu)  # refuses what has no answer
    if quantity == "parameters":
        known, size = values(model, run), symbol("parameters")
        parts = terms(model, run)
        return _last(lambda count: _sum(parts, known | {size: count}) <= fit.capacity, LARGEST_MODEL)
    return _last(lambda count: bool(fits(model, replace(run, **{quantity: count}), gpu)), BY_NAME[quantity].limit)


def _sum(parts: Iterable[Term], known: Values) -> int:
    return sum(term.exact(known) for term in parts)


def _last(holds: Callable[[int], bool], high: int) -> int:
    """Return the last number up to `high` for which a claim holds that, once false, stays false; 0 if none."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def crossing(model: Model, run: Inference | Training) -> int | None:
    """Return the context from which the cache takes at least as much memory as the weights [tokens]; None if none does.

    >>> crossing(Model.named("LLaMA-7B"), Inference())
    25706
    """
    highest = BY_NAME["context"].limit
    below = _last(lambda context: _cache_is_smaller(model, replace(run, context=context)), highest)
    return below + 1 if below < highest else None


def _cache_is_smaller(model: Model, run: Inference | Training) -> bool:
    known = values(model, run)
    memory = {term.name: term.value(known) for term in terms(model, run)}
    return memory["kv_cache"] < memory["weights"]
