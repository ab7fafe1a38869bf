"""Hostile and odd config.json files of every family: a model, or one sentence that names a field; nothing else."""

import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import CONFIGS
from measured import exact
from memcalc import Inference, InputError, Model, breakdown, catalogue

BASES = {row["model_type"]: row["config"] for row in exact()}
BASES |= {f"{family} with all keys": config for family, config in CONFIGS.items()}
LONGEST = 340
"""Characters of a sentence that a user reads to its end."""

GONE = object()
DEEP = json.loads("[" * 500 + "]" * 500)
NONSENSE = [
    *(GONE, None, "", "¿", "full_attention", True, False, -1, 0, 1, 7, 10**9, 10**18, 10**400, 10**4000, 64.0, 0.5),
    *(math.nan, math.inf, [], {}, [1], [None] * 3, ["full_attention"], [["x"]], {"a": 1}, {"a": [None]}, DEEP),
    "x" * 10_000,
]
MODULES = [
    *("lm_head", "re:.*", "*", "mlp", "model.layers.0.mlp", "re:(a|b)+c", "re:(?!x)", "*" * 3_000, "re:" + ".*l" * 300),
    *("\n", "", "-:mlp", "+:.*(gate|up)_proj", "x" * 2_000),
]
METHODS = [row["method"] for row in catalogue.rows("stored")]
KEYS = [
    *("bits", "group_size", "config_groups", "quant_algo", "ignore", "weight_block_size", "dynamic", "format"),
    *(
        "modules_to_not_convert",
        "quantized_layers",
        "quant_config",
        "load_in_4bit",
        "kv_cache_dtype",
        "kv_cache_scheme",
    ),
]
JSON = st.recursive(
    st.sampled_from(NONSENSE[1:]) | st.integers(-2, 300) | st.sampled_from(MODULES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEEPS = ("full", "window", "latent", "mamba", "mamba2", "delta", "conv", "linear")
"""Kinds of layers that keep something of what they have read."""


def inside(config):
    """The part that describes the text decoder."""
    return config.get("text_config") or config


def changed(config, changes):
    """A config with other values, or without keys, in the part that describes the text decoder."""
    inner = {key: value for key, value in (inside(config) | changes).items() if value is not GONE}
    return {**config, "text_config": inner} if "text_config" in config else inner


def asked(question, *arguments):
    """The answer, or the sentence that refuses the question."""
    try:
        return question(*arguments), ""
    except InputError as problem:
        sentence = str(problem)
    assert re.fullmatch(r"[^\n]+\.", sentence)
    assert len(sentence) <= LONGEST
    return None, sentence


def answer(config):
    """The model, or the sentence that refuses it, which begins with the field."""
    model, sentence = asked(Model.from_config, config)
    if model:
        check(model)
    elif sentence.startswith(OF_A_MODEL):
        assert sentence.removeprefix(OF_A_MODEL).split()[0] in Model.declared
    else:
        assert re.match(r"model_type |\w+ .*config\.json", sentence)
    return model, sentence


OF_A_MODEL = "config.json describes no model that there can be: "


def check(model):
    """A model is frozen, its counts are plain, and a run with it has an answer or a sentence."""
    assert hash(model) == hash(model)
    assert isinstance(model.parameters, int)
    assert model.parameters >= model.active_parameters > 0
    parts, _ = asked(breakdown, model, Inference(context=64, engine="transformers"))
    if parts:
        keeping = sum(getattr(model, f"{kind}_layers") for kind in KEEPS)
        assert (parts["kv_cache"] > 0) == (keeping > 0)
        assert parts["weights"] > 0


BY_RULE = {("dots1", "layer_types"), ("ministral", "layer_types")}
"""Keys whose absence the documentation answers with a rule from other keys that the file has."""


@pytest.mark.parametrize("base", BASES)
def test_a_key_left_out_is_assumed_or_missed_or_not_needed(base):
    whole, _ = answer(BASES[base])
    for key in inside(BASES[base]):
        model, problem = answer(changed(BASES[base], {key: GONE}))
        assert problem or key in model.assumed or model.values == whole.values or (base, key) in BY_RULE


@pytest.mark.parametrize("base", BASES)
def test_nonsense_in_a_key_that_counts_is_refused_by_its_name(base):
    whole, _ = answer(BASES[base])
    for key in inside(BASES[base]):
        without, _ = answer(changed(BASES[base], {key: GONE}))
        if not without or (without.values, without.assumed) != (whole.values, whole.assumed):
            an_object = isinstance(inside(BASES[base])[key], dict)  # then one without the part that counts makes sense
            for value in ("¿", [["¿"]], 2.5, 10**5000, *[{"¿": 1}] * (not an_object)):
                assert key in answer(changed(BASES[base], {key: value}))[1]


FOREIGN = ["layer_types", "sliding_window", "moe_layer_freq", "kv_lora_rank", "is_encoder_decoder", "head_dim"]
"""Keys that other families read."""


@st.composite
def hostile(draw):
    """A config of any family with one or two values that make no sense, or almost make it."""
    base = draw(st.sampled_from(sorted(BASES)))
    keys = sorted({*inside(BASES[base]), *FOREIGN})
    names = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=2, unique=True))
    return base, {name: draw(st.sampled_from(NONSENSE) | near(inside(BASES[base]).get(name))) for name in names}


def near(value):
    """Values like one that makes sense: another number, a list that is too long, or with a wrong word in it."""
    if isinstance(value, bool):
        return st.just(not value)
    if isinstance(value, int):
        return st.sampled_from([value - 1, value + 1, 2 * value, value // 2, -value, value**9])
    if isinstance(value, list):
        words = st.sampled_from([*value, "full_attention", "mamba", "¿", "", 0, 1, -1, None, 10**4000, []])
        return st.lists(words, min_size=max(0, len(value) - 1), max_size=len(value) + 1)
    if isinstance(value, dict):
        return st.dictionaries(st.sampled_from([*value, "0", "¿", "x" * 500]), JSON, max_size=3)
    return JSON


@settings(max_examples=600)
@given(hostile())
def test_a_hostile_config_gives_a_model_or_a_sentence(drawn):
    base, changes = drawn
    answer(changed(BASES[base], changes))


TOWERS = sorted(base for base, config in BASES.items() if "text_config" in config)


@settings(max_examples=150)
@given(st.sampled_from(TOWERS), st.sampled_from(["text_config", "llm_config", "thinker_config", "model_type"]), JSON)
def test_hostile_towers_give_a_model_or_a_sentence(base, key, value):
    answer({**BASES[base], key: value})


@settings(max_examples=200)
@given(
    base=st.sampled_from(sorted(BASES)),
    method=st.sampled_from(METHODS) | JSON,
    values=st.dictionaries(st.sampled_from(KEYS), JSON | st.lists(st.sampled_from(MODULES), max_size=4), max_size=4),
    dtype=st.sampled_from(["bfloat16", "auto", "torch.float32"]) | JSON,
)
def test_a_hostile_format_gives_a_run_or_a_sentence(base, method, values, dtype):
    answer({**BASES[base], "quantization_config": {"quant_method": method, **values}, "dtype": dtype})


@settings(max_examples=50)
@given(drawn=hostile())
def test_a_file_is_read_as_the_values_in_it(tmp_path_factory, drawn):
    base, changes = drawn
    path = tmp_path_factory.getbasetemp() / "config.json"
    path.write_text(json.dumps(changed(BASES[base], changes)))
    (model, problem), (read, said) = answer(json.loads(path.read_text())), answer(path)
    assert said == problem
    assert not model or read.values == model.values
