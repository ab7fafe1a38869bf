"""The exercises: right answers, known mistakes and what is said of them; at least three a notebook."""

import itertools

import pytest
import sympy

from memcalc.claims import VERDICTS
from memcalc.exercises import _same, check
from memcalc.lessons import EXERCISES
from memcalc.symbols import symbols

L, h, h_kv, d_k, b, B_k, B_v, s = symbols(
    "full_layers heads kv_heads head_dim batch bytes_per_key bytes_per_value context"
)
d, d_ff, V, n_mlp, P_attn, P_mlp, P_norm = symbols("hidden intermediate vocabulary mlp_matrices attention mlp norms")
LAYER = 2 * d * h * d_k + 2 * d * h_kv * d_k + 3 * d * d_ff + 2 * d


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("0.1", 24.62),
        ("0.1", "24.62 GiB"),
        ("0.1", "24.62"),
        ("0.1", "26.44 GB"),
        ("0.2", 25.76),
        ("0.2", "24564 MiB"),
        ("0.3", 92_164),
        ("0.3", "92,164 tokens"),
        ("1.1", 93.4),
        ("1.1", "93.41 GB"),
        ("1.1", "86.99 GiB"),
        ("1.2", 4.58),
        ("1.2", "4.91 GB"),
        ("1.3", LAYER),
        ("1.3", 2 * d * (d_k * (h + h_kv) + 1) + 3 * d * d_ff),
        ("4.1", 10),
        ("4.1", "10 GiB"),
        ("4.1", sympy.Integer(10)),
        ("4.2", L * h_kv * d_k * s * (B_k + B_v)),
        ("4.2", L * d_k * h_kv * B_k * s + L * d_k * h_kv * B_v * s),
        ("4.2", sympy.Eq(sympy.Symbol("x"), L * h_kv * d_k * s * (B_k + B_v))),
        ("4.3", 31_778),
        ("6.1", "holds only in GB"),
        ("6.1", "Holds only in GB"),
        ("6.2", 5),
        ("6.2", "5.37 GB"),
        ("6.3", 10),
        ("6.3", "10 heads"),
    ],
)
def test_right(number, answer):
    feedback = check(number, answer)
    assert feedback, feedback
    assert repr(feedback).startswith("✓ Right: ")


