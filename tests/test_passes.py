"""What passes through a model keep, for whole models and through the public interface."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import Inference, InputError, Model, Training, breakdown, catalogue

ROWS = catalogue.rows("measured_runs")
LLAMA = Model.named("Llama-2-7B")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['id']}-{row['model']}-{row['term']}")
def test_a_whole_model_keeps_what_was_measured(row):
    run = Training(**json.loads(row["inputs"]))
    assert breakdown(Model.named(row["model"]), run)[row["term"]] == int(row["bytes"])


def test_eager_attention_needs_three_times_what_flash_does():
    flash, eager = (
        breakdown(LLAMA, Training(context=2048, recipe="bf16", attention=kernel))["activations"]
        for kernel in ("flash", "eager")
    )
    assert (round(flash / 1e9, 1), round(eager / 1e9, 1)) == (12.6, 38.3)


@pytest.mark.parametrize(("context", "gigabytes"), [(4095, 26.99), (4096, 29.67)])
def test_mistral_loses_flash_at_its_window(context, gigabytes):
    run = Training(context=context, recipe="bf16")
    assert round(breakdown(Model.named("Mistral-7B-v0.1"), run)["activations"] / 1e9, 2) == pytest.approx(
        gigabytes, abs=0.01
    )


@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
@given(stages=st.integers(2, 64))
def test_a_first_stage_holds_its_part_of_the_layers_for_every_stage_behind_it(recompute, stages):
    def in_layers(count):
        run = Training(activations="megatron", recompute=recompute, pipeline_parallel=count, micro_batches=count)
        return breakdown(LLAMA, run)["activations"] - count * masks

    masks = 4096 * 4096  # of the embeddings' dropout, for each micro-batch under way
    assert in_layers(stages) == in_layers(2)


@pytest.mark.parametrize(
    ("model", "run", "sentence"),
    [
        ("Mixtral-8x7B", {}, "activations must be 'none' for Mixtral-8x7B: only dense attention layers are known."),
        (
            "Llama-2-7B",
            {"tensor_parallel": 2},
            "tensor_parallel must be 1 with activations 'transformers', not 2",
        ),
        (
            "Llama-2-7B",
            {"lora_rank": 8},
            "lora_rank must be 0 with activations 'transformers', not 8",
        ),
        (
            "Llama-2-7B",
            {"recompute": "selective"},
            "recompute must be 'none' or 'full' with activations 'transformers'",
        ),
        ("Llama-2-7B", {"recipe": "fp32", "attention": "flash"}, "attention 'flash' needs 16 bits"),
        ("Falcon-7B", {}, "activations must be 'megatron' or 'none' for Falcon-7B"),
    ],
)
def test_what_is_not_known_is_refused(model, run, sentence):
    with pytest.raises(InputError) as caught:
        breakdown(Model.named(model), Training(**run))
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ({"tensor_parallel": 2}, "prefill must be 'none' with more than one card"),
        ({"context": 8192}, "context must be below the window of 4,096 with a prefill, not 8,192."),
    ],
)
def test_a_prefill_that_nobody_measured_is_refused(run, sentence):
    with pytest.raises(InputError, match=sentence):
        breakdown(Model.named("Mistral-7B-v0.1"), Inference(**{"context": 1024, "prefill": "whole"} | run))


def test_llama_cpp_reads_a_prompt_in_its_compute_buffer():
    """Llama-2-7B with 32,768 tokens: 0.13 GiB, or 2.12 GiB with flash attention off."""
    run = {"context": 32_768, "engine": "llama.cpp", "prefill": "whole"}
    fused, eager = (breakdown(LLAMA, Inference(**run, attention=kind))["activations"] for kind in ("flash", "eager"))
    assert (round(fused / 2**30, 2), round(eager / 2**30, 2)) == (0.13, 2.12)


def test_a_prefill_in_chunks_needs_less():
    whole, chunked = (
        breakdown(LLAMA, Inference(context=4096, prefill=prefill))["activations"] for prefill in ("whole", 512)
    )
    assert chunked < whole / 4


@pytest.mark.parametrize("engine", ["ideal", "transformers"])
def test_a_prefill_and_its_cache_are_what_was_measured(engine):
    """D300259: two layers of Mistral-7B read 512 tokens at once."""
    two = replace(Model.named("Mistral-7B-v0.1"), window_layers=2, dense_layers=2)
    memory = breakdown(two, Inference(context=512, prefill="whole", engine=engine))
    counters = 16 if engine == "ideal" else 0  # in the cache, or beside it
    assert memory["kv_cache"] == 2 * 2 * 8 * 128 * 512 * 2 + 16 - counters
    assert memory["kv_cache"] + memory["activations"] == 65_282_064


@pytest.mark.parametrize(
    ("model", "run", "says"),
    [
        ("Llama-2-7B", {"weights": "FP32"}, "weights must be of at most 16 bits with a prefill, not 'FP32'."),
        ("Mixtral-8x7B", {}, "prefill must be 'none' for Mixtral-8x7B: it is known of llama"),
        (
            "Llama-2-7B",
            {"engine": "llama.cpp", "kv_cache": "Q8_0"},
            "kv_cache must be FP16, BF16 or FP32 with a prefill",
        ),
    ],
)
def test_a_prefill_in_other_numbers_or_code_is_refused(model, run, says):
    with pytest.raises(InputError) as caught:
        breakdown(Model.named(model), Inference(context=1024, prefill="whole", **run))
    assert str(caught.value).startswith(says)


def test_no_pass_has_more_tokens_than_there_are():
    short = Inference(context=256, engine="llama.cpp", prefill="whole")
    assert breakdown(LLAMA, short) == breakdown(LLAMA, replace(short, ubatch=256))
