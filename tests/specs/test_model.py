"""A model is its counts: those of the catalogue are those of its config.json, and impossible ones are refused."""

import re
from dataclasses import FrozenInstanceError, replace

import numpy
import pytest

from measured import built, rows
from memcalc import InputError, Model, catalogue
from memcalc.formula import weights

COUNTED, ACTIVE = ({row.model: row for row in rows("parameters", name)} for name in ("parameters", "active_parameters"))

BUILT = {row["model"]: row for row in built("catalogue")}


@pytest.mark.parametrize("name", [name for name in catalogue.names("models") if name not in BUILT])
def test_every_model_of_the_catalogue_was_built_and_counted(name):
    model, row = Model.named(name), COUNTED[name]
    assert (model.parameters, model.active_parameters) == (row.measured, ACTIVE[name].measured)
    built = replace(Model.from_config(row.inputs), trained_context=model.trained_context)  # which not every file says
    assert (model.values, model.family, model.packing) == (built.values, built.family, built.packing)


@pytest.mark.parametrize("name", BUILT)
def test_a_newer_model_of_the_catalogue_is_what_its_published_file_builds(name):
    model, row = Model.named(name), BUILT[name]
    assert model.parameters == row["text_parameters"]
    read = Model.from_config(row["config"])
    assert (model.values, model.family, model.packing) == (read.values, read.family, read.packing)
    assert row["source"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Llama-3.1-405B", 405_853_388_800),  # totals that the publishers' files state
        ("Mistral-Large-2407", 122_610_069_504),
        ("Mixtral-8x7B", 46_702_792_704),
        ("Qwen2.5-72B", 72_706_203_648),
        ("Qwen3-235B-A22B", 235_093_634_560),
        ("gemma 2 27b", 27_227_128_320),
        ("Phi-4", 14_659_507_200),
        ("gpt-oss-120b", 116_829_156_672),
        ("BLOOM", 176_247_271_424),
        ("Jamba-1.5-Large", 398_555_145_696),
        ("Mamba-2.8B", 2_768_345_600),
    ],
)
def test_published_totals(name, parameters):
    assert Model.named(name).parameters == parameters


@pytest.mark.parametrize(
    ("name", "parts", "parameters"),
    [  # layers of the built classes
        ("DeepSeek-V2-Lite", (weights.latent_attention, weights.mlp), 81_007_104),
        ("DeepSeek-V2-Lite", (weights.latent_attention, weights.router, *[weights.expert] * 64), 584_847_872),
        ("Jamba-v0.1", (weights.attention, weights.mlp), 218_112_000),
        ("Jamba-v0.1", (weights.mamba, weights.mlp), 281_477_408),
        ("Jamba-v0.1", (weights.mamba, weights.router, *[weights.expert] * 16), 2_923_954_464),
    ],
)
def test_layers_of_mixed_models(name, parts, parameters):
    values = Model.named(name).values
    assert sum(part.exact(values) for part in (*parts, weights.norms)) == parameters


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kv_heads": 5}, "kv_heads must divide heads = 32 without remainder, not 5."),
        ({"kv_heads": 64}, "kv_heads must divide heads = 32 without remainder, not 64."),
        ({"heads": 0}, "heads must be at least 1, for 32 layers need it, not 0."),
        ({"hidden": 0}, "hidden must be a whole number from 1 to 10,000,000, not 0."),
        ({"hidden": 4096.0}, "hidden must be a whole number from 1 to 10,000,000, not 4096.0."),
        ({"heads": True}, "heads must be a whole number from 0 to 100,000, not True."),
        ({"vocabulary": 10**18}, "vocabulary must be a whole number from 1 to 100,000,000, not 1000000000000000000."),
        ({"embedding_tables": 3}, "embedding_tables must be a whole number from 1 to 2, not 3."),
        ({"moe_layers": 1}, "experts must be at least 1, for 1 layers need it, not 0."),
        ({"dense_layers": 33}, "dense_layers must be at most the 32 layers, not 33."),
        ({"trained_context": -1}, "trained_context must be a whole number from 0 to 1,000,000,000, not -1."),
    ],
)
def test_impossible_models(changes, sentence):
    with pytest.raises(InputError) as caught:
        replace(Model.named("LLaMA-7B"), **changes)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("spelling", ["llama-2-7b", "Llama 2 7B", "LLAMA2_7B"])
def test_names_are_found_whatever_their_case_and_dashes(spelling):
    assert Model.named(spelling).name == "Llama-2-7B"


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("Llama-1-7B", "LLaMA-7B"),
        ("gpt-3", "GPT-3-175B"),
        ("Mixtral 8x7B v0.1", "Mixtral-8x7B"),
        ("Mamba2-2.7B", "Mamba-2-2.7B"),
    ],
)
def test_aliases_name_the_same_row(alias, name):
    assert Model.named(alias) == Model.named(name)


def test_a_misspelt_name_lists_the_nearest():
    with pytest.raises(InputError, match="model 'Lama-2-7B' is not known; the nearest is Llama-2-7B"):
        Model.named("Lama-2-7B")


def test_no_spelling_names_two_models():
    spellings = [name for row in catalogue.rows("models") for name in (row["name"], *row["aliases"].split("|")) if name]
    plain = [re.sub(r"[\s_-]+", "-", spelling.casefold()) for spelling in spellings]
    assert len(set(plain)) == len(plain)


def test_models_are_frozen_and_keep_plain_ints():
    model = replace(Model.named("LLaMA-7B"), hidden=numpy.int64(4096))
    assert type(model.hidden) is int
    with pytest.raises(FrozenInstanceError):
        model.hidden = 1


def test_a_size_without_an_architecture():
    assert Model.nominal(7_500_000_000).parameters == 7_500_000_000
    with pytest.raises(InputError, match="parameters must be a whole number"):
        Model.nominal(-1)


@pytest.mark.parametrize("table", ["models", "gpus"])
def test_every_row_has_a_source_and_a_date(table):
    for row in catalogue.rows(table):
        assert row.get("source") or row.get("library")
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["retrieved"])
