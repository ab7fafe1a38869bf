"""Questions and what the formula or the data answer; expected values come from papers, configs and measurements."""

import pytest

from memcalc import Model, Training, breakdown
from memcalc.article.answers import QUESTIONS, answer
from memcalc.errors import InputError

SEVEN = "model=LLaMA-7B; context=32768"


@pytest.mark.parametrize(
    ("question", "inputs", "value"),
    [
        ("to run", f"{SEVEN}; terms=kv_cache", 17_179_869_184),
        ("to run", f"{SEVEN}; parameters=7000000000; terms=weights", 14_000_000_000),
        ("to run", f"{SEVEN}; full_layers=1; dense_layers=1; terms=kv_cache", 536_870_912),
        ("to train", "parameters=7500000000; zero=0; data_parallel=64", 120 * 10**9),  # the ZeRO paper, figure 1
        ("to train", "parameters=7500000000; zero=1; data_parallel=64", 31_406_250_000),
        ("to train", "parameters=7500000000; zero=2; data_parallel=64", 16_640_625_000),
        ("to train", "parameters=7500000000; zero=3; data_parallel=64", 1_875_000_000),
        ("to train", "parameters=7500000000; zero=0; data_parallel=64 / zero=3", 64),
        ("offloaded", "parameters=175000000000; zero=3; data_parallel=8; offload=parameters", 2_800 * 10**9),
        ("offloaded", "parameters=175000000000; zero=3; data_parallel=8", 0),
        ("amount", "bytes=102 GB", 102 * 10**9),
        ("card", "card=RTX 4090; value=reported_mib", 25_757_220_864),
        ("card", "card=H100 80 GB; value=bandwidth_gbs", 3350),
        ("sizes", "card=M3 Ultra", {96, 256, 512}),
        ("fewest bits", "", 1.125),  # Q1_0: 18 bytes for 128 weights
        ("count", "model=Jamba-v0.1; value=full_layers", 4),
        ("terms", "runs=inference", {"weights", "kv_cache"}),
        ("power", "model=LLaMA-7B; attention=eager; term=activations; symbol=context", 2),
        ("power", "model=LLaMA-7B; attention=flash; term=activations; symbol=context", 1),
    ],
)
def test_answers(question, inputs, value):
    assert answer(question, inputs).value == value


def test_growth_and_speed():
    assert answer("growth", "from=12; to=45; years=4").value == pytest.approx(39.16, abs=0.005)
    speed = answer("tokens per second", "model=LLaMA-7B; context=1; weights=INT8; card=RTX 4090").value
    assert float(speed) == pytest.approx(152.5, abs=0.05)
    cost = answer("cost", "batch=1").value
    assert float(cost) == pytest.approx(1e6 / float(speed) / 3600 * 0.450 * 0.15, rel=1e-3)


def test_recomputation_keeps_inputs_and_has_one_layer():
    """Korthikanti et al., Table 2: 2 s b d of each layer but one, and 34 s b d of that one."""
    s, d, layers = 4096, 12_288, 96  # of GPT-3, whose MLP is four times as wide
    kept = breakdown(Model.named("GPT-3-175B"), Training(context=s, recompute="full", activations="megatron"))
    outside = kept["activations"] - 2 * s * d * layers
    there = answer("to recompute", f"model=GPT-3-175B; activations=megatron; context={s}").value
    assert there - outside == (2 * (layers - 1) + 34) * s * d


def test_a_changed_count_changes_the_model():
    plain = answer("to run", "model=Llama-2-70B; kv_heads=64; terms=kv_cache").value
    assert plain == 8 * answer("to run", "model=Llama-2-70B; terms=kv_cache").value


def test_every_quantity_says_where_it_comes_from():
    examples = {
        "to run": SEVEN,
        "card": "card=RTX 4090; value=marketed_gb",
        "sizes": "card=M3 Ultra",
        "fewest bits": "",
        "count": "model=LLaMA-7B; value=heads",
    }
    for question, inputs in examples.items():
        assert answer(question, inputs).sources, question


def test_bad_questions_are_refused():
    with pytest.raises(InputError, match="question 'to runn' is not known; the nearest is to run"):
        answer("to runn", SEVEN)
    with pytest.raises(InputError, match="term 'cache' is not known"):
        answer("to run", f"{SEVEN}; terms=cache")
    with pytest.raises(InputError, match="input 'kv_cahce' is not known; the nearest is kv_cache"):
        answer("to run", f"{SEVEN}; kv_cahce=INT8")
    with pytest.raises(InputError, match="heads 'many' is not known"):
        answer("largest model", "card=RTX 4090; heads=many; context=32768")
    assert set(QUESTIONS) >= {"to run", "to train", "card", "formula"}
