"""A card: its three memories, which differ, its speed and its price."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING

from memcalc import catalogue
from memcalc.catalogue import Row
from memcalc.errors import InputError, must, shown, whole
from memcalc.specs.fields import Spec, amount, count, declare, text
from memcalc.texts import tr
from memcalc.units import UNITS, parse, to_bytes

if TYPE_CHECKING:
    import sympy

LARGEST_CARD = 10**6
"""GB: a thousand times the largest cards of 2026."""

HIGHEST_PRICE = 10**9
"""US dollars: more than any card costs."""

_MOST = LARGEST_CARD * 1024

_SIZED = r"\s*([\d.,]+\s*[KMGT]i?B)\s*(?:(?:@|at|with)\s*([\d.,]+\s*[KMGT]i?B)\s*/\s*s)?\s*"
"""A card by its size, such as "24 GB" or "48 GB at 960 GB/s"."""

_SEVERAL = r"\s*(\d{1,3})\s*[x×*]\s*(\S.*?)\s*|\s*(\S.*?)(?:\s+[x×*]\s*|(?<=\d)[x×*])(\d{1,3})\s*"
"""Several cards, such as "2x RTX 3090" or "RTX 3090 x2"; the X of "RX 580" and "GTX 970" is of their names."""


def each(card: str) -> list[str]:
    """Return each of the cards that stand in one text.

    >>> each("2x RTX 3090"), each("3090x2"), each("GTX 970")
    (['RTX 3090', 'RTX 3090'], ['3090', '3090'], ['GTX 970'])
    """
    several = re.fullmatch(_SEVERAL, card, re.IGNORECASE)
    if not several:
        return [card]
    before, first, second, after = several.groups()
    return [first or second] * int(before or after) or [card]


def _price(field: str, value: object) -> int | None:
    return None if value is None else whole(field, value, 1, HIGHEST_PRICE)


def _check_one(card: object) -> None:
    several = re.fullmatch(_SEVERAL, card, re.IGNORECASE) if isinstance(card, str) else None
    if several:
        before, first, second, after = several.groups()
        raise must("gpu", f"one card, such as {first or second} with --tensor-parallel {before or after}", shown(card))


@cache
def _capability(name: str) -> Fraction | None:
    """Return what the first row says that names the card; * stands for any ending."""
    rows = catalogue.rows("capabilities")
    return next((Fraction(row["capability"]) for row in rows if _means(row["cards"], name)), None)


def _means(cards: str, name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in cards.split("|"))


@dataclass(frozen=True)
class Gpu(Spec, Row):
    """A card and its three memories, which differ.

    Raises InputError if a number is impossible or a name unknown.

    >>> Gpu.named("RTX 4090").capacity
    25383256719
    """

    name: str = text("what the card is called")
    vendor: str = text("who makes it")
    marketed_gb: int = count("what the card is sold as [GB, or `marketed_unit`]", 1, LARGEST_CARD)
    reported_mib: int | None = amount("what the driver reports [MiB], or None", _MOST)
    visible_gib: Fraction | None = amount("what a program sees [GiB], or None", _MOST)
    source: str = text("where all this is said")
    bandwidth_gbs: Fraction | None = amount("how fast its memory is read [GB/s], or None", _MOST, default=None)
    bf16_tflops: Fraction | None = amount(
        "how fast it computes in 16 bit, dense [10¹² operations/s], or None", _MOST, default=None
    )
    board_watts: int | None = amount("what it draws at most [W], or None", _MOST, default=None)
    marketed_unit: str = text('"GiB" if the vendor\'s documents say so, else "GB"', ("GB", "GiB"), default="GB")
    memory_type: str = text("what its memory is; empty if not known", default="")
    price_usd: int | None = declare(
        _price, "what it costs, or the lower end of a range [US dollars], or None", default=None
    )
    price_high_usd: int | None = declare(_price, "the upper end of the range [US dollars], or None", default=None)
    price_is: str = text(
        '"list" for the price of the vendor, "market" for that of sellers', ("list", "market"), default="list"
    )
    price_date: str = text("when it cost that: a year, or a year and a month", default="")
    price_note: str = text("a remark on the price", default="", repr=False)
    price_source: str = text("where the price is said", default="", repr=False)
    note: str = text("a remark on the card", default="", repr=False)

    def _check_together(self) -> None:
        if self.price_high_usd is None:
            return
        if self.price_usd is None:
            raise InputError("price_usd must be given with price_high_usd, for it is the lower end of the range.")
        whole("price_high_usd", self.price_high_usd, self.price_usd, HIGHEST_PRICE)

    @classmethod
    def of(cls, card: str) -> Gpu:
        """Return a card of data/gpus.csv, or one of a size and, if it is said, a speed of its memory.

        A size is what a program can use of the card, and its unit is meant: 24 GB is less than 24 GiB.
        Raises InputError for what is neither a name nor a size, a name of several sizes, and several cards.

        >>> Gpu.of("24 GB").capacity, Gpu.of("48GB@960GB/s").bandwidth, Gpu.of("rtx4090").name
        (24000000000, 960000000000, 'RTX 4090')
        """
        size = re.fullmatch(_SIZED, card, re.IGNORECASE) if isinstance(card, str) else None
        if not size:
            _check_one(card)
            return cls._named_or_sized(card)
        capacity, speed = (parse(amount) / UNITS["GB"] if amount else None for amount in size.groups())
        if not 0 < capacity <= LARGEST_CARD or (speed is not None and not 0 < speed <= _MOST):
            raise must("gpu", f"a name, or a size up to {LARGEST_CARD:,} GB such as '48 GB at 960 GB/s'", shown(card))
        usable = capacity * UNITS["GB"] / UNITS["GiB"]
        name = " ".join(card.split())
        return cls(name, "", math.ceil(capacity), None, usable, "as you said", bandwidth_gbs=speed)

    @classmethod
    def _named_or_sized(cls, card: object) -> Gpu:
        try:
            return cls.named(card)
        except InputError as problem:
            a_number = re.fullmatch(r"\d{1,3}", shown(card).strip("'"))
            size = f"{card} GB" if a_number else "24 GB at 960 GB/s"
            raise InputError(f"{problem} Any card can be given by its size, such as {size!r}.") from None

    @classmethod
    def sold_as(cls, name: str) -> list[Gpu]:
        """Return the card of this name in data/gpus.csv, or the cards of every size that share it.

        >>> [gpu.marketed_gb for gpu in Gpu.sold_as("M3 Ultra")], [gpu.name for gpu in Gpu.sold_as("RTX 4090")]
        ([96, 256, 512], ['RTX 4090'])
        """
        begins = [row for row in catalogue.rows("gpus") if f"{row['name']} ".startswith(f"{name} ")]
        shares = [row["sizes_of"] and f"{name} ".startswith(f"{row['sizes_of']} ") for row in begins]
        return [cls.named(row["name"]) for row, one in zip(begins, shares, strict=True) if one or row["name"] == name]

    @cached_property
    def capacity(self) -> int:
        """What a program can use [bytes]: the visible memory, or the nearest to it that is known."""
        if self.visible_gib:
            return to_bytes(self.visible_gib, "GiB")
        return (
            to_bytes(self.reported_mib, "MiB") if self.reported_mib else to_bytes(self.marketed_gb, self.marketed_unit)
        )

    @property
    def capacity_is(self) -> str:
        """Which of the three memories `capacity` is."""
        return "visible" if self.visible_gib else "reported" if self.reported_mib else "marketed"

    @property
    def capacity_said(self) -> str:
        """Who says what `capacity` is, as a sentence begins that ends with it.

        >>> Gpu.named("RTX 4090").capacity_said, Gpu.named("L4").capacity_said, Gpu.named("RTX 3070").capacity_said
        ('a program sees', 'the driver reports', 'sold as 8 GB =')
        """
        if self.capacity_is == "marketed":
            return tr("sold as") if self.marketed_unit != "GB" else tr("sold as {gb:,} GB =", gb=self.marketed_gb)
        return tr("a program sees") if self.capacity_is == "visible" else tr("the driver reports")

    @property
    def capability(self) -> Fraction | None:
        """Its compute capability, as NVIDIA counts what a card can do; None for other cards, and for a mere size.

        >>> Gpu.named("RTX 3090").capability, Gpu.named("RTX 5000 Ada").capability, Gpu.of("24 GB").capability
        (Fraction(43, 5), Fraction(89, 10), None)
        """
        return _capability(self.name)

    @property
    def unified(self) -> bool:
        """Whether the CPU has the same memory, so that nothing is gained by leaving a part to it."""
        return self.memory_type.endswith("unified")

    @cached_property
    def bandwidth(self) -> int | None:
        """How fast its memory is read [bytes/s], or None."""
        return to_bytes(self.bandwidth_gbs, "GB") if self.bandwidth_gbs else None

    @cached_property
    def values(self) -> dict[sympy.Symbol, int]:
        """Symbol → number for the terms of speed; a speed that is not known has none."""
        from memcalc.formula.symbols import symbol

        speeds = {"bandwidth": self.bandwidth, "arithmetic": int((self.bf16_tflops or 0) * 10**12)}
        return {symbol(name): speed for name, speed in speeds.items() if speed}
