"""Exercises of notebook 3: activations."""

import sympy

from memcalc import Inference, Model, Training, breakdown, symbol, symbols, total, values
from memcalc.estimate import training
from memcalc.formula import megatron
from memcalc.formula.activations import layer
from memcalc.formula.saved_tensors import CodePath, SavedTensor, saved_tensors
from memcalc.lessons.task import ONE_OF_TWO, TEXTBOOK, Answers, cache_of, task, weights_of


@task("3.1", "GB")
def _logits() -> Answers:
    model, run = Model.named("Llama-3-8B"), Training(context=8192)
    logits = next(tensor for tensor in saved_tensors(CodePath("llama")) if symbol("vocabulary") in tensor.shape)
    right = logits.bytes(values(model, run))
    one_word, words = right // model.vocabulary, Model.named("LLaMA-7B").vocabulary
    yield right
    yield right // 2, "that is 16 bits for each; the loss keeps them in FP32"
    yield right * 3 // 2, "that counts a 16-bit copy too; only the one in FP32 is kept"
    yield right * 2, "the gradients of the logits are as large again, but the question is about the logits"
    yield one_word * model.hidden, "you took hidden; each token has a number for every word"
    yield one_word * words, "that is the vocabulary of LLaMA-7B"
    yield right // run.context, "that is one token; the text has 8,192, and then it is not little any more"
    yield right * model.layers, "logits are made once, behind the last layer"


@task("3.2", "formula")
def _saved_by_selective() -> Answers:
    cards = symbol("tensor_parallel")
    whole, rest = (megatron.layer(policy).expr.subs(cards, 1) for policy in ("none", "selective"))
    softmax, mask, dropped = (tensor.expr.subs(cards, 1) for tensor in _scores())
    d, d_ff, h, d_k, s, b = symbols("hidden intermediate heads head_dim context batch")
    right = sympy.expand(whole - rest)
    yield right
    yield whole, "that is all that a layer keeps; ask for the difference"
    yield rest, "that is what stays; the question asks for what goes"
    yield rest.xreplace({d_ff: 4 * d}).subs(d_k, d / h), "the 34 stays; the question asks for what goes"
    yield softmax, "that is one of three tensors: shares after the softmax, mask, and what dropout leaves of them"
    yield mask, "that is the mask alone; three tensors go"
    yield softmax + mask, "what dropout leaves of the shares goes too"
    yield -right, "the other way round: what there is without recomputation, less what is left with it"
    yield softmax + dropped, "the dropout mask goes too, with one byte for each score"
    yield right / cards, "that is one of t cards; here is one card"
    yield right * symbol("layers"), "that is the whole model; the question is about one layer"
    yield right / (d * s * b), "that is for each number; a layer has d s b of them"
    yield right / h, "that is one head; a layer has h of them"


def _scores() -> list[SavedTensor]:
    return [tensor for tensor in megatron.saved_tensors() if tensor.shape.count(symbol("context")) > 1]


@task("3.3", "GiB")
def _cache_of_a_writer() -> Answers:
    model, run = Model.named("LLaMA-7B"), Inference(131_072, attention="flash")
    right, window = cache_of(model, run), cache_of(model, Inference(131_072, sinks=4, recent=4092))
    scores = _scores()[0].bytes(values(model, Training(context=run.context, activations="megatron")))
    yield right
    yield scores, "that is the score matrix of one layer: it is what FlashAttention does not store"
    yield scores * model.layers, "those are score matrices, which FlashAttention does not store; keys and values stay"
    yield window, "that is StreamingLLM's 4 + 4,092 tokens, which forgets the others, or else a single layer"
    yield right // 2, f"that is half: FlashAttention halves nothing; or {ONE_OF_TWO}"
    yield right // 4, "a kernel such as FlashAttention makes no cache smaller"
    yield total(model, run), "that is weights and cache; the question is about the cache"


@task("3.4", "GB")
def _activations_of_lora() -> Answers:
    model, run = Model.named("LLaMA-7B"), Training(context=8192, attention="flash")
    known, layers = values(model, run), model.layers
    codes = CodePath("llama", attention="flash"), CodePath("llama", "eager"), CodePath("llama", recompute="full")
    flash, eager, full = (layer(code).exact(known) for code in codes)
    textbook, fused = TEXTBOOK * run.context * model.hidden, megatron.layer("selective").exact(known)
    adapters = total(model, Training(lora_rank=16, activations="none")) - weights_of(model, Inference())
    yield layers * flash
    for states in (adapters * 12 // 16, adapters):  # without master weights, and with them
        yield states, "those are the adapters and their states; activations are of the whole model"
    yield layers * textbook, "that is the textbook's layer; Hugging Face code keeps more"
    yield layers * fused, "that is Megatron's layer; Hugging Face code keeps norms in FP32 and an MLP with a gate"
    yield layers * eager, "those are layers with scores; FlashAttention does not keep them"
    yield layers * full, "that is full recomputation; the question is without"
    yield flash, f"that is one layer; there are {layers}"
    yield breakdown(model, run)["activations"], "head and loss are in it; the question is about the layers"
    yield layers * full + flash - full, "that is the peak of full recomputation; the question is without"
    yield training.peak_of_recomputation(model, run), "that is the peak of full recomputation, as in Megatron"
