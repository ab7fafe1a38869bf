"""The answer in words: the verdict, the next best step, and what the numbers do not say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from memcalc import catalogue
from memcalc.evaluate import breakdown, fits, largest
from memcalc.gpu import Gpu
from memcalc.model import Model
from memcalc.runs import Inference, bytes_each
from memcalc.units import show

WORDS = {
    "weights": "weights",
    "gradients": "gradients",
    "optimizer": "optimizer",
    "activations": "activations",
    "kv_cache": "cache",
    "overhead": "overhead",
}
"""Term → the word for it in a sentence or a legend."""


def verdict(model: Model, run: Inference, gpu: Gpu) -> str:
    """Return in one sentence whether the run fits the card, and by how much.

    >>> verdict(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090"))
    'It does not fit: 4.91 GiB are missing.'
    """
    fit = fits(model, run, gpu)
    if not fit:
        return f"It does not fit: {show(-fit.margin)} are missing."
    return f"It fits: {show(fit.margin)} are left for the engine's buffers and more context."


def next_steps(model: Model, run: Inference, gpu: Gpu) -> list[str]:
    """Return what could be done: how far the context may grow, or each single change that makes the run fit.

    >>> next_steps(Model.named("LLaMA-7B"), Inference(context=32768), Gpu.named("RTX 4090"))[0]
    'This card holds at most 22,709 tokens of context.'
    """
    context = largest("context", model, run, gpu)
    steps = [f"This card holds at most {_tokens(context, run)}."] if context else []
    if run.batch > 1 and (batch := largest("batch", model, run, gpu)):
        steps.append(f"It holds at most {batch:,} sequences of this context.")
    if fits(model, run, gpu):
        return steps
    return [*steps, *_smaller_formats(model, run, gpu)] or [_no_way(model, run, gpu)]


def notes(model: Model, run: Inference, gpu: Gpu) -> list[str]:
    """Return what a careful reader should know about the numbers."""
    found = []
    if run.context > model.trained_context or largest("context", model, run, gpu) > model.trained_context:
        found.append(f"{model.name} was trained for {model.trained_context:,} tokens; more needs an extension.")
    if model.assumed:
        found.append(f"Not in the config, taken from its documented defaults: {', '.join(model.assumed)}.")
    return found


def _smaller_formats(model: Model, run: Inference, gpu: Gpu) -> Iterator[str]:
    left = ""
    for fields in (("weights",), ("kv_cache",), ("weights", "kv_cache")):
        tries = ((name, fits(model, replace(run, **dict.fromkeys(fields, name)), gpu)) for name in _usual_formats())
        name, fit = next(((name, fit) for name, fit in tries if fit), ("", None))
        if fit and show(fit.margin) != left:
            left = show(fit.margin)
            yield f"{name} {' and '.join(WORDS[field] for field in fields)} would leave {left}."


def _usual_formats() -> list[str]:
    """Return the formats that weights and caches can both have, which the table lists from many bits to few."""
    return [row["name"] for row in catalogue.rows("formats") if row["cache"] == "yes"]


def _no_way(model: Model, run: Inference, gpu: Gpu) -> str:
    least = min(_usual_formats(), key=lambda name: bytes_each("format", name))
    smallest = replace(run, weights=least, kv_cache=least)
    if context := largest("context", model, smallest, gpu):
        return f"Even in {least}, this card holds no more than {_tokens(context, run)}."
    weights = breakdown(model, smallest)["weights"]
    return f"No format makes it fit: even {least} weights take {show(weights)}. It needs a larger card, or several."


def _tokens(context: int, run: Inference) -> str:
    each = f" for each of {run.batch:,} sequences" if run.batch > 1 else ""
    return f"{context:,} tokens of context{each}"
