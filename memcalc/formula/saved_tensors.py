"""Saved tensors: what PyTorch holds from the forward pass of a Hugging Face model for the backward pass."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial

import sympy

from memcalc import catalogue
from memcalc.errors import InputError, choice, must
from memcalc.formula import numeric
from memcalc.formula.adapted import EVERYWHERE, Adapted, matrices
from memcalc.formula.choices import Attention, Experts, Losses, Recompute
from memcalc.formula.formats import FP32, HALF
from memcalc.formula.loss import kept_by
from memcalc.formula.parallelism import divided_widths
from memcalc.formula.symbols import GLOSSARY
from memcalc.formula.tensors import read

DROPOUTS = ("embedding", "attention", "residual")
"""Where a model can drop numbers at random: after the embedding, in attention weights, before the residual sum."""

RECIPES = {"bf16": "bf16", "fp16": "bf16", "mixed": "bf16", "megatron": "bf16", "fp32": "fp32", "autocast": "autocast"}
"""Recipe → the column of data/saved_tensors.csv: 16-bit weights work in 16 bits, whatever is kept beside them."""

SELECTED = (Recompute.KEEP_ATTENTION, Recompute.KEEP_PRODUCTS, Recompute.TORCHTITAN)
"""Policies of PyTorch's selective checkpoint: what of a layer is kept beside its input."""

RECOMPUTE = (Recompute.NONE, Recompute.FULL, *SELECTED)
"""Hugging Face code keeps all, or (gradient checkpointing) the inputs of the layers, or what a policy selects too."""

DETAILS = (
    *("normed_choices", "expert_groups", "query_latent", "uneven_heads", "router_outputs"),
    *("frozen_embedding", "frozen_head", "frozen_input", "inputs_away", "divided", "along_sequence", "by_heads"),
)
"""What of a model or run alone decides it: weights of chosen experts made to add up to one; experts masked because of
their group; queries made from a latent; values of another size than keys; the auxiliary loss of routers; embedding and
head that are not trained while layers are, and a layer whose input needs no gradient; inputs in CPU memory; heads and
width of the MLP, or sequences, that cards divide between them, of which each may have all tokens for some heads."""

_EXPERTS = {Experts.GROUPED: "grouped_mm", Experts.BATCHED: "batched_mm", Experts.EAGER: "looped"}
"""The code of the experts → what the conditions call it, which have another eager."""

PLACES = {row["name"]: row for row in catalogue.rows("places")}
"""Place → its word, the strength of its colour, its hatch; in the order of a bar: first what grows fastest."""

_LETTERS = {letter.name: letter for letter in GLOSSARY}


@dataclass(frozen=True)
class SavedTensor:
    """One tensor that is kept for the backward pass.

    Parameters
    ----------
    name : what it is
    per : "layer" or "once"
    place : where in the model: embedding, layer, norm, attention, mlp, head or loss
    shape : its factors, of glossary symbols
    bytes_each : bytes of one number
    cards : how many cards share it, each holding a part
    key : how terms find it, if one asks for it alone

    >>> SavedTensor("log-sum-exp", "layer", "attention", (factor("s"), factor("h")), 4).expr
    4*h*s
    """

    name: str
    per: str
    place: str
    shape: tuple[sympy.Expr, ...]
    bytes_each: int
    cards: sympy.Expr = sympy.S.One
    key: str = ""

    @cached_property
    def expr(self) -> sympy.Expr:
        """Its bytes on one card."""
        return self.bytes_each * sympy.prod(self.shape) / self.cards

    def bytes(self, values: Mapping[sympy.Symbol, object]) -> int:
        """Return its bytes on one card as a number."""
        numbers = (numeric.number(symbol, values[symbol]) for symbol in numeric.arguments(self.expr))
        return math.ceil(numeric.exact(self.expr)(*numbers))

    @classmethod
    def row(cls, row: Mapping[str, str], column: str, cards: sympy.Expr = sympy.S.One) -> SavedTensor:
        """Return the tensor of one row of a table, with the bytes that `column` gives."""
        shape = tuple(map(factor, row["shape"].split()))
        return cls(row["name"], row["per"], row["place"], shape, int(row[column]), cards, row["key"])


def place_of(tensor: SavedTensor) -> str:
    """Return the key of PLACES for a tensor: scores are what has a number for each pair of tokens.

    >>> from memcalc.formula.megatron import saved_tensors
    >>> [place_of(tensor) for tensor in saved_tensors()].count("scores")
    3
    """
    if tensor.per == "once":
        return "once"
    return "scores" if sum(one.has(_LETTERS["s"]) for one in tensor.shape) > 1 else tensor.place


@cache
def factor(text: str) -> sympy.Expr:
    """Return a factor of a shape, such as d_ff, 3 or h+2*h_kv, as an expression of glossary symbols.

    >>> factor("h+2*h_kv")
    h + 2*h_kv
    """
    return read(text)


