"""The metadata of a GGUF file say what a config.json would say."""

import pytest

from memcalc import catalogue
from memcalc.checkpoints import Skipped, config_of

GENERAL = {"block_count": 28, "embedding_length": 1024, "attention.head_count": 16, "context_length": 40960}


def metadata(architecture, **values):
    """General keys, and those of an architecture; dots in keys are written as two underscores."""
    keys = GENERAL | {key.replace("__", "."): value for key, value in values.items()}
    return {"general.architecture": architecture} | {f"{architecture}.{key}": value for key, value in keys.items()}


def test_a_dense_model():
    keys = {"attention__head_count_kv": 8, "attention__key_length": 128, "attention__value_length": 128}
    values = metadata("qwen3", **keys, feed_forward_length=3072) | {"tokenizer.ggml.tokens": Skipped(151936)}
    assert config_of(values, ["output_norm.weight"]) == {
        "model_type": "qwen3",
        "num_hidden_layers": 28,
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "v_head_dim": 128,
        "max_position_embeddings": 40960,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    }
    assert config_of(values, ["output.weight"])["tie_word_embeddings"] is False
    assert "tie_word_embeddings" not in config_of(values)


def test_latent_attention():
    """As files of DeepSeek-V3 have it: one head of keys stands for the latent, and heads have lengths of their own."""
    keys = {"attention__head_count": 128, "attention__head_count_kv": 1, "attention__key_length": 576}
    keys |= {"attention__value_length": 512, "attention__key_length_mla": 192, "attention__value_length_mla": 128}
    keys |= {"attention__kv_lora_rank": 512, "attention__q_lora_rank": 1536, "rope__dimension_count": 64}
    keys |= {"expert_count": 256, "expert_used_count": 8, "expert_shared_count": 1, "leading_dense_block_count": 3}
    config = config_of(metadata("deepseek2", **keys, expert_gating_func=2, expert_feed_forward_length=2048))
    wanted = {"model_type": "deepseek_v3", "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64}
    wanted |= {"qk_nope_head_dim": 128, "v_head_dim": 128, "num_key_value_heads": 128, "n_routed_experts": 256}
    wanted |= {"n_shared_experts": 1, "num_experts_per_tok": 8, "moe_intermediate_size": 2048}
    assert config | wanted | {"first_k_dense_replace": 3} == config
    assert "head_dim" not in config


def test_latent_attention_of_older_files():
    keys = {"attention__head_count_kv": 16, "attention__key_length": 192, "attention__value_length": 128}
    config = config_of(metadata("deepseek2", **keys, attention__kv_lora_rank=512, rope__dimension_count=64))
    assert (config["model_type"], config["qk_nope_head_dim"], config["v_head_dim"]) == ("deepseek_v2", 128, 128)
    assert config["q_lora_rank"] is None


def test_windows_and_lists():
    keys = {"attention__sliding_window": 512, "attention__sliding_window_pattern": (True, True, False)}
    config = config_of(metadata("odd", **keys, attention__head_count_kv=(8, 0, 4), feed_forward_length=(64, 64, 0)))
    assert (config["model_type"], config["sliding_window"]) == ("odd", 512)
    assert config["layer_types"] == ["sliding_attention", "sliding_attention", "full_attention"]
    assert (config["num_key_value_heads"], config["intermediate_size"]) == ([8, 0, 4], [64, 64, 0])
    keys = {"attention__sliding_window": 0, "attention__sliding_window_pattern": 6, "attention__head_count_kv": (0, 0)}
    config = config_of(metadata("odd", **keys))
    assert config.keys() & {"sliding_window", "layer_types", "num_key_value_heads"} == set()
    assert config["sliding_window_pattern"] == 6


def test_draft_layers_are_no_layers_of_the_model():
    config = config_of(metadata("glm4moe", block_count=47, nextn_predict_layers=1))
    assert (config["num_hidden_layers"], config["num_nextn_predict_layers"]) == (46, 1)


def test_linear_attention_and_convolutions():
    """As transformers 5.24.0 reads Qwen3.5 and LFM2, integrations/gguf/gguf_config_mapping.py."""
    keys = {"ssm__conv_kernel": 4, "ssm__state_size": 128, "ssm__group_count": 16, "ssm__time_step_rank": 32}
    config = config_of(metadata("qwen35", **keys, ssm__inner_size=4096, full_attention_interval=4))
    wanted = {"model_type": "qwen3_5_text", "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128}
    wanted |= {"linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_value_head_dim": 128}
    assert config | wanted | {"full_attention_interval": 4, "ssm_inner_size": 4096} == config
    config = config_of(
        metadata("lfm2", attention__head_count_kv=(0, 8, 0), shortconv__l_cache=3, feed_forward_length=9)
    )
    assert config["layer_types"] == ["conv", "full_attention", "conv"]
    assert (config["conv_L_cache"], config["block_auto_adjust_ff_dim"]) == (3, False)


@pytest.mark.parametrize(
    ("architecture", "kind", "experts"),
    [
        ("llama", "mixtral", "num_local_experts"),
        ("qwen3moe", "qwen3_moe", "num_experts"),
        ("gpt-oss", "gpt_oss", "num_local_experts"),
        ("glm4moe", "glm4_moe", "n_routed_experts"),
    ],
)
def test_experts_have_the_word_of_their_family(architecture, kind, experts):
    config = config_of(metadata(architecture, expert_count=8))
    assert (config["model_type"], config[experts]) == (kind, 8)
    assert "experts" not in "".join(config.keys() - {experts})


def test_a_state_space_model():
    keys = {"ssm__inner_size": 2048, "ssm__state_size": 128, "ssm__time_step_rank": 32, "ssm__group_count": 1}
    config = config_of(metadata("mamba2", **keys, ssm__conv_kernel=4, attention__head_count=0, feed_forward_length=0))
    wanted = {"num_heads": 32, "head_dim": 64, "n_groups": 1, "expand": 2, "conv_kernel": 4, "state_size": 128}
    assert config | wanted == config
    assert config.keys() & {"num_attention_heads", "intermediate_size"} == set()


@pytest.mark.parametrize("value", [-1, 0, 2.5, float("nan"), True, "x", (1.5,), ("a",), Skipped(3), 2**64])
def test_values_that_make_no_sense_are_left_to_who_reads_the_config(value):
    keys = {row["key"].removeprefix("{arch}."): value for row in catalogue.rows("gguf_config")}
    config = config_of(metadata("odd", **keys) | {"tokenizer.ggml.tokens": value})
    assert config["model_type"] == "odd"


@pytest.mark.parametrize("name", [None, 5, (1,), Skipped(9)])
def test_without_an_architecture_nothing_is_said(name):
    assert config_of({} if name is None else {"general.architecture": name}) == {}
