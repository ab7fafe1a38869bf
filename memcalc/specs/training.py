"""A run that trains: what is chosen, and which value it gives each symbol."""

from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

from memcalc.errors import must, shown
from memcalc.formula.choices import Accounting, Attention, End, Experts, Layout, Offload, Recompute, Sharding, Targets
from memcalc.formula.formats import Format
from memcalc.formula.recipes import Optimizer, Recipe
from memcalc.specs.fields import count, declare, flag, name_in, word
from memcalc.specs.run import Run, weights_format

_STAGES = {Offload.OPTIMIZER: (1, 2, 3), Offload.PARAMETERS: (3,), Offload.NVME: (3,)}
"""Offload → the stages of ZeRO that can do it; none needs none."""


def _dropout(field: str, rate: object) -> object:
    real = isinstance(rate, Real) and not isinstance(rate, bool)
    if not real or not 0 <= rate < 1:  # which no nan is
        raise must(field, "a number from 0 to less than 1", shown(rate))
    return rate


@dataclass(frozen=True)
class Training(Run):
    """A run that trains a model, or adapters beside it.

    Raises InputError if a count is impossible, a name unknown, or two choices contradict each other.

    >>> Training(optimizer="adamw", zero=3, data_parallel=8).optimizer
    'AdamW'
    """

    context: int = count("tokens of a sequence [tokens]", matters="only activations depend on it", default=4096)
    batch: int = count(
        "sequences of one step on one card, a micro-batch [sequences]",
        matters="only activations depend on it",
        default=1,
    )
    recipe: str = name_in(
        "recipes", "bytes of weights, gradients and master weights, as named in data/recipes.csv", "mixed"
    )
    optimizer: str = name_in("optimizers", "as named in data/optimizers.csv", "AdamW")
    zero: int = count(
        "stage of ZeRO: 0 shares nothing, 1 the optimizer states, 2 also gradients, 3 also weights",
        *(0, 3),
        matters="only several data-parallel cards share anything",
        default=0,
    )
    data_parallel: int = count(
        "cards that work on other sequences and share the states out",
        matters="each card holds everything, unless zero or sharding fsdp shares it out",
        default=1,
    )
    tensor_parallel: int = count("cards between which heads and widths are divided", default=1)
    pipeline_parallel: int = count("cards between which layers are divided", default=1)
    expert_parallel: int = count("cards between which experts are divided", default=1)
    sequence_parallel: bool = flag(
        "whether the activations outside attention and MLP are divided with the heads",
        False,
        "only activations 'megatron' with tensor_parallel depend on it",
    )
    micro_batches: int = count(
        "micro-batches of a step, which a pipeline keeps in flight",
        matters="only activations 'megatron' with pipeline_parallel depend on it",
        default=1,
    )
    sharding: str = word(
        Sharding, "who shares the states out", Sharding.ZERO, "only several data-parallel cards share anything"
    )
    offload: str = word(Offload, "what is kept off the card", Offload.NONE)
    attention: str = word(
        Attention,
        'the attention kernel; "megatron" counts the paper\'s own',
        Attention.SDPA,
        "only activations 'transformers' depend on it",
    )
    dropout: float = declare(
        _dropout,
        'rate of dropout; its masks are kept; "megatron" counts those of the paper',
        "only activations 'transformers' of code that keeps masks depend on it",
        default=0.0,
    )
    experts: str = word(
        Experts,
        "the code of the experts",
        Experts.GROUPED,
        "only activations 'transformers' of a model with experts depend on it",
    )
    router_outputs: bool = flag(
        "whether routers hand out what they scored, for the loss that balances experts",
        False,
        "only activations 'transformers' of code with such a loss depend on it",
    )
    recompute: str = word(
        Recompute, "what is computed again in the backward pass", Recompute.NONE, "only activations depend on it"
    )
    activations: str = word(Accounting, "whose activations are counted", Accounting.TRANSFORMERS)
    overhead: str = word(End, "what driver, libraries and allocator take, of what is documented", End.NONE)
    lora_rank: int = count("rank of LoRA adapters, 0 for none", default=0)
    lora_targets: str = word(
        Targets, "matrices that get an adapter", Targets.ALL, "only adapters (lora_rank) depend on it"
    )
    base_weights: str = declare(
        weights_format, "format of the frozen weights under adapters, as named in data/formats.csv", default="FP16"
    )

    def _check_together(self) -> None:
        if not self.lora_rank and self.base_weights != type(self).base_weights:
            raise must("base_weights", "FP16 without adapters (lora_rank)", repr(self.base_weights))
        stages = _STAGES.get(self.offload, (0, 1, 2, 3))
        if self.by_rows and self.zero:
            raise must("zero", "0 with sharding fsdp, which shares everything by itself", self.zero)
        if self.by_rows and self.offload in (Offload.OPTIMIZER, Offload.NVME):
            raise must("offload", "none or parameters with sharding fsdp", repr(self.offload))
        if not self.by_rows and self.zero not in stages:
            raise must("zero", f"{' or '.join(map(str, stages))} with offload {self.offload}", self.zero)
        if self.zero and self.optimizer_spec.layout not in (Layout.FULL, Layout.BLOCKS):
            raise must("zero", f"0 with {self.optimizer}, which needs the matrices that ZeRO lays flat", self.zero)

    @property
    def stage(self) -> int:
        """What is shared out, as a stage of ZeRO: FSDP shares what stage 3 does, and one card shares nothing."""
        if self.data_parallel == 1:
            return 0
        return 3 if self.by_rows else self.zero

    @property
    def by_rows(self) -> bool:
        """Whether the rows of each tensor are shared out, as FSDP does it, and no flat tensor."""
        return self.sharding == Sharding.FSDP

    @property
    def recipe_spec(self) -> Recipe:
        """The recipe, with its bytes."""
        return Recipe.named(self.recipe)

    @property
    def optimizer_spec(self) -> Optimizer:
        """The optimizer, with what it remembers and how."""
        return Optimizer.named(self.optimizer)

    @property
    def base_format(self) -> Format:
        """The format of the frozen weights under adapters."""
        return Format.named(self.base_weights)

    def _numbers(self) -> dict[str, int | Fraction]:
        recipe, optimizer = self.recipe_spec, self.optimizer_spec
        flat = self.stage and not self.by_rows
        return {
            **{name: getattr(self, name) for name in ("data_parallel", "micro_batches", "lora_rank")},
            **{name: getattr(optimizer, name) for name in ("moments", "counters", "maps")},
            "bytes_per_weight": self.base_format.bytes if self.lora_rank else recipe.weight,
            "bytes_per_adapter": recipe.weight,
            "bytes_per_gradient": recipe.gradient,
            "bytes_per_master": recipe.master_in_zero if flat else recipe.master,
            "bytes_per_moment": optimizer.bytes or recipe.state,
        }
