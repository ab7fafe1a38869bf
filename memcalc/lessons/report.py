"""What a learner takes home: guesses then and now, a page to keep, and a line that an instructor can collect."""

import csv
import html
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from memcalc import InputError
from memcalc.errors import must, shown
from memcalc.lessons import standing
from memcalc.lessons.check import EXERCISES, GUESSES, judge, weigh
from memcalc.lessons.progress import LESSONS, Lesson, Progress, progress
from memcalc.lessons.record import Everything, kept
from memcalc.plots.progress import Guessed
from memcalc.plots.progress import then_and_now as drawn
from memcalc.plots.style import Drawn

RIGHT, NEAR, UNKNOWN, OPEN = "right", "rounded too much", "another mistake", ""
"""What a line says of a first answer, if it is not a mistake that is known."""

_LONGEST = 60  # of a name [characters]

LOOK = """:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 46em; padding: 16px;
  background: light-dark(#fdfcf9, #15171b); color: light-dark(#22252a, #e7e5df); }
img { background: #fff; max-width: 100%; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid light-dark(#d9d7d0, #34383f); padding: 3px 12px 3px 0; }
th, td { text-align: left; vertical-align: top; }
@media print { body { max-width: none; padding: 0; } }"""
"""How a page looks on a screen, in both themes."""


def then_and_now() -> Drawn:
    """Return the picture of the first and the last guess of each lesson."""
    return drawn(list(_guessed(kept()[0])))


def _guessed(everything: Everything) -> Iterator[Guessed]:
    for number in GUESSES:
        one = everything["guesses"].get(number)
        first = _part(number, one.first) if one else None
        last = _part(number, one.last) if one and one.tries > 1 else None
        yield Guessed(f"{number} {LESSONS[number.partition('.')[0]]}", first, last)


def _part(number: str, said: str) -> float | None:
    """Return a guess in parts of what is right; None for one that says nothing."""
    with suppress(InputError):
        weighed = weigh(number, said)
        return float(weighed.said / weighed.right)
    return None


def diagnosed(number: str, answer: str) -> str:
    """Return what an answer to an exercise is, in the words of a line.

    >>> diagnosed("4.1", "64 GiB"), diagnosed("4.1", "8")
    ('only the key-value heads are stored, and you counted the query heads', 'right')
    """
    feedback = judge(EXERCISES[number], answer)
    if feedback.kind == "known":
        return feedback.mistake
    return {"right": RIGHT, "near": NEAR}.get(feedback.kind, UNKNOWN)


def line(name: str) -> dict[str, str]:
    """Return what an instructor collects: who, when, how much is done, and what each first answer was.

    Parameters
    ----------
    name : of the learner; what was typed is not in the line

    Raises InputError for a name that is empty or too long.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST:
        raise must("name", f"a text of 1 to {_LONGEST} characters", shown(name))
    everything, _ = kept()
    lessons = progress().lessons
    done = {
        "guesses": sum(map(_count, (one.guesses for one in lessons))),
        "exercises": sum(map(_count, (one.exercises for one in lessons))),
        "brief": sum(map(_count, (one.brief for one in lessons))),
        "mixed": sum(one.mixed for one in lessons),
    }
    answers = everything["answers"]
    first = {one: diagnosed(one, answers[one].first) if one in answers else OPEN for one in EXERCISES}
    plain = name.strip().lstrip("=+-@ ") or "me"  # a spreadsheet would take it for a formula
    counts = {key: str(count) for key, count in done.items()}
    return {"name": plain, "day": f"{datetime.now():%Y-%m-%d}", **counts, **first}


def _count(done: Mapping[str, bool]) -> int:
    return sum(done.values())


@dataclass(frozen=True)
class Exported:
    """The two files that were written: the page, and the line for an instructor."""

    page: Path
    line: Path

    def __repr__(self) -> str:
        return f"Your page is {self.page}, and the line for an instructor is {self.line}."

    def _repr_html_(self) -> str:
        links = (f'<a href="{html.escape(path.name)}">{html.escape(path.name)}</a>' for path in (self.page, self.line))
        return "<p>Your page is {}, and the line for an instructor is {}.</p>".format(*links)


def export(name: str, folder: str | Path = ".") -> Exported:
    """Write a page that shows what you know, and a line that an instructor can collect.

    Parameters
    ----------
    name : yours, as the two files have it
    folder : where they are written

    Raises InputError for a name that is empty or too long, and for a folder that cannot be used.
    """
    row, folder = line(name), Path(folder)
    stem = f"memcalc-{re.sub(r'[^0-9A-Za-z]+', '-', row['name']).strip('-') or 'me'}"
    text = io.StringIO()
    writer = csv.DictWriter(text, row, lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    done = Exported(folder / f"{stem}.html", folder / f"{stem}.csv")
    with standing.writing(folder):
        done.page.write_text(page(row), encoding="utf-8")
        done.line.write_text(text.getvalue(), encoding="utf-8")
    return done


def page(row: Mapping[str, str]) -> str:
    """Return the page of a line: what is done, which goals are reached, guesses then and now, and old mistakes."""
    everything, problem = kept()
    here = progress()
    parts = [f"<p>{row['day']}: {_done(row)}</p>", _goals(here)]
    parts += ["<h2>Guesses then and now</h2>", standing.image(then_and_now())]
    parts += ["<h2>What was wrong at first</h2>", _mistakes(row, everything), _problem(problem)]
    return standing.page(f"What {row['name']} knows of GPU memory", "\n".join(parts), LOOK)


def _done(row: Mapping[str, str]) -> str:
    brief = f", {row['brief']} questions of the brief" if row["brief"] != "0" else ""
    counts = f"{row['guesses']} of {len(GUESSES)} guesses made, {row['exercises']} of {len(EXERCISES)} exercises solved"
    return f"{counts}{brief}, {row['mixed']} mixed questions right."


def _goals(here: Progress) -> str:
    rows = ((f"{one.number} · {html.escape(one.title)}", _reached(one)) for one in here.lessons if one.goals)
    body = "".join(f'<tr><th scope="row">{lesson}</th><td>{reached}</td></tr>' for lesson, reached in rows)
    return f"<h2>I can</h2><table><tbody>{body}</tbody></table>"


def _reached(lesson: Lesson) -> str:
    reached = [f"✓ {html.escape(goal)}" for goal, done in lesson.goals.items() if done]
    left = len(lesson.goals) - len(reached)
    return "<br>".join([*reached, *([f"○ {left} of {len(lesson.goals)} still to show"] if left else [])])


def _mistakes(row: Mapping[str, str], everything: Everything) -> str:
    wrong = [number for number in EXERCISES if row[number] not in (OPEN, RIGHT)]
    if not wrong:
        return "<p>Nothing, of what was answered.</p>"
    answers = everything["answers"]
    cells = [(one, answers[one].first, row[one], "✓ solved" if answers[one].done else "open") for one in wrong]
    return standing.table(("exercise", "first answer", "what it was", "now"), cells)


def _problem(problem: str) -> str:
    return f"<p>{html.escape(problem)}</p>" if problem else ""
