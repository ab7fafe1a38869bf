"""Exercises of notebook 4: the KV cache."""

from __future__ import annotations

from dataclasses import replace

import sympy

from memcalc.accounting import values
from memcalc.evaluate import crossing
from memcalc.formula.inverse import token
from memcalc.formula.kv_cache import kv_cache
from memcalc.lessons.exercise import EVERY_HEAD, ONE_OF_TWO, Answers, Exercise, cache_of
from memcalc.model import Model
from memcalc.runs import Inference
from memcalc.symbols import symbol, symbols


def _config_of_70b() -> Answers:
    model, run = Model.named("Llama-3.1-70B"), Inference(32_768, kv_cache="BF16")
    return cache_of(model, run), [
        (cache_of(replace(model, kv_heads=model.heads), run), f"{EVERY_HEAD}, or divided by the key-value heads"),
        (cache_of(model, run) // 2, ONE_OF_TWO),
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


def _crossing() -> Answers:
    model, run = Model.named("LLaMA-13B"), Inference()
    return crossing(model, run), [
        (crossing(model, replace(run, weights="INT8")), "your weights are in INT8 while the cache is in FP16"),
        (2 * crossing(model, run), "your cache is in INT8, or you counted only keys or only values"),
        (crossing(Model.named("LLaMA-7B"), run), "that is LLaMA-7B"),
    ]


EXERCISES = {
    "4.1": Exercise("GiB", _config_of_70b),
    "4.2": Exercise("formula", _one_more_conversation),
    "4.3": Exercise("tokens", _crossing),
}
