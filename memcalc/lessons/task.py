"""What an exercise and a guess are, and what those of the lessons share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from memcalc import Gpu, Inference, Model, Training, breakdown, largest
from memcalc.texts import cached, later

Answers = Iterator[object]
"""The right answer, then the wrong answers that are worth a word, each with what led to it."""

EVERY_HEAD = later("only the key-value heads are stored, and you counted the query heads")
ONE_OF_TWO = later("each token has a key and a value, and you counted one of them")
ALL_TOGETHER = later("that many numbers are those of all heads together")

TEXTBOOK = 34
"""Bytes that a layer keeps for each number that goes in, without scores; korthikanti2022reducing, equation 1."""


@dataclass(frozen=True)
class Task:
    """What is asked: an exercise, or a guess before anything is shown; its answers are computed when first asked for.

    Parameters
    ----------
    unit : one of `units.UNITS`, a name of what is counted, "formula" for a SymPy expression, or "verdict"
    answers : computes the right answer and the known mistakes
    asks : the question, as `explorers.words.words` reads it; so are the other words
    hint, solution, because : what helps, the right answer as one may type it, and why it is right
    matters : what follows from it, which is said to who is right
    goal : what who is right can do
    says : what stands before the question, of somebody who asks it
    """

    unit: str
    answers: Callable[[], tuple[object, list[tuple[object, str]]]]
    asks: str = ""
    hint: str = ""
    solution: str = ""
    because: str = ""
    matters: str = ""
    goal: str = ""
    says: str = ""


ENTERED: dict[str, Task] = {}
"""Number → exercise, as the lessons enter them."""

GUESSED: dict[str, Task] = {}
"""Number → guess, as the lessons enter them."""

Enter = Callable[[Callable[[], Answers]], Callable[[], Answers]]
"""What enters the function below it."""


def task(number: str, unit: str, **words: str) -> Enter:
    """Enter the function below as the exercise of that number, with its unit and words, as of a `Task`.

    Raises ValueError if the number is not the next one of its notebook, such as "4.2" after "4.1".
    """
    return _enter(ENTERED, "exercise", number, unit, words)


def guess(number: str, unit: str, asks: str, **words: str) -> Enter:
    """Enter the function below as the guess of that number, as `task` enters an exercise."""
    return _enter(GUESSED, "guess", number, unit, words | {"asks": asks})


def _enter(entered: dict[str, Task], kind: str, number: str, unit: str, words: Mapping[str, str]) -> Enter:
    def enter(answers: Callable[[], Answers]) -> Callable[[], Answers]:
        notebook, _, place = number.partition(".")
        if place != str(1 + sum(other.startswith(f"{notebook}.") for other in entered)):
            raise ValueError(f"{kind} {number} is not the next one of notebook {notebook}.")

        @cached  # a learner tries more than once
        def computed() -> tuple[object, list[tuple[object, str]]]:
            right, *mistakes = answers()
            return right, mistakes

        entered[number] = Task(unit, computed, **words)
        return answers

    return enter


def one_term(name: str, model: Model, run: Inference, **changes: object) -> int:
    """Return one term alone [bytes], with some fields of the run or of the model changed.

    >>> cache_of(Model.named("LLaMA-7B"), Inference(), context=32768) / 2**30
    16.0
    """
    of_run = {name: changes.pop(name) for name in run.declared if name in changes}
    return breakdown(replace(model, **changes), replace(run, **of_run))[name]


cache_of, weights_of = partial(one_term, "kv_cache"), partial(one_term, "weights")


def longest(model: Model, run: Inference | Training, card: Gpu, **changes: object) -> int:
    """Return the longest context that fits the card [tokens], with some fields of the run changed.

    >>> longest(Model.named("LLaMA-7B"), Inference(), Gpu.named("RTX 4090"), weights="INT8")
    35562
    """
    return largest("context", model, replace(run, **changes), card)
