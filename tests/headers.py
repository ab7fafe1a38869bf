"""Models as the header of a GGUF file describes them, for rows of tests/data/formats.csv."""

from collections import defaultdict

from memcalc import Model
from memcalc.formula import numeric
from memcalc.formula.formats import Format
from memcalc.formula.quantization import stored_bytes
from memcalc.formula.tensors import present

_ARCHITECTURES = {
    "llama": {},
    "qwen2": {"qkv_bias": 1},
    "qwen3": {"qk_norms": 1},
    "qwen3moe": {"qk_norms": 1},
    "gemma2": {"layer_norms": 4},
    "gemma3": {"layer_norms": 4, "qk_norms": 1},
    "gpt-oss": {"qkv_bias": 1, "output_bias": 1, "expert_bias": 1, "sink_heads": 1},
    "deepseek2": {},
    "mamba": {"layer_norms": 1, "conv_bias": 1},
}


def read(header):
    """The model of a header."""
    n = defaultdict(int, header)
    general = {"vocabulary": n["n_vocab"], "hidden": n["n_embd"], "embedding_tables": 1 if n["tied"] else 2}
    layers = _mamba(n) if n["arch"] == "mamba" else _attention(n) | _feed_forward(n)
    return Model(name="header", norm_vectors=1, **general, **layers, **_ARCHITECTURES[n["arch"]])


def bytes_of(model, form):
    """The bytes of the model's tensors in a format."""
    expr = stored_bytes(present(model.structure, model.absent), Format.named(form))
    return numeric.exact(expr)(*(model.values[symbol] for symbol in numeric.arguments(expr)))


def _mamba(n):
    sizes = {"inner": n["d_inner"], "state": n["d_state"], "conv": n["d_conv"], "time_rank": n["dt_rank"]}
    return {"mamba_layers": n["n_layer"], **sizes}


def _attention(n):
    if n["kv_lora"]:
        dims = {"head_dim": n["nope"] + n["rope"], "rope_dim": n["rope"], "value_dim": n["v_dim"]}
        return {"latent_layers": n["n_layer"], "heads": n["n_head"], "kv_rank": n["kv_lora"], **dims}
    size = n["head_dim"] or n["n_embd"] // n["n_head"]
    return {"full_layers": n["n_layer"], "heads": n["n_head"], "kv_heads": n["n_head_kv"], "head_dim": size}


def _feed_forward(n):
    dense = n["dense_lead"] if n["n_expert"] else n["n_layer"]
    counts = {"dense_layers": dense, "moe_layers": n["n_layer"] - dense, "intermediate": n["n_ff"]}
    experts = {"experts": n["n_expert"], "active_experts": min(1, n["n_expert"]), "expert_intermediate": n["n_ff_exp"]}
    return counts | experts | {"shared_intermediate": n["n_shared"] * n["n_ff_exp"]}
