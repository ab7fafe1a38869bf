"""The working memory in which a prompt is read: whose code reads it, and what of a model nobody has measured."""

from collections.abc import Collection
from dataclasses import replace
from functools import cache

from memcalc.errors import InputError, must
from memcalc.formula.choices import WindowCache
from memcalc.formula.term import Term
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model


def prefill(model: Model, run: Inference) -> Term:
    """Return the term for the working memory in which the prompt is read.

    Raises InputError where nobody has measured it: on several cards, or in another family's code.

    >>> from memcalc.formula.symbols import symbol
    >>> symbol("window") in prefill(Model.named("Mistral-7B-v0.1"), Inference(8192, prefill=512)).symbols
    True
    """
    if run.divided:
        raise InputError("prefill must be 'none' with more than one card, for it is known for one card only.")
    if run.kind == "llama.cpp":
        return _engine_buffer(model, run)
    if run.kind not in ("", "transformers"):
        known = "whose steps the verdict counts" if run.reserving.budget else "whose working memory nobody has measured"
        raise InputError(f"prefill must be 'none' for the engine {run.engine}, {known}.")
    if run.weights in ("FP32", "TF32"):
        raise InputError(f"weights must be of at most 16 bits with a prefill, not {run.weights!r}.")
    return _as_activations(_in_transformers(model, run))


def _in_transformers(model: Model, run: Inference) -> Term:
    from memcalc.formula.prefill import MEASURED

    if missing := unmeasured(model, MEASURED):
        raise InputError(f"prefill must be 'none' for {model.name}: nobody has measured {missing}.")
    sights, masked = _sights(model, run), 0 < model.window <= run.context and model.window_layers > 0
    if masked and run.reserving.counter:
        below = f"below the window of {model.window:,} with a prefill in {run.engine}"
        raise InputError(f"context must be {below}, not {run.context:,}.")
    grouped, many = 1 < model.kv_heads < model.heads, run.batch > 1
    code = {"attention": run.attention, "grouped": grouped, "many": many}
    chunked = run.prefill not in ("whole", run.context)
    return _reading(model.family, chunked, sights, masked=masked, **code)


def _sights(model: Model, run: Inference) -> str:
    """Return the letters of the layers, as the term asks for them; one if they are alike."""
    window = "w" if run.window == WindowCache.FULL or run.reserving.counter else "W"
    if not (model.window_layers and model.full_layers):
        return window if model.window_layers else "F"
    from memcalc.specs.order import layers_of

    order = layers_of(model)
    if order is None:
        raise InputError(f"prefill must be 'none' for {model.name}: it is not known which layers have a window.")
    return "".join(window if "window_layers" in layer else "F" for layer in order)


_OTHER_KINDS = {
    "moe_layers": "its experts",
    "latent_layers": "its latent attention",
    "mamba_layers": "its state-space layers",
    "mamba2_layers": "its state-space layers",
    "delta_layers": "its linear-attention layers",
    "linear_layers": "its linear-attention layers",
    "conv_layers": "its convolutions in the place of attention",
    "sharing_layers": "its layers that share keys and values",
    "window_sharing_layers": "its layers that share keys and values",
    "bare_layers": "its layers without attention",
}
"""Kinds of layers whose working memory nobody has measured, in words."""


def unmeasured(model: Model, families: Collection[str] | None = None, but: Collection[str] = ()) -> str:
    """Return what of a model nobody has measured: kinds of its layers, or else its code; "" if all of it was.

    Parameters
    ----------
    families : those whose code was measured; None if the code does not matter
    but : counts of layers of other kinds that are measured all the same

    >>> unmeasured(Model.named("Mixtral-8x7B")), unmeasured(Model.named("Falcon-7B"), ["llama"])
    ('its experts', "the code of its family, 'falcon'")
    """
    kinds = dict.fromkeys(words for kind, words in _OTHER_KINDS.items() if kind not in but and getattr(model, kind))
    if kinds or families is None or model.family in families:
        return " and ".join(kinds)
    return f"the code of its family, {model.family!r}" if model.family else "its code"


@cache
def _reading(family: str, chunked: bool, sights: str, **code: object) -> Term:
    from memcalc.formula.prefill import CodePath, Prefill

    return Prefill(CodePath(family, recipe="bf16", **code), chunked=chunked, sights=sights).prefill


def _engine_buffer(model: Model, run: Inference) -> Term:
    from memcalc.estimate.engine_graph import graph
    from memcalc.formula.llama_cpp import compute_buffer

    if run.prefill != "whole":
        raise must("prefill", f"'whole' for {run.engine}, whose chunks are of ubatch tokens", str(run.prefill))
    if missing := unmeasured(model, but=("moe_layers",)):
        raise InputError(f"prefill must be 'none' for {model.name}: nobody has measured {missing}.")
    return _as_activations(compute_buffer(graph(model, run), model.values | run.values))


@cache
def _as_activations(term: Term) -> Term:
    return replace(term, name="activations")
