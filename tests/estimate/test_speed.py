"""Bounds of speed, against published arithmetic."""

import pytest

from memcalc import TERMS, Inference, Model, values
from memcalc.estimate.speed import fastest
from memcalc.formula.symbols import symbol
from memcalc.specs.gpu import Gpu

LLAMA = Model.named("LLaMA-7B")


@pytest.mark.parametrize(
    ("gpu", "tokens"), [("RTX 4090", 149.6), ("H100 80 GB", 497), ("MI300X", 787), ("M3 Ultra 96 GB", 121.5)]
)
def test_tokens_per_second_of_seven_billion_int8_weights(gpu, tokens):
    """Published bounds read the input embedding too, of which a token needs one row; the cache hardly counts."""
    bandwidth = Gpu.named(gpu).bandwidth_gbs * 10**9
    known = values(LLAMA, Inference(context=1, weights="INT8")) | {symbol("bandwidth"): bandwidth}
    bound = 1 / float(TERMS["decode_time"].value(known))
    assert bound == pytest.approx(tokens * LLAMA.parameters / (LLAMA.parameters - 32_000 * 4096), rel=2e-3)


def test_a_token_looks_up_one_row_of_each_table():
    """GPT-2 (Radford et al. 2019): 124,439,808 parameters, of which 1,024 × 768 are positions; its tables are tied."""
    layers, head, norm = 12 * (12 * 768**2 + 13 * 768), 50_257 * 768, 2 * 768
    assert layers + head + norm + 1024 * 768 == 124_439_808
    known = values(Model.named("GPT-2"), Inference(context=1)) | {symbol("bandwidth"): 1}
    assert TERMS["decode_time"].value(known) == 2 * (layers + head + norm) + 12 * 2 * 768 * 2


def test_the_bounds_of_a_card():
    slow = fastest(LLAMA, Inference(context=1, weights="INT8"), Gpu.named("DGX Spark"))
    assert 40.5 < slow.decode < 41.5
    assert slow.prefill is None
    assert fastest(LLAMA, Inference(context=4096), Gpu.named("A100 80 GB")).prefill == pytest.approx(0.184, rel=1e-2)


def test_operations_of_a_prompt():
    known = values(LLAMA, Inference(context=4096))
    tables, attention = 2 * 32_000 * 4096, 2 * 32 * 4096**2 * 4096
    matrices = 2 * (LLAMA.parameters - tables) * 4096 + tables  # the head for the last token
    assert (round(2 * LLAMA.parameters * 4096 / 1e12, 1), round(attention / 1e12, 1)) == (55.2, 4.4)
    assert TERMS["prefill_operations"].exact(known) == matrices + attention


def test_the_time_of_a_prompt_is_operations_over_arithmetic():
    known = values(LLAMA, Inference(context=4096)) | {symbol("arithmetic"): 312 * 10**12}
    assert float(TERMS["prefill_time"].value(known)) == pytest.approx(57.45 / 312, rel=1e-3)


def test_a_window_spares_pairs_of_tokens():
    whole = TERMS["prefill_operations"].exact(values(LLAMA, Inference(context=4096)))
    narrow = TERMS["prefill_operations"].exact(values(LLAMA, Inference(context=4096, sinks=0, recent=1024)))
    assert whole - narrow == 2 * 32 * 4096 * (4096 - 1024) ** 2
