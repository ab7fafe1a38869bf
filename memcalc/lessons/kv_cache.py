"""Exercises of notebook 4, the KV cache, and its guess."""

from dataclasses import replace

import sympy

from memcalc import Gpu, Inference, Model, fits, symbols, units, values
from memcalc.formula import inverse
from memcalc.formula.kv_cache import kv_cache
from memcalc.lessons.task import ALL_TOGETHER, EVERY_HEAD, ONE_OF_TWO, Answers, cache_of, guess, task, weights_of
from memcalc.texts import tr


@guess(
    "4.1",
    "GiB",
    asks="How much does the [cache|kv_cache] of LLaMA-7B take after 4,096 tokens, if a number takes two bytes?",
    matters="The same again comes with each 4,096 tokens more, and with each conversation beside this one.",
)
def _four_thousand_tokens() -> Answers:
    model, run = Model.named("LLaMA-7B"), Inference(4096)
    right, layer = cache_of(model, run), cache_of(model, run, full_layers=1, dense_layers=1)
    yield right
    yield right // 2, tr("{why}; or a number takes two bytes", why=tr(ONE_OF_TWO))
    yield layer, "that is one layer, or one head of each; there are 32 layers, and 32 heads in each"
    yield layer // model.heads, "that is one head of one layer; there are 32 layers, and 32 heads in each"
    yield right // run.context, "that is one token; each of the 4,096 leaves as much"
    yield weights_of(model, run), "that is about what the weights take; the cache comes beside them"


