"""The plan: every amount that `make measure` measures. New cases go to the end of a section: the ids of rows stay."""

from measure.adapted_cases import ADAPTED, LIBRARIES
from measure.cases import Case, Section
from measure.divided_cases import PLANNED, RINGS, SHARDED, ULYSSES
from measure.engine_cases import ENGINE, FILES, LATER
from measured import rows
from memcalc import catalogue

_HUGGING_FACE = ("torch", "transformers")


def _weights() -> tuple[Case, ...]:
    described = {row.model for row in rows("parameters", "parameters")}  # of the others, a published file was built
    names = [name for name in catalogue.names("models") if name in described]
    cases = [Case("weights", name, {"weights": "BF16"}) for name in names]
    return (*cases, Case("weights", "GPT-2", {"weights": "FP32"}))


_FAMILIES = (
    *("Llama-2-7B", "Llama-3-8B", "Mistral-7B-v0.1", "Qwen2.5-7B", "Qwen3-8B", "Phi-3-mini-4k", "Gemma-3-4B", "GPT-2"),
    *("Pythia-6.9B", "OPT-125M"),
)
"""A model or two of each family whose kept tensors are known; Gemma-2 computes its scores in one way only."""

_GPT2 = {"context": 1024, "batch": 2, "recipe": "fp32", "attention": "eager"}
"""A training that fits any computer, measured in all its parts."""

_PASS = {"context": 512, "batch": 2, "recipe": "bf16", "attention": "sdpa"}


def _layers() -> tuple[Case, ...]:
    settings = [
        *(
            {"recipe": recipe, "attention": kernel}
            for recipe in ("bf16", "fp32", "autocast")
            for kernel in ("sdpa", "eager")
        ),
        *({"recipe": recipe, "recompute": "full"} for recipe in ("bf16", "autocast")),
        *({"attention": kernel, "dropout": 0.1} for kernel in ("sdpa", "eager")),
        {"batch": 1},
    ]
    return tuple(Case("layer_activations", name, _PASS | setting) for name in _FAMILIES for setting in settings)


def _heads() -> tuple[Case, ...]:
    recipes = ("bf16", "fp32")
    return tuple(Case("head_activations", name, _PASS | {"recipe": recipe}) for name in _FAMILIES for recipe in recipes)


def _models() -> tuple[Case, ...]:
    runs = [
        ("Llama-2-7B", {"context": 2048, "batch": 1}),
        ("Llama-2-7B", {"context": 2048, "batch": 1, "attention": "eager"}),
        ("Llama-2-7B", {"context": 2048, "batch": 1, "recompute": "full"}),
        ("Llama-2-7B", {"context": 2048, "batch": 1, "recipe": "autocast"}),
        ("Llama-2-7B", {"context": 2048, "batch": 1, "recipe": "fp32"}),
        ("Llama-3-8B", {"context": 4096, "batch": 1}),
        ("Llama-3-8B", {"context": 4096, "batch": 1, "recompute": "full"}),
        ("Mistral-7B-v0.1", {"context": 4096, "batch": 1}),
        ("Mistral-7B-v0.1", {"context": 4095, "batch": 1}),
        ("Gemma-2-9B", {"attention": "eager"}),
        ("Gemma-3-4B", {}),
        ("GPT-2", {"context": 1024, "dropout": 0.1}),
        ("GPT-2", {"context": 1024, "dropout": 0.1, "attention": "eager", "recompute": "full"}),
        ("OPT-125M", {"context": 1024, "dropout": 0.1, "recompute": "full"}),
        ("GPT-2", _GPT2),
    ]
    return tuple(Case("activations", name, _PASS | setting) for name, setting in runs)


def _steps() -> tuple[Case, ...]:
    contexts = [
        Case(
            "step_peak",
            "Llama-3.2-1B",
            {"context": 2**power, "batch": 1, "recipe": "bf16", "attention": "eager"} | again,
        )
        for again in ({}, {"recompute": "full"})
        for power in range(5, 13)
    ]
    others = [
        Case("step_peak", name, {"context": 1024, "batch": batch, "recipe": recipe, "attention": "eager"})
        for name, batch in (("Llama-2-7B", 1), ("Qwen2.5-0.5B", 2))
        for recipe in ("bf16", "fp32")
    ]
    gpt2 = [Case("step_peak", "GPT-2", _GPT2 | {"batch": batch}) for batch in (4, 2)]
    return (*contexts, *others, *gpt2)  # in FP32, for in 16 bit a CPU's LayerNorm keeps less than a card's


