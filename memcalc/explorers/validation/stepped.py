"""A training step whose peak was measured: what lies on the card over time, and what its terms add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from memcalc import Model, Training, breakdown
from memcalc.estimate.measured import STEPPED, measured_steps, step, step_run
from memcalc.estimate.terms import terms
from memcalc.explorers.film import Moment, film, stops
from memcalc.explorers.words import formula
from memcalc.texts import later, tr
from memcalc.units import show

LAST = 55
"""The last stop of the film; then comes the optimizer's step, of which these peaks were not measured."""

CONTEXTS = tuple(sorted({2**power for power in range(5, 15)} | {3 * 2**power for power in range(4, 13)}))
"""Where the slider of the context has marks [tokens]."""

PARTS = {"gradients": later("gradients"), "activations": later("activations"), "passing": later("there for a moment")}
"""Part of the film, from the floor up → how it is called."""


@dataclass(frozen=True)
class Step:
    """A step of the model that was measured.

    Parameters
    ----------
    context : tokens of its text
    policy : what is done with activations
    moment : which of its stops is looked at
    """

    context: int
    policy: str
    moment: int = LAST

    @property
    def model(self) -> Model:
        """The model that was measured."""
        return Model.named(STEPPED)

    @property
    def run(self) -> Training:
        """Its run."""
        return step_run(self.context, self.policy)

    @cached_property
    def stops(self) -> Sequence[Moment]:
        """The moments of the forward and backward pass at which a player stops."""
        return stops(tuple(moment for moment in film(self.model, self.run) if moment.phase != "step"))

    @property
    def seen(self) -> Sequence[Moment]:
        """The moments up to the one that is looked at."""
        return self.stops[: self.moment + 1]

    @property
    def highest(self) -> Moment:
        """The highest moment so far."""
        return max(self.seen, key=beside)

    @property
    def over(self) -> bool:
        """Whether the film has come to its end."""
        return self.moment >= len(self.stops) - 1

    @cached_property
    def kept(self) -> dict[str, int]:
        """The terms of the run [bytes]."""
        return breakdown(self.model, self.run)

    @cached_property
    def added(self) -> int:
        """Gradients and activations as a sum [bytes]."""
        return step(self.context, self.policy)[0]

    @cached_property
    def peak(self) -> int:
        """The peak of the step, as the formula says [bytes]."""
        return step(self.context, self.policy)[1]

    @property
    def measured(self) -> int | None:
        """The peak of the step, as it was measured [bytes]; nothing at a context at which it was not."""
        return measured_steps(self.policy).get(self.context)

    @property
    def missed(self) -> float:
        """By how much the sum is more than the peak, as a share of the peak."""
        return self.added / self.peak - 1


def beside(moment: Moment) -> int:
    """Return what lies on the card beside weights and optimizer [bytes]."""
    return sum(parts(moment).values())


def parts(moment: Moment) -> dict[str, int]:
    """Return what the film shows of a moment, from the floor up [bytes]."""
    return {"gradients": moment.parts["gradients"], "activations": moment.kept, "passing": moment.parts["passing"]}


def verdict(shown: Step) -> str:
    """Return the result: how far the sum is from the peak, or what lies there at the moment."""
    here, highest = shown.seen[-1], shown.highest
    if not shown.over:
        most = {"highest": show(beside(highest)), "when": highest.name}
        return tr(_NOW, size=show(beside(here)), moment=here.name, **most)
    missed, peak = abs(shown.missed), {"peak": show(shown.peak), "when": highest.name}
    return tr(_TOO_MUCH if shown.missed > 0 else _TOO_LITTLE, missed=missed, added=show(shown.added), **peak)


_NOW = later("*Now {size}:* {moment}. The highest so far was {highest}, when {when}.")
_TOO_MUCH = later(
    "*The sum is {missed:.1%} too much:* [gradients] and [activations] add up to {added}, but the step peaks at "
    "{peak}, when {when}."
)
_TOO_LITTLE = later(
    "*The sum is {missed:.1%} too little:* [gradients] and [activations] add up to {added}, but the step peaks at "
    "{peak}, when {when}."
)


def notes(shown: Step) -> list[str]:
    """Return how the peak was measured, and what is not shown."""
    lines = [tr("Weights and optimizer of {model} lie there all the time, and are not drawn.", model=STEPPED)]
    if shown.measured is None:
        nobody = later("Nobody has measured {context:,} tokens; the diamonds below show where somebody has.")
        return [*lines, tr(nobody, context=shown.context)]
    if not shown.over:
        return lines
    other = later("The diamond was measured: {measured:,} bytes; the formula gives {peak:,}.")
    said = _THE_SAME if shown.measured == shown.peak else other
    return [*lines, tr(said, measured=shown.measured, peak=shown.peak)]


_THE_SAME = later("The diamond was measured: {measured:,} bytes; the formula gives the same.")


def hints(shown: Step) -> list[str]:
    """Return what to look for."""
    return [
        tr("Play the film: when are gradients there, when are activations, and when both?"),
        tr("Drag the ring below to a shorter or a longer text, and watch which moment is the highest."),
        tr("With “compute again” layers keep little; what the loss needs for a moment stays as it is."),
    ]


def lines(shown: Step) -> list[dict[str, object]]:
    """Return the formula of gradients and activations, a line each."""
    model, run = shown.model, shown.run
    named = {term.name: term for term in terms(model, run)}
    return [line for name in ("gradients", "activations") for line in formula(model, run, [named[name]])]
