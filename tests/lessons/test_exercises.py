"""The exercises: right answers, known mistakes and what is said of them; at least four a notebook."""

import itertools
import re

import pytest
import sympy

from cases import ROOT
from memcalc import units
from memcalc.article.claims import VERDICTS
from memcalc.formula.symbols import symbols
from memcalc.lessons import EXERCISES
from memcalc.lessons.check import _same, check
from memcalc.lessons.task import task

L, layers, h, h_kv, d_k, d, d_ff, V, n_mlp = symbols(
    "full_layers layers heads kv_heads head_dim hidden intermediate vocabulary mlp_matrices"
)
P_attn, P_mlp, P_norm, b, B_k, B_v, s, cards = symbols(
    "attention mlp norms batch bytes_per_key bytes_per_value context tensor_parallel"
)
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
        ("0.4", 4096),
        ("0.4", "2 * 1024 / 0.5"),
        ("1.1", 93.4),
        ("1.1", "93.41 GB"),
        ("1.1", "86.99 GiB"),
        ("1.2", 4.58),
        ("1.2", "4.91 GB"),
        ("1.3", LAYER),
        ("1.3", 2 * d * (d_k * (h + h_kv) + 1) + 3 * d * d_ff),
        ("1.3", 2 * (d * h * d_k + d * h_kv * d_k + d) + 3 * d * d_ff),
        ("1.4", 1_235_814_400),
        ("1.4", "1,235,814,400 parameters"),
        ("2.1", 120),
        ("2.1", "111.76 GiB"),
        ("2.2", 7.5),
        ("2.2", "7.5 bytes"),
        ("2.3", 14),
        ("2.3", "14 cards"),
        ("2.4", 0.48),
        ("2.4", "479.7 MB"),
        ("2.5", 15),
        ("2.5", "7.5 * 2"),
        ("3.1", 4.2),
        ("3.1", "4.20 GB"),
        ("3.1", "3.914 GiB"),
        ("3.2", 5 * h * s**2 * b),
        ("3.2", b * h * s * (3 * s + 2 * s)),
        ("3.3", 64),
        ("3.3", "64 GiB"),
        ("3.4", 48.9),
        ("3.4", 45.5 * 8192 * 4096 * 32 / 10**9),
        ("3.4", "48.89 GB"),
        ("3.5", 48),
        ("3.5", "47.98 %"),
        ("4.1", 8),
        ("4.1", "8 GiB"),
        ("4.1", sympy.Integer(8)),
        ("4.2", L * h_kv * d_k * s * (B_k + B_v)),
        ("4.2", L * d_k * h_kv * B_k * s + L * d_k * h_kv * B_v * s),
        ("4.2", layers * h_kv * d_k * s * (B_k + B_v)),
        ("4.2", sympy.Eq(sympy.Symbol("x"), L * h_kv * d_k * s * (B_k + B_v))),
        ("4.3", 2196),
        ("4.3", "2.14 GiB"),
        ("4.4", 3.07),
        ("4.4", "3.3 GB"),
        ("4.5", 8),
        ("4.5", "8 pairs"),
        ("5.1", 13_875),
        ("5.1", "13.55 GiB"),
        ("5.2", 65.9),
        ("5.2", "66 %"),
        ("5.3", 41_233),
        ("5.4", 11),
        ("5.4", "11 people"),
        ("5.5", 2.38),
        ("5.5", "1 / (20/1000 + 20/50)"),
        ("6.1", "holds only in GB"),
        ("6.1", "Holds only in GB"),
        ("6.2", 5),
        ("6.2", "5.37 GB"),
        ("6.3", 10),
        ("6.3", "10 heads"),
        ("6.4", "not checkable"),
        ("7.2", 49.03),
        ("7.4", 2.39),
        ("7.3", "4.80 GiB"),
        ("7.1", 33.9),
        ("7.1", "33.92 percent"),
        ("8.1", 10.41),
        ("8.2", 14_188),
        ("8.4", 1.88),
        ("8.4", "1.88 hours"),
        ("8.3", 12_729),
        ("8.3", "12,729 tokens"),
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
        ("0.1", 28.55, "LLaMA-7B in FP16, as above"),
        ("0.1", 31.4, "not one of the mistakes we know"),
        ("0.1", 12.31, "that is INT4"),
        ("0.1", "24.62 Gb", "Gb are bits, and eight of them are a byte; write GB for bytes."),
        ("0.1", "22.9 Gib", "Gib are bits"),
        ("0.2", 26.37, "you took 1,000"),
        ("0.1", 14.28, "LLaMA-7B"),
        ("0.1", 24.8, "Close"),
        ("0.1", 197, "bits"),
        ("0.2", 24.564, "took it for a million"),
        ("0.2", 24, "that is the number of GiB"),
        ("0.2", 25.38, "what a program sees"),
        ("0.3", 94_052, "the name of the card"),
        ("0.3", 85_410, "the name of the card"),
        ("0.3", 60_387, "weights are in INT8"),
        ("0.4", 18_613, "the tokens that are left"),
        ("0.4", 22_709, "by the formula alone"),
        ("0.4", 8192, "counted one of them"),
        ("0.4", 2048, "1 MiB a token"),
        ("0.4", 131_072, "what one layer keeps"),
        ("0.4", 4, "a GiB has 1,024 MiB"),
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
        ("1.2", 4.89, "the number of bits for each parameter"),
        ("1.2", 4.5, "the bits of most parameters"),
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
        ("1.3", 4 * d**2 + 3 * d * d_ff + 2 * d, "one head size for all"),
        ("1.3", 12 * d**2, "the rule for your head"),
        ("1.3", LAYER - 3 * d * d_ff, "has no MLP"),
        ("1.3", 3 * d * d_ff + 2 * d, "no attention"),
        ("1.3", LAYER - 3 * d * d_ff + n_mlp * d * d_ff, "right in letters"),
        ("1.3", L * LAYER, "those are all layers"),
        ("1.3", layers * LAYER, "those are all layers"),
        ("1.3", layers * LAYER + 2 * V * d + d, "that is the whole model"),
        ("1.3", LAYER + V * d, "has no embedding"),
        ("1.3", P_attn + P_mlp + P_norm, "write the parts out"),
        ("1.3", P_attn + P_norm, "the MLP is missing"),
        ("1.3", 4096, "an expression of letters from memcalc.formula.symbols"),
        ("1.4", 1_498_482_688, "counts the table twice"),
        ("1.4", 973_146_112, "the layers alone"),
        ("1.4", 323_491_840, "that has one layer"),
        ("1.4", 967_378_944, "three matrices"),
        ("1.4", 430_508_032, "the MLP is missing"),
        ("1.4", 1_068_042_240, "the attention is missing"),
        ("1.4", 1_336_477_696, "you counted 32"),
        ("1.4", "2,471,628,800", "bytes in 16 bits"),
        ("2.1", 1.9, "nobody to share with"),
        ("2.1", 1.88, "as in the ZeRO paper"),
        ("2.1", 16.6, "that is stage 2 on 64 cards"),
        ("2.1", 31.4, "that is stage 1 on 64 cards"),
        ("2.1", 15, "ZeRO is no offload"),
        ("2.1", 30, "the optimizer stays on the card"),
        ("2.1", 90, "the optimizer alone"),
        ("2.1", 111.76, "that is the number of GiB"),
        ("2.2", 16, "16 is no law"),
        ("2.2", 18, "nothing shared"),
        ("2.2", 18 / 8, "divides all three"),
        ("2.2", 4, "divides the gradients too"),
        ("2.2", 5.5, "your gradients have 16 bits"),
        ("2.2", 1.5, "the optimizer's share alone"),
        ("2.2", 6, "left out the optimizer's share"),
        ("2.2", 60, "all cards together"),
        ("2.2", 11, "the master copy is shared out too"),
        ("2.3", 2, "the model file alone"),
        ("2.3", 4, "weights and gradients"),
        ("2.3", 10, "the optimizer alone"),
        ("2.3", 12, "either weights or gradients are missing"),
        ("2.3", 13.28, "round up"),
        ("2.3", 13, "rounded down"),
        ("2.3", 15, "80 billion bytes"),
        ("2.4", 0.08, "the adapters alone"),
        ("2.4", 0.16, "the optimizer remembers"),
        ("2.4", 0.32, "the optimizer alone"),
        ("2.4", 0.64, "no master copy"),
        ("2.4", 13.96, "with the frozen model"),
        ("2.4", 13.48, "that is the frozen model"),
        ("2.4", 80.86, "trains the whole model"),
        ("2.4", 0.1007, "queries and values alone"),
        ("2.4", 0.24, "rank 8"),
        ("2.5", 120, "nothing has moved"),
        ("2.5", 30, "the gradients go along"),
        ("2.5", 105, "in the computer's memory"),
        ("2.5", 90, "that is the optimizer"),
        ("2.5", 16.64, "those are 64 cards"),
        ("2.5", 7.5, "one byte for each parameter"),
        ("3.1", 2.1, "in FP32"),
        ("3.1", 0.134, "you took hidden"),
        ("3.1", 1.05, "the vocabulary of LLaMA-7B"),
        ("3.1", 6.3, "a 16-bit copy"),
        ("3.1", 8.41, "the gradients of the logits"),
        ("3.1", "0.513 MB", "one token"),
        ("3.1", 134.5, "behind the last layer"),
        ("3.1", 3.914, "that is the number of GiB"),
        ("3.1", 33.62, "bits"),
        ("3.2", 34 * d * s * b, "34 stays"),
        ("3.2", 10 * d * s * b + 4 * d_ff * s * b + 8 * h * d_k * s * b, "that is what stays"),
        ("3.2", 10 * d * s * b + 4 * d_ff * s * b + 8 * h * d_k * s * b + 5 * h * s**2 * b, "all that a layer keeps"),
        ("3.2", 2 * h * s**2 * b, "one of three tensors"),
        ("3.2", h * s**2 * b, "the mask alone"),
        ("3.2", 4 * h * s**2 * b, "the dropout mask goes too"),
        ("3.2", 5 * h * s**2, "so it is for one text"),
        ("3.2", 5 * h * s / d, "for each number"),
        ("3.2", 5 * h * s**2 * b / cards, "one of t cards"),
        ("3.2", 5 * layers * h * s**2 * b, "the whole model"),
        ("3.2", 5 * s**2 * b, "one head"),
        ("3.3", 1024, "the score matrix of one layer"),
        ("3.3", 32_768, "those are score matrices"),
        ("3.3", 2, "StreamingLLM"),
        ("3.3", 32, "halves nothing"),
        ("3.3", 16, "makes no cache smaller"),
        ("3.3", 76.55, "weights and cache"),
        ("3.3", 0, "must be a positive number of GiB"),
        ("3.4", 0.48, "the adapters and their states"),
        ("3.4", 0.64, "the adapters and their states"),
        ("3.4", 36.51, "the textbook's layer"),
        ("3.4", 30.87, "Megatron's layer"),
        ("3.4", 461.2, "layers with scores"),
        ("3.4", 2.15, "full recomputation"),
        ("3.4", 1.53, "that is one layer"),
        ("3.4", 50.21, "head and loss are in it"),
        ("3.4", 4.26, "the peak of full recomputation"),
        ("3.4", 45.53, "that is the number of GiB"),
        ("3.5", 33, "where all weights are trained"),
        ("3.5", "33.3 %", "where all weights are trained"),
        ("3.5", 50, "the output head is not"),
        ("3.5", 32.4, "a share of the longer time"),
        ("3.5", 148, "that is the whole time"),
        ("3.5", 67.6, "what is left of the speed"),
        ("3.5", 0.48, "the share itself"),
        ("4.1", 16, "the factor of two is in it twice"),
        ("4.1", 8 * 8 * 2**30, "the number of bits"),
        ("4.1", 64, "counted the query heads"),
        ("4.1", 5, "head_dim is in the file"),
        ("4.1", 4, "you counted one of them"),
        ("4.1", 0.125, "that is one layer"),
        ("4.1", 8.59, "that is the number of GB"),
        ("4.1", 8 * 2**30, "that is the number of bytes"),
        ("4.1", 320, "all heads together"),
        ("4.2", layers * h_kv * d_k * s * b * (B_k + B_v), "whole cache"),
        ("4.2", layers * h_kv * d_k * b * (B_k + B_v), "one more token"),
        ("4.2", layers * h * d_k * s * (B_k + B_v), "counted the query heads"),
        ("4.2", sympy.Symbol("L"), "an expression of letters from memcalc.formula.symbols"),
        ("4.2", 2 * layers * h_kv * d_k * s * B_k, "their formats may differ"),
        ("4.3", 3904, "the latent is stored once"),
        ("4.3", 1952, "the 64 numbers of the keys"),
        ("4.3", 4392, "nothing is stored twice"),
        ("4.3", "152.5 GiB", "made anew from the latent"),
        ("4.3", 36, "that is one layer"),
        ("4.4", 12.07, "most layers keep no tokens"),
        ("4.4", 3, "the states are missing"),
        ("4.4", 1.57, "counted one of them"),
        ("4.4", 24.07, "counted the query heads"),
        ("4.4", 0.25, "one layer"),
        ("4.4", "74.26 MiB", "the states alone"),
        ("4.5", 16, "a step too far"),
        ("4.5", 9, "share them evenly"),
        ("4.5", 4, "how many queries share a pair"),
        ("4.5", 2, "so do more"),
        ("4.5", 32, "more than twice the card"),
        ("5.1", 12_851, "your tensors alone"),
        ("5.1", 13_414, "CUDA context comes on top"),
        ("5.1", 13_312, "the allocator keeps"),
        ("5.1", 26_726, "counted it twice"),
        ("5.1", 13_550, "a GiB has 1,024 MiB"),
        ("5.1", 13.55, "that is the number of GiB"),
        ("5.2", 0.659, "asks for percent"),
        ("5.2", 34.1, "what is missing"),
        ("5.2", 60.7, "the bound itself"),
        ("5.2", 151.7, "turn it round"),
        ("5.2", 527, "bits for bytes"),
        ("5.2", 1.33, "more of them do not help"),
        ("5.2", 54.4, "you took 4"),
        ("5.2", 217, "in 16 bits"),
        ("5.3", 198_519, "unified memory is not all the GPU's"),
        ("5.3", 155_311, "192 GiB, not GB"),
        ("5.3", 8_827, "you took 192 GB"),
        ("5.3", 471_859, "the weights need their place"),
        ("5.3", 5_154, "counted the query heads"),
        ("5.3", 82_467, "your cache is in INT8"),
        ("5.3", 256_546, "your weights are in INT8"),
        ("5.3", 131_072, "trained for"),
        ("5.4", 12, "round down"),
        ("5.4", 2, "counted the query heads"),
        ("5.4", 23, "counted one of them"),
        ("5.4", 47, "the whole card"),
        ("5.4", 48_976, "how many tokens the pool holds"),
        ("5.5", 13.125, "speeds do not average"),
        ("5.5", 25, "all of it on the card"),
        ("5.5", 2.5, "that is the half in the memory of the CPU alone"),
        ("5.5", 26.25, "do not read at the same time"),
        ("5.5", 420, "the milliseconds of a token"),
        ("6.1", "holds", "in which unit?"),
        ("6.1", "holds only in GiB", "the other unit"),
        ("6.1", "holds under assumption", "a verdict of its own"),
        ("6.1", "wrong", "in one of the two units"),
        ("6.1", "not checkable", "multiply"),
        ("6.1", "true", "verdict 'true' is not known"),
        ("6.4", "wrong", "a count that contradicts it"),
        ("6.4", "holds only in GB", "about no bytes at all"),
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
        ("7.1", 51.3, "a share of the smaller amount"),
        ("7.1", 66.1, "what the tensors had"),
        ("7.1", 0.339, "the share itself"),
        ("7.1", 5.56, "those are GiB"),
        ("7.4", 2.445, "of what the formula says"),
        ("7.4", 9.09, "you took GiB"),
        ("7.4", 51.19, "with one text"),
        ("8.4", 0.752, "which no training reaches"),
        ("8.4", 1.432, "two more operations"),
        ("8.4", 15.04, "eight of them share the texts"),
        ("8.4", 112.8, "minutes"),
        ("8.1", 62, "most layers keep the last 1,024 tokens alone"),
        ("8.1", 10, "layers with a window keep something too"),
        ("8.1", 20.81, "counted the query heads"),
        ("8.1", 5.2, "you counted one of them"),
        ("8.2", 4096, "what the model was trained for"),
        ("8.2", 19_431, "90 % of the card"),
        ("8.2", 15_408, "the activations need their place"),
        ("8.2", 47_185, "90 % is what the engine takes"),
        ("8.2", 5242, "leaves free"),
        ("8.2", 17_487, "90 % of the whole card"),
        ("8.2", 10_947, "more than 40 GB"),
        ("8.3", 2919, "keep all that they make"),
        ("8.3", 7798, "not the weights"),
        ("8.3", 17_106, "the optimizer works in 32 bits"),
        ("8.3", 6365, "two texts"),
        ("8.3", 13_022, "a program sees less"),
        ("8.3", 11_414, "more than 40 GB"),
        ("8.3", 32_595, "by the sum of the terms"),
    ],
)
def test_known_mistakes(number, answer, why):
    feedback = check(number, answer)
    assert not feedback
    assert why in repr(feedback)


