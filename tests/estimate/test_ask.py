"""Predictions of measurable quantities: other ways to the same number."""

from fractions import Fraction

import pytest

from memcalc import Inference, InputError, Model, Training, breakdown
from memcalc.estimate.ask import Quantity, ask, model_and_run, read_inputs
from memcalc.formula import TERMS


def value(quantity, model, inputs):
    return ask(quantity, model, inputs).value


PASS = {"context": 512, "batch": 2, "recipe": "bf16", "attention": "sdpa"}


@pytest.mark.parametrize("name", ["Llama-3-8B", "GPT-2", "Gemma-3-4B"])
@pytest.mark.parametrize("recipe", ["bf16", "autocast"])
def test_layers_make_the_model(name, recipe):
    inputs = PASS | {"recipe": recipe}
    model = Model.named(name)
    whole, layer = (value(quantity, name, inputs) for quantity in ("activations", "layer_activations"))
    memory = breakdown(model, Training(**inputs))
    assert whole == memory["activations"] + memory.get("weight_copies", 0)
    rest = whole - model.layers * layer
    assert 0 < value("head_activations", name, inputs) <= rest < whole


def test_a_step_peaks_above_what_it_keeps():
    peak = value("step_peak", "Llama-3.2-1B", PASS)
    assert peak > value("activations", "Llama-3.2-1B", PASS)
    states = breakdown(Model.named("Llama-3.2-1B"), Training(**PASS))
    whole = value("process_peak", "Llama-3.2-1B", PASS)
    assert whole == peak + states["weights"] + states["optimizer"]
    assert whole == value("allocated_peak", "Llama-3.2-1B", PASS) == value("reserved_peak", "Llama-3.2-1B", PASS)


def test_fields_of_the_model_change_the_model():
    model, run = model_and_run(
        "GPT-2", {"full_layers": 2, "dense_layers": 2, "context": 64, "window": "full"}, trained=False
    )
    assert (model.full_layers, run) == (2, Inference(64, window="full"))
    model, run = model_and_run("Gemma-3-4B", {"window": 512, "context": 64}, trained=False)
    assert (model.window, run) == (512, Inference(64))


def test_an_input_of_training_alone_makes_a_training_run():
    assert model_and_run("GPT-2", {"data_parallel": 2, "sharding": "fsdp"}, trained=False)[1].stage == 3
    shard = value("weights", "GPT-2", {"data_parallel": 2, "sharding": "fsdp", "recipe": "fp32"})
    assert shard < value("weights", "GPT-2", {"weights": "FP32"}) < 2 * shard  # the odd vocabulary is filled up


def test_matrices_and_blocks():
    assert value("matrix", "", {"format": "NF4", "rows": 1024, "columns": 2048}) == 2**20 + 4 * 2**15 + 64
    assert value("blocks", "", {"format": "Q4_0", "rows": 64, "columns": 1024}) == 64 * 32 * 18


def test_a_card_is_named_and_only_the_speed_needs_it():
    inputs = {"context": 2048, "weights": "BF16", "gpu": "RTX 4090"}
    assert value("decode_speed", "Llama-3.2-1B", inputs) > value("decode_speed", "Llama-3-8B", inputs)
    assert value("kv_cache", "Llama-3-8B", inputs) == 2**28
    assert value("context_size", "", {"gpu": "RTX 4090"}) == 200_000_000


def test_what_is_not_known_is_refused():
    with pytest.raises(InputError, match="quantity 'cash' is not known"):
        value("cash", "GPT-2", {})
    with pytest.raises(InputError, match="rows must be a whole number"):
        value("matrix", "", {"format": "NF4", "rows": "many", "columns": 1})


@pytest.mark.parametrize(
    ("value", "unit", "text", "cell"),
    [
        (2**34, "bytes", "16.00 GiB = 17.18 GB", 17_179_869_184),
        (8, "bytes", "8 bytes", 8),
        (Fraction(16, 5), "×", "3.2×", 3.2),
        (12_379_000_000, "parameters", "12.4 billion parameters", 12_379_000_000),
        (frozenset({96, 256, 512}), "GB", "96, 256, 512", "96, 256, 512"),
        (TERMS["weights"].expr, "formula", "P × B", "P × B"),
    ],
)
def test_a_quantity_for_readers_and_for_tables(value, unit, text, cell):
    found = Quantity(value, unit)
    assert str(found) == text
    assert found.cell == {"value": cell, "unit": unit}


def test_sources_are_those_of_the_terms_each_once():
    weights = TERMS["weights"]
    assert Quantity(1, "bytes", (weights, weights)).sources == [weights.source]
    assert Quantity(1, "GB", source="a data sheet").sources == ["a data sheet"]


def test_inputs_are_read_as_data():
    assert read_inputs("") == {}
    assert read_inputs("a=7; b=True; c=0.15; d=1 + 1") == {"a": 7, "b": True, "c": 0.15, "d": "1 + 1"}
