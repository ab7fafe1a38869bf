"""What the layers of many families share, read from a config.json: sizes, heads, windows, experts."""

from memcalc.errors import InputError
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.config import Config

Counts = dict[str, int]
"""Field of a `Model` → number."""

ATTENTION = ("qkv_bias", "output_bias")
EVERYWHERE = (*ATTENTION, "mlp_bias")
"""Biases of all four matrices of the attention, and those of the MLP with them."""


def sizes(config: Config, layers: str = "num_hidden_layers", hidden: str = "hidden_size") -> Counts:
    """Return what every family has, by its keys; `layers` stands beside the fields for the family to divide."""
    return {
        "layers": config.count("full_layers", layers),
        "hidden": config.count("hidden", hidden),
        "vocabulary": config.count("vocabulary", "vocab_size"),
        "embedding_tables": 2 - config.flag("tie_word_embeddings", False),
        "norm_vectors": 1,
    }


def rotary(config: Config, kv: str = "") -> Counts:
    """Return a decoder with RMSNorm, rotary positions and a gated MLP; its biases and parts are those it documents.

    Parameters
    ----------
    kv : "absent" or "null" if there are as many key and value heads as heads where the key is absent or null
    """
    counts = sizes(config)
    heads = config.count("heads", "num_attention_heads")
    size = config.count("head_dim", "head_dim", lambda: share(counts["hidden"], heads))
    absent, null = (heads if kv == what else None for what in ("absent", "null"))
    groups = kv_heads(config, "num_key_value_heads", heads, absent, null)
    counts |= {"heads": heads, "kv_heads": groups, "head_dim": size, "rotary": size, "full_layers": counts["layers"]}
    counts |= one_mlp(config, counts["layers"]) | context(config)
    for key, fields in (("attention_bias", ATTENTION), ("mlp_bias", ("mlp_bias",))):
        if key in config.documented:
            counts |= dict.fromkeys(fields, config.flag(key))
    if "partial_rotary_factor" in config.documented:
        counts["rotary"] = int(counts["head_dim"] * config.part("partial_rotary_factor"))
    return counts


def latent(config: Config) -> Counts:
    """Return a decoder with multi-head latent attention in every layer, as DeepSeek has it."""
    counts = sizes(config)
    config.skip("head_dim", "num_key_value_heads")  # each head makes its own keys and values from the latent
    rope = config.count("rope_dim", "qk_rope_head_dim", most=limit("rope_dim") - 1)
    shape = {
        "latent_layers": counts["layers"],
        "heads": config.count("heads", "num_attention_heads"),
        "head_dim": rope + config.count("head_dim", "qk_nope_head_dim", most=limit("head_dim") - rope),
        "value_dim": config.count("value_dim", "v_head_dim"),
        "rope_dim": rope,
        "rotary": rope,
        "kv_rank": config.count("kv_rank", "kv_lora_rank"),
        "query_rank": config.count("query_rank", "q_lora_rank", null=0),
    }
    mlp = one_mlp(config, counts["layers"])
    bias = dict.fromkeys(ATTENTION, config.flag("attention_bias", False))
    return counts | shape | mlp | bias | context(config)


def plain(counts: Counts, width: int) -> Counts:
    """Return a decoder with LayerNorm and an MLP of two matrices, biases everywhere."""
    everywhere = dict.fromkeys(("full_layers", "dense_layers"), counts["layers"]) | dict.fromkeys(EVERYWHERE, 1)
    return counts | everywhere | {"norm_vectors": 2, "mlp_matrices": 2, "intermediate": width}


def one_mlp(config: Config, layers: int) -> Counts:
    """Return layers that all have a gated MLP."""
    width = config.count("intermediate", "intermediate_size")
    return {"dense_layers": layers, "mlp_matrices": 3, "intermediate": width}


def context(config: Config) -> Counts:
    """Return the longest context that the model was trained for."""
    return {"trained_context": config.count("context", "max_position_embeddings")}


def kv_heads(config: Config, key: str, heads: int, default: int | None, null: int | None = None) -> int:
    """Return the key and value heads, each of which serves as many query heads."""
    count = config.count("kv_heads", key, default, null)
    if heads % count:
        raise InputError(f"{key} in config.json must divide num_attention_heads = {heads:,}, not {count:,}.")
    return count


def equal_heads(config: Config, hidden: int, keys: str = "num_attention_heads", of: str = "hidden_size") -> Counts:
    """Return heads that share the hidden size equally, with as many for keys and values."""
    count = config.count("heads", keys)
    return {"heads": count, "kv_heads": count, "head_dim": share(hidden, count, keys.split("|")[0], of)}


