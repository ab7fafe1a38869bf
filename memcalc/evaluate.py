"""The questions: how many bytes, does it fit, how much would."""

from __future__ import annotations

from dataclasses import dataclass, replace

from memcalc.errors import InputError, choice, instance
from memcalc.formula.kv_cache import crossing as _crossing
from memcalc.formula.term import Term
from memcalc.formula.total import inference
from memcalc.specs import Gpu, Inference, Model, NominalModel
from memcalc.symbols import BY_NAME

TOTALS: dict[type, Term] = {Inference: inference}
"""Kind of run → the term that sums what it needs."""


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


def values(model: Model | NominalModel, run: Inference) -> dict:
    """Return the value of each symbol that the model and the run determine.

    >>> from memcalc.symbols import symbol
    >>> values(Model.named("LLaMA-7B"), Inference(context=4096))[symbol("context")]
    4096
    """
    instance("model", model, Model, NominalModel)
    instance("run", run, *TOTALS)
    return model.values | run.values


def breakdown(model: Model | NominalModel, run: Inference) -> dict[str, int]:
    """Return the memory of each term [bytes on one GPU], in the formula's order.

    Parameters
    ----------
    model : from `Model.named`, `Model.from_config` or `Model.nominal`
    run : what is done with it

    A model without an architecture has the terms that its size alone determines.

    >>> breakdown(Model.named("LLaMA-7B"), Inference(context=32768))
    {'weights': 13476831232, 'kv_cache': 17179869184}
    """
    known, terms = values(model, run), TOTALS[type(run)].parts
    if isinstance(model, NominalModel):
        terms = [term for term in terms if term.written_for(known).free_symbols <= known.keys()]
    return {term.name: term.exact(known) for term in terms}


def total(model: Model | NominalModel, run: Inference) -> int:
    """Return the sum of the terms [bytes on one GPU].

    >>> total(Model.named("LLaMA-7B"), Inference(context=32768))
    30656700416
    """
    return sum(breakdown(model, run).values())


def fits(model: Model, run: Inference, gpu: Gpu) -> Fit:
    """Return whether the terms fit into what a program can use of the card, with the margin [bytes].

    Raises InputError for a model without an architecture: its cache is unknown.

    >>> fits(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090")).margin
    -5273443697
    """
    instance("gpu", gpu, Gpu)
    if isinstance(model, NominalModel):
        raise InputError(f"model {model.name!r} has no architecture: for its cache give a name or a config.json.")
    return Fit(total(model, run), gpu.capacity)


def largest(quantity: str, model: Model, run: Inference, gpu: Gpu) -> int:
    """Return the largest context [tokens] or batch [sequences] with which the run still fits the card.

    Parameters
    ----------
    quantity : "context" or "batch"; the other one is taken from the run

    The answer is 0 if not even one fits, and never more than the glossary's limit for the quantity.
    Raises InputError for an unknown quantity.

    >>> largest("context", Model.named("LLaMA-7B"), Inference(), Gpu.named("RTX 4090"))
    22709
    """
    quantity = choice("quantity", quantity, ("context", "batch"))
    fits(model, run, gpu)  # refuses what has no answer
    low, high = 0, BY_NAME[quantity].limit
    while low < high:  # memory grows with the quantity, so halving finds the last that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(model, replace(run, **{quantity: middle}), gpu) else (low, middle - 1)
    return low


def crossing(model: Model, run: Inference) -> int:
    """Return the context from which the cache takes at least as much memory as the weights [tokens].

    Both are compared before they are rounded to whole bytes.

    >>> crossing(Model.named("LLaMA-7B"), Inference())
    25706
    """
    return _crossing.exact(values(model, run))
