"""What the layers of many families share, read from a config.json: sizes, heads, windows, one MLP."""

from collections.abc import Collection

from memcalc.errors import InputError
from memcalc.formula.glossary import BY_NAME
from memcalc.specs.config import Config, missing, refusal

Counts = dict[str, int]
"""Field of a `Model` → number."""

LETTERS = {
    **{"full": "F", "window": "W", "latent": "L", "mamba": "S", "mamba2": "M", "delta": "D", "conv": "C"},
    **{"linear": "N", "mlp": "-", "moe": "E"},
}
"""Kind of a layer, as readers of a config.json call it → its letter in `specs.order`."""

ATTENTION = ("qkv_bias", "output_bias")
EVERYWHERE = (*ATTENTION, "mlp_bias")
"""Biases of all four matrices of the attention, and those of the MLP with them."""


def sizes(config: Config) -> Counts:
    """Return what every family has; `layers` stands beside the fields for the family to divide."""
    return {
        "layers": config.count("full_layers", config.spelled("layers", "num_hidden_layers"), config.listed_layers()),
        "hidden": config.count("hidden", "hidden_size"),
        "vocabulary": config.count("vocabulary", "vocab_size"),
        "embedding_tables": 2 - config.flag("tie_word_embeddings", False),
        "norm_vectors": 1,
    }


def rotary(config: Config, _: Counts, how: str) -> Counts:
    """Return a decoder with RMSNorm, rotary positions and a gated MLP in every layer, without biases.

    Parameters
    ----------
    how : "absent" or "null" if there are as many key and value heads as heads where the key is absent or null; "floor"
        if heads that do not divide the layer leave the rest of it out
    """
    counts = sizes(config)
    heads = config.count("heads", "num_attention_heads")
    size = config.count("head_dim", "head_dim", lambda: share(counts["hidden"], heads, exact=how != "floor"))
    absent, null = (heads if how == what else None for what in ("absent", "null"))
    groups = kv_heads(config, "num_key_value_heads", heads, absent, null)
    counts |= {"heads": heads, "kv_heads": groups, "head_dim": size, "rotary": size, "full_layers": counts["layers"]}
    counts |= one_mlp(config, counts["layers"]) | context(config)
    if "partial_rotary_factor" in config.documented:
        counts["rotary"] = int(counts["head_dim"] * config.part("partial_rotary_factor"))
    return counts


def latent(config: Config, _: Counts, how: str) -> Counts:
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
    return counts | shape | one_mlp(config, counts["layers"]) | context(config)


def plain(config: Config, _: Counts, how: str) -> Counts:
    """Return a decoder with LayerNorm and an MLP of two matrices, equal heads, and biases everywhere.

    Parameters
    ----------
    how : "four" if the MLP is four times as wide as the layer where no key says it, "always" if it always is
    """
    counts = sizes(config)
    attention = equal_heads(config, counts["hidden"])
    wide = 4 * counts["hidden"]
    width = wide if how == "always" else config.count("intermediate", "intermediate_size", wide if how else None)
    everywhere = dict.fromkeys(("full_layers", "dense_layers"), counts["layers"]) | dict.fromkeys(EVERYWHERE, 1)
    return counts | everywhere | {"norm_vectors": 2, "mlp_matrices": 2, "intermediate": width} | attention


def turned(config: Config, counts: Counts, key: str) -> Counts:
    """Return how much of a head rotary positions turn, which stands under a key of the family's own."""
    return {"rotary": int(counts["head_dim"] * config.part(key, 0.25))}


def positions(config: Config, counts: Counts, more: str) -> Counts:
    """Return a learned table of positions, with so many rows more than there are positions."""
    more = int(more or 0)
    rows = config.count("positions", "max_position_embeddings", most=limit("positions") - more)
    return {"positions": rows + more, "trained_context": rows}


def square(config: Config, counts: Counts, key: str) -> Counts:
    """Refuse an embedding of another width than the layers."""
    width = counts["hidden"]
    config.count("hidden", key, width, least=width, most=width, bound="hidden_size")
    return {}


def falcon(config: Config, _: Counts, how: str) -> Counts:
    """Return heads that share keys and values by switches of Falcon's own, and one or two norms in a layer."""
    counts, new = plain(config, {}, "four"), config.flag("new_decoder_architecture", False)
    if new:
        counts["kv_heads"] = kv_heads(config, "num_kv_heads", counts["heads"], counts["heads"])
    elif config.flag("multi_query", True):
        counts["kv_heads"] = 1
    counts["rotary"] = 0 if config.flag("alibi", False) else counts["head_dim"]
    if config.flag("parallel_attn", True):
        counts["layer_norms"] = config.count("layer_norms", "num_ln_in_parallel_attn", 1 + new, most=2)
    return counts | context(config)


def one_mlp(config: Config, layers: int) -> Counts:
    """Return layers that all have a gated MLP."""
    width = config.count("intermediate", "intermediate_size")
    return {"dense_layers": layers, "mlp_matrices": 3, "intermediate": width}


def context(config: Config, counts: Counts | None = None, how: str = "") -> Counts:
    """Return the longest context that the model was trained for."""
    return {"trained_context": config.count("context", "max_position_embeddings")}


def kv_heads(
    config: Config,
    key: str,
    heads: int,
    default: int | None,
    null: int | None = None,
    of: str = "num_attention_heads",
) -> int:
    """Return the key and value heads, each of which serves as many query heads, whose key is `of`."""
    count = config.count("kv_heads", key, default, null)
    if heads % count:
        raise InputError(f"{key} in config.json must divide {of} = {heads:,}, not {count:,}.")
    return count


