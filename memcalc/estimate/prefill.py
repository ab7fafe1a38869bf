"""The working memory in which a prompt is read: whose code reads it, and what of a model nobody has measured."""

from collections.abc import Collection
from dataclasses import replace
from functools import cache

from memcalc.errors import InputError, must
from memcalc.formula.choices import Attention, Logits, WindowCache
from memcalc.formula.term import Term
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.texts import both, later, tr


def prefill(model: Model, run: Inference) -> Term:
    """Return the term for the working memory in which the prompt is read.

    Raises InputError where nobody has measured it, such as in another family's code.

    >>> from memcalc.formula.symbols import symbol
    >>> symbol("window") in prefill(Model.named("Mistral-7B-v0.1"), Inference(8192, prefill=512)).symbols
    True
    """
    if run.kind == "llama.cpp":
        return _engine_buffer(model, run)
    if run.kind not in ("", "transformers"):
        known = "whose steps the verdict counts" if run.reserving.budget else "whose working memory nobody has measured"
        raise InputError(f"prefill must be 'none' for the engine {run.engine}, {known}.")
    if run.weights in ("FP32", "TF32"):
        raise InputError(f"weights must be of at most 16 bits with a prefill, not {run.weights!r}.")
    return _as_activations(_in_transformers(model, run))


def _in_transformers(model: Model, run: Inference) -> Term:
    from memcalc.formula.prefill import EXPERTS
    from memcalc.formula.saved_tensors import CodePath

    _check_measured(model, run)
    _check_cards(model, run)
    family, weighs = EXPERTS.get(model.family, (model.family, 0))
    sights, masked = _sights(model, run), 0 < model.window <= run.context and model.window_layers > 0
    if masked and run.reserving.counter:
        below = f"below the window of {model.window:,} with a prefill in {run.engine}"
        raise InputError(f"context must be {below}, not {run.context:,}.")
    grouped = 1 < model.kv_heads // run.tensor_parallel < model.heads // run.tensor_parallel
    details = ["uneven_heads"] if model.latent_layers and model.value_dim != model.head_dim else []
    code = {"attention": run.attention, "grouped": grouped, "many": run.batch > 1, "masked": masked}
    case = CodePath(family, recipe="bf16", details=frozenset(details), **code)
    if run.attention == Attention.FLASH and (model.latent_layers or case.kernel != Attention.FLASH):
        why = "whose values have not the size of its keys" if model.latent_layers else "which caps its scores"
        raise must("attention", f"'sdpa' or 'eager' with a prefill for {model.name}, {why}", "'flash'")
    chunked = run.prefill not in ("whole", run.context)
    return _reading(case, run.logits == Logits.ALL, chunked, sights, run.divided, weighs)


def _check_measured(model: Model, run: Inference) -> None:
    from memcalc.formula.prefill import DIVIDED, EXPERTS, LATENT, MEASURED

    known = {**dict.fromkeys(MEASURED, ()), **dict.fromkeys(EXPERTS, ("moe_layers",))}
    known |= dict.fromkeys(LATENT, ("moe_layers", "latent_layers"))
    other = run.divided or (model.dense_layers and model.family not in LATENT)
    but = () if other else known.get(model.family, ())
    if missing := unmeasured(model, DIVIDED if run.divided else known, but):
        where = tr(" on several cards") if run.divided and model.family in known else ""
        raise InputError(tr(_NOBODY, model=model.name, where=where, missing=missing))


_NOBODY = later("prefill must be 'none' for {model}{where}: nobody has measured {missing}.")


def _check_cards(model: Model, run: Inference) -> None:
    """Raise InputError where cards share what nobody has measured: layers, or heads that some of them would copy."""
    for field in ("pipeline_parallel", "expert_parallel"):
        if getattr(run, field) > 1:
            raise must(field, "1 with a prefill, of which only tensor parallelism is known", getattr(run, field))
    if model.kv_heads % run.tensor_parallel:
        allowed = f"divide kv_heads = {model.kv_heads:,} of {model.name} without remainder with a prefill"
        raise InputError(f"tensor_parallel must {allowed}, not {run.tensor_parallel:,}.")


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
    "moe_layers": later("its experts"),
    "latent_layers": later("its latent attention"),
    "mamba_layers": later("its state-space layers"),
    "mamba2_layers": later("its state-space layers"),
    "delta_layers": later("its linear-attention layers"),
    "linear_layers": later("its linear-attention layers"),
    "conv_layers": later("its convolutions in the place of attention"),
    "sharing_layers": later("its layers that share keys and values"),
    "window_sharing_layers": later("its layers that share keys and values"),
    "bare_layers": later("its layers without attention"),
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
        return both(list(map(tr, kinds)))
    said = later("the code of its family, {family!r}")
    return tr(said, family=model.family) if model.family else tr("its code")


@cache
def _reading(*what: object) -> Term:
    from memcalc.formula.prefill import Prefill
    from memcalc.formula.prefill_latent import LatentPrefill

    case, *_ = what
    return (LatentPrefill if "latent" in case.traits else Prefill)(*what).prefill


def _engine_buffer(model: Model, run: Inference) -> Term:
    from memcalc.estimate.engine_graph import graph, measured_kinds
    from memcalc.formula.llama_cpp import compute_buffer

    if run.divided:
        raise InputError("prefill must be 'none' with more than one card: llama.cpp's buffers are known for one only.")
    if run.prefill != "whole":
        raise must("prefill", f"'whole' for {run.engine}, whose chunks are of ubatch tokens", str(run.prefill))
    if missing := unmeasured(model, but=measured_kinds(model)):
        raise InputError(tr(_NOBODY, model=model.name, where="", missing=missing))
    return _as_activations(compute_buffer(graph(model, run), model.values | run.values))


@cache
def _as_activations(term: Term) -> Term:
    return replace(term, name="activations")
