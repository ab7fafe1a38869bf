"""The page's side of a lesson's questions: a module of JavaScript for each kind, and what the explorers' page has."""

from functools import cache
from importlib.resources import files

from memcalc.explorers.page import joined

_HERE, _THERE = files(__package__), files("memcalc.explorers.page")


@cache
def script(kind: str) -> str:
    """Return the modules for a kind of question, "guess", "exercise" or "brief", as one.

    >>> "import " in script("guess")
    False
    """
    shared = (_THERE / f"{name}.js" for name in ("dom", "keys"))
    return joined([*shared, *(_HERE / f"{name}.js" for name in ("card", kind))])


@cache
def style() -> str:
    """Return the stylesheets as one.

    >>> ".memcalc-lesson" in style()
    True
    """
    shared = (_THERE / f"{name}.css" for name in ("tokens", "controls", "pages"))
    return joined([*shared, _HERE / "lesson.css"])
