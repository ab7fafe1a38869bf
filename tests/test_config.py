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
    assert model.assumed == ("attention_bias", "mlp_bias", "head_dim")


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
        ({"model_type": None}, "model_type None is not known. Known: llama, gpt2."),
        ({"hidden_size": None}, "config.json has no hidden_size, which the model needs."),
        ({"hidden_size": "4096"}, "hidden_size in config.json must be a whole number from 1, not '4096'."),
        ({"num_hidden_layers": 0}, "num_hidden_layers in config.json must be a whole number from 1, not 0."),
        ({"num_hidden_layers": [32]}, "num_hidden_layers in config.json must be a whole number from 1, not [32]."),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings in config.json must be true or false, not 1."),
        ({"num_key_value_heads": 5}, "kv_heads must divide heads = 32 without remainder, not 5."),
        ({"num_attention_heads": 33, "num_key_value_heads": 33}, "heads must divide hidden = 4,096 without remainder"),
        ({"vocab_size": 10**18}, "vocabulary must be a whole number from 1 to 100,000,000"),
    ],
)
def test_a_bad_config_is_refused_with_the_field_and_the_value(changes, sentence):
    with pytest.raises(InputError) as caught:
        Model.from_config(LLAMA | changes)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("content", "problem"),
    [("{", "is not JSON"), ("[1]", "must hold one object in braces, not a list"), (None, "cannot be read")],
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
