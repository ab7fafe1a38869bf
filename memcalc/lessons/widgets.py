"""The widgets of a lesson in Jupyter: a guess that is made before anything is shown, and an exercise that says why."""

from collections.abc import Callable, Mapping
from contextlib import suppress

import anywidget
import ipywidgets
from traitlets import Dict, Unicode

from memcalc import InputError, units
from memcalc.errors import choice
from memcalc.explorers.words import Words, plain, words
from memcalc.formula.symbols import SUMMANDS
from memcalc.lessons.check import EXERCISES, GUESSES, Feedback, Weighed, check, unit_of, weigh, written
from memcalc.lessons.page import script, style
from memcalc.lessons.progress import LESSONS, progress, tally
from memcalc.lessons.record import kept, place, remember
from memcalc.lessons.task import Task

Shown = ipywidgets.Widget | Callable[[], ipywidgets.Widget] | None
"""What opens with the answer to a guess: a widget, or what makes it when it is needed."""

_UNITS = ("KiB", "MiB", "GiB", "MB", "GB")
_WANTED = {
    "formula": "a formula, such as 2 * d * s",
    "verdict": "one of the verdicts",
    "bytes": "a number of bytes, or a product",
}


class _Question(anywidget.AnyWidget):
    """A question with what is said of its answer; `question` is what the page must know of it."""

    _css = style()

    question = Dict(help="its name and words").tag(sync=True)
    told = Dict(help="what is said of the answer").tag(sync=True)

    def __init__(self, name: str, task: Task, **more: object):
        self.task = task
        colours = {of: entry.colour for of, entry in SUMMANDS.items()}
        super().__init__(question={"name": name, "asks": words(task.asks), "colours": colours, **more})
        self.on_msg(self._take)

    def __repr__(self) -> str:
        return f"{self.question['name']}: {plain(self.question['asks'])}".removesuffix(": ")

    def _take(self, _widget: object, said: dict, _buffers: object) -> None:
        try:
            self._hear(said)
        except Exception as fault:  # the page would show nothing of it
            self.told = {"problem": f"A fault of memcalc, not of yours: {type(fault).__name__}: {fault}."}
            raise


class Guess(_Question):
    """A guess with its unit: asked first, and then told beside what is right."""

    _esm = script("guess")

    guess = Unicode(None, allow_none=True, help="what was guessed, with its unit; None while it is open")

    def __init__(self, number: str, unit: str):
        task = GUESSES[number]
        unit = unit_of(task, unit)
        listed = list(dict.fromkeys([*_UNITS, unit])) if unit in units.UNITS else [unit]
        super().__init__(f"Guess {number}", task, units=listed, unit=unit)
        self.number, (everything, problem) = number, kept()
        if before := everything["guesses"].get(number):
            with suppress(InputError):  # what was kept of another question
                self._tell(before.last, problem)

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
            self.told = {"problem": "Type a number first, or choose “just show me”."}
            return
        try:
            self._tell(said if any(map(str.isalpha, said)) else f"{said} {unit or self.question['unit']}")
        except InputError as problem:
            self.told = {"problem": _sentence(str(problem))}
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
            told = {"head": words(f"It is *{written(self.task.answers()[0], self.task.unit)}*.")}
        self.told = told | {"matters": words(self.task.matters), "note": _note(problem)}

    def _note(self, problem: str) -> None:
        if problem:
            self.told = self.told | {"note": _note(problem)}

    def _hear(self, said: Mapping[str, object]) -> None:
        if said.get("again"):
            self.ask_again()
        elif said.get("skip"):
            self.show_me()
        else:
            self.commit(str(said.get("guess", "")), str(said.get("unit", "")))


class Prediction(ipywidgets.VBox):
    """A guess, and below it what opens with its answer; in print it is the question alone, answered or not."""

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

    def _repr_mimebundle_(self, **how: object) -> dict[str, object]:
        return {**super()._repr_mimebundle_(**how), "text/plain": repr(self)}  # which a box would cut

    def _show(self, _change: object = None) -> None:
        if self.asked.is_open and self._then and not isinstance(self._then, ipywidgets.Widget):
            self._then = self._then()
        shown = (self.asked, self._then) if self.asked.is_open and self._then else (self.asked,)
        if shown != tuple(self.children):
            self.children = shown


