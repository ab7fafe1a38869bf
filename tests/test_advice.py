"""The answer in words."""

from cases import LLAMA
from memcalc import Gpu, Inference, Model, advice

CARD, SEVEN = Gpu.named("RTX 4090"), Model.named("LLaMA-7B")


def test_what_fits_says_how_far_it_may_grow():
    run = Inference(2048)
    assert advice.verdict(SEVEN, run, CARD) == "It fits: 10.09 GiB are left for the engine's buffers and more context."
    assert advice.next_steps(SEVEN, run, CARD) == ["This card holds at most 22,709 tokens of context."]
    assert advice.notes(SEVEN, run) == []


def test_what_does_not_fit_says_each_way_out():
    assert advice.next_steps(SEVEN, Inference(32_768), CARD) == [
        "This card holds at most 22,709 tokens of context.",
        "INT8 weights would leave 1.36 GiB.",
        "INT8 cache would leave 3.09 GiB.",
        "INT8 weights and cache would leave 9.36 GiB.",
    ]


def test_what_no_format_can_help():
    steps = advice.next_steps(Model.named("Llama-3.1-405B"), Inference(2048), CARD)
    assert steps == ["No format makes it fit: the weights take 755.96 GiB. It needs a larger card, or several."]


def test_notes_name_the_training_and_what_was_assumed():
    found = advice.notes(Model.from_config(LLAMA), Inference(32_768))
    assert "trained for 2,048 tokens" in found[0]
    assert "attention_bias, mlp_bias, head_dim" in found[1]
