"""What a config.json says of its format."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from published import config, weigh

from measured import rows
from memcalc import Model, catalogue
from memcalc.errors import InputError, shown
from memcalc.formula.formats import Format
from memcalc.formula.quantization import weights_in
from memcalc.formula.tensors import present
from memcalc.specs.kept import in_model
from memcalc.specs.stored import Stored, published, stored, stored_in

FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]}
ROWS = rows("stored", "stored_bytes")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id}-{row.inputs.get('quant_method', 'mlx')}")
def test_a_file_takes_what_the_library_stores(row):
    assert weigh(config(row.inputs)) == row.measured


def test_two_published_files_to_the_byte():
    """Built by transformers with its own FP8 layers."""
    found = {row.model: row.measured for row in reversed(ROWS) if "modules_to_not_convert" not in row.inputs}
    assert found["Qwen3-32B"] == 34_326_243_328
    assert found["Qwen3-30B-A3B"] == 31_174_545_408


def test_the_published_size_of_gpt_oss():
    """The total_size of the checkpoint's index, as OpenAI published it."""
    file = {
        **{"model_type": "gpt_oss", "num_hidden_layers": 24, "hidden_size": 2880, "intermediate_size": 2880},
        **{"num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201088},
        **{"num_local_experts": 32, "num_experts_per_tok": 4, "tie_word_embeddings": False},
    }
    names = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    file["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": names}
    assert weigh(file) == 13_761_264_768
    assert stored(file).sentence.endswith("all but the experts in FP16.")


def test_experts_alone_in_four_bits():
    """Kimi-K2-Thinking: its card on Hugging Face gives 594 GB."""
    weights = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32, "symmetric": True, "actorder": None}
    dense = "re:.*mlp\\.(gate|up|gate_up|down)_proj.*"
    config = {
        **{"quant_method": "compressed-tensors", "format": "pack-quantized", "kv_cache_scheme": None},
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": None}},
        "ignore": ["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*", dense],
    }
    model = Model.named("Kimi-K2")
    found = in_model(stored({"torch_dtype": "bfloat16", "quantization_config": config}), model)
    size = weights_in(found.form, present(model.structure, model.absent)).exact(model.values)
    assert round(size / 10**9) == 594


@pytest.mark.parametrize("row", catalogue.rows("published"), ids=lambda row: row["name"])
def test_what_makers_publish_is_the_format_that_their_file_says(row):
    """Each row has the format of its name, and some model of the catalogue; its sentence names the format."""
    found = published(row["name"])
    assert (found.weights, found.width, found.problem) == (row["name"], "BF16", "")
    assert found.sentence.startswith(f"As published: {row['name']}; ")
    assert row["name"] in {model["published"] for model in catalogue.rows("models")}


@pytest.mark.parametrize(
    ("values", "weights", "cache"),
    [
        ({}, "FP16", ""),
        ({"torch_dtype": "bfloat16"}, "BF16", ""),
        ({"dtype": "float32", "torch_dtype": "bfloat16"}, "FP32", "FP32"),
        ({"text_config": {"dtype": "torch.bfloat16"}}, "BF16", ""),
        ({"quantization_config": FP8 | {"kv_cache_scheme": {"num_bits": 8, "type": "float"}}}, "FP8-128x128", "FP8"),
        ({"text_config": {"quantization_config": FP8}}, "FP8-128x128", ""),
        ({"quantization_config": {"load_in_8bit": True}}, "LLM.int8", ""),
        ({"quantization": {"group_size": 64, "bits": 4}}, "MLX-4bit-g64", ""),
    ],
)
def test_weights_cache_and_width(values, weights, cache):
    found = stored(values)
    assert (found.weights, found.cache, found.problem) == (weights, cache, "")
    assert weights in found.sentence


def test_what_stands_beside_counts_too():
    beside = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8"}}
    beside["quantization"] |= {"group_size": 16, "exclude_modules": ["lm_head"]}
    found = stored({"torch_dtype": "bfloat16"}, beside)
    assert (found.weights, found.cache, found.width, found.kept) == ("NVFP4-W4A4", "FP8", "BF16", ("lm_head",))
    assert "hf_quant_config.json" in found.sentence


