"""What a hand may choose, type or paste: names, sizes, a config of one's own; all else is one sentence."""

import functools
import json
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import InputError, Model
from memcalc.catalogue import names, rows
from memcalc.explorers import controls
from memcalc.explorers.controls import Menu, Number, Text, known, model_of
from memcalc.formula.symbols import GLOSSARY

LLAMA_7B = {
    "model_type": "llama", "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 11_008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "tie_word_embeddings": False,
}  # fmt: skip


def test_a_slider_has_letter_words_unit_and_marks():
    context = known("context").data("context")
    assert (context["label"], context["unit"], context["letters"]) == ("context", "tokens", ["s"])
    assert {2**power for power in range(7, 21)} <= set(context["grid"])
    assert (context["grid"][0], context["grid"][-1]) == (128, 2**20)
    assert known("kv_heads").data("kv_heads")["letters"] == ["h_kv"]


def test_every_slider_has_marks_within_its_ends():
    for entry in GLOSSARY.values():
        if not entry.derived:
            one = known(entry.name)
            assert list(one.grid) == sorted(set(one.grid))
            assert all(one.low <= mark <= one.high for mark in one.grid)
            assert (len(one.grid) > 1) == (entry.scale == "log2")


@pytest.mark.parametrize("name", ["colour", "weights format", ""])
def test_a_control_that_cannot_be(name):
    with pytest.raises(InputError, match=f"control '{name}' is not known"):
        known(name)


def test_pickers_list_every_name_by_its_maker():
    for name, table in (("model", "models"), ("gpu", "gpus")):
        groups = known(name).data(name)["groups"]
        assert sorted(functools.reduce(operator.iadd, groups.values(), [])) == sorted(names(table))
    makers = {row["name"]: row["maker"] for row in rows("models")}
    assert (makers["Qwen3-8B"], makers["Gemma-3-1B"], makers["Mamba-Codestral-7B"]) == (
        "Alibaba",
        "Google",
        "Mistral AI",
    )
    assert all(makers.values())


def test_a_config_of_one_s_own_is_a_model():
    text = json.dumps(LLAMA_7B)
    assert known("model").allowed("model", text) == text
    assert model_of(text).parameters == Model.named("LLaMA-7B").parameters


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("model", "LLaMA-8B", "model 'LLaMA-8B' is not known; the nearest is"),
        ("model", "{", "config must be JSON, as in a config.json, not '{'."),
        ("model", "{" * 300_000, "config must be a text of at most 200,000 characters, not 300,000."),
        ("model", "{}", "model_type is missing in config.json"),
        ("model", 7, "model 7 is not known"),
        ("gpu", "24", "gpu '24' is not known"),
        ("gpu", "0 GB", "gpu must be a name, or a size up to 1,000,000 GB"),
        ("gpu", "48 GB at 0 GB/s", "gpu must be a name, or a size up to 1,000,000 GB"),
        ("gpu", "9" * 400 + " GB", "amount|gpu"),
        ("weights", "<b>", "weights '<b>' is not known"),
        ("context", 0, "context must be a whole number from 128 to 1,048,576, not 0."),
        ("context", "32K", "context must be a whole number from 128 to 1,048,576, not '32K'."),
        ("context", 1e300, r"context must be a whole number from 128 to 1,048,576, not 1e\+300."),
        ("context", None, "context must be a whole number from 128 to 1,048,576, not None."),
    ],
)
def test_what_a_hand_may_not_type(name, value, sentence):
    with pytest.raises(InputError, match=sentence) as found:
        known(name).allowed(name, value)
    assert "\n" not in str(found.value)


@given(
    st.sampled_from(["model", "gpu", "weights", "kv_cache", "context"]),
    st.text() | st.integers() | st.none() | st.floats(),
)
def test_whatever_is_given_is_allowed_or_refused_in_a_sentence(name, value):
    try:
        known(name).allowed(name, value)
    except InputError as found:
        sentence = str(found)
    else:
        return
    assert sentence.endswith(".")


def test_what_is_in_no_table_is_searched_for_once(monkeypatch):
    searched, find = [], controls.find
    monkeypatch.setattr(controls, "find", lambda *asked: searched.append(asked) or find(*asked))
    assert [known("gpu").allowed("gpu", "31.5 GB") for _ in range(3)] == ["31.5 GB"] * 3
    assert len(searched) == 1


def test_controls_of_an_explorer_s_own():
    assert Menu("stage", ("0", "1")).allowed("zero", "1") == "1"
    with pytest.raises(InputError, match="cards must be one of 1, 2, 4, not 3"):
        Number("cards", 1, 4, grid=(1, 2, 4), strict=True).allowed("cards", 3)
    with pytest.raises(InputError, match="words must be a text of at most 3 characters, not 'four'"):
        Text("words", 3).allowed("words", "four")
