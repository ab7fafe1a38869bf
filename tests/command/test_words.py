"""What people type: counts, sizes, slots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Inference, InputError, Model, breakdown
from memcalc.command.words import size, value, with_slots


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(("32K", 32768), ("32k", 32768), ("128K", 131072), ("1M", 1048576), ("0.5k", 512), ("32 K", 32768)),
        *(("4096", 4096), ("4,096", 4096), ("4_096", 4096), ("1,000,000", 10**6), (" 7 ", 7), ("-5", -5)),
        *(("0.1", 0.1), ("True", True), ("false", False), ("whole", "whole"), ("Q4_K_M", "Q4_K_M")),
        *(("1.5K", 1536), ("1.3K", "1.3K"), ("4,09", "4,09"), ("4,0966", "4,0966"), ("K", "K"), ("", "")),
    ],
)
def test_counts_as_people_type_them(typed, meant):
    assert value(typed) == meant
    assert type(value(typed)) is type(meant)


@given(st.integers(0, 10**15))
def test_commas_and_underscores_change_nothing(number):
    assert value(f"{number:,}") == value(f"{number:_}") == value(str(number)) == number


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("7B", 7 * 10**9), ("70b", 70 * 10**9), ("1.5B", 1_500_000_000), ("270M", 270 * 10**6), ("1.8T", 1_800 * 10**9)],
)
def test_a_size_is_a_number_of_parameters(typed, meant):
    assert size(typed) == meant


@pytest.mark.parametrize("typed", ["Llama-2-7B", "8x7B", "7", "B", "7Bs", "1e3B", ""])
def test_what_is_no_size(typed):
    assert size(typed) is None


@pytest.mark.parametrize("engine", ["llama.cpp", "llama.cpp-unified"])
def test_slots_share_the_context_as_the_log_of_llama_cpp_has_it(engine):
    """Of Gemma-3-270M with -c 1024 -np 4: 256 cells a slot, 18 layers, one head of 256 numbers, 2 bytes, K and V."""
    run = Inference(**with_slots({"engine": engine}, 4, 1024))
    assert (run.context, run.batch) == (256, 4)
    assert breakdown(Model.named("Gemma-3-270M"), run)["kv_cache"] == 1024 * 18 * 256 * 2 * 2


def padded(number):
    return -(-number // 256) * 256


@given(st.integers(1, 10**6), st.integers(1, 64))
def test_cells_are_those_of_llama_cpp(total, slots):
    """As src/llama-context.cpp has it: n_ctx filled up, divided, and each share filled up again."""
    model, full = Model.named("Llama-2-7B"), 2 * 2 * 32 * 4096
    apart = Inference(**with_slots({"engine": "llama.cpp"}, slots, total))
    assert breakdown(model, apart)["kv_cache"] == full * slots * padded(padded(total) // slots)
    shared = Inference(**with_slots({"engine": "llama.cpp-unified"}, slots, total))
    assert breakdown(model, shared)["kv_cache"] == full * padded(total)


@pytest.mark.parametrize(
    ("said", "slots", "total", "sentence"),
    [
        ({"batch": 4}, 4, None, "batch and slots say the same in other words: give one of them."),
        ({"context": 4}, None, 4, "context and total-context say the same in other words: give one of them."),
        ({}, 8, 4, "total-context must be at least a token for each of 8 slots, not 4."),
        ({}, "many", None, "slots must be a whole number from 1 to "),
        ({}, None, -1, "total-context must be a whole number from 1 to "),
        ({"engine": "nobody"}, 1, 4, "engine 'nobody' is not known"),
    ],
)
def test_contradictions_are_refused(said, slots, total, sentence):
    with pytest.raises(InputError) as refused:
        with_slots(said, slots, total)
    assert str(refused.value).startswith(sentence)
