"""Docstrings as pages: the package's short form of parameters becomes fields, and keys of sources become links."""

import inspect
import re

from sphinx.application import Sphinx

from memcalc import catalogue
from memcalc.explorers.frame import Explorable

_KEYS = "|".join(re.findall(r"@\w+\{(\w+),", catalogue.bibliography()))
_KEY = re.compile(rf"\b({_KEYS})\b")
"""The key of a reference, which has an anchor of that name on the page of the references."""

_READABLE = 40
"""Parameters of a class that its heading can hold; those of more stand in the list below it alone."""

_FIELD = re.compile(r"(?P<names>\w+(?:, \w+)*) : (?P<words>.*)", re.DOTALL)
_PARAMETERS = re.compile(r"(?m)^Parameters\n-+\n((?:.+\n?)+)")


def _process(_app: Sphinx, _what: str, _name: str, of: object, _options: object, lines: list[str]) -> None:
    text = "\n".join(lines)
    if isinstance(of, Explorable):
        said, _, rest = text.replace(f"{of.frame.__name__}.", f"explorers.{of.subject}.").partition("\n\n")
        text = "\n\n".join([said, _controls(of), rest])
    text = _PARAMETERS.sub(lambda found: _fields(found[1]), text)
    lines[:] = _KEY.sub(r":ref:`\1 <\1>`", text).split("\n")


def _fields(listed: str) -> str:
    """Return a list of parameters as fields, each with its name; lines that go on stay below theirs.

    >>> _fields("low, high : the ends\\n    of all")
    ':param low: the ends\\n    of all\\n:param high: the ends\\n    of all'
    """
    fields = []
    for one in re.split(r"\n(?=\w)", listed):
        if found := _FIELD.fullmatch(one):
            fields += [f":param {name}: {found['words']}" for name in found["names"].split(", ")]
    return "\n".join(fields)


def anchored(text: str) -> str:
    """Return the list of references in Markdown, with each key as an anchor before its line."""
    return re.sub(rf"(?m)^\*\*{_KEY.pattern}\*\*:", r"(\1)=\n\g<0>", text)


def _controls(of: Explorable) -> str:
    """Return the controls of an explorer as its parameters."""
    listed = {"closed": "whether a guess is asked for before the picture opens"}
    listed |= {name: control.label for name, control in of.controls.items()}
    return "\n".join(["Parameters", "----------", *(f"{name} : {words}" for name, words in listed.items())])


def _sign(_app: Sphinx, what: str, _name: str, of: object, _options: object, signature: str, returns: str):
    if what == "function" and isinstance(of, Explorable):
        start = ", ".join(f"{name}={value!r}" for name, value in of.start.items())
        return f"(closed=False, *, {start})", returns
    if what == "class" and len(inspect.signature(of).parameters) > _READABLE:
        return "", returns
    return signature, returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what changes docstrings and signatures."""
    app.connect("autodoc-process-docstring", _process)
    app.connect("autodoc-process-signature", _sign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
