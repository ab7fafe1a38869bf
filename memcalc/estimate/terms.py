"""The terms of a run: which terms of the formula it consists of, and which value each of their symbols has."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from memcalc.errors import InputError, instance
from memcalc.estimate import inference
from memcalc.estimate.inference import AnyModel
from memcalc.formula.plain import plain
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.formula.term import Term, Values
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import AUTO, OFFLOAD, Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training
from memcalc.specs.weighed import WeighedModel


def values(model: AnyModel, run: Inference | Training) -> Values:
    """Return the value of each symbol that the model and the run determine.

    >>> from memcalc.formula.symbols import symbol
    >>> values(Model.named("LLaMA-7B"), Inference(context=4096))[symbol("context")]
    4096
    """
    instance("model", model, Model, NominalModel, WeighedModel)
    instance("run", run, Inference, Training)
    run = inference.resolved(model, run)
    known = model.values | run.values
    if not (run.divided or isinstance(model, WeighedModel)):  # counted once, not for every run
        known[symbol("parameters")] = model.parameters
    if isinstance(run, Inference):
        known |= inference.placed_values(model, run) | _draft_values(run)
    if isinstance(run, Inference) and isinstance(model, Model):
        known |= inference.window_values(model, run)
        if run.weights == AUTO and model.file_weights:
            known[symbol("bytes_per_weight")] = Fraction(model.file_weights, model.parameters)
    return known


def draft_of(run: Inference) -> tuple[Model, Inference]:
    """Return the draft model of a run, and how that is run itself.

    >>> draft_of(Inference(context=4096, weights="Q8_0", draft_model="Llama-3.2-1B"))[1].weights
    'Q8_0'
    """
    own = {"weights": run.weights if run.draft_weights == AUTO else run.draft_weights, "draft_weights": AUTO}
    without = {name: getattr(Inference, name) for name in (*OFFLOAD, "draft_model", "loras", "lora_rank", *_ONCE)}
    return Model.named(run.draft_model), replace(run, **own, **without)


_ONCE = ("lora_targets", "prefill", "overhead", "prompt", "sinks", "recent")


def _draft_values(run: Inference) -> Values:
    """Return what the draft model of a run takes."""
    if not run.drafted:
        return {}
    model, own = draft_of(run)
    known = values(model, own)
    weights, cache = (term.exact(known) for term in terms(model, own))
    return {symbol("draft_model_weights"): weights, symbol("draft_model_cache"): cache}


@lru_cache(maxsize=1024)
def terms(model: AnyModel, run: Inference | Training) -> tuple[Term, ...]:
    """Return the terms of a run in the formula's order, for the card that holds most of the model.

    >>> [term.name for term in terms(Model.named("LLaMA-7B"), Inference(prefill="whole"))]
    ['weights', 'kv_cache', 'activations']
    """
    if isinstance(run, Inference):
        return inference.terms(model, run)
    if isinstance(model, WeighedModel):
        raise InputError(f"model {model.name!r} cannot be trained here: {model.unknown}")
    from memcalc.estimate import training  # here: SymPy builds many terms for training, which most runs do not ask for

    return training.terms(model, run)


def in_numbers(term: Term, model: Model, run: Inference, gpu: Gpu | None = None) -> tuple[Term, Values]:
    """Return a term without what drops out of it for a run, and the value of each of its symbols and parts."""
    known = values(model, run) | (gpu.values if gpu else {})
    term = in_structure(term, model.structure).simplified(known)
    return term, term.numbers(known)


def as_needed(term: Term, model: AnyModel, run: Inference | Training, gpu: Gpu | None = None) -> tuple[Term, Values]:
    """Return a term in as few letters as a model and a run need, and the value of each of its symbols and parts.

    >>> from memcalc.formula.weights import parameters
    >>> as_needed(parameters, Model.named("LLaMA-7B"), Inference())[0]
    P = P_emb + L × (P_attn + P_mlp + P_norm) + d
    """
    term, known = in_numbers(term, model, run, gpu)
    layers = {symbol("layers"): model.layers} if isinstance(model, Model) else {}
    return plain(term, known), {**layers, **known}


def breakdown(model: AnyModel, run: Inference | Training) -> dict[str, int]:
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


def total(model: AnyModel, run: Inference | Training) -> int:
    """Return the sum of the terms [bytes on one GPU].

    >>> total(Model.named("LLaMA-7B"), Inference(context=32768))
    30656700416
    """
    return sum(breakdown(model, run).values())


def last(holds: Callable[[int], bool], high: int, low: int = 0, guess: int | None = None) -> int:
    """Return the last number up to `high` for which a claim holds that, once false, stays false; `low` if none.

    Parameters
    ----------
    guess : about what it is: the nearer, the fewer numbers are tried

    >>> last(lambda number: number**2 <= 50, 100), last(lambda number: number**2 <= 50, 10**9, guess=6)
    (7, 7)
    """
    stride = 0
    while guess is not None and low < high:  # away from the guess in growing strides, until one is too long
        guess = min(max(guess, low + 1), high)
        held = holds(guess)
        low, high = (guess, high) if held else (low, guess - 1)
        if stride and held != (stride > 0):
            break
        stride = 8 * stride or (1 if held else -1)
        guess += stride
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low
