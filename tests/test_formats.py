"""Weight formats, to the byte."""

import dataclasses
import json
import math

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Integer

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.formula import compute
from memcalc.formula.formats import Format, cache_bytes, matrix_bytes, stored_bytes
from memcalc.formula.gguf import Architecture
from memcalc.formula.tensors import Tensor
from memcalc.symbols import symbol

FORMATS = [Format.named(name) for name in catalogue.names("formats")]
ROWS = [row for row in catalogue.rows("measured_formats") if row["quantity"] == "matrix_bytes"]
NAMES = ("layers", "hidden", "intermediate", "heads", "kv_heads", "head_dim", "vocabulary", "embedding_tables")


def llama(layers, hidden, intermediate, heads, kv_heads, head_dim, vocabulary, tables):
    """A Llama's tensors, of numbers or of symbols."""
    tensors = (
        Tensor("embed_tokens", "embedding", Integer(1), (vocabulary, hidden)),
        Tensor("lm_head", "head", tables - 1, (vocabulary, hidden)),
        Tensor("q_proj", "attention", layers, (heads * head_dim, hidden)),
        Tensor("k_proj", "attention", layers, (kv_heads * head_dim, hidden)),
        Tensor("v_proj", "attention", layers, (kv_heads * head_dim, hidden)),
        Tensor("o_proj", "attention", layers, (hidden, heads * head_dim)),
        Tensor("gate_proj", "mlp", layers, (intermediate, hidden)),
        Tensor("up_proj", "mlp", layers, (intermediate, hidden)),
        Tensor("down_proj", "mlp", layers, (hidden, intermediate)),
        Tensor("norm", "norm", 2 * layers + 1, (hidden,)),
    )
    return tensors, Architecture(layers, heads, kv_heads)


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
    matrix = Tensor("up_proj", "mlp", Integer(1), (Integer(2**14), Integer(2**14)))
    architecture = Architecture(Integer(1), Integer(32), Integer(32))
    bits = stored_bytes((matrix,), form, architecture) * 8 / Integer(2**28)
    assert math.isclose(bits, form.bits, abs_tol=0.005)


def test_double_quantization_saves_what_its_paper_says():
    """About 0.37 bits a parameter (Dettmers et al. 2023, section 3)."""
    assert float(Format.named("NF4").bits - Format.named("NF4-double").bits) == pytest.approx(0.373, abs=0.001)


def test_what_a_format_keeps_stays_in_16_bit():
    kept = [Tensor(name, name, Integer(3), (Integer(64), Integer(64))) for name in ("embedding", "head", "router")]
    kept += [Tensor("norm", "norm", Integer(3), (Integer(64),)), Tensor("conv1d", "ssm", Integer(3), (Integer(8),) * 3)]
    assert stored_bytes(tuple(kept), Format.named("NF4")) == 3 * 2 * (3 * 64 * 64 + 64 + 8**3)


def test_each_expert_is_a_matrix_of_its_own():
    rows, columns = Integer(7), Integer(9)
    one = stored_bytes((Tensor("up_proj", "mlp", Integer(1), (rows, columns)),), Format.named("NF4"))
    assert one == math.ceil(63 / 2) + 4 + 64
    assert (
        stored_bytes((Tensor("up_proj", "experts", Integer(1), (Integer(5), rows, columns)),), Format.named("NF4"))
        == 5 * one
    )


def test_which_formats_a_cache_can_have():
    caches = {form.name for form in FORMATS if form.in_cache and not form.residual}
    llama_cpp = {"Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "IQ4_NL"}
    assert caches == llama_cpp | {"FP32", "TF32", "BF16", "FP16", "FP8", "INT8", "INT4"}
    assert [cache_bytes(Integer(1024), Format.named(name)) for name in ("FP16", "Q8_0", "Q4_0")] == [2048, 1088, 576]


SIZES = st.tuples(
    *(st.integers(1, 130), st.integers(1, 600).map(lambda n: 32 * n), st.integers(1, 900).map(lambda n: 32 * n)),
    *(st.sampled_from([8, 32, 64]), st.sampled_from([1, 2, 8]), st.sampled_from([64, 80, 128])),
    *(st.integers(1, 10**6), st.integers(1, 2)),
)


@given(form=st.sampled_from(FORMATS), sizes=SIZES)
def test_symbols_and_numbers_agree(form, sizes):
    expr = stored_bytes(*_with_format(llama(*map(symbol, NAMES)), form))
    values = dict(zip(map(symbol, NAMES), sizes, strict=True))
    known = [values[s] for s in compute.arguments(expr)]
    bytes_ = stored_bytes(*_with_format(llama(*map(Integer, sizes)), form))
    assert compute.exact(expr)(*known) == bytes_
    assert math.isclose(compute.fast(expr)(*map(float, known)), bytes_, rel_tol=1e-12)


def _with_format(model, form):
    tensors, architecture = model
    return tensors, form, architecture


def test_a_wrong_format_is_told_the_nearest():
    with pytest.raises(InputError, match="format 'Q4_K_N' is not known; the nearest is"):
        Format.named("Q4_K_N")
    assert Format.named("gptq").name == "GPTQ-INT4-g128"
    assert isinstance(stored_bytes((), Format.named("FP16")), sympy.Integer)
