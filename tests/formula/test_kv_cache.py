"""The cache to the byte, its slope and where it crosses the weights."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cases import FORMATS, MODELS, RUNS, on
from measured import rows
from memcalc import Gpu, Inference, InputError, Model, breakdown, catalogue, crossing, fits, largest, values
from memcalc.estimate.terms import terms
from memcalc.formula import TERMS
from memcalc.formula.formats import whole_blocks
from memcalc.formula.kv_cache import with_residual
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import BY_NAME, symbol

ROWS = rows("caches", "kv_cache")
GIB, MIB = 2**30, 2**20

PER_TOKEN = {
    "LLaMA-7B": 524_288,
    "LLaMA-13B": 819_200,
    "LLaMA-65B": 2_621_440,
    "Llama-2-70B": 327_680,
    "Llama-3-8B": 131_072,
    "Llama-3.1-8B": 131_072,
    "Llama-3.1-405B": 516_096,
    "Qwen2.5-7B": 57_344,
    "Falcon-7B": 8_192,
    "DeepSeek-V3": 70_272,
    "Jamba-v0.1": 16_384,
}
ENGINES = catalogue.names("engines")


def cache(model, run):
    [term] = [term for term in terms(model, run) if term.name == "kv_cache"]
    return term.exact(values(model, run))


def named(name, **run):
    return cache(Model.named(name), Inference(**run))


def measured(row):
    """The model and the run of a measured row."""
    model = Model.named(row.model)
    inputs = {name: value for name, value in row.inputs.items() if name != "differs"}
    counts = {name: inputs.pop(name) for name in list(inputs) if type(inputs[name]) is int and name in vars(model)}
    return replace(model, **counts), Inference(**inputs)


def without_counters(model, run, predicted):
    each = 8 * (run.engine == "transformers-static")
    return predicted - each * model.layers - 8 * model.window_layers * (not each)


DIFFERENCES = {
    "expanded heads": lambda model, run, predicted: predicted * model.heads // model.kv_heads,
    "expanded latent": lambda model, run, predicted: (
        predicted * model.heads * (model.head_dim + model.value_dim) // (model.kv_rank + model.rope_dim)
    ),
    "no counter": without_counters,
}
"""Why a library stores something else than the engine of today's row → what the formula's bytes become.

