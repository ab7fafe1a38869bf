"""Training states: the sums that papers give, written in symbols, and what a step takes for a moment."""

import pytest
import sympy

from measured import rows
from memcalc import catalogue
from memcalc.formula.optimizer import (
    B_g,
    B_m,
    B_o,
    P,
    T,
    gradients,
    n_c,
    n_map,
    n_o,
    one_state_of,
    optimizer,
    projections_of,
    step_temporaries_of,
    tensors,
    tensors_of,
)
from memcalc.formula.recipes import Optimizer
from memcalc.formula.sharding import Piece, pieces
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import Structure
from memcalc.formula.weights import weights
from memcalc.specs.training import Training
from small_models import small

LAYOUTS = {name: Optimizer.named(name) for name in catalogue.names("optimizers")}
MEASURED = rows("training", "step_temporaries")
ADAM = {n_o: 2, n_c: 1, n_map: 0}


def vector(size):
    return Piece(sympy.Integer(1), sympy.Integer(1), (sympy.Integer(size),))


@pytest.mark.parametrize(
    ("recipe", "per_parameter"),
    [("fp32", 16), ("mixed", 16), ("megatron", 18), ("bf16", 8), ("autocast", 16)],
)
def test_bytes_per_parameter(recipe, per_parameter):
    """ZeRO, section 3.1, for mixed; Megatron's theoretical_memory_usage for megatron; the others by their formats."""
    whole = weights.expr + gradients.expr + optimizer.expanded(frozenset({P, T}))
    assert sympy.expand(whole.subs(Training(recipe=recipe).values).subs(T, 0)) == per_parameter * P


def test_the_optimizer_is_the_sum_of_its_parts():
    expected = P * B_m + P * B_o * n_o + 4 * T * n_c + 1024 * n_map
    assert sympy.expand(optimizer.expanded(frozenset({P, T})) - expected) == 0


def test_each_layer_of_llama_has_nine_tensors():
    assert tensors.exact(small("llama20M").values) == 4 * 9 + 3
    assert tensors_of(LAYOUTS["AdamW"], pieces(Structure("qkv"))).exact(small("gpt2_24M").values) == 6 * 12 + 4


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("8-bit AdamW", 4096, 4096 + 4 * 16),
        ("8-bit AdamW", 4097, 4097 + 4 * 17),
        ("8-bit AdamW", 4095, 4 * 4095),
        ("torchao AdamW 8-bit", 4096, 4096 + 4 * 16 + 1024),
        ("torchao AdamW 8-bit", 4097, 4 * 4097),
        ("torchao AdamW 4-bit", 4096, 2048 + 4 * 32 + 64),
    ],
)
def test_small_and_odd_tensors_are_not_quantized(name, size, expected):
    assert one_state_of(LAYOUTS[name], [vector(size)], P, ()).exact({B_o: 4}) == expected


def test_adafactor_keeps_rows_and_columns():
    matrix = Piece(sympy.Integer(1), sympy.Integer(1), (sympy.Integer(30), sympy.Integer(50)))
    assert one_state_of(LAYOUTS["Adafactor"], [matrix, vector(7)], P, ()).exact({B_o: 4}) == 4 * (30 + 50 + 7)


@pytest.mark.parametrize("row", MEASURED, ids=[row.id for row in MEASURED])
def test_what_a_step_takes_for_a_moment(row):
    inputs, model = row.inputs, small(row.model)
    run = Training(recipe=inputs["recipe"], optimizer=inputs["optimizer"])
    results = run.optimizer_spec.temporaries
    term = step_temporaries_of(inputs["implementation"], pieces(model.structure), results)
    assert term.exact(model.values | run.values) == row.measured


def test_gradients_have_their_own_format():
    assert gradients.exact({P: 1000, B_g: 4}) == 4000
    assert symbol("bytes_per_weight") not in gradients.expr.free_symbols


@pytest.mark.parametrize("shape", [(1024, 4096), (4096, 1024)])
def test_of_a_matrix_galore_keeps_what_its_paper_says(shape):
    """GaLore, Table 1: of m × n numbers with m ≤ n, states of m r + 2 n r numbers; FP32 keeps the whole SVD's side."""
    matrix = Piece(sympy.Integer(1), sympy.Integer(1), tuple(map(sympy.Integer, shape)), hidden=True)
    m, n, r = 1024, 4096, 128
    state = one_state_of(LAYOUTS["GaLore AdamW"], [matrix], P, ())
    both = 2 * state.expr + projections_of(LAYOUTS["GaLore AdamW"], [matrix]).expr
    of_bf16 = {B_g: 2, B_o: 2, symbol("optimizer_rank"): r}
    assert both.subs(of_bf16) == 2 * (m * r + 2 * n * r)
    assert both.subs(of_bf16 | {symbol("optimizer_rank"): 4096}) == 2 * (m * m + 2 * n * m)
    assert both.subs(of_bf16 | {B_g: 4, B_o: 4}) == 4 * (m * m + 2 * n * r)
