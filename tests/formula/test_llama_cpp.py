"""The buffers that llama.cpp reserves, to the byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import for_each_row, symbol_values
from measured import rows
from memcalc import Model
from memcalc.errors import InputError
from memcalc.formula.llama_cpp import cells, check_dense, compute_buffer, output_buffer
from memcalc.formula.symbols import symbol

LLAMA = {
    "hidden": 4096, "intermediate": 11008, "heads": 32, "kv_heads": 32, "head_dim": 128, "vocabulary": 32000,
    "micro_tokens": 512, "outputs": 512, "batch": 1, "context": 4096,
}  # fmt: skip
VALUES = {symbol(name): value for name, value in LLAMA.items()}


@for_each_row("peaks", "compute_buffer")
def test_compute_buffer(inputs, measured):
    values = symbol_values(inputs)
    term = compute_buffer(inputs["flash"], inputs["cache_format"], inputs["unified"])
    check_dense(values)
    assert abs(term.exact(values) - measured) <= inputs.get("tolerance", 0)


def test_one_row_alone_is_tolerated():
    buffers = rows("peaks", "compute_buffer")
    tolerated = {row.id: row.inputs["tolerance"] for row in buffers if "tolerance" in row.inputs}
    assert tolerated == {"F00039": 4 * 512 * 4096}  # a hole takes one tensor of s_u × d numbers


@for_each_row("peaks", "output_buffer")
def test_output_buffer_as_the_log_rounds_it(inputs, measured):
    assert abs(output_buffer.exact(symbol_values(inputs)) - measured) <= inputs["tolerance"]


def test_without_flash_attention_the_scores_grow_with_the_context():
    def grown(flash):
        term = compute_buffer(flash)
        return term.exact(VALUES | {symbol("context"): 8192}) - term.exact(VALUES)

    assert grown(flash=True) == 2 * 512 * 4096  # the mask in FP16
    assert grown(flash=False) == 4 * 512 * 4096 * (32 + 1)  # scores of every head and the mask in FP32


@settings(max_examples=30)
@given(st.integers(1, 10**5), st.integers(1, 16))
def test_one_cache_for_all_has_the_cells_of_all(context, sequences):
    values = {symbol("context"): context, symbol("batch"): sequences}
    own, shared = cells().exact(values), cells(unified=True).exact(values)
    assert own % 256 == shared % 256 == 0
    assert own <= shared <= sequences * own


def test_a_shorter_micro_batch_needs_less():
    for flash in (True, False):
        whole = compute_buffer(flash).exact(VALUES)
        quarter = VALUES | {symbol("micro_tokens"): 128, symbol("outputs"): 128}
        assert compute_buffer(flash).exact(quarter) == pytest.approx(whole / 4, rel=0.01)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mixtral-8x7B", "moe_layers"),
        ("Gemma-2-9B", "window_layers"),
        ("DeepSeek-V3", "latent_layers"),
        ("Mamba-2.8B", "mamba_layers"),
    ],
)
def test_other_kinds_of_layers_are_refused(name, kind):
    with pytest.raises(InputError, match=f"{kind} must be 0 for the compute buffer"):
        check_dense(Model.named(name).values)


@pytest.mark.parametrize(("flash", "cache_format"), [(True, "Q8_0"), (False, "BF16")])
def test_a_cache_that_was_not_measured_is_refused(flash, cache_format):
    with pytest.raises(InputError, match="cache format"):
        compute_buffer(flash, cache_format)
