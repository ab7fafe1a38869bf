"""Bounds of speed, against published arithmetic."""

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cases import MODELS
from measured import rows
from memcalc import TERMS, Inference, InputError, Model, breakdown, values
from memcalc.estimate import advice
from memcalc.estimate.ask import ask
from memcalc.estimate.speed import fastest, time_of_a_token, time_of_places
from memcalc.formula.formats import Format
from memcalc.formula.quantization import stored_bytes
from memcalc.formula.roofline import decode_in
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import present
from memcalc.specs.gpu import Gpu
from memcalc.specs.run import weights_formats
from model_files import gguf, safetensors

LLAMA = Model.named("LLaMA-7B")
H100, LARGE = Gpu.named("H100 80 GB"), Gpu.named("RTX PRO 6000")
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


def per_token(row, context):
    """The least time of a token of a measured row [seconds]."""
    inputs = {name: value for name, value in row.inputs.items() if name not in ("gpu", "gib", "written_tokens")}
    run = Inference(**inputs | {"context": context, "engine": "llama.cpp"})
    return 1 / fastest(Model.named(row.model), run, Gpu.named(row.inputs["gpu"])).decode


@pytest.mark.parametrize("row", rows("speeds", "decode_speed"), ids=lambda row: row.id)
def test_nobody_measured_more_than_the_bound(row):
    """Tokens per second and sequence, from where the context begins; the least time grows with it, or less and less."""
    start, model = int(row.inputs["context"]), Model.named(row.model)
    stored = breakdown(model, Inference(weights=row.inputs["weights"]))["weights"]
    assert stored / 2**30 == pytest.approx(float(row.inputs["gib"]), abs=0.015)  # as the benchmark says of its file
    least = per_token(row, start) + per_token(row, start + int(row.inputs["written_tokens"]) - 1)
    assert row.measured <= 2 / least


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
    known = values(model, Inference(context, weights="FP16")) | {symbol("bandwidth"): 1}
    assert term.exact(known) == in_structure(TERMS["decode_time"], model.structure).exact(known)


@few
@given(MODELS, STORED)
def test_no_token_reads_more_than_there_is(model, weights):
    run = Inference(1, weights=weights)
    memory = breakdown(model, run)
    written = memory["kv_cache"] if model.full_layers + model.window_layers + model.latent_layers < model.layers else 0
    assert 0 < read(model, run) <= sum(memory.values()) + written


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
    assert heads.prefill == experts.prefill
    assert alone.prefill is None or heads.prefill == pytest.approx(alone.prefill / cards)


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


def in_files(model, weights):
    """The same model as if its files had these bytes, counted by hand from its tensors in a format."""
    sixteen, run = Inference(1, weights=weights), Inference(1)
    table = model.vocabulary * model.hidden * 2 * (model.embedding_tables > 1)
    experts = [one for one in present(model.structure, model.absent) if one.group == "expert"]
    expert = stored_bytes(tuple(experts), Format.named(weights)) / symbol("experts")
    counts = {one: number for one, number in values(model, run).items() if one in expert.free_symbols}
    found = {"file_expert": int(expert.xreplace(counts)), "file_rows": table}
    return replace(model, file_weights=breakdown(model, sixteen)["weights"], **found)


@pytest.mark.parametrize("model", ["Llama-3.1-8B", "Mixtral-8x7B", "Llama-3.2-1B", "Qwen3-30B-A3B"])
def test_of_files_a_token_reads_what_it_reads_of_the_same_format(model):
    model = Model.named(model)
    stored, run = in_files(model, "BF16"), Inference(1000)
    assert read(stored, run) == read(model, replace(run, weights="BF16"))


CONFIG = {
    **{
        "hidden_size": 64,
        "vocab_size": 100,
        "intermediate_size": 96,
        "num_hidden_layers": 1,
        "torch_dtype": "bfloat16",
    },
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512},
}
EXPERT = {f"block_sparse_moe.experts.{e}.w{n}.weight": ("BF16", (96, 64), 12_288) for e in range(4) for n in (1, 2, 3)}
LAYER = {
    "self_attn.q_proj.weight": ("F8_E4M3", (64, 64), 4096),
    "block_sparse_moe.gate.weight": ("BF16", (4, 64), 512),
    **EXPERT,
}
TABLES = {
    "model.embed_tokens.weight": ("BF16", (100, 64), 12_800),
    "lm_head.weight": ("F32", (100, 64), 25_600),
    "model.visual.blocks.0.weight": ("BF16", (10, 10), 200),
    "mtp.fc.weight": ("BF16", (64, 64), 8192),
}


