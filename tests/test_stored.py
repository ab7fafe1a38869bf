"""Weight formats, to the byte."""

import dataclasses
import json
import math

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Integer

from cases import MODELS
from headers import bytes_of
from memcalc import Model, catalogue
from memcalc.errors import InputError
from memcalc.formats import Format
from memcalc.formula import compute
from memcalc.formula.stored import cache_bytes, matrix_bytes, stored_bytes
from memcalc.formula.tensors import TENSORS, E, L_dense, L_full, L_moe, d, d_e, d_ff, h, h_kv, n_mlp, present

FORMATS = [Format.named(name) for name in catalogue.names("formats")]
ROWS = [row for row in catalogue.rows("measured_formats") if row["quantity"] == "matrix_bytes"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['id']}-{row['format']}")
def test_a_quantized_matrix_takes_what_the_library_stores(row):
    inputs = json.loads(row["inputs"])
    rows, columns = Integer(inputs.pop("rows")), Integer(inputs.pop("columns"))
    assert matrix_bytes(rows, columns, dataclasses.replace(Format.named(row["format"]), **inputs)) == int(row["bytes"])


def test_gptq_is_the_sum_of_its_packed_tensors():
    rows, columns = 4096, 11008
    codes, zeros = 4 * (columns // 8) * rows, 4 * (columns // 128) * (rows // 8)  # eight in an int32
    scales, index = 2 * (columns // 128) * rows, 4 * columns
    packed = matrix_bytes(Integer(rows), Integer(columns), Format.named("GPTQ-INT4-g128"))
    assert packed == codes + zeros + scales + index
    assert packed - index == matrix_bytes(Integer(rows), Integer(columns), Format.named("AWQ-INT4-g128"))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_bits_are_those_of_a_large_matrix(form):
    [matrix] = [tensor for tensor in TENSORS if tensor.name == "up_proj"]
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
    caches = {form.name for form in FORMATS if form.in_cache and not form.residual}
    llama_cpp = {"Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "IQ4_NL"}
    assert caches == llama_cpp | {"FP32", "TF32", "BF16", "FP16", "FP8", "INT8", "INT4"}
    assert [cache_bytes(Integer(1024), Format.named(name)) for name in ("FP16", "Q8_0", "Q4_0")] == [2048, 1088, 576]


@given(form=st.sampled_from(FORMATS), model=MODELS)
def test_symbols_and_numbers_agree(form, model):
    expr = stored_bytes(present(model.packing, model.absent), form)
    known = [model.values[symbol] for symbol in compute.arguments(expr)]
    assert math.isclose(compute.fast(expr)(*map(float, known)), compute.exact(expr)(*known), rel_tol=1e-12)


def test_a_wrong_format_is_told_the_nearest():
    with pytest.raises(InputError, match="format 'Q4_K_N' is not known; the nearest is"):
        Format.named("Q4_K_N")
    assert Format.named("gptq").name == "GPTQ-INT4-g128"
    assert isinstance(stored_bytes((), Format.named("FP16")), sympy.Integer)
