"""Models of several kinds of layers, read from a config.json: which layer is of which kind, and the sizes of each."""

from collections.abc import Mapping

from memcalc.catalogue import rows
from memcalc.errors import choice
from memcalc.specs.config import LISTS, Config, missing, refusal
from memcalc.specs.experts import experts, shared_width
from memcalc.specs.layers import Counts, kv_heads, limit, needed, window

KINDS = {row["word"]: row["kind"] for row in rows("layer_words")}
"""A word or letter for a layer in a config.json → kind of layer in a `Model`."""

_MAMBA_2 = ("mamba", "mamba2", "linear_attention")
"""Words for layers with Mamba-2 in a family that has it."""

_MIXERS = ("full", "window", "latent", "mamba2", "delta", "conv", "linear")
"""Kinds of layers that look at other tokens."""

_BESIDE = {
    "": ("window",),
    **{kind: (kind,) for kind in ("conv", "delta", "linear", "mamba2")},
    "one": ("mamba2", "mlp", "moe"),
}
"""How `kinds` reads a family → its kinds of layers beside attention; the first is what is meant where none is named."""


def kinds(config: Config, counts: Counts, how: str) -> Counts:
    """Return how many layers are of each kind, where the file lists or numbers them.

    Parameters
    ----------
    how : the kind of layer that the family has beside attention: "conv", "delta", "linear" or "mamba2"; "one" if its
        layers are one thing each: attention, Mamba-2, an MLP or experts; "" if all have attention
    """
    full, other = "latent" if "kv_rank" in counts else "full", _BESIDE[how][0]
    means = {"full": full, "linear": other if how else "linear"}
    known = {word: means.get(kind, kind) for word, kind in KINDS.items()}
    known = {word: kind for word, kind in known.items() if kind in (full, "window", *_BESIDE[how])}
    listed = config.order = _each(config, counts["layers"], known, (other, full))
    found = {f"{kind}_layers": listed.count(kind) for kind in _MIXERS}
    found |= {"window": needed(config, found["window_layers"], window(config))} if found["window_layers"] else {}
    if how == "one":
        bare = {"dense_layers": listed.count("mlp"), "moe_layers": listed.count("moe")}
        found |= bare | {"bare_layers": sum(bare.values())}
    return found


def _each(config: Config, layers: int, known: Mapping[str, str], kinds: tuple[str, str]) -> list[str]:
    """Return the kind of each layer: from a list, a pattern of letters, numbers of layers, or an interval.

    Parameters
    ----------
    known : word or letter → kind, for all kinds that the family has
    kinds : that of most layers, and that of those whose numbers a file gives
    """
    for key in LISTS:
        if config.given(key) is not None:
            return [known[word] for word in _listed(key, config.given(key), layers, known)]
    for key, first in (("full_attn_idxs", 0), ("attn_layer_indices", 0), ("full_attn_layers", 1)):
        if config.given(key) is not None:
            full = config.places(key, layers, first)
            return [kinds[place + first in full] for place in range(layers)]
    if "full_attention_interval" not in config.documented and config.given("full_attention_interval") is None:
        raise missing("layer_types", "a list that says of each layer which kind it is")
    step = config.count("full_layers", "full_attention_interval")
    return [kinds[(place + 1) % step == 0] for place in range(layers)]


def _listed(key: str, found: object, layers: int, known: Mapping[str, str]) -> list[str]:
    words = list(found) if isinstance(found, str) else found
    if not isinstance(words, list | tuple) or len(words) != layers:
        raise refusal(key, f"a kind for each of the {layers:,} layers", found)
    return [choice(f"{key} in config.json:", str(word) if word in (0, 1) else word, known) for word in words]


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
    size = config.count("head_dim", "mamba_d_head|mamba_head_dim", most=max(1, limit("inner") // heads))
    return {
        "state_heads": heads,
        "inner": heads * size,
        "groups": config.count("groups", "mamba_n_groups|n_groups"),
        "state": config.count("state", "mamba_d_state|ssm_state_size"),
        "conv": config.count("conv", "mamba_d_conv|conv_kernel", 4),
        "conv_bias": config.flag("mamba_conv_bias" if how != "nemotron" else "use_conv_bias", True),
        "state_bias": config.flag("mamba_proj_bias" if how != "nemotron" else "use_bias", False),
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
    changed = config.changes(
        "per_layer_config", "full_attention", counts["layers"], ("head_dim", "num_key_value_heads")
    )
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
    if config.count("experts", "num_local_experts", least=0):
        return experts(config, counts["layers"]) | {"intermediate": 0} | shared
    return {"dense_layers": counts["layers"], "intermediate": shared["shared_intermediate"]}


def first(config: Config, counts: Counts, key: str) -> Counts:
    """Take of several numbers under a key the first, which is that of the text."""
    config.first(key)
    return {}


def own_window_heads(config: Config, counts: Counts, how: str) -> Counts:
    """Return the heads that window layers have of their own, and values of another size than keys."""
    heads = config.count("heads", "swa_num_attention_heads", counts["heads"])
    pairs = kv_heads(config, "swa_num_key_value_heads", heads, 2 * counts["kv_heads"], of="swa_num_attention_heads")
    size = config.count("head_dim", "swa_head_dim", counts["head_dim"])
    own = {"window_heads": heads, "window_kv_heads": pairs, "window_head_dim": size}
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
