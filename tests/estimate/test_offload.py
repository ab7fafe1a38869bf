"""What lies on the card and what in CPU memory is what llama.cpp says in its logs, and both are the whole."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import MODELS
from memcalc import Gpu, Inference, InputError, Model, Training, breakdown, fits, largest, places, smallest, total
from memcalc.estimate import advice
from memcalc.estimate.offload import read_of_a_token, said
from memcalc.specs.order import layers_of
from memcalc.units import show

MIB = 2**20
LLAMA_CPP = Inference(context=4096, engine="llama.cpp", weights="Q4_K_M")
GPT_OSS = Model.named("gpt-oss-120b")
COMMAND_R = Model.from_config(
    {
        **{"model_type": "cohere", "hidden_size": 8192, "num_hidden_layers": 40, "intermediate_size": 22528},
        **{"num_attention_heads": 64, "num_key_value_heads": 64, "vocab_size": 256000, "tie_word_embeddings": True},
    }
)


def test_all_layers_on_the_card_leave_the_embedding_in_cpu_memory():
    """gpt-oss-120b in ollama/ollama#16416: 61,223 MiB and 1,104 MiB; that file keeps routers and biases in 32 bit."""
    shared = Inference(65_536, 4, weights="MXFP4", engine="llama.cpp-unified", ubatch=2048)
    found = places(GPT_OSS, shared)
    assert found["gpu"]["weights"] == pytest.approx(61_223 * MIB, rel=0.002)
    assert found["cpu"]["weights"] // MIB == 1104
    assert found["gpu"]["kv_cache"] == 9306 * MIB
    assert found["gpu"] == breakdown(GPT_OSS, shared)


def test_a_table_that_is_input_and_output_is_there_twice():
    """Command R in Q4_K_S, 29 of whose 41 layers are on one of two cards, in ggml-org/llama.cpp#6122."""
    whole = places(COMMAND_R, replace(LLAMA_CPP, weights="Q4_K_S"))
    assert whole["cpu"]["weights"] / MIB == 1640.625
    assert round(whole["gpu"]["weights"] / MIB, 2) == 19_423.91  # 5,434.38 + 13,989.53
    second = places(COMMAND_R, replace(LLAMA_CPP, weights="Q4_K_S", gpu_layers=29))
    assert round(second["gpu"]["weights"] / MIB, 2) == 13_989.53
    assert second["gpu"]["kv_cache"] == 3584 * MIB
    assert second["cpu"]["kv_cache"] == 1536 * MIB


def test_the_last_layers_lie_on_the_card_in_the_types_of_the_file():
    """Qwen3-30B-A3B in Q4_K_M in ggml-org/llama.cpp#13729: 30 layers, and by that build no output, on the card."""
    model = Model.named("Qwen3-30B-A3B")
    output = breakdown(model, replace(LLAMA_CPP, gpu_layers=1))["weights"]
    found = places(model, replace(LLAMA_CPP, gpu_layers=31))
    assert round((found["gpu"]["weights"] - output) / MIB, 2) == 10_750.86
    assert round((found["cpu"]["weights"] + output) / MIB, 2) == 6940.48