_AGAIN = ("none", "full")
_LATENT = ("DeepSeek-V2-Lite", "DeepSeek-V2", "DeepSeek-V3", "Kimi-K2")
_ROUTED = ("Mixtral-8x7B", "Qwen3-30B-A3B", "gpt-oss-20b", *_LATENT)
_FEW_EXPERTS = ("Mixtral-8x7B", "gpt-oss-20b", "DeepSeek-V2-Lite")
"""Models whose loop over experts is short enough to be run here."""


def _experts() -> tuple[Case, ...]:
    kernels = {"gpt-oss-20b": ("eager",)}  # its sinks have no other
    layers = [
        Case("layer_activations", name, _PASS | {"recipe": recipe, "attention": kernel, "experts": code})
        for name in _ROUTED
        for recipe in ("bf16", "fp32", "autocast")
        for kernel in kernels.get(name, ("sdpa", "eager"))
        for code in ("grouped_mm", *(["eager"] if name in _FEW_EXPERTS else []), "batched_mm")
    ]
    outputs = [
        Case("layer_activations", name, _PASS | {"router_outputs": True, "recompute": again})
        for name in _ROUTED
        if name not in kernels
        for again in _AGAIN
    ]
    partly = {"latent_layers": 3, "dense_layers": 1, "moe_layers": 2}
    models = [
        *(Case("activations", name, _PASS | partly) for name in _LATENT),
        *(Case("activations", name, _PASS | partly | {"recipe": "autocast", "batch": 1}) for name in _LATENT),
        *(Case("activations", "Mixtral-8x7B", _PASS | {"recompute": again}) for again in _AGAIN),
        *(Case("activations", "gpt-oss-20b", _PASS | {"attention": "eager", "recompute": again}) for again in _AGAIN),
        Case("activations", "gpt-oss-20b", _PASS | {"attention": "eager", "router_outputs": True}),
    ]
    return (*layers, *outputs, *models)


def _frozen() -> tuple[Case, ...]:
    """Return cases in which the embedding is frozen, alone or with the first of three layers or two of them."""
    base = {"context": 512, "batch": 2, "recipe": "bf16", "attention": "sdpa"}
    ways = ({}, {"attention": "eager"}, {"recipe": "autocast"}, {"recipe": "fp32"}, {"recompute": "full"})
    kinds = {
        **dict.fromkeys(("Llama-3-8B", "Llama-3.2-1B", "Qwen2.5-0.5B", "Qwen3-8B", "GPT-2"), ("full", "dense")),
        **{"Phi-3-mini-4k": ("window", "dense"), "Mixtral-8x7B": ("full", "moe")},
    }
    steps = ("Llama-3.2-1B", "Qwen2.5-0.5B", "Llama-2-7B")
    return (
        *(
            Case("activations", name, {f"{kind}_layers": 3 for kind in kinds[name]} | {"frozen": frozen} | base | way)
            for name in kinds
            for frozen in ("embedding", 1, 2)
            for way in ways
        ),
        *(
            Case("step_peak", name, {"frozen": frozen} | base | {"batch": 1} | way)
            for name in steps
            for frozen in ("embedding", 4, 12)
            for way in ({}, {"recompute": "full"}, {"attention": "eager", "context": 1024})
        ),
    )


def _in_backward() -> tuple[Case, ...]:
    base = {"context": 512, "batch": 1, "recipe": "bf16", "attention": "sdpa", "optimizer_in_backward": True}
    base |= {"full_layers": 3, "dense_layers": 3}
    ways = ({}, {"recompute": "full"}, {"context": 64}, {"context": 64, "recipe": "fp32", "attention": "eager"})
    return tuple(
        Case("step_peak", name, base | {"optimizer": optimizer} | way)
        for name in ("Llama-3.2-1B", "Qwen2.5-0.5B", "GPT-2")
        for optimizer in ("AdamW", "AdamW for-loop", "AdamW fused")
        for way in ways
    )


