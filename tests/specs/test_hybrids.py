"""Models of several kinds of layers: lists, patterns of letters, intervals and numbers say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import changed
from measured import exact
from memcalc import Inference, InputError, Model, breakdown
from memcalc.errors import shown
from memcalc.specs import hybrids
from memcalc.specs.config import Config

CENSUS = {row["model_type"]: row["config"] for row in exact()}
HYBRID = {
    **{"model_type": "qwen3_next", "hidden_size": 64, "vocab_size": 100, "intermediate_size": 96},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "num_hidden_layers": 8},
    **{"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8},
    **{"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "shared_expert_intermediate_size": 8},
}
GEMMA = {
    **{"model_type": "gemma4_text", "hidden_size": 64, "vocab_size": 100, "intermediate_size": 96, "head_dim": 16},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3, "sliding_window": 8},
    **{"layer_types": ["sliding_attention", "full_attention", "sliding_attention"], "hidden_size_per_layer_input": 0},
}


@given(layers=st.integers(1, 40), step=st.integers(1, 9))
def test_an_interval_is_the_list_that_it_stands_for(layers, step):
    kinds = ["full_attention" if (place + 1) % step == 0 else "linear_attention" for place in range(layers)]
    sizes = HYBRID | {"num_hidden_layers": layers}
    listed = Model.from_config(sizes | {"layer_types": kinds})
    assert Model.from_config(sizes | {"full_attention_interval": step}).values == listed.values
    assert (listed.full_layers, listed.delta_layers) == (layers // step, layers - layers // step)


@given(st.text("M*-E", min_size=1, max_size=40))
def test_letters_count_layers_that_are_one_thing_each(pattern):
    config = Config({"hybrid_override_pattern": pattern}, "nemotron_h")
    found = hybrids.kinds(config, {"layers": len(pattern)}, "one")
    assert (found["mamba2_layers"], found["full_layers"]) == (pattern.count("M"), pattern.count("*"))
    assert found["bare_layers"] == pattern.count("-") + pattern.count("E")
    assert (found["dense_layers"], found["moe_layers"]) == (pattern.count("-"), pattern.count("E"))


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (["full_attention"], r"^layer_types in config\.json must be a kind for each of the 8 layers, not "),
        (["full_attention"] * 7 + ["fully"], r"^layer_types in config\.json: 'fully' is not known"),
        (5, r"^layer_types in config\.json must be a kind for each of the 8 layers, not 5\."),
    ],
)
def test_a_list_that_does_not_fit_is_refused(found, sentence):
    with pytest.raises(InputError, match=sentence):
        Model.from_config(HYBRID | {"layer_types": found})


def test_a_state_is_as_large_however_long_the_text():
    model = Model.from_config(HYBRID | {"layer_types": ["linear_attention"] * 8})
    short, long = (breakdown(model, Inference(context=tokens))["kv_cache"] for tokens in (1, 10**6))
    assert short == long == 8 * (4 * 8 * 8 * 4 + (2 * 2 * 8 + 4 * 8) * 4 * 2)  # states in FP32, inputs in FP16


def test_full_layers_may_have_larger_heads_and_make_values_from_keys():
    same = Model.from_config(GEMMA | {"global_head_dim": 16})
    wide = Model.from_config(GEMMA | {"global_head_dim": 32, "attention_k_eq_v": True})
    assert wide.parameters - same.parameters == (4 + 4 + 2 - 2) * 16 * 64 + 2 * 16  # q, o, k, no v; two norms
    run = Inference(context=100)
    assert breakdown(wide, run)["kv_cache"] - breakdown(same, run)["kv_cache"] == 100 * 2 * 2 * 16 * 2


@pytest.mark.parametrize("shared", [1, 2])
def test_layers_that_share_keys_and_values_keep_none(shared):
    alone, sharing = (Model.from_config(GEMMA | {"num_kv_shared_layers": number}) for number in (0, shared))
    assert (alone.layers, sharing.layers) == (3, 3)
    run = Inference(context=100)
    kept = [(8, 16), (100, 512), (8, 16)][: 3 - shared]  # tokens, numbers of a head
    assert breakdown(sharing, run)["kv_cache"] == sum(2 * 2 * 2 * tokens * size for tokens, size in kept)


@pytest.mark.parametrize(
    "changes", [{"1": {"head_dim": 32}, "2": {"head_dim": 32}}, {"0": {"head_dim": 32}}, 5, {"1": 5}, {}]
)
def test_changes_in_some_layers_of_a_kind_are_refused(changes):
    with pytest.raises(InputError, match=r"^per_layer_config in config\.json must be the same change in all layers of"):
        Model.from_config(GEMMA | {"per_layer_config": changes})


@pytest.mark.parametrize("listed", [5, [[1]], [{}] * 2, "mamba", [], {"a": 1}])
@pytest.mark.parametrize("family", ["granitemoehybrid", "bamba", "qwen3_next", "nemotron_h"])
def test_a_list_of_anything_is_one_sentence(family, listed):
    with pytest.raises(InputError, match=r"^[^\n]+\.$"):
        Model.from_config(HYBRID | {"model_type": family, "layer_types": listed})


def test_a_text_decoder_has_no_towers_of_its_own():
    with pytest.raises(
        InputError, match=r"^model_type in config\.json must be that of a text decoder inside llava, not"
    ):
        Model.from_config({"model_type": "llava", "text_config": {"model_type": "llava", "hidden_size": 64}})


@pytest.mark.parametrize("key", ["hybrid_override_pattern", "layers_block_type"])
def test_layers_that_are_one_thing_have_an_mlp_where_the_file_says_so_alone(key):
    model = Model.from_config(NEMOTRON | {key: "M*M" if "pattern" in key else ["mamba", "attention", "mamba"]})
    assert (model.mamba2_layers, model.full_layers, model.dense_layers, model.moe_layers) == (2, 1, 0, 0)
    with pytest.raises(InputError, match=rf"^{key} in config\.json must be a kind for each layer, not \{{\}}\.$"):
        Model.from_config(NEMOTRON | {"num_hidden_layers": None, key: {}})


@pytest.mark.parametrize("letter", ["!", "?", " ", "", "m.", 1.0, True, 10**5000], ids=shown)
def test_what_is_no_letter_of_a_pattern_is_no_layer(letter):
    with pytest.raises(InputError, match=r"^layer_types in config\.json: .+ is not known"):
        Model.from_config(NEMOTRON | {"layer_types": ["M", "*", letter]})


@pytest.mark.parametrize("word", ["mlp", "moe", "conv", "M", "indexed_attention"])
def test_a_kind_of_layer_that_a_family_has_not_is_refused(word):
    with pytest.raises(InputError, match=r"^layer_types in config\.json: .+ is not known"):
        Model.from_config(HYBRID | {"layer_types": ["full_attention"] * 7 + [word]})


def test_layers_between_those_that_are_numbered_are_of_the_other_kind():
    """lfm2: full_attn_idxs of the published files; the others are convolutions."""
    model = Model.from_config(changed("lfm2", {"full_attn_idxs": [2, 5]}))
    assert (model.full_layers, model.conv_layers) == (2, 4)


@pytest.mark.parametrize("family", ["minimax", "bamba", "lara_mini", "olmo_hybrid"])
def test_no_interval_is_guessed_for_a_family_that_documents_none(family):
    config = {key: value for key, value in CENSUS[family].items() if key not in ("layer_types", "attn_layer_indices")}
    with pytest.raises(InputError, match=r"^layer_types is missing in config\.json: a list"):
        Model.from_config(config)


def test_heads_that_share_keys_divide_the_others():
    with pytest.raises(InputError, match=r"delta_key_heads must divide delta_heads = 4 without remainder, not 3\.$"):
        Model.from_config(HYBRID | {"linear_num_key_heads": 3})
    own = {"swa_num_attention_heads": 6, "swa_num_key_value_heads": 4}
    with pytest.raises(InputError, match=r"^swa_num_key_value_heads in config\.json must divide swa_num_attention"):
        Model.from_config(CENSUS["mimo_v2_flash"] | own)


NEMOTRON = CENSUS["nemotron_h"] | {"num_hidden_layers": 3, "layers_block_type": None}
