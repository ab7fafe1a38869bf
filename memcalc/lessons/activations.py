"""Exercises of notebook 3: activations."""

from __future__ import annotations

import sympy

from memcalc.estimate import training
from memcalc.estimate.questions import breakdown, total
from memcalc.estimate.terms import values
from memcalc.formula import megatron
from memcalc.formula.activations import layer
from memcalc.formula.saved_tensors import CodePath, SavedTensor, saved_tensors
from memcalc.formula.symbols import symbol, symbols
from memcalc.lessons.exercise import ONE_OF_TWO, TEXTBOOK, Answers, Exercise, cache_of
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training


def _logits() -> Answers:
    model, run = Model.named("Llama-3-8B"), Training(context=8192)
    known = values(model, run)
    right = _kept_per_word().bytes(known)
    return right, [
        (right // 2, "that is 16 bits for each; the loss keeps them in FP32"),
        (right * 3 // 2, "that counts a 16-bit copy too; only the one in FP32 is kept"),
        (right * 2, "the gradients of the logits are as large again, but the question is about the logits"),
        (right // model.vocabulary * model.hidden, "you took hidden; each token has a number for every word"),
        (
            right // model.vocabulary * Model.named("LLaMA-7B").vocabulary,
            "that is the vocabulary of LLaMA-7B",
        ),
        (right // run.context, "that is one token; the text has 8,192, and then it is not little any more"),
        (right * model.layers, "logits are made once, behind the last layer"),
    ]


def _kept_per_word() -> SavedTensor:
    """Return the tensor that has a number for each token and each word of the vocabulary."""
    return next(tensor for tensor in saved_tensors(CodePath("llama")) if symbol("vocabulary") in tensor.shape)


def _saved_by_selective() -> Answers:
    cards = symbol("tensor_parallel")
    whole, rest = (megatron.layer(policy).expr.subs(cards, 1) for policy in ("none", "selective"))
    softmax, mask, dropped = (tensor.expr.subs(cards, 1) for tensor in _scores())
    d, d_ff, h, d_k, s, b = symbols("hidden intermediate heads head_dim context batch")
    right = sympy.expand(whole - rest)
    return right, [
        (whole, "that is all that a layer keeps; ask for the difference"),
        (rest, "that is what stays; the question asks for what goes"),
        (rest.xreplace({d_ff: 4 * d}).subs(d_k, d / h), "the 34 stays; the question asks for what goes"),
        (softmax, "that is one of three tensors: shares after the softmax, mask, and what dropout leaves of them"),
        (mask, "that is the mask alone; three tensors go"),
        (softmax + mask, "what dropout leaves of the shares goes too"),
        (-right, "the other way round: what there is without recomputation, less what is left with it"),
        (softmax + dropped, "the dropout mask goes too, with one byte for each score"),
        (right / cards, "that is one of t cards; here is one card"),
        (right * symbol("layers"), "that is the whole model; the question is about one layer"),
        (right / (d * s * b), "that is for each number; a layer has d s b of them"),
        (right / h, "that is one head; a layer has h of them"),
    ]


def _scores() -> list[SavedTensor]:
    return [tensor for tensor in megatron.saved_tensors() if tensor.shape.count(symbol("context")) > 1]


def _cache_of_a_writer() -> Answers:
    model, run = Model.named("LLaMA-7B"), Inference(131_072, attention="flash")
    window = Inference(131_072, sinks=4, recent=4092)
    scores = _scores()[0].bytes(values(model, Training(context=run.context, activations="megatron")))
    return cache_of(model, run), [
        (scores, "that is the score matrix of one layer: it is what FlashAttention does not store"),
        (scores * model.layers, "those are score matrices, which FlashAttention does not store; keys and values stay"),
        (
            cache_of(model, window),
            "that is StreamingLLM's 4 + 4,092 tokens, which forgets the others, or else a single layer",
        ),
        (cache_of(model, run) // 2, f"that is half: FlashAttention halves nothing; or {ONE_OF_TWO}"),
        (cache_of(model, run) // 4, "a kernel such as FlashAttention makes no cache smaller"),
        (total(model, run), "that is weights and cache; the question is about the cache"),
    ]


def _activations_of_lora() -> Answers:
    model, run = Model.named("LLaMA-7B"), Training(context=8192, attention="flash")
    known, layers, numbers = values(model, run), model.layers, run.context * model.hidden
    right = layers * layer(CodePath("llama", attention="flash")).exact(known)
    codes = CodePath("llama", "eager"), CodePath("llama", recompute="full")
    eager, full = (layer(code).exact(known) for code in codes)
    textbook = megatron.layer("selective").exact(known)
    return right, [
        *((size, "those are the adapters and their states; activations are of the whole model") for size in _states()),
        (
            layers * TEXTBOOK * numbers,
            "that is the textbook's layer; Hugging Face code keeps more",
        ),
        (layers * textbook, "that is Megatron's layer; Hugging Face code keeps norms in FP32 and an MLP with a gate"),
        (layers * eager, "those are layers with scores; FlashAttention does not keep them"),
        (layers * full, "that is full recomputation; the question is without"),
        (right // layers, f"that is one layer; there are {layers}"),
        (breakdown(model, run)["activations"], "head and loss are in it; the question is about the layers"),
        (layers * full + right // layers - full, "that is the peak of full recomputation; the question is without"),
        (training.peak_of_recomputation(model, run), "that is the peak of full recomputation, as in Megatron"),
    ]


def _states() -> list[int]:
    """Return adapters of rank 16 with gradients and Adam's moments, without master weights and with them [bytes]."""
    model, run = Model.named("LLaMA-7B"), Training(lora_rank=16, activations="none")
    memory = breakdown(model, run)
    with_master = sum(memory.values()) - breakdown(model, Inference())["weights"]
    return [with_master * 12 // 16, with_master]


EXERCISES = {
    "3.1": Exercise("GB", _logits),
    "3.2": Exercise("formula", _saved_by_selective),
    "3.3": Exercise("GiB", _cache_of_a_writer),
    "3.4": Exercise("GB", _activations_of_lora),
}
