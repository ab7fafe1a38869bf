"""A small config.json of every family with all the keys that the family reads."""

_SIZES = {
    "num_hidden_layers": 6,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "tie_word_embeddings": False,
}
_ROTARY = _SIZES | {
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 96,
    "max_position_embeddings": 512,
}
_BIAS = {"attention_bias": False}
_QWEN = {"use_sliding_window": True, "sliding_window": 32, "max_window_layers": 4}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
_NORMED = {"norm_topk_prob": True}
_SPARSE = _EXPERTS | {"decoder_sparse_step": 2, "mlp_only_layers": [1]}
_ROUTED = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
}
_ALTERNATING = {"layer_types": ["sliding_attention", "full_attention"] * 3, "sliding_window": 32}
_GEMMA3 = _ROTARY | _BIAS | {"sliding_window_pattern": 6, "sliding_window": 32}
_DEEPSEEK = _SIZES | _BIAS | _ROUTED
_DEEPSEEK |= {
    "intermediate_size": 96,
    "max_position_embeddings": 512,
    "moe_layer_freq": 1,
    "q_lora_rank": 12,
    "kv_lora_rank": 8,
    "qk_nope_head_dim": 10,
    "qk_rope_head_dim": 6,
    "v_head_dim": 10,
}
_STATE = {
    "num_hidden_layers": 6,
    "hidden_size": 64,
    "vocab_size": 100,
    "tie_word_embeddings": True,
    "state_size": 8,
    "conv_kernel": 4,
    "expand": 2,
    "use_bias": False,
    "use_conv_bias": True,
}

CONFIGS = {
    "llama": _ROTARY | _BIAS | {"mlp_bias": False},
    "mistral": _ROTARY | {"sliding_window": 32},
    "mixtral": _ROTARY | {"sliding_window": None, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2": _ROTARY | _QWEN,
    "qwen2_moe": _ROTARY | _QWEN | _SPARSE | _NORMED | {"qkv_bias": True, "shared_expert_intermediate_size": 48},
    "qwen3": _ROTARY | _QWEN | _BIAS,
    "qwen3_moe": _ROTARY | _BIAS | _SPARSE | _NORMED | {"use_sliding_window": False},
    "gemma": _ROTARY | _BIAS,
    "gemma2": _ROTARY | _BIAS | _ALTERNATING,
    "gemma3_text": _GEMMA3,
    "phi3": _ROTARY | {"sliding_window": 32, "partial_rotary_factor": 0.5},
    "deepseek_v2": _DEEPSEEK | {"mlp_bias": False},
    "deepseek_v3": _DEEPSEEK | _NORMED,
    "kimi_k2": _DEEPSEEK | _NORMED | {"q_lora_rank": None},
    "glm4_moe": _ROTARY | _BIAS | _ROUTED | {"use_qk_norm": True, "partial_rotary_factor": 0.5},
    "gpt_oss": _ROTARY | _BIAS | _ALTERNATING | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "gpt2": {
        "n_layer": 6,
        "n_embd": 64,
        "n_head": 4,
        "vocab_size": 100,
        "n_positions": 512,
        "n_inner": 256,
        "tie_word_embeddings": True,
    },
    "gpt_neox": _SIZES
    | {"intermediate_size": 96, "max_position_embeddings": 512, "attention_bias": True, "rotary_pct": 0.25},
    "opt": _SIZES
    | {
        "ffn_dim": 96,
        "max_position_embeddings": 512,
        "word_embed_proj_dim": 64,
        "enable_bias": True,
        "do_layer_norm_before": True,
        "_remove_final_layer_norm": False,
        "layer_norm_elementwise_affine": True,
    },
    "bloom": {"n_layer": 6, "hidden_size": 64, "n_head": 4, "vocab_size": 100, "tie_word_embeddings": True},
    "falcon": _SIZES
    | {
        "num_kv_heads": 2,
        "ffn_hidden_size": 256,
        "max_position_embeddings": 512,
        "new_decoder_architecture": True,
        "parallel_attn": True,
        "bias": False,
        "alibi": False,
        "num_ln_in_parallel_attn": 2,
    },
    "jamba": _ROTARY
    | {
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "attn_layer_period": 3,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "mamba_d_state": 8,
        "mamba_d_conv": 4,
        "mamba_expand": 2,
        "mamba_dt_rank": 4,
        "mamba_proj_bias": False,
        "mamba_conv_bias": True,
    },
    "mamba": _STATE | {"time_step_rank": "auto"},
    "mamba2": _STATE | {"num_heads": 8, "head_dim": 16, "n_groups": 1},
}
_MORE = {
    "gemma4_text": _SIZES
    | {
        "model_type": "gemma4_text",
        **{"num_hidden_layers": 4, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 96},
        **{"layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": 8},
        "hidden_size_per_layer_input": 0,
    },
    "lfm2": _ROTARY | {"model_type": "lfm2", "conv_L_cache": 3, "block_auto_adjust_ff_dim": False},
}
"""Families of which tests change single keys; not all that they read is here."""

CONFIGS = {family: {"model_type": family} | config for family, config in CONFIGS.items()}
CONFIGS["gemma3"] = {"model_type": "gemma3", "tie_word_embeddings": False, "text_config": _GEMMA3}


def keys(family):
    """The keys that the family reads."""
    return [key for key in CONFIGS[family].get("text_config", CONFIGS[family]) if key != "model_type"]


def changed(family, changes, without=()):
    """The config of the family, with these changes and without these keys; of gemma3, the one inside."""
    base = (CONFIGS | _MORE)[family]
    config = base.get("text_config", base) | changes
    config = {key: value for key, value in config.items() if key not in without}
    return {"model_type": family, "text_config": config} if family == "gemma3" else config
