"""Prefill: the working memory of a prompt's forward pass, whole or in chunks, and of a step that generates a token."""

from dataclasses import dataclass
from functools import cached_property

import sympy

from memcalc.errors import must
from memcalc.formula.formats import BOOL, FP32, HALF, INT64
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import V, d, d_ff, d_k, h, h_kv
from memcalc.formula.term import Term
from memcalc.formula.weights import layers as all_layers

L, d_rot, s, b, c = symbols("layers rotary context batch chunk")

MEASURED = ("llama", "mistral", "qwen2", "gpt_neox", "seed_oss")
"""Families whose code has been measured; the peak lies where their code lets tensors go, so no other is guessed."""

_HOLDS = "transformers 5.23, no gradients, 16 bits, at least two layers, context shorter than the window"
_SOURCE = "wolf2020transformers, src/transformers/models and cache_utils.py"


@dataclass(frozen=True)
class Prefill:
    """A forward pass without gradients, by what decides where its memory peaks.

    Parameters
    ----------
    case : the family's code, its attention, whether heads are grouped; of a family in MEASURED
    all_logits : whether every token gets logits, or each prompt's last token alone
    chunked : whether the prompt comes in chunks of c tokens
    windowed : whether the layers' caches are sliding windows

    Raises InputError if the family has not been measured, or the recipe is not one of 16 bits.

    >>> Prefill(CodePath("llama")).prefill.symbols
    (V, d, d_ff, d_rot, s, b)
    """

    case: CodePath
    all_logits: bool = False
    chunked: bool = False
    windowed: bool = False

    def __post_init__(self):
        if self.case.width != "bf16":
            raise must("recipe", "one of 16 bits for a prefill", repr(self.case.recipe))
        if self.case.family not in MEASURED:
            raise must("family", f"one of {', '.join(MEASURED)} for a prefill", repr(self.case.family))

    def _attention(self, new: sympy.Expr) -> sympy.Expr:
        embeddings, layer_input, normalised = 3 * [HALF * b * new * d]
        queries = HALF * b * new * h * d_k
        packed = 3 * queries if "packed" in self.case.traits else 0  # holds the values
        return embeddings + layer_input + normalised + packed + queries

    def _scores(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        raw, masked, softmax, rounded = (each * b * h * new * seen for each in (HALF, HALF, FP32, HALF))
        repeated = 2 * HALF * b * seen * h * d_k if self.case.grouped else 0  # keys and values
        return self._attention(new) + raw + masked + softmax + rounded + repeated

    def _mlp(self, new: sympy.Expr) -> sympy.Expr:
        embeddings, layer_input, residual_sum, normalised = 4 * [HALF * b * new * d]
        inner = 3 if "gated" in self.case.traits else 2  # activated gate, up and product; or up and its activation
        return embeddings + layer_input + residual_sum + normalised + inner * HALF * b * new * d_ff

    def _joining(self, new: sympy.Expr) -> sympy.Expr:
        copies = 2 if self.windowed else 1
        old, keys, values = copies * HALF * b * s * h_kv * d_k, *2 * [HALF * b * new * h_kv * d_k]
        return self._attention(new) + old + keys + (0 if "packed" in self.case.traits else values)

    def _around(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        cosines, sines, token_ids, positions = *2 * [HALF * new * d_rot], INT64 * b * new, INT64 * new
        mask = HALF * b * new * seen if self._eager else BOOL * new * seen if self.chunked and new == c else 0
        return cosines + sines + token_ids + positions + mask + self._window_lengths

    @property
    def _eager(self) -> bool:
        return self.case.kernel == "eager"

    @property
    def _window_lengths(self) -> sympy.Expr:
        return INT64 * L if self.windowed else sympy.S.Zero

    @cached_property
    def prefill(self) -> Term:
        """The term for the working memory of the prefill."""
        new = c if self.chunked else s
        logits = HALF * b * V * (new if self.all_logits else 1)
        before = logits if self.chunked else 0  # those of the chunk before
        layers = sympy.Max(self._mlp(new), *self._eager * [self._scores(new, s)]) + self._around(new, s)
        head = logits + HALF * b * new * d + INT64 * b * new + self._window_lengths
        return Term(
            name="prefill",
            expr=before + sympy.Max(layers, head),
            meaning="The peak lies in the attention or the MLP of the last layer, or where the logits come.",
            holds=f"{_HOLDS}; chunks that divide the context",
            source=_SOURCE,
            parts=(all_layers,) if self.windowed else (),
        )

    @cached_property
    def decode_step(self) -> Term:
        """The term for the working memory of one decode step, beside a cache that has the new token already."""
        peak = sympy.Max(self._joining(1), *self._eager * [self._scores(1, s + 1)])
        return Term(
            name="decode_step",
            expr=peak + self._around(1, s + 1),
            meaning="To append one token, a layer's keys (then its values) are copied before the old ones go.",
            holds=_HOLDS,
            source=_SOURCE,
            parts=(all_layers,) if self.windowed else (),
        )
