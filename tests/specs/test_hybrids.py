"""Models of several kinds of layers: lists, patterns of letters, intervals and numbers say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Inference, InputError, Model, breakdown
from memcalc.specs import hybrids
from memcalc.specs.config import Config

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
    found = hybrids.kinds(config, {"layers": len(pattern)}, "mamba2")
    assert (found["mamba2_layers"], found["full_layers"]) == (pattern.count("M"), pattern.count("*"))
    assert found["bare_layers"] == pattern.count("-") + pattern.count("E")
    assert found.get("moe_layers", 0) == pattern.count("E")


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
