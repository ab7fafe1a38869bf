"""How long a training takes, against what papers and people published."""

import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architectures import architectures
from measured import rows
from memcalc import Gpu, InputError, Model, Training, catalogue, training_time
from memcalc.estimate.training_time import usual_utilization

few = settings(max_examples=12)
A100, H100 = Gpu.named("A100 80 GB"), Gpu.named("H100 80 GB")
LLAMA, GPT_3 = Model.named("LLaMA-7B"), replace(Model.named("GPT-3-175B"), vocabulary=51_200)
RUNS = st.builds(Training, context=st.integers(1, 5000), batch=st.integers(1, 9), activations=st.just("none"))
SHARES = st.fractions(Fraction(1, 100), 1)


def gpt(layers, hidden, heads):
    """A model of Megatron-LM, in the proportions of GPT-3."""
    of_heads = {"heads": heads, "kv_heads": heads, "head_dim": hidden // heads, "hidden": hidden}
    return replace(GPT_3, full_layers=layers, dense_layers=layers, intermediate=4 * hidden, **of_heads)


@pytest.mark.parametrize(
    ("billions", "cards", "reached", "tokens", "days"), [(175, 1024, 140, 300, 34), (1008, 3072, 163, 450, 84)]
)
def test_days_of_the_largest_models_of_2021(billions, cards, reached, tokens, days):
    """Narayanan et al. 2021, section 5.1: 8 T P / (n X), with everything computed again."""
    run = Training(data_parallel=cards, recompute="full")
    share = Fraction(reached, 312)
    found = training_time(Model.nominal(billions * 10**9), run, A100, tokens * 10**9, utilization=share)
    assert round(found.days) == days
    assert found.card_hours == pytest.approx(8 * tokens * billions * 10**18 / (reached * 10**12) / 3600)


@pytest.mark.parametrize(
    ("sizes", "cards", "batch", "seconds", "percent"),
    [
        ((48, 6144, 64), 8, 4, 1.10, 41.5),
        ((96, 12_288, 96), 64, 64, 13.75, 51.4),
        ((105, 20_480, 128), 280, 280, 37.83, 56.0),
        ((128, 25_600, 160), 512, 512, 71.49, 56.3),
    ],
    ids=["22B", "175B", "530B", "1T"],
)
def test_seconds_of_an_iteration(sizes, cards, batch, seconds, percent):
    """Korthikanti et al. 2022, table 5: iterations and model FLOPs utilization with A100 cards, of one replica."""
    run = Training(context=2048, micro_batches=batch, activations="none")
    share = Fraction(percent) / 100
    found = training_time(gpt(*sizes), run, A100, utilization=share, every_pair=True)
    assert found.seconds / cards == pytest.approx(seconds, rel=6e-3)  # of digits as published


def test_operations_of_a_run_with_recomputation():
    """The logbook of OPT-175B: 300 billion tokens take 4.30e23 operations, "roughly 33 days" on 1,024 A100 cards."""
    opt, run = replace(GPT_3, vocabulary=50_272), Training(context=2048, data_parallel=1024, recompute="full")
    found = training_time(opt, run, A100, 300 * 10**9, every_pair=True)
    assert found.operations / (2048 * 1024) * 300e9 == pytest.approx(4.30e23, rel=2e-3)
    assert found.days < 33


@pytest.mark.parametrize(("context", "percent", "speed"), [(2048, 46.44, 85_144), (512 * 128, 28.59, 15_654)])
def test_tokens_per_second_of_mpt(context, percent, speed):
    """LLM Foundry: MPT-7B on 8 H100 cards. It counts every pair of tokens, and looked-up positions as multiplied."""
    sizes = {"d_model": 4096, "n_heads": 32, "n_layers": 32, "vocab_size": 50_368, "max_seq_len": context}
    model = Model.from_config({"model_type": "mpt", **sizes})
    run = Training(context=context, data_parallel=8, activations="none")
    found = training_time(model, run, H100, utilization=Fraction(percent) / 100, every_pair=True)
    assert found.tokens_per_second == pytest.approx(speed, rel=2e-2 if context > 4096 else 3e-3)


FIELD = rows("training_speeds", "training_speed")


def reached(row):
    """The share of the bound that was measured."""
    inputs = {name: value for name, value in row.inputs.items() if name != "gpu"}
    found = training_time(Model.named(row.model), Training(**inputs), Gpu.named(row.inputs["gpu"]))
    return row.measured * found.cards / found.tokens_per_second


@pytest.mark.parametrize("row", FIELD, ids=lambda row: row.id)
def test_nobody_measured_more_than_the_bound(row):
    assert reached(row) <= 1


def test_the_bound_is_near_to_what_is_measured():
    assert len(FIELD) > 20
    assert max(map(reached, FIELD)) > 0.6


def test_energy_and_price_of_llama_3():
    """Its model card: 30.84 million hours of H100 cards with 700 W; the paper: 15.6 trillion tokens on up to 16,384."""
    run = Training(context=8192, tensor_parallel=8, pipeline_parallel=16, data_parallel=128, activations="none")
    model = Model.named("Llama-3.1-405B")
    bound = training_time(model, run, H100, 15_600 * 10**9, card_price=Fraction(5, 2))
    usual = training_time(model, run, H100, 15_600 * 10**9, utilization=0.41)
    assert bound.cards == 16_384
    assert bound.card_hours < usual.card_hours < 30.84e6
    assert usual.card_hours == pytest.approx(30.84e6, rel=0.15)
    assert bound.kilowatt_hours == pytest.approx(0.7 * bound.card_hours)
    assert bound.dollars == pytest.approx(2.5 * bound.card_hours)
    assert usual.dollars is None


@few
@given(architectures(), RUNS, SHARES)
def test_time_goes_with_one_over_the_utilization(model, run, share):
    bound, found = (training_time(model, run, A100, 10**9, utilization=one) for one in (1, share))
    assert found.days == pytest.approx(bound.days / share)
    assert found.seconds == pytest.approx(bound.seconds / share)
    assert found.tokens_per_second == pytest.approx(bound.tokens_per_second * share)
    assert (found.operations, found.model_utilization) == (bound.operations, pytest.approx(float(share)))


@few
@given(architectures(), RUNS)
def test_to_compute_again_is_never_faster(model, run):
    none, selective, full = (
        training_time(model, replace(run, recompute=kind), A100) for kind in ("none", "selective", "full")
    )
    assert none.seconds <= selective.seconds <= full.seconds <= none.seconds * 4 / 3
    assert none.model_utilization == 1 >= full.model_utilization >= 3 / 4


@few
@given(architectures(), RUNS)
def test_twice_the_sequences_take_twice_the_operations(model, run):
    once = training_time(model, run, A100)
    for twice in ({"batch": 2 * run.batch}, {"micro_batches": 2}, {"data_parallel": 2}):
        found = training_time(model, replace(run, **twice), A100)
        assert found.operations == 2 * once.operations
        assert found.seconds == pytest.approx(once.seconds * (2 if found.cards == 1 else 1))


@few
@given(architectures(), RUNS)
def test_masked_pairs_are_never_for_free(model, run):
    bound, published = (training_time(model, run, A100, every_pair=every) for every in (False, True))
    assert bound.operations <= published.operations


def test_adapters_spare_the_gradients_of_the_weights():
    """Four operations of a weight and token where training has six, and six of a weight of the adapters."""
    run = Training(context=1, activations="none")
    whole = training_time(LLAMA, run, A100).operations
    thin = training_time(LLAMA, replace(run, lora_rank=8, lora_targets="qv"), A100).operations
    adapters, matrices = 32 * 2 * 8 * (4096 + 4096), 32 * (4 * 4096**2 + 3 * 4096 * 11_008) + 32_000 * 4096
    assert whole - thin == 2 * matrices - 6 * adapters


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"utilization": 0}, "utilization must be above 0 and at most 1; published runs reach 0.29 to 0.58, not 0."),
        ({"utilization": 1.01}, "utilization must be above 0 and at most 1"),
        ({"utilization": float("nan")}, "utilization must be above 0 and at most 1"),
        ({"utilization": True}, "utilization must be above 0 and at most 1"),
        ({"utilization": "40 %"}, "utilization must be above 0 and at most 1"),
        ({"peak_tflops": float("inf")}, "peak_tflops must be a positive number up to 1,000,000, not inf."),
        ({"peak_tflops": 0}, "peak_tflops must be a positive number"),
        ({"tokens": 0}, "tokens must be a whole number from 1 to 1,000,000,000,000,000,000, not 0."),
        ({"tokens": 1e9}, "tokens must be a whole number"),
        ({"card_price": 2}, "tokens must be given with card_price, which is paid for as long as they take, not None."),
        ({"card_price": -2, "tokens": 1}, "card_price must be a positive number"),
        ({"card_price": None, "tokens": 10**5000}, "tokens must be a whole number"),
        ({"every_pair": "yes"}, "every_pair must be of type bool, not 'yes'."),
        ({"model": "LLaMA-7B"}, "model must be of type Model or NominalModel, not 'LLaMA-7B'."),
        ({"gpu": "A100 80 GB"}, "gpu must be of type Gpu, not 'A100 80 GB'."),
        ({"gpu": Gpu.named("RTX 4070")}, "peak_tflops must be given [10¹² operations/s] with gpu RTX 4070, of which"),
        ({"gpu": Gpu.of("24 GB")}, "peak_tflops must be given [10¹² operations/s] with gpu 24 GB, of which"),
        (
            {"run": Training(lora_rank=8, base_weights="LLM.int8")},
            "peak_tflops must be given with base_weights LLM.int8",
        ),
        ({"run": Training(tensor_parallel=3)}, "tensor_parallel must divide heads = 32 of LLaMA-7B"),
        ({"model": Model.nominal(10**9), "run": Training(recompute="selective")}, "recompute must not be selective"),
        ({"model": Model.nominal(10**9), "every_pair": True}, "every_pair must not be True for a size"),
        ({"model": Model.nominal(10**9), "run": Training(lora_rank=8)}, "lora_rank must be 0 for a size"),
    ],
)
def test_what_cannot_be_is_refused_by_name(settings, sentence):
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}"):
        training_time(**{"model": LLAMA, "run": Training(), "gpu": A100} | settings)


