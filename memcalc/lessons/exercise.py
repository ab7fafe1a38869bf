"""What an exercise is, and what the lessons' exercises share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from memcalc.estimate.questions import breakdown
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model

Answers = tuple[object, list[tuple[object, str]]]
"""The right answer, and the wrong answers that are worth a word, each with what led to it."""

EVERY_HEAD = "only the key-value heads are stored, and you counted the query heads"
ONE_OF_TWO = "each token has a key and a value, and you counted one of them"

TEXTBOOK = 34
"""Bytes that a layer keeps for each number that goes in, without scores; korthikanti2022reducing, equation 1."""


@dataclass(frozen=True)
class Exercise:
    """What `check` compares with.

    Parameters
    ----------
    unit : one of `units.UNITS`, a name of what is counted, "formula" for a SymPy expression, or "verdict"
    answers : computes the right answer and the known mistakes
    """

    unit: str
    answers: Callable[[], Answers]

    def __post_init__(self):
        object.__setattr__(self, "answers", cache(self.answers))  # a learner tries more than once


def cache_of(model: Model, run: Inference) -> int:
    """Return the cache alone [bytes].

    >>> cache_of(Model.named("LLaMA-7B"), Inference(context=32768)) / 2**30
    16.0
    """
    return breakdown(model, run)["kv_cache"]
