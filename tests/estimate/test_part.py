"""One run beside others: what it takes at work and at rest, and what cannot be."""

import pytest

from memcalc import Gpu, Inference, InputError, Model, Part, Training, breakdown, peak

LLAMA = Model.named("Llama-3.2-1B")
PARAMETERS = 1_235_814_400
RUN = Training(context=512, batch=2, recipe="bf16", loss="log_probabilities")
READ = Inference(512, 2, prefill="whole", logits="all")
ENGINE = Inference(512, engine="vLLM", utilization=0.3)


def test_a_policy_at_rest_has_weights_and_states_alone():
    """In 16 bits 2 + 4 bytes of each parameter, and a counter of 4 bytes of each of its 146 tensors."""
    rest = Part("policy", LLAMA, RUN).resting()
    assert rest == {"weights": 2 * PARAMETERS, "gradients": 0, "optimizer": 4 * PARAMETERS + 4 * 146}


def test_deepspeed_keeps_gradients_and_its_bucket():
    shared = Training(context=512, recipe="bf16", zero=3, data_parallel=8)
    rest = Part("policy", LLAMA, shared).resting()
    assert rest["gradients"] == pytest.approx(2 * PARAMETERS / 8, rel=1e-6)
    assert rest["bucket_memory"] == peak(LLAMA, shared).parts["bucket_memory"] > 0


def test_gradients_of_a_size_alone_are_gone_between_steps_too():
    """2 + 4 bytes of each parameter as above; Megatron's buffer of gradients in 32 bits stays."""
    size = Model.nominal(10**9)
    rest = Part("policy", size, Training(recipe="bf16")).resting()
    assert rest == {"weights": 2 * 10**9, "gradients": 0, "optimizer": 4 * 10**9 + 4}
    assert Part("policy", size, Training(recipe="megatron")).resting()["gradients"] == 4 * 10**9


def test_the_peak_of_log_probabilities_is_as_measured():
    """Forward and backward pass of transformers 5.24 with TRL's selective_log_softmax on logits in FP32, less weights:
    living storages on fake tensors in torch 2.13, of 2 and 4 sequences of 512 tokens, and 2 of 1,024.
    """
    for batch, context, measured in ((2, 512, 3_895_794_064), (4, 512, 7_791_456_664), (2, 1024, 7_794_665_872)):
        run = Training(context=context, batch=batch, recipe="bf16", loss="log_probabilities")
        moments = peak(LLAMA, run).moments
        highest = max(moments[phase].bytes for phase in ("forward", "loss", "backward"))
        assert highest - 2 * PARAMETERS - 4 * PARAMETERS - 4 * 146 == pytest.approx(measured, rel=0.001)


def test_log_probabilities_in_16_bits_are_as_measured():
    """As above, of 4 sequences of 512 tokens with logits as the model gives them: forward, kept, and the way back."""
    run = Training(context=512, batch=4, recipe="bf16", loss="log_probabilities-16")
    moments, states = peak(LLAMA, run).moments, 6 * PARAMETERS + 4 * 146
    assert moments["forward"].parts["activations"] == pytest.approx(4_119_230_850, rel=0.001)
    assert moments["forward"].bytes - states == pytest.approx(5_267_382_152, rel=0.001)
    assert moments["backward"].bytes - states == pytest.approx(4_653_982_084, rel=0.001)


@pytest.mark.parametrize(
    ("batch", "raised", "measured"), [(1, False, 262_416_894), (2, False, 393_756_156), (4, True, 1_576_026_112)]
)
def test_scoring_takes_what_was_measured(batch, raised, measured):
    """A forward pass without gradients and selective_log_softmax behind it, on fake tensors: with ids, log-probs."""
    part = Part("reference", LLAMA, Inference(512, batch, weights="BF16", prefill="whole", logits="all"))
    ids, log_probabilities = 8 * batch * 512, 2 * batch * 511
    found = part.working(None, raised)["activations"]
    assert found == pytest.approx(measured - ids - (0 if raised else log_probabilities), abs=5000)


