"""A config.json gives the model that it describes, or one sentence that names the field."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import GPT2, LLAMA
from memcalc import InputError, Model


def test_llama():
    model = Model.from_config(LLAMA)
    assert model.parameters == 6_738_415_616
    assert set(model.assumed) == {"attention_bias", "mlp_bias", "head_dim"}


def test_gpt2():
    model = Model.from_config(GPT2)
    assert model.parameters == 124_439_808
    assert "n_inner" in model.assumed


def test_a_path_is_read(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA | {"num_key_value_heads": 8}))
    assert Model.from_config(path).kv_heads == 8


def test_head_dim_of_the_config_wins():
    assert Model.from_config(LLAMA | {"head_dim": 64}).head_dim == 64


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_type": "mamba"}, "model_type 'mamba' is not known. Known: llama, gpt2."),
        ({"model_type": None}, "model_type is missing in config.json. Known: llama, gpt2."),
        ({"hidden_size": None}, "hidden_size is missing in config.json."),
        (
            {"hidden_size": "4096"},
            "hidden_size in config.json must be a whole number from 1 to 10,000,000, not '4096'.",
        ),
        ({"num_hidden_layers": 0}, "num_hidden_layers in config.json must be a whole number from 1 to 100,000, not 0."),
        (
            {"num_hidden_layers": [32]},
            "num_hidden_layers in config.json must be a whole number from 1 to 100,000, not [3",
        ),
        ({"vocab_size": 10**18}, "vocab_size in config.json must be a whole number from 1 to 100,000,000, not 10000"),
        ({"head_dim": 10**5000}, "head_dim in config.json must be a whole number from 1 to 100,000, not a number of"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings in config.json must be true or false, not 1."),
        ({"num_key_value_heads": 5}, "kv_heads must divide heads = 32 without remainder, not 5."),
        (
            {"num_attention_heads": 33, "num_key_value_heads": 33},
            "num_attention_heads in config.json must divide hidden_size = 4,096 without remainder, not 33.",
        ),
    ],
)
def test_a_bad_config_is_refused_with_the_field_and_the_value(changes, sentence):
    with pytest.raises(InputError) as caught:
        Model.from_config(LLAMA | changes)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not JSON: Expecting property name"),
        ("", "is not JSON: Expecting value in line 1"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", r"must hold one object in braces, not \[1\]"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_is_no_config(tmp_path, content, problem):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=problem):
        Model.from_config(path)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists)


KEYS = st.sampled_from(sorted(LLAMA.keys() | GPT2.keys() | {"head_dim", "n_inner"}))


@given(st.dictionaries(KEYS, JSON), st.sampled_from([LLAMA, GPT2]))
def test_a_hostile_config_gives_a_model_or_a_sentence(changes, base):
    try:
        model = Model.from_config(base | changes)
    except InputError as problem:
        sentence = str(problem)
    else:
        sentence = f"{model.parameters:,} parameters."
    assert re.fullmatch(r".+\.", sentence, re.DOTALL)


@pytest.mark.parametrize("source", [None, 5, [], b"{}"])
def test_what_is_neither_a_path_nor_a_mapping(source):
    with pytest.raises(InputError, match="config must be of type str or Path or Mapping"):
        Model.from_config(source)
