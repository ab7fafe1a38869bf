"""Runs refuse what makes no sense, in one sentence."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy
import pytest

from memcalc import Inference, InputError
from memcalc.formula.formats import Format


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ({"context": -5}, "context must be a whole number from 1 to 1,000,000,000, not -5."),
        ({"context": "long"}, "context must be a whole number from 1 to 1,000,000,000, not 'long'."),
        ({"batch": 0}, "batch must be a whole number from 1 to 1,000,000, not 0."),
        ({"weights": "FP61"}, "weights format 'FP61' is not known; the nearest is FP16."),
        (
            {"weights": "4bit"},
            "weights must be a format by its name, not a number of bits, as '4bit' is: Q4_0, GPTQ-INT4-g128, ",
        ),
        (
            {"weights": "bnb-8bit"},
            "weights must be a format by its name, not a number of bits, as 'bnb-8bit' is: Q8_0, ",
        ),
        (
            {"draft_weights": "6 bits"},
            "draft_weights must be a format by its name, not a number of bits, as '6 bits' is: ",
        ),
        ({"kv_cache": 16}, "kv_cache format 16 is not known"),
        ({"kv_cache": "KIVI-2/Q8_0"}, "kv_cache formats of keys and values must keep the same newest tokens in 16 bit"),
        ({"weights": "KIVI-2"}, "weights must not be 'KIVI-2', which is a format of the cache alone."),
        ({"ubatch": 512, "engine": "vLLM"}, "ubatch must be 0 for the engine 'vLLM', not 512."),
        ({"engine": "llama.cpp", "weights": "AWQ"}, "weights must be a format that llama.cpp has, such as IQ4_XS"),
        ({"engine": "vLLM", "kv_cache": "FP16/Q4_0"}, "kv_cache must be a format that vLLM has, such as FP8, FP8-MLA"),
        ({"prompt": -1}, "prompt must be a whole number from 0 to 1,000,000,000, not -1."),
    ],
)
def test_impossible_runs(run, sentence):
    with pytest.raises(InputError) as caught:
        Inference(**run)
    assert str(caught.value).startswith(sentence)


def test_runs_are_frozen_and_keep_plain_ints():
    run = Inference(context=numpy.int64(4096))
    assert type(run.context) is int
    with pytest.raises(FrozenInstanceError):
        run.context = 1


def test_formats_are_spelt_as_in_the_catalogue():
    assert Inference(weights="bf16").weights == "BF16"
    assert Format.named("Q8_0").bytes == Fraction(17, 16)


def test_a_run_leaves_its_formats_to_the_file_of_the_model():
    run = Inference()
    assert (run.weights, run.kv_cache) == ("auto", "auto")
    assert run.weights_format.name == "FP16"
    assert [form.name for form in run.cache_formats] == ["FP16", "FP16"]
    with pytest.raises(InputError, match="weights format 'automatic' is not known"):
        Inference(weights="automatic")


@pytest.mark.parametrize(
    ("said", "meant"), [("80 GB/s", 80), ("0.08 TB/s", 80), ("80GB / s", 80), ("25.6 gb/s", Fraction("25.6")), (80, 80)]
)
def test_a_bandwidth_may_have_its_unit(said, meant):
    assert Inference(gpu_layers=1, host_bandwidth=said).host_bandwidth == meant


@pytest.mark.parametrize("said", ["fast", "80 GB", "GB/s", "80 tokens/s", "-80 GB/s", ""])
def test_what_is_no_bandwidth_is_refused_with_an_example(said):
    with pytest.raises(InputError, match=r"^host_bandwidth must be a positive number of GB/s, .* '80 GB/s', not"):
        Inference(gpu_layers=1, host_bandwidth=said)
