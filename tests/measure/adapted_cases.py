"""Cases of adapters beside a frozen model: every way to train them, and every matrix that can have one."""

from measure.cases import Case

LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")

_FAMILIES = (
    "Llama-3-8B",
    "Mistral-7B-v0.1",
    "Qwen2.5-7B",
    "Qwen3-8B",
    "Phi-3-mini-4k",
    "Gemma-2-9B",
    "Llama-2-7B",
    "Gemma-3-4B",
)
_PASS = {
    **{"context": 512, "batch": 2, "recipe": "autocast", "attention": "sdpa"},
    **{"lora_rank": 16, "base_weights": "BF16"},
}
_WAYS = (
    {},
    {"recipe": "bf16"},
    {"base_weights": "NF4"},
    {"base_weights": "NF4-double", "kbit_preparation": False},
    {"base_weights": "NF4", "recipe": "bf16"},
    {"adapters": "BF16", "recipe": "bf16"},
    {"lora_dropout": 0.1, "base_weights": "NF4"},
    {"attention": "eager", "base_weights": "NF4"},
    {"recompute": "full", "base_weights": "NF4"},
    {"base_weights": "FP32"},
    {"base_weights": "FP32", "adapters": "BF16"},
    {"adapters": "BF16", "base_weights": "NF4", "recipe": "bf16"},
    {"adapters": "BF16", "base_weights": "NF4"},
)
_TARGETS = ("qv", "qkvo", "mlp", "v_proj", "q_proj", "k_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_OF_TARGETS = (
    {"attention": "eager", "base_weights": "NF4"},
    {"recipe": "bf16"},
    {"base_weights": "FP32", "lora_dropout": 0.1},
)
_IN_8_BITS = (
    {},
    {"recipe": "bf16"},
    {"kbit_preparation": False},
    {"adapters": "BF16", "recipe": "bf16", "kbit_preparation": False},
    {"attention": "eager"},
    {"lora_dropout": 0.1},
    {"recompute": "full"},
)
_TARGETS_IN_8_BITS = ({"kbit_preparation": False}, {"attention": "eager"}, {"recipe": "bf16"})
_EXPERTS = ({"attention": "eager", "recipe": "bf16"}, {"lora_dropout": 0.1}, {"experts": "batched_mm"})
_DORA = (
    *(way for way in _WAYS if way.get("kbit_preparation", True)),
    {"base_weights": "NF4-double", "kbit_preparation": False, "recipe": "bf16"},
    *({"lora_dropout": 0.1} | way for way in ({}, {"adapters": "BF16", "recipe": "bf16"}, {"base_weights": "FP32"})),
    {"lora_dropout": 0.1, "base_weights": "NF4", "recipe": "bf16"},
    *({"base_weights": "LLM.int8"} | way for way in ({}, {"recipe": "bf16"}, {"lora_dropout": 0.1})),
)
_TWO = {"full_layers": 2, "dense_layers": 2}
_TWO_WITH_WINDOWS = {"window_layers": 2, "dense_layers": 2}
_ONE_OF_EACH = {"full_layers": 1, "window_layers": 1, "dense_layers": 2}


def _case(quantity: str, name: str, setting: dict[str, object]) -> Case:
    """Return a case; Gemma 2 computes its scores in one way only."""
    eager = {"attention": "eager"} if name == "Gemma-2-9B" else {}
    return Case(quantity, name, _PASS | setting | eager)


