"""A card: its three memories, which differ, its speed and its price."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Real

import sympy

from memcalc import catalogue
from memcalc.errors import InputError, choice, keep_whole, shown
from memcalc.formula.symbols import symbol
from memcalc.units import to_bytes

LARGEST_CARD = 10**6
"""GB: a thousand times the largest cards of 2026."""

HIGHEST_PRICE = 10**9
"""US dollars: more than any card costs."""

PRICES = ("list", "market")
"""What a price is: the vendor's, or what sellers ask."""


@dataclass(frozen=True)
class Gpu:
    """A card and its three memories, which differ.

    Parameters
    ----------
    marketed_gb : what the card is sold as [GB, or `marketed_unit`]
    reported_mib : what the driver reports [MiB], or None
    visible_gib : what a program sees [GiB], or None
    bandwidth_gbs : how fast its memory is read [GB/s], or None
    bf16_tflops : how fast it computes in 16 bit, dense [10¹² operations/s], or None
    marketed_unit : "GiB" if the vendor's documents say so, else "GB"
    memory_type : what its memory is; empty if not known
    price_usd : what it costs, or the lower end of a range [US dollars], or None
    price_high_usd : the upper end of the range [US dollars], or None
    price_is : "list" for the price of the vendor, "market" for that of sellers
    price_date : when it cost that: a year, or a year and a month

    Raises InputError if a number is impossible or a name unknown.

    >>> Gpu.named("RTX 4090").capacity
    25383256719
    """

    name: str
    vendor: str
    marketed_gb: int
    reported_mib: int | None
    visible_gib: Fraction | None
    source: str
    bandwidth_gbs: Fraction | None = None
    bf16_tflops: Fraction | None = None
    marketed_unit: str = "GB"
    memory_type: str = ""
    price_usd: int | None = None
    price_high_usd: int | None = None
    price_is: str = "list"
    price_date: str = ""
    price_note: str = field(default="", repr=False)
    price_source: str = field(default="", repr=False)
    note: str = field(default="", repr=False)

    def __post_init__(self):
        keep_whole(self, "marketed_gb", 1, LARGEST_CARD)
        for name in ("reported_mib", "visible_gib", "bandwidth_gbs", "bf16_tflops"):
            size = getattr(self, name)
            if size is not None and not (isinstance(size, Real) and 0 < size < LARGEST_CARD * 1024):
                raise InputError(f"{name} must be a positive number, not {shown(size)}.")
        for name, options in (("marketed_unit", ("GB", "GiB")), ("price_is", PRICES)):
            object.__setattr__(self, name, choice(name, getattr(self, name), options))
        self._keep_price()

    def _keep_price(self):
        if self.price_usd is None and self.price_high_usd is not None:
            raise InputError("price_usd must be given with price_high_usd, for it is the lower end of the range.")
        for name, least in (("price_usd", 1), ("price_high_usd", self.price_usd)):
            if getattr(self, name) is not None:
                keep_whole(self, name, least, HIGHEST_PRICE)

    @classmethod
    def named(cls, name: str) -> Gpu:
        """Return the card of that name from data/gpus.csv; a wrong name raises InputError with the nearest ones."""
        row = catalogue.find("gpus", "gpu", name)
        texts = ("vendor", "source", "memory_type", "price_date", "price_note", "price_source", "note")
        return cls(
            name=row["name"],
            marketed_gb=int(row["marketed_gb"]),
            reported_mib=int(row["reported_mib"]) if row["reported_mib"] else None,
            visible_gib=Fraction(row["visible_gib"]) if row["visible_gib"] else None,
            **{name: row[name] for name in texts},
            **{name: row[name] for name in ("marketed_unit", "price_is") if row[name]},
            **{name: Fraction(row[name]) for name in ("bandwidth_gbs", "bf16_tflops") if row[name]},
            **{name: int(row[name]) for name in ("price_usd", "price_high_usd") if row[name]},
        )

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
        speeds = {
            "bandwidth": self.bandwidth,
            "arithmetic": int((self.bf16_tflops or 0) * 10**12),
        }
        return {symbol(name): speed for name, speed in speeds.items() if speed}
