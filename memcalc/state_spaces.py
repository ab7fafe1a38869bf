"""Families whose layers keep a state instead of tokens: Jamba, Mamba, Mamba-2."""

from __future__ import annotations

from memcalc.blocks import Counts, experts, limit, rotary, sizes
from memcalc.config import Config
from memcalc.errors import InputError

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
