"""Choices without effect are said."""

from dataclasses import replace
from enum import StrEnum
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from memcalc import Gpu, Inference, InputError, Model, Training, breakdown, catalogue, fits
from memcalc.estimate.effects import without_effect
from memcalc.estimate.offload import places
from memcalc.formula.formats import Format

LLAMA, GEMMA, MIXTRAL = (Model.named(name) for name in ("Llama-2-7B", "Gemma-2-9B", "Mixtral-8x7B"))


@pytest.mark.parametrize(
    ("model", "run", "sentence"),
    [
        (LLAMA, Inference(attention="eager"), "only a prefill depends on it"),
        (LLAMA, Inference(window="full"), "only layers that drop tokens beyond a window depend on it"),
        (GEMMA, Inference(1000, window="full"), "only layers that drop tokens beyond a window depend on it"),
        (LLAMA, Inference(prompt=99), "only a cache that Transformers quantizes depends on it"),
        (LLAMA, Inference(9, sinks=4, recent=99), "only a context that is longer than what is kept depends on it"),
        (LLAMA, Inference(towers=False), "only a model whose files hold such a tower depends on it"),
        (Model.named("Mamba-2.8B"), Inference(99), "only layers that keep tokens depend on it"),
        (LLAMA, Training(dropout=0.1), "only activations 'transformers' of code that keeps masks depend on it"),
        (LLAMA, Training(attention="eager", activations="megatron"), "only activations 'transformers' depend on it"),
        (LLAMA, Training(lora_targets="qv"), "only adapters (lora_rank) depend on it"),
        (LLAMA, Training(micro_batches=4), "only activations 'megatron' with pipeline_parallel depend on it"),
        (LLAMA, Training(zero=3), "only several data-parallel cards share anything"),
        (LLAMA, Training(data_parallel=8), "each card holds everything, unless zero or sharding fsdp shares it out"),
        (LLAMA, Training(sharding="fsdp"), "only several data-parallel cards share anything"),
        (Model.nominal(7 * 10**9), Training(context=99), "only activations depend on it"),
        (MIXTRAL, Training(recompute="full", activations="none"), "only activations depend on it"),
    ],
)
def test_what_changes_nothing_is_said_with_what_depends_on_it(model, run, sentence):
    assert any(f" changes nothing here: {sentence}" in said for said in without_effect(model, run))


@pytest.mark.parametrize(
    ("model", "run", "sentences"),
    [
        (LLAMA, Inference(), []),
        (LLAMA, Inference(attention="eager", prefill="whole"), []),
        (GEMMA, Inference(window="full"), []),
        (LLAMA, Inference(weights="BF16", kv_cache="FP16/BF16"), []),
        (LLAMA, Inference(engine="transformers"), []),
        (LLAMA, Inference(engine="llama.cpp", ubatch=99), []),  # its working memory is in the verdict
        (LLAMA, Inference(engine="llama.cpp", ubatch=512), ["ubatch 512 takes as much here as the default."]),
        (LLAMA, Inference(engine="vLLM", sequences=1024), ["sequences 1,024 takes as much here as the default."]),
        (LLAMA, Inference(32_767, engine="llama.cpp"), ["context 32,767 takes as much here as 32,768."]),
        (LLAMA, Training(optimizer="Adam"), ["optimizer Adam takes as much here as AdamW."]),
        (LLAMA, Training(zero=3, data_parallel=8, offload="nvme", activations="none"), []),
        (LLAMA, Training(lora_rank=8, lora_targets="qv", activations="none"), []),
        (LLAMA, Training(recompute="full", offload_activations=True), []),  # which no other word of recompute allows
        (
            LLAMA,
            Inference(1000, kv_cache="quanto-INT4-g64", prompt=2000),
            ["prompt 2,000 is longer than the context, and counts as its 1,000 tokens."],
        ),
    ],
)
def test_what_has_an_effect_is_not_said_to_have_none(model, run, sentences):
    assert without_effect(model, run) == sentences


NAMES = {
    "engine": catalogue.names("engines"),
    "weights": ["BF16", "INT8", "FP32"],
    "kv_cache": ["BF16", "INT8", "FP32", "KIVI-4", "quanto-INT4-g64"],
    "recipe": catalogue.names("recipes"),
    "optimizer": catalogue.names("optimizers"),
    "base_weights": ["BF16", "INT8"],
    "kbit_preparation": [True, False],
    "reentrant": [True, False],
    "prefill": ["whole", 7],
    "utilization": [0.5, 0.95],
    "gpu_layers": [0, 7, 99],
    "host_bandwidth": [80],
    "draft_model": ["Llama-3.2-1B"],
    "draft_weights": ["Q4_0", "BF16"],
}
FORMATS = ("weights", "kv_cache", "base_weights")


def values(kind, name):
    """Values that a field may have; a new field of names has to say some above."""
    usual = getattr(kind, name)
    if isinstance(usual, bool):
        return st.just(not usual)
    if isinstance(usual, StrEnum):
        return st.sampled_from(list(type(usual)))
    if isinstance(usual, float):
        return st.just(0.1)
    return st.sampled_from(NAMES[name] if isinstance(usual, str | None) else [1, 2, 4, 100, 3000, 70_000])


def runs(kind):
    def several(names):
        return st.fixed_dictionaries({name: values(kind, name) for name in names})

    return st.lists(st.sampled_from(list(kind.declared)), min_size=1, max_size=4, unique=True).flatmap(several)


def memory(model, run):
    elsewhere = run.off_card
    kept = places(model, run) if elsewhere else {}
    engine = isinstance(run, Training) or getattr(run, "kind", "")
    verdict = fits(model, run, Gpu.of("1000000 GB")) if engine else None
    return breakdown(model, run), {place: kept[place] for place in kept if place != "gpu"}, verdict


def bits(form):
    return {Fraction(Format.named("FP16" if name == "auto" else name).bits) for name in form.split("/")}


def check_every_field(model, kind, fields):
    try:
        run = kind(**fields)
        now = memory(model, run)
    except InputError:
        assume(False)
    said = without_effect(model, run)
    for name in set(fields) - ({"host_bandwidth"} if getattr(run, "offloaded", False) else set()):
        usual = getattr(kind, name)
        try:
            changes = memory(model, replace(run, **{name: usual})) != now
        except InputError:
            changes = True
        spoken = any(sentence.startswith(f"{name} ") for sentence in said)
        alike = name in FORMATS and bits(getattr(run, name)) == bits(usual)
        assert changes or spoken or alike or getattr(run, name) == usual, name
        assert not (changes and f"{name} {getattr(run, name)} takes as much" in " ".join(said)), name


few = settings(max_examples=40)


@few
@given(st.sampled_from([LLAMA, GEMMA, MIXTRAL, Model.nominal(10**9), Model.named("Mamba-2.8B")]), runs(Inference))
def test_every_field_of_inference_changes_bytes_or_is_spoken_of(model, fields):
    check_every_field(model, Inference, fields)


@few
@given(st.sampled_from([LLAMA, Model.nominal(10**9)]), runs(Training))
def test_every_field_of_training_changes_bytes_or_is_spoken_of(model, fields):
    check_every_field(model, Training, fields)


@pytest.mark.parametrize("kind", [Inference, Training])
def test_what_depends_on_a_field_is_no_whole_sentence(kind):
    for declared in kind.declared.values():
        assert not declared.matters.endswith(".")
        assert declared.matters == "" or declared.matters[0].islower()