def share(hidden: int, heads: int, key: str = "num_attention_heads", of: str = "hidden_size") -> int:
    """Return the size of a head that is an equal share of the hidden size, whose key is `of`.

    >>> share(4096, 32)
    128
    """
    size, rest = divmod(hidden, heads)
    if rest or size > limit("head_dim"):
        equal = f"{of} = {hidden:,} into equal heads of at most {limit('head_dim'):,}"
        raise InputError(f"{key} in config.json must divide {equal}, not {heads:,}.")
    return size


def window(config: Config) -> int:
    """Return the window; 0 for none, which is what null says, or a switch that is off."""
    off = "use_sliding_window" in config.documented and not config.flag("use_sliding_window")
    return 0 if off else config.count("window", "sliding_window", null=0)


def windows(config: Config, layers: int, width: int, sliding: int) -> Counts:
    """Return the layers with and without a window; `sliding` have one unless the file lists the kind of each."""
    kinds = config.kinds(layers)
    sliding = sliding if kinds is None else kinds.count("sliding_attention")
    if sliding and not width:
        switch = "(and use_sliding_window must be true where there is one)"
        why = f"{switch}, for by layer_types {sliding:,} layers have a window"
        allowed = f"a whole number from 1 to {limit('window'):,} {why}"
        raise InputError(f"sliding_window in config.json must be {allowed}, not null or switched off.")
    return {"full_layers": layers - sliding, "window_layers": sliding, "window": width if sliding else 0}


def all_windows(config: Config, layers: int) -> Counts:
    """Return layers that all have the window, or none if there is no window."""
    width = window(config)
    return windows(config, layers, width, layers if width else 0)


def upper_windows(config: Config, layers: int) -> Counts:
    """Return layers of which those from `max_window_layers` on have a window, as in Qwen."""
    width = window(config)
    below = config.count("full_layers", "max_window_layers", 28, least=0) if width else layers
    return windows(config, layers, width, max(0, layers - below))


def alternating(config: Config, layers: int) -> Counts:
    """Return layers of which every second has a window, beginning with the first."""
    if config.kinds(layers) is None:
        config.assumed.append("layer_types")
    return windows(config, layers, window(config), -(-layers // 2))


def all_but_every_nth(config: Config, layers: int) -> Counts:
    """Return layers of which all but every n-th have a window, as in Gemma 3."""
    sliding = 0
    if config.kinds(layers) is None:
        sliding = layers - layers // config.count("full_layers", "sliding_window_pattern|_sliding_window_pattern", 6)
    return windows(config, layers, window(config), sliding)


def experts(
    config: Config,
    layers: int,
    moe: int | None = None,
    width: str = "intermediate_size",
    keys: str = "num_local_experts|num_experts",
) -> Counts:
    """Return the layers with experts and without.

    Parameters
    ----------
    moe : layers with experts; None for all of them
    width, keys : keys of an expert's width and of the number of experts in a layer
    """
    moe = layers if moe is None else moe
    count = config.count("experts", keys)
    most, bound = (count if moe else None), keys.split("|")[0]
    counts = {
        "experts": count,
        "active_experts": config.count("active_experts", "num_experts_per_tok", most=most, bound=bound),
        "expert_intermediate": config.count("expert_intermediate", width),
    }
    return {"moe_layers": moe, "dense_layers": layers - moe} | (counts if moe else {})


def sparse(config: Config, layers: int) -> Counts:
    """Return experts in every n-th layer, but for those that the file exempts, as Qwen has them."""
    step, dense = config.count("full_layers", "decoder_sparse_step", 1), config.places("mlp_only_layers", layers)
    moe = layers // step - sum((place + 1) % step == 0 for place in dense)
    return experts(config, layers, moe, "moe_intermediate_size", "num_experts|num_local_experts")


def after_dense(config: Config, layers: int) -> Counts:
    """Return experts, some of them shared, in every layer or every n-th, but not in the first ones."""
    start = config.count("full_layers", "first_k_dense_replace", least=0, most=layers, bound="num_hidden_layers")
    step = config.count("full_layers", "moe_layer_freq") if "moe_layer_freq" in config.documented else 1
    moe, keys = len(range(-(-start // step) * step, layers, step)), "n_routed_experts|num_experts|num_local_experts"
    counts = experts(config, layers, moe, "moe_intermediate_size", keys)
    width = counts.get("expert_intermediate", 0)
    most = limit("shared_intermediate") // max(1, width)
    return counts | {"shared_intermediate": width * config.count("experts", "n_shared_experts", least=0, most=most)}


def limit(name: str) -> int:
    """Return the largest value of a symbol."""
    return BY_NAME[name].limit
