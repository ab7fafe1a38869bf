"""What the lessons ask: guesses and exercises, whose answers and known mistakes the formula computes; what is done."""

from memcalc.lessons.check import EXERCISES, GUESSES, check, compare
from memcalc.lessons.progress import progress

__all__ = ["EXERCISES", "GUESSES", "check", "compare", "exercise", "predict", "progress"]


def __getattr__(name: str) -> object:
    if name not in ("exercise", "predict"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from memcalc.lessons import widgets  # what only checks does without the widgets' libraries

    return getattr(widgets, name)
