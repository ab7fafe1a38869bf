"""The peak of forward and backward pass, as measured on Hugging Face models."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import case_of, for_each_row, symbol_values
from measured import rows
from memcalc.errors import InputError
from memcalc.formula.activations import activations
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import symbol
from memcalc.formula.training_step import MEASURED, Step, step_peak

ROWS = rows("peaks", "step_peak")
M_act, M_g = symbol("activations"), symbol("gradients")
LLAMA_2_7B = {
    "layers": 32, "hidden": 4096, "intermediate": 11008, "heads": 32, "kv_heads": 32, "head_dim": 128, "rotary": 128,
    "vocabulary": 32000, "batch": 1, "context": 2048, "embedding_tables": 2, "mlp_matrices": 3, "norm_vectors": 1,
    "positions": 0, "qkv_bias": 0, "output_bias": 0, "mlp_bias": 0,
}  # fmt: skip
VALUES = {symbol(name): value for name, value in LLAMA_2_7B.items()}
KINDS = st.builds(
    CodePath,
    st.sampled_from(MEASURED),
    st.sampled_from(["eager", "sdpa"]),
    st.sampled_from(["bf16", "fp32"]),
    st.sampled_from(["none", "full"]),
)


def the_peak(inputs):
    return step_peak(case_of(inputs), tied=inputs["embedding_tables"] == 1)


def gradient_bytes(case):
    return 6_738_415_616 * (4 if case.recipe == "fp32" else 2)


@for_each_row("peaks", "step_peak")
def test_peak_to_the_byte(inputs, measured):
    assert the_peak(inputs).exact(symbol_values(inputs)) == measured


def kernel_as_on_a_gpu(inputs):  # on a CPU, fused attention keeps no seed and LayerNorm 16-bit statistics
    return inputs["family"] != "gpt2" and (inputs["attention"] == "eager" or inputs["recompute"] == "full")


def test_with_our_own_activations_too():
    chosen = [row for row in ROWS if kernel_as_on_a_gpu(row.inputs)]
    assert len(chosen) >= 20
    for row in chosen:
        values = symbol_values(row.inputs)
        assert activations(case_of(row.inputs)).exact(values) == values.pop(M_act), row.id
        assert the_peak(row.inputs).exact(values) == row.measured, row.id


def test_activations_and_gradients_are_no_bound_of_the_peak():
    sums = {row.id: row.inputs["activations"] + row.inputs["gradients"] for row in ROWS}
    assert sum(sums[row.id] > row.measured for row in ROWS) == 21
    assert sum(sums[row.id] < row.measured for row in ROWS) == 24  # what the loss needs for a moment
    [row] = [row for row in ROWS if row.id == "D300357"]  # four layers of Llama-2-7B
    assert sums[row.id] / row.measured == pytest.approx(1.43, abs=0.01)


@settings(max_examples=30)
@given(KINDS, st.integers(1, 10**5))
def test_the_peak_holds_all_that_is_there_at_once(case, context):
    values = VALUES | {symbol("context"): context, M_g: gradient_bytes(case)}
    peak, kept = step_peak(case).exact(values), activations(case).exact(values)
    assert max(kept, values[M_g]) < peak
    assert peak < step_peak(case).exact(values | {symbol("context"): context + 1})


@settings(max_examples=30)
@given(KINDS, st.integers(10**5, 10**6))
def test_of_a_long_context_recomputation_needs_less(case, context):
    if case.recompute == "full":
        values = VALUES | {symbol("context"): context, M_g: gradient_bytes(case)}
        all_kept = CodePath(case.family, case.attention, case.recipe)
        assert step_peak(case).exact(values) < step_peak(all_kept).exact(values)


@settings(max_examples=30)
@given(KINDS)
def test_of_a_short_context_all_gradients_are_the_peak(case):
    values = VALUES | {symbol("context"): 1, M_g: gradient_bytes(case)}
    of_hidden = 4096 * (4 if case.recipe == "fp32" else 2)
    assert step_peak(case).exact(values) == values[M_g] + of_hidden + 8


@pytest.mark.parametrize(
    ("case", "says"),
    [
        (CodePath("gemma2"), "family must be one of llama, qwen2, gpt2"),
        (CodePath("llama", recipe="autocast"), "recipe must be one of bf16, mixed, fp32"),
        (CodePath("gpt2", dropouts=frozenset({"residual"})), "dropouts must be none .* not residual"),
    ],
)
def test_what_was_not_measured_is_not_guessed(case, says):
    with pytest.raises(InputError, match=says):
        Step(case)
