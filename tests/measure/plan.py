"""The plan: every amount that `make measure` measures. New cases go to the end of a section: the ids of rows stay."""

from measure.cases import Case, Section
from measure.engine_cases import ENGINE
from memcalc import catalogue

_HUGGING_FACE = ("torch", "transformers")


def _weights() -> tuple[Case, ...]:
    return tuple(Case("weights", name, {"weights": "BF16"}) for name in catalogue.names("models"))


_FAMILIES = (
    *("Llama-2-7B", "Llama-3-8B", "Mistral-7B-v0.1", "Qwen2.5-7B", "Qwen3-8B", "Phi-3-mini-4k", "Gemma-3-4B", "GPT-2"),
    *("Pythia-6.9B", "OPT-125M"),
)
"""A model or two of each family whose kept tensors are known; Gemma-2 computes its scores in one way only."""

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
    layer_norm = {
        "context": 1024,
        "batch": 4,
        "recipe": "fp32",
        "attention": "eager",
    }  # in 16 bit, CPUs keep half of it
    return (*contexts, *others, Case("step_peak", "GPT-2", layer_norm))


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


def _shards() -> tuple[Case, ...]:
    return tuple(
        Case(term, name, {"recipe": recipe, "sharding": "fsdp", "data_parallel": cards} | layers)
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
    return tuple(
        Case("prefill", name, base | {"attention": kernel, "prefill": chunk})
        for name in ("Llama-2-7B", "Llama-3-8B", "Mistral-7B-v0.1", "Qwen2.5-7B", "Pythia-6.9B")
        for kernel in ("sdpa", "eager")
        for chunk in ("whole", 512)
    )


_FORMATS = {
    "bitsandbytes": ("NF4", "NF4-double", "FP4", "LLM.int8"),
    "hqq": ("HQQ-INT8-g64", "HQQ-INT4-g64", "HQQ-INT3-g64", "HQQ-INT2-g64", "HQQ-INT4-g32"),
    "optimum-quanto": ("quanto-INT8", "quanto-INT4", "quanto-INT2", "quanto-FP8"),
}
_CACHE_FORMATS = {
    "hqq": ("HQQ-INT8-g64", "HQQ-INT4-g64", "HQQ-INT2-g32", "HQQ-INT1-g64"),
    "optimum-quanto": ("quanto-INT4-g64", "quanto-INT2-g64"),
}
"""Library → formats."""


def _quantized() -> tuple[Case, ...]:
    formats = [(library, name, (1024, 2048)) for library, names in _FORMATS.items() for name in names]
    formats += [("bitsandbytes", name, (257, 4097)) for name in ("NF4", "NF4-double")]
    types = [name for name in catalogue.names("ggml_types") if name not in ("I8", "I16", "I32", "I64", "F64")]
    caches = [(library, name, 512, 1) for library, names in _CACHE_FORMATS.items() for name in names]
    caches += [("hqq", "HQQ-INT4-g64", 600, 2), ("optimum-quanto", "quanto-INT4-g64", 520, 1)]
    prompt = {"prompt": 512, "full_layers": 2, "dense_layers": 2}
    return (
        *(
            Case("matrix", "", {"format": name, "rows": rows, "columns": columns}, ("torch", library))
            for library, name, (rows, columns) in formats
        ),
        *(Case("blocks", "", {"format": name, "rows": 64, "columns": 1024}, ("gguf",)) for name in types),
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
    runs = [
        ("GPT-2", 256, 4, {}),
        ("GPT-2", 1024, 1, {}),
        ("GPT-2", 1024, 2, {}),
        ("Qwen2.5-0.5B", 256, 1, {"full_layers": 4, "dense_layers": 4}),
    ]
    base = {"recipe": "fp32", "attention": "eager"}
    return tuple(
        Case("process_peak", name, {"context": context, "batch": batch} | base | more)
        for name, context, batch, more in runs
    )


SECTIONS = (
    Section("W", "weights", _HUGGING_FACE, _weights()),
    Section("A", "saved", _HUGGING_FACE, (*_layers(), *_heads(), *_models())),
    Section("P", "saved", _HUGGING_FACE, _steps()),
    Section("F", "prefills", _HUGGING_FACE, _prefills()),
    Section("C", "caches", _HUGGING_FACE, _caches()),
    Section("O", "optimizers", (*_HUGGING_FACE, "bitsandbytes"), _optimizers()),
    Section("S", "shards", _HUGGING_FACE, _shards()),
    Section("Q", "quantized", (*_HUGGING_FACE, "bitsandbytes", "hqq", "optimum-quanto", "gguf"), _quantized()),
    Section("L", "engine", ("llama-cpp-python", "gguf"), ENGINE),
    Section("R", "processes", _HUGGING_FACE, _processes()),
)


def on_a_card(gpu: str) -> tuple[Section, ...]:
    """Return what only a card can tell; `gpu` is its name in memcalc/data/gpus.csv."""
    step = {"context": 512, "recipe": "bf16", "attention": "eager", "gpu": gpu}
    prompt = {"context": 2048, "batch": 1, "gpu": gpu}
    models = ("Llama-3.2-1B", "Qwen2.5-0.5B")
    cases = [
        Case("context_size", "", {"gpu": gpu}),
        *(Case(peak, name, step | {"batch": batch}) for name in models for batch in (1, 4) for peak in _PEAKS),
        *(Case("prefill", name, prompt) for name in models),
        *(
            Case("kv_cache", name, {"context": 2048, "batch": 1, "engine": "transformers", "gpu": gpu})
            for name in models
        ),
        *(Case("decode_speed", name, {"context": 2048, "batch": 1, "weights": "BF16", "gpu": gpu}) for name in models),
    ]
    return (Section("G", "card", _HUGGING_FACE, tuple(cases), suffix=f" {gpu}"),)


_PEAKS = ("allocated_peak", "reserved_peak")