Falcon's code repeats its keys and values for every query head before it stores them; Transformers 4 makes each head's
keys and values from the latent before it stores them, and its caches have no counters.
"""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_measured_caches(row):
    model, run = measured(row)
    predicted = cache(model, run)
    if "differs" in row.inputs:
        assert predicted != row.measured
        predicted = DIFFERENCES[row.inputs["differs"]](model, run, predicted)
    assert predicted == row.measured


def test_rows_say_how_and_with_what_they_were_measured():
    assert len(ROWS) >= 1000
    assert all(row.how and row.library and row.date for row in ROWS)


def test_the_articles_example():
    assert named("LLaMA-7B", context=32_768) == 17_179_869_184


@pytest.mark.parametrize(("name", "count"), PER_TOKEN.items())
def test_bytes_of_one_token(name, count):
    assert named(name, context=1001) - named(name, context=1000) == count
    assert TERMS["token"].exact(values(Model.named(name), Inference())) == count


@pytest.mark.parametrize(
    ("name", "run", "size"),
    [
        ("DeepSeek-V3", {"context": 32_768}, 2196 * MIB),
        ("Gemma-3-27B", {"context": 131_072, "window": "full"}, 62 * GIB),
        ("gpt-oss-20b", {"context": 131_072, "window": "full"}, 6 * GIB),
        ("Mistral-7B-v0.1", {"context": 10**6}, GIB // 2),
        ("Jamba-v0.1", {"context": 262_144}, 4 * GIB + 14_680_064 + 1_835_008),
        ("Mamba-2.8B", {"engine": "vLLM"}, 20_971_520 + 1_966_080),
        ("Mamba-2.8B", {}, 20_971_520 + 2_621_440),
        ("Mamba-2-2.7B", {"engine": "transformers"}, 167_772_160 + 2_752_512),
    ],
)
def test_golden_sizes(name, run, size):
    assert named(name, **run) == size


@pytest.mark.parametrize(("name", "gib"), [("Gemma-3-27B", "10.41"), ("gpt-oss-20b", "3.00")])
def test_golden_sizes_as_printed(name, gib):
    assert f"{named(name, context=131_072) / GIB:.2f}" == gib


@given(st.integers(1, 10**6), st.integers(1, 512))
def test_states_are_constant_in_context_and_linear_in_batch(context, batch):
    assert named("Mamba-2.8B", context=context, batch=batch) == batch * named("Mamba-2.8B", context=1)


@given(MODELS, RUNS)
def test_one_more_token_costs_the_derivative(model, run):
    longer = replace(run, context=run.context + 1)
    assert cache(model, longer) - cache(model, run) == in_structure(TERMS["token"], model.structure).exact(
        values(model, run)
    )


@given(MODELS, RUNS)
def test_the_crossing_is_the_first_context_at_which_the_cache_is_no_smaller(model, run):
    first = crossing(model, run)
    if first is None:  # windows and states do not grow
        longest = breakdown(model, replace(run, context=BY_NAME["context"].limit))
        assert longest["kv_cache"] < longest["weights"]
        return
    here, before = (breakdown(model, replace(run, context=context)) for context in (first, max(first - 1, 1)))
    assert here["kv_cache"] >= here["weights"]
    assert first == 1 or before["kv_cache"] < before["weights"]


@given(MODELS, RUNS)
def test_grouped_heads_divide_the_cache(model, run):
    assume(model.layers == model.full_layers + model.window_layers and not model.parallel_layers)
    assume(not model.structure.own)
    everyone = replace(model, kv_heads=model.heads)
    assert cache(everyone, run) * model.kv_heads == cache(model, run) * model.heads


@given(MODELS, RUNS, st.sampled_from(ENGINES))
def test_more_tokens_or_sequences_never_take_less(model, run, engine):
    run = on(engine, run)
    here = cache(model, run)
    assert here <= cache(model, replace(run, context=run.context + 1))
    assert here <= cache(model, replace(run, batch=run.batch + 1))


@given(MODELS, RUNS, st.sampled_from(ENGINES))
def test_nobody_takes_less_than_the_ideal(model, run, engine):
    run = replace(on(engine, run), engine="ideal")
    ideal = cache(model, run)
    assert cache(model, replace(run, window="full")) >= ideal
    one_token = cache(model, replace(run, context=1))
    missing = one_token if engine == "transformers" and model.window_layers else 0  # it keeps W - 1
    known = values(model, run)
    conv = TERMS["state_memory"].exact(known) - TERMS["state_memory"].exact(known | {symbol("conv_skipped"): 1})
    assert cache(model, replace(run, engine=engine)) >= ideal - missing - run.batch * conv  # or one input less


@given(MODELS, RUNS)
def test_blocks_of_one_token_change_nothing(model, run):
    paged = on("vLLM", run)
    run = replace(paged, engine="ideal")
    known = values(model, paged) | {symbol("block"): 1, symbol("conv_skipped"): 0}
    assert in_structure(TERMS["kv_cache"], model.structure).exact(known) == cache(model, run)


def test_the_lengths_that_end_in_a_block_waste_half_of_it_on_average():
    model = Model.named("Llama-3.1-8B")
    runs = [Inference(context=context, engine="vLLM") for context in range(1025, 1041)]
    wasted = [cache(model, run) - cache(model, replace(run, engine="ideal")) for run in runs]
    assert Fraction(15, 2) * TERMS["token"].value(values(model, runs[0])) == Fraction(sum(wasted), len(wasted))
    assert max(wasted) == 15 * 131_072
    assert f"{sum(wasted) / len(wasted) / MIB:.0f}" == "1"


@given(st.integers(2048, 10**9))
def test_sinks_and_recent_tokens_are_all_that_streaming_keeps(context):
    assert named("Llama-2-7B", context=context, sinks=4, recent=2044) == 2048 * 524_288


@pytest.mark.parametrize(("ubatch", "tokens"), [(0, 4096 + 512), (128, 4096 + 256), (2048, 4096 + 2048)])
def test_a_window_layer_of_llama_cpp_has_room_for_a_micro_batch(ubatch, tokens):
    gemma = Model.named("Gemma-2-9B")
    windows = replace(gemma, full_layers=0, dense_layers=gemma.window_layers)
    size = cache(windows, Inference(context=32_768, engine="llama.cpp", ubatch=ubatch))
    assert size == windows.layers * 2 * 8 * 256 * 2 * tokens


@pytest.mark.parametrize(("name", "size"), [("Mistral-7B-v0.1", 4_294_967_296), ("Phi-3-mini-4k", 12_884_901_888)])
def test_an_engine_without_a_window_for_a_family_keeps_the_whole_context(name, size):
    """As llama.cpp states it for files of these models, with 32,768 cells."""
    assert named(name, context=32_768, engine="llama.cpp") == size
    assert named(name, context=32_768, engine="llama.cpp", window="full") == size
    assert named(name, context=32_768, engine="vLLM") < size / 7


@pytest.mark.parametrize("row", [row for row in ROWS if row.inputs.get("differs") == "expanded heads"], ids=str)
@pytest.mark.parametrize("engine", ["transformers", "transformers-storage"])
def test_code_that_copies_keys_for_each_query_head_keeps_the_copies(row, engine):
    model, run = measured(row)
    assert cache(model, replace(run, engine=engine)) == row.measured
    shared = replace(model, kv_heads=1)  # a single head is kept as it is
    assert cache(shared, replace(run, engine=engine)) == cache(shared, run)


def test_cards_share_the_copies_out():
    falcon, run = Model.named("Falcon-40B"), Inference(1024, engine="transformers")
    assert cache(falcon, replace(run, tensor_parallel=4)) == cache(falcon, run) // 4
    assert cache(replace(falcon, kv_heads=falcon.heads), run) == cache(falcon, run)


def test_keys_and_values_can_have_formats_of_their_own():
    assert named("Llama-3.1-8B", context=100, kv_cache="Q8_0/Q4_0") == 100 * 65_536 * (34 + 18) // 64


@given(FORMATS, st.integers(1, 512))
def test_blocks_that_would_end_inside_a_head_are_refused(form, head_dim):
    model = replace(Model.named("LLaMA-7B"), head_dim=head_dim)
    assume(not whole_blocks(head_dim, Inference(kv_cache=form).cache_formats[0]))
    with pytest.raises(InputError) as caught:
        breakdown(model, Inference(kv_cache=form))
    assert str(caught.value) == f"kv_cache must have blocks that divide head_dim = {head_dim}, unlike {form}."


R = 128


def kivi(prompt, steps):
    """Tokens whose keys, and whose values, are in 16 bit: as KIVI's code cuts them, step by step."""
    keys, in_16_bit = prompt % R, min(prompt, R)
    for _ in range(steps):
        keys, in_16_bit = (keys + 1) % R, in_16_bit + 1
        in_16_bit -= in_16_bit > R
    return keys, in_16_bit


