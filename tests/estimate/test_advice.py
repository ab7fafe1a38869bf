"""The answer in words."""

import pytest

from cases import LLAMA
from memcalc import Gpu, Inference, InputError, Model, Training
from memcalc.estimate import advice

CARD, SEVEN = Gpu.named("RTX 4090"), Model.named("LLaMA-7B")


def test_what_fits_says_how_far_it_may_grow():
    run = Inference(2048)
    assert advice.verdict(SEVEN, run, CARD) == "It fits: 10.09 GiB are left for the engine's buffers and more context."
    assert advice.next_steps(SEVEN, run, CARD) == ["This card holds at most 22,709 tokens of context."]
    trained, overhead, speed, prompt = advice.notes(SEVEN, run, CARD)
    assert trained == "LLaMA-7B was trained for 2,048 tokens; more needs an extension."
    assert overhead == "Driver and libraries take 0.19 GiB to 0.65 GiB more, as documented cases have it."
    assert speed.startswith("No program writes more than ")
    assert prompt.startswith("Reading 2,048 tokens of context takes one such card at least 0.1")


@pytest.mark.parametrize("engine", ["none", "vLLM", "llama.cpp"])
def test_ranges_of_another_vendors_driver_are_said_to_be_that(engine):
    said = "What driver and libraries take is documented here of NVIDIA: of cards of AMD it is not known."
    run = Inference(2048, engine=engine)
    assert said in advice.notes(SEVEN, run, Gpu.named("RX 7900 XTX"))
    assert all(
        "is not known" not in note for card in (CARD, Gpu.of("24 GB")) for note in advice.notes(SEVEN, run, card)
    )


def test_what_does_not_fit_says_each_way_out():
    assert advice.next_steps(SEVEN, Inference(32_768), CARD) == [
        "This card holds at most 22,709 tokens of context.",
        "Q8_0 weights would leave 0.97 GiB.",
        "Q8_0 cache would leave 2.59 GiB.",
        "Q8_0 weights and Q8_0 cache would leave 8.47 GiB.",
        "2 such cards would do, with tensor parallelism.",
    ]


def test_what_no_format_can_help_needs_more_cards():
    steps = advice.next_steps(Model.named("Llama-3.1-405B"), Inference(2048), CARD)
    assert steps == [
        "64 such cards would do, with tensor parallelism.",
    ]


def test_notes_name_the_training_and_what_was_assumed():
    found = advice.notes(Model.from_config(LLAMA), Inference(32_768), CARD)
    assert "trained for 2,048 tokens" in found[0]
    assert "Driver and libraries take 0.19 GiB to 0.65 GiB more" in found[1]
    assert "head_dim, attention_bias, mlp_bias" in found[-1]


def test_a_large_batch_is_told_how_large_it_may_be():
    steps = advice.next_steps(SEVEN, Inference(2048, batch=100), CARD)
    assert steps[0] == "This card holds at most 227 tokens of context for each of 100 sequences."
    assert steps[1] == "It holds at most 11 sequences of this context."


def test_a_small_margin_is_not_nothing():
    takes = "driver and libraries take 0.19 GiB to 0.65 GiB"
    assert advice.verdict(SEVEN, Inference(22_709), CARD) == (
        f"It does not fit: weights and cache leave 0.35 MiB, and {takes}."
    )
    assert advice.verdict(SEVEN, Inference(22_000), CARD) == (
        f"It fits only if little comes on top: weights and cache leave 0.35 GiB, and {takes}."
    )
    assert advice.verdict(SEVEN, Inference(22_710), CARD) == "It does not fit: 0.15 MiB are missing."


def test_two_changes_that_gain_nothing_are_not_offered():
    steps = advice.next_steps(SEVEN, Inference(1, weights="FP32", kv_cache="FP32"), CARD)
    assert [step.split(" would")[0] for step in steps] == ["BF16 weights", "2 such cards"]


def test_a_batch_that_is_too_large_is_not_called_a_model_that_is():
    steps = advice.next_steps(Model.named("LLaMA-13B"), Inference(32_768, batch=3), CARD)
    assert steps == [
        "In Q8_0, this card holds at most 4,700 tokens of context for each of 3 sequences.",
        "5 such cards would do, with tensor parallelism.",
    ]


def test_what_an_engine_keeps_otherwise_is_said():
    mistral, whole = Model.named("Mistral-7B-v0.1"), "every layer keeps the whole context"
    said = {
        engine: [note for note in advice.notes(mistral, Inference(32_768, engine=engine), CARD) if whole in note]
        for engine in ("llama.cpp", "ideal", "vLLM")
    }
    assert said["llama.cpp"] == ["llama.cpp has no window for this architecture: every layer keeps the whole context."]
    assert said["ideal"] == [f"{said['llama.cpp'][0]} Without an engine that is not counted."]
    assert said["vLLM"] == []
    assert not [note for note in advice.notes(mistral, Inference(4096, engine="llama.cpp"), CARD) if whole in note]
    [copied] = [note for note in advice.notes(Model.named("Falcon-40B"), Inference(64), CARD) if "copies" in note]
    assert copied.startswith("Transformers copies each key and value of this family for all query heads")


