"""Guesses before anything is shown: in a field, or in the picture of an explorer that is still closed."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import ipywidgets
from traitlets import Unicode

from memcalc import InputError, units
from memcalc.errors import choice, instance, must
from memcalc.explorers.widget import Explorer
from memcalc.explorers.words import Words, plain, words
from memcalc.lessons.check import GUESSES, Weighed, unit_of, weigh, written
from memcalc.lessons.page import script
from memcalc.lessons.question import Printed, Question, noted, sentence
from memcalc.lessons.record import kept, remember
from memcalc.lessons.task import Task
from memcalc.texts import tr

Shown = ipywidgets.Widget | Callable[[], ipywidgets.Widget] | None
"""What opens with the answer to a guess: a widget, or what makes it when it is needed."""

_UNITS = ("KiB", "MiB", "GiB", "MB", "GB")

_ROUNDED = Fraction(1, 1000)
"""A picture and a question ask the same thing if their answers differ by less than this."""


class Guess(Question):
    """A guess with its unit: asked first, and then told beside what is right."""

    _esm = script("guess")

    guess = Unicode(None, allow_none=True, help="what was guessed, with its unit; None while it is open")

    def __init__(self, number: str, unit: str):
        task = GUESSES[number]
        unit = unit_of(task, unit)
        listed = list(dict.fromkeys([*_UNITS, unit])) if unit in units.UNITS else [unit]
        super().__init__(tr("Guess {number}", number=number), task, units=listed, unit=unit)
        self.number, (everything, problem) = number, kept()
        if before := everything["guesses"].get(number):
            with suppress(InputError):  # what was kept of another question
                self._recall(before.last, problem)

    def _recall(self, said: str, problem: str) -> None:
        """Show what was guessed in an earlier sitting."""
        self._tell(said, problem)

    @property
    def is_open(self) -> bool:
        """Whether the answer is shown."""
        return "head" in self.told

    def commit(self, guess: str, unit: str = "") -> None:
        """Make a guess, and show the answer; a guess that cannot be read gets a sentence, and nothing is shown.

        Parameters
        ----------
        guess : a number, or a text with its own unit
        unit : another than the widget's
        """
        if not (said := guess.strip()):
            self.told = {"problem": tr("Type a number first, or choose “just show me”.")}
            return
        try:
            self._tell(said if any(map(str.isalpha, said)) else f"{said} {unit or self.question['unit']}")
        except InputError as problem:
            self.told = {"problem": sentence(str(problem))}
        else:
            self._note(remember("guesses", self.number, self.guess, True))

    def show_me(self) -> None:
        """Show the answer without a guess."""
        self._tell("")
        self._note(remember("guesses", self.number, "", False))

    def ask_again(self) -> None:
        """Hide the answer, and ask for another guess."""
        self.told = {}

    def _tell(self, said: str, problem: str = "") -> None:
        """Show the answer beside a guess, or alone; raise InputError for a guess that cannot be read."""
        if said:
            told = _told(weigh(self.number, said), self.question["asks"])
            self.guess = said
        else:
            told = {"head": words(tr("It is *{right}*.", right=written(self.task.answers()[0], self.task.unit)))}
        self.told = told | {"matters": words(tr(self.task.matters)), "note": noted(problem)}

    def _note(self, problem: str) -> None:
        if problem:
            self.told = self.told | {"note": noted(problem)}

    def _hear(self, said: Mapping[str, object]) -> None:
        if said.get("again"):
            self.ask_again()
        elif said.get("skip"):
            self.show_me()
        else:
            self.commit(str(said.get("guess", "")), str(said.get("unit", "")))


class Prediction(Printed):
    """A guess in a field, and below it what opens with its answer."""

    def __init__(self, asked: Guess, then: Shown):
        self.asked, self._then = asked, then
        super().__init__([asked])
        asked.observe(self._show, "told")
        self._show()

    @property
    def guess(self) -> str | None:
        """What was guessed, with its unit; None while it is open."""
        return self.asked.guess

    def __repr__(self) -> str:
        return repr(self.asked)

    def _show(self, _change: object = None) -> None:
        if self.asked.is_open and self._then and not isinstance(self._then, ipywidgets.Widget):
            self._then = self._then()
        shown = (self.asked, self._then) if self.asked.is_open and self._then else (self.asked,)
        if shown != tuple(self.children):
            self.children = shown


class Pictured(Printed):
    """A guess that is made in the picture of an explorer, which says below it how far off it is, and why."""

    def __init__(self, number: str, picture: Explorer):
        self.number, self.task, self.picture = number, GUESSES[number], picture
        self.guess = None
        super().__init__([picture])
        picture.remarks = []  # the page leaves the comparison to us
        everything, problem = kept()
        if before := everything["guesses"].get(number):
            with suppress(InputError):  # what was kept of another question
                self._reopen(before.last, problem)
        self._heard = picture.guess, picture.closed
        picture.observe(self._hear, ["guess", "closed"])

    def __repr__(self) -> str:
        return f"{tr('Guess {number}', number=self.number)}: {plain(words(tr(self.task.asks)))}"

    def _reopen(self, said: str, problem: str) -> None:
        """Open the picture with a guess of an earlier sitting."""
        self._tell(said, problem)
        if said:
            size = units.UNITS.get(self.task.unit, 1)
            self.picture.guess = float(weigh(self.number, said).said / size)
        self.picture.closed = False

    def _hear(self, _change: object) -> None:
        """Answer what was guessed in the picture, and keep it; a page may have closed it and opened it in between."""
        heard = self.picture.guess, self.picture.closed
        if heard == self._heard:
            return
        self._heard = heard
        if self.picture.closed:
            self.guess, self.picture.remarks = None, []
            return
        made = self.picture.guess
        said = "" if made is None else f"{_digits(made)} {self.task.unit}"
        self._tell(said, remember("guesses", self.number, said, made is not None))

    def _tell(self, said: str, problem: str) -> None:
        """Say what a guess is; raise InputError for one that cannot be read."""
        told = _told(weigh(self.number, said), words(tr(self.task.asks))) if said else {"head": [], "why": []}
        self.guess = said or None
        lines = [told["head"], told["why"], words(tr(self.task.matters)), noted(problem)]
        self.picture.remarks = list(filter(None, lines))


def _digits(number: float) -> str:
    """Write a number as one types it, in four digits at most.

    >>> _digits(1.3712834), _digits(20_000.0), _digits(14.0)
    ('1.371', '20000', '14')
    """
    return f"{Decimal(f'{number:.4g}'):f}"


def _told(weighed: Weighed, asks: Words) -> dict[str, object]:
    """Return what is said of a guess, and how long the bars are."""
    guessed, right = weighed.written
    of = next((piece["of"] for piece in asks if isinstance(piece, dict) and "of" in piece), "")
    bars = {"said": float(weighed.said), "right": float(weighed.right), "written": [guessed, right], "of": of}
    why = [tr("A natural mistake: {mistake}.", mistake=weighed.mistake)] if weighed.mistake else []
    both = {"guess": guessed, "right": right, "verdict": f"*{weighed.verdict}*"}
    return {"head": words(tr("You said {guess}; it is {right}: {verdict}.", **both)), "bars": bars, "why": why}


def predict(number: str, unit: str = "", then: Shown = None, within: Explorer | None = None) -> Prediction | Pictured:
    """Return the widget that asks for a guess before anything is shown.

    Parameters
    ----------
    number : of the guess, such as "4.1"
    unit : in which one guesses, if not in that of the question
    then : what opens with the answer: a widget, or a function without arguments that makes it
    within : the closed explorer in whose picture the guess is made, instead of a field: it opens itself

    Raises InputError for an unknown number, for a unit of something else, and for a picture that does not ask the same.
    """
    number = choice("guess", str(number), GUESSES)
    if within is None:
        return Prediction(Guess(number, unit), then)
    if unit or then:
        raise InputError("unit and then are of a guess without a picture: within has its own unit, and opens itself.")
    _must_ask_the_same(GUESSES[number], within)
    return Pictured(number, within)


def _must_ask_the_same(task: Task, picture: Explorer) -> None:
    """Raise InputError if what a picture asks is not the question."""
    instance("within", picture, Explorer)
    if not picture.closed or picture.guess is not None:
        raise InputError("within must be an explorer that asks first: give it closed=True, and settings with a guess.")
    asked, (right, _) = picture.base["guess"], task.answers()
    if asked["unit"] != task.unit:
        raise must("within", f"an explorer that asks for {task.unit}, as the question does", f"for {asked['unit']}")
    truth = Fraction(asked["truth"]) * units.UNITS.get(task.unit, 1)
    if abs(truth / Fraction(right) - 1) > _ROUNDED:
        there, here = written(truth, task.unit), written(right, task.unit)
        raise must("within", f"an explorer whose answer is {here}, as the question's is", there)
