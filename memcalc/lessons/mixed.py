"""Twelve mixed questions over all lessons: with other numbers, and what was answered wrongly first."""

from collections.abc import Collection, Iterator
from itertools import count
from random import Random

from memcalc import InputError, fits
from memcalc.catalogue import rows
from memcalc.errors import choice, whole
from memcalc.lessons.briefs import LESSONS, Brief, asked_by
from memcalc.lessons.check import EXERCISES
from memcalc.lessons.task import Task
from memcalc.texts import cached

MANY = 12
"""So many are asked at a time."""

SEEDS = range(1, 21)
"""So often one can ask for others."""

DRAWN = tuple(f"drawn.{seed}.{lesson}" for seed in SEEDS for lesson in LESSONS)
NUMBERS = (*DRAWN, *(f"again.{number}" for number in EXERCISES))
"""What a mixed question can be: one of a lesson with drawn numbers, or an exercise once more."""

_FEWEST_MISTAKES = 3


def numbers(seed: int, wrong: Collection[str]) -> list[str]:
    """Return twelve mixed questions in the order in which they are asked.

    Parameters
    ----------
    seed : which numbers are drawn
    wrong : numbers of exercises that were answered wrongly first; up to three of them are asked again

    The others come from all lessons, with drawn numbers: each lesson has one, and some a second one.
    Raises InputError for a seed that is not one of `SEEDS`.

    >>> len(numbers(1, [])), [one for one in numbers(1, ["4.1"]) if one.startswith("again")]
    (12, ['again.4.1'])
    """
    seed = whole("seed", seed, SEEDS[0], SEEDS[-1])
    random, room = Random(seed), MANY - len(LESSONS)
    again = [f"again.{number}" for number in sorted(random.sample(sorted(wrong), min(room, len(wrong))))]
    another = SEEDS[seed % len(SEEDS)]
    more = [f"drawn.{another}.{lesson}" for lesson in random.sample(LESSONS, room - len(again))]
    chosen = [*(f"drawn.{seed}.{lesson}" for lesson in LESSONS), *again, *more]
    random.shuffle(chosen)
    return chosen


def lesson_of(number: str) -> str:
    """Return the lesson that a mixed question is about.

    >>> lesson_of("drawn.1.4"), lesson_of("again.6.2")
    ('4', '6')
    """
    kind, _, rest = number.partition(".")
    return rest.rpartition(".")[2] if kind == "drawn" else rest.partition(".")[0]


@cached
def mixed(number: str) -> Task:
    """Return a mixed question; raise InputError for a number that there is not.

    >>> mixed("again.4.1") is EXERCISES["4.1"]
    True
    """
    kind, _, rest = choice("question", number, NUMBERS).partition(".")
    if kind == "again":
        return EXERCISES[rest]
    seed, _, lesson = rest.partition(".")
    return next(_sound(f"{seed} {lesson}", lesson))


def _sound(seed: str, lesson: str) -> Iterator[Task]:
    """Yield what can be asked with drawn numbers: it has an answer, and mistakes that can be told from it."""
    for attempt in count():
        brief = drawn(f"{seed} {attempt}")
        task = asked_by(brief, lesson)
        try:
            right, mistakes = task.answers()
        except InputError:  # these choices do not go together
            continue
        if lesson == "5" and not fits(brief.model, brief.run, brief.gpu):
            continue
        if right > (lesson == "8") and len(mistakes) >= _FEWEST_MISTAKES:  # on one card there is nothing to plan
            yield task


def drawn(seed: str) -> Brief:
    """Return a brief of nobody, with a drawn model, card and run; the same for the same seed.

    >>> drawn("a seed").row["model"] == drawn("a seed").row["model"]
    True
    """
    random = Random(seed)
    row = {line["field"]: random.choice(line["values"].split("|")) for line in rows("drawn")}
    return Brief({"brief": "drawn", **row, "plan_model": row["model"]})
