"""What llama.cpp computes for a model and a run, by the buffer that it states for it."""

from dataclasses import replace

import pytest

from measured import rows
from memcalc import Inference, InputError, Model, breakdown
from memcalc.estimate.ask import model_and_run
from memcalc.estimate.engine_graph import graph

RUN = {"context": 4096, "engine": "llama.cpp", "prefill": "whole"}


@pytest.mark.parametrize("row", rows("buffers", "compute_buffer"), ids=lambda row: row.id)
def test_the_buffer_is_what_the_engine_states(row):
    assert breakdown(*model_and_run(row.model, row.inputs, trained=False))["activations"] == row.measured


def test_a_card_needs_two_results_of_the_layers_width_less():
    """ollama/ollama#16416: 796 MiB (rounded down) for gpt-oss-120b with 2 × 131,072 tokens on a Radeon 8060S.

    Its 9,306 MiB of cache say that 1,024 tokens go at once. The number is that of their logits and of one result of the
    layer's width: with a card the embeddings in the place of tokens stay with the host, and that engine, of June 2026,
    did not keep the last layer's output beside its normalised form.
    """
    run = Inference(context=131072, batch=2, ubatch=1024, engine="llama.cpp", prefill="whole")
    memory = breakdown(Model.named("gpt-oss-120b"), run)
    assert memory["kv_cache"] == 9306 * 2**20
    assert (memory["activations"] - 2 * 4 * 1024 * 2880) // 2**20 == 796


def test_windows_take_turns_as_the_engine_has_it():
    layers = graph(Model.named("Gemma-3-1B"), Inference(engine="llama.cpp")).layers
    assert [index for index, layer in enumerate(layers) if layer.sight == "full"] == [5, 11, 17, 23]


def test_a_window_that_the_engine_does_not_have_counts_for_nothing():
    """Mistral-7B has the sizes of Llama-3-8B, but for its vocabulary."""
    mistral, llama = Model.named("Mistral-7B-v0.1"), replace(Model.named("Llama-3-8B"), vocabulary=32000)
    run = Inference(**RUN | {"context": 32768})
    assert breakdown(mistral, run)["activations"] == breakdown(llama, run)["activations"]


@pytest.mark.parametrize(
    ("name", "run", "says"),
    [
        ("DeepSeek-V2-Lite", {"kv_cache": "Q8_0"}, "kv_cache must be FP16 or BF16 with a prefill for DeepSeek-V2-Lite"),
        ("Mamba-2.8B", {}, "prefill must be 'none' for Mamba-2.8B: nobody has measured its state-space layers."),
        ("Falcon-7B", {"kv_cache": "Q8_0"}, "kv_cache must be FP16 or BF16 with a prefill for Falcon-7B on llama.cpp"),
        ("OPT-125M", {}, "prefill must be 'none' for OPT-125M on llama.cpp: nobody has measured the graph of its"),
        ("Llama-2-7B", {"kv_cache": "INT8"}, "kv_cache must be a format that llama.cpp has, such as Q8_0, "),
        ("Llama-2-7B", {"kv_cache": "Q8_0", "attention": "eager"}, "attention must not be 'eager' with values in Q8_0"),
        ("Llama-2-7B", {"prefill": 512}, "prefill must be 'whole' for llama.cpp"),
    ],
)
def test_what_is_not_known_is_refused(name, run, says):
    with pytest.raises(InputError, match=says):
        breakdown(Model.named(name), Inference(**RUN | run))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"shared_intermediate": 512}, "shared experts"),
        ({"full_layers": 0, "window_layers": 48, "window": 4096}, "windows"),
    ],
)
def test_a_part_that_nobody_measured_is_refused(changes, what):
    with pytest.raises(InputError, match=f"nobody has measured {what}."):
        breakdown(replace(Model.named("Qwen3-30B-A3B"), **changes), Inference(**RUN))