def folder(path, config, tensors):
    """A model in safetensors."""
    (path / "model.safetensors").write_bytes(safetensors(tensors))
    (path / "config.json").write_text(json.dumps(CONFIG | config))
    return Model.from_checkpoint(path)


def test_of_safetensors_a_token_reads_chosen_experts_the_head_and_a_row(tmp_path):
    moe = {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None}
    layer = {f"model.layers.0.{name}": tensor for name, tensor in LAYER.items()}
    model = folder(tmp_path, moe, TABLES | layer)
    cache = 2 * 2 * 16 * 2 * 10
    assert read(model, Inference(10)) == 4096 + 512 + 2 * 3 * 12_288 + 128 + 25_600 + cache
    for batch in (2, 1000):  # all may choose the same two experts
        assert read(model, Inference(10, batch=batch)) == 4096 + 512 + 2 * 3 * 12_288 + 128 + 25_600 + batch * cache


def test_a_tied_table_is_read_whole_and_once(tmp_path):
    tied = {"model_type": "llama", "tie_word_embeddings": True}
    layer = {"model.layers.0.self_attn.q_proj.weight": LAYER["self_attn.q_proj.weight"]}
    without = {name: tensor for name, tensor in TABLES.items() if name != "lm_head.weight"}
    assert read(folder(tmp_path, tied, without | layer), Inference(10)) == 12_800 + 4096 + 2 * 2 * 16 * 2 * 10
    assert read(folder(tmp_path, tied, TABLES | layer), Inference(10)) == 128 + 25_600 + 4096 + 2 * 2 * 16 * 2 * 10


def test_of_gguf_a_token_reads_chosen_experts_the_head_and_a_row(tmp_path):
    keys = {
        **{
            "general.architecture": ("text", "llama"),
            "llama.block_count": ("u32", 1),
            "llama.vocab_size": ("u32", 100),
        },
        **{"llama.embedding_length": ("u32", 64), "llama.feed_forward_length": ("u32", 96)},
        **{"llama.attention.head_count": ("u32", 4), "llama.attention.head_count_kv": ("u32", 2)},
        **{
            "llama.expert_count": ("u32", 4),
            "llama.expert_used_count": ("u32", 2),
            "llama.context_length": ("u32", 64),
        },
    }
    quantized = 96 * 2 * 34  # Q8_0: 34 bytes for 32 numbers
    experts = [(f"blk.0.ffn_{kind}_exps.weight", (4, 96, 64), 8, 4 * quantized) for kind in ("gate", "up", "down")]
    others = [("token_embd.weight", (100, 64), 8, 100 * 2 * 34), ("output.weight", (100, 64), 8, 100 * 2 * 34)]
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf(keys, [*others, *experts, ("blk.0.ffn_gate_inp.weight", (4, 64), 0, 1024)]))
    expected = 101 * 2 * 34 + 2 * 3 * quantized + 1024 + 2 * 2 * 16 * 2 * 10
    assert read(Model.from_checkpoint(path), Inference(10)) == expected


@pytest.mark.parametrize("model", ["Llama-3.1-8B", "Mixtral-8x7B", "Gemma-3n-E2B"])
def test_where_files_do_not_say_what_a_token_reads_there_is_no_bound_but_a_word(model):
    """Such as an index alone, which has the sum of all tensors."""
    stored, run = replace(Model.named(model), file_weights=5 * 10**9), Inference(1000)
    assert fastest(stored, run, H100).decode is None
    assert [note for note in advice.notes(stored, run, H100) if note.startswith("How fast it can be is not said")]
    assert fastest(stored, replace(run, weights="Q4_K_M"), H100).decode > 0


def test_the_answer_says_both_ends_of_a_context_where_they_differ():
    """gpt-oss-120b on a DGX Spark was measured at 59 tokens per second where its context begins, and 43 at 32,768."""
    model, run = Model.named("gpt-oss-120b"), Inference(32_768, weights="MXFP4_MOE")
    said = [note for note in advice.notes(model, run, Gpu.named("DGX Spark")) if note.startswith("No program")]
    assert said == [
        "No program writes more than 76 tokens per second and sequence on one such card at the start of the context, "
        "and 57 at its end, unless it guesses tokens ahead."
    ]
    (short,) = [note for note in advice.notes(model, replace(run, context=100), LARGE) if "No program" in note]
    assert "start" not in short


def test_states_are_read_and_written():
    """Mamba-2.8B: 64 layers with 5,120 inner numbers, each with a state of 16 in FP32 and 4 inputs in 16 bit."""
    model, run = Model.named("Mamba-2.8B"), Inference(1000, weights="FP16")
    state, inputs, newest = 64 * 5120 * 16 * 4, 64 * 5120 * 4 * 2, 64 * 5120 * 2
    assert read(model, run) == 2 * model.parameters + 2 * state + inputs + newest


