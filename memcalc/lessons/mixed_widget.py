"""The mixed questions in Jupyter, and the guesses of all lessons once more."""

import html

import ipywidgets

from memcalc import InputError
from memcalc.lessons.check import EXERCISES, GUESSES, judge
from memcalc.lessons.mixed import MANY, lesson_of, mixed, numbers
from memcalc.lessons.predictions import Guess
from memcalc.lessons.progress import LESSONS
from memcalc.lessons.question import Printed
from memcalc.lessons.record import Everything, kept
from memcalc.lessons.report import export
from memcalc.lessons.widgets import Answered
from memcalc.texts import later, tr


class Mixed(Answered):
    """One of the mixed questions."""

    def __init__(self, number: str, place: int, everything: Everything, all_of_them: list[str]):
        self._all = all_of_them
        title, again = tr("{place} of {all}", place=place, all=MANY), number.removeprefix("again.")
        if again != number:
            said = later("{title} · exercise {number} once more: at first you said “{answer}”")
            title = tr(said, title=title, number=again, answer=everything["answers"][again].first)
        called = tr("Question {place} of {all}", place=place, all=MANY)
        super().__init__("mixed", number, called, mixed(number), title=title)

    def after(self) -> str:
        """Say which lesson it was about, and how many of the twelve are right."""
        done = kept()[0]["mixed"]
        right = sum(number in done and done[number].done != "" for number in self._all)
        lesson = lesson_of(self.number)
        said = later("That was lesson {lesson}, {title}. {right} of {all} are right.")
        return tr(said, lesson=lesson, title=tr(LESSONS[lesson]), right=right, all=MANY)


class Together(Printed):
    """Several questions below each other; in print their number and what they are."""

    def __init__(self, said: str, asked: list[ipywidgets.Widget]):
        self._said = said
        super().__init__(asked)

    def __repr__(self) -> str:
        return self._said


class GuessNow(Guess):
    """A guess that is asked once more: what was guessed before is not shown."""

    def _recall(self, _said: str, _problem: str) -> None:
        pass


def wrong_at_first(everything: Everything) -> list[str]:
    """Return the numbers of the exercises to which the first answer was wrong."""
    return [
        number
        for number, one in everything["answers"].items()
        if number in EXERCISES and not judge(EXERCISES[number], one.first).right
    ]


def questions(seed: int = 1) -> Together:
    """Return twelve mixed questions drawn from all lessons.

    Parameters
    ----------
    seed : another one draws other numbers

    Exercises that were answered wrongly first are among them. Raises InputError for a seed that is too large.
    """
    everything, _ = kept()
    chosen = numbers(seed, wrong_at_first(everything))
    asked = [Mixed(number, place, everything, chosen) for place, number in enumerate(chosen, 1)]
    return Together(tr("{all} mixed questions, from all lessons.", all=MANY), asked)


class TakeHome(Together):
    """A field for a name, and a button that writes the page and the line of who has it."""

    def __init__(self):
        self.name = ipywidgets.Text(description=tr("Your name:"), continuous_update=False)
        self.button = ipywidgets.Button(description=tr("Write my page"))
        self.said = ipywidgets.HTML()
        self.button.on_click(self._write)
        asked = [self.name, self.button, self.said]
        super().__init__(tr("Type your name, and your page is written beside this notebook."), asked)

    def _write(self, _button: object) -> None:
        try:
            self.said.value = export(self.name.value)._repr_html_()
        except InputError as problem:
            self.said.value = f"<p>{html.escape(str(problem))}</p>"


def take_home() -> TakeHome:
    """Return a field for your name, and a button that writes what `export` does."""
    return TakeHome()


def guess_again() -> Together:
    """Return the guesses of all lessons once more, each with a field; what is guessed now is kept as the last guess."""
    asked = [GuessNow(number, "") for number in GUESSES]
    return Together(tr("The {count} guesses of the lessons, once more.", count=len(asked)), asked)
