"""What people read, in their language: the English text is its own name, and a catalogue in locale/ may have another.

A text is one whole sentence with named fields, because other languages put its parts in another order.
"""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import ParamSpec, TypeVar

VARIABLE = "MEMCALC_LANGUAGE"
"""The variable of the environment that says which language is chosen at the start."""

ENGLISH = "en"

_HERE = files("memcalc") / "locale"
_Asked, _Found = ParamSpec("_Asked"), TypeVar("_Found")


def languages() -> tuple[str, ...]:
    """Return the languages that there are: that of the texts, and those that have a catalogue.

    >>> languages()
    ('en', 'de')
    """
    return (ENGLISH, *sorted(folder.name for folder in _HERE.iterdir() if folder.is_dir()))


class _Chosen:
    """Which language is chosen, and what it says."""

    name = ENGLISH
    says = NullTranslations()


def chosen() -> str:
    """Return the language that is chosen."""
    return _Chosen.name


def speak(language: str, says: NullTranslations | None = None) -> None:
    """Choose a language, one of `languages`, or another with what it `says`."""
    if says is None and language != ENGLISH:
        with (_HERE / language / "LC_MESSAGES" / "memcalc.mo").open("rb") as catalogue:
            says = GNUTranslations(catalogue)
    _Chosen.name, _Chosen.says = language, says or NullTranslations()


def tr(text: str, /, **fields: object) -> str:
    """Return a text in the chosen language, with the fields that are given put in their places.

    >>> tr("{amount} are left.", amount="4.00 GiB")
    '4.00 GiB are left.'
    """
    said = _Chosen.says.gettext(text) if text else ""  # gettext keeps its own notes under the empty text
    return said.format(**fields) if fields else said


def tr_many(one: str, many: str, count: int, /, **fields: object) -> str:
    """Return the one of two texts that a count needs, as `tr` does; it is a field itself.

    >>> tr_many("{count} card", "{count:,} cards", 2000)
    '2,000 cards'
    """
    return _Chosen.says.ngettext(one, many, count).format(count=count, **fields)


def both(parts: Sequence[str]) -> str:
    """Return a few things as people list them.

    >>> both(["weights", "cache"])
    'weights and cache'
    """
    return tr(" and ").join(parts)


def later(text: str) -> str:
    """Return a text as it is: it is entered in the catalogue, and `tr` is asked for it when it is shown."""
    return text


def later_many(one: str, many: str) -> tuple[str, str]:
    """Return two texts as they are: they are entered in the catalogue, and `tr_many` is asked for them."""
    return one, many


def cached(function: Callable[_Asked, _Found]) -> Callable[_Asked, _Found]:
    """Keep what a function returns, for each language on its own."""
    kept = lru_cache(maxsize=1024)(lambda language, *asked, **named: function(*asked, **named))
    return wraps(function)(lambda *asked, **named: kept(chosen(), *asked, **named))


if os.environ.get(VARIABLE) in languages():  # the command line says so of another
    speak(os.environ[VARIABLE])
