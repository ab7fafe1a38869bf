"""Models of several kinds of layers, read from a config.json: which layer is of which kind, and the sizes of each."""

from memcalc.catalogue import rows
from memcalc.errors import choice
from memcalc.specs.config import LISTS, Config, refusal
from memcalc.specs.experts import experts, shared_width
from memcalc.specs.layers import Counts, limit, window

KINDS = {row["word"]: row["kind"] for row in rows("layer_words")}
"""A word or letter for a layer in a config.json → kind of layer in a `Model`."""

_MAMBA_2 = ("mamba", "mamba2", "linear_attention", "hybrid")
"""Words for layers with Mamba-2 in a family that has it."""

_MIXERS = ("full", "window", "latent", "mamba", "mamba2", "delta", "conv", "linear")


def kinds(config: Config, counts: Counts, how: str) -> Counts:
    """Return how many layers are of each kind, where the file lists or numbers them.

    Parameters
    ----------
    how : the kind that "linear_attention" stands for: "delta", "linear" or "mamba2"
    """
    layers = counts["layers"]
    listed = [_kind(word, how, counts) for word in _words(config, layers)]
    counted = {kind: listed.count(kind) for kind in _MIXERS}
    both, bare = listed.count("both"), listed.count("mlp") + listed.count("moe")
    counted["full"] += both
    counted["mamba2"] += both
    found = {f"{kind}_layers": number for kind, number in counted.items()}
    found |= {"window": window(config)} if counted["window"] else {}
    if bare:
        found |= {"dense_layers": listed.count("mlp"), "moe_layers": listed.count("moe")}
    return found | {"bare_layers": bare, "parallel_layers": both}


def _kind(word: str, how: str, counts: Counts) -> str:
    kind = KINDS[word]
    if kind == "linear":
        return how
    return "latent" if kind == "full" and "kv_rank" in counts else kind


def _words(config: Config, layers: int) -> list[str]:
    """Return a word for each layer: from a list, a pattern of letters, numbers of layers, or an interval."""
    for key in LISTS:
        found = config.given(key)
        if found is not None:
            return _listed(key, found, layers)
    for key in ("full_attn_idxs", "attn_layer_indices"):
        if config.given(key) is not None:
            full = config.places(key, layers)
            return ["full_attention" if place in full else "linear_attention" for place in range(layers)]
    if config.given("full_attn_layers") is not None:  # counted from one
        full = config.places("full_attn_layers", layers + 1)
        return ["full_attention" if place in full else "linear_attention" for place in range(1, layers + 1)]
    step = config.count("full_layers", "full_attention_interval", 4)
    return ["linear_attention" if (place + 1) % step else "full_attention" for place in range(layers)]


def _listed(key: str, found: object, layers: int) -> list[str]:
    words = list(found) if isinstance(found, str) else found
    if not isinstance(words, list | tuple) or len(words) != layers:
        raise refusal(key, f"a kind for each of the {layers:,} layers", found)
    return [choice(f"{key} in config.json:", str(word) if isinstance(word, int) else word, KINDS) for word in words]


_KIMI = {
    **{"num_heads": "linear_num_heads", "head_dim": "linear_head_dim"},
    **{"short_conv_kernel_size": "linear_conv_kernel_dim", "full_attn_layers": "full_attn_layers"},
}
"""Keys in the `linear_attn_config` of Kimi → those of files that have no such object."""


def delta(config: Config, counts: Counts, how: str) -> Counts:
    """Return the heads of gated delta-net, or of Kimi delta attention, whose keys and values are alike."""
    config.flatten("linear_attn_config", _KIMI)
    conv = config.count("conv", "linear_conv_kernel_dim|short_conv_kernel_size", 4)
    if how == "kimi":
        heads, size = config.count("delta_heads", "linear_num_heads"), config.count("delta_dim", "linear_head_dim")
        return dict.fromkeys(("delta_key_heads", "delta_heads"), heads) | {
            "delta_key_dim": size,
            "delta_dim": size,
            "conv": conv,
        }
    return {
        "delta_key_heads": config.count("delta_key_heads", "linear_num_key_heads"),
        "delta_heads": config.count("delta_heads", "linear_num_value_heads"),
        "delta_key_dim": config.count("delta_key_dim", "linear_key_head_dim"),
        "delta_dim": config.count("delta_dim", "linear_value_head_dim"),
        "conv": conv,
    }


