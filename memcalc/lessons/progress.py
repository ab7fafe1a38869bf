"""What is done in each lesson: guesses made, exercises solved, and what one can do by now."""

import html
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from memcalc.catalogue import rows
from memcalc.errors import whole
from memcalc.lessons.briefs import QUESTIONS
from memcalc.lessons.check import EXERCISES, GUESSES
from memcalc.lessons.record import Everything, Kept, kept
from memcalc.lessons.task import Task
from memcalc.texts import later, tr, tr_many

_COLUMNS = [later("lesson"), later("guesses"), later("exercises")]

_LEFT = 'style="text-align: left"'

LESSONS = {row["lesson"]: row["title"] for row in rows("lessons")}
"""Number → title."""

_NOTEBOOKS = {row["lesson"]: row["notebook"] for row in rows("lessons")}


@dataclass(frozen=True)
class Lesson:
    """What is done of a lesson.

    Parameters
    ----------
    number, title : of the lesson
    guesses, exercises : number → whether it is done
    brief : the question of the chosen brief → whether it is answered; empty before one is chosen
    mixed : of a lesson without exercises, how many mixed questions are right
    goals : what one can do after it → whether that was shown
    """

    number: str
    title: str
    guesses: Mapping[str, bool]
    exercises: Mapping[str, bool]
    brief: Mapping[str, bool]
    goals: Mapping[str, bool]
    mixed: int = 0


@dataclass(frozen=True)
class Progress:
    """What is done, lesson by lesson; in a notebook a small table.

    Parameters
    ----------
    lessons : those that it is about
    problem : what is wrong with the file in which it is kept; "" if nothing is
    """

    lessons: tuple[Lesson, ...]
    problem: str = ""

    def __repr__(self) -> str:
        lines = [f"{one.number} · {tr(one.title)}: {_counted(one)}" for one in self.lessons]
        return "\n".join([*lines, *_goals(self.lessons), *filter(None, [self.problem])])

    def _repr_html_(self) -> str:
        columns = [*_COLUMNS, later("brief")] if _with_brief(self.lessons) else _COLUMNS
        head = "".join(f'<th scope="col" {_LEFT}>{tr(word)}</th>' for word in columns)
        body = "".join(map(_row, self.lessons))
        said = "".join(f"<p>{html.escape(line)}</p>" for line in (*_goals(self.lessons), self.problem) if line)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{said}"


def progress(lesson: int | None = None) -> Progress:
    """Return what is done, of one lesson or of all.

    Parameters
    ----------
    lesson : its number, as its notebook has it

    Raises InputError for a number that no lesson has.

    >>> progress(4).lessons[0].title
    'The KV cache'
    """
    everything, problem = kept()
    numbers = LESSONS if lesson is None else [str(whole("lesson", lesson, 0, len(LESSONS) - 1))]
    return Progress(tuple(_lesson(number, everything) for number in numbers), problem)


def tally(number: str) -> str:
    """Return how many exercises are solved, in the lesson of an exercise and in all; "" if nothing is kept.

    >>> tally("4.2").endswith("exercises in all.")
    True
    """
    done = [one.exercises for one in progress().lessons]
    here = done[[*LESSONS].index(number[0])]
    every = [solved for lesson in done for solved in lesson.values()]
    said = later("{here} of {of_here} here, {solved} of {all} exercises in all.")
    return tr(said, here=sum(here.values()), of_here=len(here), solved=sum(every), all=len(every))


def _lesson(number: str, everything: Everything) -> Lesson:
    guesses = _done(GUESSES, number, everything["guesses"])
    exercises = _done(EXERCISES, number, everything["answers"])
    goals = {EXERCISES[one].goal: done for one, done in exercises.items() if EXERCISES[one].goal}
    chosen = everything["choices"]["brief"].last if "brief" in everything["choices"] else ""
    brief = _marked([one for one in QUESTIONS if one == f"{chosen}.{number}"], everything["briefs"])
    mixed = 0 if exercises else sum(one.done != "" for one in everything["mixed"].values())
    return Lesson(number, LESSONS[number], guesses, exercises, brief, goals, mixed)


def _done(tasks: Mapping[str, Task], lesson: str, known: Mapping) -> dict[str, bool]:
    of_lesson = [number for number in tasks if number.partition(".")[0] == lesson]
    return _marked(of_lesson, known)


def _marked(numbers: Iterable[str], known: Mapping[str, Kept]) -> dict[str, bool]:
    return {number: number in known and known[number].done != "" for number in numbers}


def _with_brief(lessons: Iterable[Lesson]) -> bool:
    return any(lesson.brief for lesson in lessons)


def _counted(lesson: Lesson) -> str:
    """Say how much of a lesson is done."""
    if not lesson.exercises:
        return _of_mixed(lesson)
    counted = {"guesses": lesson.guesses, "exercises": lesson.exercises}
    said = [tr(_PARTS[part], done=sum(of.values()), all=len(of)) for part, of in counted.items() if of]
    said += [tr(_PARTS["answered" if done else "open"]) for done in lesson.brief.values()]
    return ", ".join(said)


_PARTS = {
    "guesses": later("{done} of {all} guesses"),
    "exercises": later("{done} of {all} exercises"),
    "answered": later("the brief is answered"),
    "open": later("the brief is open"),
}


def _of_mixed(lesson: Lesson) -> str:
    return tr_many("{count} mixed question right", "{count} mixed questions right", lesson.mixed)


def _row(lesson: Lesson) -> str:
    done = (lesson.guesses, lesson.exercises, *([lesson.brief] if lesson.brief else []))
    shown = map(_marks, done) if lesson.exercises else ("–", _of_mixed(lesson))
    cells = "".join(f"<td {_LEFT}>{one}</td>" for one in shown)
    link = f'<a href="{_NOTEBOOKS[lesson.number]}.ipynb">{lesson.number} · {html.escape(tr(lesson.title))}</a>'
    return f'<tr><th scope="row" {_LEFT}>{link}</th>{cells}</tr>'


def _marks(done: Mapping[str, bool]) -> str:
    """Return the numbers of what is asked, each with a sign: done or open."""
    return "  ".join(f"{'✓' if one else '○'} {number}" for number, one in done.items()) or "–"


def _goals(lessons: Collection[Lesson]) -> list[str]:
    """Return what one can do by now, and of a lesson alone also what is still to be shown, and where."""
    every = [pair for lesson in lessons for pair in lesson.goals.items()]
    shown_by = {task.goal: number for number, task in EXERCISES.items()} if len(lessons) == 1 else {}
    still = later("○ Exercise {number} shows that you can {goal}.")
    open_ones = [tr(still, number=shown_by[goal], goal=tr(goal)) for goal, done in every if shown_by and not done]
    return [tr("✓ You can {goal}.", goal=tr(goal)) for goal, done in every if done] + open_ones
