"""What is measured of llama.cpp."""

from measure.cases import Case

_SMALL_LLAMA = {"full_layers": 8, "dense_layers": 8, "vocabulary": 1024, "hidden": 512, "intermediate": 1536}
_SMALL_LLAMA |= {"heads": 8, "kv_heads": 8, "head_dim": 64, "rotary": 64}


def _cache(model: str, context: int, kv_cache: str = "FP16", engine: str = "llama.cpp", **inputs) -> Case:
    return Case("kv_cache", model, {"context": context, "engine": engine, "kv_cache": kv_cache, **inputs})


def _buffer(model: str, context: int, attention: str, engine: str = "llama.cpp", **inputs) -> Case:
    given = {"context": context, "engine": engine, "prefill": "whole", "attention": attention}
    return Case("compute_buffer", model, given | inputs)


def _file(model: str, weights: str, **shape: int) -> Case:
    return Case("weights", model, {"weights": weights, **shape})


ENGINE = (
    _cache("Llama-2-7B", 4096),
    _cache("Llama-2-7B", 32768),
    _cache("Llama-3.1-8B", 32768),
    _cache("Llama-2-13B", 32768),
    _cache("Llama-2-13B", 2048),
    _cache("Llama-2-7B", 4096, "Q8_0"),
    _cache("Llama-2-7B", 4096, "Q4_0"),
    _cache("Llama-2-13B", 4096, "Q5_1"),
    _cache("Llama-3.1-8B", 8192),
    _cache("Llama-3.1-8B", 1000),
    _cache("Llama-3.1-8B", 16384, "Q8_0/Q4_0"),
    _cache("Llama-3.1-8B", 2048, batch=4),
    _cache("Llama-3.1-8B", 1000, batch=3),
    _cache("Llama-3.1-8B", 1000, engine="llama.cpp-unified", batch=3),
    _cache("Llama-3.2-1B", 32768),
    _cache("Llama-3.2-1B", 300, "FP32", batch=8),
    _cache("Llama-3.2-1B", 5000, "Q5_1", engine="llama.cpp-unified", batch=7),
    _cache("Qwen2.5-7B", 16384, "BF16"),
    _cache("Qwen2.5-7B", 777, "Q4_0", batch=5),
    _cache("Qwen2.5-0.5B", 32768, "Q8_0"),
    _cache("Qwen2.5-0.5B", 100),
    _cache("Gemma-2-9B", 8192),
    _cache("Gemma-2-9B", 8192, window="full"),
    _cache("Gemma-3-1B", 32768),
    _cache("Gemma-3-1B", 3000, batch=2, ubatch=128),
    _cache("Gemma-3-4B", 16384, "Q8_0"),
    _cache("Gemma-3-4B", 4000, engine="llama.cpp-unified", batch=3),
    _cache("Mamba-2.8B", 4096),
    _cache("Mamba-2.8B", 4096, batch=4),
    _buffer("Llama-2-7B", 4096, "sdpa"),
    _buffer("Llama-2-13B", 2048, "sdpa"),
    _buffer("Llama-3.1-8B", 8192, "sdpa", ubatch=256),
    _buffer("Qwen2.5-0.5B", 1000, "sdpa", engine="llama.cpp-unified", batch=3),
    _buffer("Qwen2.5-0.5B", 1000, "sdpa", engine="llama.cpp-unified", batch=4),
    _buffer("Llama-2-7B", 4096, "eager"),
    _buffer("Llama-2-13B", 2048, "eager"),
    _buffer("Qwen2.5-7B", 16384, "eager"),
    _buffer("Llama-3.2-1B", 8192, "eager", batch=2, ubatch=1024),
    _file("Llama-3.2-1B", "Q4_K_M", **_SMALL_LLAMA),
    _file("Llama-3.2-1B", "Q4_0", full_layers=2, dense_layers=2, vocabulary=4096),
    _file("Llama-2-7B", "Q8_0", **_SMALL_LLAMA),
    _file("Llama-2-7B", "Q2_K", **_SMALL_LLAMA | {"kv_heads": 2}),
    _file("Qwen2.5-0.5B", "Q6_K", full_layers=3, dense_layers=3, vocabulary=2048),
    _file("Qwen2.5-0.5B", "Q4_K_M", full_layers=3, dense_layers=3, vocabulary=2048),
    _file("Gemma-3-1B", "Q4_K_M", window_layers=5, full_layers=1, dense_layers=6, vocabulary=2048),
)

