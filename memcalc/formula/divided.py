"""Divided: the moments of a step on one of the cards that divide a model between them.

By the plan of a Hugging Face config (tp_plan), each card has all tokens, norms and logits; of queries, keys and values,
of the MLP's width and of the vocabulary's rows in embedding and head it has a part. Cards that divide the experts have
all else, and as many choices of tokens as they send.
"""

from dataclasses import replace
from functools import cache

from memcalc.formula.moments import B_g, Moment, Step
from memcalc.formula.parallelism import divided_widths, on_one_card, shares_of
from memcalc.formula.tensors import V, d, n_emb
from memcalc.formula.term import Term
from memcalc.formula.weights import layers, parameters

_others = V - shares_of()[V]

embedding_gradient = B_g * _others * d * (n_emb - 1)
"""By so much the gradient of the embedding is more than a card's rows: it is whole, unless the head has the same."""

_OF_WEIGHTS = ("gradients", "gathered", "collected")
"""Terms that count weights, of which a card has what it has of the model."""


def moments(step: Step) -> tuple[Moment, ...]:
    """Return the moments of a step on the card that has most of the model.

    >>> from memcalc.formula.saved_tensors import CodePath
    >>> from memcalc.formula.optimizer import gradients, optimizer, step_temporaries
    >>> from memcalc.formula.weights import weights
    >>> step = Step(weights, gradients, optimizer, gradients, step_temporaries, case=CodePath("llama"))
    >>> moments(step)[0].parts[-1].expr - step.moments[0].parts[-1].expr  # the logits, which are whole
    0
    """
    states = step.weights, step.gradients, step.optimizer, step.stepped  # which are divided already

    def on_card(part: Term) -> Term:
        return part if part in states else _of_one_card(part, bool(step.case))

    return tuple(replace(moment, parts=tuple(map(on_card, moment.parts))) for moment in step.moments)


@cache
def _of_one_card(part: Term, computes: bool) -> Term:
    """Return a term for one card; what is counted for it already stays."""
    shares = shares_of() if part.name in _OF_WEIGHTS else divided_widths() if computes else {}
    stays = {share: share for share in (*shares.values(), _others)}
    below = (on_one_card(one) if one in (parameters, layers) else one for one in part.parts)
    return replace(part, expr=part.expr.xreplace(shares | stays), parts=tuple(below))
