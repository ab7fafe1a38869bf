"""What the layers of many families share, read from a config.json: sizes, heads, windows, experts."""

from memcalc.errors import InputError
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.config import Config

Counts = dict[str, int]
"""Field of a `Model` → number."""


def sizes(
    config: Config,
    tied: bool,
    layers: str = "num_hidden_layers",
    hidden: str = "hidden_size",
    vocabulary: int | None = None,
) -> Counts:
    """Return what every family has; `layers` stands beside the fields for the family to divide.

    Parameters
    ----------
    tied : what the family documents for `tie_word_embeddings`
    layers, hidden : keys
    vocabulary : what the family documents, if its files leave it out
    """
    return {
        "layers": config.count("full_layers", layers),
        "hidden": config.count("hidden", hidden),
        "vocabulary": config.count("vocabulary", "vocab_size", vocabulary),
        "embedding_tables": 2 - config.flag("tie_word_embeddings", tied),
        "norm_vectors": 1,
    }


def heads(
    config: Config, hidden: int, kv: int | str | None = None, head_dim: int | None = None, default: int | None = None
) -> Counts:
    """Return the heads of a family that can give them another size than their share of the hidden size.

    Parameters
    ----------
    kv : key and value heads where the file does not say: a number, "absent" or "null" for as many as there are heads
         where the key is absent or null, None if it must be given
    head_dim : what the family documents; None for an equal share of the hidden size
    default : heads where the file does not say
    """
    count = config.count("heads", "num_attention_heads", default)
    absent, null = {"absent": (count, None), "null": (None, count)}.get(kv, (kv, None))
    size = config.count("head_dim", "head_dim", head_dim or (lambda: share(hidden, count)))
    return {"heads": count, "kv_heads": kv_heads(config, "num_key_value_heads", count, absent, null), "head_dim": size}


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
    if rest or size > BY_NAME["head_dim"].limit:
        equal = f"{of} = {hidden:,} into equal heads of at most {limit('head_dim'):,}"
        raise InputError(f"{key} in config.json must divide {equal}, not {heads:,}.")
    return size


def turned(config: Config, head_dim: int, default: float, key: str = "partial_rotary_factor") -> Counts:
    """Return how much of a head the rotary positions turn, in families where it may be a part."""
    return {"rotary": int(head_dim * config.part(key, default))}


def latent(config: Config, longest: int) -> Counts:
    """Return a decoder with multi-head latent attention in every layer, as DeepSeek has it."""
    counts = sizes(config, tied=False)
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
    return counts | shape | gated(config) | attention_bias(config) | context(config, longest)


def plain(counts: Counts, width: int) -> Counts:
    """Return a decoder with LayerNorm and an MLP of two matrices, biases everywhere."""
    fixed = {"norm_vectors": 2, "mlp_matrices": 2, "qkv_bias": 1, "output_bias": 1, "mlp_bias": 1}
    return counts | everywhere(counts["layers"]) | fixed | {"intermediate": width}


def everywhere(layers: int) -> Counts:
    """Return layers that all see the whole context and all have one MLP."""
    return {"full_layers": layers, "dense_layers": layers}


def rotary(config: Config, longest: int, tied: bool = False, vocabulary: int | None = None, **left_out) -> Counts:
    """Return a decoder with RMSNorm, rotary positions and a gated MLP; `left_out` is what `heads` takes."""
    counts = sizes(config, tied, vocabulary=vocabulary)
    shape = heads(config, counts["hidden"], **left_out) | gated(config) | everywhere(counts["layers"])
    return counts | shape | {"rotary": shape["head_dim"]} | context(config, longest)


def gated(config: Config) -> Counts:
    """Return the width of a gated MLP."""
    return {"intermediate": config.count("intermediate", "intermediate_size"), "mlp_matrices": 3}


def attention_bias(config: Config, default: bool = False) -> Counts:
    """Return the biases of all four matrices of the attention, which one key switches."""
    bias = config.flag("attention_bias", default)
    return {"qkv_bias": bias, "output_bias": bias}


def context(config: Config, default: int) -> Counts:
    """Return the longest context that the model was trained for."""
    return {"trained_context": config.count("context", "max_position_embeddings", default)}


def window(config: Config, default: int) -> int:
    """Return the window; 0 for none, which is what null says."""
    return config.count("window", "sliding_window", default, null=0)


def switched_window(config: Config) -> int:
    """Return the window of a family that has a switch for it, as Qwen does."""
    return window(config, 4096) if config.flag("use_sliding_window", False) else config.skip("sliding_window")


def windows(config: Config, layers: int, width: int, sliding: int) -> Counts:
    """Return the layers with and without a window; `sliding` have one unless the file lists the kind of each."""
    kinds = config.kinds(layers)
    sliding = sliding if kinds is None else kinds.count("sliding_attention")
    if sliding and not width:
        most, switch = limit("window"), "use_sliding_window must be true where there is one"
        allowed = (
            f"a whole number from 1 to {most:,} (and {switch}), for by layer_types {sliding:,} layers have a window"
        )
        raise InputError(f"sliding_window in config.json must be {allowed}, not null or switched off.")
    return {"full_layers": layers - sliding, "window_layers": sliding, "window": width if sliding else 0}


def all_windows(config: Config, layers: int, width: int) -> Counts:
    """Return layers that all have the window, or none if there is no window."""
    return windows(config, layers, width, layers if width else 0)


def alternating(config: Config, layers: int, default: int) -> Counts:
    """Return layers of which every second has a window, beginning with the first."""
    if config.kinds(layers) is None:
        config.assumed.append("layer_types")
    return windows(config, layers, window(config, default), -(-layers // 2))


def experts(config: Config, layers: int, moe: int, width: str, keys: str = "num_local_experts|num_experts") -> Counts:
    """Return the layers with experts and without.

    Parameters
    ----------
    moe : layers with experts
    width, keys : keys of an expert's width and of the number of experts in a layer
    """
    count = config.count("experts", keys)
    counts = {
        "experts": count,
        "active_experts": config.count(
            "active_experts", "num_experts_per_tok", most=count if moe else None, bound=keys.split("|")[0]
        ),
        "expert_intermediate": config.count("expert_intermediate", width),
    }
    return {"moe_layers": moe, "dense_layers": layers - moe} | (counts if moe else {})


def sparse(config: Config, layers: int) -> Counts:
    """Return experts in every n-th layer, but for those that the file exempts, as Qwen has them."""
    step, dense = config.count("full_layers", "decoder_sparse_step", 1), config.places("mlp_only_layers", layers)
    moe = layers // step - sum((place + 1) % step == 0 for place in dense)
    return experts(config, layers, moe, "moe_intermediate_size", "num_experts|num_local_experts")


def after_dense(config: Config, layers: int, first: int, period: str = "") -> Counts:
    """Return experts, some of them shared, in all layers but the first ones.

    Parameters
    ----------
    first : what the family documents for the number of dense layers before them
    period : key of n, where only every n-th layer has experts
    """
    start = config.count("full_layers", "first_k_dense_replace", first, least=0, most=layers, bound="num_hidden_layers")
    step = config.count("full_layers", period, 1) if period else 1
    moe = len(range(-(-start // step) * step, layers, step))
    counts = experts(config, layers, moe, "moe_intermediate_size", "n_routed_experts|num_experts|num_local_experts")
    width = counts.get("expert_intermediate", 0)
    most = limit("shared_intermediate") // max(1, width)
    return counts | {"shared_intermediate": width * config.count("experts", "n_shared_experts", least=0, most=most)}


def limit(name: str) -> int:
    """Return the largest value of a symbol."""
    return BY_NAME[name].limit
