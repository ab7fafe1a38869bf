"""The buffers that llama.cpp reserves, to the byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import for_each_row, symbol_values
from memcalc.formula.llama_cpp import Graph, Layer, compute_buffer, input_copies, output_buffer
from memcalc.formula.symbols import symbol

LLAMA = {
    "hidden": 4096, "intermediate": 11008, "heads": 32, "kv_heads": 32, "head_dim": 128, "vocabulary": 32000,
    "micro_tokens": 512, "outputs": 512, "batch": 1, "context": 4096, "block": 256, "sharing": 1,
}  # fmt: skip
VALUES = {symbol(name): value for name, value in LLAMA.items()}


def dense(*facts, layers=3):
    return Graph(frozenset(facts), (Layer(),) * layers)


def buffer(graph, **changes):
    values = VALUES | {symbol(name): value for name, value in changes.items()}
    return compute_buffer(graph, values).exact(values)


def facts_of(inputs):
    """What a row says of the engine's graph; formats of more than 16 bits are FP32 alone."""
    yield "flash" if inputs["flash"] else "eager"
    if inputs["unified"] or inputs["batch"] == 1:
        yield "shared"
    if inputs["cache_format"] == "FP32":
        yield from ("keys_of_32_bit", "values_of_32_bit")


@for_each_row("peaks", "compute_buffer")
def test_compute_buffer(inputs, measured):
    known = {"block": 256, "sharing": inputs["batch"] if inputs["unified"] else 1}
    values = symbol_values(inputs | known)
    assert compute_buffer(dense(*facts_of(inputs)), values).exact(values) == measured


@for_each_row("peaks", "output_buffer")
def test_output_buffer_as_the_log_rounds_it(inputs, measured):
    assert abs(output_buffer.exact(symbol_values(inputs)) - measured) <= inputs["tolerance"]


def test_without_flash_attention_the_scores_grow_with_the_context():
    def grown(attention):
        graph = dense(attention, "shared")
        return buffer(graph, context=8192) - buffer(graph)

    assert grown("flash") == 2 * 512 * 4096  # the mask in FP16
    assert grown("eager") == 4 * 512 * 4096 * (32 + 1)  # scores of every head and the mask in FP32


def test_what_lies_there_has_names():
    """In the MLP gate, up and product; the sum and its normalised form; and under them where queries have lain."""
    term = compute_buffer(dense("flash", "shared"), VALUES)
    numbers = {str(one): one for one in term.symbols}
    assert term.expr.coeff(numbers["d_ff"]) == 3 * 4 * numbers["s_u"]
    assert term.expr.coeff(numbers["s_p"]) == 2 * numbers["s_u"]
    assert [part.name for part in term.parts] == ["reserved"]


@pytest.mark.parametrize("attention", ["flash", "eager"])
def test_a_shorter_micro_batch_needs_less(attention):
    whole, quarter = (buffer(dense(attention, "shared"), micro_tokens=n, outputs=n) for n in (512, 128))
    assert quarter == pytest.approx(whole / 4, rel=0.01)


@settings(max_examples=30)
@given(st.sampled_from(["flash", "eager"]), st.integers(3, 40))
def test_more_layers_of_one_kind_need_no_more(attention, layers):
    assert buffer(dense(attention, layers=layers)) == buffer(dense(attention))


def test_logits_of_few_tokens_leave_the_mlp_the_most():
    """Of 128,256 words: logits of 512 tokens need 4 × 512 × 128,256 bytes, and two results of the layer's width."""
    graph = dense("flash", "shared")
    all_of_them, one = (buffer(graph, vocabulary=128256, outputs=count) for count in (512, 1))
    assert all_of_them == 4 * 512 * 128256 + 2 * 4 * 512 * 4096 + 4 * 512
    assert one == pytest.approx(buffer(graph), abs=4 * 512)


@pytest.mark.parametrize("attention", ["flash", "eager"])
def test_inputs_are_those_of_the_graph_and_what_the_layers_before_made(attention):
    graph = dense(attention, "shared")
    names = [step.name for step in graph.inputs()]
    assert {"positions", "mask full", "places of outputs", "input"} <= {*names}
    assert "token ids" not in names
    term = input_copies(graph, VALUES)
    numbers = {str(one): one for one in term.symbols}
    assert term.expr.coeff(numbers["s_p"]) == 3 * numbers["s_u"] * (2 if attention == "flash" else 4)
    assert term.expr.coeff(numbers["d"]) == 3 * 4 * numbers["s_u"]