def quantized_cache(prompt, steps):
    """The same for Transformers' QuantizedCache, which empties both at once."""
    keys = 0
    for _ in range(steps):
        keys = 0 if keys + 1 >= R else keys + 1
    return keys, keys


@pytest.mark.parametrize(("code", "form", "bits"), [(kivi, "KIVI-2", 3), (quantized_cache, "quanto-INT4-g64", 4.5)])
@given(prompt=st.integers(1, 1000), steps=st.integers(0, 300), batch=st.integers(1, 4))
def test_newest_tokens_stay_in_16_bit_as_the_code_cuts_them(code, form, bits, prompt, steps, batch):
    context = prompt + steps
    numbers = batch * 32 * 32 * 128
    size = sum(numbers * (2 * newest + bits / 8 * (context - newest)) for newest in code(prompt, steps))
    assert named("Llama-2-7B", context=context, prompt=prompt, batch=batch, kv_cache=form) == size


@pytest.mark.parametrize("policy", ["KIVI", "transformers"])
@given(st.integers(1, 10**6), st.integers(1, 1024), st.data())
def test_the_residual_is_never_more_than_its_tokens(policy, context, residual, data):
    prompt = data.draw(st.integers(0, context))
    known = {symbol("context"): context, symbol("residual"): residual, symbol("prompt"): prompt}
    for part in with_residual(policy).parts[-1].parts[:2]:
        assert 0 <= part.exact(known) <= min(residual, context)


@pytest.mark.parametrize(
    ("form", "bits", "context", "keys", "values"),
    [
        ("KIVI-2", 3, 1000, 100, 100),  # 1,000 mod 128 = 104 keys and 128 values are new: more than the window has
        ("KIVI-2", 3, 1074, 50, 100),
        ("KIVI-2", 3, 1024, 0, 100),
        ("KIVI-2", 3, 60, 60, 60),
        ("quanto-INT4-g64", 4.5, 1000, 100, 100),
        ("quanto-INT4-g64", 4.5, 1074, 50, 50),
    ],
)
def test_a_short_window_holds_no_more_16_bit_tokens_than_tokens(form, bits, context, keys, values):
    model = replace(Model.named("Mistral-7B-v0.1"), window=100)
    held = min(context, 100)
    quantized = (2 * held - keys - values) * bits / 8
    assert cache(model, Inference(context, kv_cache=form)) == 32 * 8 * 128 * (2 * (keys + values) + quantized)


def test_2_bits_cost_3_and_the_newest_tokens():
    """Of KIVI's groups of 32 in 2 bits: 2 + 32/32."""
    size = named("Llama-2-7B", context=131_072, kv_cache="KIVI-2")
    newest = 128 * 32 * 32 * 128 * (2 - Fraction(3, 8))  # the values of 128 tokens
    assert size == 131_072 * 524_288 * Fraction(3, 16) + newest


@pytest.mark.parametrize("form", ["KIVI-2", "quanto-INT4-g64"])
@given(budget=st.integers(10**7, 10**9))
def test_every_context_up_to_the_largest_fits(form, budget):
    """A cache shrinks when its newest tokens are quantized, so that a longer context may fit and a shorter one not."""
    model = replace(Model.named("Llama-3.2-1B"), full_layers=1, dense_layers=1)
    card = replace(Gpu.named("RTX 4090"), visible_gib=Fraction(budget, 2**30))
    run = Inference(weights="INT4", kv_cache=form, batch=64)
    best = largest("context", model, run, card)
    around = range(max(1, best - R - 20), best + 2)  # in R tokens the newest are quantized once
    fitting = [context for context in around if fits(model, replace(run, context=context), card)]
    assert fitting == [*around[:-1]] if best else 1 not in fitting
