"""The models on which training was measured, and runs to draw from."""

from hypothesis import strategies as st

from memcalc import catalogue
from memcalc.estimate import states
from memcalc.specs.model import Model
from memcalc.specs.training import Training

_COUNTS = ("vocabulary", "hidden", "embedding_tables", "norm_vectors", "full_layers", "dense_layers", "intermediate")
_COUNTS += ("heads", "kv_heads", "head_dim")
_MODELS = {
    "llama20M": (8000, 512, 2, 1, 4, 4, 1376, 8, 4, 64),
    "gpt2_24M": (30011, 384, 1, 2, 6, 6, 1536, 6, 6, 64),
    "llama_odd9M": (7001, 328, 1, 1, 3, 3, 877, 8, 2, 82),
    "llama-small-A": (4001, 256, 2, 1, 3, 3, 688, 8, 4, 32),
    "llama-small-B": (1003, 250, 1, 1, 2, 2, 667, 5, 5, 50),
}
"""Model of tests/data/training.csv → its counts, and below what GPT-2 has besides."""
_BESIDES = {"positions": 512, "mlp_matrices": 2, "mlp_bias": 1, "qkv_bias": 1, "output_bias": 1, "packing": "qkv"}


def small(name):
    """A model on which training was measured."""
    besides = _BESIDES if name == "gpt2_24M" else {}
    return Model(name=name, **dict(zip(_COUNTS, _MODELS[name], strict=True)), **besides)


def memory(model, run, place="gpu"):
    """The bytes of each term, and of each of its parts."""
    known, named = model.values | run.values, {}
    for term in states.states(model, run, place):
        named |= {part.name: part.value(known) for part in term.every_part.values()} | {term.name: term.exact(known)}
    return named


def needed(model, run):
    """The bytes of the three terms."""
    return sum(states.places(model, run)["gpu"].values())


SMALL = st.sampled_from([small(name) for name in _MODELS])
RECIPES = st.sampled_from(catalogue.names("recipes"))
STAGES = st.sampled_from(
    [{"zero": 0}, {"zero": 1}, {"zero": 2}, {"zero": 3}, {"sharding": "fsdp"}, {"sharding": "fsdp2"}]
)
RUNS = st.builds(
    lambda recipe, stage, cards: Training(recipe=recipe, data_parallel=cards, **stage),
    RECIPES,
    STAGES,
    st.integers(1, 2000),
)

STEPS = st.builds(
    lambda stage, cards, **choices: Training(data_parallel=cards, **stage, **choices),
    STAGES,
    st.integers(1, 64),
    context=st.integers(1, 5000),
    batch=st.integers(1, 8),
    recipe=st.sampled_from(["bf16", "mixed", "fp32", "autocast"]),
    recompute=st.sampled_from(["none", "full"]),
    attention=st.sampled_from(["sdpa", "eager"]),
    optimizer=st.sampled_from(["AdamW", "AdamW fused", "SGD"]),
    loss=st.sampled_from(["plain", "plain-4.45", "fused", "fused_linear"]),
)
STEPPED = st.sampled_from(["Mistral-7B-v0.1", "Llama-3.2-1B", "GPT-2", "Gemma-2-9B"]).map(Model.named)
"""Models whose forward and backward pass is known, on cards that may share."""
