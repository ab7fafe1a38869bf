"""What each `model_type` of a Hugging Face config.json means in the fields of a `Model`.

A family is a row of FAMILIES: what reads it, and the defaults that wolf2020transformers, 5.23.0, documents for the keys
that a file may leave out. What no other family has is read by a function of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

from memcalc.errors import InputError, choice
from memcalc.specs.config import Config, load, refusal
from memcalc.specs.layers import (
    ATTENTION,
    EVERYWHERE,
    Counts,
    after_dense,
    all_but_every_nth,
    all_windows,
    alternating,
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
    upper_windows,
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
    config = Config(values, family, FAMILIES[family].documented)
    counts = FAMILIES[family].counts(config)
    del counts["layers"]
    texts = {"name": name, "source": name, "family": family, "packing": FAMILIES[family].packing}
    return texts | counts | {"assumed": tuple(dict.fromkeys(config.assumed)), "ignored": config.ignored()}


def _text(values: Mapping) -> Mapping:
    text = values.get("text_config")
    if not isinstance(text, Mapping):
        raise refusal("text_config", "an object in braces for gemma3", text)
    tied = values.get("tie_word_embeddings")
    return {**values, **text} | ({} if tied is None else {"tie_word_embeddings": tied})


@dataclass(frozen=True)
class Family:
    """What a `model_type` means.

    Parameters
    ----------
    read : reads the counts of the decoder
    documented : key → its default, where a file may leave it out
    parts : read which layers have experts, or a window
    fixed : counts for which the family has no key
    packing : matrices that its code stores as one
    """

    read: Callable[[Config], Counts]
    documented: dict[str, object] = field(default_factory=dict)
    parts: tuple[Callable[[Config, int], Counts], ...] = ()
    fixed: Counts = field(default_factory=dict)
    packing: str = ""

    def counts(self, config: Config) -> Counts:
        """Return the counts in a file."""
        counts = self.read(config)
        for part in self.parts:
            counts |= part(config, counts["layers"])
        return counts | self.fixed

    def but(self, documented: dict[str, object], **changes: object) -> Self:
        """Return a family like this one, with other defaults for some keys, and other fields."""
        return replace(self, documented=self.documented | documented, **changes)


def _qwen2_moe(config: Config) -> Counts:
    counts = rotary(config) | {"qkv_bias": config.flag("qkv_bias", True), "shared_gate": 1}
    counts["shared_intermediate"] = config.count("shared_intermediate", "shared_expert_intermediate_size")
    layers, width = counts["layers"], window(config)
    upto = config.count("full_layers", "max_window_layers", 28, least=0) if width else 0
    return counts | sparse(config, layers) | windows(config, layers, width, -(-min(layers, upto) // 2))  # every second


def _glm4_moe(config: Config) -> Counts:
    counts = rotary(config)
    counts |= after_dense(config, counts["layers"])
    switches = {"qkv_bias": config.flag("attention_bias", False), "qk_norms": config.flag("use_qk_norm", False)}
    return counts | switches | {"rotary": int(counts["head_dim"] * config.part("partial_rotary_factor", 0.5))}


def _deepseek_v2(config: Config) -> Counts:
    config.must("mlp_bias", False)
    return latent(config)


def _gpt2(config: Config) -> Counts:
    counts = sizes(config, layers="n_layer|num_hidden_layers", hidden="n_embd|hidden_size")
    attention = equal_heads(config, counts["hidden"], "n_head|num_attention_heads", "n_embd")
    width = config.count("intermediate", "n_inner", 4 * counts["hidden"])
    rows = config.count("positions", "n_positions|max_position_embeddings")
    return plain(counts, width) | attention | {"positions": rows, "trained_context": rows}


def _gpt_neox(config: Config) -> Counts:
    counts = sizes(config)
    attention = equal_heads(config, counts["hidden"]) | dict.fromkeys(ATTENTION, config.flag("attention_bias", True))
    attention["rotary"] = int(attention["head_dim"] * config.part("rotary_pct", 0.25))
    return plain(counts, config.count("intermediate", "intermediate_size")) | attention | context(config)


def _opt(config: Config) -> Counts:
    counts = sizes(config)
    config.must("do_layer_norm_before", True)
    config.must("_remove_final_layer_norm", False)
    config.must("layer_norm_elementwise_affine", True)
    hidden = counts["hidden"]
    config.count("hidden", "word_embed_proj_dim", hidden, least=hidden, most=hidden, bound="hidden_size")
    biases = dict.fromkeys(EVERYWHERE, config.flag("enable_bias", True))
    rows = config.count("positions", "max_position_embeddings", most=limit("positions") - 2)
    shape = plain(counts, config.count("intermediate", "ffn_dim")) | equal_heads(config, hidden) | biases
    return shape | {"positions": rows + 2, "trained_context": rows}  # two rows for padding


def _bloom(config: Config) -> Counts:
    counts = sizes(config, layers="n_layer|num_hidden_layers", hidden="hidden_size|n_embed")
    attention = equal_heads(config, counts["hidden"], "n_head|num_attention_heads")
    return plain(counts, 4 * counts["hidden"]) | attention


def _falcon(config: Config) -> Counts:
    counts = sizes(config, hidden="hidden_size|n_embed")
    hidden, new = counts["hidden"], config.flag("new_decoder_architecture", False)
    shape = plain(counts, config.count("intermediate", "ffn_hidden_size", 4 * hidden)) | equal_heads(config, hidden)
    shape |= dict.fromkeys(EVERYWHERE, config.flag("bias", False))
    if new:
        shape["kv_heads"] = kv_heads(config, "num_kv_heads", shape["heads"], shape["heads"])
    elif config.flag("multi_query", True):
        shape["kv_heads"] = 1
    shape["rotary"] = 0 if config.flag("alibi", False) else shape["head_dim"]
    if config.flag("parallel_attn", True):
        shape["layer_norms"] = config.count("layer_norms", "num_ln_in_parallel_attn", 1 + new, most=2)
    return shape | context(config)


def _jamba(config: Config) -> Counts:
    """Return attention in every n-th layer and Mamba in the others; experts in every m-th, one MLP in the others."""
    counts = rotary(config, "null")
    layers, hidden = counts["layers"], counts["hidden"]
    attention, moe = _every_nth(config, layers, "attn_layer", 8, 4), _every_nth(config, layers, "expert_layer", 2, 1)
    keys = "num_experts|num_local_experts"
    if config.count("experts", keys) == 1:
        moe = 0  # a single expert is an MLP
    state = _state(config, hidden, "mamba_d_state mamba_d_conv mamba_expand mamba_proj_bias mamba_conv_bias")
    state |= _time_rank(config, "mamba_dt_rank", hidden)
    mixed = {"full_layers": attention, "mamba_layers": layers - attention, "state_norms": 1, "rotary": 0}
    return counts | mixed | state | experts(config, layers, moe, keys=keys)


def _mamba(config: Config) -> Counts:
    """Return Mamba in every layer, and no MLP beside it."""
    counts = sizes(config) | {"layer_norms": 1}
    rank = _time_rank(config, "time_step_rank", counts["hidden"])
    return counts | {"mamba_layers": counts["layers"]} | rank | _state(config, counts["hidden"])


def _mamba2(config: Config) -> Counts:
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


def _every_nth(config: Config, layers: int, kind: str, period: int, offset: int) -> int:
    """Layers whose number leaves the offset when divided by the period."""
    period = config.count("full_layers", f"{kind}_period", period)
    limits = {"least": 0, "most": period - 1, "bound": f"{kind}_period - 1"}
    return len(range(config.count("full_layers", f"{kind}_offset", offset, null=0, **limits), layers, period))


_TIED, _UNBIASED = {"tie_word_embeddings": True}, {"attention_bias": False}
_QWEN = {"max_position_embeddings": 32768, "use_sliding_window": False, "sliding_window": 4096}
_QWEN_3 = _QWEN | _UNBIASED | {"use_qk_norm": True}  # always
_GEMMA_3_4B = {"vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4}
"""What the published files of Gemma 3 leave out."""

_grouped = partial(rotary, kv="null")
_gemma = Family(rotary, {"max_position_embeddings": 8192, "head_dim": 256} | _TIED | _UNBIASED)
_gemma2 = _gemma.but({"sliding_window": 4096}, parts=(alternating,), fixed={"layer_norms": 4})
_gemma3 = _gemma2.but(
    {"max_position_embeddings": 131072}, parts=(all_but_every_nth,), fixed={"layer_norms": 4, "qk_norms": 1}
)
_deepseek_v3 = Family(
    latent, {"max_position_embeddings": 4096, "first_k_dense_replace": 3, "moe_layer_freq": 1}, (after_dense,)
)

FAMILIES = {
    "llama": Family(partial(rotary, kv="absent"), {"max_position_embeddings": 2048, "mlp_bias": False} | _UNBIASED),
    "mistral": Family(_grouped, {"max_position_embeddings": 131072, "sliding_window": 4096}, (all_windows,)),
    "mixtral": Family(
        _grouped, {"max_position_embeddings": 131072, "sliding_window": 0}, (experts, all_windows), {"intermediate": 0}
    ),
    "qwen2": Family(_grouped, _QWEN, (upper_windows,), {"qkv_bias": 1}),
    "qwen2_moe": Family(_qwen2_moe, _QWEN),
    "qwen3": Family(_grouped, _QWEN_3 | {"head_dim": 128}, (upper_windows,), {"qk_norms": 1}),
    "qwen3_moe": Family(rotary, _QWEN_3, (sparse, all_windows), {"qk_norms": 1}),
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
    "gemma3": _gemma3.but(_GEMMA_3_4B),
    "phi3": Family(
        partial(rotary, kv="absent"),
        {"max_position_embeddings": 4096, "partial_rotary_factor": 1, "sliding_window": 0},
        (all_windows,),
        packing="qkv gate_up",
    ),
    "deepseek_v2": _deepseek_v3.but({"max_position_embeddings": 2048, "first_k_dense_replace": 0}, read=_deepseek_v2),
    "deepseek_v3": _deepseek_v3,
    "kimi_k2": _deepseek_v3,
    "glm4_moe": Family(_glm4_moe, {"max_position_embeddings": 131072, "first_k_dense_replace": 1}),
    "gpt_oss": Family(
        _grouped,
        {"max_position_embeddings": 131072, "head_dim": 64, "attention_bias": True, "sliding_window": 128},
        (experts, alternating),
        {"intermediate": 0, "expert_bias": 1, "sink_heads": 1},
    ),
    "gpt2": Family(_gpt2, _TIED, packing="qkv"),
    "gpt_neox": Family(_gpt_neox, {"max_position_embeddings": 2048}, packing="qkv"),
    "opt": Family(_opt, _TIED),
    "bloom": Family(_bloom, _TIED, fixed={"embedding_norms": 1}, packing="qkv"),
    "falcon": Family(_falcon, {"max_position_embeddings": 2048} | _TIED, packing="qkv"),
    "jamba": Family(_jamba, {"max_position_embeddings": 262144}),
    "mamba": Family(_mamba, _TIED),
    "mamba2": Family(_mamba2),
}
"""`model_type` → what it means; one that is like another with a few differences is that one `but` for these."""
