"""The widget of an exercise in Jupyter: a field, what `check` says of the answer, a hint and a solution."""

from collections.abc import Mapping

from traitlets import Unicode

from memcalc.errors import choice
from memcalc.explorers.words import words
from memcalc.lessons.check import EXERCISES, Feedback, judge
from memcalc.lessons.page import script
from memcalc.lessons.progress import LESSONS, progress, tally
from memcalc.lessons.question import Question, noted, parted
from memcalc.lessons.record import kept, place, remember
from memcalc.lessons.task import Task
from memcalc.texts import later, tr

_WANTED = {
    "formula": later("a formula, such as 2 * d * s"),
    "verdict": later("one of the verdicts"),
}


class Answered(Question):
    """A task with its field, what is said of the answer, a hint and a solution, which are folded.

    Parameters
    ----------
    kind, number : under which an answer is kept, as of `record.remember`
    name : of the task, as it is read aloud
    more : what else the page must know of it
    """

    _esm = script("exercise")

    answer = Unicode(help="what was typed last").tag(sync=True)

    def __init__(self, kind: str, number: str, name: str, task: Task, **more: object):
        wanted = tr(_WANTED.get(task.unit, later("a number of {unit}, or a product")), unit=tr(task.unit))
        unit = "" if task.unit in _WANTED else tr(task.unit)
        folds = {"hint": words(tr(task.hint)), "solution": task.solution, "because": words(tr(task.because))}
        super().__init__(name, task, wanted=wanted, unit=unit, **folds, **more)
        self.kind, self.number, (everything, _) = kind, number, kept()
        if before := everything[kind].get(number):
            self.answer = before.last
            self.told = self._say(judge(task, before.last), "")

    def submit(self, answer: str) -> None:
        """Give an answer, which is kept, and show what `check` says of it."""
        self.answer = answer
        if not answer.strip():
            self.told = {"kind": "open", "head": tr("Type an answer first; nothing is lost by a wrong one.")}
            return
        feedback = judge(self.task, answer)
        read = feedback.kind != "unread"
        problem = remember(self.kind, self.number, answer.strip(), feedback.right) if read else ""
        self.told = self._say(feedback, problem)

    def _say(self, feedback: Feedback, problem: str) -> dict[str, object]:
        head, why = parted(feedback)
        said = {"kind": feedback.kind, "head": head, "why": [why] if why else [], "note": noted(problem)}
        if not feedback.right:
            return said
        return said | {"matters": words(tr(self.task.matters)), "next": [self.after()] if place() else []}

    def after(self) -> str:
        """Say what comes next; only asked where something is kept."""
        raise NotImplementedError

    def _hear(self, said: Mapping[str, object]) -> None:
        self.submit(str(said.get("answer", "")))


class Exercise(Answered):
    """An exercise of a lesson."""

    def __init__(self, number: str):
        super().__init__("answers", number, tr("Exercise {number}", number=number), EXERCISES[number])

    def after(self) -> str:
        """Say which exercise comes next, and how many are done."""
        return _next(self.number)


def _next(number: str) -> str:
    """Say what comes next, the first exercise after this one that is open in this lesson, and how many are done."""
    lesson = progress().lessons[[*LESSONS].index(number.partition(".")[0])]
    open_ones = [one for one, done in lesson.exercises.items() if not done and one != number]
    after = [one for one in open_ones if one > number]
    if not open_ones:
        return f"{tr('That was the last open exercise of this lesson.')} {tally(number)}"
    return f"{tr('Next: exercise {number}.', number=(after or open_ones)[0])} {tally(number)}"


def exercise(number: str) -> Exercise:
    """Return the widget of an exercise; it says what `check` says. Raises InputError for an unknown number."""
    return Exercise(choice("exercise", str(number), EXERCISES))
