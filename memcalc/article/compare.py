"""Relations between a quantity and what the article says of it: in which units is the comparison true?"""

import operator
import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import sympy

from memcalc import Gpu, InputError, symbol, units
from memcalc.errors import choice, shown
from memcalc.estimate.ask import Quantity

EITHER = frozenset({"GB", "GiB"})
"""The units of a comparison that is true whichever of them is meant."""

_BINARY = {"MB": "MiB", "GB": "GiB", "TB": "TiB"}
_MULTIPLES = {"TB/s": ("GB/s", 10**3), "billion": ("parameters", 10**9)}


def units_of(found: Quantity, relation: str, published: str) -> frozenset[str]:
    """Return the units in which `found` has the relation to the published words; none if in neither.

    Parameters
    ----------
    found : the quantity as computed
    relation : one of RELATIONS
    published : a number with its unit, two with "to" between them, the name of a card, or a formula

    Raises InputError for an unknown relation or unreadable words.

    >>> cache = Quantity(2**34, "bytes")
    >>> sorted(units_of(cache, "is", "16 GB")), sorted(units_of(cache, "is above", "14 GB"))
    (['GiB'], ['GB', 'GiB'])
    """
    holds, _, _ = RELATIONS[choice("relation", relation, RELATIONS)]
    return frozenset(meant for meant in EITHER if holds(found, published, meant))


def _is(found: Quantity, published: str, meant: str) -> bool:
    number, unit = _amount(published)
    if found.unit == "bytes" and unit in _BINARY:
        return units.means(found.value, number, _BINARY[unit] if meant == "GiB" else unit)
    return units.rounds_to(Fraction(found.value), number, _size(found, unit, meant))


def _amounts(holds: Callable[[object, Fraction], bool], found: Quantity, published: str, meant: str) -> bool:
    number, unit = _amount(published)
    return holds(found.value, Fraction(number) * _size(found, unit, meant))


_about = partial(_amounts, lambda value, amount: abs(value / amount - 1) <= Fraction(1, 100))  # as prices are rounded
_at_least, _at_most = partial(_amounts, operator.ge), partial(_amounts, operator.le)


def _between(found: Quantity, published: str, meant: str) -> bool:
    low, _, high = published.partition(" to ")
    return _at_least(found, f"{low} {_amount(high)[1]}", meant) and _at_most(found, high, meant)


def _equals(found: Quantity, published: str, _meant: str) -> bool:
    """Compare with names joined by "+", or with a formula, a product of numbers and names of the glossary."""
    if isinstance(found.value, frozenset):
        return found.value == frozenset(published.split(" + "))
    factors = [sympy.Integer(part) if part.isdecimal() else symbol(part) for part in published.split(" × ")]
    return sympy.expand(found.value - sympy.Mul(*factors)) == 0


def _contains(found: Quantity, published: str, _meant: str) -> bool:
    """Ask whether a set has a number, or a formula a symbol."""
    if isinstance(found.value, frozenset):
        return Fraction(_amount(published)[0]) in found.value
    return symbol(published) in found.value.free_symbols


RELATIONS: dict[str, tuple[Callable[[Quantity, str, str], bool], str, str]] = {
    "is": (_is, "which is {}", "which is not {}"),
    "is about": (_about, "which is about {}", "not {}"),
    "is above": (partial(_amounts, operator.gt), "more than {}", "not more than {}"),
    "is below": (partial(_amounts, operator.lt), "less than {}", "not less than {}"),
    "is at least": (_at_least, "not less than {}", "less than {}"),
    "is at most": (_at_most, "not more than {}", "more than {}"),
    "is between": (_between, "which is {}", "not {}"),
    "fits": (lambda found, card, _: found.value <= Gpu.named(card).capacity, "fits the {}", "does not fit the {}"),
    "exceeds": (lambda found, card, _: found.value > Gpu.named(card).capacity, "does not fit the {}", "fits the {}"),
    "equals": (_equals, "which is {}", "not {}"),
    "contains": (_contains, "{} among them", "without {}"),
    "is shown": (lambda *_: True, "", ""),  # worth knowing, and the article gives no value
}
"""Relation → whether a quantity stands so to published words that mean one unit of EITHER, and how both is said."""


def said(found: Quantity, relation: str, published: str) -> str:
    """Write what a quantity is and how it stands to the published words.

    >>> said(Quantity(102 * 10**9, "bytes"), "fits", "A100 80 GB")
    '94.99 GiB = 102.00 GB, does not fit the A100 80 GB (79.15 GiB)'
    """
    _, true, false = RELATIONS[relation]
    meant = units_of(found, relation, published)
    if relation == "is" and len(meant) == 1:
        number, unit = published.split()
        unit = unit if "GB" in meant else _BINARY[unit]
        near = "which is" if found.value == units.parse(f"{number} {unit}") else "near"
        return f"{found}, {near} {number} {unit}"
    published = published.replace(" ×", "×")
    if relation in ("fits", "exceeds"):
        published += f" ({units.show(Gpu.named(published).capacity)})"
    return ", ".join(filter(None, [str(found), (true if meant else false).format(published)]))


def _amount(published: str) -> tuple[str, str]:
    match = re.fullmatch(r"([\d,]*\.?\d+) ?(.*)", published)
    if not match:
        raise InputError(f"published must be a number with its unit, not {shown(published)}.")
    return match[1].replace(",", ""), match[2]


def _size(found: Quantity, unit: str, meant: str) -> int:
    """Return how many of the quantity's own unit a published unit is."""
    if found.unit == "bytes" and unit in _BINARY:
        return units.UNITS[_BINARY[unit] if meant == "GiB" else unit]
    own, size = _MULTIPLES.get(unit, (unit, 1))
    if own != found.unit:
        raise InputError(f"unit must be {found.unit!r} as that of the quantity, or a multiple, not {unit!r}.")
    return size
