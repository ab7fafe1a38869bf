"""A model in hand: weights as the headers of its files say, everything else from config.json or metadata."""

import json

import pytest

from memcalc import Gpu, Inference, InputError, Model, breakdown, fits
from memcalc.estimate import advice
from model_files import gguf, safetensors

CONFIG = {
    **{"model_type": "llama", "hidden_size": 64, "vocab_size": 100, "intermediate_size": 96, "num_hidden_layers": 1},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512},
}
METADATA = {
    **{"general.architecture": ("text", "llama"), "llama.block_count": ("u32", 1)},
    **{"llama.context_length": ("u32", 512)},
    **{"llama.embedding_length": ("u32", 64), "llama.feed_forward_length": ("u32", 96)},
    **{"llama.attention.head_count": ("u32", 4), "llama.attention.head_count_kv": ("u32", 2)},
    **{"llama.vocab_size": ("u32", 100)},
}
Q8_0, BLOCK = 8, 34  # the number of the type in GGUF, and the bytes of 32 numbers
RUN, CARD = Inference(context=100), Gpu.named("RTX 4090")


@pytest.fixture
def folder(tmp_path):
    """A folder of safetensors with a tower and a draft layer beside the model."""
    tensors = {
        "model.embed_tokens.weight": ("BF16", (100, 64), 100 * 64 * 2),
        "model.layers.0.self_attn.q_proj.weight": ("F8_E4M3", (64, 64), 64 * 64),
        "model.visual.blocks.0.weight": ("BF16", (10, 10), 200),
    }
    (tmp_path / "model.safetensors").write_bytes(safetensors(tensors))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


@pytest.fixture
def file(tmp_path):
    """A GGUF file with one tensor in blocks."""
    path = tmp_path / "gguf" / "model.gguf"
    path.parent.mkdir()
    path.write_bytes(gguf(METADATA, [("token_embd.weight", (100, 64), Q8_0, 100 * 2 * BLOCK)]))
    return path


def test_weights_take_what_the_headers_say(folder, file):
    assert breakdown(Model.from_checkpoint(folder), RUN)["weights"] == 100 * 64 * 2 + 64 * 64
    assert breakdown(Model.from_checkpoint(file), RUN)["weights"] == 100 * 2 * BLOCK


def test_the_cache_is_that_of_the_architecture(folder, file):
    for source in (folder, file):
        assert breakdown(Model.from_checkpoint(source), RUN)["kv_cache"] == 100 * 2 * 2 * 16 * 2


def test_a_named_format_counts_more_than_the_files(file):
    model = Model.from_checkpoint(file)
    assert breakdown(model, Inference(weights="FP16"))["weights"] == 2 * model.parameters


def test_parts_beside_the_model_are_terms_of_their_own(folder):
    model = Model.from_checkpoint(folder)
    assert breakdown(model, RUN)["towers"] == 200
    assert "towers" not in breakdown(model, Inference(context=100, towers=False))
    assert model.ignored == ()


def test_the_answer_says_where_the_weights_come_from(file):
    said = advice.notes(Model.from_checkpoint(file), RUN, CARD)
    assert "The weights take what the headers of their files say." in said


def test_no_format_is_offered_in_the_place_of_what_the_files_have(file):
    model, card = Model.from_checkpoint(file), Gpu.of("0.00001 GB")
    assert not fits(model, RUN, card)
    assert not any("weights would leave" in line for line in advice.next_steps(model, RUN, card))


def test_several_cards_want_a_format(file):
    with pytest.raises(InputError, match=r"^weights must be named with more than one card, such as 'Q4_K_M', for what"):
        breakdown(Model.from_checkpoint(file), Inference(tensor_parallel=2))


