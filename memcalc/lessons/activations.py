"""Exercises of notebook 3, activations, and its guess."""

from dataclasses import replace
from fractions import Fraction

import sympy

from memcalc import Gpu, Inference, Model, Training, breakdown, symbol, symbols, total, training_time, values
from memcalc.estimate import training
from memcalc.formula import megatron
from memcalc.formula.activations import layer
from memcalc.formula.saved_tensors import CodePath, SavedTensor, saved_tensors
from memcalc.lessons.task import ONE_OF_TWO, TEXTBOOK, Answers, cache_of, guess, task, weights_of
from memcalc.texts import tr

QLORA = Training(context=2048, recipe="bf16", lora_rank=16, base_weights="NF4")
"""The fine-tuning of the lesson: adapters beside a frozen model of four bits."""


@guess(
    "3.1",
    "GiB",
    asks="How much do the [activations] of LLaMA-7B take for 2,048 tokens, with plain attention?",
    matters="They weigh nearly three times as much as the model, and two thirds of them are scores, one for each pair "
    "of tokens.",
)
def _kept_for_the_way_back() -> Answers:
    model, run = Model.named("LLaMA-7B"), Training(context=2048, attention="eager")
    right, without = (breakdown(model, replace(run, attention=name))["activations"] for name in ("eager", "flash"))
    known = values(model, run)
    inputs = model.layers * layer(CodePath("llama", recompute="full")).exact(known)
    yield right
    yield without, "that leaves out the scores: a number for each pair of tokens, in each head of each layer"
    yield right - without, "those are the scores alone, and a layer keeps a dozen other tensors"
    yield weights_of(model, Inference()), "that is what the weights take; activations grow with the text"
    yield inputs, "that is what goes into each layer, and much of what it makes inside is kept too"
    yield cache_of(model, Inference(run.context)), "those are keys and values alone, which are all that a writer keeps"


@task(
    "3.1",
    "GB",
    asks="Llama-3-8B has a vocabulary of 128,256. How many GB do its FP32 logits take for one text of 8,192 tokens?",
    hint="Each token has one number for every word, and FP32 has four bytes.",
    solution="8192 * 128256 * 4 / 10**9",
    because="It is 4.20 GB: a number for each token and each word of the vocabulary.",
    matters="They come at the very end, when all layers are still kept, so some programs compute the loss piece by "
    "piece.",
    goal="estimate the logits of a large vocabulary",
)
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


@task(
    "3.2",
    "formula",
    asks="What does selective recomputation save in one layer of Megatron, on one card? Write it as a formula in the "
    "letters of its term.",
    hint="It is the difference of two terms that stand above: none and selective.",
    solution="5 * h * s**2 * b",
    because="A score has two bytes after the softmax, one in the mask, and two after dropout.",
    matters="These are the only tensors that grow with the square of the context.",
    goal="say what recomputation and FlashAttention remove, and what they do not",
)
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
    yield right.subs(b, 1), "so it is for one text, as in the paper; with b texts at once there are b times as many"
    yield right / cards, "that is one of t cards; here is one card"
    yield right * symbol("layers"), "that is the whole model; the question is about one layer"
    yield right / (d * s * b), "that is for each number; a layer has d s b of them"
    yield right / h, "that is one head; a layer has h of them"


def _scores() -> list[SavedTensor]:
    return [tensor for tensor in megatron.saved_tensors() if tensor.shape.count(symbol("context")) > 1]


@task(
    "3.3",
    "GiB",
    asks="LLaMA-7B *writes*, with FlashAttention on, and holds 131,072 tokens in FP16. How many GiB does its "
    "[cache|kv_cache] take?",
    hint="Does FlashAttention store fewer keys and values?",
    solution="2 * 32 * 32 * 128 * 131072 * 2 / 2**30",
    because="It is 64 GiB, with FlashAttention or without.",
    matters="FlashAttention saves what training keeps; a longer conversation needs a smaller cache, which is lesson 4.",
    goal="tell what a model that learns keeps from what a model that writes keeps",
)
def _cache_of_a_writer() -> Answers:
    model, run = Model.named("LLaMA-7B"), Inference(131_072, attention="flash")
    right, window = cache_of(model, run), cache_of(model, Inference(131_072, sinks=4, recent=4092))
    scores = _scores()[0].bytes(values(model, Training(context=run.context, activations="megatron")))
    yield right
    yield scores, "that is the score matrix of one layer: it is what FlashAttention does not store"
    yield scores * model.layers, "those are score matrices, which FlashAttention does not store; keys and values stay"
    yield window, "that is StreamingLLM's 4 + 4,092 tokens, which forgets the others, or else a single layer"
    yield right // 2, tr("that is half: FlashAttention halves nothing; or {why}", why=tr(ONE_OF_TWO))
    yield right // 4, "a kernel such as FlashAttention makes no cache smaller"
    yield total(model, run), "that is weights and cache; the question is about the cache"


@task(
    "3.4",
    "GB",
    asks="LLaMA-7B is tuned with LoRA at 8,192 tokens, and the gradient still passes through every layer. How many GB "
    "do the 32 layers keep, with FlashAttention and no recomputation? Count them as if all weights learned.",
    hint="The term of a layer stands above: put its numbers in, and multiply by the layers.",
    solution="(24 * 4096 + 8 * 11008 + 4 * 32 + 8) * 8192 * 32 / 10**9",
    because="It is 48.89 GB, or 45.5 bytes for each of the s × b × d numbers; adapters and states take half a GB more.",
    matters="LoRA removes gradients and optimizer states, not this. We have not measured it: what serves only frozen "
    "weights may go, and adapters add a little.",
    goal="estimate what the layers of a model keep in PyTorch, where a textbook says 34 bytes",
)
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
    yield flash, tr("that is one layer; there are {layers}", layers=layers)
    yield breakdown(model, run)["activations"], "head and loss are in it; the question is about the layers"
    yield layers * full + flash - full, "that is the peak of full recomputation; the question is without"
    yield training.peak_of_recomputation(model, run), "that is the peak of full recomputation, as in Megatron"


@task(
    "3.5",
    "percent",
    asks="LLaMA-7B is tuned with QLoRA on texts of 2,048 tokens. By how many percent longer does a step take if every "
    "layer is computed again on the way back?",
    hint="Two numbers of tokens per second stand above. Which time does a token take with each of them?",
    solution="(5,842 / 3,948 - 1) * 100",
    because="It is 48 %: the frozen layers need one way there and one way back, and now a second way there.",
    matters="Memory is bought with time, and here with more of it than where all weights are trained.",
    goal="say what recomputation costs in time",
)
def _time_of_recomputation() -> Answers:
    right, trained = _longer(QLORA), _longer(Training(context=QLORA.context, recipe="bf16"))
    yield right
    for number in (trained, Fraction(100, 3), 33):
        yield number, "so it is where all weights are trained, and three ways become four; here two become three"
    yield 50, "so it would be if all were computed again; the output head is not"
    yield 100 * right / (100 + right), "that is a share of the longer time; the shorter one is the whole"
    yield 100 + right, "that is the whole time; the question is by how much it grows"
    yield 100 * Fraction(100, 100 + right), "that is what is left of the speed"
    yield right / 100, "that is the share itself; the question asks for percent"


def _longer(run: Training) -> Fraction:
    """Return by how much full recomputation makes a step of LLaMA-7B longer [percent]."""
    model, card = Model.named("LLaMA-7B"), Gpu.named("RTX 4090")
    plain, again = (training_time(model, one, card).operations for one in (run, replace(run, recompute="full")))
    return Fraction(100 * (again - plain), plain)
