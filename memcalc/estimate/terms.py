"""The terms of a run: which terms of the formula it consists of, and which value each of their symbols has."""

from fractions import Fraction
from functools import lru_cache

from memcalc.errors import InputError, instance
from memcalc.estimate import inference
from memcalc.estimate.inference import AnyModel
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.formula.term import Term, Values
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import AUTO, Inference
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
        known |= inference.placed_values(model, run)
    if isinstance(run, Inference) and isinstance(model, Model):
        known |= inference.window_values(model, run)
        if run.weights == AUTO and model.file_weights:
            known[symbol("bytes_per_weight")] = Fraction(model.file_weights, model.parameters)
    return known


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
