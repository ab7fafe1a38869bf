"""What an explorer is: a function from its controls to a frame, with presets and menus; and words that frames share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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


@dataclass(frozen=True)
class Explorable:
    """An explorer: called with the first values of its controls it opens as a widget, and `frame` says what it shows.

    Parameters
    ----------
    frame : a function from the values of the controls to a `Frame`; it raises InputError where they make no sense
    presets : name → setting
    menus : the menus that this explorer alone has

    >>> from memcalc.explorers import kv_cache
    >>> kv_cache(kv_heads=32, context=32768, batch=1, kv_cache="FP16").frame["details"][0]
    'M_kv = L_full × h_kv × d_k × s × b × (B_k + B_v) = 32 × 32 × 128 × 32,768 × 1 × (2 + 2) = 17,179,869,184 bytes'
    """

    frame: Callable[..., Frame]
    presets: Mapping[str, Setting]
    menus: Menus

    def __call__(self, **start: str | int):
        """Return the widget: a control for each name in `start`, set to its value, above the picture and the words.

        Names of the glossary become sliders, others menus or pickers. Controls whose values make no sense together show
        one sentence; the last picture stays.
        Raises InputError for a name that has no control, and for values at the start that make no sense.
        """
        from memcalc.explorers.widget import Explorer  # frames do without the widget's libraries

        return Explorer(self.frame, self.presets, self.menus, start)


def explorer(presets: Mapping[str, Setting], menus: Menus | None = None) -> Callable[..., Explorable]:
    """Make an explorer of the function that computes its frames."""
    return lambda frame: Explorable(frame, presets, menus or {})


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