def test_logits_of_one_sequence_in_fp32_need_as_much_again():
    """8 bytes of each of 512 × 128,256 logits, less those of the last token: logits, and exponentials of all."""
    part = Part("reference", LLAMA, Inference(512, 1, weights="BF16", prefill="whole", logits="all"))
    assert part.working(None, True)["activations"] == 4 * 128_256 * (512 + 511)


def test_what_is_counted_within_a_step_of_pairs():
    """Both models' logits, of which the policy's are kept already, a copy of the policy's, and 3 × 128 rows."""
    part = Part("reference", LLAMA, READ, "loss", rows=128)
    logits = 128_256 * 4
    assert part.working(None, True)["activations"] == logits * (2 * 512 + 2 * 511 + 3 * 128)


def test_a_score_head_has_no_logits():
    """Llama-3.1-8B less an output head of 128,256 × 4,096, whose gradient and states are gone with it."""
    model = Model.named("Llama-3.1-8B")
    run = Training(context=1024, batch=2, recipe="bf16")
    whole, score = Part("policy", model, run), Part("policy", model, run, score=True)
    head = 128_256 * 4096
    assert whole.resting()["weights"] - score.resting()["weights"] == 2 * head
    kept = whole.kept()["activations"] - score.kept()["activations"]
    assert kept == pytest.approx(4 * 128_256 * 2 * 1024, rel=0.001)


@pytest.mark.parametrize(
    ("name", "batch", "context", "recompute", "forward", "backward"),
    [
        ("Llama-3.2-1B", 2, 512, "none", 1_797_525_908, 2_475_827_216),
        ("Llama-3.2-1B", 4, 1024, "full", 335_831_076, 2_488_410_136),
        ("Llama-3.1-8B", 2, 512, "none", 6_614_946_580, 15_018_246_160),
        ("Llama-3.1-8B", 4, 1024, "full", 1_208_508_452, 15_043_411_992),
    ],
)
def test_the_step_of_a_score_head_is_as_measured(name, batch, context, recompute, forward, backward):
    """LlamaForSequenceClassification of transformers 5.24 on fake tensors: what is kept, and the peak of the way back.

    What is missing is the row of the score, its gradient, and the scores.
    """
    run = Training(context=context, batch=batch, recipe="bf16", recompute=recompute)
    part = Part("policy", Model.named(name), run, score=True)
    states, moments = sum(part.resting().values()), part.peak.moments
    assert moments["loss"].bytes - states == pytest.approx(forward, abs=64)
    assert moments["backward"].bytes - states == pytest.approx(backward, abs=2 * part.model.hidden + 64)


def test_the_step_of_a_score_head_under_sharing_and_adapters():
    """There are no logits: of each of 128,256 × 1,024 a language model has 12 bytes or more where the loss begins."""
    for how in ({"zero": 3, "data_parallel": 4}, {"sharding": "fsdp", "data_parallel": 4}, {"lora_rank": 8}):
        run = Training(context=1024, recipe="bf16", **how)
        moments = Part("policy", LLAMA, run, score=True).peak.moments
        assert peak(LLAMA, run).moments["loss"].bytes - moments["loss"].bytes > 11 * 128_256 * 1024


def test_logits_of_completions_alone():
    """Of 1,024 tokens 257 have logits: 4 bytes are kept of each, and 12 more are there at the moment of the loss."""
    run = Training(context=1024, batch=4, recipe="bf16", recompute="full", loss="log_probabilities")
    every, some = Part("policy", LLAMA, run), Part("policy", LLAMA, run, logits=257)
    logits = 128_256 * 4 * (1024 - 257)
    assert every.kept()["activations"] - some.kept()["activations"] == 4 * logits
    assert every.peak.moments["loss"].bytes - some.peak.moments["loss"].bytes == 16 * logits
    assert Part("policy", LLAMA, run, logits=1024).peak.parts == every.peak.parts


def test_what_logits_of_completions_keep_is_as_measured():
    """2 × 512 tokens, 128 of them written: living storages on fake tensors, with logits_to_keep as in TRL's GRPO."""
    run = Training(context=512, batch=2, recipe="bf16", loss="log_probabilities")
    assert Part("policy", LLAMA, run, logits=129).kept()["activations"] == pytest.approx(1_926_750_596, rel=0.002)


