"""Parameters to the last digit."""

import pytest

from memcalc import Model
from memcalc.formula import TERMS

COUNTED = {
    "LLaMA-7B": 6_738_415_616,
    "LLaMA-13B": 13_015_864_320,
    "LLaMA-33B": 32_528_943_616,
    "LLaMA-65B": 65_285_660_672,
    "Llama-2-7B": 6_738_415_616,
    "Llama-2-13B": 13_015_864_320,
    "Llama-2-70B": 68_976_648_192,
    "Llama-3-8B": 8_030_261_248,
    "Llama-3-70B": 70_553_706_496,
    "Llama-3.1-8B": 8_030_261_248,
    "Llama-3.1-70B": 70_553_706_496,
    "Llama-3.1-405B": 405_853_388_800,
    "GPT-2": 124_439_808,
    "GPT-2-medium": 354_823_168,
    "GPT-2-large": 774_030_080,
    "GPT-2-XL": 1_557_611_200,
    "GPT-3-175B": 174_604_259_328,
}
"""Sums over the parameters of the transformers classes, built on the meta device."""


@pytest.mark.parametrize("name", COUNTED)
def test_parameters_are_counted_to_the_last_digit(name):
    assert Model.named(name).parameters == Model.named(name).active_parameters == COUNTED[name]


def test_llama_layer_by_hand():
    values = Model.named("LLaMA-7B").values
    assert TERMS["attention"].exact(values) == 4 * 4096**2
    assert TERMS["mlp"].exact(values) == 3 * 4096 * 11008
    assert TERMS["norms"].exact(values) == 2 * 4096


def test_gpt2_layer_is_the_known_polynomial():
    values, d = Model.named("GPT-2").values, 768
    layer = sum(TERMS[name].exact(values) for name in ("attention", "mlp", "norms"))
    assert layer == 12 * d**2 + 13 * d
