"""GGUF files in the shape of a model: with random weights, or none at all where nobody reads them."""

from collections.abc import Iterator
from math import prod
from pathlib import Path

import gguf
import numpy

from memcalc import Model

ARCHITECTURES = {
    **dict.fromkeys(("llama", "mistral", "mixtral"), "llama"),
    **{family: family for family in ("qwen2", "qwen3", "gemma2", "phi3", "mamba", "falcon", "gpt2")},
    **{"gemma3_text": "gemma3", "qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe", "gpt_oss": "gpt-oss"},
    **dict.fromkeys(("deepseek_v2", "deepseek_v3", "kimi_k2"), "deepseek2"),
}
"""Family of a model → its name in llama.cpp."""

_SCALED = 2.5
"""By which the shares of chosen experts are multiplied in DeepSeek-V3; another number than one is enough."""

_CHOSEN_GROUPS = 4
"""Of the groups that DeepSeek-V2 and V3 choose from; V2 takes 3."""

_EPSILON, _SEED, _FP32 = 1e-5, 0, numpy.dtype(numpy.float32)
_SMALL = (gguf.GGMLQuantizationType.TQ1_0, gguf.GGMLQuantizationType.Q4_0)
_WIDE = ("ffn_gate_inp.weight", "ssm_conv1d.weight", "position_embd.weight")
"""Matrices that the converter leaves in 32 bits, as it does vectors and biases."""

_Shapes = Iterator[tuple[str, tuple[int, ...]]]