@pytest.mark.parametrize("number", EXERCISES)
def test_every_known_mistake_is_told_from_the_others(number):
    exercise = EXERCISES[number]
    for wrong, why in exercise.answers()[1]:
        given = wrong if isinstance(wrong, (str, sympy.Expr)) else float(wrong) / units.UNITS.get(exercise.unit, 1)
        assert repr(check(number, given)) == f"✗ Not yet: {why}."


@pytest.mark.parametrize("number", EXERCISES)
def test_mistakes_are_sentences_that_stand_after_not_yet(number):
    _, mistakes = EXERCISES[number].answers()
    for _, why in mistakes:
        assert why[0].islower() or why.split()[0].isupper()
        assert not why.endswith(".")


def test_four_exercises_a_notebook_or_more_in_order():
    assert list(EXERCISES) == sorted(EXERCISES)
    for _, numbers in itertools.groupby(EXERCISES, key=lambda number: number[0]):
        places = [number[1:] for number in numbers]
        assert len(places) >= 4
        assert places == [f".{place}" for place in range(1, len(places) + 1)]


@pytest.mark.parametrize("number", ["4.2", "4.7", "9.2"])
def test_an_exercise_is_entered_once_and_in_its_place(number):
    with pytest.raises(ValueError, match=f"exercise {number} is not the next one of notebook {number[0]}"):
        task(number, "GiB")(lambda: iter(()))
    assert EXERCISES["4.2"].answers() is EXERCISES["4.2"].answers()


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


def test_eighteen_misconceptions_are_recognised_as_instructors_are_told():
    notes = (ROOT / "notebooks" / "INSTRUCTORS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (\d\.\d) \| (\S+) \| (.+) \|$", notes, re.MULTILINE)
    assert len(rows) == 18
    for misconception, number, wrong, said in rows:
        assert repr(check(number, wrong)) == f"✗ Not yet: {said}.", misconception