def meets(facts: Iterable[str], conditions: str) -> bool:
    """Return whether the facts meet every condition: a|b asks for one of two, !a for none.

    >>> meets({"rotary", "flash"}, "rotary !flash|eager")
    False
    """
    options = (condition.split("|") for condition in conditions.split())
    return all(any((one.lstrip("!") in facts) != one.startswith("!") for one in either) for either in options)


@dataclass(frozen=True)
class CodePath:
    """What decides which tensors are kept: the code of the model's family, and how the run calls it.

    Parameters
    ----------
    family : a name of data/code_paths.csv: `model_type` in config.json
    attention : "eager", "flash" or "sdpa" (PyTorch picks)
    recipe : a key of RECIPES
    recompute : one of RECOMPUTE; "full" is gradient checkpointing of every layer
    grouped : whether query heads share key-value heads
    many : whether the batch has more than one sequence
    loss : a word of `formula.choices.Losses`
    masked : whether the context reaches the layer's window, so that a mask must say what is seen
    mixed : whether some layers of the model have a window and others none
    dropouts : those of DROPOUTS with a probability above zero; what the family's code lacks does not count
    adapted : adapters beside the model, which is frozen then; None if every weight is trained
    experts : the code of the experts in a layer that has some; "" for a layer with one MLP
    details : those of DETAILS that hold

    Raises InputError if a name is unknown, or the attention or the layer is one that this code does not have.

    >>> CodePath("gpt2", dropouts=frozenset({"attention"})).kernel
    'flash'
    """

    family: str
    attention: str = "sdpa"
    recipe: str = "bf16"
    recompute: str = "none"
    loss: str = field(default="plain", kw_only=True)
    grouped: bool = False
    many: bool = False
    masked: bool = False
    mixed: bool = False
    dropouts: frozenset[str] = frozenset()
    adapted: Adapted | None = None
    experts: str = ""
    details: frozenset[str] = frozenset()

    def __post_init__(self):
        spell = partial(object.__setattr__, self)
        spell("attention", choice("attention", self.attention, Attention))
        spell("recipe", choice("recipe", self.recipe, RECIPES))
        if self.attention == Attention.FLASH and self.width == "fp32":
            raise InputError("attention 'flash' needs 16 bits, which recipe 'fp32' has not; use 'sdpa' or 'eager'.")
        spell("recompute", choice("recompute", self.recompute, RECOMPUTE))
        spell("loss", choice("loss", self.loss, Losses))
        spell("dropouts", frozenset(choice("dropout", name, DROPOUTS) for name in self.dropouts))
        spell("family", self._code["name"])
        spell("details", frozenset(choice("detail", name, DETAILS) for name in self.details))
        if self.experts:
            spell("experts", choice("experts", self.experts, Experts))
        self._check_code()

    def _check_code(self) -> None:
        if self.recompute in SELECTED and "selected" not in self.traits:
            raise must("recompute", f"none or full for {self.family}, of which no policy was measured", self.recompute)
        if (self.recompute, self.attention) == (Recompute.KEEP_ATTENTION, Attention.EAGER):
            raise InputError("attention 'eager' has no kernel that recompute 'keep-attention' could keep; use 'sdpa'.")
        if self.experts and "experts" not in self.traits:
            raise must("experts", f"'' for the code of {self.family}, which has none", repr(self.experts))
        if self.attention == Attention.FLASH and "sink" in self.traits:
            raise must("attention", f"sdpa or eager for {self.family}, whose sinks PyTorch's flash lacks", "'flash'")

    @property
    def _code(self) -> Mapping[str, str]:
        return catalogue.find("code_paths", "family", self.family)

    @property
    def width(self) -> str:
        """The column of data/saved_tensors.csv that has the bytes of its numbers."""
        return RECIPES[self.recipe]

    @cached_property
    def traits(self) -> frozenset[str]:
        """How the family's code differs from others'."""
        return frozenset(self._code["traits"].split())

    @cached_property
    def kernel(self) -> str:
        """The attention kernel that runs: eager, flash, efficient or math.

        Flash needs 16 bits and takes no mask; the memory-efficient kernel takes both, but no grouped heads; math takes
        all. With a mask, Hugging Face code repeats grouped keys and values, so that heads are no longer grouped. No
        fused kernel caps scores (Gemma 2) or has a sink beside them (gpt-oss), and PyTorch's flash wants values of the
        size of the keys.
        """
        if self.traits & {"capped_scores", "sink"}:
            return Attention.EAGER
        if self.attention != Attention.SDPA:
            return self.attention
        if self.width != "fp32":
            return "efficient" if self.masked or "uneven_heads" in self.details else "flash"
        return "math" if self.grouped and not self.masked else "efficient"

    @cached_property
    def facts(self) -> frozenset[str]:
        """What the conditions in data/saved_tensors.csv may ask for."""
        may = {name: getattr(self, name) for name in ("grouped", "many", "masked", "mixed")}
        may["fused"] = self.kernel in ("flash", "efficient")
        may["repeated"] = self.kernel == "efficient" and self.grouped
        dropped = {f"{name}_dropout" for name in self.dropouts.intersection(self._code["dropouts"].split())}
        also = self.adapted.facts if self.adapted else EVERYWHERE
        if "frozen_input" in self.details:
            also -= {"gradient_in"}
        holding = dropped | also | self.details | {self.kernel, self.width}
        holding |= {name for name, holds in may.items() if holds}
        return holding | (self._of_experts if self.experts else self.traits)

    @cached_property
    def first(self) -> CodePath:
        """The same code in the first layer that a gradient reaches, whose input needs none where what is before it is
        frozen.
        """
        if self.adapted:
            return replace(self, adapted=replace(self.adapted, first=True))
        return replace(self, details=self.details | {"frozen_input"}) if self.cut else self

    @property
    def cut(self) -> bool:
        """Whether no gradient goes before the first trained layer, as the embedding and L_fr layers are frozen."""
        return "frozen_embedding" in self.details and self.recompute == Recompute.NONE

    @property
    def matrices(self) -> tuple[Mapping[str, str], ...]:
        """The matrices of a layer that can have an adapter, as rows of data/adapted_matrices.csv."""
        return tuple(row for row in matrices() if meets(self.traits | self.details, row["when"]))

    @property
    def with_adapters(self) -> tuple[Mapping[str, str], ...]:
        """Those of them that this layer has and that have one."""
        elsewhere = "L_dense" if self.experts else "L_moe"
        there = (row for row in self.matrices if row["layers"] != elsewhere)
        return tuple(row for row in there if row["name"] in self.adapted.modules)

    @property
    def _of_experts(self) -> frozenset[str]:
        """What holds in a layer with experts; outside of matrices that autocast knows, they work in FP32 under it."""
        grouped, biased = self.experts == Experts.GROUPED, "biased_experts" in self.traits
        promoted = grouped or (biased and self.experts == Experts.EAGER)
        return (self.traits - {"gated"}) | {"routed", _EXPERTS[self.experts]} | ({"promoted"} if promoted else set())


