"""Exercises of notebook 0: will it fit?"""

from __future__ import annotations

from dataclasses import replace

from memcalc import units
from memcalc.estimate.questions import breakdown, largest, total
from memcalc.lessons.exercise import Answers, Exercise, cache_of
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model


def _thirteen_billion() -> Answers:
    model, run = Model.named("LLaMA-13B"), Inference(32_768, weights="INT8", kv_cache="INT8")
    return total(model, run), [
        (model.parameters, "these are the weights alone; the cache comes on top"),
        (cache_of(model, run), "that is the cache alone; the weights come on top"),
        (total(model, replace(run, kv_cache="FP16")), "your cache is still in FP16"),
        (total(model, replace(run, weights="FP16")), "your weights are still in FP16"),
        (total(model, Inference(32_768)), "weights and cache are still in FP16"),
        (total(Model.named("LLaMA-7B"), run), "that is LLaMA-7B"),
        (total(Model.named("LLaMA-7B"), Inference(32_768)), "that is LLaMA-7B in FP16, as above"),
    ]


def _reported_memory() -> Answers:
    card = Gpu.named("RTX 4090")
    return units.to_bytes(card.reported_mib, "MiB"), [
        (card.reported_mib * 10**6, "a MiB is 1,048,576 bytes, and you took it for a million"),
        (card.capacity, "that is what a program sees; start from what the driver reports"),
        (units.to_bytes(card.reported_mib, "GiB") // 1000, "a GiB has 1,024 MiB, and you took 1,000"),
    ]


def _longest_context() -> Answers:
    model, run, card = Model.named("LLaMA-13B"), Inference(1, weights="INT4", kv_cache="INT4"), Gpu.named("RTX 4090")
    token_bytes, weights = cache_of(model, run), breakdown(model, run)["weights"]
    sold = (units.to_bytes(card.marketed_gb, unit) for unit in ("GB", "GiB"))
    return largest("context", model, run, card), [
        (card.capacity // token_bytes, "you gave the whole card to the cache; the weights need their place first"),
        (largest("context", model, replace(run, kv_cache="FP16"), card), "your cache is still in FP16"),
        (largest("context", model, replace(run, weights="INT8"), card), "your weights are in INT8"),
        (largest("context", model, replace(run, weights="INT8", kv_cache="INT8"), card), "that is in INT8"),
        (largest("context", Model.named("LLaMA-7B"), run, card), "that is LLaMA-7B"),
        *(((memory - weights) // token_bytes, "you took the name of the card for its memory") for memory in sold),
    ]


EXERCISES = {
    "0.1": Exercise("GiB", _thirteen_billion),
    "0.2": Exercise("GB", _reported_memory),
    "0.3": Exercise("tokens", _longest_context),
}
