"""What the lessons ask: guesses and exercises, whose answers and known mistakes the formula computes; what is done."""

from importlib import import_module

from memcalc.lessons.check import EXERCISES, GUESSES, check, compare
from memcalc.lessons.progress import progress

__all__ = ["EXERCISES", "GUESSES", "brief", "check", "compare", "exercise", "predict", "progress"]

_WIDGETS = {"brief": "brief_widget", "exercise": "widgets", "predict": "predictions"}
"""Name → its module, which is loaded when first asked for: what only checks does without the widgets' libraries."""


def __getattr__(name: str) -> object:
    if name not in _WIDGETS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"memcalc.lessons.{_WIDGETS[name]}"), name)
