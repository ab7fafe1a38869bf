"""A moment of a training step: what happens, and the terms that lie on the card meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy

from memcalc.formula.term import Term
from memcalc.texts import later

PHASES = ("gather", "forward", "loss", "backward", "step")
"""The words for the moments, in the order of a step; a layer is gathered before it works."""

CODE = (
    "transformers 5 with torch 2, as measured with llama, qwen2 and gpt2; "
    "every layer alike, its MLP wider than its attention"
)
SOURCE = "wolf2020transformers, src/transformers/models; paszke2019pytorch, section 5.5"


OF_A_LAYER = (
    later("DoRA finds the lengths of the rows of its widest matrix in the first layer"),
    later("DoRA finds the lengths of the rows of its widest matrix in the last layer"),
    later("the first layer goes back through its MLP"),
    later("the second layer goes back through its MLP"),
    later("the last but one layer goes back through its MLP"),
    later("the last layer goes back through its MLP"),
    later("the first layer goes back through its down matrix"),
    later("the last layer goes back through its down matrix"),
    later("the first layer goes back through its scores"),
    later("the second layer goes back through its scores"),
    later("the last but one layer goes back through its scores"),
    later("the last layer goes back through its scores"),
    later("the first layer goes back through the norm behind its attention"),
    later("the second layer goes back through the norm behind its attention"),
    later("the last but one layer goes back through the norm behind its attention"),
    later("the last layer goes back through the norm behind its attention"),
    later("the first layer has all its gradients"),
    later("the second layer has all its gradients"),
    later("the last but one layer has all its gradients"),
    later("the last layer has all its gradients"),
    later("the first layer has its widest matrix changed"),
    later("the last layer has its widest matrix changed"),
    later("the first layer is gathered"),
    later("the last layer is gathered"),
    later("the first layer is copied, and that before it is gathered"),
    later("the second layer is copied, and that before it is gathered"),
    later("the last but one layer is copied, and that before it is gathered"),
    later("the last layer is copied, and that before it is gathered"),
)
"""The names of moments in which one layer is at work, whole, as a catalogue of texts needs them."""


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
