"""Step: the peak of a forward and backward pass, where gradients come while activations go."""

from dataclasses import dataclass, replace
from functools import cache

import sympy

from memcalc.errors import must
from memcalc.formula.activations import activations, layer, padded_context
from memcalc.formula.formats import FP32, HALF
from memcalc.formula.loss import FREED
from memcalc.formula.numeric import Max
from memcalc.formula.optimizer import gradients
from memcalc.formula.saved_tensors import CodePath, SavedTensor, saved_tensors
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import BIASES, MATRICES, V, d, d_ff, d_k, h, held, n_emb, n_pos
from memcalc.formula.term import Term
from memcalc.formula.weights import layers

L, s, b = symbols("layers context batch")

MEASURED = ("llama", "qwen2", "gpt2")
"""Families whose step has been measured."""

_LOSS_AND_ITS_GRADIENT = FP32 + FP32

_norm, _mlp = held("final"), held("mlp")  # parameters
_layer = 2 * _norm + held("attention", of=(MATRICES, BIASES)) + _mlp


@dataclass(frozen=True)
class Step:
    """A forward and a backward pass, by what decides where their memory peaks.

    Parameters
    ----------
    case : the code that runs; of a family in MEASURED, without dropout
    tied : whether input embedding and output head are one matrix

    Raises InputError if the family has not been measured, there is dropout, or gradients differ in size from weights.

    >>> Step(CodePath("llama"), tied=True).embedding
    M_g + 4*V*d + 8
    """

    case: CodePath
    tied: bool = False

    def __post_init__(self):
        for name, options in (("recipe", ("bf16", "mixed", "fp32")), ("family", MEASURED)):
            value = getattr(self.case, name)
            if value not in options:
                raise must(name, f"one of {', '.join(options)} for the peak of a step", repr(value))
        if self.case.dropouts:
            raise must("dropouts", "none for the peak of a step", ", ".join(sorted(self.case.dropouts)))

    @property
    def loss(self) -> sympy.Expr:
        """Bytes where the loss has its gradient: all activations, and the gradients of probabilities and logits."""
        of_probabilities, of_logits = 2 * [FP32 * s * b * V]
        freed = sum(tensor.expr for tensor in saved_tensors(self.case) if tensor.key in FREED)
        return activations(self.case).symbol + of_probabilities + of_logits + _LOSS_AND_ITS_GRADIENT - freed

    @property
    def embedding(self) -> sympy.Expr:
        """Bytes where the embedding has its gradient: all gradients; if tied, those of both uses beside their sum."""
        table, of_hidden = self._bytes * V * d, self._bytes * s * b * d
        return gradients.symbol + (2 * table if self.tied else of_hidden) + _LOSS_AND_ITS_GRADIENT

    @property
    def mlp(self) -> tuple[sympy.Expr, sympy.Expr]:
        """Bytes where the MLP of the first and of the last layer has gradients of its product and of both factors."""
        of_product_and_factors = 3 * self._bytes * s * b * d_ff
        there = sum(tensor.expr for tensor in self._kept_by_layer if tensor.key != "down_input")
        return self._in_first_and_last(there + of_product_and_factors, made=held("mlp", of=("down_proj", "down_bias")))

    @property
    def scores(self) -> tuple[sympy.Expr, sympy.Expr]:
        """Bytes where the scores of the first and of the last layer have gradients, before and after the softmax."""
        last = [tensor.key for tensor in self._kept_by_layer].index("softmax")
        softmax = self._kept_by_layer[last]
        values_stay = "packed" in self.case.traits and not self.case.many  # of several sequences, copies do
        of_values = self._bytes * s * b * h * d_k if values_stay else 0
        there = sum(tensor.expr for tensor in self._kept_by_layer[: last + 1]) + 2 * softmax.expr + of_values
        return self._in_first_and_last(there, made=_mlp + _norm + held("attention", of=("o_proj", "o_bias")))

    def _in_first_and_last(self, there: sympy.Expr, made: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
        of_residual = self._bytes * s * b * d
        kept_once = [tensor for tensor in saved_tensors(self.case) if tensor.per == "once"]
        around = sum(tensor.expr for tensor in kept_once if tensor.place in ("embedding", "attention"))
        own_input = int(self.case.recompute == "full")
        copied = "rmsnorm" in self.case.traits and self._bytes < FP32  # the norm raises its input to FP32
        shared = 0 if copied or not own_input else of_residual
        always = there + of_residual + around + _LOSS_AND_ITS_GRADIENT - shared
        missing = _layer - made + d * (V * (n_emb - 1) + n_pos)
        first = gradients.symbol - self._bytes * missing + own_input * layer(self.case).symbol
        last = self._bytes * (V * d + _norm + made) + (L - 1 + own_input) * layer(self.case).symbol
        return first + always, last + always

    @property
    def _kept_by_layer(self) -> list[SavedTensor]:
        return [tensor for tensor in saved_tensors(replace(self.case, recompute="none")) if tensor.per == "layer"]

    @property
    def _bytes(self) -> int:
        return FP32 if self.case.width == "fp32" else HALF


@cache
def step_peak(case: CodePath, tied: bool = False) -> Term:
    """Return the term for the peak of a forward and backward pass, beside the weights; arguments as for `Step`.

    >>> len(step_peak(CodePath("llama")).expr.args)
    4
    """
    step = Step(case, tied)
    expr = Max(step.loss, step.embedding, *step.mlp, *(step.scores if case.kernel == "eager" else ()))
    blocks = (padded_context,) if expr.has(padded_context.symbol) else ()
    return Term(
        name="step_peak",
        expr=expr,
        meaning="Gradients come while activations go: the peak lies at the loss, at the embedding, or in the MLP "
        "or the scores of the first or the last layer.",
        holds="transformers 5.23 with torch 2.13, bf16 or FP32; no gradients before; 5,000 tokens or more in V",
        source="wolf2020transformers, src/transformers/models; paszke2019pytorch, section 5.5",
        parts=(activations(case), gradients, layer(case), layers, *blocks),
    )
