"""Exercises of notebook 4: the KV cache."""

from __future__ import annotations

from dataclasses import replace

import sympy

from memcalc.estimate.terms import values
from memcalc.formula.inverse import token
from memcalc.formula.kv_cache import kv_cache
from memcalc.formula.symbols import symbol, symbols
from memcalc.lessons.exercise import EVERY_HEAD, ONE_OF_TWO, Answers, Exercise, cache_of
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model


def _config_of_qwen() -> Answers:
    model, run = Model.named("Qwen3-32B"), Inference(32_768, kv_cache="BF16")
    return cache_of(model, run), [
        (cache_of(replace(model, kv_heads=model.heads), run), EVERY_HEAD),
        (
            cache_of(replace(model, head_dim=model.hidden // model.heads), run),
            "head_dim is in the file, so it is not hidden_size divided by the heads",
        ),
        (cache_of(model, run) // 2, f"{ONE_OF_TWO}; or a number takes two bytes"),
        (
            cache_of(replace(model, head_dim=model.hidden // model.kv_heads), run),
            "hidden_size was divided by the key-value heads, or both, heads and their size, are wrong",
        ),
        (
            cache_of(replace(model, full_layers=1, dense_layers=1), run),
            "that is one layer; each has a cache of its own",
        ),
        (cache_of(replace(model, head_dim=model.hidden), run), "that many numbers are those of all heads together"),
    ]


def _one_more_conversation() -> Answers:
    known = values(Model.named("LLaMA-7B"), Inference())
    whole, one_token = (term.simplified(known).expr for term in (kv_cache, token))
    right = sympy.diff(whole, symbol("batch"))
    key, value, weight = symbols("bytes_per_key bytes_per_value bytes_per_weight")
    return right, [
        (whole, "that is the whole cache; one more conversation is its change with b"),
        (one_token, "that is one more token; the question asks for one more conversation"),
        (right / symbol("context"), "that is one token of one conversation; it has s of them"),
        (right.xreplace({symbol("kv_heads"): symbol("heads")}), EVERY_HEAD),
        (right.xreplace({key: weight, value: weight}), "B is the bytes of a weight"),
        (right.xreplace({value: 0}), ONE_OF_TWO),
    ]


def _latents() -> Answers:
    model, run = Model.named("DeepSeek-R1"), Inference(32_768)
    right = cache_of(model, run)
    one_number = right // (model.kv_rank + model.rope_dim)
    expanded = model.heads * (model.head_dim + model.value_dim)
    return right, [
        (
            2 * model.kv_rank * one_number,
            "the latent is stored once for keys and values; and the 64 numbers of the keys are missing",
        ),
        (model.kv_rank * one_number, "the 64 numbers of the keys are stored beside the latent"),
        (2 * right, "one latent serves keys and values; nothing is stored twice"),
        (
            expanded * one_number,
            "keys and values of all heads are made anew from the latent, not stored",
        ),
        (model.heads * right, "all heads share one latent"),
        (right // model.latent_layers, "that is one layer; each has a latent of its own"),
    ]


EXERCISES = {
    "4.1": Exercise("GiB", _config_of_qwen),
    "4.2": Exercise("formula", _one_more_conversation),
    "4.3": Exercise("MiB", _latents),
}
