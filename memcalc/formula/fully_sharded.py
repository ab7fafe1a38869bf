"""Fully sharded: the moments of a step in which PyTorch's fully_shard gathers each layer, and adds its gradients up.

A layer is gathered into one buffer, and copied from there into its tensors. On the way back, the buffer of the layer
before it is there already; and its gradients are laid into another buffer, which stays until the next ones are whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import sympy

from memcalc.formula.formats import HALF
from memcalc.formula.gathered import final_norm, of_fsdp, one_layer, outside, table
from memcalc.formula.moments import SCALARS, B_g, L, Moment, Step, at_work, b, s
from memcalc.formula.numeric import Max, Min
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.sharding import N_d
from memcalc.formula.tensors import d, n_pos
from memcalc.formula.term import Term
from memcalc.formula.weights import layers, parameters
from memcalc.texts import later

_SOURCE = "paszke2019pytorch, torch/distributed/fsdp/_fully_shard/_fsdp_param_group.py and _fsdp_collectives.py in 2.13"
_HOLDS = "fully_shard around each layer and around the model; cards that divide the rows of every tensor evenly"
_HOLDS += "; Accelerate from 1.14 on gathers embedding and head apart from the rest, and takes less"

_two, _three = Min(1, L - 1), Min(1, Max(0, L - 2))  # whether there are so many layers

DROPPED = {
    **dict.fromkeys(("forward", "loss", "head"), 1),
    **{"last": 1 + _two, "last but one": 1 + _three, "second": 1 + _three, "first": 1, "embedding": 0},
}
"""What is at work → for how many layers weights are gathered, where a layer is dropped behind its forward pass."""

STAY = DROPPED | {"forward": L + 1, "loss": L, "head": L, "last": L, "last but one": Max(1, L - 1)}
"""The same where each layer stays gathered until it has gone back."""

COLLECTED = {"last but one": _two, "second": _two, "first": _two, "embedding": 1}
"""What is at work → for how many layers gradients are being added up between the cards."""

DONE = {"last": 0, "last but one": _two, "second": Max(0, L - 2), "first": L - 1}
"""Layer on its way back → how many have gone back before it."""


@cache
def gathered(numbers: sympy.Expr, width: int) -> Term:
    """Return the term for so many weights that a card has gathered.

    Parameters
    ----------
    width : bytes of each

    >>> gathered(one_layer, 2)
    M_all = 2 × ⌈(P - n_emb × V × d - n_pos × d - n_vec × d)/L⌉
    """
    return replace(
        of_fsdp(width, 1),
        expr=width * numbers,
        meaning="What lies outside the layers stays gathered; a layer at work, and a buffer for the next one or it.",
        holds=_HOLDS,
        source=_SOURCE,
        parts=tuple(part for part in (parameters, layers) if numbers.has(part.symbol)),
    )


@cache
def collected(numbers: sympy.Expr = one_layer, width: int = HALF) -> Term:
    """Return the term for the buffer in which so many gradients are added up between the cards.

    Parameters
    ----------
    width : bytes of each
    """
    return Term(
        name="collected",
        expr=width * numbers,
        meaning="The gradients of a layer are laid end to end to be added up; they stay until the next ones are whole.",
        holds=_HOLDS,
        source=_SOURCE,
        parts=tuple(part for part in (parameters, layers) if numbers.has(part.symbol)),
    )


@dataclass(frozen=True)
class FullySharded(Step):
    """A step on cards that share everything out by fully_shard.

    Parameters
    ----------
    reduced : bytes of a gradient while it is added up between the cards
    stays : whether a layer stays gathered between its forward and its backward pass
    cast : whether a card casts its share to fewer bits before it is gathered
    """

    reduced: int = HALF
    stays: bool = False
    cast: bool = False

    def _gathering(self) -> Iterator[Moment]:
        """The first layer, when the buffer of what lies outside is still there; the last, when that before it is."""
        many = (L if self.stays else 1) + 1 + _two
        for which, numbers, kept in (
            ("first", 2 * outside + 2 * one_layer, sympy.S.Zero),
            ("last", outside + many * one_layer, self.case and self._all_layers - self._own(self.case)),
        ):
            parts = [gathered(numbers, self._width)]
            if self.case:
                parts += [self._waiting(kept + self._around), at_work(self._entering)]
            yield self._moment("gather", f"the {which} layer is gathered", *parts, source=_SOURCE)

    def _there(self, place: str, more: sympy.Expr = 0) -> list[Term]:
        layers_there = (STAY if self.stays else DROPPED)[place]
        parts = [gathered(outside + layers_there * one_layer + more, self._width)]
        return [*parts, *([collected(COLLECTED[place] * one_layer, self.reduced)] if place in COLLECTED else [])]

    @property
    def _made_by_head(self) -> sympy.Expr:
        return self._width * table

    def _ends(self, case: CodePath, made: sympy.Expr) -> Iterator[tuple[str, sympy.Expr, sympy.Expr]]:
        own, kept = self._own(case), self._all_layers
        before = {"last": kept - own, "last but one": kept - own * (1 + _two), "second": own * _three, "first": 0}
        for which, waiting in before.items():
            so_far = self._shared(DONE[which]) + self._width * (table + final_norm + made)
            yield which, waiting + self._entry(case) + self._around, so_far

    def _shared(self, done: sympy.Expr) -> sympy.Expr:
        """A card's share of the gradients of so many layers."""
        return B_g * done * one_layer / N_d

    def _layers(self) -> Iterator[Moment]:
        """Beside both halves of a layer its norms, and what is there before and behind it."""
        yield from super()._layers()
        if not self._divided:
            yield from self._norms()
        if not self.stays:
            yield from self._copied()
        which, waiting, so_far = next(self._ends(self.case, one_layer))
        parts = self._waiting(waiting), at_work(self._entering + SCALARS), *self._there(which, more=-one_layer)
        parts = *parts, collected(one_layer, self.reduced)
        yield self._moment("backward", later("the last layer is added up"), *parts, gradients=so_far, layer=which)

    def _copied(self) -> Iterator[Moment]:
        """A layer is copied from its buffer, and that before it gathered, before anything else is done."""
        own = sympy.S.Zero if self._again else self._own(self.case)
        flat = {"first": 0, "last": _two}
        for which, waiting, so_far in self._ends(self.case, sympy.S.Zero):
            share = one_layer / N_d * flat.get(which, _three) if self.cast else 0
            twice = gathered(outside + 2 * one_layer + share, self._width)
            parts = self._waiting(waiting + own), at_work(self._entering + SCALARS), twice, *self._there(which)[1:]
            name = f"the {which} layer is copied, and that before it is gathered"
            yield self._moment("backward", name, *parts, gradients=so_far, layer=which)

    def _embedding(self) -> Moment:
        """The embedding has its gradient, beside that of the head, or of a matrix that is both."""
        both = self._width * (table + final_norm + n_pos * d)
        own = 0 if self.tied else self._width * table
        parts = *self._there("embedding"), at_work(own + self._beside_embedding(self._width) + SCALARS)
        name = later("the embedding has its gradient, the last of all")
        return self._moment("backward", name, *parts, gradients=self._shared(L) + both)

    def _stepping(self) -> Iterator[Moment]:
        parts = collected(outside, self.reduced), at_work(sympy.Integer(SCALARS))
        so_far = self._shared(L) + self._width * outside
        name = later("what lies outside the layers is added up")
        yield self._moment("backward", name, *parts, gradients=so_far)
        yield from super()._stepping()

    @property
    def _entering(self) -> sympy.Expr:
        """What stands between two layers, or its gradient."""
        return self._stream * s * b * d
