"""State-space layers, read from a config.json: Mamba and Mamba-2, alone or between layers of attention."""

from memcalc.errors import InputError
from memcalc.specs.config import Config
from memcalc.specs.experts import experts
from memcalc.specs.layers import Counts, limit, rotary, sizes


def jamba(config: Config, _: Counts, how: str) -> Counts:
    """Return attention in every n-th layer and Mamba in the others; experts in every m-th, one MLP in the others."""
    counts = rotary(config, {}, "null")
    layers, hidden = counts["layers"], counts["hidden"]
    full, sparse = _every_nth(config, layers, "attn_layer", 8, 4), _every_nth(config, layers, "expert_layer", 2, 1)
    attention, moe = len(full), len(sparse)
    config.order = ["full" if place in full else "mamba" for place in range(layers)]
    keys = "num_experts|num_local_experts"
    if config.count("experts", keys) == 1:
        moe, sparse = 0, ()  # a single expert is an MLP
    config.feeds = "".join("E" if place in sparse else "-" for place in range(layers))
    state = _state(config, hidden, "mamba_d_state mamba_d_conv mamba_expand mamba_proj_bias mamba_conv_bias")
    state |= _time_rank(config, "mamba_dt_rank", hidden)
    mixed = {"full_layers": attention, "mamba_layers": layers - attention, "state_norms": 1, "rotary": 0}
    return counts | mixed | state | experts(config, layers, moe, keys=keys)


def mamba(config: Config, _: Counts, how: str) -> Counts:
    """Return Mamba in every layer, and no MLP beside it."""
    counts = sizes(config) | {"layer_norms": 1}
    rank = _time_rank(config, "time_step_rank", counts["hidden"])
    return counts | {"mamba_layers": counts["layers"]} | rank | _state(config, counts["hidden"])


def mamba2(config: Config, _: Counts, how: str) -> Counts:
    """Return Mamba-2 in every layer, and no MLP beside it."""
    counts = sizes(config) | {"layer_norms": 1}
    counts |= {"mamba2_layers": counts["layers"]} | _state(config, counts["hidden"])
    heads, size = config.count("state_heads", "num_heads"), config.count("head_dim", "head_dim")
    if heads * size != counts["inner"]:
        product = f"head_dim = {size:,} must give expand × hidden_size = {counts['inner']:,}"
        raise InputError(f"num_heads in config.json times {product}, but num_heads is {heads:,}.")
    return counts | {"state_heads": heads, "groups": config.count("groups", "n_groups")}


def _state(config: Config, hidden: int, keys: str = "state_size conv_kernel expand use_bias use_conv_bias") -> Counts:
    state, conv, expand, bias, conv_bias = keys.split()
    return {
        "inner": hidden * config.count("inner", expand, 2, most=max(1, limit("inner") // hidden)),
        "state": config.count("state", state),
        "conv": config.count("conv", conv, 4),
        "state_bias": config.flag(bias, False),
        "conv_bias": config.flag(conv_bias, True),
    }


def _time_rank(config: Config, key: str, hidden: int) -> Counts:
    sixteenth = -(-hidden // 16)
    return {"time_rank": config.count("time_rank", key, sixteenth, auto=sixteenth)}


def _every_nth(config: Config, layers: int, kind: str, period: int, offset: int) -> range:
    """Layers whose number leaves the offset when divided by the period."""
    period = config.count("full_layers", f"{kind}_period", period)
    limits = {"least": 0, "most": period - 1, "bound": f"{kind}_period - 1"}
    return range(config.count("full_layers", f"{kind}_offset", offset, null=0, **limits), layers, period)


READERS = {"jamba": jamba, "mamba": mamba, "mamba2": mamba2}
