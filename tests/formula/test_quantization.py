"""Weight formats, to the byte."""

import dataclasses
import math
from collections import defaultdict
from functools import cache

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Integer

from headers import bytes_of, read
from measured import rows
from memcalc import Inference, Model, breakdown, catalogue
from memcalc.errors import InputError
from memcalc.estimate.ask import model_and_run
from memcalc.formula import numeric
from memcalc.formula.formats import Format, Other, block
from memcalc.formula.quantization import choose, matrix_bytes, stored_bytes, tensor_bytes
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import (
    TENSORS,
    E,
    L_full,
    L_mla,
    L_moe,
    L_ssd,
    L_ssm,
    L_win,
    d,
    d_ff,
    h,
    h_kv,
    present,
)  # fmt: skip

FORMATS = [Format.named(name) for name in catalogue.names("formats")]
ROWS = rows("formats", "matrix_bytes") + rows("stored", "matrix_bytes")

L_dense, n_mlp, d_e = symbols("dense_layers mlp_matrices expert_intermediate")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id}-{row.inputs['format']}")
def test_a_quantized_matrix_takes_what_the_library_stores(row):
    inputs = dict(row.inputs)
    form, rows, columns = (inputs.pop(name) for name in ("format", "rows", "columns"))
    form = dataclasses.replace(Format.named(form), **inputs)
    assert matrix_bytes(Integer(rows), Integer(columns), form) == row.measured


@pytest.mark.parametrize(
    ("rows", "columns", "scales"), [(128, 128, 1), (129, 128, 2), (1, 257, 3), (2500, 960, 20 * 8)]
)
def test_a_block_at_the_edge_counts_as_a_whole_one(rows, columns, scales):
    assert matrix_bytes(Integer(rows), Integer(columns), Format.named("FP8-128x128")) == rows * columns + 4 * scales


def test_the_two_first_matrices_of_an_expert_have_blocks_of_their_own():
    [up] = [tensor for tensor in TENSORS if tensor.group == "expert" and tensor.name == "gate_up_proj"]
    known = {E: 3, L_moe: 1, d: 128, d_e: 65, n_mlp: 3}
    assert stored_bytes((up,), Format.named("FP8-128x128")).subs(known) == 3 * 2 * (65 * 128 + 4)


def test_some_tensors_may_have_another_format():
    kept = Other("mlp", "down_proj", 2, "FP32")
    form = dataclasses.replace(Format.named("FP8-tensor"), others=(kept,))
    [down] = [tensor for tensor in TENSORS if tensor.group == "mlp" and tensor.name == "down_proj"]
    known = {L_dense: 5, d: 8, d_ff: 16}
    assert stored_bytes((down,), form).subs(known) == 2 * 4 * 128 + 3 * (128 + 4)
    every = dataclasses.replace(form, others=(dataclasses.replace(kept, number=None),))
    assert stored_bytes((down,), every).subs(known) == 5 * 4 * 128


