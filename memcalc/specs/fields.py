"""Declared fields: what a field may be, its unit and a sentence on it stand once, where a spec lists it.

Checks and refusals, documentation, and the options of the command line are derived from the declarations.
"""

import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, field, fields
from fractions import Fraction
from functools import partial
from numbers import Real
from typing import ClassVar, NamedTuple

from memcalc import catalogue
from memcalc.errors import InputError, choice, instance, must, shown, spelled, whole
from memcalc.formula.choices import Choice
from memcalc.formula.glossary import BY_NAME
from memcalc.units import UNITS, parse


class Declared(NamedTuple):
    """What is declared of a field: a check of a name and a value, which returns what is kept of it; what the field is;
    and what depends on it, as a sentence says where nothing does.
    """

    check: Callable[[str, object], object]
    meaning: str
    matters: str = ""


def _checked(declared: Declared, name: str, value: object) -> object:
    """Return what is kept of a value; the refusal of a word that belongs elsewhere says where: data/other_words.csv."""
    try:
        return declared.check(name, value)
    except InputError as problem:
        rows = (row for row in catalogue.rows("other_words") if name in row["field"].split("|"))
        meant = spelled(value, {word: row["meant"] for row in rows for word in row["words"].split("|")})
        if meant:
            raise InputError(f"{problem} {meant}") from None
        raise


class Spec:
    """What a user states: every field is declared, checked when a spec is made, and kept in one spelling."""

    declared: ClassVar[dict[str, Declared]]

    def __init_subclass__(cls):
        """Collect the declarations, and list them in the documentation, which `python -OO` does without."""
        cls.__repr__ = Spec.__repr__  # else each dataclass makes one that says all of its fields
        cls.declared = {name: one.metadata["declared"] for name, one in vars(cls).items() if isinstance(one, Field)}
        if cls.declared and cls.__doc__:
            first, _, rest = cls.__doc__.partition("\n\n")
            fill = partial(textwrap.fill, width=116, initial_indent=" " * 4, subsequent_indent=" " * 8)
            lines = (f"{name} : {one.meaning or BY_NAME[name].meaning}" for name, one in cls.declared.items())
            listed = "\n".join(map(fill, lines))
            cls.__doc__ = f"{first}\n\n    Parameters\n    ----------\n{listed}\n\n{rest}"

    def __post_init__(self):
        for name, declared in self.declared.items():
            object.__setattr__(self, name, _checked(declared, name, getattr(self, name)))
        self._check_together()

    def __repr__(self) -> str:
        """Return the call that makes it anew: what it leaves at its default is not said."""
        said = ((one, getattr(self, one.name)) for one in fields(self) if one.repr)
        given = (f"{one.name}={value!r}" for one, value in said if one.default is MISSING or value != one.default)
        return f"{type(self).__name__}({', '.join(given)})"

    def _check_together(self) -> None:
        """Raise InputError if fields contradict each other."""


def declare(check: Callable[[str, object], object], meaning: str, matters: str = "", **settings: object):
    """Return a field of a spec with a check of its own; `settings` are those of a dataclass, such as a default."""
    return field(**settings, metadata={"declared": Declared(check, meaning, matters)})


def count(meaning: str = "", low: int | None = None, high: int | None = None, matters: str = "", **default: int):
    """Return a field for a whole number.

    Parameters
    ----------
    meaning : with its unit in brackets; nothing for a symbol of the glossary, which says it
    low, high : limits; None for those of the symbol of this name
    matters : what alone depends on it, to be said where it changes nothing; so of the other fields below
    """

    def check(name: str, value: object) -> int:
        entry = BY_NAME.get(name)
        return whole(name, value, entry.least if low is None else low, entry.limit if high is None else high)

    return declare(check, meaning, matters, **default)


def word(kind: type[Choice], meaning: str, default: Choice, matters: str = ""):
    """Return a field for a word of a few; its sentence ends in what each of them means."""
    words = ", ".join(f'"{one}" ({one.sentence})' for one in kind)

    def check(name: str, value: object) -> Choice:
        return value if type(value) is kind else choice(name, value, kind)

    return declare(check, f"{meaning}: {words}", matters, default=default)


def name_in(table: str, meaning: str, default: str):
    """Return a field for the name of a row of a table in data/, or one of its aliases."""
    return declare(lambda name, value: catalogue.find(table, name, value)["name"], meaning, default=default)


def flag(meaning: str, default: bool, matters: str = ""):
    """Return a field for a truth value."""

    def check(name: str, value: object) -> bool:
        if not isinstance(value, bool):
            raise must(name, "True or False", shown(value))
        return value

    return declare(check, meaning, matters, default=default)


def text(meaning: str, options: Iterable[str] = (), **settings: object):
    """Return a field for a text; one of the options, if there are any."""

    def check(name: str, value: object) -> str:
        instance(name, value, str)
        return choice(name, value, options) if options else value

    return declare(check, meaning, **settings)


def texts(meaning: str):
    """Return a field for several texts, none unless they are given."""

    def check(name: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, tuple | list) or not all(isinstance(one, str) for one in value):
            raise must(name, "a tuple of texts", shown(value))
        return tuple(value)

    return declare(check, meaning, default=())


def optional(kind: type, meaning: str, **default: None):
    """Return a field for an object of a kind, or None."""

    def check(name: str, value: object) -> object:
        if value is not None:
            instance(name, value, kind)
        return value

    return declare(check, meaning, **default)


def amount(meaning: str, below: int, matters: str = "", per_second: bool = False, **default: None):
    """Return a field for a positive number less than `below`, or None where it is not known.

    Parameters
    ----------
    per_second : whether it is one of GB/s, which a text may say with its unit, such as "80 GB/s"
    """

    def check(name: str, value: object) -> object:
        if per_second and isinstance(value, str):
            value = _gb_per_second(name, value)
        real = isinstance(value, Real) and not isinstance(value, bool)
        if value is not None and not (real and 0 < value < below):
            raise must(name, "a positive number", shown(value))
        return value

    return declare(check, meaning, matters, **default)


def _gb_per_second(name: str, rate: str) -> Fraction | int:
    allowed = "a positive number of GB/s, or one with its unit, such as '80 GB/s'"
    size = re.fullmatch(r"(.*[a-z])\s*/\s*s\s*", rate, re.IGNORECASE)
    try:
        found = parse(size[1] if size else "") / UNITS["GB"]
    except InputError:
        raise must(name, allowed, shown(rate)) from None
    return int(found) if found.denominator == 1 else found
