"""Which terms a run has, what many cards share, and what is refused; numbers that others publish or should have."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import Gpu, Inference, Model, Training, breakdown, catalogue, fits, largest, places
from memcalc.errors import InputError
from memcalc.estimate import inference
from memcalc.estimate.terms import last, terms, values
from memcalc.formula.formats import Format
from memcalc.formula.symbols import symbol
from memcalc.specs.stored import stored

GIB = 2**30
GPT_3, LLAMA_3_70B, LLAMA_3_8B = map(Model.named, ("GPT-3-175B", "Llama-3-70B", "Llama-3-8B"))
STATES = ["weights", "gradients", "optimizer"]

RUNS = {  # model, run: its terms, in the formula's order
    "inference": (LLAMA_3_8B, Inference(), ["weights", "kv_cache"]),
    "prefill": (
        Model.named("Llama-2-7B"),
        Inference(prefill="whole", overhead="low"),
        ["weights", "kv_cache", "activations", "overhead"],
    ),
    "a size alone": (Model.nominal(7 * 10**9), Inference(), ["weights"]),
    "training": (LLAMA_3_8B, Training(), [*STATES, "activations"]),
    "autocast": (LLAMA_3_8B, Training(recipe="autocast"), [*STATES, "weight_copies", "activations"]),
    "overhead": (LLAMA_3_8B, Training(overhead="high"), [*STATES, "activations", "overhead"]),
    "states alone": (LLAMA_3_8B, Training(activations="none"), STATES),
    "training a size alone": (Model.nominal(7 * 10**9), Training(zero=1, data_parallel=8), STATES),
    "a window": (Model.named("Gemma-2-9B"), Training(context=8192), [*STATES, "activations"]),
    "offload": (LLAMA_3_8B, Training(zero=3, data_parallel=8, offload="nvme"), [*STATES, "activations"]),
}


@pytest.mark.parametrize(("model", "run", "names"), RUNS.values(), ids=RUNS)
def test_terms_of_a_run_in_the_order_of_the_formula(model, run, names):
    assert [term.name for term in terms(model, run)] == names
    assert list(breakdown(model, run)) == names


def test_gpt_3_on_tensor_and_pipeline_parallel_cards():
    run = Training(tensor_parallel=8, pipeline_parallel=16, zero=1, data_parallel=8, activations="none")
    memory = breakdown(GPT_3, run)
    assert memory["gradients"] / GIB == pytest.approx(2.6, rel=0.05)
    even_share = 2 * 174_604_259_328 / 128
    tables = 2 * 12288 * (50257 / 8 + 2048)  # the first stage has them beside its layers
    assert even_share < memory["gradients"] < even_share + tables
    assert memory["optimizer"] == pytest.approx(6 * memory["gradients"] / 8)


def test_gpt_3_on_128_cards_of_zero_3():
    memory = breakdown(GPT_3, Training(zero=3, data_parallel=128, activations="none"))
    assert sum(memory.values()) / GIB == pytest.approx(20.3, abs=0.05)


def test_llama_3_70b_on_8_times_8_cards():
    memory = breakdown(LLAMA_3_70B, Training(tensor_parallel=8, data_parallel=8, zero=3, activations="none"))
    assert sum(memory.values()) / GIB == pytest.approx(15, rel=0.1)
    assert sum(memory.values()) == pytest.approx(16 * 70_553_706_496 / 64, rel=0.001)


@pytest.mark.parametrize("degree", ["tensor_parallel", "pipeline_parallel"])
def test_every_state_is_divided_by_both_kinds_of_parallelism(degree):
    whole = breakdown(LLAMA_3_70B, Training(activations="none"))
    part = breakdown(LLAMA_3_70B, Training(activations="none", **{degree: 8}))
    for name in STATES:
        assert whole[name] / part[name] == pytest.approx(8, rel=0.1)


@settings(max_examples=25)
@given(
    st.sampled_from(["Llama-2-7B", "Qwen2.5-7B", "GPT-2"]),
    st.sampled_from(["fp32", "mixed", "bf16", "megatron"]),
    st.integers(0, 3),
    st.integers(1, 4),
)
def test_one_card_changes_nothing(name, recipe, zero, micro_batches):
    model = Model.named(name)
    run = Training(recipe=recipe, context=512)
    assert breakdown(model, replace(run, zero=zero, data_parallel=1)) == breakdown(model, run)
    assert breakdown(model, replace(run, micro_batches=micro_batches)) == breakdown(model, run)
    assert not run.divided


@pytest.mark.parametrize(
    ("offload", "on_the_card"),
    [("none", STATES), ("optimizer", ["weights"]), ("parameters", []), ("nvme", [])],
)
def test_what_is_offloaded_leaves_the_card_and_keeps_its_place_in_the_formula(offload, on_the_card):
    run = Training(zero=3, data_parallel=8, activations="none")
    kept, moved = breakdown(LLAMA_3_8B, run), breakdown(LLAMA_3_8B, replace(run, offload=offload))
    assert moved == {name: kept[name] if name in on_the_card else 0 for name in STATES}


REFUSED = {
    "pipeline_parallel must be 1 with activations 'transformers', not 4": (
        LLAMA_3_8B,
        Training(pipeline_parallel=4),
    ),
    "sequence_parallel must be False with activations 'transformers', not True": (
        LLAMA_3_8B,
        Training(sequence_parallel=True),
    ),
    "base_weights must be BF16, FP16 or FP32 for adapters beside GPT-2, whose matrices are": (
        Model.named("GPT-2"),
        Training(lora_rank=16, base_weights="NF4"),
    ),
    "tensor_parallel must be 1 for a size without architecture, not 2.": (
        Model.nominal(7 * 10**9),
        Training(tensor_parallel=2),
    ),
    "pipeline_parallel must be 1 with a prefill, of which only tensor parallelism is known, not 2.": (
        LLAMA_3_8B,
        Inference(prefill="whole", pipeline_parallel=2),
    ),
    "tensor_parallel must divide kv_heads = 8 of Llama-3-8B without remainder with a prefill, not 16.": (
        LLAMA_3_8B,
        Inference(prefill="whole", tensor_parallel=16),
    ),
    "prefill must be 'none' with more than one card: llama.cpp's buffers are known for one only.": (
        LLAMA_3_8B,
        Inference(prefill="whole", pipeline_parallel=2, engine="llama.cpp"),
    ),
}


@pytest.mark.parametrize(("says", "refused"), REFUSED.items(), ids=REFUSED)
def test_what_is_not_known_is_refused_in_one_sentence(says, refused):
    with pytest.raises(InputError) as caught:
        terms(*refused)
    assert str(caught.value).startswith(says)


def test_the_whole_model_is_counted_only_where_one_card_holds_it():
    assert values(LLAMA_3_8B, Training())[symbol("parameters")] == 8_030_261_248
    assert symbol("parameters") not in values(LLAMA_3_8B, Training(tensor_parallel=2))


def test_what_is_no_model_and_no_run():
    for model, run in (("LLaMA-7B", Inference()), (LLAMA_3_8B, "training")):
        with pytest.raises(InputError, match=r"model must|run must"):
            values(model, run)


def test_streaming_needs_attention_over_the_whole_context():
    with pytest.raises(InputError, match=r"recent must be 0 for Mamba-2.8B, which has no attention, not 4\."):
        values(Model.named("Mamba-2.8B"), Inference(recent=4))


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (Inference(tensor_parallel=8), "tensor_parallel must be 1 for a size without architecture, not 8."),
        (Inference(prefill="whole"), "prefill must be none for a size without architecture, not whole."),
        (
            Training(optimizer="Adafactor"),
            "optimizer must not be Adafactor for a size without architecture: it needs matrices.",
        ),
    ],
)
def test_a_size_alone_is_refused_what_needs_an_architecture(run, says):
    with pytest.raises(InputError) as caught:
        breakdown(Model.nominal(7 * 10**9), run)
    assert str(caught.value) == says


def test_a_size_alone_is_counted_at_the_bits_of_most_matrices():
    (mixed,), (plain,) = (terms(Model.nominal(7 * 10**9), Inference(weights=name)) for name in ("Q4_K_M", "INT8"))
    memory = breakdown(Model.nominal(7 * 10**9), Inference(weights="Q4_K_M"))
    assert memory["weights"] == 7 * 10**9 * 9 / 16  # a block of 256 in 144 bytes
    assert "most matrices" in mixed.holds
    assert "most matrices" not in plain.holds


def test_a_size_alone_has_overhead_too():
    memory = breakdown(Model.nominal(7 * 10**9), Inference(overhead="high"))
    assert memory == {"weights": 14 * 10**9, "overhead": 700 * 10**6}


def published(name, **values):
    """LLaMA-7B as a file stores it that says this of its format; the name tells models apart."""
    model = replace(Model.named("LLaMA-7B"), name=name)
    object.__setattr__(model, "stored", stored(values))
    return model


FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["model.layers.0.mlp"]}
EIGHT = published("eight", dtype="bfloat16", quantization_config=FP8 | {"kv_cache_scheme": {"num_bits": 8}})
UNKNOWN = published("unknown", quantization_config={"quant_method": "aqlm"})


def test_what_stands_in_the_file_counts():
    memory = breakdown(EIGHT, Inference(4096))
    in_blocks = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008) - 3 * 4096 * 11008
    in_16_bit = 6_738_415_616 - in_blocks
    assert memory["weights"] == 2 * in_16_bit + in_blocks + 4 * in_blocks // 128**2
    assert memory["kv_cache"] == 4096 * 32 * 2 * 4096
    assert inference.resolved(EIGHT, Inference()) == Inference(weights="FP8-128x128", kv_cache="FP8")


def test_what_a_run_names_counts_more_than_the_file():
    plain = breakdown(Model.named("LLaMA-7B"), Inference(weights="NF4", kv_cache="FP16"))
    assert breakdown(EIGHT, Inference(weights="NF4", kv_cache="FP16")) == plain
    assert inference.taken(EIGHT, Inference(weights="NF4", kv_cache="FP16")) == ""


def test_what_was_taken_is_said():
    said = inference.taken(EIGHT, Inference())
    assert said.startswith(
        "FP8-128x128, as quantization_config of config.json says; embedding, output layer, router and norms"
    )
    assert said.endswith("the cache in FP8. In BF16: 2 up_proj, 1 down_proj of the MLP.")
    assert inference.taken(Model.named("LLaMA-7B"), Inference()) == ""
    assert inference.taken(EIGHT, Inference(weights="NF4")).startswith("FP8-128x128")


def test_a_format_that_is_not_known_is_never_taken_for_16_bit():
    with pytest.raises(InputError, match=r"'aqlm' is not known.*or name the format yourself"):
        breakdown(UNKNOWN, Inference())
    assert breakdown(UNKNOWN, Inference(weights="AWQ"))["weights"] < 4 * 10**9
    assert values(UNKNOWN, Inference(weights="AWQ"))


def test_a_model_of_the_catalogue_is_in_16_bit():
    assert inference.resolved(Model.named("LLaMA-7B"), Inference()) == Inference(weights="FP16", kv_cache="FP16")
    assert inference.resolved(Model.nominal(10), Inference(kv_cache="FP8")).kv_cache == "FP8"


def test_a_draft_model_takes_what_it_would_alone():
    model, run = Model.named("Llama-3.1-70B"), Inference(8192, batch=2, weights="Q4_K_M")
    alone = breakdown(Model.named("Llama-3.2-1B"), replace(run, weights="Q8_0"))
    both = breakdown(model, replace(run, draft_model="llama-3.2-1b", draft_weights="Q8_0"))
    assert both == breakdown(model, run) | {"draft": alone["weights"], "draft_cache": alone["kv_cache"]}
    assert list(both) == ["weights", "draft", "kv_cache", "draft_cache"]
    same = breakdown(model, replace(run, draft_model="Llama-3.2-1B"))
    assert same["draft"] == breakdown(Model.named("Llama-3.2-1B"), run)["weights"]


def test_a_draft_model_shortens_the_context_that_fits():
    model, run, card = Model.named("Llama-3.1-8B"), Inference(weights="Q8_0"), Gpu.named("RTX 4090")
    both = replace(run, draft_model="Llama-3.2-1B")
    context = largest("context", model, both, card)
    assert 0 < context < largest("context", model, run, card)
    assert not fits(model, replace(both, context=context + 1), card)


def test_the_embedding_of_a_draft_model_lies_in_cpu_memory_too():
    """As of any model in llama.cpp: 128,256 rows of 2,048 numbers, of which Q8_0 stores 32 in 34 bytes."""
    run = Inference(4096, engine="llama.cpp", weights="Q8_0", draft_model="Llama-3.2-1B")
    assert places(Model.named("Llama-3.1-8B"), run)["cpu"]["draft"] == 128_256 * 2048 * 34 // 32


def test_adapters_beside_a_model():
    """39,976,960 parameters for LLaMA-7B at rank 16, as libraries report them; vLLM keeps them in 16 bit."""
    for engine in ("ideal", "vLLM", "llama.cpp"):
        run = Inference(engine=engine, loras=3, lora_rank=16)
        assert breakdown(Model.named("LLaMA-7B"), run)["adapter_memory"] == 3 * 2 * 39_976_960
    narrow = Inference(loras=1, lora_rank=16, lora_targets="qv")
    assert breakdown(Model.named("LLaMA-7B"), narrow)["adapter_memory"] == 2 * 8_388_608


def test_cards_divide_the_side_of_an_adapter_that_the_matrix_has_divided():
    """lora_b of a matrix divided by its outputs, lora_a of one divided by its inputs (vLLM, base_linear.py)."""
    model, run = Model.named("LLaMA-7B"), Inference(engine="vLLM", loras=1, lora_rank=16, tensor_parallel=2)
    d, f = 4096, 11_008
    columns, rows = 3 * (d + d // 2) + 2 * (d + f // 2), (d // 2 + d) + (f // 2 + d)
    assert breakdown(model, run)["adapter_memory"] == 2 * 16 * 32 * (columns + rows)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"loras": 2}, "lora_rank must be at least 1 with loras 2, not 0"),
        ({"lora_rank": 2}, "loras must be at least 1 with lora_rank 2, not 0"),
        ({"lora_targets": "qv"}, "lora_targets must be 'all' for a run without loras, not 'qv'"),
        ({"loras": 1, "lora_rank": 8, "lora_targets": "qv", "engine": "vLLM"}, "lora_targets must be 'all' for vLLM"),
        ({"draft_weights": "Q8_0"}, "draft_weights must be 'auto' without a draft_model, not 'Q8_0'"),
        ({"draft_model": "Llama-3.2-1"}, "draft_model 'Llama-3.2-1' is not known; the nearest"),
        ({"draft_model": "Llama-3.2-1B", "pipeline_parallel": 2}, "pipeline_parallel must be 1 with a draft_model"),
    ],
)
def test_what_is_beside_a_model_is_said_whole_or_refused(change, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        Inference(**change)


def test_adapters_of_experts_in_vllm_are_refused():
    with pytest.raises(InputError, match=r"^loras must be 0 for experts in vLLM, whose room for adapters"):
        breakdown(Model.named("Mixtral-8x7B"), Inference(engine="vLLM", loras=1, lora_rank=8))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.none() | st.integers(-(10**10), 10**10))
def test_the_last_number_is_found_from_wherever_the_search_begins(answer, low, guess):
    assert last(lambda number: number <= answer, 10**9, low, guess) == max(answer, low)


@given(st.integers(1, 10**8), st.integers(-100, 100))
def test_a_near_guess_saves_most_tries(answer, off):
    tried = []
    assert last(lambda number: tried.append(number) or number <= answer, 10**9, guess=answer + off) == answer
    assert len(tried) <= 15  # of the 30 that halving takes


PUBLISHED = [row["name"] for row in catalogue.rows("models") if row["published"]]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("gpt-oss-20b", 13_761_264_768),  # total_size of the checkpoint's index
        ("gpt-oss-120b", 65_248_815_744),  # likewise
        ("Kimi-K2-Thinking", 594 * 10**9),  # its card on the hub
    ],
)
def test_a_model_whose_maker_publishes_few_bits_is_counted_in_them(name, size):
    model = Model.named(name)
    found = breakdown(model, inference.as_published(model, Inference()))["weights"]
    assert found == size or round(found / 10**9) * 10**9 == size


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_published_counts_only_where_nobody_names_a_format(name):
    model, bare = Model.named(name), Inference()
    assert inference.resolved(model, bare).weights == "FP16"
    assert inference.taken(model, bare).endswith(f"in {model.published}, and weights={model.published} counts that.")
    meant = inference.as_published(model, bare)
    assert meant.weights == model.published
    assert inference.taken(model, meant).startswith(f"As published: {model.published}; ")
    for form in ("FP16", "INT8"):
        named = Inference(weights=form)
        assert inference.as_published(model, named) == named
        assert inference.taken(model, named) == ""


@pytest.mark.parametrize("engine", [row["name"] for row in catalogue.rows("engines")])
@pytest.mark.parametrize("name", PUBLISHED)
def test_an_engine_without_the_published_format_gets_the_nearest_or_sixteen_bits_and_a_sentence(name, engine):
    model, run = Model.named(name), Inference(engine=engine)
    had, near = run.reserving.has_format("weights", model.published), run.reserving.converted(model.published)
    meant = inference.as_published(model, run)
    assert inference.resolved(model, meant).weights == (model.published if had else near or "FP16")
    lacks = f"Counted in FP16; {name} is published in {model.published}, which {engine} does not have."
    nearest = f"{name} is published in {model.published}; {near} is what {engine} has that comes nearest."
    assert (inference.taken(model, meant) == (nearest if near else lacks)) != had


@pytest.mark.parametrize(
    ("form", "near"), [("FP8-128x128", "Q8_0"), ("FP8-tensor-static", "Q8_0"), ("W4A16-g32", "Q4_0")]
)
def test_llama_cpp_reads_files_that_were_converted(form, near):
    """A GGUF file of no fewer bits; Q4_0 has 4-bit codes and a 16-bit scale per 32 numbers, as W4A16-g32 has."""
    assert Inference(engine="llama.cpp").reserving.converted(form) == near
    assert Format.named(near).bits >= Format.named(form).bits
    for engine in ("vLLM", "transformers", "MLX", "none"):
        assert Inference(engine=engine).reserving.converted(form) == ""
