"""Models, cards and runs refuse what makes no sense, in one sentence."""

import re
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import numpy
import pytest

from memcalc import Gpu, Inference, InputError, Model, catalogue
from memcalc.runs import bytes_each


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kv_heads": 5}, "kv_heads must divide heads = 32 without remainder, not 5."),
        ({"kv_heads": 64}, "kv_heads must divide heads = 32 without remainder, not 64."),
        ({"layers": 0}, "layers must be a whole number from 1 to 100,000, not 0."),
        ({"hidden": 4096.0}, "hidden must be a whole number from 1 to 10,000,000, not 4096.0."),
        ({"heads": True}, "heads must be a whole number from 1 to 100,000, not True."),
        ({"vocabulary": 10**18}, "vocabulary must be a whole number from 1 to 100,000,000, not 1000000000000000000."),
        ({"embedding_tables": 3}, "embedding_tables must be a whole number from 1 to 2, not 3."),
    ],
)
def test_impossible_models(changes, sentence):
    with pytest.raises(InputError) as caught:
        replace(Model.named("LLaMA-7B"), **changes)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ({"context": -5}, "context must be a whole number from 1 to 1,000,000,000, not -5."),
        ({"context": "long"}, "context must be a whole number from 1 to 1,000,000,000, not 'long'."),
        ({"batch": 0}, "batch must be a whole number from 1 to 1,000,000, not 0."),
        ({"weights": "FP61"}, "weights format 'FP61' is not known; the nearest is FP16."),
        ({"kv_cache": 16}, "kv_cache format 16 is not known"),
    ],
)
def test_impossible_runs(run, sentence):
    with pytest.raises(InputError) as caught:
        Inference(**run)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("spelling", ["llama-2-7b", "Llama 2 7B", "LLAMA2_7B"])
def test_names_are_found_whatever_their_case_and_dashes(spelling):
    assert Model.named(spelling).name == "Llama-2-7B"


def test_a_misspelt_name_lists_the_nearest():
    with pytest.raises(InputError, match="model 'Lama-2-7B' is not known; the nearest is Llama-2-7B"):
        Model.named("Lama-2-7B")
    with pytest.raises(InputError, match="gpu 'RTX 4080' is not known; the nearest is RTX 4090"):
        Gpu.named("RTX 4080")


def test_aliases_name_the_same_row():
    assert Model.named("LLaMA-1 7B") == Model.named("LLaMA-7B")
    assert Gpu.named("geforce rtx-4090") == Gpu.named("RTX 4090")
    assert Model.named("gpt-3") == Model.named("GPT-3-175B")


def test_specs_are_frozen_and_keep_plain_ints():
    run = Inference(context=numpy.int64(4096))
    assert type(run.context) is int
    with pytest.raises(FrozenInstanceError):
        run.context = 1


def test_formats_are_spelt_as_in_the_catalogue():
    assert Inference(weights="bf16").weights == "BF16"
    assert bytes_each("weights", "Q8_0") == Fraction(17, 16)


def test_a_size_without_an_architecture():
    assert Model.nominal(7_500_000_000).parameters == 7_500_000_000
    with pytest.raises(InputError, match="parameters must be a whole number"):
        Model.nominal(-1)


@pytest.mark.parametrize("table", ["models", "gpus", "measured"])
def test_every_row_has_a_source_and_a_date(table):
    for row in catalogue.rows(table):
        assert row.get("source") or row.get("library")
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["retrieved"])


@pytest.mark.parametrize("name", catalogue.names("gpus"))
def test_a_card_shows_a_program_no_more_than_it_has(name):
    gpu = Gpu.named(name)
    assert 0.5 * gpu.marketed_gb * 10**9 < gpu.capacity <= gpu.marketed_gb * 2**30
    if gpu.reported_mib and gpu.visible_gib:
        assert gpu.visible_gib * 2**30 <= gpu.reported_mib * 2**20 * Fraction("1.0001")


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ((24, None, None), "reported_mib or visible_gib must be given"),
        ((24, -5, None), "reported_mib must be a positive number, not -5."),
        ((24, None, 0), "visible_gib must be a positive number, not 0."),
        (("24", 24564, None), "marketed_gb must be a whole number from 1 to 1,000,000, not '24'."),
    ],
)
def test_impossible_cards(sizes, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        Gpu("mine", "me", *sizes, source="measured")
