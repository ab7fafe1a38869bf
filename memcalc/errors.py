"""What a user may have given wrongly, said in one sentence."""

import difflib
import operator
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from memcalc.texts import later, tr

_Meant = TypeVar("_Meant")


class InputError(ValueError):
    """A value that a user gave and that cannot be used; the message names the field, the value and what is allowed."""


def must(field: str, allowed: str, value: object) -> InputError:
    """Return the refusal of a field's value: its name, what is allowed, and what stands there.

    >>> str(must("zero", "0 with sharding fsdp", 3))
    'zero must be 0 with sharding fsdp, not 3.'
    """
    given = f"{value:,}" if type(value) is int else value
    return InputError(tr("{field} must be {allowed}, not {given}.", field=field, allowed=allowed, given=given))


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
        most = f"{bound} = {high:,}" if bound else f"{high:,}"
        raise must(field, tr("a whole number from {low:,} to {most}", low=low, most=most), shown(value))
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
    near = tr(" or ").join(nearest(shown(value), spellings))
    said = _NEAR if near else later("{field} {given} is not known.")
    known = f" {tr(_KNOWN, names=', '.join(names))}" if len(names) <= _LISTED else ""
    known = known or (f" {listed}" if listed and not near else "")
    raise InputError(tr(said, field=field, given=shown(value), near=near) + known)


_NEAR, _KNOWN = later("{field} {given} is not known; the nearest is {near}."), later("Known: {names}.")


def without_list(problem: InputError) -> str:
    """Return a refusal without the names that it may list, or where they are, for a reader who sees them anyway."""
    named = str(problem).partition(f" {tr(_KNOWN).partition('{')[0]}")[0]
    return named.partition(" `python -m memcalc list")[0]


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


_LISTED, _SHOWN, _FEW = 10, 5, 3
"""So many options can be listed in a sentence; so many of the nearest are named, and of those spelled almost so."""


def nearest(text: str, names: Mapping[str, str]) -> list[str]:
    """Return the few options that a text may mean, best first; none where all are far.

    First those that begin as the text does; then those with all of its words, or whose words it all has; then those
    that are spelled almost so, with the same numbers first; and if there are none, those that share a rare word.

    Parameters
    ----------
    names : spellings → options

    >>> cards = {name: name for name in ("RTX 3060 12 GB", "RTX 4090", "H100 NVL")}
    >>> nearest("3060", cards), nearest("nvidia h100", cards), nearest("RTX 4091", cards), nearest("tag", cards)
    (['RTX 3060 12 GB'], ['H100 NVL'], ['RTX 4090'], [])
    """
    plain, asked, found = _plain(text), _words(text), []
    for name, option in names.items():
        alike = difflib.SequenceMatcher(None, plain, _plain(name)).ratio()
        if (rank := _rank(plain, asked, _plain(name), _words(name), alike)) is not None:
            found.append((*rank, option))
    least = min(found, default=(0,))[0]
    close = [option for kind, *_, option in sorted(found, key=lambda one: one[:-1]) if kind <= max(least, _ALIKE)]
    return list(dict.fromkeys(close))[: _SHOWN if least < _ALIKE else _FEW]


_BEGINS, _WORDS, _ALIKE, _SHARES = range(4)
_CLOSE = 0.7
"""So much of two spellings must be the same for one to be near to the other."""


def _rank(plain: str, asked: set[str], spelled: str, words: set[str], alike: float) -> tuple[float, ...] | None:
    """Return how near a spelling is, the nearest first; None for one that is far."""
    numbers = len({word for word in asked if word[-1:].isdigit()} - words)
    if len(plain) > 2 and spelled.startswith(plain):
        return _BEGINS, len(spelled)
    if len(plain) > 1 and not plain.isdigit() and asked and words and (asked <= words or words <= asked):
        return _WORDS, -alike
    if alike >= _CLOSE:
        return _ALIKE, numbers, -alike
    shared = {word for word in asked & words if _RARE.fullmatch(word)}
    return (_SHARES, -len(shared), -alike) if shared else None


_RARE = re.compile(r"(?!\d+(\.\d+)?[bmkt]$)(?=.*[a-z])[a-z]*\d[a-z\d.]*|[a-z]{4,}|\d{4,}")
"""A word that few names have: one of letters and digits, but no size, a long one, or a long number."""


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}|[a-z]{0,2}\d+(?:\.\d+)*[a-z]*|[a-z]+", name.casefold()))


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
