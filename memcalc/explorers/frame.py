"""What an explorer shows for one setting of its controls: a frame, and the words that frames share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from memcalc import Gpu, Inference, Model, Training
from memcalc.explorers.svg import Shapes, Svg
from memcalc.formula.printing import text
from memcalc.formula.symbols import GLOSSARY
from memcalc.formula.term import Term
from memcalc.specs.model import NominalModel
from memcalc.tables import in_numbers
from memcalc.units import amount

Setting = Mapping[str, str | int]
"""Control → value."""

Menus = Mapping[str, tuple[str, Iterable[str]]]
"""Control → its label, and its options."""


@dataclass(frozen=True)
class Frame:
    """What an explorer shows for one setting of its controls: a picture, and the same in words.

    Parameters
    ----------
    svg : the picture, drawn once
    shapes : moving shape → where it is now
    said : the result, in a sentence or two
    details : what follows from it, a line each
    code : the line of Python that gives the same result
    """

    svg: Svg
    shapes: Shapes
    said: str
    details: Sequence[str]
    code: str


def held(run: Inference | Training) -> str:
    """Return the tokens of a run in words.

    >>> held(Inference(context=4096, batch=3))
    '3 × 4,096 tokens'
    """
    return f"{run.context:,} tokens" if run.batch == 1 else f"{run.batch:,} × {run.context:,} tokens"


def worked(
    model: Model | NominalModel, run: Inference | Training, terms: Iterable[Term], gpu: Gpu | None = None
) -> list[str]:
    """Return each term as a line: formula, numbers in it, value; of terms of speed, on a card.

    >>> from memcalc.formula import TERMS
    >>> worked(Model.named("LLaMA-7B"), Inference(), [TERMS["weights"]])
    ['M_w = P × B = 6,738,415,616 × 2 = 13,476,831,232 bytes']
    """
    lines = []
    for term, known in (in_numbers(term, model, run, gpu) for term in terms):
        result = amount(term.value(known), GLOSSARY[term.symbol].unit)
        lines.append(f"{term} = {text(term.expr, known)} = {result}")
    return lines
