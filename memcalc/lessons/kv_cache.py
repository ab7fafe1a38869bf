"""Exercises of notebook 4: the KV cache."""

import sympy

from memcalc import Inference, Model, symbols, values
from memcalc.formula import inverse
from memcalc.formula.kv_cache import kv_cache
from memcalc.lessons.exercise import ALL_TOGETHER, EVERY_HEAD, ONE_OF_TWO, Answers, cache_of, exercise


@exercise("4.1", "GiB")
def _config_of_qwen() -> Answers:
    model, run = Model.named("Qwen3-32B"), Inference(32_768, kv_cache="BF16")
    by_heads, by_kv_heads = (cache_of(model, run, head_dim=model.hidden // n) for n in (model.heads, model.kv_heads))
    yield cache_of(model, run)
    yield cache_of(model, run, kv_heads=model.heads), EVERY_HEAD
    yield by_heads, "head_dim is in the file, so it is not hidden_size divided by the heads"
    yield cache_of(model, run) // 2, f"{ONE_OF_TWO}; or a number takes two bytes"
    yield by_kv_heads, "hidden_size was divided by the key-value heads, or both, heads and their size, are wrong"
    yield cache_of(model, run, full_layers=1, dense_layers=1), "that is one layer; each has a cache of its own"
    yield cache_of(model, run, head_dim=model.hidden), ALL_TOGETHER


@exercise("4.2", "formula")
def _one_more_conversation() -> Answers:
    known = values(Model.named("LLaMA-7B"), Inference())
    whole, one_token = (term.simplified(known).expr for term in (kv_cache, inverse.token))
    key, value, weight = symbols("bytes_per_key bytes_per_value bytes_per_weight")
    s, b, h, h_kv = symbols("context batch heads kv_heads")
    right = sympy.diff(whole, b)
    yield right
    yield whole, "that is the whole cache; one more conversation is its change with b"
    yield one_token, "that is one more token; the question asks for one more conversation"
    yield right / s, "that is one token of one conversation; it has s of them"
    yield right.xreplace({h_kv: h}), EVERY_HEAD
    yield right.xreplace({key: weight, value: weight}), "B is the bytes of a weight"
    yield right.xreplace({value: 0}), ONE_OF_TWO


@exercise("4.3", "MiB")
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