def test_a_training_is_told_how_fast_arithmetic_alone_would_be():
    """8 cards of 312 TFLOP/s, and six operations for each of 7 billion parameters and each token."""
    run = Training(zero=3, data_parallel=8)
    said = advice.notes(Model.nominal(7 * 10**9), run, Gpu.named("A100 80 GB"))[-1]
    assert said.startswith("8 such cards would train on 59,429 tokens per second if nothing but")
    assert round(8 * 312e12 / (6 * 7e9)) == 59_429
    assert not any("per second" in one for one in advice.notes(Model.nominal(10**9), Training(), Gpu.of("24 GB")))


def test_weights_in_16_bits_alone_are_warned_of():
    """Rounded to nearest with 8 bits of precision, 255/128 absorbs 1/512 of itself, as every number does."""
    notes = [advice.notes(SEVEN, Training(recipe=recipe, activations="none"), CARD) for recipe in ("bf16", "mixed")]
    assert [
        any("an update of less than 1/512 of its weight is always lost" in note for note in one) for one in notes
    ] == [
        *(True, False),
    ]
    weight, step = 255 / 128, 1 / 128  # the largest of its binade, and the distance of its neighbours
    assert round((weight + weight / 513) / step) * step == weight


def test_what_nothing_helps_says_so():
    assert advice.next_steps(Model.named("Llama-3.1-405B"), Training(context=131_072), CARD) == [
        "No change that was tried makes it fit, nor any number of such cards."
    ]


@pytest.mark.parametrize(("card", "said"), [("RTX 3090", True), ("T4", True), ("L4", False), ("24 GB", False)])
@pytest.mark.parametrize("weights", ["FP8-128x128", "W8A8-FP8"])
def test_weights_in_fp8_are_computed_in_16_bit_below_compute_capability_8_9(card, said, weights):
    """docs.vllm.ai, FP8 W8A8: computed from 8.9 on, weight-only by Marlin kernels from 7.5 on."""
    run = Inference(1024, weights=weights, engine="vLLM")
    notes = " ".join(advice.notes(Model.named("Llama-3.2-1B"), run, Gpu.of(card)))
    assert ("needs 8.9 to compute with" in notes) is said
    assert ("computes in 16 bit" in notes) is said


def test_weights_that_do_not_run_on_a_card_are_refused():
    for weights, needed in (("FP8-128x128", "7.5"), ("AWQ-INT4-g128", "7.5")):
        with pytest.raises(InputError, match=rf"for vLLM on V100 32 GB: .* 7.0, and vLLM needs {needed} for them"):
            advice.verdict(
                Model.named("Llama-3.1-8B"), Inference(weights=weights, engine="vLLM"), Gpu.named("V100 32 GB")
            )


SEVERAL = [  # model, run, who holds the context
    ("Llama-3.1-70B", Inference(4096, tensor_parallel=2), "These 2 cards hold"),
    ("Llama-3.1-70B", Inference(4096, batch=64, engine="vLLM", tensor_parallel=4), "These 4 cards hold"),
    ("Llama-3.1-70B", Inference(4096, engine="llama.cpp", weights="Q4_K_M", pipeline_parallel=4), "These 4 cards hold"),
    ("Mixtral-8x7B", Inference(4096, expert_parallel=8), "These 8 cards hold"),
    ("Llama-3.1-8B", Training(recompute="full", zero=3, data_parallel=8), "Each card holds"),
    ("Llama-3.1-8B", Training(data_parallel=2), "Each card holds"),
    ("Llama-3.1-8B", Training(recompute="full", tensor_parallel=4, data_parallel=2), "Each 4 cards hold"),
]


@pytest.mark.parametrize(("name", "run", "who"), SEVERAL, ids=range(len(SEVERAL)))
@pytest.mark.parametrize("card", ["RTX 4090", "A100 80 GB"])
def test_nobody_speaks_of_one_card_where_there_are_several(name, run, who, card):
    model, gpu = Model.named(name), Gpu.named(card)
    verdict, steps = advice.verdict(model, run, gpu), advice.next_steps(model, run, gpu)
    said = " ".join([verdict, *steps, *advice.notes(model, run, gpu)])
    assert not [one for one in ("this card", "This card", "a larger card", "one such card") if one in said]
    assert " on each card" in verdict or " on the fullest card" in verdict
    longest = [step.casefold() for step in steps if " at most " in step and " of context" in step]
    assert all(who.casefold() in step for step in longest)


def test_a_file_that_no_number_of_cards_so_far_holds_needs_larger_ones_or_more():
    model, run = Model.named("Llama-3.1-405B"), Inference(4096, tensor_parallel=2)
    [step] = advice.next_steps(model, run, Gpu.of("1 GB"))
    assert step.endswith("GiB on each card: it needs larger cards, or more than 2.")