@pytest.mark.parametrize("sleep", [1, 2])
def test_an_engine_asleep_is_not_on_the_card(sleep):
    part = Part("rollout", LLAMA, ENGINE, sleep=sleep)
    assert part.resting() == {}
    assert part.working(Gpu.of("80 GB"), True) == {"engine": 24_000_000_000}
    assert "sleeps" in "".join(part.unknown)


def test_an_engine_whose_share_is_too_small_takes_more():
    """30 % of 8 GB are 2.4 GB, and the weights alone take 2,471,628,800 bytes."""
    assert Part("rollout", LLAMA, ENGINE).working(Gpu.of("8 GB"), True)["engine"] > 2 * PARAMETERS


def test_shared_weights_are_gathered_while_they_work():
    fsdp = Training(context=512, recipe="bf16", sharding="fsdp", data_parallel=8)
    whole = Part("reference", LLAMA, Inference(512, weights="BF16"))
    shared = Part("reference", LLAMA, Inference(512, weights="BF16"), sharing=fsdp)
    assert shared.resting()["weights"] == pytest.approx(whole.resting()["weights"] / 8, rel=0.001)
    assert "gathered" not in shared.resting()
    assert shared.working(None, True)["gathered"] > 2 * 128_256 * 2048  # what lies outside the layers, and two of them


def test_a_policy_that_writes_gathers_all_of_its_weights():
    """huggingface/trl#2250: out of memory where ZeRO stage 3 gathers the model to generate."""
    zero = Training(context=512, recipe="bf16", zero=3, data_parallel=8)
    part = Part("rollout", LLAMA, Inference(512, engine="transformers"), "rollout", uses="policy", sharing=zero)
    assert part.working(None, True)["gathered"] == 2 * PARAMETERS
    assert part.resting() == {}


def test_the_cache_counts_for_who_writes_alone():
    run = Inference(4096, engine="transformers")
    assert Part("rollout", LLAMA, run, "rollout").working(None, True) == breakdown(LLAMA, run)
    assert "kv_cache" not in Part("reference", LLAMA, run).working(None, True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": 1}, "name must be of type str"),
        ({"model": "LLaMA-7B"}, "model of 'it' must be of type Model"),
        ({"run": 7}, "run of 'it' must be of type Inference or Training"),
        ({"phase": "dinner"}, "phase 'dinner' is not known"),
        ({"phase": "step"}, "phase must be another than step for 'it'"),
        ({"run": RUN, "phase": "scoring"}, "phase must be step for 'it'"),
        ({"sleep": -1}, "sleep must be 0 or 1 for 'it', not -1"),
        ({"sleep": 2}, "sleep must be 0 or 1 for 'it', not 2"),
        ({"sleep": True}, "sleep must be 0 or 1 for 'it', not True"),
        ({"run": RUN, "sleep": 1}, "sleep must be 0 for 'it', not 1"),
        ({"run": RUN, "uses": "policy"}, "uses must be empty for 'it'"),
        ({"run": ENGINE, "uses": "policy"}, "uses must be empty for 'it'"),
        ({"uses": None}, "uses must be of type str"),
        ({"score": 1}, "score must be of type bool"),
        ({"rows": -1}, "rows must be a whole number from 0"),
        ({"turns": 1}, "turns must be of type bool"),
        ({"run": RUN, "turns": True}, "turns must be False for 'it', whose step others may share"),
        ({"sharing": 3}, "sharing must be of type Training"),
        ({"logits": 0}, "logits of 'it' must be a whole number from 1 to 512"),
        ({"run": Training(loss="fused_linear"), "logits": 9}, "logits must be None for 'it', whose loss keeps none"),
        ({"run": Inference(512, weights="NF4"), "sharing": RUN}, "sharing must be None for 'it'"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(fields, said):
    with pytest.raises(InputError, match=said):
        Part(**{"name": "it", "model": LLAMA, "run": READ} | fields)


def test_weights_that_nobody_shares_are_not_shared():
    with pytest.raises(InputError, match="sharing must be a run in which several cards share"):
        Part("it", LLAMA, Inference(512, weights="BF16"), sharing=RUN).resting()
