"""Predictions of measurable quantities: other ways to the same number."""

import pytest

from memcalc import Inference, InputError, Model, Training, breakdown
from memcalc.estimate.ask import model_and_run, predict

PASS = {"context": 512, "batch": 2, "recipe": "bf16", "attention": "sdpa"}


@pytest.mark.parametrize("name", ["Llama-3-8B", "GPT-2", "Gemma-3-4B"])
@pytest.mark.parametrize("recipe", ["bf16", "autocast"])
def test_layers_make_the_model(name, recipe):
    inputs = PASS | {"recipe": recipe}
    model = Model.named(name)
    whole, layer = (predict(quantity, name, inputs) for quantity in ("activations", "layer_activations"))
    memory = breakdown(model, Training(**inputs))
    assert whole == memory["activations"] + memory.get("weight_copies", 0)
    rest = whole - model.layers * layer
    assert 0 < predict("head_activations", name, inputs) <= rest < whole


def test_a_step_peaks_above_what_it_keeps():
    peak = predict("step_peak", "Llama-3.2-1B", PASS)
    assert peak > predict("activations", "Llama-3.2-1B", PASS)
    states = breakdown(Model.named("Llama-3.2-1B"), Training(**PASS))
    whole = predict("process_peak", "Llama-3.2-1B", PASS)
    assert whole == peak + states["weights"] + states["optimizer"]
    assert whole == predict("allocated_peak", "Llama-3.2-1B", PASS) == predict("reserved_peak", "Llama-3.2-1B", PASS)


def test_fields_of_the_model_change_the_model():
    model, run = model_and_run(
        "GPT-2", {"full_layers": 2, "dense_layers": 2, "context": 64, "window": "full"}, trained=False
    )
    assert (model.full_layers, run) == (2, Inference(64, window="full"))
    model, run = model_and_run("Gemma-3-4B", {"window": 512, "context": 64}, trained=False)
    assert (model.window, run) == (512, Inference(64))


def test_an_input_of_training_alone_makes_a_training_run():
    assert model_and_run("GPT-2", {"data_parallel": 2, "sharding": "fsdp"}, trained=False)[1].stage == 3
    shard = predict("weights", "GPT-2", {"data_parallel": 2, "sharding": "fsdp", "recipe": "fp32"})
    assert shard < predict("weights", "GPT-2", {"weights": "FP32"}) < 2 * shard  # the odd vocabulary is filled up


def test_matrices_and_blocks():
    assert predict("matrix", "", {"format": "NF4", "rows": 1024, "columns": 2048}) == 2**20 + 4 * 2**15 + 64
    assert predict("blocks", "", {"format": "Q4_0", "rows": 64, "columns": 1024}) == 64 * 32 * 18


def test_a_card_is_named_and_only_the_speed_needs_it():
    inputs = {"context": 2048, "weights": "BF16", "gpu": "RTX 4090"}
    assert predict("decode_speed", "Llama-3.2-1B", inputs) > predict("decode_speed", "Llama-3-8B", inputs)
    assert predict("kv_cache", "Llama-3-8B", inputs) == 2**28
    assert predict("context_size", "", {"gpu": "RTX 4090"}) == 200_000_000


def test_what_is_not_known_is_refused():
    with pytest.raises(InputError, match="quantity 'cash' is not known"):
        predict("cash", "GPT-2", {})
    with pytest.raises(InputError, match="rows must be a whole number"):
        predict("matrix", "", {"format": "NF4", "rows": "many", "columns": 1})
