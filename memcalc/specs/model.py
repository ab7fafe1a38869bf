"""A model: the counts of its architecture, validated, frozen, and able to say which symbol has which value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import sympy

from memcalc import catalogue
from memcalc.errors import InputError, instance, keep_whole
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.formula.weights import active, layers, parameters

LARGEST_MODEL = 10**16
"""Parameters: ten thousand times the largest models of 2026."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A language model's architecture, by the counts that the formula asks for; what it lacks is 0.

    Parameters
    ----------
    full_layers … conv_bias : counts; the glossary says what each means (`tables.glossary()`)
    trained_context : the longest context that the model was trained for [tokens]; 0 if nothing in it limits one
    family : the `model_type` of its config.json
    packing : matrices that the code stores as one, as in `formula.tensors.packed`
    source : where the counts come from
    assumed : keys that a config.json left to their documented defaults
    ignored : keys of a config.json that change memory but have no place here: scales, other towers, extra layers

    Raises InputError if a count is impossible, or counts contradict each other.

    >>> Model.named("LLaMA-7B").parameters
    6738415616
    """

    name: str
    vocabulary: int
    hidden: int
    embedding_tables: int
    norm_vectors: int
    layer_norms: int = 2
    positions: int = 0
    embedding_norms: int = 0
    full_layers: int = 0
    window_layers: int = 0
    latent_layers: int = 0
    mamba_layers: int = 0
    mamba2_layers: int = 0
    dense_layers: int = 0
    moe_layers: int = 0
    mlp_matrices: int = 3
    intermediate: int = 0
    mlp_bias: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    rotary: int = 0
    qkv_bias: int = 0
    output_bias: int = 0
    qk_norms: int = 0
    sink_heads: int = 0
    window: int = 0
    value_dim: int = 0
    rope_dim: int = 0
    kv_rank: int = 0
    query_rank: int = 0
    experts: int = 0
    active_experts: int = 0
    expert_intermediate: int = 0
    expert_bias: int = 0
    shared_intermediate: int = 0
    shared_gate: int = 0
    inner: int = 0
    state: int = 0
    conv: int = 0
    time_rank: int = 0
    groups: int = 0
    state_heads: int = 0
    state_norms: int = 0
    state_bias: int = 0
    conv_bias: int = 0
    trained_context: int = 0
    family: str = ""
    packing: str = ""
    source: str = ""
    assumed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def __post_init__(self):
        for name in self._counted():
            keep_whole(self, name, BY_NAME[name].least, BY_NAME[name].limit)
        for name in ("name", "family", "packing", "source"):
            instance(name, getattr(self, name), str)
        keep_whole(self, "trained_context", 0, BY_NAME["context"].limit)
        self._check()

    def _check(self):
        for name, users in self._needs().items():
            if users and not getattr(self, name):
                raise InputError(f"{name} must be at least 1, for {users:,} layers need it, not 0.")
        if self.kv_heads and self.heads % self.kv_heads:
            raise InputError(f"kv_heads must divide heads = {self.heads:,} without remainder, not {self.kv_heads:,}.")
        for part, whole in (("active_experts", "experts"), ("rope_dim", "head_dim")):
            if getattr(self, part) > getattr(self, whole):
                most = f"{whole} = {getattr(self, whole):,}"
                raise InputError(f"{part} must be at most {most}, not {getattr(self, part):,}.")
        if not self.layers >= 1 or self.dense_layers + self.moe_layers > self.layers:
            mlps = f"{self.dense_layers:,} + {self.moe_layers:,}"
            raise InputError(f"dense_layers + moe_layers must be at most the {self.layers:,} layers, not {mlps}.")

    def _needs(self) -> dict[str, int]:
        attention = self.full_layers + self.window_layers
        return {
            "heads": attention + self.latent_layers,
            "kv_heads": attention,
            "head_dim": attention + self.latent_layers,
            "window": self.window_layers,
            "kv_rank": self.latent_layers,
            "value_dim": self.latent_layers,
            "intermediate": self.dense_layers,
            "experts": self.moe_layers,
            "active_experts": self.moe_layers,
            "inner": self.mamba_layers + self.mamba2_layers,
            "state_heads": self.mamba2_layers,
        }

    @classmethod
    def named(cls, name: str) -> Model:
        """Return the model of that name from data/models.csv; a wrong name raises InputError with the nearest ones."""
        row = catalogue.find("models", "model", name)
        texts = {key: row[key] for key in ("name", "family", "packing", "source")}
        return cls(**texts, **{key: int(row[key]) for key in (*cls._counted(), "trained_context") if row.get(key)})

    @classmethod
    def from_config(cls, source: str | Path | Mapping) -> Model:
        """Return the model that a Hugging Face config.json describes, given as a path or a mapping.

        Raises InputError if the architecture is unknown, or a key is missing or makes no sense.
        """
        from memcalc.specs import families  # here: models with a name do without

        return cls(**families.fields(source))

    @staticmethod
    def nominal(parameters: int) -> NominalModel:
        """Return a size without an architecture: enough for weights and training states, not for a cache.

        >>> Model.nominal(7_500_000_000).parameters
        7500000000
        """
        return NominalModel(parameters)

    @classmethod
    def _counted(cls) -> list[str]:
        return [field.name for field in fields(cls) if field.name in BY_NAME]

    @cached_property
    def values(self) -> dict[sympy.Symbol, int]:
        """Symbol → number, for the terms."""
        return {symbol(name): getattr(self, name) for name in self._counted()}

    @cached_property
    def absent(self) -> frozenset[sympy.Symbol]:
        """Symbols that count what the model lacks."""
        return frozenset(symbol for symbol, number in self.values.items() if number == 0)

    @cached_property
    def layers(self) -> int:
        """All layers, of whatever kind."""
        return layers.exact(self.values)

    @cached_property
    def parameters(self) -> int:
        """All parameters, counted from the architecture."""
        return parameters.exact(self.values)

    @cached_property
    def active_parameters(self) -> int:
        """Parameters that one token passes through."""
        return active.exact(self.values)


@dataclass(frozen=True)
class NominalModel:
    """A number of parameters without an architecture, such as "7B"."""

    parameters: int

    def __post_init__(self):
        keep_whole(self, "parameters", 1, LARGEST_MODEL)

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
        return {parameters.symbol: self.parameters, symbol("tensors"): 0}  # none is known, so none is counted
