"""A run that trains: what is chosen, and which value it gives each symbol."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self

from memcalc import catalogue
from memcalc.errors import must, shown
from memcalc.formula.choices import (
    Accounting,
    Adapters,
    Attention,
    Average,
    End,
    Exchange,
    Experts,
    Family,
    Losses,
    Offload,
    Recompute,
    Reduced,
    Schedule,
    Sharding,
    Targets,
)
from memcalc.formula.formats import FP32, HALF, Format, Other
from memcalc.formula.recipes import Optimizer, Recipe
from memcalc.specs import choosing, dividing
from memcalc.specs.fields import count, declare, flag, name_in, word
from memcalc.specs.run import Run, weights_format

_PLAIN_NUMBERS = ("micro_batches", "chunks", "frozen_layers", "lora_rank")
_PLAIN_NUMBERS += ("optimizer_rank", "bucket", "live_parameters", "sub_group")
"""Fields whose numbers are those of the symbols of their names."""

_PIPELINE_ALONE = "only activations 'megatron' with pipeline_parallel depend on it"
_ZERO_ALONE = "only ZeRO as DeepSpeed has it depends on it"
_STAGE_3_ALONE = "only ZeRO's stage 3 as DeepSpeed has it depends on it"
_FSDP2_ALONE = "only the peak depends on it, where layers that sharding fsdp2 gathers are at work"
_ADAPTERS_ALONE = "only adapters (lora_rank) depend on it"


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
    optimizer: str = declare(choosing.optimizer, "as named in data/optimizers.csv", default="AdamW")
    optimizer_rank: int = count(
        "directions of each matrix in which GaLore and APOLLO remember its gradients",
        matters="only GaLore and APOLLO depend on it",
        default=128,
    )
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
    tensor_parallel: int = count(
        "cards between which heads and widths are divided; with sharding fsdp2, data-parallel ones share the parts out",
        default=1,
    )
    pipeline_parallel: int = count("cards between which layers are divided", default=1)
    expert_parallel: int = count("cards between which experts are divided, each with other sequences", default=1)
    context_parallel: int = count(
        "cards between which each sequence is divided; they share the states out as data-parallel ones do",
        matters="only activations, and what zero or sharding fsdp shares out, depend on it",
        default=1,
    )
    exchange: str = word(
        Exchange,
        "what cards that divide a sequence send each other for its attention",
        Exchange.RING,
        "only context_parallel on more cards than there are heads of keys and values depends on it",
    )
    sequence_parallel: bool = flag(
        "whether the activations outside attention and MLP are divided with the heads",
        False,
        "only activations 'megatron' with tensor_parallel depend on it",
    )
    micro_batches: int = count(
        "micro-batches of a step, which a pipeline keeps in flight",
        matters=_PIPELINE_ALONE,
        default=1,
    )
    schedule: str = word(Schedule, "the order in which the stages work", Schedule.ONE, _PIPELINE_ALONE)
    chunks: int = count(
        "chunks of layers that each card of a pipeline has in turns, with schedule interleaved or ZB-H1",
        matters=_PIPELINE_ALONE,
        default=1,
    )
    bucket: int = count(
        "gradients that DeepSpeed reduces together, its reduce_bucket_size", matters=_ZERO_ALONE, default=500_000_000
    )
    live_parameters: int = count(
        "parameters that DeepSpeed keeps gathered at most, its stage3_max_live_parameters",
        matters=_STAGE_3_ALONE,
        default=1_000_000_000,
    )
    sub_group: int = count(
        "parameters that DeepSpeed steps at once, its sub_group_size", matters=_STAGE_3_ALONE, default=1_000_000_000
    )
    ema: str = word(Average, "format of an average of what is trained over the steps (EMA)", Average.NONE)
    optimizer_in_backward: bool = flag(
        "whether each weight is stepped in the backward pass, as soon as it has its gradient, which is dropped then",
        False,
    )
    sharding: str = word(
        Sharding, "who shares the states out", Sharding.ZERO, "only several data-parallel cards share anything"
    )
    reshard: bool = flag(
        "whether what is gathered of a layer is dropped behind its forward pass, fully_shard's reshard_after_forward",
        True,
        _FSDP2_ALONE,
    )
    reduced: str = word(
        Reduced, "in which numbers gradients are added up between cards", Reduced.GATHERED, _FSDP2_ALONE
    )
    offload: str = word(Offload, "what is kept off the card", Offload.NONE)
    attention: str = word(
        Attention,
        'the attention kernel; "megatron" counts the paper\'s own',
        Attention.SDPA,
        "only activations 'transformers' depend on it",
    )
    dropout: float = declare(
        choosing.dropout,
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
    reentrant: bool | None = declare(
        choosing.yes_or_no,
        "whether torch's older, reentrant checkpoint computes layers again, as transformers before 5 asks for; left "
        "out, the higher of both is counted",
        "only adapters beside LLM.int8, or that FSDP shares out, with recompute full, depend on it",
        default=None,
    )
    offload_activations: bool = flag(
        "whether the inputs of the layers, from which they are computed again, wait in CPU memory", False
    )
    loss: str = word(
        Losses, "how head and loss are computed", Losses.PLAIN, "only activations 'transformers' depend on it"
    )
    activations: str = word(Accounting, "whose activations are counted", Accounting.TRANSFORMERS)
    overhead: str = word(End, "what driver, libraries and allocator take, of what is documented", End.NONE)
    frozen: int | str = declare(
        choosing.frozen,
        'what is not trained: "embedding", or so many layers from the first on, and the embedding before them',
        default=0,
    )
    lora_rank: int = count("rank of LoRA adapters, 0 for none", default=0)
    lora_targets: str = declare(
        choosing.targets,
        "matrices that get an adapter: "
        + ", ".join(f'"{one}" ({one.sentence})' for one in Targets)
        + ', or their names with commas, such as "q_proj,v_proj"',
        _ADAPTERS_ALONE,
        default=Targets.ALL,
    )
    lora_dropout: float = declare(
        choosing.dropout, "rate at which adapters drop numbers of their input", _ADAPTERS_ALONE, default=0.0
    )
    dora: bool = flag("whether DoRA trains how long the rows of a matrix are too", False, _ADAPTERS_ALONE)
    adapters: str = word(Adapters, "format of the adapters", Adapters.FP32, _ADAPTERS_ALONE)
    kbit_preparation: bool | None = declare(
        choosing.yes_or_no,
        "whether PEFT's prepare_model_for_kbit_training makes FP32 of all that is not quantized; left out: if "
        "bitsandbytes quantized the base_weights, and FSDP does not share them out, for which TRL leaves it away",
        _ADAPTERS_ALONE,
        default=None,
    )
    base_weights: str = declare(
        weights_format, "format of the frozen weights under adapters, as named in data/formats.csv", default="FP16"
    )

    def _check_together(self) -> None:
        if self.lora_rank or self.base_weights != type(self).base_weights or self.kbit_preparation:
            self._check_adapters()
        if self.frozen:
            self._check_frozen()
        if self.optimizer_in_backward:
            self._check_in_backward()
        if self.offload_activations and (self.recompute, self.activations) != (Recompute.FULL, Accounting.TRANSFORMERS):
            such = "without recompute full and activations 'transformers', for nobody has measured what else is kept"
            raise must("offload_activations", f"False {such}", True)
        dividing.check(self)

    def _check_adapters(self) -> None:
        if self.lora_rank and (self.recipe, self.adapters) == ("fp32", Adapters.BF16):
            raise must("adapters", "FP32 with recipe fp32", repr(str(self.adapters)))
        plain = Format.named(self.base_weights).family == Family.PLAIN
        if self.kbit_preparation and not self.quantized and not plain:
            raise must("kbit_preparation", f"False with base_weights {self.base_weights}, which it leaves alone", True)
        if not self.lora_rank and self.base_weights != type(self).base_weights:
            raise must("base_weights", "FP16 without adapters (lora_rank)", repr(self.base_weights))

    def _check_frozen(self) -> None:
        if self.lora_rank:
            raise must("frozen", "0 with adapters (lora_rank), under which all is frozen", shown(self.frozen))
        if self.divided or self.activations == Accounting.MEGATRON:
            where = "with activations 'megatron'" if not self.divided else "where cards divide the model"
            raise must("frozen", f"0 {where}, of which nobody has measured it", shown(self.frozen))

    def _check_in_backward(self) -> None:
        alone = {"zero": 0, "sharding": Sharding.ZERO, "offload": Offload.NONE, "lora_rank": 0, "frozen": 0}
        dividing.check_measured(self, "optimizer_in_backward", "False", True, alone)
        if self.recipe_spec.master or self.activations == Accounting.MEGATRON:
            recipes = "recipe fp32, autocast or bf16, whose weights are stepped themselves, and without Megatron"
            raise must("optimizer_in_backward", f"False but with {recipes}", True)

    @classmethod
    def from_deepspeed(cls, source: str | Path | Mapping, hidden: int = 0, **more: object) -> Self:
        """Return the run that a configuration of DeepSpeed describes.

        Parameters
        ----------
        source : the path of its JSON or YAML file, or its keys and values
        hidden : hidden size of the model, from which the Trainer takes an automatic bucket; 0 if it is not known
        more : fields that the file does not say, or that count in its place

        Raises InputError for what is no such file, and for values that make no sense or are not counted.
        Source: deepspeed2026, docs/_pages/config-json.md.

        >>> Training.from_deepspeed({"zero_optimization": {"stage": 3, "sub_group_size": 1e9}}, data_parallel=8).zero
        3
        """
        from memcalc.specs.frameworks import of_deepspeed  # here, because few runs come from a file

        return cls(**(of_deepspeed(source, hidden).fields | more))

    @classmethod
    def from_fsdp(cls, source: str | Path | Mapping, **more: object) -> Self:
        """Return the run that a configuration of FSDP describes, in the keys of accelerate or the Trainer.

        Parameters
        ----------
        source : the path of its JSON or YAML file, its keys and values, or words such as "full_shard auto_wrap"
        more : fields that the file does not say, or that count in its place

        Raises InputError for what is no such file, and for values that make no sense or are not counted.
        Source: accelerate2026, src/accelerate/utils/dataclasses.py: FullyShardedDataParallelPlugin.

        >>> Training.from_fsdp("full_shard auto_wrap offload", data_parallel=4).offload
        'parameters'
        """
        from memcalc.specs.frameworks import of_fsdp  # here, because few runs come from a file

        return cls(**(of_fsdp(source).fields | more))

    @property
    def own_context(self) -> int:
        """Tokens of each sequence that a card has; what does not divide evenly is rounded up."""
        return -(-self.context // self.context_parallel)

    @property
    def sharing_cards(self) -> int:
        """Cards that have the same part of the model, and can share its states out."""
        return self.data_parallel * self.context_parallel

    @property
    def stage(self) -> int:
        """What is shared out, as a stage of ZeRO: FSDP shares what stage 3 does, and one card shares nothing."""
        if self.sharing_cards * self.expert_parallel == 1:
            return 0
        return 3 if self.by_rows else self.zero

    @property
    def off_card(self) -> bool:
        """Whether a part of the run lies in another place than the card."""
        return self.offload != Offload.NONE or self.offload_activations

    @property
    def planned(self) -> bool:
        """Whether cards divide the heads by the plan of the model's config (tp_plan), as Hugging Face code does it."""
        return self.tensor_parallel > 1 and self.activations == Accounting.TRANSFORMERS

    @property
    def frozen_layers(self) -> int:
        """How many layers are frozen, from the first on."""
        return self.frozen if isinstance(self.frozen, int) else 0

    @property
    def by_rows(self) -> bool:
        """Whether the rows of each tensor are shared out, as FSDP does it, and no flat tensor."""
        return self.sharding in (Sharding.FSDP, Sharding.FSDP2)

    @property
    def recipe_spec(self) -> Recipe:
        """The recipe, with its bytes: adapters in FP32 are their own master copy."""
        if self.lora_rank and self.adapters == Adapters.FP32:
            return Recipe.named("fp32")
        return Recipe.named("bf16" if self.lora_rank and self.recipe == "autocast" else self.recipe)

    @property
    def optimizer_spec(self) -> Optimizer:
        """The optimizer, with what it remembers and how."""
        return Optimizer.named(self.optimizer)

    @property
    def autocast(self) -> bool:
        """Whether the model runs under autocast: adapters in FP32 do, where precision is mixed."""
        return self.recipe == "autocast" or bool(self.lora_rank and (self.recipe, self.adapters) == ("mixed", "FP32"))

    @property
    def quantized(self) -> bool:
        """Whether bitsandbytes stores the frozen weights under adapters: data/frozen_bases.csv."""
        return self.base_weights in catalogue.names("frozen_bases", "bitsandbytes")

    @property
    def raised(self) -> bool:
        """Whether embedding and norms of the frozen model are in FP32, and with them the numbers between layers."""
        return self._prepared or self.base_format.bytes == FP32

    @property
    def _prepared(self) -> bool:
        shared = self.by_rows and self.sharing_cards > 1
        return self.quantized and not shared if self.kbit_preparation is None else self.kbit_preparation

    @property
    def base_format(self) -> Format:
        """The format of the frozen weights under adapters; the preparation makes FP32 of what is not quantized."""
        form = Format.named(self.base_weights)
        if not self._prepared:
            return form
        return replace(form, rest=8 * FP32, others=self._halved) if self.quantized else Format.named("FP32")

    @property
    def holds_inputs(self) -> bool:
        """Whether each matrix of the frozen weights holds on to what it read: data/frozen_bases.csv."""
        return self.base_weights in catalogue.names("frozen_bases", "holds_inputs")

    @property
    def _halved(self) -> tuple[Other, ...]:
        """The biases that the first pass makes 16-bit again; Linear8bitLt gives them the format of what it reads."""
        read = {"o_bias"} if self.autocast else set()
        return tuple(one for one in choosing.biases() if not self.holds_inputs or one.tensor in read)

    def _numbers(self) -> dict[str, int | Fraction]:
        recipe, optimizer = self.recipe_spec, self.optimizer_spec
        flat = self.stage and not self.by_rows
        return {
            **{name: getattr(self, name) for name in _PLAIN_NUMBERS},
            **{"context": self.own_context, "data_parallel": self.sharing_cards},
            "context_parallel": self.context_parallel,
            **{name: getattr(optimizer, name) for name in ("moments", "counters", "maps")},
            "bytes_per_weight": self.base_format.bytes if self.lora_rank else recipe.weight,
            "bytes_per_adapter": recipe.weight,
            "bytes_per_gradient": recipe.gradient,
            "bytes_per_master": recipe.master_in_zero if flat else recipe.master,
            "bytes_per_moment": optimizer.bytes or recipe.state,
            "bytes_per_average": FP32 if self.ema == Average.FP32 else HALF,
        }