def write_sparse(model: Model, path: Path) -> None:
    """Write the header alone, and let the file end where the last weight would: it takes hardly any disk."""
    writer = _described(model)
    for name, shape in _tensors(model):
        kind = _smallest(shape)
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        writer.add_tensor_info(name, shape, _FP32, prod(shape) // elements * size, raw_dtype=kind)
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    [file], [infos] = writer.fout, writer.tensors
    sizes = (writer.ggml_pad(info.nbytes, writer.data_alignment) for info in infos.values())
    file.truncate(writer.ggml_pad(file.tell(), writer.data_alignment) + sum(sizes))
    writer.close()


def write_random(model: Model, path: Path) -> None:
    """Write the file with weights from a normal distribution, always the same; experts in their maker's blocks."""
    writer, random = _described(model), numpy.random.default_rng(_SEED)
    for name, shape in _tensors(model):
        weights, kind = random.standard_normal(shape, dtype=numpy.float32), None
        if name.endswith("_exps.weight") and in_own_blocks(model):
            kind = gguf.GGMLQuantizationType[model.published]
            weights = gguf.quants.quantize(weights, kind)
        elif name.endswith(".weight") and len(shape) > 1 and not name.endswith(_WIDE):
            weights = weights.astype(numpy.float16)
        writer.add_tensor(name, weights, raw_dtype=kind)
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def in_own_blocks(model: Model) -> bool:
    """Return whether the maker of a model stores its experts in blocks that llama.cpp has too."""
    return model.published in gguf.GGMLQuantizationType.__members__


def tensor_bytes(path: Path) -> int:
    """Return the bytes of all tensors in a file."""
    return sum(int(tensor.n_bytes) for tensor in gguf.GGUFReader(path).tensors)


def _smallest(shape: tuple[int, ...]) -> gguf.GGMLQuantizationType:
    """Choose the type of the fewest bits, for the engine fetches every page of the file into memory."""
    fitting = (kind for kind in _SMALL if len(shape) > 1 and shape[-1] % gguf.GGML_QUANT_SIZES[kind][0] == 0)
    return next(fitting, gguf.GGMLQuantizationType.F32)  # which vectors have in every file


def _described(model: Model) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(None, ARCHITECTURES[model.family])
    writer.add_tokenizer_model("no_vocab")  # a number of tokens is enough where no text is read
    writer.add_vocab_size(model.vocabulary)
    writer.add_context_length(model.positions or model.trained_context)
    writer.add_embedding_length(model.hidden)
    writer.add_block_count(model.layers)
    writer.add_layer_norm_rms_eps(_EPSILON)
    writer.add_layer_norm_eps(_EPSILON)  # of families that subtract the mean
    if model.mamba_layers:
        _describe_states(writer, model)
    else:
        _describe_attention(writer, model)
    return writer


def _describe_attention(writer: gguf.GGUFWriter, model: Model):
    writer.add_feed_forward_length(model.intermediate or model.expert_intermediate)
    if model.moe_layers:
        writer.add_expert_count(model.experts)
        writer.add_expert_used_count(model.active_experts)
        writer.add_expert_feed_forward_length(model.expert_intermediate)
    if model.shared_intermediate:
        writer.add_expert_shared_feed_forward_length(model.shared_intermediate)
    writer.add_head_count(model.heads)
    if model.latent_layers:
        _describe_latents(writer, model)
        return
    writer.add_head_count_kv(model.kv_heads)
    writer.add_key_length(model.head_dim)
    writer.add_value_length(model.head_dim)
    writer.add_rope_dimension_count(model.rotary)
    if model.window_layers:
        writer.add_sliding_window(model.window)  # which layers have it is a matter of the architecture


def _describe_latents(writer: gguf.GGUFWriter, model: Model):
    """Describe latent attention as one head of keys, and the heads that are made of it."""
    writer.add_head_count_kv(1)
    writer.add_key_length(model.kv_rank + model.rope_dim)
    writer.add_value_length(model.kv_rank)
    writer.add_key_length_mla(model.head_dim)
    writer.add_value_length_mla(model.value_dim)
    writer.add_rope_dimension_count(model.rope_dim)
    writer.add_kv_lora_rank(model.kv_rank)
    if model.query_rank:
        writer.add_q_lora_rank(model.query_rank)
    writer.add_leading_dense_block_count(model.dense_layers)
    writer.add_expert_shared_count(model.shared_intermediate // model.expert_intermediate)
    if _scored_alone(model):
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
        writer.add_expert_weights_norm(True)
    if model.query_rank:
        writer.add_expert_weights_scale(_SCALED)
    if groups := 8 if model.family == "deepseek_v3" else model.expert_groups:
        writer.add_expert_group_count(groups)
        writer.add_expert_group_used_count(_CHOSEN_GROUPS)


def _scored_alone(model: Model) -> bool:
    """Return whether a router scores each expert by itself, as DeepSeek-V3 does, with a bias for the choice."""
    return model.family in ("deepseek_v3", "kimi_k2")


def _describe_states(writer: gguf.GGUFWriter, model: Model):
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_ssm_inner_size(model.inner)
    writer.add_ssm_state_size(model.state)
    writer.add_ssm_conv_kernel(model.conv)
    writer.add_ssm_time_step_rank(model.time_rank)


def _tensors(model: Model) -> _Shapes:
    """Give each tensor's name and shape, rows first."""
    yield "token_embd.weight", (model.vocabulary, model.hidden)
    yield from _norm("output_norm", model)
    if model.positions:
        yield "position_embd.weight", (model.positions, model.hidden)
    if model.embedding_tables == 2:
        yield "output.weight", (model.vocabulary, model.hidden)
    for layer in range(model.layers):
        parts = _state_space(model) if model.mamba_layers else _decoder_layer(model, layer)
        for name, shape in parts:
            yield f"blk.{layer}.{name}", shape


def _decoder_layer(model: Model, layer: int) -> _Shapes:
    norms = ["attn_norm", "ffn_norm", "post_attention_norm", "post_ffw_norm"][: model.layer_norms]
    if model.sink_heads:
        norms[1] = "post_attention_norm"  # as gpt-oss calls it
    if model.family == "falcon" and model.layer_norms == 2:
        norms[1] = "attn_norm_2"
    for name in norms:
        yield from _norm(name, model)
    yield from _latents(model) if model.latent_layers else _attention(model)
    yield from _experts(model) if layer >= model.layers - model.moe_layers else _dense(model)


def _norm(name: str, model: Model) -> _Shapes:
    yield from ((f"{name}.{part}", (model.hidden,)) for part in ("weight", "bias")[: model.norm_vectors])


def _attention(model: Model) -> _Shapes:
    d, queries, keys = model.hidden, model.heads * model.head_dim, model.kv_heads * model.head_dim
    packed = "qkv" in model.packing.split()
    for name, rows in ({"qkv": queries + 2 * keys} if packed else {"q": queries, "k": keys, "v": keys}).items():
        yield f"attn_{name}.weight", (rows, d)
        if model.qkv_bias:
            yield f"attn_{name}.bias", (rows,)
    yield "attn_output.weight", (d, queries)
    if model.output_bias:
        yield "attn_output.bias", (d,)
    if model.qk_norms:
        yield from ((f"attn_{name}_norm.weight", (model.head_dim,)) for name in "qk")
    if model.sink_heads:
        yield "attn_sinks.weight", (model.heads,)


def _latents(model: Model) -> _Shapes:
    d, queries, plain = model.hidden, model.heads * model.head_dim, model.head_dim - model.rope_dim
    if model.query_rank:
        yield from (("attn_q_a.weight", (model.query_rank, d)), ("attn_q_a_norm.weight", (model.query_rank,)))
        yield "attn_q_b.weight", (queries, model.query_rank)
    else:
        yield "attn_q.weight", (queries, d)
    yield "attn_kv_a_mqa.weight", (model.kv_rank + model.rope_dim, d)
    yield "attn_kv_a_norm.weight", (model.kv_rank,)
    yield "attn_k_b.weight", (model.heads, model.kv_rank, plain)
    yield "attn_v_b.weight", (model.heads, model.value_dim, model.kv_rank)
    yield "attn_output.weight", (d, model.heads * model.value_dim)


def _experts(model: Model) -> _Shapes:
    yield "ffn_gate_inp.weight", (model.experts, model.hidden)
    yield from _mlp("_exps", (model.experts,), model.hidden, model.expert_intermediate)
    if _scored_alone(model):
        yield "exp_probs_b.bias", (model.experts,)
    if model.shared_intermediate:
        yield from _mlp("_shexp", (), model.hidden, model.shared_intermediate)
    if model.shared_gate:
        yield "ffn_gate_inp_shexp.weight", (model.hidden,)
    if model.expert_bias:
        yield "ffn_gate_inp.bias", (model.experts,)
        widths = {"gate": model.expert_intermediate, "up": model.expert_intermediate, "down": model.hidden}
        yield from ((f"ffn_{name}_exps.bias", (model.experts, width)) for name, width in widths.items())


def _dense(model: Model) -> _Shapes:
    packed = 2 if "gate_up" in model.packing.split() else 1
    if packed == 1 and model.mlp_matrices == 3:
        yield from _mlp("", (), model.hidden, model.intermediate)
        return
    for name, shape in {
        "up": (packed * model.intermediate, model.hidden),
        "down": (model.hidden, model.intermediate),
    }.items():
        yield f"ffn_{name}.weight", shape
        if model.mlp_bias:
            yield f"ffn_{name}.bias", shape[:1]


def _mlp(ending: str, of_each: tuple[int, ...], d: int, width: int) -> _Shapes:
    for name, shape in {"gate": (width, d), "up": (width, d), "down": (d, width)}.items():
        yield f"ffn_{name}{ending}.weight", (*of_each, *shape)


def _state_space(model: Model) -> _Shapes:
    d, inner, state, rank = model.hidden, model.inner, model.state, model.time_rank
    yield from (("attn_norm.weight", (d,)), ("ssm_in.weight", (2 * inner, d)), ("ssm_out.weight", (d, inner)))
    yield from (("ssm_conv1d.weight", (inner, model.conv)), ("ssm_conv1d.bias", (inner,)))
    yield from (("ssm_x.weight", (rank + 2 * state, inner)), ("ssm_dt.weight", (inner, rank)))
    yield from (("ssm_dt.bias", (inner,)), ("ssm_a", (inner, state)), ("ssm_d", (inner,)))
