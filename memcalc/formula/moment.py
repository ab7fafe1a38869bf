"""A moment of a training step: what happens, and the terms that lie on the card meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy

from memcalc.formula.term import Term

PHASES = ("gather", "forward", "loss", "backward", "step")
"""The words for the moments, in the order of a step; a layer is gathered before it works."""

CODE = (
    "transformers 5 with torch 2, as measured with llama, qwen2 and gpt2; "
    "every layer alike, its MLP wider than its attention"
)
SOURCE = "wolf2020transformers, src/transformers/models; paszke2019pytorch, section 5.5"


@dataclass(frozen=True)
class Moment:
    """One moment of a step.

    Parameters
    ----------
    phase : one of PHASES
    name : what happens, as it follows "when"
    parts : the terms that lie on the card, which its own term sums up
    holds, source : as of a `Term`
    layer : "first" or "last", if one of these is on its way back; or "second" or "last but one"
    """

    phase: str
    name: str
    parts: tuple[Term, ...]
    holds: str = CODE
    source: str = SOURCE
    layer: str = ""

    @cached_property
    def term(self) -> Term:
        """The sum of the parts."""
        return Term(
            name=f"{self.phase}_moment",
            expr=sympy.Add(*(part.symbol for part in self.parts)),
            meaning=f"What lies on the card when {self.name}.",
            holds=self.holds,
            source=self.source,
            parts=self.parts,
        )
