"""Layers with experts, read from a config.json: how many layers have them, and how many, how wide, and shared."""

from collections.abc import Collection

from memcalc.specs.config import Config, missing, refusal
from memcalc.specs.layers import Counts, limit


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
    keys = config.spelled("experts", keys)
    count = config.count("experts", keys)
    most, bound = (count if moe else None), keys.split("|")[0]
    counts = {
        "experts": count,
        "active_experts": config.count("active_experts", "num_experts_per_tok", most=most, bound=bound),
        "expert_intermediate": config.count("expert_intermediate", width),
    }
    return {"moe_layers": moe, "dense_layers": layers - moe} | (counts if moe else {})


def routed(config: Config, counts: Counts, how: str) -> Counts:
    """Return experts in the layers that the file lists, or else by a rule; the others have one MLP.

    Parameters
    ----------
    how : "all" if every layer has them, as wide as an MLP; "wide" if it has, as wide as a key of their own says;
        "after" the first ones, in every n-th; "every" n-th; "listed" if the file must list them
    """
    layers = counts["layers"]
    listed = config.words("mlp_layer_types", layers, ("dense", "sparse"))
    sparse = [place for place in range(layers) if listed[place] == "sparse"] if listed else _ROUTED[how](config, layers)
    moe = _noted(config, layers, sparse)
    width = "intermediate_size" if how == "all" else "moe_intermediate_size"
    keys = "n_routed_experts|num_experts|num_local_experts" if how == "after" else "num_local_experts|num_experts"
    return experts(config, layers, moe, width, keys) | ({"intermediate": 0} if moe == layers else {})


def _noted(config: Config, layers: int, sparse: Collection[int]) -> int:
    """Note which layers have experts, and return how many."""
    config.feeds = "".join("E" if place in sparse else "-" for place in range(layers))
    return len(sparse)


def _after(config: Config, layers: int) -> Collection[int]:
    if isinstance(config.given("moe_layer_freq"), list):  # 0 or 1 for each layer
        listed = config.numbers("moe_layer_freq", layers, least=0, most=1)
        return [place for place, says in enumerate(listed) if says]
    start = config.count("dense_layers", "first_k_dense_replace", least=0, most=layers, bound="num_hidden_layers")
    known = "moe_layer_freq" in config.documented or config.given("moe_layer_freq") is not None
    step = config.count("moe_layers", "moe_layer_freq") if known else 1
    return range(-(-start // step) * step, layers, step)


def _every(config: Config, layers: int) -> Collection[int]:
    if config.given("moe_layers") is not None:
        return config.places("moe_layers", layers)
    step = config.count("moe_layers", "interleave_moe_layer_step", 1)
    return range(step - 1, layers, step)


def _listed(config: Config, layers: int) -> Collection[int]:
    raise missing("mlp_layer_types", "a list that says of each layer whether it has experts")


_ROUTED = {
    **dict.fromkeys(("all", "wide"), lambda config, layers: range(layers)),
    **{"after": _after, "every": _every, "listed": _listed},
}


def until(config: Config, counts: Counts, key: str) -> Counts:
    """Refuse a layer after which no more layers have experts, but for the last one."""
    last, end = counts["layers"] - 1, config.count("moe_layers", key, -1, least=-1)
    if end != -1 and end < last:
        raise refusal(key, f"-1 or at least that of the last layer, {last:,}", end)
    return {}


def sparse(config: Config, counts: Counts, how: str) -> Counts:
    """Return experts in every n-th layer, but for those that the file exempts, as Qwen has them."""
    layers = counts["layers"]
    step, dense = config.count("moe_layers", "decoder_sparse_step", 1), config.places("mlp_only_layers", layers)
    places = [place for place in range(step - 1, layers, step) if place not in dense]
    return experts(
        config, layers, _noted(config, layers, places), "moe_intermediate_size", "num_experts|num_local_experts"
    )


def shared(config: Config, counts: Counts, how: str) -> Counts:
    """Return the experts that every token passes, each as wide as a routed one: as many as a key says, or "one"."""
    width = counts.get("expert_intermediate", 0)
    most = limit("shared_intermediate") // max(1, width)
    if how == "one":
        return {"shared_intermediate": width}
    number = config.count("shared_intermediate", "n_shared_experts", null=0, least=0, most=most)
    return {"shared_intermediate": width * number}


def shared_width(config: Config, counts: Counts, how: str) -> Counts:
    """Return the width of an MLP that every token passes beside its experts."""
    least = 0 if how == "optional" else 1
    width = config.count("shared_intermediate", "shared_expert_intermediate_size", least=least)
    return {"shared_intermediate": width if counts.get("moe_layers", 1) else 0}


def choosing(config: Config, counts: Counts, how: str) -> Counts:
    """Return how a router chooses.

    Parameters
    ----------
    how : "normed" if a switch says whether the weights of the chosen experts are made to add up to one; "limited" if
        they never are, and a method says whether the experts of all groups but a few are masked
    """
    if how == "normed":
        return {"normed_choices": config.flag("norm_topk_prob")}
    limited = config.given("topk_method") == "group_limited_greedy"
    return {"expert_groups": config.count("expert_groups", "n_group")} if limited else {}


READERS = {
    "choosing": choosing,
    "routed": routed,
    "until": until,
    "sparse": sparse,
    "shared": shared,
    "shared_width": shared_width,
}
"""Name → reader, as a row of data/families.csv lists them."""
