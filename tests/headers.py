"""Tensors of a model as the header of a GGUF file describes it, for rows of measured_formats.csv."""

from collections import defaultdict

from sympy import Integer

from memcalc.formula.gguf import Architecture
from memcalc.formula.tensors import Tensor


def read(header):
    """The tensors, and what the quantizer looks at."""
    n = defaultdict(lambda: Integer(0), {key: Integer(value) for key, value in header.items() if key != "arch"})
    n["arch"] = header["arch"]
    n["head_dim"] = n["head_dim"] or n["n_embd"] / (n["n_head"] or Integer(1))
    inside = _mamba(n) if n["arch"] == "mamba" else [*_attention(n), *_feed_forward(n)]
    outside = [("embed_tokens", "embedding", 1, n["n_vocab"], n["n_embd"]), ("norm", "norm", 1, n["n_embd"])]
    if not n["tied"]:
        outside.append(("lm_head", "head", 1, n["n_vocab"], n["n_embd"]))
    tensors = tuple(Tensor(name, group, Integer(count), shape) for name, group, count, *shape in outside + inside)
    hashable = tuple(Tensor(t.name, t.group, t.count, tuple(map(Integer, t.shape))) for t in tensors)
    return hashable, Architecture(n["n_layer"], n["n_head"], n["n_head_kv"], n["n_expert"], n["nope"])


def _mamba(n):
    layers, d, inner, state, rank = n["n_layer"], n["n_embd"], n["d_inner"], n["d_state"], n["dt_rank"]
    return [
        ("in_proj", "ssm", layers, 2 * inner, d),
        ("conv1d", "ssm", layers, inner, 1, n["d_conv"]),
        ("conv1d_bias", "bias", layers, inner),
        ("x_proj", "ssm", layers, rank + 2 * state, inner),
        ("dt_proj", "ssm", layers, inner, rank),
        ("dt_proj_bias", "bias", layers, inner),
        ("A_log", "ssm", layers, inner, state),
        ("D", "ssm", layers, inner),
        ("out_proj", "ssm", layers, d, inner),
        ("norm", "norm", layers, d),
    ]


def _attention(n):
    arch, layers, d, width = n["arch"], n["n_layer"], n["n_embd"], n["n_head"] * n["head_dim"]
    keys = n["n_head_kv"] * n["head_dim"]
    yield ("layernorm", "norm", (4 if arch in ("gemma2", "gemma3") else 2) * layers, d)
    if n["kv_lora"]:
        yield ("q_proj", "attention", layers, n["n_head"] * (n["nope"] + n["rope"]), d)
        yield ("kv_a_proj_with_mqa", "attention", layers, n["kv_lora"] + n["rope"], d)
        yield ("kv_a_layernorm", "norm", layers, n["kv_lora"])
        yield ("kv_b_proj", "attention", layers, n["n_head"] * (n["nope"] + n["v_dim"]), n["kv_lora"])
        yield ("o_proj", "attention", layers, d, n["n_head"] * n["v_dim"])
        return
    for name, rows, columns in (("q", width, d), ("k", keys, d), ("v", keys, d), ("o", d, width)):
        yield (f"{name}_proj", "attention", layers, rows, columns)
        if arch == "gpt-oss" or (arch == "qwen2" and name != "o"):
            yield (f"{name}_proj_bias", "bias", layers, rows)
    if arch == "gpt-oss":
        yield ("sinks", "attention", layers, n["n_head"])
    if arch in ("qwen3", "qwen3moe", "gemma3"):
        yield ("qk_norm", "norm", 2 * layers, n["head_dim"])


def _feed_forward(n):
    experts, d, inner = n["n_expert"], n["n_embd"], n["n_ff_exp"]
    dense = n["dense_lead"] if experts else n["n_layer"]
    routed = n["n_layer"] - dense
    yield ("gate_proj", "mlp", dense, n["n_ff"], d)
    yield ("up_proj", "mlp", dense, n["n_ff"], d)
    yield ("down_proj", "mlp", dense, d, n["n_ff"])
    yield ("gate", "router", routed, experts, d)
    yield ("gate_up_proj", "experts", routed, experts, 2 * inner, d)
    yield ("down_proj", "experts", routed, experts, d, inner)
    yield ("shared_gate_up_proj", "mlp", routed, 2 * n["n_shared"] * inner, d)
    yield ("shared_down_proj", "mlp", routed, d, n["n_shared"] * inner)
    if n["arch"] == "gpt-oss":
        for name, rows in (("router_bias", 1), ("gate_up_proj_bias", 2 * inner), ("down_proj_bias", d)):
            yield (name, "bias", routed, experts, rows)
