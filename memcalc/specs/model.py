"""A model: the counts of its architecture, validated, frozen, and able to say which symbol has which value.

SymPy is imported where a count is asked for, because a name that is not known is refused without it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from memcalc.catalogue import Row, rows
from memcalc.checkpoints import Stack
from memcalc.errors import InputError, must
from memcalc.formula.glossary import BY_NAME
from memcalc.formula.lineage import PACKINGS, Structure, lineage
from memcalc.specs.fields import Spec, count, optional, text, texts
from memcalc.specs.stored import Stored, stored_in

if TYPE_CHECKING:
    import sympy

    from memcalc.formula.term import Term
    from memcalc.specs.weighed import WeighedModel

_HUB = re.compile(r"[\w.-]+/[\w.-]+")
"""How a hub calls a model: who made it, a slash, a name."""

_TUNED = re.compile(r"-(instruct|it|chat|base|hf)$", re.IGNORECASE)
"""What a hub's name adds when the sizes stay those of the model that was tuned."""

LARGEST_MODEL = 10**16
"""Parameters: ten thousand times the largest models of 2026."""

_NEEDS = {
    "full_layers": ("heads", "kv_heads", "head_dim"),
    "window_layers": ("heads", "kv_heads", "head_dim", "window"),
    "latent_layers": ("heads", "head_dim", "kv_rank", "value_dim"),
    "dense_layers": ("intermediate",),
    "wide_layers": ("intermediate",),
    "moe_layers": ("experts", "active_experts"),
    "mamba_layers": ("inner",),
    "mamba2_layers": ("inner", "state_heads"),
    "delta_layers": ("delta_key_heads", "delta_heads", "delta_key_dim", "delta_dim"),
    "conv_layers": ("conv",),
    "linear_layers": ("heads", "head_dim"),
    "index_layers": ("index_heads", "index_dim"),
}
"""Layers of a kind → what a model with them cannot lack."""

_DIVIDE = (
    *(("kv_heads", "heads"), ("window_kv_heads", "window_heads")),
    *(("delta_key_heads", "delta_heads"), ("groups", "state_heads")),
)
"""Heads that share keys, and all heads."""

_USERS = {name: [kind for kind in _NEEDS if name in _NEEDS[kind]] for names in _NEEDS.values() for name in names}


@cache
def _spellings() -> frozenset[str]:
    """Return all names and aliases of the catalogue, in small letters."""
    cells = (name for row in rows("models") for name in (row["name"], *row["aliases"].split("|")))
    return frozenset(map(str.casefold, cells))


def _as_here(name: str) -> str:
    """Return a hub's name without who made or tuned the model."""
    plain = _TUNED.sub("", name.rpartition("/")[2])
    maker, _, rest = plain.partition("-")
    makers = {row["maker"].casefold() for row in rows("models")}
    return rest if maker.casefold() in makers else plain


