"""Every family of models gives the parameters that its code builds, and refuses what it could not build."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import CONFIGS, changed, keys
from measured import answer, exact, rows
from memcalc import InputError, Model, catalogue
from memcalc.specs.families import FAMILIES, fields

COUNTED = rows("parameters", "parameters")
ACTIVE = {row.id: row.measured for row in rows("parameters", "active_parameters")}
CENSUS = exact()
UNBUILT = {"aya_vision", "qwen2_5_omni", "qwen3_omni_moe"}
"""Families whose classes cannot be built from their defaults."""
SIZES = {
    *("num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size", "intermediate_size", "ffn_dim"),
    *("n_layer", "n_embd", "n_head", "n_positions", "state_size", "mamba_d_state", "num_heads", "n_groups"),
    *("num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"),
    *("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "shared_expert_intermediate_size"),
}


def attempt(config):
    """The model, or the sentence that refuses it."""
    try:
        return Model.from_config(config), ""
    except InputError as problem:
        return None, str(problem)


@pytest.mark.parametrize("row", COUNTED, ids=[row.model or row.id for row in COUNTED])
def test_parameters_are_those_of_the_built_class(row):
    model = Model.from_config(row.inputs)
    assert (model.parameters, model.active_parameters) == (row.measured, ACTIVE[row.id])


@pytest.mark.parametrize("row", CENSUS, ids=[row["model_type"] for row in CENSUS])
def test_a_family_gives_the_parameters_and_the_cache_of_its_class(row):
    parameters, cache = answer(row)
    assert parameters == row["text_parameters"]
    assert row["cache"] in (None, cache)


def test_every_family_was_counted():
    counted = {row.inputs["model_type"] for row in COUNTED} | {row["model_type"] for row in CENSUS}
    counted |= {Model.from_config(row["config"]).family for row in CENSUS}
    assert counted >= set(CONFIGS) | set(FAMILIES) - UNBUILT
    assert not counted & UNBUILT
    assert all(row.how and row.library and row.date for row in COUNTED)


@pytest.mark.parametrize("family", CONFIGS)
def test_a_config_with_all_keys_leaves_nothing_to_assume_or_ignore(family):
    model = Model.from_config(CONFIGS[family])
    assert (model.assumed, model.ignored) == ((), ())
    assert model.family == {"gemma3": "gemma3_text"}.get(family, family)  # the family of its text decoder


@pytest.mark.parametrize("family", CONFIGS)
def test_a_key_left_out_is_assumed_or_missed_by_name(family):
    for key in keys(family):
        model, problem = attempt(changed(family, {}, without=[key]))
        assert key in (problem or model.assumed)


@pytest.mark.parametrize("family", [family for family in CONFIGS if family != "gemma3"])
def test_no_size_is_guessed(family):
    for key in SIZES & set(keys(family)):
        missing = rf"^([a-z_]+ \(or )?{key}\b.* is missing in config.json: a whole number from 1 to [0-9,]+.$"
        with pytest.raises(InputError, match=missing):
            Model.from_config(changed(family, {}, without=[key]))
        with pytest.raises(InputError, match=f"^{key} in config.json must be a whole number from 1 to .+, not None.$"):
            Model.from_config(changed(family, {key: None}))


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("value", [0, -1, 10**18, 64.0, "64", [64], {"a": 1}, True], ids=str)
def test_a_wrong_size_is_refused_with_key_value_and_what_is_allowed(family, value):
    for key in SIZES & set(keys(family)):
        with pytest.raises(InputError) as caught:
            Model.from_config(changed(family, {key: value}))
        sentence = f"{key} in config.json must be a whole number from 1 to .+, not {re.escape(repr(value))}."
        assert re.fullmatch(sentence, str(caught.value))


@pytest.mark.parametrize(
    ("family", "changes", "sentence"),
    [
        (
            "llama",
            {"num_key_value_heads": 3},
            "num_key_value_heads in config.json must divide num_attention_heads = 4, not",
        ),
        (
            "gpt2",
            {"n_head": 5},
            "n_head in config.json must divide n_embd = 64 into equal heads of at most 100,000, not 5.",
        ),
        (
            "phi3",
            {"partial_rotary_factor": 2},
            "partial_rotary_factor in config.json must be a number above 0 and up to",
        ),
        ("llama", {"tie_word_embeddings": 1}, "tie_word_embeddings in config.json must be true or false, not 1."),
        (
            "llama",
            {"kv_lora_rank": 8},
            "kv_lora_rank in config.json must be left out for llama, whose attention has no such",
        ),
        (
            "gemma2",
            {"layer_types": []},
            "layer_types in config.json must be a list of num_hidden_layers = 6 kinds, not [].",
        ),
        ("gemma2", {"layer_types": ["full"] * 6}, "layer_types in config.json: 'full' is not known"),
        (
            "gemma2",
            {"sliding_window": None},
            "sliding_window in config.json must be a whole number from 1 to 1,000,000,000",
        ),
        (
            "mixtral",
            {"num_experts_per_tok": 5},
            "num_experts_per_tok in config.json must be a whole number from 1 to num_loc",
        ),
        (
            "deepseek_v3",
            {"first_k_dense_replace": 7},
            "first_k_dense_replace in config.json must be a whole number from 0 ",
        ),
        (
            "deepseek_v2",
            {"mlp_bias": True},
            "mlp_bias in config.json must be false, as other layers of deepseek_v2 are not kno",
        ),
        (
            "qwen3_moe",
            {"mlp_only_layers": [6]},
            "mlp_only_layers in config.json must be a whole number from 0 to num_hidden_",
        ),
        (
            "opt",
            {"word_embed_proj_dim": 32},
            "word_embed_proj_dim in config.json must be a whole number from 64 to hidden_size",
        ),
        (
            "opt",
            {"do_layer_norm_before": False},
            "do_layer_norm_before in config.json must be true, as other layers of opt ",
        ),
        (
            "jamba",
            {"attn_layer_offset": 3},
            "attn_layer_offset in config.json must be a whole number from 0 to attn_layer_per",
        ),
        (
            "mamba2",
            {"num_heads": 9},
            "num_heads in config.json times head_dim = 16 must give expand × hidden_size = 128, but num_heads",
        ),
        (
            "gpt2",
            {"add_cross_attention": True},
            "add_cross_attention in config.json must be left out for gpt2, whose atten",
        ),
        (
            "gpt2",
            {"num_hidden_layers": 7},
            "n_layer and num_hidden_layers in config.json must say the same, not 6 and 7.",
        ),
    ],
)
def test_contradictions(family, changes, sentence):
    with pytest.raises(InputError) as caught:
        Model.from_config(changed(family, changes))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("family", "changes", "full", "window"),
    [
        ("mistral", {"sliding_window": 32}, 0, 6),
        ("mistral", {"sliding_window": None}, 6, 0),
        ("phi3", {"layer_types": ["full_attention"] * 6}, 6, 0),
        ("qwen2", {}, 4, 2),
        ("qwen2", {"use_sliding_window": False}, 6, 0),
        ("qwen2_moe", {}, 4, 2),
        ("qwen3_moe", {"use_sliding_window": True, "sliding_window": 32}, 0, 6),
        ("gemma2", {"layer_types": None}, 3, 3),
        ("gemma3_text", {}, 1, 5),
        ("gemma3_text", {"sliding_window_pattern": 2}, 3, 3),
        ("gpt_oss", {"num_hidden_layers": 5, "layer_types": None}, 2, 3),
    ],
)
def test_layers_with_a_window(family, changes, full, window):
    model = Model.from_config(changed(family, changes))
    assert (model.full_layers, model.window_layers, model.window) == (full, window, 32 if window else 0)


@pytest.mark.parametrize(
    ("family", "changes", "moe"),
    [
        ("qwen3_moe", {"decoder_sparse_step": 1, "mlp_only_layers": [0, 5]}, 4),
        ("qwen3_moe", {}, 2),  # layers 1, 3, 5 but for 1
        ("deepseek_v3", {"first_k_dense_replace": 3}, 3),
        ("deepseek_v3", {"first_k_dense_replace": 3, "moe_layer_freq": 2}, 1),  # layer 4
        ("deepseek_v3", {"first_k_dense_replace": 6}, 0),
        ("mixtral", {}, 6),
        ("jamba", {}, 3),
        ("jamba", {"num_experts": 1}, 0),
    ],
)
def test_layers_with_experts(family, changes, moe):
    model = Model.from_config(changed(family, changes))
    assert (model.moe_layers, model.dense_layers) == (moe, 6 - moe)


@pytest.mark.parametrize(
    ("changes", "kv_heads", "norms", "ignored"),
    [
        ({}, 2, 2, ()),
        ({"new_decoder_architecture": False}, 1, 2, ("num_kv_heads",)),
        ({"new_decoder_architecture": False, "multi_query": False}, 4, 2, ("num_kv_heads",)),
        ({"num_ln_in_parallel_attn": 1}, 2, 1, ()),
        ({"num_ln_in_parallel_attn": 1, "parallel_attn": False}, 2, 2, ()),
    ],
)
def test_falcon(changes, kv_heads, norms, ignored):
    model = Model.from_config(changed("falcon", changes))
    assert (model.kv_heads, model.layer_norms, model.ignored) == (kv_heads, norms, ignored)


@pytest.mark.parametrize(
    ("family", "changes", "turned"),
    [
        ("llama", {"head_dim": 24}, 24),
        ("phi3", {"partial_rotary_factor": None}, 16),
        ("phi3", {"partial_rotary_factor": 0.75}, 12),
        ("glm4_moe", {}, 8),
        ("gpt_neox", {}, 4),
        ("gpt_neox", {"rotary_pct": None, "rope_parameters": {"partial_rotary_factor": 1.0}}, 16),
        ("falcon", {}, 16),
        ("falcon", {"alibi": True}, 0),
        ("deepseek_v3", {}, 6),
        ("gpt2", {}, 0),
        ("jamba", {}, 0),
    ],
)
def test_numbers_of_a_head_that_rotary_positions_turn(family, changes, turned):
    assert Model.from_config(changed(family, changes)).rotary == turned


def test_what_has_no_place_in_a_model_is_named():
    extra = {
        "quantization_config": {"quant_method": "fp8"},  # which is read
        "num_nextn_predict_layers": 1,
        "sliding_window": None,
        "num_kv_shared_layers": 0,
    }
    assert Model.from_config(changed("deepseek_v3", extra)).ignored == ("num_nextn_predict_layers",)
    assert Model.from_config(changed("llama", {"sliding_window": 32, "head_dim": 8})).ignored == ("sliding_window",)


def test_gemma3_is_its_text_decoder():
    inner = {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024}
    model = Model.from_config({"model_type": "gemma3", "text_config": inner, "vision_config": {"hidden_size": 1152}})
    assert model.values == Model.named("Gemma-3-4B").values  # the published file leaves out what is usual
    assert {"vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim"} <= set(model.assumed)
    assert (model.name, model.ignored) == ("config (text decoder only)", ("vision_config",))
    with pytest.raises(InputError, match=r"^text_config in config\.json must be an object"):
        Model.from_config({"model_type": "gemma3", "text_config": 5})


@pytest.mark.parametrize("kind", ["strange", 5, ["llama"]])
def test_an_unknown_type_is_one_short_sentence(kind):
    sentence = rf"^model_type {re.escape(repr(kind))} is not known(; the nearest is .+)?\.$"
    with pytest.raises(InputError, match=sentence) as caught:
        fields({"model_type": kind})
    assert len(str(caught.value)) < 120


def test_a_file_without_a_type_is_told_so():
    with pytest.raises(InputError, match=r"^model_type is missing in config\.json: "):
        fields({"model_type": None})


PERIODS = st.integers(1, 9).flatmap(lambda period: st.tuples(st.just(period), st.integers(0, period - 1)))


@given(layers=st.integers(1, 40), attention=PERIODS, experts=PERIODS)
def test_jamba_mixes_as_the_loop_over_layers_does(layers, attention, experts):
    mix = {"attn_layer_period": attention[0], "attn_layer_offset": attention[1]}
    mix |= {"expert_layer_period": experts[0], "expert_layer_offset": experts[1]}
    model = Model.from_config(changed("jamba", mix | {"num_hidden_layers": layers}))
    assert model.full_layers == sum(layer % attention[0] == attention[1] for layer in range(layers))
    assert model.full_layers + model.mamba_layers == layers
    assert model.moe_layers == sum(layer % experts[0] == experts[1] for layer in range(layers))
    assert model.moe_layers + model.dense_layers == layers


def test_a_default_that_contradicts_the_file_is_refused():
    with pytest.raises(InputError, match=r"attn_layer_offset .+ from 0 to attn_layer_period - 1 = 1, not 4"):
        Model.from_config(changed("jamba", {"attn_layer_period": 2}, without=["attn_layer_offset"]))


@pytest.mark.parametrize(("family", "key"), [("jamba", "mamba_dt_rank"), ("mamba", "time_step_rank")])
def test_the_rank_of_the_time_step_is_a_sixteenth_unless_given(family, key):
    for hidden, rank in ((64, 4), (68, 5)):
        assert Model.from_config(changed(family, {"hidden_size": hidden, key: "auto"})).time_rank == rank
    assert Model.from_config(changed(family, {key: 7})).time_rank == 7
    with pytest.raises(InputError, match=f"{key} in config.json must be a whole number .+, not 'many'"):
        Model.from_config(changed(family, {key: "many"}))


def test_mamba_has_neither_heads_nor_an_mlp_nor_a_longest_context():
    model = Model.from_config(changed("mamba", {}))
    assert (model.heads, model.dense_layers, model.layer_norms, model.trained_context) == (0, 0, 1, 0)
    assert (model.inner, model.state, model.conv) == (128, 8, 4)


def test_the_heads_of_mamba2_fill_its_width():
    model = Model.from_config(changed("mamba2", {}))
    assert (model.state_heads, model.inner, model.groups) == (8, 128, 1)
    with pytest.raises(
        InputError, match=r"num_heads in config\.json times head_dim = 16 must give expand × hidden_size"
    ):
        Model.from_config(changed("mamba2", {"num_heads": 4}))


@pytest.mark.parametrize("family", ["gemma4_text", "cwm", "beam", "flint"])
def test_a_window_without_a_list_of_the_layers_that_have_it_is_refused(family):
    config = {row["model_type"]: row["config"] for row in CENSUS}[family]
    with pytest.raises(InputError, match=r"^layer_types is missing in config\.json: a list that says of each layer"):
        Model.from_config(config | {"layer_types": None})


@pytest.mark.parametrize(
    ("family", "full"),
    [("cohere2", 10), ("olmo3", 10), ("exaone4", 10), ("afmoe", 10), ("ministral", 0), ("dots1", 40), ("laguna", 40)],
)
def test_layers_are_those_that_the_documentation_says_where_no_list_does(family, full):
    """configuration_*.py of wolf2020transformers: the 40 layers of a file without layer_types."""
    config = {row["model_type"]: row["config"] for row in CENSUS}[family] | {"num_hidden_layers": 40}
    rest = dict.fromkeys(("layer_types", "mlp_layer_types", "num_attention_heads_per_layer", "max_window_layers"))
    model = Model.from_config(config | rest)
    assert (model.full_layers, model.window_layers) == (full, 40 - full)


def test_no_size_of_another_tower_is_that_of_the_text():
    inner = {key: value for key, value in CONFIGS["llama"].items() if key != "hidden_size"}
    with pytest.raises(InputError, match=r"^hidden_size is missing in config\.json"):
        Model.from_config({"model_type": "llava", "hidden_size": 1024, "text_config": inner})
    with pytest.raises(InputError, match=r"^model_type '' is not known"):
        Model.from_config({"model_type": "llava", "text_config": inner | {"model_type": ""}})


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("deepseek_v4", "it keeps compressed tokens beside a window"),
        ("whisper", "its decoder attends to an encoder, whose keys and values it keeps"),
        ("bert", "it is an encoder, which writes no text token by token"),
    ],
)
def test_what_is_of_another_kind_is_refused_by_it(kind, why):
    with pytest.raises(InputError, match=f"^model_type '{kind}' is not counted: {why}.$"):
        Model.from_config({"model_type": kind})


def test_no_family_is_read_and_refused():
    assert not set(FAMILIES) & {row["name"] for row in catalogue.rows("uncounted_families")}
