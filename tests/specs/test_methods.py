"""What each library writes of its formats."""

import pytest

from memcalc.errors import InputError
from memcalc.specs.methods import METHODS, MOST_PATTERNS, Section

WHERE = "quantization_config of config.json"
INT4 = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}


def read(method, **values):
    return METHODS[method](Section(values, WHERE), "BF16")


@pytest.mark.parametrize(
    ("method", "values", "weights"),
    [
        ("awq", {"w_bit": 4, "q_group_size": 64}, "AWQ-INT4-g64"),
        ("gptq", {"bits": 4, "group_size": -1, "desc_act": True}, "GPTQ-INT4-row"),
        ("bitsandbytes", {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "NF4"),
        ("bitsandbytes", {"load_in_4bit": True, "bnb_4bit_use_double_quant": True}, "FP4-double"),
        ("bitsandbytes", {"load_in_8bit": True, "load_in_4bit": False}, "LLM.int8"),
        ("fp8", {"activation_scheme": "static"}, "FP8-tensor-static"),
        ("fbgemm_fp8", {"activation_scale_ub": 1200.0}, "FP8-row"),
        ("modelopt", {"quant_algo": "FP8"}, "FP8-tensor-static"),
        ("modelopt_fp4", {"quant_algo": "nvfp4", "group_size": 16}, "NVFP4-W4A4"),
        ("mxfp4", {}, "MXFP4"),
        ("torchao", {"quant_type": {"default": {"_type": "Int8WeightOnlyConfig"}}}, "torchao-INT8"),
        ("hqq", {"quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}}, "HQQ-INT4-g64"),
        ("quanto", {"weights": "float8"}, "quanto-FP8"),
        ("mlx", {"bits": 4, "group_size": 32, "mode": "mxfp4"}, "MLX-MXFP4"),
    ],
)
def test_the_format_of_a_method(method, values, weights):
    assert read(method, **values).weights == weights


def test_gptq_may_keep_modules_or_give_them_other_bits():
    rules = {"-:.*mlp[.]gate": {}, "+:.*down_proj": {"bits": 8, "group_size": 32}}
    found = read("gptq", bits=4, group_size=128, dynamic=rules)
    assert found.kept == ("re:.*mlp[.]gate",)
    assert found.others == (("GPTQ-INT8-g32", ("re:.*down_proj",)),)


def test_groups_of_compressed_tensors():
    groups = {
        "group_0": {"targets": ["Linear"], "weights": INT4},
        "group_1": {"targets": ["re:.*down_proj"], "weights": INT4 | {"num_bits": 8}},
    }
    found = read("compressed-tensors", format="pack-quantized", config_groups=groups)
    assert (found.weights, found.others, found.head) == ("W4A16-g128", (("W8A16-g128", ("re:.*down_proj",)),), True)
    groups.pop("group_0")
    assert read("compressed-tensors", format="pack-quantized", config_groups=groups).weights == "BF16"
    with pytest.raises(InputError, match=r"config_groups of .* must be an object with at least one group"):
        read("compressed-tensors", format="pack-quantized")


def test_what_compressed_tensors_leaves_out():
    weights = {"num_bits": 4, "type": "float", "group_size": 16}
    groups = {"group_0": {"weights": weights, "input_activations": {"num_bits": 4}}}
    assert read("compressed-tensors", format="nvfp4-pack-quantized", config_groups=groups).weights == "NVFP4-W4A4"


def test_modelopt_may_mix_formats_layer_by_layer():
    layers = {"model.layers.0.self_attn.q_proj": {"quant_algo": "FP8"}, "model.layers.0.mlp": {"quant_algo": "NVFP4"}}
    found = read("modelopt", quant_algo="MIXED_PRECISION", quantized_layers=layers)
    assert found.weights == "BF16"
    assert dict(found.others)["NVFP4-W4A4"] == ("model.layers.0.mlp",)


def test_mlx_names_modules_with_bits_of_their_own():
    found = read("mlx", bits=4, group_size=64, **{"model.layers.0.mlp.gate": {"bits": 8}, "lm_head": False})
    assert found.kept == ("lm_head",)
    assert found.others == (("MLX-8bit-g64", ("model.layers.0.mlp.gate",)),)


@pytest.mark.parametrize(
    ("method", "values", "says"),
    [
        ("bitsandbytes", {"load_in_4bit": "yes"}, "load_in_4bit of quantization_config .* must be true or false"),
        ("bitsandbytes", {}, "load_in_4bit of .* must be true, or load_in_8bit, not both off"),
        ("fp8", {"weight_block_size": 128}, "weight_block_size of .* must be a list of two numbers, not 128"),
        ("fp8", {"expert_dtype": "fp4"}, "expert_dtype in config.json must be 'fp8' or left out, not 'fp4'"),
        ("modelopt", {"quant_algo": "W4A8_AWQ"}, "not W4A8_AWQ"),
        ("torchao", {"quant_type": "int4_weight_only"}, "quant_type of .* must be an object in braces"),
        ("quanto", {"weights": "int3"}, "known of quanto: 8 bits int8"),
    ],
)
def test_a_wrong_value_is_named(method, values, says):
    with pytest.raises(InputError, match=says):
        read(method, **values)


def test_a_list_without_end_is_refused():
    with pytest.raises(InputError, match="a list of at most 20,000 names, not one of 20,001"):
        Section({"ignore": ["x"] * (MOST_PATTERNS + 1)}, WHERE).texts("ignore")
