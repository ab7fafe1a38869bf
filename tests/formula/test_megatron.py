"""The paper's Table 2 from one list of tensors, and a layer written by hand to the byte."""

from fractions import Fraction

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from cases import for_each_row, symbol_values
from memcalc.errors import InputError
from memcalc.formula.choices import Recompute
from memcalc.formula.megatron import RECOMPUTE, first_stage, layer, once, saved_tensors
from memcalc.formula.pipeline import in_flight
from memcalc.formula.symbols import symbol
from memcalc.units import to_bytes

names = ("context", "batch", "hidden", "heads", "tensor_parallel", "vocabulary")
s, b, d, h, t, V = map(symbol, names)

TABLE_2 = {  # recompute, sequence parallel, tensor parallel: bytes a layer; GiB of the paper's 22B model, all layers
    ("none", False, False): (s * b * d * (34 + 5 * h * s / d), "316.5"),
    ("none", False, True): (s * b * d * (10 + 24 / t + 5 * h * s / (d * t)), "59.25"),
    ("none", True, True): (s * b * d * (34 / t + 5 * h * s / (d * t)), "39.5625"),
    ("selective", False, True): (s * b * d * (10 + 24 / t), "29.25"),
    ("selective", True, True): (s * b * d * 34 / t, "9.5625"),
    ("full", False, True): (2 * s * b * d, "4.5"),
}
GPT_22B = {"hidden": 6144, "intermediate": 24576, "heads": 64, "head_dim": 96, "context": 2048, "batch": 4}


def as_in_the_paper(expr):
    return expr.subs({symbol("intermediate"): 4 * d, symbol("head_dim"): d / h})


@pytest.mark.parametrize(("line", "expected"), TABLE_2.items(), ids=str)
def test_table_2(line, expected):
    recompute, sequence_parallel, tensor_parallel = line
    term = layer(recompute, sequence_parallel)
    found = as_in_the_paper(term.expr) if tensor_parallel else as_in_the_paper(term.expr).subs(t, 1)
    assert sympy.expand(found - expected[0]) == 0
    values = {symbol(name): value for name, value in GPT_22B.items()} | {t: 8 if tensor_parallel else 1}
    assert 48 * term.exact(values) == to_bytes(sympy.Rational(expected[1]), "GiB")


def test_twelve_tensors_make_34_and_three_the_scores():
    tensors = [tensor for tensor in saved_tensors() if tensor.per == "layer"]
    scores = [tensor for tensor in tensors if tensor.shape.count(s) == 2]
    assert (len(tensors) - len(scores), len(scores)) == (12, 3)
    rest = sum(tensor.expr for tensor in tensors if tensor not in scores)
    assert as_in_the_paper(rest).subs(t, 1) == 34 * s * b * d
    assert sum(tensor.bytes_each for tensor in scores) == 5


@pytest.mark.parametrize("recompute", [Recompute.NONE, Recompute.SELECTIVE])
def test_statistics_of_two_norms_add_16_bytes_a_token(recompute):
    added = layer(recompute, facts=["statistics"]).expr - layer(recompute).expr
    assert sympy.expand(added) == 16 * s * b


@for_each_row("activations", "megatron_layer")
def test_a_layer_written_by_hand_to_the_byte(inputs, measured):
    term = layer(inputs["recompute"], inputs["sequence_parallel"], ["statistics"])
    assert term.exact(symbol_values(inputs)) == measured


def test_embedding_head_and_loss():
    assert sympy.expand(once().expr - s * b * d / t) == 0
    everything = sympy.expand(once(facts=["last_stage"]).expr - once().expr)
    assert sympy.expand(everything - 4 * s * b * d / t * (1 + V / d)) == 0
    alone = once(sequence_parallel=False, facts=["last_stage"]).expr - once(sequence_parallel=False).expr
    assert sympy.expand(alone - (4 * s * b * d + 4 * s * b * V / t)) == 0  # each card has the logits of its words


@pytest.mark.parametrize(("stages", "micro_batches", "expected"), [(1, 8, 1), (4, 8, 1), (4, 4, 1), (4, 1, 0.25)])
def test_micro_batches_in_flight(stages, micro_batches, expected):
    values = {symbol("pipeline_parallel"): stages, symbol("micro_batches"): micro_batches}
    assert in_flight().value(values) == expected


PAPERS_MODELS = {  # Table 3: heads, hidden size, layers, tensor and pipeline parallel cards, batch
    "22B": (64, 6144, 48, 8, 1, 4),
    "175B": (96, 12288, 96, 8, 8, 1),
    "530B": (128, 20480, 105, 8, 35, 1),
    "1T": (160, 25600, 128, 8, 64, 1),
}
FIELDS = ("heads", "hidden", "layers", "tensor_parallel", "pipeline_parallel", "batch")


def of_the_paper(name):
    said = dict(zip(FIELDS, PAPERS_MODELS[name], strict=True)) | {"context": 2048, "micro_batches": 512}
    said |= {"head_dim": said["hidden"] // said["heads"], "intermediate": 4 * said["hidden"]}
    return {symbol(field): value for field, value in said.items()}


@pytest.mark.parametrize(("name", "billions"), [("22B", 22), ("175B", 175), ("530B", 530), ("1T", 1000)])
def test_shapes_of_the_papers_models_make_their_sizes(name, billions):
    _, hidden, layers, *_ = PAPERS_MODELS[name]
    assert 12 * layers * hidden**2 / 10**9 == pytest.approx(billions, rel=0.02)


@pytest.mark.parametrize("name", PAPERS_MODELS)
def test_first_stages_of_the_papers_models(name):
    heads, hidden, layers, cards, _, batch = PAPERS_MODELS[name]
    sbhl = 2048 * batch * hidden * layers
    scores = Fraction(5 * heads * 2048, hidden)
    for recompute, each in (("none", (34 + scores) / cards), ("selective", Fraction(34, cards)), ("full", 2)):
        found = first_stage(recompute, sequence_parallel=True).value(of_the_paper(name))
        assert found == sbhl * each


@pytest.mark.parametrize(("name", "saved"), [("175B", 0.70), ("530B", 0.65)])
def test_recomputing_the_scores_saves_what_section_5_says(name, saved):
    values = of_the_paper(name) | {t: 1}
    assert 1 - layer("selective").value(values) / layer().value(values) == pytest.approx(saved, abs=0.005)


@pytest.mark.parametrize("name", PAPERS_MODELS)
def test_both_techniques_together_save_about_five_times_as_the_abstract_says(name):
    values = of_the_paper(name)
    saved = layer("none").value(values) / layer("selective", sequence_parallel=True).value(values)
    assert 4.9 < saved < 6.3


@given(st.sampled_from(RECOMPUTE), st.booleans(), st.sampled_from([1, 2, 4, 8]))
def test_the_first_stage_of_one_stage_holds_all_layers(recompute, sequence_parallel, cards):
    values = {symbol(name): value for name, value in GPT_22B.items()} | {t: cards, symbol("layers"): 48}
    values |= {symbol("pipeline_parallel"): 1, symbol("micro_batches"): 1}
    stage = first_stage(recompute, sequence_parallel)
    assert stage.exact(values) == 48 * layer(recompute, sequence_parallel).exact(values)


def test_a_wrong_recomputation():
    with pytest.raises(InputError, match="Known: none, selective, full"):
        layer("some")