def equal_heads(config: Config, hidden: int) -> Counts:
    """Return heads that share the hidden size equally, with as many for keys and values."""
    keys, of = (config.spelled(*pair) for pair in (("heads", "num_attention_heads"), ("hidden", "hidden_size")))
    count = config.count("heads", keys)
    return {"heads": count, "kv_heads": count, "head_dim": share(hidden, count, keys.split("|")[0], of.split("|")[0])}


def share(hidden: int, heads: int, key: str = "num_attention_heads", of: str = "hidden_size", exact=True) -> int:
    """Return the size of a head that is an equal share of the hidden size, whose key is `of`; rounded, if not `exact`.

    >>> share(4096, 32)
    128
    """
    size, rest = divmod(hidden, heads)
    if (rest and exact) or not 0 < size <= limit("head_dim"):
        equal = f"{of} = {hidden:,} into equal heads of at most {limit('head_dim'):,}"
        raise InputError(f"{key} in config.json must divide {equal}, not {heads:,}.")
    return size


def window(config: Config) -> int:
    """Return the window; 0 for none, which is what null says, or a switch that is off."""
    off = "use_sliding_window" in config.documented and not config.flag("use_sliding_window")
    return 0 if off else config.count("window", "sliding_window", null=0)


def windows(config: Config, layers: int, width: int, places: Collection[int]) -> Counts:
    """Return the layers with and without a window; those at `places` have one unless the file lists all kinds."""
    kinds = config.kinds(layers)
    if kinds is not None:
        places = [place for place, kind in enumerate(kinds) if kind != "full_attention"]
    config.order = ["window" if place in places else "full" for place in range(layers)]
    sliding = len(places)
    needed(config, sliding, width)
    return {"full_layers": layers - sliding, "window_layers": sliding, "window": width if sliding else 0}


def needed(config: Config, sliding: int, width: int) -> int:
    """Return the window; InputError if there is none for layers that by layer_types have one."""
    if sliding and not width:
        switch = "(and use_sliding_window must be true where there is one)"
        why = f"{switch}, for by layer_types {sliding:,} layers have a window"
        allowed = f"a whole number from 1 to {limit('window'):,} {why}"
        key = config.spelled("window", "sliding_window")
        raise InputError(f"{key} in config.json must be {allowed}, not null or switched off.")
    return width


def layers_with_windows(config: Config, counts: Counts, how: str) -> Counts:
    """Return which layers have a window, where the file does not list the kind of each.

    Parameters
    ----------
    how : "all" if a window is given; "upper" from `max_window_layers` on, "half" for every second of those below;
        "alternating", beginning with the first; "most" but every n-th; "none"; "listed" if the file must list them
    """
    layers, width = counts["layers"], window(config)
    return windows(config, layers, width, _SLIDING[how](config, layers, width))


def _all(config: Config, layers: int, width: int) -> Collection[int]:
    return range(layers if width else 0)


def _upper(config: Config, layers: int, width: int) -> Collection[int]:
    below = config.count("full_layers", "max_window_layers", 28, least=0) if width else layers
    return range(below, layers)


def _half(config: Config, layers: int, width: int) -> Collection[int]:
    below = config.count("full_layers", "max_window_layers", 28, least=0) if width else 0
    return range(0, min(layers, below), 2)


def _alternating(config: Config, layers: int, width: int) -> Collection[int]:
    if config.kinds(layers) is None:
        config.assumed.append("layer_types")
    return range(0, layers, 2)


def _most(config: Config, layers: int, width: int) -> Collection[int]:
    if config.kinds(layers) is not None or not width:
        return ()
    keys = config.spelled("window_layers", "sliding_window_pattern|_sliding_window_pattern")
    step = config.count("window_layers", keys, 6)
    return [place for place in range(layers) if (place + 1) % step]


def _none(config: Config, layers: int, width: int) -> Collection[int]:
    return ()


def _listed(config: Config, layers: int, width: int) -> Collection[int]:
    if width and config.kinds(layers) is None:
        raise missing("layer_types", "a list that says of each layer whether it has the window")
    return ()


_SLIDING = {
    **{"all": _all, "upper": _upper, "half": _half, "alternating": _alternating, "most": _most},
    **{"none": _none, "listed": _listed},
}


def limit(name: str) -> int:
    """Return the largest value of a symbol."""
    return BY_NAME[name].limit


def own_heads(config: Config, counts: Counts, how: str) -> Counts:
    """Return the heads of window layers where a list says how many each layer has, which layers of a kind share."""
    layers, key = counts["layers"], "num_attention_heads_per_layer"
    numbers = config.numbers(key, layers)
    if not numbers:
        return {}
    kinds = config.kinds(layers) or ["full_attention"] * layers
    full, windows = (
        {number for number, kind in zip(numbers, kinds, strict=True) if (kind == "full_attention") == whole}
        for whole in (True, False)
    )
    if len(full) > 1 or len(windows) > 1:
        raise refusal(key, "as many heads in all layers of a kind", numbers)
    (heads,), (others,) = full or windows, windows or full
    return {"heads": heads} | ({"window_heads": others} if others != heads else {})


def multi_query(config: Config, counts: Counts, how: str) -> Counts:
    """Return one head of keys and values for all queries, if a switch says so."""
    return {"kv_heads": 1 if config.flag("multi_query", True) else counts["heads"]}


READERS = {
    **{"rotary": rotary, "latent": latent, "plain": plain, "falcon": falcon, "turned": turned, "context": context},
    **{"positions": positions, "square": square, "multi_query": multi_query, "own_heads": own_heads},
    **{"windows": layers_with_windows},
}
"""Name → reader, as a row of data/families.csv lists them: of a config, what was read before, and how."""