def test_half_of_the_layers_have_half_of_the_cache():
    """Mixtral with 15 layers on the card, in ggml-org/llama.cpp#4957: 34 and 30 MiB of cache."""
    found = places(Model.named("Mixtral-8x7B"), replace(LLAMA_CPP, context=512, gpu_layers=16))
    assert [found[place]["kv_cache"] // MIB for place in ("cpu", "gpu")] == [34, 30]


def test_experts_in_cpu_memory_leave_little_on_the_card():
    """Several pages tell of 5 to 8 GB in all for gpt-oss-120b with --n-cpu-moe 36 and its whole context."""
    run = Inference(131_072, engine="llama.cpp", weights="MXFP4_MOE", cpu_experts=36)
    assert 5e9 < total(GPT_OSS, run) < 8e9
    assert breakdown(GPT_OSS, run) == breakdown(GPT_OSS, replace(run, cpu_experts="all"))
    assert f"{sum(places(GPT_OSS, run)[place]['weights'] for place in ('gpu', 'cpu')) / 2**30:.2f}" == "59.02"


def test_layers_without_experts_count_among_the_first_ones():
    """--n-cpu-moe names blk.0 to blk.N-1 (common/common.h), and the first 3 layers of DeepSeek-V3 have one MLP."""
    model = Model.named("DeepSeek-V3")
    whole, none, one = (breakdown(model, replace(LLAMA_CPP, cpu_experts=number))["weights"] for number in ("all", 3, 4))
    assert none == breakdown(model, LLAMA_CPP)["weights"]
    assert 0 < none - one < (none - whole) / 40
    assert "cpu_experts 3 changes nothing here." in [*said(model, replace(LLAMA_CPP, cpu_experts=3))]


def test_a_window_layer_leaves_with_its_own_cache():
    """The last two layers of gpt-oss are one with a window of 128 and one without (256 + 512 cells of the window)."""
    run = replace(LLAMA_CPP, weights="MXFP4_MOE", context=8192, gpu_layers=3)
    assert breakdown(GPT_OSS, run)["kv_cache"] == 2 * 8 * 64 * 2 * (8192 + 768)


def test_the_cache_can_stay_in_cpu_memory():
    found = places(GPT_OSS, replace(LLAMA_CPP, kv_offload=False))
    assert found["gpu"]["kv_cache"] == 0
    assert found["cpu"]["kv_cache"] == breakdown(GPT_OSS, LLAMA_CPP)["kv_cache"]


@settings(max_examples=25, deadline=None)
@given(MODELS, st.data())
def test_both_places_are_the_whole(model, data):
    layers = st.integers(0, model.layers + 1) if layers_of(model) else st.sampled_from(["all", 0])
    run = replace(LLAMA_CPP, weights="Q8_0", gpu_layers=data.draw(layers), kv_offload=data.draw(st.booleans()))
    run = replace(run, cpu_experts=data.draw(layers)) if model.moe_layers else run
    found, whole = places(model, run), breakdown(model, replace(run, engine="ideal", **_USUAL))
    table = breakdown(model, replace(run, gpu_layers=0, cpu_experts=0))["weights"]
    assert table == 0
    both = sum(found[place]["weights"] for place in found) - whole["weights"]
    assert both >= 0
    assert both == 0 or model.embedding_tables == 1
    cache = breakdown(model, replace(LLAMA_CPP, weights="Q8_0"))["kv_cache"]
    assert sum(found[place]["kv_cache"] for place in found) == cache


_USUAL = {"gpu_layers": "all", "cpu_experts": 0, "kv_offload": True}


@settings(max_examples=15, deadline=None)
@given(MODELS.filter(layers_of), st.sampled_from(["8 GB", "24 GB", "80 GB"]))
def test_one_layer_more_does_not_fit(model, size):
    card = Gpu.of(size)
    most = largest("gpu_layers", model, LLAMA_CPP, card)
    assert fits(model, replace(LLAMA_CPP, gpu_layers=most), card)
    assert most == model.layers + 1 or not fits(model, replace(LLAMA_CPP, gpu_layers=most + 1), card)


def test_the_fewest_experts_in_cpu_memory():
    run, card = replace(LLAMA_CPP, weights="MXFP4_MOE"), Gpu.named("RTX 4090")
    fewest = smallest("cpu_experts", GPT_OSS, run, card)
    assert fits(GPT_OSS, replace(run, cpu_experts=fewest), card)
    assert not fits(GPT_OSS, replace(run, cpu_experts=fewest - 1), card)
    assert smallest("cpu_experts", GPT_OSS, run, Gpu.of("80 GB")) == 0
    assert smallest("cpu_experts", GPT_OSS, run, Gpu.of("1 GB")) is None
    with pytest.raises(InputError, match=r"^cpu_experts must be 0 for LLaMA-7B, which has no experts, not 5\.$"):
        breakdown(Model.named("LLaMA-7B"), replace(LLAMA_CPP, cpu_experts=5))


def test_a_token_reads_of_the_experts_those_chosen():
    run = replace(LLAMA_CPP, weights="MXFP4_MOE", cpu_experts="all")
    read, held = read_of_a_token(GPT_OSS, run), places(GPT_OSS, run)
    table = places(GPT_OSS, replace(run, cpu_experts=0))["cpu"]["weights"]
    assert read["gpu"]["weights"] == held["gpu"]["weights"]
    assert read["cpu"]["weights"] == (held["cpu"]["weights"] - table) * 4 / 128
    assert read["cpu"]["kv_cache"] == 0
    whole = read_of_a_token(GPT_OSS, replace(run, cpu_experts=0))
    assert sum(whole["gpu"].values()) == sum(sum(one.values()) for one in read.values())


def test_what_would_fit_is_advised():
    steps = advice.next_steps(GPT_OSS, replace(LLAMA_CPP, weights="MXFP4_MOE"), Gpu.of("8 GB"))
    assert any("(cpu_experts 3" in step for step in steps)
    assert any("layers on the card (gpu_layers " in step for step in steps)
    assert not any("gpu_layers" in step for step in advice.next_steps(GPT_OSS, Inference(), Gpu.of("8 GB")))
    unknown = advice.next_steps(Model.named("GLM-5.2"), LLAMA_CPP, Gpu.of("24 GB"))
    assert not any("_layers" in step for step in unknown)


@pytest.mark.parametrize("change", [{"gpu_layers": 40}, {"draft_model": "Llama-3.2-1B", "engine": "ideal"}])
def test_advice_on_what_does_not_fit_is_no_refusal(change):
    run = replace(LLAMA_CPP, weights="Q8_0", **change)
    assert advice.next_steps(Model.named("Llama-3.1-405B"), run, Gpu.of("8 GB"))


def test_training_has_its_own_places():
    run = Training(zero=2, data_parallel=2, offload="optimizer")
    assert places(Model.nominal(10**9), run)["cpu"]["weights"] == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"engine": "vLLM"}, "^gpu_layers must be left out for the engine 'vLLM', not 5; llama.cpp has it"),
        ({"tensor_parallel": 2}, "^gpu_layers must be 'all' with more than one card, not 5"),
        ({"prefill": "whole"}, "^gpu_layers must be 'all' with a prefill, not 5"),
        ({"gpu_layers": "most"}, "^gpu_layers must be 'all' or a number of layers, not 'most'"),
        ({"gpu_layers": -1}, "^gpu_layers must be"),
    ],
)
def test_what_leaves_nothing_in_cpu_memory_is_refused(change, sentence):
    with pytest.raises(InputError, match=sentence):
        Inference(**({"gpu_layers": 5, "engine": "llama.cpp"} | change))


def test_layers_whose_order_is_not_known_are_not_cut():
    model = Model.named("GLM-5.2")  # whose file alone lists which layers have an indexer
    assert total(model, replace(LLAMA_CPP, gpu_layers=0)) == 0
    with pytest.raises(InputError, match=r"^gpu_layers must be 0 or 'all' for GLM-5\.2, of which it is not known"):
        total(model, replace(LLAMA_CPP, gpu_layers=10))


def test_a_size_alone_has_no_layers():
    with pytest.raises(InputError, match=r"^gpu_layers must be all for a size without architecture, not 5\.$"):
        breakdown(Model.nominal(10**9), Inference(gpu_layers=5))


def test_what_does_nothing_is_said():
    run = replace(LLAMA_CPP, gpu_layers=99)
    notes = advice.notes(Model.named("Llama-2-7B"), run, Gpu.named("RTX 4090"))
    assert "gpu_layers 99 is as good as all, which are 33 with the output." in notes
    assert any(
        note.startswith(f"In CPU memory lie {show(32_000 * 4096 * 144 // 256)} of weights, for which") for note in notes
    )