ADAPTED = (
    *(
        _case("layer_activations", name, way)
        for name in _FAMILIES
        for way in _WAYS
        if not (name.startswith("Gemma") and way.get("recompute"))  # whose second layer brings a mask of its own
    ),
    *(
        _case("activations", name, _TWO | {"lora_targets": targets} | way)
        for name in ("Llama-3-8B", "Qwen3-8B", "Llama-2-7B")
        for targets in _TARGETS
        for way in _OF_TARGETS
    ),
    *(
        _case("activations", "Phi-3-mini-4k", _TWO_WITH_WINDOWS | {"lora_targets": targets} | way)
        for targets in ("qkv_proj", "gate_up_proj", "o_proj", "qkvo", "mlp")
        for way in ({"attention": "eager"}, {"base_weights": "NF4"})
    ),
    _case("activations", "Gemma-2-9B", _ONE_OF_EACH | {"recompute": "full", "base_weights": "NF4"}),
    _case("activations", "Mistral-7B-v0.1", _TWO_WITH_WINDOWS | {"context": 4096, "batch": 1, "base_weights": "NF4"}),
    *(
        _case("layer_activations", name, {"lora_targets": "qkvo"} | way)
        for name in ("Mixtral-8x7B", "Qwen3-30B-A3B")
        for way in ({}, {"recipe": "bf16"}, {"adapters": "BF16", "recipe": "bf16"}, {"recompute": "full"}, *_EXPERTS)
    ),
    _case("layer_activations", "Mixtral-8x7B", {"lora_targets": "qkvo", "experts": "eager"}),
    _case("layer_activations", "Mixtral-8x7B", {"lora_targets": "qkvo", "experts": "eager", "recipe": "bf16"}),
    *(
        _case("layer_activations", name, {"base_weights": "LLM.int8"} | way)
        for name in _FAMILIES
        for way in _IN_8_BITS
        if not (name.startswith("Gemma") and way.get("recompute"))
    ),
    *(
        _case("activations", name, _TWO | {"base_weights": "LLM.int8", "lora_targets": targets} | way)
        for name in ("Llama-3-8B", "Qwen3-8B")
        for targets in _TARGETS
        for way in _TARGETS_IN_8_BITS
    ),
    *(
        _case("activations", "Phi-3-mini-4k", _TWO_WITH_WINDOWS | {"base_weights": "LLM.int8", "lora_targets": targets})
        for targets in ("qkv_proj", "gate_up_proj", "o_proj")
    ),
    *(
        _case("activations", name, _TWO | {"base_weights": "LLM.int8", "recompute": "full", "reentrant": again})
        for name in ("Llama-3-8B", "Qwen2.5-7B")
        for again in (False, True)
    ),
    *(
        _case("layer_activations", name, {"base_weights": "LLM.int8", "kbit_preparation": False} | way)
        for name in ("Mixtral-8x7B", "Qwen3-30B-A3B")
        for way in ({"lora_targets": "qkvo"}, {"lora_targets": "qkvo", "recompute": "full"})
    ),
    *(
        _case("activations", name, layers | {"lora_targets": "o_proj"} | way)
        for name, layers in (("Llama-3-8B", _TWO), ("Phi-3-mini-4k", _TWO_WITH_WINDOWS))
        for way in ({"base_weights": "NF4", "kbit_preparation": False}, {"adapters": "BF16", "recipe": "bf16"})
    ),
    *(
        _case("layer_activations", name, {"base_weights": "FP32", "recipe": "bf16", "lora_targets": "qkvo"} | way)
        for name in ("Mixtral-8x7B", "Qwen3-30B-A3B")
        for way in ({}, {"experts": "batched_mm"}, {"experts": "eager"}, {"recompute": "full"})
    ),
    *(
        _case("layer_activations", name, {"dora": True} | way)
        for name in ("Llama-3-8B", "Qwen2.5-7B", "Phi-3-mini-4k", "Gemma-2-9B", "Gemma-3-4B")
        for way in _DORA
        if not (name.startswith("Gemma") and way.get("recompute"))
    ),
    *(
        _case("activations", "Llama-3-8B", _TWO | {"dora": True, "lora_targets": targets} | way)
        for targets in _TARGETS
        for way in (*_OF_TARGETS, {"lora_dropout": 0.1, "base_weights": "NF4"})
    ),
    *(
        _case("layer_activations", name, {"dora": True, "lora_targets": "qkvo"} | way)
        for name in ("Mixtral-8x7B", "Qwen3-30B-A3B")
        for way in ({}, {"recipe": "bf16"}, {"recompute": "full"}, *_EXPERTS)
    ),
)
