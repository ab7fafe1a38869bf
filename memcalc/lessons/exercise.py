"""What an exercise is, and what the lessons' exercises share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

from memcalc import Gpu, Inference, Model, Training, breakdown, largest

Answers = Iterator[object]
"""The right answer, then the wrong answers that are worth a word, each with what led to it."""

EVERY_HEAD = "only the key-value heads are stored, and you counted the query heads"
ONE_OF_TWO = "each token has a key and a value, and you counted one of them"
ALL_TOGETHER = "that many numbers are those of all heads together"

TEXTBOOK = 34
"""Bytes that a layer keeps for each number that goes in, without scores; korthikanti2022reducing, equation 1."""


@dataclass(frozen=True)
class Exercise:
    """What `check` compares with: `answers` computes the right answer and the known mistakes, when first asked for.

    The unit is one of `units.UNITS`, a name of what is counted, "formula" for a SymPy expression, or "verdict".
    """

    unit: str
    answers: Callable[[], tuple[object, list[tuple[object, str]]]]


ENTERED: dict[str, Exercise] = {}
"""Number → exercise, as the lessons enter them."""


def exercise(number: str, unit: str) -> Callable[[Callable[[], Answers]], Callable[[], Answers]]:
    """Enter the function below as the exercise of that number [`unit`, as of an `Exercise`].

    Raises ValueError if the number is not the next one of its notebook, such as "4.2" after "4.1".
    """

    def enter(answers: Callable[[], Answers]) -> Callable[[], Answers]:
        notebook, _, place = number.partition(".")
        if place != str(1 + sum(other.startswith(f"{notebook}.") for other in ENTERED)):
            raise ValueError(f"exercise {number} is not the next one of notebook {notebook}.")

        @cache  # a learner tries more than once
        def computed() -> tuple[object, list[tuple[object, str]]]:
            right, *mistakes = answers()
            return right, mistakes

        ENTERED[number] = Exercise(unit, computed)
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