def test_a_peak_can_be_given():
    given_peak = training_time(LLAMA, Training(), Gpu.named("RTX 4070"), 10**9, peak_tflops=58.3)
    known = training_time(LLAMA, Training(), A100, 10**9)
    assert given_peak.seconds == pytest.approx(known.seconds * 312 / 58.3)
    eight_bits = Training(lora_rank=8, base_weights="LLM.int8")
    assert training_time(LLAMA, eight_bits, A100, peak_tflops=624).seconds < known.seconds


def test_power_is_left_out_where_nobody_said_it():
    assert training_time(LLAMA, Training(), Gpu.named("L40S"), 10**9).kilowatt_hours is None
    assert training_time(LLAMA, Training(), replace(Gpu.named("L40S"), board_watts=350), 10**9).kilowatt_hours > 0


def test_what_is_published_of_utilization_has_a_source():
    found = catalogue.rows("utilizations")
    for row in found:
        key, _, place = row["source"].partition(", ")
        assert f"{{{key}," in catalogue.bibliography()
        assert place
        assert row["measure"] in ("MFU", "HFU")
        assert re.fullmatch(r"20\d\d(-[01]\d)?", row["date"])
        assert 0 < float(row["percent"]) < 100
    assert len({row["name"] for row in found}) == len(found)
    assert usual_utilization() == (Fraction("0.2859"), Fraction("0.578"))
