"""A layer on its way back, half by half: what of it is there at once, and which gradients it has made before."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import sympy

from memcalc.formula.choices import Experts, Recompute
from memcalc.formula.formats import FP32
from memcalc.formula.gathered import final_norm, one_layer
from memcalc.formula.saved_tensors import CodePath, SavedTensor, saved_tensors
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import E, d, d_ff, d_k, h, h_kv, held

s, b, k, d_e = symbols("context batch active_experts expert_intermediate")

GONE = ("down_input", "experts_output")
"""Keys of what a layer needs no longer once the matrix behind the product has its gradient."""


def halves(case: CodePath, width: int) -> Iterator[tuple[str, sympy.Expr, sympy.Expr]]:
    """Yield for the MLP, and for scores if they are stored, what is there at once, and the gradients made before."""
    own = [tensor for tensor in saved_tensors(replace(case, recompute="none")) if tensor.per == "layer"]
    factors = 2 if "gelu" in case.traits else 3  # whose factor is its input
    wide, made = product(case)
    there = bytes_of(tensor for tensor in own if tensor.key not in GONE) + factors * width * wide
    yield "MLP", there, made
    if case.adapted and case.adapted.quantized:  # the product has its gradient, of a matrix in more bits meanwhile
        yield "down matrix", bytes_of(own) + width * wide + case.adapted.unpacked * d * d_ff, sympy.S.Zero
    last = next((place for place, tensor in enumerate(own) if tensor.key == "softmax"), None)
    if last is not None:
        values_stay = "packed" in case.traits and not case.many  # of several sequences, copies do
        of_values = width * s * b * h * d_k if values_stay else 0
        whole = held("expert" if case.experts else "mlp") + final_norm + held("attention", of=("o_proj", "o_bias"))
        before = (*own[: last + 1], *(tensor for tensor in own[last + 1 :] if tensor.key == "before_scores"))
        yield "scores", bytes_of(before) + 2 * own[last].expr + of_values, whole


def norms(case: CodePath, width: int, stream: int) -> Iterator[tuple[str, sympy.Expr, sympy.Expr]]:
    """Yield for both norms of a layer what is there at once, and the gradients made before.

    They have all numbers of a token where cards share what stands between them, and outgrow it there.

    Parameters
    ----------
    width : bytes of a number in the layer
    stream : bytes of a number between layers
    """
    again = case.recompute != Recompute.NONE
    own = [tensor for tensor in saved_tensors(replace(case, recompute="none")) if tensor.per == "layer"]
    first = next(place for place, tensor in enumerate(own) if tensor.place == "attention")
    second = next(place for place, tensor in enumerate(own) if place > first and tensor.place == "norm")
    if "rmsnorm" in case.traits:  # whose code computes each operation in FP32, and copies its input to it
        temporary = 6 * FP32 * s * b * d
        shared = FP32 * s * b * d if again and stream == FP32 else 0
        behind = held("expert" if case.experts else "mlp") + final_norm
        yield "goes back through the norm behind its attention", temporary + bytes_of(own[:second]), behind
        yield "has all its gradients", temporary - shared, one_layer
    else:
        of_heads = (h + 2 * h_kv) * d_k
        there = bytes_of(own[: first + 1]) + width * s * b * (of_heads + 2 * d)
        yield "has all its gradients", there, one_layer


def product(case: CodePath) -> tuple[sympy.Expr, sympy.Expr]:
    """Return how many numbers the product of gate and up has at once, and the parameters of the matrix behind it."""
    if not case.experts:
        return s * b * d_ff, held("mlp", of=("down_proj", "down_bias"))
    choices = s * b * k / (E if case.experts == Experts.EAGER else 1)  # of one expert after the other
    return choices * d_e, held("expert", of=("down_proj", "down_bias"))


def bytes_of(tensors: Iterable[SavedTensor]) -> sympy.Expr:
    """Return what these tensors take on one card."""
    return sympy.Add(*(tensor.expr for tensor in tensors))