def short_conv(config: Config, counts: Counts, how: str) -> Counts:
    """Return the length of a short convolution, and whether it has biases."""
    return {"conv": config.count("conv", "conv_L_cache"), "conv_bias": config.flag("conv_bias", False)}


def adjusted(config: Config, counts: Counts, how: str) -> Counts:
    """Return the width of an MLP that is two thirds of what the file says, rounded up to a multiple."""
    if not config.flag("block_auto_adjust_ff_dim", True):
        return {}
    factor = config.part("block_ffn_dim_multiplier", 1.0)
    multiple = config.count("expert_intermediate", "block_multiple_of", 256)
    return {"intermediate": -(-int(factor * (2 * counts["intermediate"] // 3)) // multiple) * multiple}


def mamba2(config: Config, counts: Counts, how: str) -> Counts:
    """Return the sizes of Mamba-2 beside attention: heads times their size are its inner width."""
    listed = config.given("layer_types")
    if isinstance(listed, list) and listed and not any(word in _MAMBA_2 for word in listed):
        return {}
    heads = config.count("state_heads", "mamba_n_heads|mamba_num_heads")
    size = config.count("head_dim", "mamba_d_head|mamba_head_dim")
    return {
        "state_heads": heads,
        "inner": heads * size,
        "groups": config.count("groups", "mamba_n_groups|n_groups"),
        "state": config.count("state", "mamba_d_state|ssm_state_size"),
        "conv": config.count("conv", "mamba_d_conv|conv_kernel", 4),
        "conv_bias": config.flag("mamba_conv_bias" if how != "nemotron" else "use_conv_bias", True),
        "state_bias": config.flag("mamba_proj_bias", False),
    }


def index(config: Config, counts: Counts, how: str) -> Counts:
    """Return the indexer of sparse attention, which some layers share with those before them."""
    layers = counts["layers"]
    listed = config.words("indexer_types", layers, ("full", "shared"))
    config.skip("index_topk")
    return {
        "index_layers": listed.count("full") if listed else layers,
        "index_heads": config.count("index_heads", "index_n_heads"),
        "index_dim": config.count("index_dim", "index_head_dim"),
    }


def gemma4(config: Config, counts: Counts, how: str) -> Counts:
    """Return the heads that full layers have of their own, and what only some sizes of Gemma 4 have."""
    heads, kv, size = (counts[name] for name in ("heads", "kv_heads", "head_dim"))
    changed = config.changes("per_layer_config", "full_attention", counts["layers"])
    wide = changed.get("head_dim") or config.count("head_dim", "global_head_dim", 512)
    equal = config.flag("attention_k_eq_v", False)
    fewer = config.count("kv_heads", "num_global_key_value_heads", kv, null=kv) if equal else kv
    found = {"kv_heads": changed.get("num_key_value_heads", fewer), "head_dim": wide, "shared_values": equal}
    found |= {"window_heads": heads, "window_kv_heads": kv, "window_head_dim": size, "rotary": 0}
    return found | second_embedding(config, counts, "") | _beside(config, counts) | sharing(config, counts, "wide")


def _beside(config: Config, counts: Counts) -> Counts:
    """Return the experts that stand beside the MLP of each layer, if a switch says so."""
    if not config.flag("enable_moe_block", False):
        return {}
    found = experts(config, counts["layers"], None, "moe_intermediate_size|expert_intermediate_size")
    return found | {"dense_layers": counts["layers"]}


def sharing(config: Config, counts: Counts, how: str) -> Counts:
    """Return the last layers, which use the keys and values of others, and may have an MLP twice as wide."""
    layers = counts["layers"]
    shared = config.count("sharing_layers", "num_kv_shared_layers", 0, least=0, most=layers - 1)
    if not shared:
        return {}
    kinds = config.kinds(layers) or ["full_attention"] * layers
    full = kinds[layers - shared :].count("full_attention")
    own = {"full_layers": counts["full_layers"] - full, "window_layers": counts["window_layers"] - shared + full}
    wide = shared if how and config.flag("use_double_wide_mlp", False) else 0
    mlps = {"wide_layers": wide, "dense_layers": layers - wide}
    return own | {"sharing_layers": full, "window_sharing_layers": shared - full} | mlps


def second_embedding(config: Config, counts: Counts, how: str) -> Counts:
    """Return the numbers of a token's second embedding in each layer, and for how many tokens there is one."""
    size = config.count("layer_embedding", "hidden_size_per_layer_input", 256, null=0, least=0)
    if not size:
        return {}
    vocabulary = config.count("layer_vocabulary", "vocab_size_per_layer_input", 262144)
    return {"layer_embedding": size, "layer_vocabulary": vocabulary}


def exactly(config: Config, counts: Counts, how: str) -> Counts:
    """Refuse another number under a key, such as "laurel_rank=64", because the tensors would be others."""
    key, _, number = how.partition("=")
    config.count("full_layers", key, int(number), least=int(number), most=int(number))
    return {}


def parallel(config: Config, counts: Counts, how: str) -> Counts:
    """Return layers that all have attention and Mamba-2 side by side, with a norm behind the gate or without."""
    layers = counts["layers"]
    found = dict.fromkeys(("full_layers", "mamba2_layers", "parallel_layers"), layers)
    return found | {"ungated": 1 - config.flag("mamba_rms_norm", False)}


def experts_there(config: Config, counts: Counts, how: str) -> Counts:
    """Return the experts of the layers that have them; which these are was read before."""
    moe = counts["moe_layers"]
    if not moe:
        return {}
    found = experts(config, counts["layers"], moe, "moe_intermediate_size", "n_routed_experts|num_experts")
    return found | {"dense_layers": counts["dense_layers"]} | shared_width(config, counts, "")


def experts_or_shared(config: Config, counts: Counts, how: str) -> Counts:
    """Return experts beside an MLP that every token passes; that MLP alone, where a file has no experts."""
    shared = shared_width(config, {}, "optional")
    if config.given("num_local_experts") != 0:
        return experts(config, counts["layers"]) | {"intermediate": 0} | shared
    return {"dense_layers": counts["layers"], "intermediate": shared["shared_intermediate"]}


def first(config: Config, counts: Counts, key: str) -> Counts:
    """Take of several numbers under a key the first, which is that of the text."""
    config.first(key)
    return {}


def own_window_heads(config: Config, counts: Counts, how: str) -> Counts:
    """Return the heads that window layers have of their own, and values of another size than keys."""
    names = {"heads": "num_attention_heads", "kv_heads": "num_key_value_heads", "head_dim": "head_dim"}
    usual = counts | {"kv_heads": 2 * counts["kv_heads"]}
    own = {f"window_{name}": config.count(name, f"swa_{key}", usual[name]) for name, key in names.items()}
    value = config.count("value_dim", "v_head_dim", counts["head_dim"])
    if config.given("sliding_window_size") is not None:  # beside the token itself
        own["window"] = 1 + config.count("window", "sliding_window_size", most=limit("window") - 1)
    return own | {"value_dim": value, "window_value_dim": config.count("value_dim", "swa_v_head_dim", value)}


def latent_experts(config: Config, counts: Counts, how: str) -> Counts:
    """Return the numbers in which experts see a token, where a file says that they are fewer."""
    return {"expert_hidden": config.count("expert_hidden", "moe_latent_size", 0, null=0, least=0, most=limit("hidden"))}


READERS = {
    **{"kinds": kinds, "delta": delta, "short_conv": short_conv, "adjusted": adjusted, "mamba2_beside": mamba2},
    **{"parallel": parallel, "index": index, "gemma4": gemma4, "second_embedding": second_embedding},
    **{"sharing": sharing, "exactly": exactly, "own_window_heads": own_window_heads},
    **{"experts_there": experts_there, "experts_or_shared": experts_or_shared, "latent_experts": latent_experts},
    **{"first": first},
}
"""Name → reader, as a row of data/families.csv lists them."""
