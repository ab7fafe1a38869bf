"""The page's side of the explorers: a module of JavaScript and a stylesheet for each concern."""

import re
from functools import cache
from importlib.resources import files

_HERE = files(__package__)

MODULES = ("dom", "draw", "hands", "formula", "pickers", "controls", "guess", "explorer")
"""The modules, each after those that it imports."""

SHEETS = ("tokens", "controls", "picture", "words", "pages")
"""The stylesheets: what all use, then a concern each, and last what the reader's page decides."""


@cache
def script() -> str:
    """Return the modules as one, for hosts that take a single file: without the imports between them.

    >>> "import " in script()
    False
    """
    sources = ((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in MODULES)
    joined = "\n".join(re.sub(r"(?m)^import .*;\n+", "", source) for source in sources)
    return joined


@cache
def style() -> str:
    """Return the stylesheets as one.

    >>> "light-dark(" in style()
    True
    """
    return "\n".join((_HERE / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS)
