"""Exercises of notebook 8: plan a deployment."""

from __future__ import annotations

from dataclasses import replace

from memcalc import units
from memcalc.estimate.questions import breakdown, largest
from memcalc.lessons.exercise import EVERY_HEAD, ONE_OF_TWO, Answers, Exercise, cache_of
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training

SHARE = 0.9
"""Of the card's memory that the engine of exercise 8.2 takes."""

WORKING = 10**9
"""Bytes of activations in exercise 8.2."""


def _windows_of_gemma() -> Answers:
    model, run = Model.named("Gemma-3-27B"), Inference(131_072, kv_cache="BF16")
    whole, layers = model.full_layers, model.full_layers + model.window_layers
    without = replace(model, window_layers=0, dense_layers=whole)
    windows_alone = replace(model, full_layers=0, window_layers=layers)
    return cache_of(model, run), [
        (cache_of(model, replace(run, window="full")), f"most layers keep the last {model.window:,} tokens alone"),
        (cache_of(without, run), "layers with a window keep something too"),
        (cache_of(windows_alone, run), f"of the layers, {whole} keep the whole context"),
        (cache_of(replace(model, kv_heads=model.heads), run), EVERY_HEAD),
        (cache_of(model, run) // 2, ONE_OF_TWO),
    ]


def _tokens_beside_13b() -> Answers:
    model, card = Model.named("Llama-2-13B"), Gpu.named("A100 40 GB")
    one, weights = cache_of(model, Inference(context=1)), breakdown(model, Inference())["weights"]
    memory, sold = units.to_bytes(card.reported_mib, "MiB"), units.to_bytes(card.marketed_gb, "GB")
    granted = int(SHARE * memory)
    return (granted - weights - WORKING) // one, [
        (model.trained_context, "that is what the model was trained for; how much fits is another question"),
        ((memory - weights - WORKING) // one, "the engine may take 90 % of the card, not all of it"),
        ((granted - weights) // one, "the activations need their place too"),
        ((granted - weights - 2**30) // one, "the activations take a GB, not a GiB"),
        (granted // one, "the weights need their place first: 90 % is what the engine takes, not what is free"),
        ((memory - granted) // one, "that is what the engine leaves free, not what it takes"),
        (
            int(SHARE * (memory - weights - WORKING)) // one,
            "it is 90 % of the whole card, not of what is left",
        ),
        ((int(SHARE * sold) - weights - WORKING) // one, "the card has 40,960 MiB, which is more than 40 GB"),
    ]


def _longest_text_to_train() -> Answers:
    model, card = Model.named("Llama-3.1-8B"), Gpu.named("A100 40 GB")
    run = Training(zero=3, data_parallel=8, recompute="full")
    return _longest(model, run, card), [
        (_longest(model, replace(run, recompute="none"), card), "your layers still keep all that they make"),
        (
            _longest(model, replace(run, zero=2), card),
            "stage 2 shares gradients and optimizer, not the weights",
        ),
        (_longest(model, replace(run, recipe="bf16"), card), "in mixed precision the optimizer works in 32 bits"),
        (_longest(model, replace(run, batch=2), card), "that is with two texts on each card"),
        (8 * _longest(model, run, card), "each card holds one text: do not multiply by eight"),
        (
            _longest(model, replace(run, overhead="high"), card),
            "that is with the overhead; the task asks for the terms",
        ),
        (_longest(model, run, replace(card, reported_mib=None)), "the card has 40,960 MiB, which is more than 40 GB"),
    ]


def _longest(model: Model, run: Training, card: Gpu) -> int:
    return largest("context", model, run, card)


EXERCISES = {
    "8.1": Exercise("GiB", _windows_of_gemma),
    "8.2": Exercise("tokens", _tokens_beside_13b),
    "8.3": Exercise("tokens", _longest_text_to_train),
}
