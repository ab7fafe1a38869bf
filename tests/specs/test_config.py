"""A config.json is read, and each value taken out checked, or refused in one sentence."""

import json
import os

import pytest

from cases import LLAMA
from memcalc import InputError, Model
from memcalc.specs.config import Config, load

WHOLE = "a whole number from 1 to"
EXPERTS = "num_local_experts|num_experts"


def test_a_path_is_read(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA | {"num_key_value_heads": 8}))
    for source in (path, str(path)):
        model = Model.from_config(source)
        assert (model.kv_heads, model.name) == (8, str(path))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not JSON: Expecting property name"),
        ("", "is not JSON: Expecting value in line 1"),
        ("[" * 100_000, "is not JSON"),
        (f'{{"hidden_size": {"9" * 5000}}}', "is not JSON that a model could have"),
        ("[1]", r"must hold one object in braces, not \[1\]"),
        (None, "cannot be read: No such file"),
    ],
    ids=["cut", "empty", "brackets", "digits", "list", "none"],
)
def test_a_file_that_is_no_config(tmp_path, content, problem):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=problem):
        load(path)


@pytest.mark.parametrize("source", [None, 5, [], b"{}"])
def test_what_is_neither_a_path_nor_a_mapping(source):
    with pytest.raises(InputError, match="config must be of type str, Path or Mapping"):
        load(source)


def test_an_absent_key_a_null_and_a_number():
    config = Config({"sliding_window": None, "hidden_size": 64}, "mistral")
    assert config.count("hidden", "hidden_size", 32) == 64
    assert config.count("window", "sliding_window", 4096, null=0) == 0
    assert config.assumed == []
    assert config.count("window", "sliding_window", 4096) == 4096
    assert config.count("head_dim", "head_dim", lambda: 16) == 16
    assert config.assumed == ["sliding_window", "head_dim"]
    with pytest.raises(InputError, match=f"vocab_size is missing in config.json: {WHOLE} 100,000,000"):
        config.count("vocabulary", "vocab_size")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("4096", "'4096'"), (0, "0"), (64.0, "64.0"), (True, "True"), (10**5000, "a number of")],
    ids=["text", "zero", "float", "switch", "huge"],
)
def test_a_number_that_is_none(value, shown):
    with pytest.raises(InputError) as caught:
        Config({"hidden_size": value}, "llama").count("hidden", "hidden_size")
    assert str(caught.value).startswith(f"hidden_size in config.json must be {WHOLE} 10,000,000, not {shown}")


def test_spellings_of_one_number_must_say_the_same():
    assert Config({"num_experts": 4, "num_local_experts": 4}, "mixtral").count("experts", EXPERTS) == 4
    with pytest.raises(InputError, match=r"num_local_experts and num_experts in .+ must say the same, not 8 and 4\."):
        Config({"num_experts": 4, "num_local_experts": 8}, "mixtral").count("experts", EXPERTS)


def test_a_switch_is_true_or_false():
    config = Config({"bias": True, "other": None, "wrong": "yes"}, "falcon")
    assert (config.flag("bias", False), config.flag("other", True), config.assumed) == (1, 1, ["other"])
    with pytest.raises(InputError, match=r"wrong in config\.json must be true or false, not 'yes'\."):
        config.flag("wrong", True)
    with pytest.raises(InputError, match=r"bias in config\.json must be false, as other layers of falcon"):
        config.must("bias", False)


@pytest.mark.parametrize("value", [5, "0", [-1], [6], ["0"], {"0": 1}])
def test_lists_of_layers(value):
    assert Config({"mlp_only_layers": [0, 5]}, "x").places("mlp_only_layers", 6) == {0, 5}
    with pytest.raises(InputError, match=r"^mlp_only_layers in config\.json must be"):
        Config({"mlp_only_layers": value}, "x").places("mlp_only_layers", 6)


def test_only_what_was_not_used_is_ignored():
    config = Config({"sliding_window": 32, "mlp_bias": False, "head_dim": 8}, "gpt2")
    config.count("head_dim", "head_dim")
    assert config.ignored() == ("sliding_window",)
    config.skip("sliding_window")
    assert config.ignored() == ()


def test_a_key_given_twice_is_refused_by_name(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "llama", "hidden_size": 64, "hidden_size": 128}')
    with pytest.raises(InputError, match=r"^config\.json '.+' says 'hidden_size' twice\.$"):
        Model.from_config(path)


def test_a_pipe_is_one_sentence_at_once(tmp_path):
    path = tmp_path / "config.json"
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"^config\.json '.+' must be a regular file, and is a named pipe\.$"):
        Model.from_config(path)


def test_a_limit_without_end_is_read(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA | {"time_step_limit": [0.0, float("inf")]}))
    assert Model.from_config(path).family == "llama"
