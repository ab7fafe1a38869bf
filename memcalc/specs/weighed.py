"""A model of an architecture that is not known: what its files weigh, and what they tell of its cache."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from memcalc.checkpoints import Stack
from memcalc.formula.glossary import BY_NAME
from memcalc.formula.lineage import Structure
from memcalc.specs.fields import Spec, count, optional, text, texts

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True, kw_only=True)
class WeighedModel(Spec):
    """A model whose architecture is not known: its weights to the byte, and its cache as far as its files tell.

    Raises InputError if a count is impossible.
    """

    name: str = text("what it is called")
    file_weights: int = count()
    file_vision: int = count(default=0)
    file_audio: int = count(default=0)
    file_speech: int = count(default=0)
    file_projector: int = count(default=0)
    file_draft: int = count(default=0)
    token_keys: int = count(default=0)
    token_values: int = count(default=0)
    conv_channels: int = count(default=0)
    conv: int = count(default=0)
    trained_context: int = count("as of a model", *(0, BY_NAME["context"].limit), default=0)
    file_kind: str = text(
        "whose format its files have, if it was read from some", ("", "GGUF", "safetensors"), default=""
    )
    stack: Stack | None = optional(Stack, "what its files store, layer by layer; None without files", default=None)
    said: tuple[str, ...] = texts("what else is to be known of its files")
    untold: str = text("why the files do not tell the cache; nothing if they do", default="")
    unknown: str = text("why the architecture is not known", default="")
    ignored: tuple[str, ...] = texts("parts of the files that are not counted")

    family, stored, assumed, window = "", None, (), 0

    @cached_property
    def values(self) -> dict[sympy.Symbol, int]:
        """Symbol → number, for the terms."""
        from memcalc.formula.symbols import symbol

        return {symbol(name): getattr(self, name) for name in self.declared if name in BY_NAME}

    @property
    def structure(self) -> Structure:
        """Nothing that is known."""
        return Structure()