def test_the_file_beside_is_found(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"dtype": "bfloat16"}')
    assert stored_in(path).weights == "BF16"
    (tmp_path / "hf_quant_config.json").write_text('{"quantization": {"quant_algo": "FP8"}}')
    assert stored_in(str(path)).weights == "FP8-tensor-static"
    with pytest.raises(InputError, match="cannot be read"):
        stored_in(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"quantization_config": {"quant_method": "aqlm"}},
            "quant_method of quantization_config of config.json 'aqlm'",
        ),
        ({"quantization_config": {"quant_method": "awq", "bits": 5}}, "known of awq: 4 bits"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 100}}, "not 4 bits groups of 100"),
        (
            {"quantization_config": {"quant_method": "gptq", "bits": "four"}},
            "whole number from -1 to 10,000,000, not 'four'",
        ),
        ({"quantization_config": FP8 | {"weight_block_size": [64, 64]}}, "not 8 bits dynamic groups of 64x64"),
        ({"quantization_config": FP8 | {"ignored_layers": [1]}}, "a list of names of modules"),
        ({"quantization_config": FP8 | {"kv_cache_dtype": "int3"}}, "'int3' is not known"),
        ({"expert_dtype": "fp4", "quantization_config": FP8}, "expert_dtype in config.json must be 'fp8' or left out"),
        ({"quantization_config": 8}, "an object in braces, not 8"),
        ({"dtype": "float64"}, "'float64' is not known"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_way_out(values, says):
    found = stored(values)
    assert found.weights == ""
    assert says in found.problem
    assert found.problem.endswith("; or name the format yourself, as in weights='FP16'.")
    assert found.problem.count("\n") == 0


def test_every_row_names_a_format():
    for row in catalogue.rows("stored"):
        assert Format.named(row["format"]).name == row["format"]
        assert row["source"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
METHODS = sorted({row["method"] for row in catalogue.rows("stored")})
KEYS = ["bits", "group_size", "config_groups", "quant_algo", "ignore", "weight_block_size", "dynamic", "quant_config"]


@given(st.sampled_from(METHODS), st.dictionaries(st.sampled_from(KEYS), JSON), JSON)
def test_nothing_in_a_file_is_a_crash(method, values, beside):
    found = stored({"quantization_config": {"quant_method": method, **values}}, {"quantization": beside})
    assert isinstance(found, Stored)
    assert bool(found.weights) != bool(found.problem)
    assert json.dumps(found.sentence)


def test_a_bar_in_a_pattern_does_not_part_it():
    dynamic = {"+:.*mlp.(gate|up)_proj": {"bits": 8}}
    found = stored({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": dynamic}})
    assert found.others == (("GPTQ-INT8-g128", ("re:.*mlp.(gate|up)_proj",)),)


@pytest.mark.parametrize("part", [False, 0, "", []])
def test_what_is_no_part_is_not_taken_for_none(part):
    assert "must be an object in braces" in stored({"quantization_config": part}).problem
    assert not stored({"quantization_config": {}}).problem


@pytest.mark.parametrize("bits", [10**5000, -2, 10**8], ids=shown)
def test_a_number_of_bits_that_is_none_is_a_sentence(bits):
    problem = stored({"quantization_config": {"quant_method": "awq", "bits": bits}}).problem
    assert problem.startswith("bits of quantization_config of config.json must be a whole number from -1 to 10,000,000")


def test_a_text_decoder_says_its_format_wherever_it_stands():
    """llm_config of InternVL and thinker_config of Qwen-Omni, transformers 5.24."""
    awq = {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}}
    for inside in ({"llm_config": awq}, {"thinker_config": {"text_config": awq}}):
        assert stored(inside).weights == "AWQ-INT4-g128"
    assert stored({"language_config": {"dtype": "float32"}}).width == "FP32"


def test_only_mlx_leaves_out_its_method():
    bare = {"bits": 4, "group_size": 64}
    assert stored({"quantization": bare}).weights == stored({"quantization": bare, "quantization_config": bare}).weights
    assert "quant_method" in stored({"quantization_config": bare}).problem
