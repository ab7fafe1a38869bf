"""Exercises of notebook 1: weights."""

from __future__ import annotations

from fractions import Fraction

import sympy

from memcalc.estimate.questions import breakdown
from memcalc.formula.formats import Format
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.weights import attention, mlp, norms, parameters
from memcalc.lessons.exercise import Answers, Exercise
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model


def _all_experts() -> Answers:
    model, seven = Model.named("Mixtral-8x7B"), Model.named("Mistral-7B-v0.1")
    total, active = (2 * count for count in (model.parameters, model.active_parameters))
    return total, [
        (
            active,
            "those are the active ones, which one token passes; the next token needs others, so all must be there",
        ),
        (2 * 56 * 10**9, "the name is no product, 8 × 7 = 56: the experts share attention and embedding"),
        (2 * 8 * seven.parameters, "that is eight whole models; the experts share attention and embedding"),
        (2 * 7 * 10**9, "that is one expert with all that is shared; there are eight experts"),
        (2 * total, "that is with four bytes each; BF16 takes two"),
        (model.parameters, "that is one byte each, or billions of parameters; BF16 takes two bytes"),
        (2 * active, "those are the active ones, and in four bytes; count all, in two"),
    ]


def _four_bits() -> Answers:
    model = Model.named("Llama-3.1-8B")
    right, half, other, plain, eight = (_stored(model, name) for name in ("Q4_K_M", "INT4", "Q4_0", "FP16", "INT8"))
    return right, [
        (half, "that is half a byte each; scales and the tensors in more bits come on top"),
        (Fraction(half * 2**30, 10**9), "that is half a byte each, and in GB"),
        (
            model.parameters * Format.named("Q4_K").bits / 8,
            "that is 4.5 bits each, those of most matrices; a sensitive few have more",
        ),
        (other, "that is Q4_0; Q4_K_M gives more bits to more tensors"),
        (plain, "that is in 16 bits"),
        (eight, "that is a byte each"),
        (_stored(model, "NF4"), "that is NF4, which leaves the embedding in 16 bits"),
        (_stored(model, "NF4-double"), "that is NF4 with double quantization, which leaves the embedding in 16 bits"),
        (half * Fraction(1, 2), "half a byte has four bits, and you halved once more"),
    ]


def _stored(model: Model, name: str) -> int:
    return breakdown(model, Inference(weights=name))["weights"]


def _one_more_layer() -> Answers:
    known = Model.named("Llama-3.1-8B").values
    kind = {one: known[one] for one in symbols("mlp_matrices layer_norms norm_vectors embedding_tables")}
    letters = [part.simplified(known).expr for part in (attention, mlp, norms)]
    looks, widens, scales = (expr.xreplace(kind) for expr in letters)
    right = looks + widens + scales
    d, h, h_kv, d_k, d_ff = symbols("hidden heads kv_heads head_dim intermediate")
    return right, [
        (looks + widens, "the norms are missing: two vectors of d numbers"),
        (right - d, "a layer has two norms, one before the attention and one before the MLP"),
        (right - d * d_ff, "the MLP has three matrices: up, down, and the gate"),
        (right.xreplace({h_kv: h}), "keys and values have grouped heads: their matrices are made for h_kv heads"),
        (right - d * h * d_k, "a matrix of the attention is missing: the queries', or the output's back to d"),
        (right.xreplace({h: d / d_k}), "so it is in many models, but h × d_k need not be d: keep both letters"),
        (looks + scales, "that layer has no MLP, where most of the parameters are"),
        (widens + scales, "that layer has no attention"),
        *((open_, _IN_LETTERS) for open_ in (sympy.Add(*letters), looks + letters[1] + scales)),
        *_of_the_model(right, known, kind),
    ]


_IN_LETTERS = "right in letters; for a model of LLaMA's kind, n_mlp is 3, n_norm is 2 and n_vec is 1"


def _of_the_model(
    layer: sympy.Expr, known: dict[sympy.Symbol, int], kind: dict[sympy.Symbol, int]
) -> list[tuple[sympy.Expr, str]]:
    """Return answers that say something of the whole model, or that leave the parts unwritten."""
    whole = parameters.simplified(known)
    layers = dict.fromkeys(map(symbol, _LAYERS), symbol("layers"))
    one = attention.symbol + mlp.symbol + norms.symbol
    why = "that is the whole model; the question asks for its change with one more layer"
    return [
        (whole.expr, why),
        (whole.expanded().xreplace(kind | layers), why),
        *((symbol(name) * layer, "those are all layers; the question asks for one more") for name in _LAYERS),
        (layer + symbol("vocabulary") * symbol("hidden"), "a layer has no embedding; the model has it once"),
        (one, "so it is; now write the parts out in the letters of config.json"),
        (one - mlp.symbol, "the MLP is missing: a letter of its own, L_dense, counts it, and it grows too"),
    ]


_LAYERS = ("layers", "full_layers", "dense_layers")
"""Letters that count the layers of such a model."""

EXERCISES = {
    "1.1": Exercise("GB", _all_experts),
    "1.2": Exercise("GiB", _four_bits),
    "1.3": Exercise("formula", _one_more_layer),
}
