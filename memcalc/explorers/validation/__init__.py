"""The explorer of the reality check: measured rows against the formula, and the film of a measured training step."""

from memcalc.estimate.code import code
from memcalc.estimate.measured import POLICIES, STEPPED, Measurement
from memcalc.explorers.controls import Menu, Number
from memcalc.explorers.frame import Frame, explorer
from memcalc.explorers.marks import Marks
from memcalc.explorers.validation import dots, stepped, told
from memcalc.explorers.validation.dots import EVERY
from memcalc.explorers.validation.screen import Projector
from memcalc.explorers.validation.stepped import CONTEXTS, LAST, Step
from memcalc.explorers.validation.told import COLUMNS, ROWS, Columns
from memcalc.texts import later, tr

BOTH, LEFT, STEP = VIEWS = (later("both numbers"), later("what is left over"), later("a training step"))
"""What can be looked at."""

_ROWS = later("Every dot was measured, and the ring is around {row}. Show {view} of {filter}.")
_STEP = later(
    "Show {view}: {model} learns from a text of {context} tokens. The rule for [activations]: {activations}. "
    "While they go, [gradients] come; the film stands at moment {moment}."
)
_CONTROLS = {name: f"{{{name}}}" for name in ("view", "context", "activations", "moment")}


@explorer(
    _ROWS,
    presets={
        later("a process that trains"): {"filter": "process peak", "row": "R003"},
        later("the same, tidied up"): {"filter": "unpooled process peak", "row": "R007"},
        later("caches"): {"filter": "cache", "row": "C021"},
        later("a short text"): {"view": STEP, "context": 128},
        later("a long text"): {"view": STEP, "context": 4096},
    },
    view=Menu("what is looked at", VIEWS),
    filter=dots.FilterMenu(later("which rows"), tuple(dots.filters())),
    row=ROWS,
    context=Number("tokens of the text", 1, 2**17, "tokens", "s", CONTEXTS),
    activations=Menu("activations", tuple(POLICIES)),
    moment=Number("moment of the step", 0, LAST, grid=tuple(range(LAST + 1)), strict=True, plays=90),
)
def predicted_and_measured(
    *,
    width: int = 860,
    view: str = BOTH,
    filter: str = EVERY,
    row: str = "R003",
    context: int = 1024,
    activations: str = "keep all",
    moment: int = LAST,
) -> Frame:
    """Show measured rows against the formula, or the film of a training step whose peak was measured.

    >>> predicted_and_measured.frame(row="R007").sentence_said
    '0.203 % is not in the formula: it says 5.65 GiB for the unpooled process peak of GPT-2, and 5.66 GiB was measured.'
    >>> predicted_and_measured.frame(view="a training step").sentence_said[:45]
    'The sum is 21.2% too much: gradients and acti'
    """
    if view == STEP:
        return _step(Marks(width), Step(context, activations, moment))
    return _rows(Marks(width), view, filter, told.told(row))


def _rows(marks: Marks, view: str, filter: str, row: Measurement) -> Frame:
    shown = _shown(view, filter, row)
    guess = told.how_many(shown)
    place, level = (dots.both if view == BOTH else dots.left_over)(marks, shown, row)
    if place:
        told.ring(marks, row, place, level)
    if view == BOTH:
        guess = told.columns(marks, Columns(row, *COLUMNS[marks.width]))
    exact = sum(not one.residual for one in shown)
    return Frame(
        marks=marks,
        height=told.height(marks.width),
        said=told.verdict(row),
        alt=tr(_SEEN, count=len(shown), exact=exact),
        notes=told.notes(row),
        hints=told.hints(row),
        formula=told.lines(row),
        code=told.code(row),
        scale=view + filter,
        guess=guess,
    )


_SEEN = later("{count} measured rows, {exact} of them exact to the byte; the one in the ring is told of.")


def _shown(view: str, filter: str, row: Measurement) -> list[Measurement]:
    """Return the rows of a filter, and the one that is told of; on one axis all have one unit."""
    kept = [*dots.filters()[filter], row]
    alike = [one for one in kept if view == LEFT or one.row["unit"] == kept[0].row["unit"]]
    return list({one.id: one for one in alike}.values())


def _step(marks: Marks, step: Step) -> Frame:
    projector = Projector(marks, step)
    return Frame(
        marks=marks,
        height=projector.show(),
        said=stepped.verdict(step),
        notes=stepped.notes(step),
        hints=stepped.hints(step),
        formula=stepped.lines(step),
        code=code(step.model, step.run, shown=("context",)),
        sentence=tr(_STEP, model=STEPPED, **_CONTROLS),
        scale=f"{projector.unit:.3g}",
        guess=projector.ask(),
    )
