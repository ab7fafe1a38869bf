"""Whole models, in GGUF files above all: the type of each matrix as llama.cpp chooses it."""

import json

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from headers import bytes_of, read
from memcalc import catalogue
from memcalc.formats import Format, block
from memcalc.formula.gguf import choose, tensor_bytes
from memcalc.formula.tensors import (
    TENSORS,
    E,
    L_dense,
    L_full,
    L_mla,
    L_moe,
    L_ssd,
    L_ssm,
    L_win,
    d,
    d_e,
    d_ff,
    h,
    h_kv,
)  # fmt: skip

DOWN = [tensor for tensor in TENSORS if tensor.name == "down_proj"]
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

ROWS = [row for row in catalogue.rows("measured_formats") if row["quantity"].startswith("model_")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['id']}-{row['model']}-{row['format']}")
def test_a_model_takes_what_was_measured(row):
    assert bytes_of(read(json.loads(row["inputs"])), row["format"]) == int(row["bytes"])


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_bits_per_weight(name):
    model = read(LLAMA_8B)
    assert round(float(8 * bytes_of(model, name) / model.parameters), 4) == PUBLISHED[name]


@pytest.mark.parametrize(("name", "parts"), [("Q8_0", 2 + 32), ("Q4_0", 2 + 16), ("Q4_K", 2 * 2 + 12 + 128)])
def test_blocks_are_scales_and_codes(name, parts):
    assert block(name)[1] == parts


def test_rules_name_known_types_and_files():
    for rule in catalogue.rows("mixes"):
        assert block(rule["type"])
        for name in rule["mixes"].split("|"):
            assert name == "*" or Format.named(name).family == "gguf"


def more_bits(layer, layers):
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


@given(layers=st.integers(1, 200), dense=st.integers(0, 200))
def test_counted_layers_are_those_of_a_loop(layers, dense):
    dense = min(dense, layers)
    known = {L_full: layers, L_dense: dense, L_moe: layers - dense, E: 3, d: 256, d_ff: 256, d_e: 256, h: 8, h_kv: 8}
    for tensor, place, matrices in zip(DOWN, (range(dense), range(dense, layers)), (1, 3), strict=True):
        more = sum(more_bits(layer, layers) for layer in place)
        counted = tensor_bytes(tensor, "Q4_K_M", "Q4_K").subs(dict.fromkeys(OTHER_LAYERS, 0)).subs(known)
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
