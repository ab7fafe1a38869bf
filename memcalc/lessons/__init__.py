"""What the lessons ask: guesses and exercises, whose answers and known mistakes the formula computes; what is done."""

from importlib import import_module

from memcalc.lessons.check import EXERCISES, GUESSES, check, compare
from memcalc.lessons.progress import progress

_LATER = {
    "brief": "brief_widget",
    "exercise": "widgets",
    "export": "report",
    "guess_again": "mixed_widget",
    "predict": "predictions",
    "questions": "mixed_widget",
    "take_home": "mixed_widget",
    "then_and_now": "report",
}
"""Name → its module, which is loaded when first asked for: what only checks does without the widgets' libraries."""

__all__ = ["EXERCISES", "GUESSES", "check", "compare", "progress", *_LATER]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"memcalc.lessons.{_LATER[name]}"), name)
