"""What each `model_type` of a Hugging Face config.json means in the fields of a `Model`.

One function a family: which key gives which count, and the default that wolf2020transformers, 5.23.0, documents.
"""

from collections.abc import Mapping
from pathlib import Path

from memcalc.errors import InputError, choice, shown
from memcalc.specs.config import Config, load
from memcalc.specs.layers import (
    Counts,
    after_dense,
    all_windows,
    alternating,
    attention_bias,
    context,
    equal_heads,
    experts,
    kv_heads,
    latent,
    limit,
    plain,
    rotary,
    sizes,
    sparse,
    switched_window,
    turned,
    window,
    windows,
)


def fields(source: str | Path | Mapping) -> dict[str, object]:
    """Return the fields of the model in a config.json, given as a path or a mapping.

    `assumed` lists the keys that the file leaves out and for which the documented default was taken; `ignored` those
    that change memory but have no place in a `Model`.
    Raises InputError if a key is missing, has a value that makes no sense, or contradicts another.

    >>> config = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    ...           "vocab_size": 100, "intermediate_size": 128}
    >>> fields(config)["head_dim"], "head_dim" in fields(config)["assumed"]
    (16, True)
    """
    values, name = load(source)
    if values.get("model_type") is None:
        raise InputError(f"model_type is missing in config.json. Known: {', '.join(FAMILIES)}.")
    family = choice("model_type", values["model_type"], FAMILIES)
    if family == "gemma3":
        values, name = _text(values), f"{name} (text decoder only)"
    config = Config(values, family)
    counts = FAMILIES[family](config)
    del counts["layers"]
    texts = {"name": name, "source": name, "family": family, "packing": PACKINGS.get(family, "")}
    return texts | counts | {"assumed": tuple(dict.fromkeys(config.assumed)), "ignored": config.ignored()}


def _text(values: Mapping) -> Mapping:
    text = values.get("text_config")
    if not isinstance(text, Mapping):
        raise InputError(f"text_config in config.json must be an object in braces for gemma3, not {shown(text)}.")
    tied = values.get("tie_word_embeddings")
    return {**values, **text} | ({} if tied is None else {"tie_word_embeddings": tied})


def _llama(config: Config) -> Counts:
    return rotary(config, 2048, kv="absent") | attention_bias(config) | {"mlp_bias": config.flag("mlp_bias", False)}


def _mistral(config: Config) -> Counts:
    counts = rotary(config, 131072, kv="null")
    return counts | all_windows(config, counts["layers"], window(config, 4096))


def _mixtral(config: Config) -> Counts:
    counts = rotary(config, 131072, kv="null")
    layers = counts["layers"]
    counts |= experts(config, layers, layers, "intermediate_size") | {"intermediate": 0}
    return counts | all_windows(config, layers, window(config, 0))


def _phi3(config: Config) -> Counts:
    counts = rotary(config, 4096, kv="absent")
    return counts | turned(config, counts["head_dim"], 1) | all_windows(config, counts["layers"], window(config, 0))


def _qwen2(config: Config) -> Counts:
    counts = rotary(config, 32768, kv="null") | {"qkv_bias": 1}
    return counts | _upper_windows(config, counts["layers"])


def _qwen3(config: Config) -> Counts:
    counts = rotary(config, 32768, kv="null", head_dim=128) | attention_bias(config) | {"qk_norms": 1}
    config.skip("use_qk_norm")  # always
    return counts | _upper_windows(config, counts["layers"])


