"""A training run: what is chosen, validated, frozen, and able to say which symbol has which value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Real

import sympy

from memcalc import catalogue
from memcalc.errors import InputError, keep_whole, shown
from memcalc.formula.symbols import symbol
from memcalc.specs.inference import (
    ATTENTION,
    OVERHEADS,
    PARALLEL,
    bytes_each,
    keep_choice,
    keep_counts,
    overhead_values,
    weights_format,
)

TARGETS = ("all", "qv")
"""Which matrices LoRA gives an adapter: all linear ones of the layers, or those of queries and values."""

_CHOICES = {
    "recipe": catalogue.names("recipes"),
    "sharding": ("zero", "fsdp"),
    "offload": ("none", "optimizer", "parameters", "nvme"),
    "attention": ATTENTION,
    "recompute": ("none", "selective", "full"),
    "activations": ("megatron", "transformers", "none"),
    "overhead": OVERHEADS,
    "lora_targets": TARGETS,
}
_COUNTS = ("context", "batch", "data_parallel", *PARALLEL, "micro_batches", "lora_rank")


@dataclass(frozen=True)
class Training:
    """A run that trains a model, or adapters beside it.

    Parameters
    ----------
    context : tokens of a sequence [tokens]
    batch : sequences of one step on one card, a micro-batch [sequences]
    recipe : bytes of weights, gradients and master weights, as named in data/recipes.csv
    optimizer : as named in data/optimizers.csv
    zero : stage of ZeRO: 0 shares nothing, 1 the optimizer states, 2 also gradients, 3 also weights
    data_parallel : cards that work on other sequences and share the states out
    tensor_parallel : cards between which heads and widths are divided
    pipeline_parallel : cards between which layers are divided
    expert_parallel : cards between which experts are divided
    sequence_parallel : whether the activations outside attention and MLP are divided with the heads
    micro_batches : micro-batches of a step, which a pipeline keeps in flight
    sharding : "zero", or "fsdp" for PyTorch's fully sharded data parallelism, which shares everything
    offload : "none"; "optimizer" keeps gradients and optimizer in CPU memory, "parameters" the weights too,
        "nvme" all of it on disk
    attention : "sdpa" (PyTorch picks the kernel), "flash" or "eager"; "megatron" counts the paper's own, not fused
    dropout : rate of dropout; its masks are kept; "megatron" counts those of the paper
    recompute : what is computed again in the backward pass: "none", "selective" (the scores) or "full" (each layer)
    activations : whose accounting is meant: "transformers" (what PyTorch keeps for Hugging Face code), "megatron" (the
        fused layer of Korthikanti et al.), or "none" to leave them out
    overhead : what driver, libraries and allocator take: "none", or the "low" or "high" end of what is documented
    lora_rank : rank of LoRA adapters, 0 for none
    lora_targets : matrices that get an adapter: "all" linear ones, or "qv", those of queries and values
    base_weights : format of the frozen weights under adapters, as named in data/formats.csv

    Raises InputError if a count is impossible, a name unknown, or two choices contradict each other.

    >>> Training(optimizer="adamw", zero=3, data_parallel=8).optimizer
    'AdamW'
    """

    context: int = 4096
    batch: int = 1
    recipe: str = "mixed"
    optimizer: str = "AdamW"
    zero: int = 0
    data_parallel: int = 1
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    expert_parallel: int = 1
    sequence_parallel: bool = False
    micro_batches: int = 1
    sharding: str = "zero"
    offload: str = "none"
    attention: str = "sdpa"
    dropout: float = 0.0
    recompute: str = "none"
    activations: str = "transformers"
    overhead: str = "none"
    lora_rank: int = 0
    lora_targets: str = "all"
    base_weights: str = "FP16"

    def __post_init__(self):
        keep_counts(self, *_COUNTS)
        keep_whole(self, "zero", 0, 3)
        for name, options in _CHOICES.items():
            keep_choice(self, name, options)
        object.__setattr__(self, "base_weights", weights_format("base_weights", self.base_weights))
        object.__setattr__(self, "optimizer", catalogue.find("optimizers", "optimizer", self.optimizer)["name"])
        if not self.lora_rank and self.base_weights != type(self).base_weights:
            raise InputError(f"base_weights must be FP16 without adapters (lora_rank), not {self.base_weights!r}.")
        self._check_dropout()
        self._check_sharding()
        if not isinstance(self.sequence_parallel, bool):
            raise InputError(f"sequence_parallel must be True or False, not {shown(self.sequence_parallel)}.")

    def _check_dropout(self):
        rate = self.dropout
        real = isinstance(rate, Real) and not isinstance(rate, bool)
        if not real or not 0 <= rate < 1:  # which no nan is
            raise InputError(f"dropout must be a number from 0 to less than 1, not {shown(rate)}.")

    def _check_sharding(self):
        needed = {"optimizer": (1, 2, 3), "parameters": (3,), "nvme": (3,)}.get(self.offload, (0, 1, 2, 3))
        if self.sharding == "fsdp" and self.zero:
            raise InputError(f"zero must be 0 with sharding fsdp, which shares everything by itself, not {self.zero}.")
        if self.sharding == "fsdp" and self.offload in ("optimizer", "nvme"):
            raise InputError(f"offload must be none or parameters with sharding fsdp, not {self.offload!r}.")
        if self.sharding == "zero" and self.zero not in needed:
            allowed = " or ".join(map(str, needed))
            raise InputError(f"zero must be {allowed} with offload {self.offload}, not {self.zero}.")
        if self.zero and self.optimizer_row["layout"] not in ("full", "blocks"):
            raise InputError(
                f"zero must be 0 with {self.optimizer}, which needs the matrices that ZeRO lays flat, not {self.zero}."
            )

    @property
    def divided(self) -> bool:
        """Whether more than one card holds the model."""
        return any(getattr(self, degree) > 1 for degree in PARALLEL)

    @property
    def stage(self) -> int:
        """What is shared out, as a stage of ZeRO: FSDP shares what stage 3 does, and one card shares nothing."""
        if self.data_parallel == 1:
            return 0
        return 3 if self.sharding == "fsdp" else self.zero

    @property
    def recipe_row(self) -> Mapping[str, str]:
        """The recipe's row of data/recipes.csv."""
        return catalogue.find("recipes", "recipe", self.recipe)

    @property
    def optimizer_row(self) -> Mapping[str, str]:
        """The optimizer's row of data/optimizers.csv."""
        return catalogue.find("optimizers", "optimizer", self.optimizer)

    @cached_property
    def values(self) -> dict[sympy.Symbol, int | Fraction]:
        """Symbol → number, for the terms."""
        recipe, optimizer = self.recipe_row, self.optimizer_row
        flat = self.sharding == "zero" and self.stage
        trained = Fraction(recipe["weight"])
        numbers = {
            "bytes_per_weight": bytes_each("base_weights", self.base_weights) if self.lora_rank else trained,
            "bytes_per_adapter": trained,
            "bytes_per_gradient": Fraction(recipe["gradient"]),
            "bytes_per_master": Fraction(recipe["master_in_zero" if flat else "master"]),
            "bytes_per_moment": Fraction(optimizer["bytes"] or recipe["state"]),
            **{name: int(optimizer[name]) for name in ("moments", "counters", "maps")},
            **{name: getattr(self, name) for name in _COUNTS},
        }
        return {symbol(name): value for name, value in numbers.items()} | overhead_values(self.overhead)
