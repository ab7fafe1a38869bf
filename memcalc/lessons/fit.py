"""Exercises of notebook 0: will it fit?"""

from memcalc import Gpu, Inference, Model, total, units
from memcalc.lessons.task import Answers, cache_of, longest, task, weights_of


@task("0.1", "GiB")
def _thirteen_billion() -> Answers:
    model, smaller = Model.named("LLaMA-13B"), Model.named("LLaMA-7B")
    run, plain = Inference(32_768, weights="INT8", kv_cache="INT8"), Inference(32_768)
    yield total(model, run)
    yield model.parameters, "these are the weights alone; the cache comes on top"
    yield cache_of(model, run), "that is the cache alone; the weights come on top"
    yield total(model, Inference(32_768, weights="INT8")), "your cache is still in FP16"
    yield total(model, Inference(32_768, kv_cache="INT8")), "your weights are still in FP16"
    yield total(model, plain), "weights and cache are still in FP16"
    yield total(smaller, run), "that is LLaMA-7B"
    yield total(smaller, plain), "that is LLaMA-7B in FP16, as above"


@task("0.2", "GB")
def _reported_memory() -> Answers:
    card = Gpu.named("RTX 4090")
    yield units.to_bytes(card.reported_mib, "MiB")
    yield card.reported_mib * 10**6, "a MiB is 1,048,576 bytes, and you took it for a million"
    yield card.capacity, "that is what a program sees; start from what the driver reports"
    yield units.to_bytes(card.reported_mib, "GiB") // 1000, "a GiB has 1,024 MiB, and you took 1,000"


@task("0.3", "tokens")
def _longest_context() -> Answers:
    model, run, card = Model.named("LLaMA-13B"), Inference(1, weights="INT4", kv_cache="INT4"), Gpu.named("RTX 4090")
    token, weights = cache_of(model, run), weights_of(model, run)
    yield longest(model, run, card)
    yield card.capacity // token, "you gave the whole card to the cache; the weights need their place first"
    yield longest(model, run, card, kv_cache="FP16"), "your cache is still in FP16"
    yield longest(model, run, card, weights="INT8"), "your weights are in INT8"
    yield longest(model, run, card, weights="INT8", kv_cache="INT8"), "that is in INT8"
    yield longest(Model.named("LLaMA-7B"), run, card), "that is LLaMA-7B"
    for sold in (units.to_bytes(card.marketed_gb, unit) for unit in ("GB", "GiB")):
        yield (sold - weights) // token, "you took the name of the card for its memory"
