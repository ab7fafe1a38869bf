"""What a user may have typed wrongly, said in one sentence."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable


class InputError(ValueError):
    """A value that a user gave and that cannot be used; the message names the field, the value and what is allowed."""


def whole(field: str, value: object, low: int, high: int) -> int:
    """Return `value` as an int if it is a whole number from `low` to `high`.

    >>> whole("context", 4096, 1, 10**6)
    4096
    >>> whole("context", -5, 1, 10**6)
    Traceback (most recent call last):
    memcalc.errors.InputError: context must be a whole number from 1 to 1,000,000, not -5.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not low <= number <= high:
        raise InputError(f"{field} must be a whole number from {low:,} to {high:,}, not {value!r}.")
    return number


def choice(field: str, value: object, options: Iterable[str]) -> str:
    """Return the option that `value` spells, whatever its case, spaces and dashes.

    >>> choice("weights format", "fp16", ["FP16", "INT8"])
    'FP16'
    >>> choice("weights format", "FP61", ["FP16", "INT8"])
    Traceback (most recent call last):
    memcalc.errors.InputError: weights format 'FP61' is not known; the nearest is FP16. Known: FP16, INT8.
    """
    spellings = {_plain(option): option for option in options}
    if isinstance(value, str) and _plain(value) in spellings:
        return spellings[_plain(value)]
    close = difflib.get_close_matches(_plain(str(value)), spellings, n=3, cutoff=0.65)
    nearest = " or ".join(spellings[plain] for plain in close)
    hint = f"; the nearest is {nearest}" if nearest else ""
    raise InputError(f"{field} {value!r} is not known{hint}. Known: {', '.join(spellings.values())}.")


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum() or character == ".")
