"""What an explorer shows for one setting of its controls: a frame, and the words that frames share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from memcalc.estimate.terms import values
from memcalc.explorers.svg import Label, Point, Stage
from memcalc.formula.printing import text
from memcalc.formula.term import Term
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model, NominalModel
from memcalc.specs.training import Training

Setting = Mapping[str, str | int]
"""Control → value."""


@dataclass(frozen=True)
class Frame:
    """What an explorer shows for one setting of its controls: a picture, and the same in words.

    Parameters
    ----------
    stage : the picture, drawn once
    shapes : moving shape → where it is now
    said : the result, in a sentence or two
    details : what follows from it, a line each
    code : the line of Python that gives the same result
    """

    stage: Stage
    shapes: Mapping[str, Sequence[Point] | Label]
    said: str
    details: Sequence[str]
    code: str


Menus = Mapping[str, tuple[str, Callable[[], list[str]]]]
"""Control → its label, and what gives its options."""


def held(run: Inference | Training) -> str:
    """Return the tokens of a run in words.

    >>> held(Inference(context=4096, batch=3))
    '3 × 4,096 tokens'
    """
    return f"{run.context:,} tokens" if run.batch == 1 else f"{run.batch:,} × {run.context:,} tokens"


def worked(model: Model | NominalModel, run: Inference | Training, terms: Iterable[Term]) -> list[str]:
    """Return each term as a line: formula, numbers in it, bytes.

    >>> from memcalc.formula import TERMS
    >>> worked(Model.named("LLaMA-7B"), Inference(), [TERMS["weights"]])
    ['M_w = P × B = 6,738,415,616 × 2 = 13,476,831,232 bytes']
    """
    known = values(model, run)
    return [
        f"{term} = {text(term.expr, term.numbers(known))} = {term.exact(known):,} bytes"
        for term in (term.simplified(known) for term in terms)
    ]
