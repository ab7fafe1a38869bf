"""Models, cards and runs: validated, frozen, and able to say which symbol has which value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cache, cached_property
from numbers import Real
from pathlib import Path

import sympy

from memcalc import catalogue, config
from memcalc.errors import InputError, choice, shown, whole
from memcalc.formula.weights import parameters
from memcalc.symbols import BY_NAME, symbol
from memcalc.units import to_bytes

LARGEST_CARD = 10**6
"""GB: a thousand times the largest cards of 2026."""

LARGEST_MODEL = 10**16
"""Parameters: ten thousand times the largest models of 2026."""


def _keep_whole(spec: object, name: str, low: int | None = None, high: int | None = None) -> None:
    """Hold a field to these limits, or to the glossary's, and keep it as a Python int: others would overflow."""
    low, high = (BY_NAME[name].least, BY_NAME[name].limit) if low is None else (low, high)
    object.__setattr__(spec, name, whole(name, getattr(spec, name), low, high))


@cache
def bytes_each(field: str, name: str) -> Fraction:
    """Return the bytes that one number takes in a format of data/formats.csv.

    >>> bytes_each("weights", "INT4")
    Fraction(1, 2)
    """
    return Fraction(catalogue.find("formats", field, name)["bits"]) / 8


@dataclass(frozen=True)
class Model:
    """A transformer's architecture, by the counts that the formula asks for.

    Parameters
    ----------
    layers … mlp_bias : counts; the glossary says what each means (`tables.glossary()`)
    trained_context : the longest context that the model was trained for [tokens]
    source : where the counts come from
    assumed : keys that a config.json left to their documented defaults

    Raises InputError if a count is impossible, or if kv_heads does not divide heads.

    >>> Model.named("LLaMA-7B").parameters
    6738415616
    """

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    positions: int
    embedding_tables: int
    mlp_matrices: int
    norm_vectors: int
    qkv_bias: int
    output_bias: int
    mlp_bias: int
    trained_context: int
    source: str
    assumed: tuple[str, ...] = ()

    def __post_init__(self):
        for name in self._counts:
            _keep_whole(self, name)
        _keep_whole(self, "trained_context", 1, BY_NAME["context"].limit)
        if self.heads % self.kv_heads:
            raise InputError(f"kv_heads must divide heads = {self.heads:,} without remainder, not {self.kv_heads:,}.")

    @classmethod
    def named(cls, name: str) -> Model:
        """Return the model of that name from data/models.csv; a wrong name raises InputError with the nearest ones."""
        row = catalogue.find("models", "model", name)
        counts = {f.name: int(row[f.name]) for f in fields(cls) if f.name not in ("name", "source", "assumed")}
        return cls(name=row["name"], source=row["source"], **counts)

    @classmethod
    def from_config(cls, source: str | Path | Mapping) -> Model:
        """Return the model that a Hugging Face config.json describes, given as a path or a mapping."""
        return cls(**config.fields(source))

    @staticmethod
    def nominal(parameters: int) -> NominalModel:
        """Return a size without an architecture: enough for weights, not for a cache.

        >>> Model.nominal(7_500_000_000).parameters
        7500000000
        """
        return NominalModel(parameters)

    @property
    def _counts(self) -> list[str]:
        return [f.name for f in fields(self) if f.name in BY_NAME]

    @cached_property
    def values(self) -> dict[sympy.Symbol, int]:
        """Symbol → number, for the terms."""
        return {symbol(name): getattr(self, name) for name in self._counts}

    @cached_property
    def parameters(self) -> int:
        """All parameters, counted from the architecture."""
        return parameters.exact(self.values)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token passes through: all of them, for every layer is dense."""
        return self.parameters


@dataclass(frozen=True)
class NominalModel:
    """A number of parameters without an architecture, such as "7B"."""

    parameters: int

    def __post_init__(self):
        _keep_whole(self, "parameters", 1, LARGEST_MODEL)

    @property
    def name(self) -> str:
        """The size in words."""
        return f"{self.parameters:,} parameters"

    @property
    def active_parameters(self) -> int:
        """The same number: a size alone says nothing of experts."""
        return self.parameters

    @property
    def values(self) -> dict[sympy.Symbol, int]:
        """Symbol → number, for the terms."""
        return {parameters.symbol: self.parameters}


@dataclass(frozen=True)
class Inference:
    """A run that generates text: how much context, for how many sequences, in which formats.

    Parameters
    ----------
    context : tokens held for each sequence [tokens]
    batch : sequences at the same time [sequences]
    weights, kv_cache : formats of the numbers, as named in data/formats.csv

    Raises InputError if a count is impossible or a format unknown.

    >>> Inference(context=4096, weights="INT8").weights
    'INT8'
    """

    context: int = BY_NAME["context"].default
    batch: int = BY_NAME["batch"].default
    weights: str = "FP16"
    kv_cache: str = "FP16"

    def __post_init__(self):
        _keep_whole(self, "context")
        _keep_whole(self, "batch")
        for name in ("weights", "kv_cache"):  # the catalogue's spelling, whatever the user's
            spelled = choice(f"{name} format", getattr(self, name), catalogue.names("formats"))
            object.__setattr__(self, name, spelled)

    @cached_property
    def values(self) -> dict[sympy.Symbol, int | Fraction]:
        """Symbol → number, for the terms."""
        return {
            symbol("context"): self.context,
            symbol("batch"): self.batch,
            symbol("bytes_per_weight"): bytes_each("weights", self.weights),
            symbol("bytes_per_element"): bytes_each("kv_cache", self.kv_cache),
        }


@dataclass(frozen=True)
class Gpu:
    """A card and its three memories, which differ.

    Parameters
    ----------
    marketed_gb : what the card is sold as [GB]
    reported_mib : what the driver reports [MiB], or None
    visible_gib : what a program sees [GiB], or None

    Raises InputError if neither of the last two is given, or one is impossible.

    >>> Gpu.named("RTX 4090").capacity
    25383256719
    """

    name: str
    vendor: str
    marketed_gb: int
    reported_mib: int | None
    visible_gib: Fraction | None
    source: str
    note: str = field(default="", repr=False)

    def __post_init__(self):
        _keep_whole(self, "marketed_gb", 1, LARGEST_CARD)
        if self.reported_mib is None and self.visible_gib is None:
            raise InputError("reported_mib or visible_gib must be given, for a card is not what its name says.")
        for name, size in (("reported_mib", self.reported_mib), ("visible_gib", self.visible_gib)):
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
