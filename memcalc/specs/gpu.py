"""A card: its three memories, which differ, its speed and its price."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import sympy

from memcalc import catalogue
from memcalc.catalogue import Row
from memcalc.errors import InputError, whole
from memcalc.formula.symbols import symbol
from memcalc.specs.fields import Spec, amount, count, declare, text
from memcalc.units import to_bytes

LARGEST_CARD = 10**6
"""GB: a thousand times the largest cards of 2026."""

HIGHEST_PRICE = 10**9
"""US dollars: more than any card costs."""

_MOST = LARGEST_CARD * 1024


def _price(field: str, value: object) -> int | None:
    return None if value is None else whole(field, value, 1, HIGHEST_PRICE)


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
    def sold_as(cls, name: str) -> list[Gpu]:
        """Return the cards of data/gpus.csv whose names begin with these words, such as those of every size.

        >>> [gpu.marketed_gb for gpu in Gpu.sold_as("M3 Ultra")]
        [96, 256, 512]
        """
        return [cls.named(one) for one in catalogue.names("gpus") if f"{one} ".startswith(f"{name} ")]

    @property
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
    def bandwidth(self) -> int | None:
        """How fast its memory is read [bytes/s], or None."""
        return to_bytes(self.bandwidth_gbs, "GB") if self.bandwidth_gbs else None

    @property
    def values(self) -> dict[sympy.Symbol, int]:
        """Symbol → number for the terms of speed; a speed that is not known has none."""
        speeds = {"bandwidth": self.bandwidth, "arithmetic": int((self.bf16_tflops or 0) * 10**12)}
        return {symbol(name): speed for name, speed in speeds.items() if speed}
