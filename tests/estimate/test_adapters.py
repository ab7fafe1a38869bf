"""What adapters beside a frozen model keep, as measured on PEFT and bitsandbytes."""

from dataclasses import replace

import pytest

from measured import rows
from memcalc import Model, Training
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


ROWS = rows("adapters")
FAMILIES = sorted({row.model for row in ROWS})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("quantity", sorted({row.quantity for row in ROWS}))
def test_what_was_measured_to_the_byte(quantity, family):
    found = {row.id: said(row) for row in ROWS if (row.quantity, row.model) == (quantity, family)}
    assert found == {row.id: row.measured for row in ROWS if row.id in found}
    assert found
