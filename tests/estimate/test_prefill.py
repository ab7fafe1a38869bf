"""The working memory in which a prompt is read, of a model and a run."""

from dataclasses import replace

import pytest

from memcalc import Inference, InputError, Model, breakdown

MISTRAL = Model.named("Mistral-7B-v0.1")
SMALL = replace(
    MISTRAL, hidden=512, intermediate=512, heads=8, kv_heads=2, head_dim=64, rotary=64, vocabulary=100, window=32,
    window_layers=2, dense_layers=2,
)  # fmt: skip


def held(model, run):
    memory = breakdown(model, run)
    return memory["kv_cache"] + memory["activations"]


@pytest.mark.parametrize(
    ("prefill", "attention", "measured"),
    [("whole", "sdpa", 2_363_408), (64, "sdpa", 1_180_888), (64, "eager", 2_409_672)],
)
def test_a_cache_that_keeps_every_token_has_a_mask_beyond_the_window_all_the_same(prefill, attention, measured):
    """Measured with a DynamicCache that knows no window, on fake CUDA tensors: transformers 5.24."""
    assert held(SMALL, Inference(256, prefill=prefill, attention=attention, window="full")) == measured


@pytest.mark.parametrize("prefill", ["whole", 512])
@pytest.mark.parametrize("context", [1024, 8192])
def test_what_is_counted_as_cache_is_not_counted_as_working_memory(prefill, context):
    """The code is the same, whether the cache counts the lengths that it keeps, and the memory behind its tensors."""
    runs = [Inference(context, prefill=prefill, engine=engine) for engine in ("transformers", "transformers-storage")]
    counted, stored = (held(MISTRAL, run) for run in runs)
    assert counted == stored == held(MISTRAL, Inference(context, prefill=prefill))


def test_chunks_beyond_the_window_take_the_same_however_long_the_context_is():
    long, longer = (Inference(context, prefill=512) for context in (16_384, 131_072))
    assert held(MISTRAL, long) == held(MISTRAL, longer)


def test_logits_of_every_token_take_a_row_of_the_vocabulary_each():
    """Of 1,024 tokens at the head: their logits, what they are made of, and the numbers of the tokens."""
    llama, run = Model.named("Llama-3-8B"), Inference(1024, prefill="whole", logits="all")
    assert breakdown(llama, run)["activations"] == 1024 * (2 * 128_256 + 2 * 4096 + 8)
    last, usual = (breakdown(llama, replace(run, logits=logits)) for logits in ("last", "auto"))
    assert last == usual
    run = Inference(4096, prefill="whole", engine="llama.cpp")
    last, usual, every = (breakdown(llama, replace(run, logits=logits)) for logits in ("last", "auto", "all"))
    assert last["activations"] < usual["activations"]
    assert usual == every


def test_cards_share_heads_and_widths_and_gather_logits():
    """Of two cards, one has half the logits, and then all of them twice, as they are gathered and joined."""
    llama = Model.named("Llama-3-8B")
    every = Inference(512, prefill="whole", logits="all", tensor_parallel=2)
    head = 512 * (2 * 128_256 * (1 + 4) // 2 + 2 * 4096 + 8)
    assert breakdown(llama, every)["activations"] == head
    shares = [breakdown(llama, Inference(8192, prefill="whole", tensor_parallel=cards)) for cards in (1, 2, 8)]
    one, two, eight = (share["activations"] for share in shares)
    assert one > two > eight > one / 8


@pytest.mark.parametrize("name", ["Pythia-6.9B", "Phi-3-mini"])
def test_code_that_gathers_within_a_layer_is_known_on_one_card_alone(name):
    with pytest.raises(InputError, match="on several cards: nobody has measured the code of its family"):
        breakdown(Model.named(name), Inference(512, prefill="whole", tensor_parallel=2))


def test_scores_with_a_cap_are_not_said_to_be_fused():
    with pytest.raises(InputError, match="attention must be 'sdpa' or 'eager' with a prefill for Gemma-2-9B"):
        breakdown(Model.named("Gemma-2-9B"), Inference(512, prefill="whole", attention="flash"))
    eager, sdpa = (Inference(512, prefill="whole", attention=attention) for attention in ("eager", "sdpa"))
    assert breakdown(Model.named("Gemma-2-9B"), eager) == breakdown(Model.named("Gemma-2-9B"), sdpa)


def test_a_static_cache_is_known_below_the_window_alone():
    with pytest.raises(InputError, match="context must be below the window of 4,096 with a prefill in transformers-st"):
        breakdown(MISTRAL, Inference(4096, prefill="whole", engine="transformers-static"))
    assert breakdown(MISTRAL, Inference(4095, prefill="whole", engine="transformers-static"))


def test_experts_take_copies_of_each_token():
    """The widest moment of Mixtral is that of its gates, beside each token once for each of its experts."""
    mixtral, run = Model.named("Mixtral-8x7B"), Inference(8192, prefill=1024)
    copies = 2 * 1024
    widest = copies * 4096 * (2 + 2 + 4 + 4), copies * (4096 * 2 + 14_336 * 8)
    assert 1 < breakdown(mixtral, run)["activations"] / max(widest) < 1.2
    with pytest.raises(InputError, match=r"'none' for Mixtral-8x7B on several cards: nobody has measured its experts"):
        breakdown(mixtral, Inference(8192, prefill="whole", tensor_parallel=2))
    with pytest.raises(InputError, match="nobody has measured its experts"):
        breakdown(replace(mixtral, dense_layers=1, moe_layers=31, intermediate=14_336), run)


@pytest.mark.parametrize(("context", "prefill", "held"), [(2048, "whole", 1_722_056_720), (4096, 1024, 1_719_683_856)])
def test_a_sink_makes_every_attention_eager(context, prefill, held):
    """S024 and S025, of four layers of gpt-oss-20b."""
    four = replace(Model.named("gpt-oss-20b"), full_layers=2, window_layers=2, moe_layers=4)
    run = Inference(context, prefill=prefill)
    assert breakdown(four, run)["activations"] == held
    assert breakdown(four, replace(run, attention="eager"))["activations"] == held
    with pytest.raises(InputError, match="attention must be sdpa or eager for gpt_oss"):
        breakdown(four, replace(run, attention="flash"))


@pytest.mark.parametrize(("prefill", "attention", "held"), [("whole", "sdpa", 674_333_184), (512, "sdpa", 86_594_048)])
def test_latent_attention_makes_keys_and_values_anew(prefill, attention, held):
    """M017 and M018, of three layers of DeepSeek-V2-Lite; more of them take no more."""
    lite, run = Model.named("DeepSeek-V2-Lite"), Inference(4096, prefill=prefill, attention=attention)
    three = replace(lite, latent_layers=3, moe_layers=2)
    assert breakdown(three, run)["activations"] == breakdown(lite, run)["activations"] == held
    with pytest.raises(InputError, match="attention must be 'sdpa' or 'eager' with a prefill for DeepSeek-V2-Lite"):
        breakdown(lite, replace(run, attention="flash"))
    with pytest.raises(InputError, match="on several cards: nobody has measured its experts and its latent attention"):
        breakdown(lite, replace(run, tensor_parallel=2))


def test_code_that_is_the_same_takes_the_same():
    kimi, run = Model.named("Kimi-K2"), Inference(8192, prefill="whole")
    assert breakdown(kimi, run) == breakdown(replace(kimi, family="deepseek_v3"), run)
