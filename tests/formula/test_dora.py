"""DoRA: what a pass takes while it finds out how long the rows of a matrix and its adapter are."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Model, Training, breakdown
from memcalc.estimate.peak import step_peak
from memcalc.formula.adapted import Adapted
from memcalc.formula.dora import measuring
from memcalc.formula.saved_tensors import CodePath

PASS = {"context": 512, "batch": 2, "recipe": "bf16", "attention": "eager", "lora_rank": 16, "dora": True}
PEAKS = [
    ({}, 3_137_200_128),
    ({"context": 64}, 1_913_063_424),
    ({"recompute": "full"}, 2_532_265_992),
    ({"recompute": "full", "context": 2048, "batch": 1}, 3_912_343_560),
    ({"recompute": "full", "base_weights": "NF4"}, 2_588_102_664),
    ({"context": 2048, "batch": 1}, 7_048_257_544),
]
"""Largest sums of living storages in a forward and backward pass of two layers of Llama-3-8B, less weights: PEFT
0.21.2 and bitsandbytes 0.50.2 on fake CPU tensors of torch 2.13."""


def two_layers():
    return replace(Model.named("Llama-3-8B"), full_layers=2, dense_layers=2)


@pytest.mark.parametrize(("choice", "measured"), PEAKS)
def test_peaks_are_near_those_of_peft(choice, measured):
    found = step_peak(two_layers(), Training(**PASS | {"base_weights": "BF16"} | choice))
    assert -0.004 * measured <= found - measured <= 0.025 * measured


def test_short_sequences_need_what_the_matrix_of_ones_and_zeros_takes():
    """14,336² numbers of four bytes, and four matrices of 4,096 by 14,336, the frozen one among them."""
    run = Training(**PASS | {"context": 1, "batch": 1, "base_weights": "BF16"})
    found = step_peak(two_layers(), run)
    assert 0 < found - 4 * (14_336**2 + 4 * 4096 * 14_336) < 10**7


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_a_layer_made_anew_never_needs_less(single, autocast, quantized, raised):
    case = CodePath(
        "llama",
        adapted=Adapted(
            frozenset({"q_proj", "down_proj"}),
            dora=True,
            **{"single": single, "autocast": autocast, "quantized": quantized, "raised": raised},
        ),
    )
    assert (measuring(case, again=True) - measuring(case)).is_positive


def test_lengths_are_trained_beside_the_adapters():
    """PEFT 0.21.2 counts 43,319,296 trained parameters of Llama-3-8B at rank 16, of which 41,943,040 are LoRA's."""
    with_lengths, without = (
        breakdown(Model.named("Llama-3-8B"), Training(lora_rank=16, dora=dora, activations="none"))
        for dora in (True, False)
    )
    assert without["gradients"] == 4 * 41_943_040
    assert with_lengths["gradients"] == 4 * 43_319_296
