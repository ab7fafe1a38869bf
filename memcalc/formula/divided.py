"""Divided: the moments of a step in which cards divide heads and MLPs by the plan of a Hugging Face config (tp_plan).

Each card has all tokens, norms and logits; of queries, keys and values, of the MLP's width and of the vocabulary's rows
in embedding and head it has a part. What a layer takes on its way back is not known: norms outgrow the parts there.
"""

from dataclasses import replace
from functools import cached_property

from memcalc.formula.moments import B_g, Moment, Step
from memcalc.formula.parallelism import divided_widths, shares_of
from memcalc.formula.tensors import V, d, n_emb

embedding_gradient = B_g * (V - shares_of()[V]) * d * (n_emb - 1)
"""By so much the gradient of the embedding is more than a card's rows: it is whole, unless the head has the same."""


class Divided(Step):
    """A step on cards of which each has some heads, a part of each MLP's width, and some rows of the tables."""

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """Every known moment that may be the highest, on one of the cards."""
        known = (moment for moment in self._passes() if moment.phase in ("forward", "loss"))
        return (*map(_on_one_card, known), *self._stepping())


def _on_one_card(moment: Moment) -> Moment:
    """Return a moment whose scores are those of the card's heads."""
    parts = (replace(part, expr=part.expr.xreplace(divided_widths())) for part in moment.parts)
    return replace(moment, parts=tuple(parts))
