"""What adapters beside a frozen model keep, as measured on PEFT and bitsandbytes."""

from dataclasses import replace

import pytest

from measured import rows
from memcalc import Gpu, InputError, Model, Training, breakdown, fits, peak
from memcalc.estimate.advice import verdict
from memcalc.estimate.ask import ask
from memcalc.estimate.peak import kinds_of, step_peak
from memcalc.estimate.terms import terms, values

SIZES = {
    "hidden": "hidden_size",
    "intermediate": "intermediate_size",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "vocabulary": "vocab_size",
    "layers": "num_hidden_layers",
}
UNTIED = {"max_position_embeddings": 2048, "tie_word_embeddings": False, "sliding_window": None}


def asked(row):
    """The model and the run of a row; no layer has a window in any of them."""
    config = {SIZES[name]: value for name, value in row.inputs.items() if name in SIZES}
    window = {"sliding_window": 4096} if row.model == "gemma2" else {}
    model = Model.from_config(UNTIED | config | window | {"model_type": row.model})
    run = Training(**{name: value for name, value in row.inputs.items() if name not in SIZES})
    return replace(model, full_layers=model.layers, window_layers=0) if model.window_layers else model, run


def said(row):
    """What memcalc says to a row."""
    model, run = asked(row)
    if row.quantity == "step_peak":
        return step_peak(model, run)
    known, found = values(model, run), {term.name: term for term in terms(model, run)}
    if row.quantity in ("activations", "weight_copies"):
        return found[row.quantity].exact(known) if row.quantity in found else 0
    parts = {part.name: part.exact(known) for part in found["activations"].parts}
    if row.quantity == "layer_activations":
        return parts[row.quantity]
    return parts["other_activations"] - parts.get("spared_activations", 0)


ROWS = [row for row in rows("adapters") if row.id.startswith("E")]
NAMED = [row for row in rows("adapters") if row.id.startswith("B")]
"""Rows of `make measure`, of models by name."""
FAMILIES = sorted({row.model for row in ROWS})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("quantity", sorted({row.quantity for row in ROWS}))
def test_what_was_measured_to_the_byte(quantity, family):
    found = {row.id: said(row) for row in ROWS if (row.quantity, row.model) == (quantity, family)}
    assert found == {row.id: row.measured for row in ROWS if row.id in found}
    assert found


@pytest.mark.parametrize("model", sorted({row.model for row in NAMED}))
def test_what_the_project_measured_to_the_byte(model):
    found = {row.id: ask(row.quantity, model, row.inputs).value for row in NAMED if row.model == model}
    assert found == {row.id: row.measured for row in NAMED if row.id in found}


REFUSED = {
    "GPT-2": ({"base_weights": "NF4"}, "base_weights must be BF16, FP16 or FP32 for adapters beside GPT-2"),
    "OPT-125M": ({"base_weights": "NF4", "kbit_preparation": False}, "kbit_preparation must be True, or recipe bf16"),
    "DeepSeek-V2-Lite": ({"base_weights": "LLM.int8", "kbit_preparation": False}, "measured its latents so"),
    "Qwen1.5-MoE-A2.7B": ({"lora_targets": "shared_up_proj"}, "name a matrix of the attention for Qwen1.5-MoE-A2.7B"),
    "gpt-oss-20b": ({"base_weights": "FP32"}, "nobody has measured experts in FP32 under autocast"),
    "OPT-13B": ({"base_weights": "LLM.int8", "dora": True}, "dora must be False with base_weights LLM.int8 beside OPT"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_nobody_has_measured_of_a_family_is_refused(name):
    fields, says = REFUSED[name]
    with pytest.raises(InputError, match=says):
        breakdown(Model.named(name), Training(lora_rank=16, **fields))


@pytest.mark.parametrize("name", sorted({row.model for row in NAMED}))
def test_every_model_has_a_peak_with_adapters(name):
    """And keeps less where its layers are computed again."""
    model = Model.named(name)
    run = Training(context=1024, lora_rank=16, lora_targets="qkvo", attention="eager", base_weights="BF16")
    found = peak(model, run)
    assert found.bytes == max(at.bytes for at in found.moments.values())
    assert peak(model, replace(run, recompute="full")).bytes < found.bytes
    assert all(part >= 0 for at in found.moments.values() for part in at.parts.values())


def test_as_many_configurations_as_are_worth_a_law():
    assert len(NAMED) >= 800
    assert {row.inputs["lora_targets"] for row in ROWS} == {"all", "qv", "qkvo"}
    assert {row.inputs["base_weights"] for row in NAMED} == {"BF16", "FP32", "NF4", "NF4-double", "LLM.int8"}


SMALL = UNTIED | {
    **{"model_type": "llama", "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 4},
    **{"num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 64},
}
ON_THE_CPU = {"context": 48, "batch": 2, "recipe": "bf16", "attention": "eager", "lora_rank": 8}
"""A model of real numbers, whose 8-bit matrices ran MatMul8bitLt of bitsandbytes 0.50.2 on a CPU."""


@pytest.mark.parametrize(
    ("choice", "kept", "highest"),
    [
        ({}, 2_381_572, 2_582_152),
        ({"kbit_preparation": False}, 2_513_668, 2_610_824),
        ({"recompute": "full"}, 763_396, 1_502_344),
        ({"recompute": "full", "reentrant": True}, 173_572, 1_010_824),
    ],
)
def test_int8_matrices_hold_on_to_what_they_read(choice, kept, highest):
    model, run = Model.from_config(SMALL), Training(**ON_THE_CPU, base_weights="LLM.int8", **choice)
    assert breakdown(model, run)["activations"] == kept
    found = peak(model, run).moments["backward"]
    beside = found.bytes - found.parts["weights"] - found.parts["optimizer"]
    assert highest <= beside <= 1.15 * highest


def test_what_int8_matrices_hold_is_there_until_the_embedding_is_back():
    model, run = Model.from_config(SMALL), Training(**ON_THE_CPU, base_weights="LLM.int8", recompute="full")
    last = next(at for moment, at in kinds_of(model, run) if "embedding" in moment.name)
    assert last.parts["activations"] == 4 * 48 * 2 * (3 * 64 + 192) * 4  # in FP32, of four layers; measured


def test_a_bias_of_int8_has_the_format_of_what_its_matrix_reads():
    qwen, biases = Model.named("Qwen2.5-7B"), 28 * (28 + 2 * 4) * 128
    raised, left = (
        breakdown(qwen, Training(lora_rank=8, base_weights="LLM.int8", activations="none", kbit_preparation=prepared))
        for prepared in (True, False)
    )
    norms, tables = (2 * 28 + 1) * 3584, 2 * 152_064 * 3584
    assert raised["weights"] - left["weights"] == 2 * (biases + norms + tables)


def test_outliers_are_said_to_be_missing():
    card, run = Gpu.named("H100 80GB"), Training(lora_rank=16, base_weights="LLM.int8", recompute="full", context=1024)
    assert (
        fits(Model.named("Llama-3-8B"), run, card).unknown == "columns of outliers, which LLM.int8 keeps a second time"
    )


def test_training_whose_activations_are_left_out_never_simply_fits():
    card, run = Gpu.named("RTX 4090"), Training(lora_rank=16, base_weights="NF4", context=8192)
    llama = Model.named("Llama-3-8B")
    assert not fits(llama, run, card)
    left_out = replace(run, activations="none")
    assert fits(llama, left_out, card).word == "fits if"
    assert verdict(llama, left_out, card).endswith("are enough for the activations.")
