"""The peak of a prefill and of a decode step, as measured on Hugging Face models."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import case_of, for_each_row, symbol_values
from memcalc.errors import InputError
from memcalc.formula.prefill import EXPERTS, MEASURED, Prefill
from memcalc.formula.prefill_latent import LatentPrefill
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import symbol

LLAMA = {
    "layers": 32, "hidden": 4096, "intermediate": 11008, "heads": 32, "kv_heads": 32, "head_dim": 128,
    "rotary": 128, "vocabulary": 32000, "batch": 1, "context": 8192, "chunk": 512,
}  # fmt: skip
PLAIN = {"block": 1, "sharing": 1, "window_extra": 0, "window_counter": 0, "pipeline_parallel": 1}
"""No engine: nothing that a program adds."""
VALUES = {symbol(name): value for name, value in LLAMA.items()}
reading = cache(Prefill)


def the_pass(inputs):
    cards = inputs.get("tensor_parallel", 1)
    family, weighs = EXPERTS.get(inputs["family"], (inputs["family"], 0))
    case = replace(
        case_of(inputs | {"family": family}), grouped=1 < inputs["kv_heads"] // cards < inputs["heads"] // cards
    )
    if inputs.get("value_dim", inputs["head_dim"]) != inputs["head_dim"]:
        case = replace(case, details=frozenset(["uneven_heads"]))
    kind = LatentPrefill if "latent" in case.traits else Prefill
    return kind(case, inputs["all_logits"], inputs["chunked"], sights_of(inputs), cards > 1, weighs)


def sights_of(inputs):
    """A letter for each layer of a measured model."""
    return inputs.get("sights") or inputs["layers"] * ("W" if inputs["windowed"] else "F")


def known(inputs):
    return symbol_values(PLAIN | inputs | {"window_layers": sights_of(inputs).count("W")})


@for_each_row("activations", "prefill")
def test_prefill_to_the_byte(inputs, measured):
    assert the_pass(inputs).prefill.exact(known(inputs)) == measured


@for_each_row("activations", "decode_step")
def test_decode_step_to_the_byte(inputs, measured):
    assert the_pass(inputs).decode_step.exact(known(inputs)) == measured


@given(st.sampled_from(MEASURED), st.sampled_from(["eager", "flash"]), st.booleans(), st.integers(0, 4))
def test_chunks_need_less_than_the_whole(family, attention, all_logits, halvings):
    case = CodePath(family, attention)
    chunk = 4096 >> halvings
    whole = reading(case, all_logits).prefill.exact(VALUES)
    chunked = reading(case, all_logits, chunked=True).prefill
    assert chunked.exact(VALUES | {symbol("chunk"): chunk // 2}) < chunked.exact(VALUES | {symbol("chunk"): chunk})
    assert chunked.exact(VALUES | {symbol("chunk"): chunk}) < 1.2 * whole


@given(st.sampled_from(MEASURED), st.sampled_from(["eager", "flash"]), st.integers(1, 10**6))
def test_a_longer_context_needs_more(family, attention, context):
    code = reading(CodePath(family, attention))
    for term in (code.prefill, code.decode_step):
        assert term.value(VALUES | {symbol("context"): context}) < term.value(VALUES | {symbol("context"): context + 1})


@given(st.sampled_from(MEASURED), st.sampled_from(["eager", "sdpa"]), st.integers(0, 4), st.sampled_from("FW"))
def test_a_step_that_generates_needs_no_more_than_the_prompt_did(family, attention, halvings, sight):
    """So the prefill is the larger moment, in chunks of any length."""
    values = VALUES | {symbol("chunk"): 4096 >> halvings, symbol("window_layers"): 32, symbol("window_counter"): 0}
    case = CodePath(family, attention)
    step = Prefill(case, sights=sight).decode_step.exact(values | {symbol("context"): 8191})
    for chunked in (False, True):
        assert step < Prefill(case, chunked=chunked, sights=sight).prefill.exact(values)


def test_a_mask_makes_pytorch_repeat_grouped_keys_and_values():
    """Of Llama-3-8B in chunks of 512: keys and values for 32 heads instead of 8, and 16-bit numbers for the mask."""
    values = VALUES | {symbol("kv_heads"): 8, symbol("intermediate"): 14336, symbol("context"): 32768}
    sdpa, flash = (
        reading(CodePath("llama", attention, grouped=True), chunked=True).prefill.exact(values)
        for attention in ("sdpa", "flash")
    )
    repeated, bias = 2 * 2 * 32768 * 4096, 2 * 512 * 32768
    assert repeated + bias < sdpa < 1.2 * (repeated + bias)
    assert flash < sdpa / 3


@pytest.mark.parametrize(
    ("case", "weighs", "says"),
    [
        (CodePath("olmoe"), 0, "llama, mistral, qwen2"),
        (CodePath("llama"), 2, "mistral, qwen3, gpt_oss"),
        (CodePath("llama", recipe="fp32"), 0, "of 16 bits"),
    ],
)
def test_what_was_not_measured_is_not_guessed(case, weighs, says):
    with pytest.raises(InputError, match=says):
        Prefill(case, weighs=weighs)


def test_of_experts_no_step_that_generates_is_known():
    with pytest.raises(InputError, match="decode_step must be of a family without experts"):
        _ = Prefill(CodePath("mistral"), weighs=4).decode_step


def test_a_sink_takes_a_column_of_scores():
    """Of gpt-oss-20b in one go: the masked scores, them and the sinks, and both lowered, with each head's highest."""
    sizes = {"heads": 64, "kv_heads": 8, "head_dim": 64, "hidden": 2880, "experts": 32, "active_experts": 4}
    sizes |= {"expert_intermediate": 2880, "window_layers": 12, "window": 128, "window_counter": 0}
    values = VALUES | {symbol(name): value for name, value in (PLAIN | sizes).items()}
    code = Prefill(CodePath("gpt_oss", grouped=True, masked=True), sights="WF", weighs=2)
    scores = 2 * 64 * 8192 * (8192 + 2 * 8193 + 1)
    assert scores < code.prefill.exact(values) < 1.1 * scores
