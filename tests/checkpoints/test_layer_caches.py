"""Names and shapes tell what each layer keeps, or that it cannot be told."""

import pytest

from memcalc import InputError
from memcalc.checkpoints import LayerCache, StoredTensor, layers_of
from memcalc.checkpoints.stored import sorted_out


def stored(shapes, kind="BF16"):
    """Tensors by name, each with its part."""
    tensors = (StoredTensor(name, kind, shape, 0) for name, shape in shapes.items())
    return sorted_out(tensors, "safetensors")


def attention(layer, keys=32, hidden=64, stack="model.layers"):
    names = {f"{stack}.{layer}.self_attn.{one}_proj.weight": (keys, hidden) for one in "kv"}
    return names | {f"{stack}.{layer}.self_attn.q_proj.weight": (64, hidden)}


QWEN3_NEXT = {
    "model.layers.0.linear_attn.in_proj_qkvz.weight": (192, 64),
    "model.layers.0.linear_attn.conv1d.weight": (128, 1, 4),
    "model.layers.0.linear_attn.A_log": (4,),
    "model.layers.0.linear_attn.dt_bias": (4,),
    "model.embed_tokens.weight": (256, 64),
    "mtp.layers.0.self_attn.k_proj.weight": (32, 64),
    "mtp.layers.0.self_attn.v_proj.weight": (32, 64),
} | attention(1)


def test_linear_and_full_attention():
    """The cache of the small Qwen3NextConfig in transformers 5.24.0: conv states of 128 × 4, keys of 2 × 16."""
    first, second = layers_of(stored(QWEN3_NEXT))
    assert first == LayerCache(0, conv=(128, 4), state=(4,))
    assert second == LayerCache(1, keys=32, values=32)


def test_latents_indexes_and_short_convolutions():
    names = {
        "layers.0.self_attn.kv_a_proj_with_mqa.weight": (576, 64),
        "layers.0.self_attn.indexer.wk.weight": (128, 64),
    }
    assert layers_of(stored(names)) == (LayerCache(0, latent=576, index=128),)
    names = {"model.layers.0.conv.conv.weight": (64, 1, 3), "model.layers.0.conv.in_proj.weight": (192, 64)}
    assert layers_of(stored(names | attention(1)))[0] == LayerCache(0, conv=(64, 3))


def test_a_state_beside_attention_and_keys_inside_a_state():
    beside = {"model.layers.0.mamba.A_log": (8,), "model.layers.0.mamba.conv1d.weight": (96, 1, 4)}
    assert layers_of(stored(attention(0) | beside)) == (LayerCache(0, 32, 32, conv=(96, 4), state=(8,)),)
    inside = {f"model.layers.0.self_attn.{one}_conv1d.weight": (64, 1, 4) for one in "qkv"}
    inside |= {"model.layers.0.self_attn.A_log": (1, 1, 8, 1)}
    assert layers_of(stored(attention(0) | inside)) == (LayerCache(0, conv=(192, 4), state=(8,)),)
    deeper = {"model.layers.0.self_attn.gate.A_log": (8,), "model.layers.0.self_attn.conv1d.weight": (192, 1, 4)}
    assert layers_of(stored(attention(0) | deeper)) == (LayerCache(0, conv=(192, 4), state=(8,)),)
    mamba = {"backbone.layers.0.mixer.A_log": (128, 16), "backbone.layers.0.mixer.conv1d.weight": (128, 1, 4)}
    assert layers_of(stored(mamba)) == (LayerCache(0, conv=(128, 4), state=(128, 16)),)


def test_a_layer_without_attention_keeps_nothing():
    mlp = {"model.layers.1.mlp.up_proj.weight": (128, 64), "model.layers.1.post_attention_layernorm.weight": (64,)}
    assert layers_of(stored(attention(0) | mlp)) == (LayerCache(0, 32, 32), LayerCache(1))


@pytest.mark.parametrize(
    "shapes",
    [
        {"qweight": (64, 4), "qzeros": (1, 4), "scales": (1, 32)},  # AWQ: codes in columns
        {"qweight": (8, 32), "g_idx": (64,), "scales": (2, 32), "bias": (32,)},  # GPTQ: codes in rows
        {"weight_packed": (32, 8), "weight_scale": (32, 2), "weight_shape": (2,)},  # compressed-tensors
        {"weight": (32, 8), "scales": (32, 1), "biases": (32, 1)},  # MLX
        {"weight": (32, 64), "weight_scale_inv": (1, 1)},  # FP8
    ],
    ids=["AWQ", "GPTQ", "compressed-tensors", "MLX", "FP8"],
)
def test_packed_matrices_still_show_their_rows(shapes):
    names = {f"model.layers.0.self_attn.{one}.{word}": shapes[word] for one in ("k_proj", "v_proj") for word in shapes}
    assert layers_of(stored(names, "I32")) == (LayerCache(0, keys=32, values=32),)


UNTOLD = {
    "nothing": ({"model.embed_tokens.weight": (8, 8)}, "no layer has a known name"),
    "fused": ({"h.0.attn.c_attn.weight": (8, 24)}, "'h.0.attn.c_attn.weight' makes queries, keys and values in one"),
    "bitsandbytes": (attention(0, 1024, 1), r"of the shape \(1024, 1\) does not show the rows of its matrix"),
    "unknown attention": (
        attention(0) | {"model.layers.1.attn.strange.weight": (8, 8)},
        "no name in the layer of 'model",
    ),
    "recurrent": (
        attention(0) | {"model.layers.1.temporal_block.conv_1d.weight": (8, 1, 4)},
        "cache is of another kind",
    ),
    "two stacks": (attention(0) | attention(0, stack="encoder.layers"), "there are layers of 2 kinds"),
    "cut": (attention(5), "of the 6 layers of 'model.layers' only 1 are there"),
    "two attentions": (
        attention(0) | {f"model.layers.0.other_attn.{one}_proj.weight": (8, 8) for one in "kv"},
        "layer 0 has more than one module with ",
    ),
    "no values": ({"model.layers.0.self_attn.k_proj.weight": (8, 8)}, "layer 0 has keys without values"),
    "cross": (attention(0) | {"model.layers.0.encoder_attn.k_proj.weight": (8, 8)}, "cache is of another kind"),
    "number": ({"model.layers.12345678901.self_attn.k_proj.weight": (8, 8)}, "is in no layer that a model has"),
}


@pytest.mark.parametrize(("shapes", "why"), UNTOLD.values(), ids=UNTOLD)
def test_what_cannot_be_told_is_refused(shapes, why):
    with pytest.raises(InputError, match=rf"^the cache cannot be told from the tensors alone: .*{why}.*\.$"):
        layers_of(stored(shapes))


def test_towers_and_draft_layers_are_not_looked_at():
    tower = {f"model.visual.blocks.0.attn.{one}.weight": (8, 8) for one in ("qkv", "proj")}
    draft = {"model.layers.1.eh_proj.weight": (8, 16), "model.layers.1.self_attn.k_proj.weight": (8, 8)}
    assert layers_of(stored(attention(0) | tower | draft)) == (LayerCache(0, 32, 32),)
