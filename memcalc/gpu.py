"""A card and its three memories, which differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Real

from memcalc import catalogue
from memcalc.errors import InputError, keep_whole, shown
from memcalc.units import to_bytes

LARGEST_CARD = 10**6
"""GB: a thousand times the largest cards of 2026."""


@dataclass(frozen=True)
class Gpu:
    """A card and its three memories, which differ.

    Parameters
    ----------
    marketed_gb : what the card is sold as [GB]
    reported_mib : what the driver reports [MiB], or None
    visible_gib : what a program sees [GiB], or None
    bandwidth_gbs : how fast its memory is read [GB/s], or None
    bf16_tflops : how fast it computes in 16 bit, dense [10¹² operations/s], or None

    Raises InputError if neither reported_mib nor visible_gib is given, or a number is impossible.

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
    note: str = field(default="", repr=False)

    def __post_init__(self):
        keep_whole(self, "marketed_gb", 1, LARGEST_CARD)
        if self.reported_mib is None and self.visible_gib is None:
            raise InputError("reported_mib or visible_gib must be given, for a card is not what its name says.")
        for name in ("reported_mib", "visible_gib", "bandwidth_gbs", "bf16_tflops"):
            size = getattr(self, name)
            if size is not None and not (isinstance(size, Real) and 0 < size < LARGEST_CARD * 1024):
                raise InputError(f"{name} must be a positive number, not {shown(size)}.")

    @classmethod
    def named(cls, name: str) -> Gpu:
        """Return the card of that name from data/gpus.csv; a wrong name raises InputError with the nearest ones."""
        row = catalogue.find("gpus", "gpu", name)
        return cls(
            name=row["name"],
            vendor=row["vendor"],
            marketed_gb=int(row["marketed_gb"]),
            reported_mib=int(row["reported_mib"]) if row["reported_mib"] else None,
            visible_gib=Fraction(row["visible_gib"]) if row["visible_gib"] else None,
            source=row["source"],
            **{name: Fraction(row[name]) for name in ("bandwidth_gbs", "bf16_tflops") if row[name]},
            note=row["note"],
        )

    @property
    def capacity(self) -> int:
        """What a program can use [bytes]: the visible memory, or the reported one where nobody has measured it."""
        return to_bytes(self.visible_gib, "GiB") if self.visible_gib else to_bytes(self.reported_mib, "MiB")

    @property
    def capacity_is(self) -> str:
        """Which of the three memories `capacity` is."""
        return "visible" if self.visible_gib else "reported"
