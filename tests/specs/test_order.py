"""The order of layers that the tables have is that of published files, and the counts of a model agree with it."""

import json

import pytest

from cases import ROOT
from memcalc import Model, catalogue
from memcalc.specs.order import layers_of

LINES = [json.loads(line) for line in (ROOT / "tests/data/catalogue.jsonl").read_text().splitlines()]
PUBLISHED = {line["model"]: line["config"] for line in LINES if line["model"] in catalogue.names("models")}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_tables_have_the_order_of_the_published_file(name):
    assert layers_of(Model.named(name)) == layers_of(Model.from_config(PUBLISHED[name]))


@pytest.mark.parametrize("name", catalogue.names("models"))
def test_the_order_of_every_model_is_known_but_for_one(name):
    model, found = Model.named(name), layers_of(Model.named(name))
    assert (found is None) == (name == "GLM-5.2")  # whose file lists which layers have an indexer
    if found:
        for field in ("full_layers", "window_layers", "moe_layers", "dense_layers", "mamba_layers", "sharing_layers"):
            assert sum(field in layer for layer in found) == getattr(model, field)


def test_a_file_that_lists_another_order_is_believed():
    config = PUBLISHED["Gemma-3-270M"]
    kinds = config["layer_types"][::-1]
    found = layers_of(Model.from_config(config | {"layer_types": kinds}))
    assert "full_layers" in found[0]
    assert ["window_layers" in layer for layer in found] == [kind == "sliding_attention" for kind in kinds]


def test_experts_in_every_second_layer():
    """Llama-4-Maverick: interleave_moe_layer_step 2, beginning with an MLP."""
    assert ["moe_layers" in layer for layer in layers_of(Model.named("Llama-4-Maverick"))[:4]] == [0, 1, 0, 1]