@pytest.mark.parametrize(
    ("number", "answer", "why"),
    [
        ("0.1", 26.44, "that is the number of GB"),
        ("0.1", "24.62 GB", "it is GiB, not GB"),
        ("0.1", 12.12, "weights alone"),
        ("0.1", 12.5, "cache alone"),
        ("0.1", 49.24, "still in FP16"),
        ("0.1", 28.55, "not one of the mistakes we know"),
        ("0.1", 14.28, "LLaMA-7B"),
        ("0.1", 24.8, "Close"),
        ("0.1", 197, "bits"),
        ("0.2", 24.564, "took it for a million"),
        ("0.2", 24, "that is the number of GiB"),
        ("0.2", 25.38, "what a program sees"),
        ("0.3", 94_052, "the name of the card"),
        ("0.3", 85_410, "the name of the card"),
        ("0.3", 60_387, "weights are in INT8"),
        ("1.1", 25.76, "the active ones, which one token passes"),
        ("1.1", 112, "no product, 8 × 7 = 56"),
        ("1.1", 115.9, "eight whole models"),
        ("1.1", 14, "that is one expert"),
        ("1.1", 86.99, "that is the number of GiB"),
        ("1.1", "93.41 GiB", "it is GB, not GiB"),
        ("1.1", 186.8, "four bytes each"),
        ("1.1", 46.7, "billions of parameters"),
        ("1.1", 51.52, "count all, in two"),
        ("1.1", 747.2, "that is bits"),
        ("1.2", 3.74, "half a byte each"),
        ("1.2", "4.02 GB", "half a byte each"),
        ("1.2", 4.21, "4.5 bits each"),
        ("1.2", 4.91, "that is the number of GB"),
        ("1.2", 36.6, "that is bits"),
        ("1.2", 4.33, "that is Q4_0"),
        ("1.2", 14.96, "in 16 bits"),
        ("1.2", 7.48, "a byte each"),
        ("1.2", 5.61, "that is NF4, which"),
        ("1.2", 5.31, "double quantization"),
        ("1.2", 1.87, "halved once more"),
        ("1.3", LAYER - 2 * d, "norms are missing"),
        ("1.3", LAYER - d, "two norms"),
        ("1.3", LAYER - d * d_ff, "up, down, and the gate"),
        ("1.3", 4 * d * h * d_k + 3 * d * d_ff + 2 * d, "grouped heads"),
        ("1.3", LAYER - d * h * d_k, "a matrix of the attention is missing"),
        ("1.3", 2 * d**2 + 2 * d * h_kv * d_k + 3 * d * d_ff + 2 * d, "need not be d"),
        ("1.3", LAYER - 3 * d * d_ff, "has no MLP"),
        ("1.3", 3 * d * d_ff + 2 * d, "no attention"),
        ("1.3", LAYER - 3 * d * d_ff + n_mlp * d * d_ff, "not one of the mistakes we know"),
        ("1.3", L * LAYER, "not one of the mistakes we know"),
        ("1.3", sympy.Symbol("L", integer=True, positive=True) * LAYER, "those are all layers"),
        ("1.3", LAYER + V * d, "has no embedding"),
        ("1.3", P_attn + P_mlp + P_norm, "write the parts out"),
        ("1.3", P_attn + P_norm, "a letter of its own"),
        ("1.3", 4096, "made of the glossary's symbols"),
        ("4.1", 80, "counted the query heads"),
        ("4.1", 5, "you counted one of them"),
        ("4.1", 10.74, "that is the number of GB"),
        ("4.1", 10 * 2**30, "that is the number of bytes"),
        ("4.1", 1024 * 10 // 16, "all heads together"),
        ("4.2", L * h_kv * d_k * s * b * (B_k + B_v), "whole cache"),
        ("4.2", L * h_kv * d_k * b * (B_k + B_v), "one more token"),
        ("4.2", L * h * d_k * s * (B_k + B_v), "counted the query heads"),
        ("4.2", sympy.Symbol("L"), "made of the glossary's symbols"),
        ("4.3", 63_555, "your cache is in INT8"),
        ("4.3", 25_706, "LLaMA-7B"),
        ("6.1", "holds", "in which unit?"),
        ("6.1", "holds only in GiB", "the other unit"),
        ("6.1", "holds under assumption", "a verdict of its own"),
        ("6.1", "wrong", "in one of the two units"),
        ("6.1", "not checkable", "multiply"),
        ("6.1", "true", "verdict 'true' is not known"),
        ("6.2", 32, "what the article says"),
        ("6.2", 40, "counted the query heads"),
        ("6.2", 10, "in FP16"),
        ("6.2", 2.5, "counted one of them"),
        ("6.2", 69.24, "weights and cache"),
        ("6.2", 5 * 64, "all heads together"),
        ("6.3", 40, "makes the claim wrong"),
        ("6.3", 25, "the weights need their place"),
        ("6.3", 20, "a step too far"),
        ("6.3", 15, "share them evenly"),
        ("6.3", 8, "in FP16"),
        ("6.3", 5, "so do more"),
    ],
)
def test_known_mistakes(number, answer, why):
    feedback = check(number, answer)
    assert not feedback
    assert why in repr(feedback)


@pytest.mark.parametrize("number", EXERCISES)
def test_mistakes_are_sentences_that_stand_after_not_yet(number):
    _, mistakes = EXERCISES[number].answers()
    for _, why in mistakes:
        assert why[0].islower() or why.split()[0].isupper()
        assert not why.endswith(".")


def test_three_exercises_a_notebook_or_more_in_order():
    assert list(EXERCISES) == sorted(EXERCISES)
    for _, numbers in itertools.groupby(EXERCISES, key=lambda number: number[0]):
        assert [number[1:] for number in numbers][:3] == [".1", ".2", ".3"]


@pytest.mark.parametrize("number", [number for number, exercise in EXERCISES.items() if exercise.unit == "verdict"])
def test_every_wrong_verdict_gets_a_word(number):
    right, mistakes = EXERCISES[number].answers()
    assert {right, *(verdict for verdict, _ in mistakes)} == set(VERDICTS)


@pytest.mark.parametrize("number", EXERCISES)
def test_no_two_answers_can_be_confused(number):
    right, mistakes = EXERCISES[number].answers()
    answers = [right, *(wrong for wrong, _ in mistakes)]
    for one, other in itertools.combinations(answers, 2):
        assert not _same(one, other), (one, other)
