"""The page's side of the explorers: a module of JavaScript and a stylesheet for each concern; lessons share some."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from memcalc.texts import tr

_HERE = files(__package__)

MODULES = (
    *("dom", "keys", "draw", "hands", "formula", "pickers", "controls"),
    *("guess", "hints", "words", "frames", "explorer"),
)
"""The modules, each after those that it imports."""

SHEETS = ("tokens", "controls", "picture", "words", "pages")
"""The stylesheets: what all use, then a concern each, and last what the reader's page decides."""


@cache
def script() -> str:
    """Return the modules as one, for hosts that take a single file: without the imports between them.

    >>> "import " in script()
    False
    """
    return joined(_HERE / f"{name}.js" for name in MODULES)


@cache
def style() -> str:
    """Return the stylesheets as one.

    >>> "light-dark(" in style()
    True
    """
    return joined(_HERE / f"{name}.css" for name in SHEETS)


def spoken(page: str) -> dict[str, str]:
    """Return what the texts that a script says by itself are called in the chosen language, where it is not English.

    >>> spoken('button(say("Undo"))')
    {}
    """
    return {text: said for text in re.findall(r'\bsay\("([^"]+)"', page) if (said := tr(text)) != text}


def joined(sources: Iterable[Traversable]) -> str:
    """Return some files as one, without the imports between them and the comments on lines of their own."""
    texts = (source.read_text(encoding="utf-8") for source in sources)
    return "\n".join(re.sub(r"(?m)^(?:import .*;|\s*(?://.*|/\*.*\*/))\n+", "", text) for text in texts)
