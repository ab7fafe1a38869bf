"""Bounds of speed, against published arithmetic."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cases import MODELS
from memcalc import TERMS, Inference, InputError, Model, breakdown, values
from memcalc.estimate import advice
from memcalc.estimate.ask import ask
from memcalc.estimate.speed import fastest, time_of_a_token
from memcalc.formula.formats import Format
from memcalc.formula.roofline import decode_in
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import present
from memcalc.specs.gpu import Gpu
from memcalc.specs.run import weights_formats

LLAMA = Model.named("LLaMA-7B")
H100 = Gpu.named("H100 80 GB")
few = settings(max_examples=12)
STORED = st.sampled_from([*weights_formats(), "FP8-128x128", "W4A16-g128", "MXFP4_MOE"])


@pytest.mark.parametrize(
    ("gpu", "tokens"), [("RTX 4090", 149.6), ("H100 80 GB", 497), ("MI300X", 787), ("M3 Ultra 96 GB", 121.5)]
)
def test_tokens_per_second_of_seven_billion_int8_weights(gpu, tokens):
    """Published bounds read the input embedding too, of which a token needs one row; the cache hardly counts."""
    bandwidth = Gpu.named(gpu).bandwidth_gbs * 10**9
    known = values(LLAMA, Inference(context=1, weights="INT8")) | {symbol("bandwidth"): bandwidth}
    bound = 1 / float(TERMS["decode_time"].value(known))
    assert bound == pytest.approx(tokens * LLAMA.parameters / (LLAMA.parameters - 32_000 * 4096), rel=2e-3)


def test_a_token_looks_up_one_row_of_each_table():
    """GPT-2 (Radford et al. 2019): 124,439,808 parameters, of which 1,024 × 768 are positions; its tables are tied."""
    layers, head, norm = 12 * (12 * 768**2 + 13 * 768), 50_257 * 768, 2 * 768
    assert layers + head + norm + 1024 * 768 == 124_439_808
    known = values(Model.named("GPT-2"), Inference(context=1)) | {symbol("bandwidth"): 1}
    assert TERMS["decode_time"].value(known) == 2 * (layers + head + norm) + 12 * 2 * 768 * 2


def test_the_bounds_of_a_card():
    slow = fastest(LLAMA, Inference(context=1, weights="INT8"), Gpu.named("DGX Spark"))
    assert 40.5 < slow.decode < 41.5
    assert slow.prefill is None
    assert fastest(LLAMA, Inference(context=4096), Gpu.named("A100 80 GB")).prefill == pytest.approx(0.184, rel=1e-2)


def test_operations_of_a_prompt():
    known = values(LLAMA, Inference(context=4096))
    tables, attention = 2 * 32_000 * 4096, 2 * 32 * 4096**2 * 4096
    matrices = 2 * (LLAMA.parameters - tables) * 4096 + tables  # the head for the last token
    assert (round(2 * LLAMA.parameters * 4096 / 1e12, 1), round(attention / 1e12, 1)) == (55.2, 4.4)
    assert TERMS["prefill_operations"].exact(known) == matrices + attention


def test_the_time_of_a_prompt_is_operations_over_arithmetic():
    known = values(LLAMA, Inference(context=4096)) | {symbol("arithmetic"): 312 * 10**12}
    assert float(TERMS["prefill_time"].value(known)) == pytest.approx(57.45 / 312, rel=1e-3)


def test_a_window_spares_pairs_of_tokens():
    whole = TERMS["prefill_operations"].exact(values(LLAMA, Inference(context=4096)))
    narrow = TERMS["prefill_operations"].exact(values(LLAMA, Inference(context=4096, sinks=0, recent=1024)))
    assert whole - narrow == 2 * 32 * 4096 * (4096 - 1024) ** 2


MEASURED = {
    "DGX Spark": {16: 59.05, 4096: 55.9, 8192: 53.14, 16384: 49.49, 32768: 42.87},
    "Ryzen AI Max+ 395": {16: 47.41, 4096: 44.14, 8192: 42.36},
}
"""Tokens per second at so many tokens of context: gpt-oss-120b in llama.cpp, "MXFP4 MoE, 59.02 GiB", by llama-bench, as
owners of these computers published them (collected in November 2026)."""


@pytest.mark.parametrize(
    ("gpu", "context", "measured"),
    [(gpu, context, speed) for gpu, speeds in MEASURED.items() for context, speed in speeds.items()],
)
def test_nobody_measured_more_than_the_bound(gpu, context, measured):
    model, run = Model.named("gpt-oss-120b"), Inference(context, weights="MXFP4_MOE", engine="llama.cpp")
    assert f"{breakdown(model, replace(run, engine='ideal'))['weights'] / 2**30:.2f}" == "59.02"
    assert fastest(model, run, Gpu.named(gpu)).decode > measured


def read(model, run):
    """The bytes that one card reads for a token."""
    return time_of_a_token(model, run).exact(values(model, run) | {symbol("bandwidth"): 1})


def test_what_a_token_reads_of_four_bits_has_a_head_in_sixteen():
    """bitsandbytes: n / 2 bytes of codes, 4 for each 64 numbers, and a table of 64; embedding, head and norms stay."""
    model = Model.named("Llama-3.1-8B")
    wide, narrow, inner = 4096 * 4096, 4096 * 1024, 4096 * 14_336
    layer = sum(n // 2 + 4 * n // 64 + 64 for n in (wide, narrow, narrow, wide, inner, inner, inner)) + 2 * 4096 * 2
    cache = 32 * 2 * 1024 * 2 * 1000
    assert read(model, Inference(1000, weights="NF4")) == 32 * layer + 2 * (128_256 + 1) * 4096 + cache


def test_of_the_experts_a_token_reads_those_that_it_passes():
    mixtral, run = Model.named("Mixtral-8x7B"), Inference(1, weights="AWQ")
    waiting = breakdown(mixtral, run)["weights"] + breakdown(mixtral, run)["kv_cache"] - read(mixtral, run)
    expert = 3 * (4096 * 14_336 // 2 + 4096 * 14_336 // 128 * 5 // 2)
    assert waiting == 32 * 6 * expert + 2 * 32_000 * 4096


def test_of_the_embeddings_of_each_layer_a_token_needs_a_row():
    """Gemma 3n: 262,144 tokens with 256 numbers in each of 30 layers; the first table is the output head too."""
    model = Model.named("Gemma-3n-E2B")
    one = replace(model, layer_vocabulary=2 * model.layer_vocabulary)
    assert breakdown(one, Inference())["weights"] - breakdown(model, Inference())["weights"] == 2 * 262_144 * 256 * 30
    for weights in ("BF16", "Q4_K_M"):
        card, run = Gpu.named("RTX 4090"), Inference(4096, weights=weights)
        assert fastest(one, run, card) == fastest(model, run, card)


@few
@given(MODELS, st.integers(1, 10**5))
def test_tensor_by_tensor_sixteen_bits_are_the_same_product(model, context):
    assume(not model.layer_embedding)  # which the general term does without
    term = in_structure(decode_in(Format.named("FP16"), present(model.structure, model.absent)), model.structure)
    known = values(model, Inference(context)) | {symbol("bandwidth"): 1}
    assert term.exact(known) == in_structure(TERMS["decode_time"], model.structure).exact(known)


@few
@given(MODELS, STORED)
def test_no_token_reads_more_than_there_is(model, weights):
    run = Inference(1, weights=weights)
    assert 0 < read(model, run) <= sum(breakdown(model, run).values())


@few
@given(MODELS, STORED, st.integers(2, 16))
def test_cards_side_by_side_are_at_most_as_many_times_as_fast(model, weights, cards):
    run = Inference(1000, weights=weights)
    alone = fastest(model, run, H100)
    heads = fastest(model, replace(run, tensor_parallel=cards), H100)
    assert alone.decode <= heads.decode * (1 + 1e-9)
    assert heads.decode <= cards * alone.decode * (1 + 1e-9)
    experts = fastest(model, replace(run, expert_parallel=cards), H100)
    assert alone.decode <= experts.decode * (1 + 1e-9)
    assert (experts.decode > alone.decode * (1 + 1e-9)) == (model.active_experts > 1)
    assert heads.prefill == experts.prefill == pytest.approx(alone.prefill / cards)


@few
@given(MODELS, STORED, st.integers(2, 16))
def test_stages_wait_for_each_other(model, weights, cards):
    run = Inference(1000, weights=weights)
    assert fastest(model, replace(run, pipeline_parallel=cards), H100).decode == fastest(model, run, H100).decode


@pytest.mark.parametrize("change", [{"engine": "llama.cpp"}, {"engine": "vLLM"}, {"window": "full"}])
def test_what_is_reserved_and_holds_no_token_is_not_read(change):
    gemma, run = Model.named("Gemma-3-4B"), Inference(100)
    assert breakdown(gemma, replace(run, **change))["kv_cache"] >= breakdown(gemma, run)["kv_cache"]
    assert fastest(gemma, replace(run, **change), H100) == fastest(gemma, run, H100)


def test_files_have_a_bound_if_a_token_reads_all_of_them():
    tied, size, run = Model.named("Llama-3.2-1B"), 10**9, Inference(1000)
    cache = breakdown(tied, run)["kv_cache"]
    assert fastest(replace(tied, file_weights=size), run, H100).decode == pytest.approx(3.35e12 / (size + cache))


@pytest.mark.parametrize("model", ["Llama-3.1-8B", "Mixtral-8x7B", "Gemma-3n-E2B"])
def test_where_files_do_not_say_what_a_token_reads_there_is_no_bound_but_a_word(model):
    stored, run = replace(Model.named(model), file_weights=5 * 10**9), Inference(1000)
    assert fastest(stored, run, H100).decode is None
    assert [note for note in advice.notes(stored, run, H100) if note.startswith("How fast it can be is not said")]
    assert fastest(stored, replace(run, weights="Q4_K_M"), H100).decode > 0


def test_a_question_says_what_it_lacks():
    with pytest.raises(InputError, match="gpu must be one whose bandwidth is known, not GH200 96 GB"):
        ask("decode_speed", "LLaMA-7B", {"context": 1, "weights": "FP16", "gpu": "GH200 96 GB"})
