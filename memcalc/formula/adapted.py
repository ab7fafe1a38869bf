"""Adapted: a frozen model with adapters beside its matrices, and what of it decides which tensors are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memcalc import catalogue
from memcalc.formula.formats import FP32, HALF

_PARTS = ("q_latent", "latent", "q", "k", "v", "scores", "heads", "mixed", "out", "gate", "up", "in")
EVERYWHERE = frozenset(f"gradient_{part}" for part in _PARTS)
"""Facts of a layer through all of which gradients go, as where every weight is trained."""


@dataclass(frozen=True)
class Adapted:
    """Adapters beside a frozen model, as PEFT makes them, in one of its layers.

    Parameters
    ----------
    modules : the matrices that have one, by the names in data/adapted_matrices.csv
    single : whether the adapters are in FP32, and not in 16 bits
    autocast : whether the model runs under autocast
    quantized : whether the frozen matrices are in few bits, and made 16-bit for each product
    raised : whether the numbers between layers are FP32: embedding and norms are
    dropout : whether the adapters drop numbers of their input
    first : whether it is the first layer, whose input needs no gradient
    holding : whether the frozen matrices hold on to what they read, past autograd and until the backward pass ends
    reentrant : whether torch's older checkpoint computes layers again, which lets that go
    dora : whether the rows of matrix and adapter together have a length that is trained too
    biased : the matrices to whose products a bias is added; DoRA alone depends on it
    norms_lifted : whether autocast computes norms in FP32, as it does where these are PyTorch's own
    parallel : whether the MLP reads the input of the layer, beside the attention
    """

    modules: frozenset[str]
    single: bool = True
    autocast: bool = False
    quantized: bool = False
    raised: bool = False
    dropout: bool = False
    first: bool = False
    holding: bool = False
    reentrant: bool = False
    dora: bool = False
    biased: frozenset[str] = frozenset()
    norms_lifted: bool = False
    parallel: bool = False

    @property
    def recipe(self) -> str:
        """The column of data/saved_tensors.csv that has the bytes of the frozen model's numbers.

        >>> Adapted(frozenset({"q_proj"}), autocast=True).recipe
        'bf16'
        """
        if not self.raised:
            return "bf16"
        return "autocast" if self.autocast else "fp32"

    @property
    def lifted(self) -> bool:
        """Whether autocast computes some operations in more bits than the numbers between layers have."""
        return self.autocast and not self.raised

    @property
    def column(self) -> str:
        """The column of data/saved_tensors_adapters.csv that has the bytes of the adapters' numbers."""
        return "single" if self.single and not self.autocast else "half"

    @property
    def unpacked(self) -> int:
        """Bytes of a number of a quantized matrix on the way back: 16-bit, or as its input that it holds on to."""
        return FP32 if self.holding and self.raised else HALF

    @property
    def facts(self) -> frozenset[str]:
        """What the conditions in the tables may ask for."""
        own = {"frozen"} | ({"raised"} if self.raised and self.autocast and self.quantized else set())
        said = {"inputs_held": self.holding, "reentrant": self.reentrant, "lifted": self.lifted}
        own |= {name for name, holds in said.items() if holds}
        inputs = {"adapter_dropout"} if self.dropout else {f"{name}_{how}" for name, how in self._inputs.items()}
        return frozenset(own | inputs | self.modules | self.gradients)

    @property
    def _inputs(self) -> dict[str, str]:
        """What the adapters read → "own" if each makes a copy of it in its own format, else "shared"."""
        return {name: "own" if self._converts(width) else "shared" for name, width in self._read.items()}

    @property
    def _read(self) -> dict[str, int]:
        """What the adapters read → the bytes of its numbers."""
        stream = FP32 if self.raised else HALF
        heads = HALF if self.autocast else stream
        product = heads if not self.quantized else stream
        return {"stream": FP32 if self.lifted and self.norms_lifted else stream, "heads": heads, "product": product}

    def _converts(self, width: int) -> bool:
        """Return whether an input with numbers of so many bytes is converted: by the adapter, or by autocast."""
        made = self._made(width)
        return made != width or (self.autocast and made != HALF)

    def _made(self, width: int) -> int:
        """Return the bytes of a number of an input as the adapter's first matrix gets it from PEFT."""
        left = self.quantized and self.autocast  # PEFT leaves that to autocast
        return width if left else (FP32 if self.single else HALF)

    def before(self, matrix: Mapping[str, str]) -> int:
        """Return the bytes of a number of what an adapter reads, while it holds a copy of its own beside; else 0."""
        width = self._read[matrix["reads"]]
        return width if self._converts(width) else 0

    def widths(self, matrix: Mapping[str, str]) -> dict[str, int]:
        """Return for each word in data/saved_tensors_dora.csv the bytes of a number, beside one of the matrices.

        >>> Adapted(frozenset({"o_proj"}), autocast=True, dora=True).widths(matrices()[8])["base"]
        2
        """
        read, stored = self._read[matrix["reads"]], FP32 if self.raised else HALF
        made, own = self._made(read), FP32 if self.single else HALF
        working = HALF if self.autocast else made
        base = working if self.dropout else read if self.quantized or not self.autocast else HALF
        if matrix["name"] in self.biased and not self.quantized and not self.dropout:
            base = max(base, stored)
        as_stored = not self.quantized and stored == made == working
        return {
            **{"base": base, "adapter": HALF if self.autocast else own, "length": made, "scale": max(made, own)},
            "weight": 0 if as_stored else working,
        }

    @property
    def gradients(self) -> frozenset[str]:
        """Through which parts of the layer a gradient goes: those behind an adapter, or behind the layer's input."""
        into = not self.first
        from_q, latent = into or "q_a_proj" in self.modules, into or "kv_a_proj" in self.modules
        q = from_q or self._any("q_proj", "q_b_proj", "qkv_proj")
        k, v = (latent or self._any(name, "kv_b_proj", "qkv_proj") for name in ("k_proj", "v_proj"))
        heads = q or k or v
        mixed = heads or "o_proj" in self.modules
        out = into if self.parallel else mixed
        gate, up = (out or self._any(name, "gate_up_proj") for name in ("gate_proj", "up_proj"))
        parts = from_q, latent, q, k, v, q or k, heads, mixed, out, gate, up, into
        reached = dict(zip(_PARTS, parts, strict=True))
        return frozenset(f"gradient_{part}" for part, there in reached.items() if there)

    def _any(self, *names: str) -> bool:
        """Return whether one of these matrices has an adapter."""
        return not self.modules.isdisjoint(names)


def matrices() -> tuple[Mapping[str, str], ...]:
    """Return the matrices of a layer that can have an adapter: data/adapted_matrices.csv."""
    return catalogue.rows("adapted_matrices")
