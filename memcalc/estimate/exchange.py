"""Exchange: experts on other cards in training, to which tokens travel and from which they come back."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from memcalc import units
from memcalc.formula import parallelism
from memcalc.formula.choices import Accounting
from memcalc.formula.moment import Moment
from memcalc.formula.tensors import E
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training
from memcalc.texts import tr


def on_one_card(moment: Moment) -> Moment:
    """Return a moment of a step on a card that has a part of the experts: its gradients, and what it gathers."""
    return replace(moment, parts=tuple(map(_on_one_card, moment.parts)))


@cache
def _on_one_card(part: Term) -> Term:
    own = {E: parallelism.shares_of("expert")[E]} if part.name == "gradients" else {}
    below = (parallelism.on_one_card(one) if one == parameters else one for one in part.parts)
    return replace(part, expr=part.expr.xreplace(own), parts=tuple(below))


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
