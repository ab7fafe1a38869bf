"""Exchange: experts on other cards in training, to which tokens travel and from which they come back."""

from collections.abc import Callable
from dataclasses import replace

from memcalc import units
from memcalc.formula.choices import Accounting
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training
from memcalc.texts import tr


def unknown(model: Model | NominalModel, run: Training, highest: Callable[[Model, Training], int]) -> str:
    """Return what of a step is not counted where experts are on other cards, in words; "" if there is nothing.

    Counted are the tokens of an even router, of which a card gets as many as it sends. At most, every token of every
    card chooses all experts of one of them that it may: as if each token of its own had chosen so many more.

    Parameters
    ----------
    highest : which tells the bytes of the highest moment of a run

    >>> unknown(Model.named("Mixtral-8x7B"), Training(), lambda model, run: 0)
    ''
    """
    if run.expert_parallel == 1 or isinstance(model, NominalModel) or run.activations != Accounting.TRANSFORMERS:
        return ""
    most = run.expert_parallel * min(model.active_experts, model.experts // run.expert_parallel)
    more = highest(replace(model, active_experts=most), run) - highest(model, run)
    if not more:
        return tr("the buffers that exchange tokens")
    return tr("the buffers that exchange tokens and up to {more} for an uneven router", more=units.show(more))
