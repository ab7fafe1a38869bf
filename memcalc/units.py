"""Bytes and their names: the only place where a byte count is divided, rounded or read from text.

GB is 10⁹ bytes and GiB is 2³⁰ bytes, 7.4 % more. Inside the package every amount is a whole number of bytes.
"""

import math
import re
from fractions import Fraction

from memcalc.errors import InputError, shown
from memcalc.texts import tr

UNITS = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


def in_unit(count: int, unit: str) -> float:
    """Return `count` [bytes] as a number of `unit`.

    >>> in_unit(2**34, "GiB")
    16.0
    """
    return count / UNITS[unit]


def show(count: int | Fraction, unit: str = "GiB") -> str:
    """Write `count` [bytes] with its unit and two digits; what is less than an eighth of a GiB or GB, in MiB or MB.

    Halves are rounded up, as one does by hand.

    >>> show(17_179_869_184), show(17_179_869_184, "GB"), show(524_288), show(-(2**29)), show(28_125_000_000, "GB")
    ('16.00 GiB', '17.18 GB', '0.50 MiB', '-0.50 GiB', '28.13 GB')
    """
    if unit[0] == "G" and abs(count) < UNITS[unit] // 8:
        unit = unit.replace("G", "M")
    sign, hundredths = "-" if count < 0 else "", math.floor(abs(Fraction(count)) * 100 / UNITS[unit] + Fraction(1, 2))
    return f"{sign}{hundredths // 100:,}.{hundredths % 100:02} {unit}"


def show_both(count: int) -> str:
    """Write `count` [bytes] in both units, because readers expect one or the other.

    >>> show_both(17_179_869_184)
    '16.00 GiB = 17.18 GB'
    """
    return f"{show(count)} = {show(count, 'GB')}"


def means(count: int, published: str, unit: str) -> bool:
    """Return whether a published number of `unit` can mean `count` [bytes].

    GB and GiB differ by 7.4 %, so a number that is off by less than half of that tells which of them was meant;
    MB and MiB differ by 4.9 %, TB and TiB by 10 %.

    >>> means(17_179_869_184, "16", "GiB"), means(17_179_869_184, "16", "GB")
    (True, False)
    """
    ratio = Fraction(count) / (Fraction(published) * UNITS[unit])
    decimal, binary = (UNITS[f"{unit[0]}{end}"] for end in ("B", "iB"))
    half_gap = math.sqrt(binary / decimal)
    return 1 / half_gap < ratio < half_gap


def rounds_to(count: int, published: str, size: int) -> bool:
    """Return whether `count`, in multiples of `size` and rounded to the digits of `published`, is that number.

    >>> rounds_to(6_738_415_616, "7", 10**9), rounds_to(68_976_648_192, "70", 10**9)
    (True, False)
    """
    decimals = len(published.partition(".")[2])
    return round(Fraction(count, size), decimals) == Fraction(published)


def amount(value: int | Fraction, unit: str = "bytes") -> str:
    """Write the value of a term with its unit: seconds, energy and money in four digits, all else whole.

    >>> amount(2**34), amount(Fraction(1, 64), "seconds")
    ('17,179,869,184 bytes', '0.01562 seconds')
    """
    fraction = unit in ("seconds", "kWh", "US dollars")
    return f"{float(value):,.4g} {tr(unit)}" if fraction else f"{math.ceil(value):,} {tr(unit)}".rstrip()


def three_digits(number: float) -> str:
    """Write a number in three digits, or as a whole one.

    >>> three_digits(12.3456), three_digits(1008.4), three_digits(0.9)
    ('12.3', '1,008', '0.9')
    """
    return f"{number:,.0f}" if abs(number) >= 100 else f"{float(number):.3g}"


def counted(number: float | Fraction) -> str:
    """Write a count, or what is no whole number with two digits after the point.

    >>> counted(31778), counted(33.92312)
    ('31,778', '33.92')
    """
    return f"{int(number):,}" if number == int(number) else f"{float(number):,.2f}"


def billions(count: int) -> str:
    """Write a number of parameters as the names of models do.

    >>> billions(12_412_000_000), billions(139_000_000_000), billions(68_976_648_192)
    ('12.4B', '139B', '69B')
    """
    return f"{three_digits(count / 10**9)}B"


def dollars(amount: float | Fraction) -> str:
    """Write an amount of US dollars, with cents if there are any.

    >>> dollars(1599), dollars(0.1229)
    ('$1,599', '$0.12')
    """
    return f"${counted(amount)}"


def to_bytes(amount: str | int | Fraction, unit: str) -> int:
    """Return the whole bytes in `amount` of `unit`, rounded down: a capacity is never rounded up.

    >>> to_bytes("23.64", "GiB")
    25383256719
    """
    return int(Fraction(amount) * UNITS[unit])


def parse(text: str, unit: str = "") -> Fraction:
    """Read an amount such as "4 GiB" or "17,179 bytes" [bytes]; the text is never evaluated.

    A number alone is in `unit`; a unit that is not one of UNITS, such as "tokens", is the only one allowed.
    Raises InputError for anything else.

    >>> parse("4 GiB"), parse("4.5", "kB"), parse("92,164 tokens", "tokens")
    (Fraction(4294967296, 1), Fraction(4500, 1), Fraction(92164, 1))
    >>> parse("24,62 GiB")
    Traceback (most recent call last):
    memcalc.errors.InputError: amount '24,62 GiB' is not a number with a unit; write for example '4 GiB' or '4.29 GB'.
    """
    amount = r"\s*(\d{1,3}(?:,\d{3}){1,99}|\d{1,300})(\.\d{1,300})?\s*([a-z]*|%)\s*"  # no endless digits
    match = re.fullmatch(amount, text, re.IGNORECASE)
    sizes = {name.casefold(): size for name, size in UNITS.items()} | {"byte": 1, "bytes": 1}
    wanted = tr("a number with a unit; write for example '4 GiB' or '4.29 GB'")
    if unit and unit not in UNITS:  # what is not bytes has no other unit
        called = tr(unit)
        sizes = dict.fromkeys((unit, called.casefold(), "%" if unit == "percent" else unit), 1)
        wanted = tr("a number of {unit}", unit=called)
    said = (match[3].casefold() or unit.casefold()) if match else ""
    if said not in sizes:
        raise InputError(tr("amount {text} is not {wanted}.", text=shown(text), wanted=wanted))
    return Fraction(match[1].replace(",", "") + (match[2] or "")) * sizes[said]