class Exercise(_Question):
    """An exercise with its field, what is said of the answer, a hint and a solution, which are folded."""

    _esm = script("exercise")

    answer = Unicode(help="what was typed last").tag(sync=True)

    def __init__(self, number: str):
        task = EXERCISES[number]
        name = _WANTED.get(task.unit, f"a number of {task.unit}, or a product")
        unit = "" if task.unit in ("formula", "verdict") else task.unit
        folds = {"hint": words(task.hint), "solution": task.solution, "because": words(task.because)}
        super().__init__(f"Exercise {number}", task, wanted=name, unit=unit, **folds)
        self.number, (everything, _) = number, kept()
        if before := everything["answers"].get(number):
            self.answer = before.last
            self.told = self._say(check(number, before.last), "")

    def submit(self, answer: str) -> None:
        """Give an answer, which is kept, and show what `check` says of it."""
        self.answer = answer
        if not answer.strip():
            self.told = {"kind": "open", "head": "Type an answer first; nothing is lost by a wrong one."}
            return
        feedback = check(self.number, answer)
        read = feedback.kind != "unread"
        problem = remember("answers", self.number, answer.strip(), feedback.right) if read else ""
        self.told = self._say(feedback, problem)

    def _say(self, feedback: Feedback, problem: str) -> dict[str, object]:
        head, why = _parted(feedback)
        said = {"kind": feedback.kind, "head": head, "why": [why] if why else [], "note": _note(problem)}
        if not feedback.right:
            return said
        return said | {"matters": words(self.task.matters), "next": _next(self.number)}

    def _hear(self, said: Mapping[str, object]) -> None:
        self.submit(str(said.get("answer", "")))


def _told(weighed: Weighed, asks: Words) -> dict[str, object]:
    """Return what is said of a guess, and how long the bars are."""
    guessed, right = weighed.written
    of = next((piece["of"] for piece in asks if isinstance(piece, dict) and "of" in piece), "")
    bars = {"said": float(weighed.said), "right": float(weighed.right), "written": [guessed, right], "of": of}
    why = [f"A natural mistake: {weighed.mistake}."] if weighed.mistake else []
    return {"head": words(f"You said {guessed}; it is {right}: *{weighed.verdict}*."), "bars": bars, "why": why}


def _parted(feedback: Feedback) -> tuple[str, str]:
    """Return what is said of an answer in two parts: how it is, and why."""
    if feedback.kind == "unread":
        return "I cannot read that.", _sentence(feedback.sentence)
    head, _, why = feedback.sentence.partition(": ")
    if feedback.right or not why:
        return feedback.sentence, ""
    return f"{head}, but I know this one." if feedback.kind == "known" else f"{head}.", _sentence(why)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _note(*problems: str) -> list[str]:
    return [" ".join(filter(None, problems))] if any(problems) else []


def _next(number: str) -> list[str]:
    """Say what comes next, the first exercise after this one that is open in this lesson, and how many are done."""
    if place() is None:
        return []  # nobody knows
    lesson = progress().lessons[[*LESSONS].index(number.partition(".")[0])]
    later = [one for one, done in lesson.exercises.items() if not done and one != number]
    after = [one for one in later if one > number]
    following = f"Next: exercise {(after or later)[0]}." if later else "That was the last open exercise of this lesson."
    return [f"{following} {tally(number)}"]


def predict(number: str, unit: str = "", then: Shown = None) -> Prediction:
    """Return the widget that asks for a guess before anything is shown.

    Parameters
    ----------
    number : of the guess, such as "4.1"
    unit : in which one guesses, if not in that of the question
    then : what opens with the answer: a widget, or a function without arguments that makes it

    Raises InputError for an unknown number, and for a unit of something else.
    """
    return Prediction(Guess(choice("guess", str(number), GUESSES), unit), then)


def exercise(number: str) -> Exercise:
    """Return the widget of an exercise; it says what `check` says. Raises InputError for an unknown number."""
    return Exercise(choice("exercise", str(number), EXERCISES))
