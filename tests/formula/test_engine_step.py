"""A step of a serving engine: its widest moment, and the choice of tokens."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Inference, Model, values
from memcalc.formula.engine_step import engine_step, layers_of_a_step, reserve, rope_table, sampling
from memcalc.formula.symbols import symbol
from memcalc.units import UNITS

LLAMA = Model.named("Llama-3.1-8B")


def run(tokens, sequences=1, **fields):
    return Inference(engine="vLLM", batched_tokens=tokens, sequences=sequences, **fields)


def test_a_token_of_a_step_takes_what_two_starts_of_an_engine_differ_by():
    # vllm-project/vllm#10517: 1,952 blocks with steps of 20,000 tokens, 1,478 with 29,000; a block has 16 × 128 KiB
    fewer_blocks, more_tokens = 1952 - 1478, 29_000 - 20_000
    measured = Fraction(fewer_blocks * 16 * 128 * UNITS["KiB"], more_tokens)
    one, many = (layers_of_a_step.exact(values(LLAMA, run(tokens))) for tokens in (1, 1001))
    assert Fraction(many - one, 1000) == pytest.approx(measured, rel=0.003)  # a block more or less


def test_the_choice_sorts_a_vocabulary_of_every_sequence():
    numbers, hidden = 256 * 128_256, 512 * 4096
    known = values(LLAMA, run(512, 256))
    assert sampling(lean=True).exact(known) == 2 * hidden + (2 + 4 + 4) * numbers
    assert sampling().exact(known) == 2 * hidden + (2 + 4 + 3 * (4 + 8)) * numbers


def test_cards_share_the_layers_and_not_the_vocabulary():
    alone, shared = (values(LLAMA, run(2048, 256, tensor_parallel=cards)) for cards in (1, 8))
    layers, choice = engine_step().parts
    assert layers.exact(alone) - layers.exact(shared) == 2 * 2048 * 3 * (14_336 - 14_336 // 8)
    assert choice.exact(alone) == choice.exact(shared)


def test_the_experts_of_a_token_are_all_there_at_once():
    model, tokens = Model.named("Mixtral-8x7B"), 2048
    two_experts = 2 * (2 * 14_336 + 14_336)
    assert layers_of_a_step.exact(values(model, run(tokens))) == 2 * tokens * (two_experts + 3 * 4096)


@given(st.integers(1, 10**5), st.integers(1, 1024))
def test_the_low_end_is_never_above_the_high_one(tokens, sequences):
    known = values(LLAMA, run(tokens, sequences))
    assert engine_step(lean=True).exact(known) <= engine_step().exact(known)


def test_positions_take_what_an_engine_counts_as_weights():
    # vllm-project/vllm#17122: the engine states 14.9889 GiB for a model of 8,030,261,248 parameters in 16 bit
    known = values(LLAMA, run(2048))
    stated = Fraction("14.9889") * UNITS["GiB"]
    assert 2 * LLAMA.parameters + rope_table.exact(known) == pytest.approx(float(stated), rel=1e-5)


def test_what_sglang_leaves_aside_is_its_rule_of_thumb():
    known = {symbol(name): number for name, number in CARD_OF_24_GIB.items()}
    mib = UNITS["MiB"]
    assert reserve(large=False).exact(known) == 512 * mib + 2048 * 3 * mib // 2 + 24 * 2 * mib + 1024 * mib // 8
    assert reserve(large=True).exact(known) == 10 * 1024 * mib


CARD_OF_24_GIB = {"micro_tokens": 2048, "outputs": 24, "tensor_parallel": 1, "pipeline_parallel": 1}