def test_safetensors_without_a_config_are_told_by_their_shapes(folder):
    (folder / "config.json").unlink()
    names = [f"model.layers.0.self_attn.{one}_proj.weight" for one in "kv"]
    tensors = dict.fromkeys(names, ("BF16", (32, 64), 32 * 64 * 2))
    (folder / "model.safetensors").write_bytes(safetensors(tensors | {"mtp.fc.weight": ("BF16", (8, 8), 128)}))
    model = Model.from_checkpoint(folder)
    assert breakdown(model, RUN) == {"weights": 2 * 32 * 64 * 2, "draft": 128, "kv_cache": 100 * 2 * 32 * 2}
    assert "no config.json beside the file says" in " ".join(advice.notes(model, RUN, CARD))


def test_an_adapter_alone_is_no_model(folder):
    tensors = {"base_model.model.layers.0.self_attn.q_proj.lora_A.weight": ("F32", (8, 64), 8 * 64 * 4)}
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    with pytest.raises(InputError, match=r"holds no model, but adapter\.$"):
        Model.from_checkpoint(folder)


def test_the_metadata_of_gguf_win_over_a_config_beside_it(file):
    (file.parent / "config.json").write_text(json.dumps(CONFIG | {"num_hidden_layers": 7, "model_type": "zebra"}))
    assert breakdown(Model.from_checkpoint(file), RUN)["kv_cache"] == 100 * 2 * 2 * 16 * 2


def test_tensors_of_other_layers_than_the_config_has(folder):
    (folder / "config.json").write_text(json.dumps(CONFIG | {"num_hidden_layers": 32}))
    with pytest.raises(InputError, match=r"has tensors of 1 layers, but describes a model of 32\.$"):
        Model.from_checkpoint(folder)


def test_the_cache_has_the_format_that_the_config_says(folder):
    (folder / "config.json").write_text(json.dumps(CONFIG | {"dtype": "float32"}))
    model = Model.from_checkpoint(folder)
    assert breakdown(model, RUN)["kv_cache"] == 100 * 2 * 2 * 16 * 4
    assert any("The cache is in FP32, as config.json says." in line for line in advice.notes(model, RUN, CARD))


def test_an_engine_keeps_the_files_as_they_are_or_is_refused(folder, file):
    assert breakdown(Model.from_checkpoint(file), Inference(engine="llama.cpp"))["weights"] == 100 * 2 * BLOCK
    for source, engine in ((file, "transformers"), (folder, "llama.cpp")):
        with pytest.raises(InputError, match=f"^engine must be one that keeps .+ files as they are, .+ not '{engine}'"):
            breakdown(Model.from_checkpoint(source), Inference(engine=engine))


def test_what_was_left_out_of_a_folder_is_said(file):
    for name in ("mmproj-F16.gguf", "mmproj-BF16.gguf"):
        (file.parent / name).write_bytes(gguf({}, [("v.x", (4,), 0, 16)]))
    said = advice.notes(Model.from_checkpoint(file.parent), RUN, CARD)
    assert any(line.startswith("Left out: mmproj-") for line in said)


def test_a_missing_key_of_metadata_is_told_from_a_config(file):
    keys = {key: value for key, value in METADATA.items() if not key.endswith("block_count")}
    file.write_bytes(gguf(keys, [("token_embd.weight", (100, 64), Q8_0, 100 * 2 * BLOCK)]))
    with pytest.raises(InputError, match=r"model\.gguf, in the words of a config\.json: num_hidden_layers"):
        Model.from_checkpoint(file)


def test_an_encoder_has_weights_and_no_cache(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    model = Model.from_checkpoint(folder)
    assert list(breakdown(model, RUN)) == ["weights", "towers"]
    with pytest.raises(InputError, match="but model_type 'bert' is not counted: it is an encoder"):
        fits(model, RUN, CARD)


def test_an_index_alone_does_not_tell_the_cache(folder):
    (folder / "config.json").unlink()
    (folder / "model.safetensors").unlink()
    places = {"weight_map": {"model.norm.weight": "a.safetensors"}, "metadata": {"total_size": 64}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(places))
    with pytest.raises(InputError, match=r"take 0\.00 MiB, but an index alone does not tell the cache"):
        fits(Model.from_checkpoint(folder), RUN, CARD)