def _offloaded() -> tuple[Case, ...]:
    base = {"context": 512, "batch": 2, "attention": "sdpa", "recompute": "full", "offload_activations": True}
    base |= {"full_layers": 3, "dense_layers": 3}
    return tuple(
        Case("activations", name, base | {"recipe": recipe})
        for name in ("Llama-3-8B", "Qwen2.5-0.5B", "Qwen3-8B", "GPT-2")
        for recipe in ("bf16", "autocast", "fp32")
    )


_OPTIMIZERS = (
    *("AdamW", "Adam amsgrad", "SGD", "SGD momentum", "Adafactor", "RMSprop", "RMSprop centered momentum", "Adagrad"),
    *("Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "ASGD"),
)
_OF_BITSANDBYTES = ("8-bit AdamW", "8-bit Lion", "8-bit SGD", "8-bit AdEMAMix", "bitsandbytes Adam", "AdEMAMix")


def _optimizers() -> tuple[Case, ...]:
    recipes = ("fp32", "bf16")
    groups = (_OPTIMIZERS, _HUGGING_FACE), (_OF_BITSANDBYTES, (*_HUGGING_FACE, "bitsandbytes"))
    return (
        *(Case("gradients", "GPT-2", {"recipe": recipe}, _HUGGING_FACE) for recipe in recipes),
        *(
            Case("optimizer", "GPT-2", {"recipe": recipe, "optimizer": name}, libraries)
            for recipe in recipes
            for names, libraries in groups
            for name in names
        ),
    )


def _low_rank() -> tuple[Case, ...]:
    return tuple(
        Case("optimizer", name, {"recipe": recipe, "optimizer": optimizer, "optimizer_rank": rank} | layers)
        for name, layers in (("GPT-2", {"full_layers": 2, "dense_layers": 2}),)
        for recipe in ("fp32", "bf16")
        for optimizer in ("GaLore AdamW", "APOLLO AdamW")
        for rank in (1, 64, 256)
    )


def _shards() -> tuple[Case, ...]:
    return tuple(
        Case(term, name, {"recipe": recipe, "optimizer": "AdamW", "sharding": "fsdp", "data_parallel": cards} | layers)
        for name, layers in (("GPT-2", {}), ("Qwen2.5-0.5B", {"full_layers": 2, "dense_layers": 2}))
        for recipe in ("fp32", "bf16")
        for cards in (2, 4)
        for term in ("weights", "gradients", "optimizer")
    )


_STATIC = ("Llama-3-8B", "Gemma-3-4B", "Mistral-7B-v0.1", "GPT-NeoX-20B")


def _caches() -> tuple[Case, ...]:
    transformers = [
        *((name, 8192, {}) for name in ("Llama-2-7B", "Llama-3-8B", "Qwen2.5-7B", "Mistral-7B-v0.1", "Phi-3-mini-4k")),
        *((name, 8192, {}) for name in ("Gemma-2-9B", "Gemma-3-4B", "gpt-oss-20b", "Mixtral-8x7B", "Qwen3-30B-A3B")),
        *((name, 4096, {}) for name in ("DeepSeek-V2-Lite", "Falcon-7B", "GPT-NeoX-20B", "Pythia-6.9B")),
        ("Llama-2-70B", 777, {"batch": 3}),
        ("Llama-2-13B", 32768, {}),
        ("GPT-2", 1000, {"batch": 3}),
        ("Mamba-2.8B", 16, {}),
        ("Mamba-2-2.7B", 512, {}),
        ("Jamba-v0.1", 16, {}),
        ("Falcon-40B", 1024, {"kv_heads": 128}),
    ]
    others = [
        *(("Gemma-3-4B", context, "transformers-storage") for context in (777, 4096)),
        *(("Mistral-7B-v0.1", context, "transformers-storage") for context in (1000, 8192)),
        *((name, 2048, "transformers-static") for name in _STATIC),
    ]
    at_once = {"engine": "transformers-storage", "ubatch": 8192}  # before the first new token
    runs = [(name, {"context": context, "engine": "transformers"} | more) for name, context, more in transformers]
    runs += [(name, {"context": context, "engine": engine}) for name, context, engine in others]
    runs += [(name, {"context": 8192} | at_once) for name in ("Gemma-3-4B", "Mistral-7B-v0.1")]
    return tuple(Case("kv_cache", *run) for run in runs)


def _prefills() -> tuple[Case, ...]:
    base = {"context": 2048, "batch": 1, "prefill": "whole"}
    runs = [
        (name, {"attention": kernel, "prefill": chunk})
        for name in ("Llama-2-7B", "Llama-3-8B", "Mistral-7B-v0.1", "Qwen2.5-7B", "Pythia-6.9B")
        for kernel in ("sdpa", "eager")
        for chunk in ("whole", 512)
    ]
    runs += [("Qwen3-8B", {"attention": "sdpa", "prefill": chunk}) for chunk in ("whole", 512)]
    runs += [(name, {"attention": "sdpa", "context": 8192, "prefill": 2048}) for name in ("Llama-3-8B", "Llama-2-7B")]
    beyond = {"attention": "sdpa", "context": 8192}  # twice the window
    runs += [("Mistral-7B-v0.1", beyond | {"prefill": chunk}) for chunk in ("whole", 512)]
    runs += [("Mistral-7B-v0.1", {"attention": "eager", "context": 8192, "prefill": 512})]
    runs += [("Gemma-2-9B", {"attention": "eager", "prefill": chunk}) for chunk in ("whole", 512)]
    runs += [("Gemma-2-9B", {"attention": "eager", "context": 8192, "prefill": 1024})]
    runs += [("Gemma-3-1B", {"attention": kernel, "prefill": 512}) for kernel in ("sdpa", "eager")]
    runs += [("Gemma-3-1B", {"attention": "sdpa", "context": 8192})]
    return tuple(Case("prefill", name, base | setting) for name, setting in runs)


_FORMATS = {
    "bitsandbytes": ("NF4", "NF4-double", "FP4", "LLM.int8"),
    "hqq": ("HQQ-INT8-g64", "HQQ-INT4-g64", "HQQ-INT3-g64", "HQQ-INT2-g64", "HQQ-INT4-g32"),
    "optimum-quanto": ("quanto-INT8", "quanto-INT4", "quanto-INT2", "quanto-FP8"),
}
_TYPES_OF_GGUF = ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4")
_TYPES_OF_LLAMA_CPP = (
    *("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"),
    *("IQ4_NL", "IQ4_XS", "NVFP4", "Q1_0"),
)
"""Block types that each can quantize."""

_CACHE_FORMATS = {
    "hqq": ("HQQ-INT8-g64", "HQQ-INT4-g64", "HQQ-INT2-g32", "HQQ-INT1-g64"),
    "optimum-quanto": ("quanto-INT4-g64", "quanto-INT2-g64"),
}
"""Library → formats."""


def _quantized() -> tuple[Case, ...]:
    formats = [(library, name, (1024, 2048)) for library, names in _FORMATS.items() for name in names]
    formats += [("bitsandbytes", name, (257, 4097)) for name in ("NF4", "NF4-double")]
    caches = [(library, name, 512, 1) for library, names in _CACHE_FORMATS.items() for name in names]
    caches += [("hqq", "HQQ-INT4-g64", 600, 2), ("optimum-quanto", "quanto-INT4-g64", 520, 1)]
    prompt = {"prompt": 512, "full_layers": 2, "dense_layers": 2}
    return (
        *(
            Case("matrix", "", {"format": name, "rows": rows, "columns": columns}, ("torch", library))
            for library, name, (rows, columns) in formats
        ),
        *(_block(name, "gguf") for name in _TYPES_OF_GGUF),
        *(
            Case(
                "kv_cache",
                "Qwen2.5-0.5B",
                {"kv_cache": name, "context": context, "batch": batch, **prompt},
                (*_HUGGING_FACE, library),
            )
            for library, name, context, batch in caches
        ),
    )


def _processes() -> tuple[Case, ...]:
    base = {"recipe": "fp32", "attention": "eager"}
    runs = [
        ("GPT-2", {"context": 256, "batch": 4} | base),
        ("GPT-2", {"context": 1024, "batch": 1} | base),
        ("GPT-2", {"context": 1024, "batch": 2} | base),
        ("Qwen2.5-0.5B", {"context": 256, "batch": 1} | base | {"full_layers": 4, "dense_layers": 4}),
    ]
    return tuple(Case(quantity, *run) for quantity in ("process_peak", "unpooled_process_peak") for run in runs)


def _block(name: str, library: str) -> Case:
    return Case("blocks", "", {"format": name, "rows": 64, "columns": 1024}, (library,))


_LLAMA_CPP = "llama-cpp-python==0.3.36"  # another version may keep its numbers elsewhere
_ENGINE = (*ENGINE, *(_block(name, _LLAMA_CPP) for name in _TYPES_OF_LLAMA_CPP), *LATER)

SECTIONS = (
    Section("W", "weights", _HUGGING_FACE, _weights()),
    Section("A", "saved", _HUGGING_FACE, (*_layers(), *_heads(), *_models())),
    Section("B", "adapted", LIBRARIES, ADAPTED, table="adapters"),
    Section("E", "saved", _HUGGING_FACE, _experts(), table="experts"),
    Section("P", "saved", _HUGGING_FACE, _steps()),
    Section("N", "saved", _HUGGING_FACE, _frozen(), table="frozen"),
    Section("K", "saved", _HUGGING_FACE, _offloaded(), table="offloaded"),
    Section("D", "sharded", _HUGGING_FACE, SHARDED, table="sharded"),
    Section("T", "planned", _HUGGING_FACE, PLANNED, table="planned"),
    Section("U", "sequences", _HUGGING_FACE, RINGS, table="sequences"),
    Section("V", "sequences", (*_HUGGING_FACE, "deepspeed"), ULYSSES, table="sequences"),
    Section("H", "stepping", _HUGGING_FACE, _in_backward(), table="in_backward"),
    Section("F", "prefills", _HUGGING_FACE, _prefills()),
    Section("C", "caches", _HUGGING_FACE, _caches()),
    Section("O", "optimizers", (*_HUGGING_FACE, "bitsandbytes"), _optimizers()),
    Section("J", "low_rank", ("torch", "transformers", "galore-torch", "apollo-torch"), _low_rank(), table="low_rank"),
    Section("S", "shards", _HUGGING_FACE, _shards()),
    Section("Q", "quantized", (*_HUGGING_FACE, "bitsandbytes", "hqq", "optimum-quanto", "gguf"), _quantized()),
    Section("R", "processes", _HUGGING_FACE, _processes()),
    Section("L", "engine", (_LLAMA_CPP, "gguf"), _ENGINE),
    Section("D", "engine", (_LLAMA_CPP, "gguf"), FILES, table="files"),
)


def on_a_card(gpu: str) -> tuple[Section, ...]:
    """Return what only a card can tell; `gpu` is its name in memcalc/data/gpus.csv."""
    step = {"context": 512, "recipe": "bf16", "attention": "eager", "gpu": gpu}
    prompt = {"context": 2048, "batch": 1, "gpu": gpu}
    models = ("Llama-3.2-1B", "Qwen2.5-0.5B")
    cases = [
        Case("context_size", "", {"gpu": gpu}),
        *(Case(peak, name, step | {"batch": batch}) for name in models for batch in (1, 4) for peak in _PEAKS),
        *(Case("allocated_prefill", name, prompt | {"attention": "sdpa", "prefill": "whole"}) for name in models),
        *(Case("kv_cache", name, prompt | {"engine": "transformers"}) for name in models),
        *(Case("decode_speed", name, prompt | {"weights": "BF16"}) for name in models),
    ]
    return (Section("G", "card", _HUGGING_FACE, tuple(cases), suffix=f" {gpu}"),)


_PEAKS = ("allocated_peak", "reserved_peak")
