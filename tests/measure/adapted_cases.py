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
_SEPARATE = ("qv", "qkvo", "mlp", "v_proj", "q_proj", "k_proj", "o_proj", "up_proj", "down_proj")
_PACKED = ("qkvo", "mlp", "qkv_proj", "o_proj", "up_proj", "down_proj")
_BY_LAYERNORM = ({}, {"recipe": "bf16", "attention": "eager"}, {"base_weights": "FP32", "lora_dropout": 0.1})
_EXPERT_MODELS = (
    ("gpt-oss-20b", {"attention": "eager"}),  # its sinks have no other
    *((name, {}) for name in ("Qwen1.5-MoE-A2.7B", "DeepSeek-V2-Lite", "DeepSeek-V3")),
)
_NOT_PREPARED = {"base_weights": "NF4", "kbit_preparation": False}
_WITH_EXPERTS = (
    *({}, {"recipe": "bf16"}, {"adapters": "BF16", "recipe": "bf16"}, {"adapters": "BF16"}, {"lora_dropout": 0.1}),
    *({"lora_dropout": 0.1, "recipe": "bf16"}, {"recompute": "full"}, {"attention": "eager", "recipe": "bf16"}),
    *({"experts": "batched_mm"}, {"experts": "eager"}, _NOT_PREPARED, _NOT_PREPARED | {"recipe": "bf16"}),
    {"base_weights": "FP32", "recipe": "bf16"},
)
_ROUTED = {"moe_layers": 2, "dense_layers": 0}
_LATENT = {"latent_layers": 3, "dense_layers": 1, "moe_layers": 2}
_OF_EXPERTS = ({}, {"recipe": "bf16", "attention": "eager"}, {"lora_dropout": 0.1, "recipe": "bf16"})
_OF_LATENTS = (
    *(("DeepSeek-V2-Lite", one) for one in ("all", "qv", "q_proj", "kv_a_proj", "kv_b_proj", "o_proj,gate_proj")),
    *(("DeepSeek-V3", one) for one in ("all", "qkvo", "q_a_proj", "q_b_proj", "kv_b_proj", "o_proj,shared_up_proj")),
)
_TWO = {"full_layers": 2, "dense_layers": 2}
_TWO_WITH_WINDOWS = {"window_layers": 2, "dense_layers": 2}
_ONE_OF_EACH = {"full_layers": 1, "window_layers": 1, "dense_layers": 2}


def _case(quantity: str, name: str, setting: dict[str, object]) -> Case:
    """Return a case; Gemma 2 computes its scores in one way only."""
    eager = {"attention": "eager"} if name == "Gemma-2-9B" else {}
    return Case(quantity, name, _PASS | setting | eager)


def _known(name: str, way: dict[str, object]) -> bool:
    """Return whether memcalc knows what is kept: of GPT-2's transposed matrices none is quantized, and LayerNorm
    under autocast makes FP32 of what follows a quantized matrix, prepared or not.
    """
    few = way.get("base_weights", "BF16") not in ("BF16", "FP32")
    lifted = way.get("recipe") != "bf16" and not way.get("kbit_preparation", True)
    return not few or name == "Seed-OSS-36B" or not (name == "GPT-2" or lifted)


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
    *(
        _case("layer_activations", name, way)
        for name in ("Seed-OSS-36B", "OPT-125M", "GPT-2", "Pythia-6.9B")
        for way in (*_WAYS, *_IN_8_BITS)
        if _known(name, way)
    ),
    *(
        _case("activations", name, _TWO | {"lora_targets": targets} | way)
        for name, matrices in (("OPT-125M", _SEPARATE), ("GPT-2", _PACKED), ("Pythia-6.9B", _PACKED))
        for targets in matrices
        for way in _BY_LAYERNORM
    ),
    *(
        _case("layer_activations", name, {"dora": True} | way)
        for name in ("Seed-OSS-36B", "Pythia-6.9B")
        for way in _DORA
        if _known(name, way)
    ),
    *(
        _case("layer_activations", name, eager | way)
        for name, eager in _EXPERT_MODELS
        for way in _WITH_EXPERTS
        if not (eager and way.get("recompute"))  # whose second layer brings a mask of its own
    ),
    *(
        _case(
            "activations", "gpt-oss-20b", _ONE_OF_EACH | _ROUTED | {"lora_targets": targets, "attention": "eager"} | way
        )
        for targets in ("qkvo", "qv", "q_proj", "k_proj", "v_proj", "o_proj")
        for way in _OF_EXPERTS
    ),
    *(
        _case("activations", name, _LATENT | {"lora_targets": targets} | way)
        for name, targets in _OF_LATENTS
        for way in _OF_EXPERTS
    ),
    *(
        _case("activations", "Qwen1.5-MoE-A2.7B", _TWO | _ROUTED | {"lora_targets": targets} | way)
        for targets in ("qkvo", "o_proj,shared_down_proj", "v_proj,shared_up_proj")
        for way in _OF_EXPERTS
    ),
    *(
        _case("activations", name, _TWO | {"recompute": "full"} | way)
        for name in ("OPT-125M", "GPT-2", "Pythia-6.9B")
        for way in ({}, {"recipe": "bf16", "attention": "eager"})
    ),
    *(
        _case("layer_activations", name, eager | {"dora": True} | way)
        for name, eager in _EXPERT_MODELS[:3]
        for way in ({}, {"recipe": "bf16"}, {"lora_dropout": 0.1}, {"base_weights": "FP32", "recipe": "bf16"})
    ),
    *(
        _case("activations", name, _TWO | {"recipe": "bf16", "dropout": 0.1} | way)
        for name in ("OPT-125M", "GPT-2", "Pythia-6.9B", "Seed-OSS-36B")
        for way in ({}, {"lora_targets": "o_proj", "attention": "eager"}, {"recompute": "full"})
    ),
)