@task(
    "4.1",
    "GiB",
    asks="The config.json of Qwen3-32B says: num_hidden_layers 64, hidden_size 5120, num_attention_heads 64, "
    "num_key_value_heads 8, head_dim 128. How many GiB does its [cache|kv_cache] take for 32,768 tokens in BF16?",
    hint="BF16 takes two bytes, like FP16. Which of the two numbers of heads is stored?",
    solution="2 * 64 * 8 * 128 * 32768 * 2 / 2**30",
    because="It is 8 GiB. With all 64 heads it would be 64; and 5,120 divided by 64 is 80, not the 128 of the file.",
    matters="Eight query heads share what one would keep, so this model holds a conversation eight times as long.",
    goal="compute the cache of a model from its config.json",
)
def _config_of_qwen() -> Answers:
    model, run = Model.named("Qwen3-32B"), Inference(32_768, kv_cache="BF16")
    by_heads, by_kv_heads = (cache_of(model, run, head_dim=model.hidden // n) for n in (model.heads, model.kv_heads))
    yield cache_of(model, run)
    yield cache_of(model, run, kv_heads=model.heads), EVERY_HEAD
    yield by_heads, "head_dim is in the file, so it is not hidden_size divided by the heads"
    yield cache_of(model, run) // 2, tr("{why}; or a number takes two bytes", why=tr(ONE_OF_TWO))
    yield by_kv_heads, "hidden_size was divided by the key-value heads, or both, heads and their size, are wrong"
    yield 2 * cache_of(model, run), "the factor of two is in it twice, or a number takes four bytes; in BF16 it is two"
    yield cache_of(model, run, full_layers=1, dense_layers=1), "that is one layer; each has a cache of its own"
    yield cache_of(model, run, head_dim=model.hidden), ALL_TOGETHER
    yield 8 * cache_of(model, run) * units.UNITS["GiB"], "that is the number of bits, and the question asks for GiB"


@task(
    "4.2",
    "formula",
    asks="What does one more *conversation* of s tokens cost? Write it as a formula in the letters L, h_kv, d_k, s, "
    "B_k and B_v.",
    hint="Of the letters in the term, which one counts conversations? The cache is a straight line in that letter too, "
    "so its cost is the slope.",
    solution="L * h_kv * d_k * s * (B_k + B_v)",
    because="Everything but b stays: the slope of the line.",
    matters="A server that talks to sixteen people at once pays this sixteen times, and the [weights] only once.",
    goal="derive what one more conversation costs",
)
def _one_more_conversation() -> Answers:
    known = values(Model.named("LLaMA-7B"), Inference())
    every, full = symbols("layers full_layers")
    whole, one_token = (term.simplified(known).expr.xreplace({full: every}) for term in (kv_cache, inverse.token))
    key, value, weight = symbols("bytes_per_key bytes_per_value bytes_per_weight")
    s, b, h, h_kv = symbols("context batch heads kv_heads")
    right = sympy.diff(whole, b)
    yield right
    yield whole, "that is the whole cache; one more conversation is its change with b"
    yield one_token, "that is one more token; the question asks for one more conversation"
    yield right / s, "that is one token of one conversation; it has s of them"
    yield right.xreplace({h_kv: h}), EVERY_HEAD
    yield (
        right.xreplace({key: weight, value: weight}),
        "B is the bytes of a weight; keys and values may have others, so write B_k + B_v",
    )
    yield right.xreplace({value: 0}), ONE_OF_TWO
    for letter in (key, value):  # the product as textbooks print it, with a factor of two
        product = right.xreplace({key: letter, value: letter})
        yield product, "right if keys and values take as many bytes; their formats may differ, so write B_k + B_v"


@task(
    "4.3",
    "MiB",
    asks="DeepSeek-R1 has 61 layers with 128 heads. For each token a layer stores one latent of 512 numbers, from "
    "which keys and values of all heads are made anew, and beside it one part of the keys, of 64 numbers. How many MiB "
    "does its [cache|kv_cache] take for 32,768 tokens in FP16?",
    hint="Is there a factor of two for key and value? How many numbers does a layer store for a token, whatever its "
    "heads?",
    solution="61 * (512 + 64) * 32768 * 2 / 2**20",
    because="It is 2,196 MiB: one list for each token and layer, whatever the number of heads.",
    matters="With 128 pairs of keys and values of their own, the same conversation would take 152.5 GiB.",
    goal="name a model for which the simple product is wrong",
)
def _latents() -> Answers:
    model, run = Model.named("DeepSeek-R1"), Inference(32_768)
    right = cache_of(model, run)
    one_number = right // (model.kv_rank + model.rope_dim)
    latents, all_heads = model.kv_rank * one_number, model.heads * (model.head_dim + model.value_dim) * one_number
    yield right
    yield 2 * latents, "the latent is stored once for keys and values; and the 64 numbers of the keys are missing"
    yield latents, "the 64 numbers of the keys are stored beside the latent"
    yield 2 * right, "one latent serves keys and values; nothing is stored twice"
    yield all_heads, "keys and values of all heads are made anew from the latent, not stored"
    yield model.heads * right, "all heads share one latent"
    yield right // model.latent_layers, "that is one layer; each has a latent of its own"


@task(
    "4.4",
    "GiB",
    asks="Qwen3-Next-80B is a hybrid of 48 layers: every fourth has attention, with 2 stored pairs of 256 numbers, and "
    "the others keep a state of fixed size, 75 MB in all. How many GiB does its [cache|kv_cache] take for 131,072 "
    "tokens in BF16?",
    hint="How many layers keep tokens? Each keeps a key and a value, of two pairs, with two bytes a number. Then add "
    "the states.",
    solution="3.07 GiB",
    because="Twelve layers keep 24 KiB a token, which makes 3 GiB; the states add 0.07 GiB, however long you talk.",
    matters="If all 48 layers kept their tokens it would be four times as much: that is what hybrids are built for.",
    goal="count what a hybrid keeps, layer by layer",
)
def _hybrid() -> Answers:
    model, run = Model.named("Qwen3-Next-80B-A3B"), Inference(131_072, kv_cache="BF16")
    right, token = cache_of(model, run), cache_of(model, run, context=2) - cache_of(model, run, context=1)
    tokens, state = token * run.context, right - token * run.context
    yield right
    yield (
        tokens // model.full_layers * model.layers + state,
        "most layers keep no tokens; count those with attention",
    )
    yield tokens // 2 + state, ONE_OF_TWO
    yield right + tokens, "the factor of two is in it twice, or a number takes four bytes; in BF16 it is two"
    yield tokens // model.kv_heads * model.heads + state, EVERY_HEAD
    yield tokens, "the states are missing; the other layers keep something too"
    yield tokens // model.full_layers, "that is one layer; twelve keep tokens"
    yield state, "those are the states alone; twelve layers keep every token beside them"


@task(
    "4.5",
    "pairs",
    asks="Mira wants to talk for 100,000 tokens on her card, of which a program sees 23.64 GiB. She may change nothing "
    "but the number of stored pairs, which the 32 queries must share evenly. How many pairs may LLaMA-7B keep at most?",
    hint="In the picture of LLaMA-7B, type 100000 tokens into the sentence, and let a stored pair serve more queries. "
    "Add what both columns take: [weights] and [cache|kv_cache] must lie on the card together.",
    solution="32 / 4",
    because="Eight pairs leave 0.4 GiB of the card free. With 16, the cache alone is larger than the card.",
    matters="A quarter of the pairs carries the talk more than four times as far, because the weights become a little "
    "smaller too.",
    goal="tell how far fewer stored pairs carry a conversation",
)
def _pairs_for_a_long_talk() -> Answers:
    model, run, card = Model.named("LLaMA-7B"), Inference(100_000), Gpu.named("RTX 4090")
    even = [pairs for pairs in range(1, model.heads + 1) if model.heads % pairs == 0]  # as many queries share each
    *fewer, right = [pairs for pairs in even if fits(replace(model, kv_heads=pairs), run, card)]
    yield right
    yield model.heads, "with a pair for each query, the cache alone takes more than twice the card"
    yield 2 * right, "that is a step too far: the cache alone is larger than the card then"
    yield model.heads // right, "that is how many queries share a pair; how many pairs are stored?"
    for pairs in fewer:
        if pairs != model.heads // right:
            yield pairs, "that fits, and so do more"
    for pairs in range(right + 1, 2 * right):
        yield pairs, tr("the {heads} queries must share them evenly", heads=model.heads)