def _qwen2_moe(config: Config) -> Counts:
    counts = rotary(config, 32768) | {"qkv_bias": config.flag("qkv_bias", True), "shared_gate": 1}
    counts["shared_intermediate"] = config.count("shared_intermediate", "shared_expert_intermediate_size")
    layers, width = counts["layers"], switched_window(config)
    every_second = -(-min(layers, _without_window(config)) // 2) if width else 0
    return counts | sparse(config, layers) | windows(config, layers, width, every_second)


def _qwen3_moe(config: Config) -> Counts:
    counts = rotary(config, 32768) | attention_bias(config) | {"qk_norms": 1}
    config.skip("use_qk_norm")
    layers = counts["layers"]
    return counts | sparse(config, layers) | all_windows(config, layers, switched_window(config))


def _without_window(config: Config) -> int:
    return config.count("full_layers", "max_window_layers", 28, least=0)


def _upper_windows(config: Config, layers: int) -> Counts:
    width = switched_window(config)
    return windows(config, layers, width, max(0, layers - _without_window(config)) if width else 0)


def _gemma(config: Config) -> Counts:
    return rotary(config, 8192, tied=True, head_dim=256) | attention_bias(config)


def _gemma2(config: Config) -> Counts:
    counts = _gemma(config)
    return counts | {"layer_norms": 4} | alternating(config, counts["layers"], 4096)


def _gemma3_text(config: Config, **left_out: int) -> Counts:
    counts = rotary(config, 131072, tied=True, head_dim=256, **left_out) | attention_bias(config)
    layers, sliding = counts["layers"], 0
    if config.kinds(layers) is None:
        sliding = layers - layers // config.count("full_layers", "sliding_window_pattern|_sliding_window_pattern", 6)
    return counts | {"layer_norms": 4, "qk_norms": 1} | windows(config, layers, window(config, 4096), sliding)


def _gemma3(config: Config) -> Counts:
    return _gemma3_text(config, vocabulary=262208, default=8, kv=4)  # published files leave out what the 4B model has


def _gpt_oss(config: Config) -> Counts:
    counts = rotary(config, 131072, kv="null", head_dim=64) | attention_bias(config, default=True)
    layers = counts["layers"]
    counts |= experts(config, layers, layers, "intermediate_size") | {"intermediate": 0, "expert_bias": 1}
    return counts | {"sink_heads": 1} | alternating(config, layers, 128)


def _glm4_moe(config: Config) -> Counts:
    counts = rotary(config, 131072) | after_dense(config, config.count("full_layers", "num_hidden_layers"), 1)
    switches = {"qkv_bias": config.flag("attention_bias", False), "qk_norms": config.flag("use_qk_norm", False)}
    return counts | switches | turned(config, counts["head_dim"], 0.5)


def _deepseek_v2(config: Config) -> Counts:
    config.must("mlp_bias", False)
    counts = latent(config, 2048)
    return counts | after_dense(config, counts["layers"], 0, "moe_layer_freq")


def _deepseek_v3(config: Config) -> Counts:
    counts = latent(config, 4096)
    return counts | after_dense(config, counts["layers"], 3, "moe_layer_freq")


def _gpt2(config: Config) -> Counts:
    counts = sizes(config, tied=True, layers="n_layer|num_hidden_layers", hidden="n_embd|hidden_size")
    attention = equal_heads(config, counts["hidden"], "n_head|num_attention_heads", "n_embd")
    width = config.count("intermediate", "n_inner", 4 * counts["hidden"])
    rows = config.count("positions", "n_positions|max_position_embeddings")
    return plain(counts, width) | attention | {"positions": rows, "trained_context": rows}


def _gpt_neox(config: Config) -> Counts:
    counts = sizes(config, tied=False)
    attention = equal_heads(config, counts["hidden"]) | attention_bias(config, default=True)
    attention |= turned(config, attention["head_dim"], 0.25, "rotary_pct")
    return plain(counts, config.count("intermediate", "intermediate_size")) | attention | context(config, 2048)


def _opt(config: Config) -> Counts:
    counts = sizes(config, tied=True)
    config.must("do_layer_norm_before", True)
    config.must("_remove_final_layer_norm", False)
    config.must("layer_norm_elementwise_affine", True)
    hidden = counts["hidden"]
    config.count("hidden", "word_embed_proj_dim", hidden, least=hidden, most=hidden, bound="hidden_size")
    biases = dict.fromkeys(("qkv_bias", "output_bias", "mlp_bias"), config.flag("enable_bias", True))
    rows = config.count("positions", "max_position_embeddings", most=limit("positions") - 2)
    shape = plain(counts, config.count("intermediate", "ffn_dim")) | equal_heads(config, hidden) | biases
    return shape | {"positions": rows + 2, "trained_context": rows}  # two rows for padding


def _bloom(config: Config) -> Counts:
    counts = sizes(config, tied=True, layers="n_layer|num_hidden_layers", hidden="hidden_size|n_embed")
    attention = equal_heads(config, counts["hidden"], "n_head|num_attention_heads")
    return plain(counts, 4 * counts["hidden"]) | attention | {"embedding_norms": 1}


def _falcon(config: Config) -> Counts:
    counts = sizes(config, tied=True, hidden="hidden_size|n_embed")
    hidden, new = counts["hidden"], config.flag("new_decoder_architecture", False)
    shape = plain(counts, config.count("intermediate", "ffn_hidden_size", 4 * hidden)) | equal_heads(config, hidden)
    shape |= dict.fromkeys(("qkv_bias", "output_bias", "mlp_bias"), config.flag("bias", False))
    if new:
        shape["kv_heads"] = kv_heads(config, "num_kv_heads", shape["heads"], shape["heads"])
    elif config.flag("multi_query", True):
        shape["kv_heads"] = 1
    shape["rotary"] = 0 if config.flag("alibi", False) else shape["head_dim"]
    if config.flag("parallel_attn", True):
        shape["layer_norms"] = config.count("layer_norms", "num_ln_in_parallel_attn", 1 + new, most=2)
    return shape | context(config, 2048)


_EXPERTS = "num_experts|num_local_experts"


def jamba(config: Config) -> Counts:
    """Return attention in every n-th layer and Mamba in the others; experts in every m-th, one MLP in the others."""
    counts = rotary(config, 262144, kv="null")
    layers, hidden = counts["layers"], counts["hidden"]
    attention, moe = _every_nth(config, layers, "attn_layer", 8, 4), _every_nth(config, layers, "expert_layer", 2, 1)
    if config.count("experts", _EXPERTS) == 1:
        moe = 0  # a single expert is an MLP
    mixed = {"full_layers": attention, "mamba_layers": layers - attention, "state_norms": 1, "rotary": 0}
    state = _state(
        config, hidden, "mamba_d_state", "mamba_d_conv", "mamba_expand", "mamba_proj_bias", "mamba_conv_bias"
    )
    rank = {"time_rank": _time_rank(config, "mamba_dt_rank", hidden)}
    return counts | mixed | state | rank | experts(config, layers, moe, "intermediate_size", _EXPERTS)


def mamba(config: Config) -> Counts:
    """Return Mamba in every layer, and no MLP beside it."""
    counts = sizes(config, tied=True) | {"layer_norms": 1}
    rank = {"time_rank": _time_rank(config, "time_step_rank", counts["hidden"])}
    return counts | {"mamba_layers": counts["layers"]} | rank | _state(config, counts["hidden"])


def mamba2(config: Config) -> Counts:
    """Return Mamba-2 in every layer, and no MLP beside it."""
    counts = sizes(config, tied=False) | {"layer_norms": 1}
    state = _state(config, counts["hidden"])
    return counts | {"mamba2_layers": counts["layers"]} | state | _heads(config, state["inner"])


def _state(
    config: Config,
    hidden: int,
    state: str = "state_size",
    conv: str = "conv_kernel",
    expand: str = "expand",
    bias: str = "use_bias",
    conv_bias: str = "use_conv_bias",
) -> Counts:
    return {
        "inner": hidden * config.count("inner", expand, 2, most=max(1, limit("inner") // hidden)),
        "state": config.count("state", state),
        "conv": config.count("conv", conv, 4),
        "state_bias": config.flag(bias, False),
        "conv_bias": config.flag(conv_bias, True),
    }


def _heads(config: Config, inner: int) -> Counts:
    heads = config.count("state_heads", "num_heads")
    size = config.count("head_dim", "head_dim")
    if heads * size != inner:
        product = f"head_dim = {size:,} must give expand × hidden_size = {inner:,}"
        raise InputError(f"num_heads in config.json times {product}, but num_heads is {heads:,}.")
    return {"state_heads": heads, "groups": config.count("groups", "n_groups")}


def _time_rank(config: Config, key: str, hidden: int) -> int:
    automatic = -(-hidden // 16)
    return automatic if config.says(key, "auto") else config.count("time_rank", key, automatic)


def _every_nth(config: Config, layers: int, kind: str, period: int, offset: int) -> int:
    """Layers whose number leaves the offset when divided by the period."""
    period = config.count("full_layers", f"{kind}_period", period)
    most, bound = period - 1, f"{kind}_period - 1"
    return len(range(config.count("full_layers", f"{kind}_offset", offset, 0, 0, most, bound), layers, period))


FAMILIES = {
    "llama": _llama,
    "mistral": _mistral,
    "mixtral": _mixtral,
    "qwen2": _qwen2,
    "qwen2_moe": _qwen2_moe,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3_text,
    "gemma3": _gemma3,
    "phi3": _phi3,
    "deepseek_v2": _deepseek_v2,
    "deepseek_v3": _deepseek_v3,
    "kimi_k2": _deepseek_v3,
    "glm4_moe": _glm4_moe,
    "gpt_oss": _gpt_oss,
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "opt": _opt,
    "bloom": _bloom,
    "falcon": _falcon,
    "jamba": jamba,
    "mamba": mamba,
    "mamba2": mamba2,
}
"""`model_type` → what reads it."""

PACKINGS = dict.fromkeys(("gpt2", "gpt_neox", "bloom", "falcon"), "qkv") | {"phi3": "qkv gate_up"}
"""`model_type` → matrices that its code stores as one."""
