"""Adapters of a run that trains: beside which matrices of a model they stand, and what is known of them."""

from collections.abc import Iterator

from memcalc import catalogue
from memcalc.errors import must
from memcalc.formula import lora
from memcalc.formula.adapted import Adapted
from memcalc.formula.choices import Adapters, Attention, Targets
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.tensors import packed
from memcalc.specs.model import Model
from memcalc.specs.training import Training

ATTENTION = [row["name"] for row in catalogue.rows("adapted_matrices") if row["place"] == "attention"]
"""The matrices of the attention that can have an adapter."""


def check(model: Model, run: Training) -> None:
    """Raise InputError if a model lacks matrices that are to have an adapter, or all are thinner than the adapter."""
    sides, asked = _sides(model, Targets.ALL), _sides(model, run.lora_targets)
    named = [] if run.lora_targets in tuple(Targets) else run.lora_targets.split(",")
    if not asked or not asked.keys() >= set(named):
        raise must("lora_targets", f"all or some of {', '.join(sides)} for {model.name}", repr(str(run.lora_targets)))
    widest = max(asked, key=asked.get)
    if run.lora_rank > asked[widest]:
        most = f"at most {asked[widest]:,} for {model.name}, the lesser side of its {widest}"
        raise must("lora_rank", most, f"{run.lora_rank:,}")


def _sides(model: Model, targets: str) -> dict[str, int]:
    """Return matrix that gets an adapter → its lesser side."""
    every = [one for matrix in lora.targeted(model.structure, targets) for one in lora.apart(matrix)]
    there = [matrix for matrix in every if (matrix.number * matrix.size).xreplace(model.values)]
    return {matrix.name: int(min(side.xreplace(model.values) for side in matrix.shape)) for matrix in there}


def adapted(model: Model, run: Training) -> Adapted:
    """Return what decides which tensors a frozen model with the run's adapters keeps.

    >>> sorted(adapted(Model.named("Phi-3-mini-4k"), Training(lora_rank=8, lora_targets="qkvo")).modules)
    ['o_proj', 'qkv_proj']
    """
    settings = {name: getattr(run, name) for name in ("autocast", "raised")}
    quantized = run.base_weights in catalogue.names("frozen_bases")
    single = run.adapters == Adapters.FP32
    traits = CodePath(model.family).traits
    return Adapted(
        frozenset(_sides(model, run.lora_targets)),
        single,
        **settings,
        quantized=quantized,
        dropout=run.lora_dropout > 0,
        holding=run.holds_inputs,
        reentrant=run.reentrant is True,
        dora=run.dora,
        biased=_biased(model) if run.dora else frozenset(),
        norms_lifted="layernorm" in traits,
        parallel="parallel" in traits,
    )


def _biased(model: Model) -> frozenset[str]:
    """Return the matrices of a layer to whose products a bias is added."""
    there = (one for one in packed(model.structure) if (one.number * one.size).xreplace(model.values))
    return frozenset(one.name.replace("_bias", "_proj") for one in there if one.name.endswith("_bias"))


def unknown(model: Model, run: Training) -> Iterator[str]:
    """Yield why nobody knows what a frozen model with adapters keeps, beside one whose kept tensors are known."""
    if model.moe_layers and run.raised and (run.quantized or run.autocast):
        field = "kbit_preparation must be False" if run.quantized else "base_weights must be BF16 or FP16"
        how = "beside a quantized base" if run.quantized else "under autocast; recipe bf16 has none"
        yield f"{field} for adapters beside {model.name}: nobody has measured experts in FP32 {how}."
    yield from _unmeasured(model, run, CodePath(model.family).traits)
    plain, formats = ("BF16", "FP16", "FP32"), catalogue.names("frozen_bases")
    if run.base_weights not in (*plain, *formats):
        alone = f"what is kept is known for base_weights {', '.join((*plain, *formats))} alone"
        yield f"activations must be 'none' for adapters beside base_weights {run.base_weights}: {alone}."
    if run.dora:
        yield from _unknown_of_dora(model, run)
    if run.attention == Attention.FLASH and run.raised and not run.autocast:
        yield "attention 'flash' needs 16 bits, which numbers in FP32 between layers have not; use 'sdpa' or 'eager'."


def _unmeasured(model: Model, run: Training, traits: frozenset[str]) -> Iterator[str]:
    """Yield what of a family's code nobody has measured beside adapters."""
    few = run.base_weights in catalogue.names("frozen_bases")
    if few and "conv1d" in traits:
        how = "whose matrices are transposed: nobody has measured them quantized"
        yield f"base_weights must be BF16, FP16 or FP32 for adapters beside {model.name}, {how}."
    if few and run.autocast and not run.raised and "layernorm" in traits:
        way = "kbit_preparation must be True, or recipe bf16," if run.quantized else "recipe must be bf16"
        how = "whose LayerNorm makes FP32 of what follows it, which nobody has measured"
        yield f"{way} for adapters beside {model.name}, {how}."
    if run.holds_inputs and not traits.isdisjoint({"latent", "shared"}):
        which = "latents" if "latent" in traits else "shared experts"
        yield f"base_weights must not be {run.base_weights} beside {model.name}: nobody has measured its {which} so."
    if run.holds_inputs and run.dora and "relu" in traits:
        yield f"dora must be False with base_weights {run.base_weights} beside {model.name}: nobody has measured it."
    if model.moe_layers and not any(word in ATTENTION for word in _sides(model, run.lora_targets)):
        some = f"name a matrix of the attention for {model.name}"
        yield f"lora_targets must {some}, not {str(run.lora_targets)!r}: nobody has measured its MLPs alone."


def _unknown_of_dora(model: Model, run: Training) -> Iterator[str]:
    """Yield why nobody knows what DoRA keeps beside such frozen weights."""
    if run.base_weights in catalogue.names("frozen_bases") and not run.quantized:
        yield f"dora must be False with base_weights {run.base_weights}, beside which PEFT has no DoRA."
    if run.quantized and run.autocast and not run.raised:
        how = "of which nobody has measured DoRA: without kbit_preparation all that follows is in FP32"
        yield f"recipe must be bf16, or kbit_preparation True, with base_weights {run.base_weights} and dora, {how}."
