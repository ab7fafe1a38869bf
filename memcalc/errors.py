"""What a user may have given wrongly, said in one sentence."""

import difflib
import operator
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

_Meant = TypeVar("_Meant")


class InputError(ValueError):
    """A value that a user gave and that cannot be used; the message names the field, the value and what is allowed."""


def must(field: str, allowed: str, value: object) -> InputError:
    """Return the refusal of a field's value: its name, what is allowed, and what stands there.

    >>> str(must("zero", "0 with sharding fsdp", 3))
    'zero must be 0 with sharding fsdp, not 3.'
    """
    return InputError(f"{field} must be {allowed}, not {f'{value:,}' if type(value) is int else value}.")


def whole(field: str, value: object, low: int, high: int, bound: str = "") -> int:
    """Return `value` as an int if it is a whole number from `low` to `high`, else raise InputError.

    `bound` is what the upper limit comes from, for the message.

    >>> whole("context", 4096, 1, 10**6)
    4096
    >>> whole("context", -5, 1, 10**6)
    Traceback (most recent call last):
    memcalc.errors.InputError: context must be a whole number from 1 to 1,000,000, not -5.
    """
    number = integer(value)
    if number is None or not low <= number <= high:
        raise must(field, f"a whole number from {low:,} to {bound and f'{bound} = '}{high:,}", shown(value))
    return number


def integer(value: object) -> int | None:
    """Return a whole number of any kind as an int; None for what is none, truth values included.

    >>> integer(7), integer(True), integer(7.0)
    (7, None, None)
    """
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def choice(
    field: str, value: object, options: Iterable[str], aliases: Mapping[str, str] | None = None, listed: str = ""
) -> str:
    """Return the option that `value` spells, whatever its case, spaces and dashes, else raise InputError.

    Parameters
    ----------
    field : what is chosen, for the message
    options : what can be chosen; the message lists a few, and of many the nearest
    aliases : other spellings → options
    listed : a sentence on where many options are listed, for a value that is near to none

    >>> choice("weights format", "fp16", ["FP16", "INT8"])
    'FP16'
    >>> choice("weights format", "FP61", ["FP16", "INT8"])
    Traceback (most recent call last):
    memcalc.errors.InputError: weights format 'FP61' is not known; the nearest is FP16. Known: FP16, INT8.
    """
    names = {option: option for option in options}
    spellings = {**(aliases or {}), **names}
    if (found := spelled(value, spellings)) is not None:
        return found
    nearest = " or ".join(_nearest(_plain(shown(value)), spellings))
    hint = f"; the nearest is {nearest}" if nearest else ""
    known = f" Known: {', '.join(names)}." if len(names) <= _LISTED else ""
    known = known or (f" {listed}" if listed and not nearest else "")
    raise InputError(f"{field} {shown(value)} is not known{hint}.{known}")


def spelled(value: object, names: Mapping[str, _Meant]) -> _Meant | None:
    """Return what stands under the name that `value` spells, whatever its case, spaces and dashes; else None.

    >>> spelled("rtx4090", {"RTX 4090": 24}), spelled("RTX 4080", {"RTX 4090": 24})
    (24, None)
    """
    if not isinstance(value, str):
        return None
    if value in names:
        return names[value]
    plain = _plain(value)
    return {_plain(name): meant for name, meant in names.items()}.get(plain) if plain else None


_LISTED, _SHOWN = 10, 5
"""So many options can be listed in a sentence; so many of the nearest are named."""


def _nearest(plain: str, names: Mapping[str, str]) -> list[str]:
    """Return the few options that are spelled most alike: those that begin as the text does come first."""
    spellings = {_plain(name): option for name, option in names.items()}
    close = difflib.get_close_matches(plain, spellings, n=3, cutoff=0.65)
    longer = [spelling for spelling in spellings if plain and spelling.startswith(plain)] if len(plain) > 2 else []
    ordered = sorted(longer, key=len) + close
    return list(dict.fromkeys(spellings[spelling] for spelling in ordered))[:_SHOWN]


def instance(field: str, value: object, *kinds: type) -> None:
    """Raise InputError if `value` is of none of the kinds.

    >>> instance("model", "LLaMA-7B", int)
    Traceback (most recent call last):
    memcalc.errors.InputError: model must be of type int, not 'LLaMA-7B'.
    """
    if not isinstance(value, kinds):
        *others, last = (kind.__name__ for kind in kinds)
        raise must(field, f"of type {', '.join(others)}{' or ' if others else ''}{last}", shown(value))


def shown(value: object, most: int = 60) -> str:
    """Return `value` as it stands in a sentence: short, whatever it is; `most` characters of it, if it has more."""
    try:
        text = repr(value)
    except Exception:  # a fault of its own, or a whole number of more than 4,300 digits, which Python does not write
        a_number = isinstance(value, int)
        text = "a number of thousands of digits" if a_number else f"an object of the type {type(value).__name__}"
    return text if len(text) <= most else f"{text[:most]}…"


def _plain(name: str) -> str:
    apart = re.sub(r"(?<=\d)[\s_-]+(?=\d)", "/", name.casefold())  # "Llama 2 7B" is not "Llama 27B"
    return "".join(character for character in apart if character.isalnum() or character in "./")