def test_of_latents_among_which_an_indexer_chooses_no_bound_counts_one():
    """DeepSeek-V3.2: 61 layers whose indexers keep 128 numbers of each token, in 16 bit here."""
    model, run = Model.named("DeepSeek-V3.2"), Inference(1, weights="FP8")
    assert read(model, replace(run, context=1001)) - read(model, run) == 61 * 128 * 2 * 1000


@few
@given(MODELS, STORED, st.integers(2, 16), st.integers(1, 64))
def test_many_sequences_share_what_each_reads_at_least(model, weights, batch, context):
    """More sequences are never faster each, and together never faster than each alone."""
    run = Inference(context, weights=weights)
    alone, many = fastest(model, run, H100), fastest(model, replace(run, batch=batch), H100)
    assert alone.decode / batch * (1 - 1e-9) <= many.decode <= alone.decode * (1 + 1e-9)
    assert many.first >= many.decode


def test_stages_are_busy_with_other_sequences():
    """Of 8 sequences in 4 stages, each waits for its own way through all, or for a stage that serves everyone."""
    model, run = Model.named("Llama-2-7B"), Inference(4096, batch=8, weights="FP16")
    weights = 2 * (model.parameters - 32_000 * 4096)
    cache = 32 * 2 * 4096 * 2 * 4096
    staged = fastest(model, replace(run, pipeline_parallel=4), H100).decode
    assert staged == pytest.approx(3.35e12 / max(weights + cache, (weights + 8 * cache) / 4))
    assert fastest(model, run, H100).decode == pytest.approx(3.35e12 / (weights + 8 * cache))


def test_each_card_reads_all_latents():
    model = Model.named("DeepSeek-V2-Lite")
    per_token = [
        read(model, Inference(context, weights="FP16", tensor_parallel=cards))
        for cards in (1, 4)
        for context in (1, 1001)
    ]
    assert per_token[1] - per_token[0] == per_token[3] - per_token[2] == 27 * (512 + 64) * 2 * 1000


def test_sixteen_bits_alone_bound_the_reading_of_a_prompt():
    """Tensor cores multiply FP8 twice as fast; layers that share keys need the last token alone."""
    model, card, run = Model.named("Llama-3.1-8B"), Gpu.named("H100 80 GB"), Inference(4096)
    bounds = {form: fastest(model, replace(run, weights=form), card).prefill for form in ("BF16", "FP16", "GGUF-BF16")}
    assert len(set(bounds.values())) == 1
    for form in ("FP8", "INT8", "Q4_K_M", "W8A8-FP8", "NVFP4-W4A4", "AWQ", "GGUF-F16"):
        assert fastest(model, replace(run, weights=form), card).prefill is None
    assert fastest(model, replace(run, weights="BF16", kv_cache="FP8"), card).prefill is None
    assert fastest(Model.named("Gemma-3n-E4B"), replace(run, weights="BF16"), card).prefill is None
    assert fastest(Model.named("DeepSeek-V3.2"), replace(run, weights="BF16"), card).prefill is None


def test_sums_in_sixteen_bits_are_faster_than_the_peak():
    """XiongjieDai/GPU-Benchmarks-on-LLM-Inference@00dd2bd: an RTX 4080 read 512 tokens of Llama-3-8B in F16 at 7,246.97
    tokens per second, more than its peak with sums in 32 bits allows, so that files of F16 have no bound."""
    model, run = Model.named("Llama-3-8B"), Inference(512)
    assert fastest(model, replace(run, weights="BF16"), Gpu.named("RTX 4080")).prefill > 512 / 7246.97


def test_two_memories_are_read_in_turn():
    card, read = Gpu.of("24 GB at 1000 GB/s"), {"card": 20 * 10**9, "cpu": 40 * 10**9}
    assert time_of_places(read, card, 80 * 10**9) == pytest.approx(0.02 + 0.5)
    assert time_of_places(read, card, None) == pytest.approx(0.02)
    assert time_of_places(read, Gpu.of("24 GB"), 80 * 10**9) == pytest.approx(0.5)
    assert time_of_places(read, Gpu.of("24 GB"), None) is None


def test_a_question_says_what_it_lacks():
    with pytest.raises(InputError, match="gpu must be one whose bandwidth is known, not GH200 96 GB"):
        ask("decode_speed", "LLaMA-7B", {"context": 1, "weights": "FP16", "gpu": "GH200 96 GB"})