def test_gptq_is_the_sum_of_its_packed_tensors():
    rows, columns = 4096, 11008
    codes, zeros = 4 * (columns // 8) * rows, 4 * (columns // 128) * (rows // 8)  # eight in an int32
    scales, index = 2 * (columns // 128) * rows, 4 * columns
    packed = matrix_bytes(Integer(rows), Integer(columns), Format.named("GPTQ-INT4-g128"))
    assert packed == codes + zeros + scales + index
    assert packed - index == matrix_bytes(Integer(rows), Integer(columns), Format.named("AWQ-INT4-g128"))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_bits_are_those_of_a_large_matrix(form):
    [matrix] = [tensor for tensor in TENSORS if (tensor.group, tensor.name) == ("mlp", "up_proj")]
    size = {L_full: 1, L_dense: 1, n_mlp: 2, d: 2**14, d_ff: 2**14, h: 1, h_kv: 1}
    others = dict.fromkeys(stored_bytes((matrix,), form).free_symbols - size.keys(), 0)
    bits = stored_bytes((matrix,), form).subs(size).subs(others) * 8 / 2**28
    assert math.isclose(bits, form.bits, abs_tol=0.005)


def test_double_quantization_saves_what_its_paper_says():
    """About 0.37 bits a parameter (Dettmers et al. 2023, section 3)."""
    assert float(Format.named("NF4").bits - Format.named("NF4-double").bits) == pytest.approx(0.373, abs=0.001)


def test_what_a_format_keeps_stays_in_16_bit():
    model = Model.named("LLaMA-7B")
    kept = 2 * 32_000 * 4096 + (2 * 32 + 1) * 4096  # both embedding tables, and the norms
    quantized = model.parameters - kept
    assert bytes_of(model, "NF4") == 2 * kept + quantized * 9 // 16 + 7 * 32 * 64


def test_each_expert_is_a_matrix_of_its_own():
    experts = [tensor for tensor in TENSORS if tensor.group == "expert" and tensor.name == "down_proj"]
    one = matrix_bytes(Integer(7), Integer(9), Format.named("NF4"))
    assert one == math.ceil(63 / 2) + 4 + 64
    assert stored_bytes(tuple(experts), Format.named("NF4")).subs({E: 5, L_moe: 1, d: 7, d_e: 9}) == 5 * one


def test_which_formats_a_cache_can_have():
    caches = {form.name for form in FORMATS if form.cache == "yes" and not form.residual}
    llama_cpp = {"Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "IQ4_NL"}
    assert caches == llama_cpp | {"FP32", "TF32", "BF16", "FP16", "FP8", "INT8", "INT4"}


def test_symbols_and_numbers_agree():
    """Every format with the tensors of Llama, and every other list of tensors with a format, in turn."""
    alike = defaultdict(list)
    for model in map(Model.named, ["LLaMA-7B", *catalogue.names("models")]):
        alike[present(model.structure, model.absent)].append(model)
    llama, *others = alike
    for form, tensors in [(form, llama) for form in FORMATS] + list(zip(FORMATS[::-3], others, strict=False)):
        expr = stored_bytes(tensors, form)
        for model in alike[tensors]:
            known = [model.values[symbol] for symbol in numeric.arguments(expr)]
            assert math.isclose(numeric.fast(expr)(*map(float, known)), numeric.exact(expr)(*known), rel_tol=1e-12)


def test_a_wrong_format_is_told_the_nearest():
    with pytest.raises(InputError, match="format 'Q4_K_N' is not known; the nearest is"):
        Format.named("Q4_K_N")
    assert Format.named("gptq").name == "GPTQ-INT4-g128"
    assert isinstance(stored_bytes((), Format.named("FP16")), sympy.Integer)


DOWN = [tensor for tensor in TENSORS if tensor.name == "down_proj" and tensor.group != "wide_mlp"]
OTHER_LAYERS = (L_win, L_mla, L_ssm, L_ssd)

LLAMA_8B = {
    "arch": "llama",
    "n_layer": 32,
    "n_embd": 4096,
    "n_ff": 14336,
    "n_head": 32,
    "n_head_kv": 8,
    "n_vocab": 128256,
}
PUBLISHED = {
    **{"IQ1_S": 2.0042, "IQ1_M": 2.1460, "IQ2_XXS": 2.3824, "IQ2_XS": 2.5882, "IQ2_S": 2.7403, "IQ2_M": 2.9294},
    **{"IQ3_XXS": 3.2548, "IQ3_XS": 3.4977, "IQ3_S": 3.6606, "IQ3_M": 3.7628, "IQ4_XS": 4.4597, "IQ4_NL": 4.6818},
    **{"Q2_K_S": 2.9697, "Q2_K": 3.1593, "Q3_K_S": 3.6429, "Q3_K_L": 4.2979, "Q4_K_S": 4.6672, "Q4_K_M": 4.8944},
    **{"Q5_K_S": 5.5704, "Q5_K_M": 5.7036, "Q6_K": 6.5633, "Q8_0": 8.5008, "GGUF-F16": 16.0005},
}
"""Bits per weight of Llama-3.1-8B, from llama.cpp's tools/quantize/README.md, commit 311c2c9."""

GPT_OSS_120B = {
    **{"Q3_K_S": 58.27, "Q2_K": 58.27, "Q4_0": 58.32, "Q3_K_M": 58.33, "Q4_1": 58.41, "Q4_K_S": 58.45},
    **{"Q4_K_M": 58.46, "Q5_K_S": 58.56, "Q5_K_M": 58.57, "Q6_K": 58.94, "Q8_0": 59.03, "MXFP4_MOE": 59.03},
}
"""GiB of files that people share of gpt-oss-120b (unsloth/gpt-oss-120b-GGUF, as a page of requirements lists them)."""

HEADERS = 0.015
"""GiB at most that metadata take in such a file: vocabulary, merges, a template."""

FILES = rows("formats", "model_tensor_bytes", "model_buffer_bytes")


@pytest.mark.parametrize("row", FILES, ids=lambda row: f"{row.id}-{row.model}-{row.inputs['format']}")
def test_a_model_takes_what_was_measured(row):
    assert bytes_of(read(row.inputs), row.inputs["format"]) == row.measured


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_bits_per_weight(name):
    model = read(LLAMA_8B)
    assert round(float(8 * bytes_of(model, name) / model.parameters), 4) == PUBLISHED[name]


@pytest.mark.parametrize(
    "row", rows("files", "weights"), ids=lambda row: f"{row.id}-{row.model}-{row.inputs['weights']}"
)
def test_files_that_the_quantizer_wrote_of_columns_that_256_does_not_divide(row):
    model, run = model_and_run(row.model, dict(row.inputs), trained=False)
    assert breakdown(model, run)["weights"] == row.measured


@pytest.mark.parametrize("name", GPT_OSS_120B)
def test_files_that_people_share_keep_experts_in_the_blocks_of_their_maker(name):
    stored = breakdown(Model.named("gpt-oss-120b"), Inference(weights=name))["weights"] / 2**30
    assert abs(GPT_OSS_120B[name] - HEADERS / 2 - stored) <= HEADERS / 2 + 0.005  # as far as two digits tell


def test_experts_that_no_maker_quantized_fall_back_as_every_matrix_does():
    model = dataclasses.replace(Model.named("gpt-oss-20b"), published="")
    experts = model.moe_layers * model.experts * 3 * 2880 * 2880
    kept, own = (breakdown(one, Inference(weights="Q5_K_S"))["weights"] for one in (Model.named("gpt-oss-20b"), model))
    assert own - kept == experts * (24 - 17) // 32  # Q5_1 in the place of Q5_K, for 256 do not divide 2,880


@pytest.mark.parametrize(("name", "parts"), [("Q8_0", 2 + 32), ("Q4_0", 2 + 16), ("Q4_K", 2 * 2 + 12 + 128)])
def test_blocks_are_scales_and_codes(name, parts):
    assert block(name)[1] == parts


def test_rules_name_known_types_and_files():
    for rule in catalogue.rows("mixes"):
        assert block(rule["type"])
        for name in rule["mixes"].split("|"):
            mix, _, family = name.partition("@")
            assert mix == "*" or Format.named(mix).family == "gguf"
            assert not family or catalogue.find("families", "family", family)


def more_bits(layer, layers):
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


@cache
def bytes_of_the_down_matrices():
    return [tensor_bytes(tensor, "Q4_K_M", "Q4_K").subs(dict.fromkeys(OTHER_LAYERS, 0)) for tensor in DOWN]


@given(layers=st.integers(1, 200), dense=st.integers(0, 200))
def test_counted_layers_are_those_of_a_loop(layers, dense):
    dense = min(dense, layers)
    known = {L_full: layers, L_dense: dense, L_moe: layers - dense, E: 3, d: 256, d_ff: 256, d_e: 256, h: 8, h_kv: 8}
    for expr, place, matrices in zip(
        bytes_of_the_down_matrices(), (range(dense), range(dense, layers)), (1, 3), strict=True
    ):
        more = sum(more_bits(layer, layers) for layer in place)
        counted = numeric.exact(expr)(*(known.get(symbol, 0) for symbol in numeric.arguments(expr)))
        assert counted == matrices * 256 * (210 * more + 144 * (len(place) - more))


def test_rows_that_blocks_do_not_fill_take_the_next_type():
    def bytes_of(columns):
        known = {L_dense: 1, d_ff: columns, d: 1}
        return tensor_bytes(DOWN[0], "", "Q4_K").subs(known)

    assert [bytes_of(columns) for columns in (256, 224, 200)] == [144, 7 * 22, 400]  # Q4_K, Q5_0, F16


def test_a_choice_that_numbers_decide_is_no_piecewise():
    open_one = sympy.Symbol("s") > 1
    assert choose((1, sympy.false), (2, sympy.true), (3, open_one)) == 2
    assert choose((1, open_one), (2, sympy.true)) == sympy.Piecewise((1, open_one), (2, True))