@cache
def saved_tensors(case: CodePath) -> tuple[SavedTensor, ...]:
    """Return every tensor that the forward pass keeps, in the order in which it makes them.

    >>> [tensor.name for tensor in saved_tensors(CodePath("llama", recompute="full")) if tensor.per == "layer"]
    ['input of the layer']
    """
    tables = ("saved_tensors", "saved_tensors_latent", *(["saved_tensors_experts"] if case.experts else []))
    of_model = (row for table in tables for row in catalogue.rows(table) if meets({case.recompute}, row["recompute"]))
    beside = case.adapted if case.recompute == Recompute.NONE else None
    with_plain_loss = (
        *_those_of(of_model, case.width, case.facts),
        *(_those_of(catalogue.rows("saved_tensors_adapters"), beside.column, case.facts) if beside else ()),
        *(_scaled_by(case) if beside and beside.dora else ()),
    )
    kept = kept_by(case.loss, FP32 if case.width == "fp32" else HALF, with_plain_loss)
    return tuple(map(_on_one_card, kept) if "divided" in case.details else kept)


def _on_one_card(tensor: SavedTensor) -> SavedTensor:
    """Return what one card keeps of a tensor of a layer, of which it has some heads and a part of the MLP's width."""
    if tensor.per != "layer":
        return tensor
    return replace(tensor, shape=tuple(one.xreplace(divided_widths()) for one in tensor.shape))


def _scaled_by(case: CodePath) -> Iterator[SavedTensor]:
    """Yield what DoRA keeps of each matrix with an adapter: data/saved_tensors_dora.csv."""
    beside, facts = case.adapted, case.facts
    for matrix in case.with_adapters:
        widths = beside.widths(matrix)
        for row in catalogue.rows("saved_tensors_dora"):
            when = row["when"].replace("reached", matrix["gradient"])
            if widths[row["width"]] and meets(facts, when):
                shape = tuple(factor(matrix.get(one, one)) for one in (matrix["each"], *row["shape"].split()))
                name, key = row["name"].format(matrix["word"]), matrix["key"]
                yield SavedTensor(name, "layer", matrix["place"], shape, widths[row["width"]], key=key)


def _those_of(rows: Iterable[Mapping[str, str]], column: str, facts: frozenset[str]) -> list[SavedTensor]:
    return [SavedTensor.row(row, column) for row in rows if row[column] and meets(facts, row["when"])]


def total(tensors: Iterable[SavedTensor], per: str) -> sympy.Expr:
    """Return the bytes of those tensors that are kept `per` layer, or once."""
    return sympy.Add(*(tensor.expr for tensor in tensors if tensor.per == per))
