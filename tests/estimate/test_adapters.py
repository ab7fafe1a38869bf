"""What adapters beside a frozen model keep, as measured on PEFT and bitsandbytes."""

from dataclasses import replace

import pytest

from measured import rows
from memcalc import Gpu, Model, Training, fits
from memcalc.estimate.advice import verdict
from memcalc.estimate.ask import ask
from memcalc.estimate.terms import terms, values
from memcalc.estimate.training import step_peak

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


def test_as_many_configurations_as_are_worth_a_law():
    assert len(NAMED) >= 100
    assert {row.inputs["lora_targets"] for row in ROWS} == {"all", "qv", "qkvo"}
    assert {row.inputs["base_weights"] for row in NAMED} == {"BF16", "FP32", "NF4", "NF4-double"}


def test_training_whose_activations_are_left_out_never_simply_fits():
    card, run = Gpu.named("RTX 4090"), Training(lora_rank=16, base_weights="NF4", context=8192)
    llama = Model.named("Llama-3-8B")
    assert not fits(llama, run, card)
    left_out = replace(run, activations="none")
    assert fits(llama, left_out, card).word == "fits if"
    assert verdict(llama, left_out, card).endswith("are enough for the activations.")