_TWO_OF_EACH = {"full_layers": 2, "window_layers": 2}

LATER = (
    _buffer("Qwen3-30B-A3B", 4096, "sdpa", full_layers=4, moe_layers=4),
    _buffer("Mixtral-8x7B", 8192, "sdpa", kv_cache="Q8_0", full_layers=4, moe_layers=4),
    _buffer("Mixtral-8x7B", 8192, "eager", full_layers=4, moe_layers=4),
    _buffer("gpt-oss-20b", 32768, "sdpa", ubatch=2048, moe_layers=4, **_TWO_OF_EACH),
    _buffer("gpt-oss-20b", 8192, "eager", batch=2, moe_layers=4, **_TWO_OF_EACH),
    _buffer("Gemma-2-9B", 8192, "eager", dense_layers=4, **_TWO_OF_EACH),
    _buffer("Gemma-3-1B", 32768, "sdpa", kv_cache="Q8_0/Q4_0", batch=2),
    _buffer("Gemma-3-1B", 16384, "sdpa", window="full"),
    _buffer("Qwen3-8B", 8192, "sdpa", kv_cache="FP32", full_layers=4, dense_layers=4),
)
"""What was added behind the blocks, whose ids stay."""

_OPEN = {"vocabulary": 1024, "hidden": 288, "heads": 4, "kv_heads": 1, "head_dim": 64, "rotary": 64}
"""Sizes that 32 divide and 256 do not, as 2,880 columns of gpt-oss are."""

_FEW_EXPERTS = {"full_layers": 9, "moe_layers": 9, "experts": 4, "active_experts": 2, "expert_intermediate": 96}
_DENSE = {"full_layers": 9, "dense_layers": 9, "intermediate": 416}
_MIXES = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "IQ4_XS")

SHAPES = {
    "Llama-3.1-8B": {**_OPEN, **_DENSE, "hidden": 336, "heads": 6, "kv_heads": 2, "head_dim": 56, "rotary": 56},
    "Qwen2.5-0.5B": {**_OPEN, **_DENSE, "hidden": 448, "heads": 7, "intermediate": 608},
    "Phi-3-mini-4k": {**_OPEN, "window_layers": 9, "dense_layers": 9, "intermediate": 416, "heads": 3, "kv_heads": 3},
    "Qwen3-30B-A3B": {**_OPEN, **_FEW_EXPERTS},
    "Qwen2-57B-A14B": {**_OPEN, **_FEW_EXPERTS, "head_dim": 72, "rotary": 72, "shared_intermediate": 416},
    "gpt-oss-20b": {**_OPEN, "full_layers": 4, "window_layers": 4, "moe_layers": 8, "experts": 4}
    | {"expert_intermediate": 288, "heads": 8, "kv_heads": 2},
    "Falcon-7B": {**_OPEN, "full_layers": 18, "dense_layers": 18, "hidden": 448, "heads": 7, "intermediate": 608},
    "GPT-2": {**_OPEN, **_DENSE, "hidden": 448, "heads": 7, "kv_heads": 7, "intermediate": 608, "positions": 64},
}
"""Model → small sizes in its shape, with columns that blocks of 256, and in part those of 32, do not divide."""

FILES = tuple(_file(name, mix, **shape) for name, shape in SHAPES.items() for mix in _MIXES)