@dataclass(frozen=True, kw_only=True)
class Model(Spec, Row):
    """A language model's architecture, by the counts that the formula asks for; what it lacks is 0.

    Raises InputError if a count is impossible, or counts contradict each other.

    >>> Model.named("LLaMA-7B").parameters
    6738415616
    """

    name: str = text("what it is called")
    vocabulary: int = count()
    hidden: int = count()
    embedding_tables: int = count()
    norm_vectors: int = count()
    layer_norms: int = count(default=2)
    positions: int = count(default=0)
    layer_embedding: int = count(default=0)
    layer_vocabulary: int = count(default=0)
    embedding_norms: int = count(default=0)
    head_bias: int = count(default=0)
    full_layers: int = count(default=0)
    window_layers: int = count(default=0)
    sharing_layers: int = count(default=0)
    window_sharing_layers: int = count(default=0)
    latent_layers: int = count(default=0)
    mamba_layers: int = count(default=0)
    mamba2_layers: int = count(default=0)
    delta_layers: int = count(default=0)
    conv_layers: int = count(default=0)
    linear_layers: int = count(default=0)
    bare_layers: int = count(default=0)
    parallel_layers: int = count(default=0)
    index_layers: int = count(default=0)
    dense_layers: int = count(default=0)
    wide_layers: int = count(default=0)
    moe_layers: int = count(default=0)
    mlp_matrices: int = count(default=3)
    intermediate: int = count(default=0)
    mlp_bias: int = count(default=0)
    heads: int = count(default=0)
    kv_heads: int = count(default=0)
    head_dim: int = count(default=0)
    rotary: int = count(default=0)
    qkv_bias: int = count(default=0)
    output_bias: int = count(default=0)
    qk_norms: int = count(default=0)
    shared_values: int = count(default=0)
    sink_heads: int = count(default=0)
    window: int = count(default=0)
    window_heads: int = count(default=0)
    window_kv_heads: int = count(default=0)
    window_head_dim: int = count(default=0)
    window_value_dim: int = count(default=0)
    value_dim: int = count(default=0)
    rope_dim: int = count(default=0)
    kv_rank: int = count(default=0)
    query_rank: int = count(default=0)
    index_heads: int = count(default=0)
    index_dim: int = count(default=0)
    experts: int = count(default=0)
    active_experts: int = count(default=0)
    expert_intermediate: int = count(default=0)
    expert_hidden: int = count(default=0)
    expert_bias: int = count(default=0)
    shared_intermediate: int = count(default=0)
    shared_gate: int = count(default=0)
    expert_groups: int = count(default=0)
    normed_choices: int = count(default=0)
    inner: int = count(default=0)
    state: int = count(default=0)
    conv: int = count(default=0)
    delta_key_heads: int = count(default=0)
    delta_heads: int = count(default=0)
    delta_key_dim: int = count(default=0)
    delta_dim: int = count(default=0)
    time_rank: int = count(default=0)
    groups: int = count(default=0)
    state_heads: int = count(default=0)
    ungated: int = count(default=0)
    state_norms: int = count(default=0)
    state_bias: int = count(default=0)
    conv_bias: int = count(default=0)
    trained_context: int = count(
        "the longest context that the model was trained for [tokens]; 0 if nothing in it limits one",
        *(0, BY_NAME["context"].limit),
        default=0,
    )
    published: str = text("how its maker publishes it, as named in data/published.csv, if not in 16 bit", default="")
    family: str = text("the `model_type` of its config.json", default="")
    packing: str = text("matrices that the code stores as one", PACKINGS, default="")
    source: str = text("where the counts come from", default="")
    file_weights: int = count(default=0)
    file_expert: int = count(default=0)
    file_rows: int = count(default=0)
    file_vision: int = count(default=0)
    file_audio: int = count(default=0)
    file_speech: int = count(default=0)
    file_projector: int = count(default=0)
    file_draft: int = count(default=0)
    file_kind: str = text(
        "whose format its files have, if it was read from some", ("", "GGUF", "safetensors"), default=""
    )
    said: tuple[str, ...] = texts("what else is to be known of its files")
    order: str = text(
        "letters for how each layer looks at other tokens, where a file says it: see `specs.order`", default=""
    )
    feeds: str = text("letters for the MLP or experts of each layer, likewise", default="")
    stack: Stack | None = optional(Stack, "what its files store, layer by layer; None without files", default=None)
    stored: Stored | None = optional(Stored, "what its file says of its format; None without a file", default=None)
    assumed: tuple[str, ...] = texts("keys that a config.json left to their documented defaults")
    ignored: tuple[str, ...] = texts(
        "keys of a config.json that change memory but have no place here: scales, other towers, extra layers"
    )

    def _check_together(self) -> None:
        for name, kinds in _USERS.items():
            users = sum(getattr(self, kind) for kind in kinds)
            if users and not getattr(self, name):
                raise must(name, f"at least 1, for {users:,} layers need it", 0)
        for part, whole in _DIVIDE:
            shared, heads = (getattr(self, one) or getattr(self, one.removeprefix("window_")) for one in (part, whole))
            if shared and heads % shared:
                raise InputError(f"{part} must divide {whole} = {heads:,} without remainder, not {shared:,}.")
        for part, whole in (("active_experts", "experts"), ("rope_dim", "head_dim")):
            if getattr(self, part) > getattr(self, whole):
                raise must(part, f"at most {whole} = {getattr(self, whole):,}", getattr(self, part))
        for kind in ("dense_layers", "wide_layers", "moe_layers"):
            if not self.layers or getattr(self, kind) > self.layers:
                raise must(kind, f"at most the {self.layers:,} layers", getattr(self, kind))

    @classmethod
    def named(cls, name: str) -> Model:
        """Return a model of the catalogue, by its name, an alias, or as a hub of models calls it.

        Raises InputError for an unknown name, with the nearest.

        >>> Model.named("meta-llama/Meta-Llama-3.1-8B-Instruct").name
        'Llama-3.1-8B'
        """
        try:
            return super().named(name)
        except InputError as problem:
            plain = _as_here(name) if isinstance(name, str) else ""
            if plain and plain != name and plain.casefold() in _spellings():
                return super().named(plain)
            fetch = (
                f" `hf download {name} config.json` fetches the file that describes it."
                if isinstance(name, str) and _HUB.fullmatch(name)
                else ""
            )
            raise InputError(f"{problem}{fetch}") from None

    @classmethod
    def from_config(cls, source: str | Path | Mapping) -> Model:
        """Return the model that a Hugging Face config.json describes, given as a path or a mapping.

        Raises InputError if the architecture is unknown, or a key is missing or makes no sense.
        """
        from memcalc.specs import families  # here: models with a name do without

        described = families.fields(source) | {"stored": stored_in(source)}
        try:
            return cls(**described)
        except InputError as problem:
            raise InputError(f"config.json describes no model that there can be: {problem}") from None

    @classmethod
    def from_checkpoint(cls, source: str | Path, tag: str = "") -> Model | WeighedModel:
        """Return the model whose files lie here, with their weights to the byte: GGUF, safetensors, or a folder.

        Parameters
        ----------
        tag : Ollama's NAME:TAG, with its folder of models

        A model of an architecture that is not known has its weights, and its cache where the files tell it.
        Raises InputError if the files cannot be read, or contradict themselves.
        """
        from memcalc.specs import files  # here: models with a name do without
        from memcalc.specs.weighed import WeighedModel

        described = files.fields(source, tag)
        return WeighedModel(**described) if "unknown" in described else cls(**described)

    @staticmethod
    def nominal(parameters: int) -> NominalModel:
        """Return a size without an architecture: enough for weights and training states, not for a cache.

        >>> Model.nominal(7_500_000_000).parameters
        7500000000
        """
        return NominalModel(parameters)

    @cached_property
    def values(self) -> dict[sympy.Symbol, int]:
        """Symbol → number, for the terms."""
        from memcalc.formula.symbols import symbol

        return {symbol(name): getattr(self, name) for name in self.declared if name in BY_NAME}

    @cached_property
    def structure(self) -> Structure:
        """What decides which tensors it has, beside the sizes."""
        names = [name for name in ("heads", "kv_heads", "head_dim", "value_dim") if getattr(self, f"window_{name}")]
        values = ["value_dim"] if self.value_dim and self.kv_heads else []
        latents = ["expert_hidden"] if self.expert_hidden else []
        return Structure(self.packing, lineage(self.family), frozenset(names + values + latents))

    @cached_property
    def absent(self) -> frozenset[sympy.Symbol]:
        """Symbols that count what the model lacks."""
        return frozenset(symbol for symbol, number in self.values.items() if number == 0)

    @cached_property
    def layers(self) -> int:
        """All layers, of whatever kind."""
        from memcalc.formula.weights import layers

        return layers.exact(self.values)

    @cached_property
    def parameters(self) -> int:
        """All parameters, counted from the architecture."""
        from memcalc.formula.weights import parameters

        return self._count(parameters)

    @cached_property
    def active_parameters(self) -> int:
        """Parameters that one token passes through."""
        from memcalc.formula.weights import active

        return self._count(active)

    def _count(self, term: Term) -> int:
        from memcalc.formula.structures import in_structure

        return in_structure(term, self.structure).exact(self.values)


@dataclass(frozen=True)
class NominalModel(Spec):
    """A number of parameters without an architecture, such as "7B"."""

    parameters: int = count("how many", 1, LARGEST_MODEL)

    trained_context, assumed, ignored, said = 0, (), (), ()

    @property
    def name(self) -> str:
        """The size in words."""
        return f"{self.parameters:,} parameters"

    @property
    def structure(self) -> Structure:
        """Nothing that is known."""
        return Structure()

    @property
    def active_parameters(self) -> int:
        """The same number: a size alone says nothing of experts."""
        return self.parameters

    @property
    def values(self) -> dict[sympy.Symbol, int]:
        """Symbol → number, for the terms."""
        from memcalc.formula.symbols import symbol

        return {symbol("parameters"): self.parameters, symbol("tensors"): 0}  # none is known, so none is counted
