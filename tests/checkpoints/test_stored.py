"""The part of a model that a tensor belongs to is told by its name."""

import re

import pytest

from memcalc import catalogue
from memcalc.checkpoints import Checkpoint
from memcalc.checkpoints.stored import WEIGHTS, StoredTensor, layer_of, parts_of, sorted_out

NAMES = {
    "safetensors": {
        "model.layers.3.self_attn.k_proj.weight": "weights",
        "model.embed_tokens.weight": "weights",
        "lm_head.weight": "weights",
        "model.language_model.layers.0.mlp.up_proj.weight": "weights",
        "model.visual.blocks.0.attn.qkv.weight": "vision",
        "visual.patch_embed.proj.weight": "vision",
        "vision_tower.vision_model.encoder.layers.0.self_attn.k_proj.weight": "vision",
        "thinker.audio_tower.layers.0.fc1.weight": "audio",
        "multi_modal_projector.linear_1.weight": "projector",
        "model.connector.modality_projection.proj.weight": "projector",
        "talker.model.layers.0.mlp.up_proj.weight": "speech",
        "mtp.layers.0.self_attn.k_proj.weight": "draft",
        "model.layers.61.eh_proj.weight": "draft",
        "model.layers.61.self_attn.kv_a_proj_with_mqa.weight": "draft",
        "model.layers.61.mlp.experts.7.up_proj.weight": "draft",
        "model.layers.6.mlp.experts.61.up_proj.weight": "weights",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": "adapter",
    },
    "GGUF": {
        "blk.0.attn_v.weight": "weights",
        "token_embd.weight": "weights",
        "v.blk.0.ln1.weight": "vision",
        "a.conv1d.0.weight": "audio",
        "mm.0.weight": "projector",
        "resampler.kv.weight": "projector",
        "blk.46.nextn.eh_proj.weight": "draft",
        "blk.46.attn_k.weight": "draft",
        "blk.4.attn_q.weight.lora_a": "adapter",
    },
}
"""As published files of these models name them."""


@pytest.mark.parametrize("kind", NAMES)
def test_names_tell_the_part(kind):
    assert parts_of(NAMES[kind], kind) == NAMES[kind]


def test_parts_are_sums():
    kind = "GGUF"
    tensors = sorted_out((StoredTensor(name, "F32", (2,), 8) for name in NAMES[kind]), kind)
    parts = {"weights": 16, "vision": 8, "audio": 8, "projector": 16, "draft": 16, "adapter": 8}
    checkpoint = Checkpoint("x", kind, tensors)
    assert (checkpoint.parts, checkpoint.bytes, checkpoint.parameters) == (parts, 72, 18)
    assert next(iter(checkpoint.parts)) == WEIGHTS


def test_copies_that_are_stored_twice_count_twice():
    tied = (StoredTensor(name, "F16", (4, 2), 16) for name in ("model.embed_tokens.weight", "lm_head.weight"))
    assert Checkpoint("x", "safetensors", tuple(tied)).parts == {"weights": 32}


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("h.0.attn.c_attn.weight", "h.0"),
        ("0.weight", "0"),
        ("blk.7.x", "blk.7"),
        ("a.7", ""),
        ("a.1x.2y.b", ""),
        ("", ""),
    ],
)
def test_the_layer_is_the_first_number_of_a_name(name, layer):
    assert layer_of(name) == layer


def test_every_row_has_a_place_and_a_source():
    keys = re.findall(r"@\w+\{(\w+),", catalogue.bibliography())
    for table in (
        "stored_parts",
        "gguf_config",
        "gguf_architectures",
        "layer_names",
        "read_names",
        "safetensors_types",
    ):
        for row in catalogue.rows(table):
            assert row["source"].partition(",")[0] in keys or row["source"].startswith("names of "), row
    assert {row["place"] for row in catalogue.rows("stored_parts")} == {"first", "start", "any", "layer"}


PARTLY = {
    "safetensors": {
        "expert": (
            *("model.layers.0.block_sparse_moe.experts.7.w1.weight", "model.layers.3.mlp.experts.0.up_proj.weight"),
            *("model.layers.0.mlp.experts.down_proj_blocks", "model.layers.0.mlp.switch_mlp.up_proj.scales"),
            *(
                "backbone.layers.1.mixer.experts.5.up_proj.weight",
                "h.2.block_sparse_moe.input_linear.weight",
            ),
        ),
        "embedding": ("model.embed_tokens.weight", "transformer.wte.weight", "gpt_neox.embed_in.weight"),
        "table": ("transformer.wpe.weight", "model.language_model.embed_tokens_per_layer.weight"),
        "head": ("lm_head.weight", "embed_out.weight"),
        "": (
            *("model.layers.3.mlp.shared_experts.up_proj.weight", "model.layers.0.mlp.gate.weight"),
            *("model.layers.0.shared_mlp.input_linear.weight", "model.norm.weight"),
        ),
    },
    "GGUF": {
        "expert": ("blk.0.ffn_up_exps.weight", "blk.0.ffn_gate_exps.bias", "blk.1.ffn_down.7.weight"),
        "embedding": ("token_embd.weight",),
        "table": ("position_embd.weight", "per_layer_token_embd.weight"),
        "head": ("output.weight",),
        "": ("blk.0.ffn_up.weight", "blk.0.ffn_up_shexp.weight", "blk.0.ffn_gate_inp.weight", "output_norm.weight"),
    },
}
"""Names as published models have them → what a token does not read whole of them."""


@pytest.mark.parametrize("kind", PARTLY)
def test_names_say_what_a_token_does_not_read_whole(kind):
    tensors = [StoredTensor(name, "BF16", (4, 10), 80) for names in PARTLY[kind].values() for name in names]
    found = Checkpoint("x", kind, (*tensors, StoredTensor("model.embed_tokens.weight", "BF16", (), 2, "draft")))
    number = {says: len(names) for says, names in PARTLY[kind].items() if says}
    rows = {"embedding": 60, "table": 60}  # one row of four is looked up
    assert found.read_in_part == {says: count * rows.get(says, 80) for says, count in number.items()}
