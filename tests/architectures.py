"""Models to draw from: every kind of layer, in every mixture that the formula knows, small and large."""

from hypothesis import strategies as st

from memcalc import Model

KINDS = ("full_layers", "window_layers", "latent_layers", "mamba_layers", "mamba2_layers")
_SMALL, _SIZES, _FLAGS = st.integers(1, 9), st.integers(1, 5000), st.integers(0, 1)


@st.composite
def _attention(draw):
    kv_heads, head_dim = draw(_SMALL), draw(st.integers(1, 256))
    flags = {name: draw(_FLAGS) for name in ("qkv_bias", "output_bias", "qk_norms", "sink_heads")}
    return flags | {
        "heads": kv_heads * draw(_SMALL),
        "kv_heads": kv_heads,
        "head_dim": head_dim,
        "rotary": draw(st.integers(0, head_dim)),
    }


@st.composite
def _latent(draw):
    rope_dim = draw(_SMALL)
    return {
        "heads": draw(_SMALL),
        "head_dim": rope_dim + draw(st.integers(1, 128)),
        "value_dim": draw(st.integers(1, 128)),
        "rope_dim": rope_dim,
        "kv_rank": draw(st.integers(1, 600)),
        "query_rank": draw(st.just(0) | st.integers(1, 600)),
        "latent_layers": draw(_SMALL),
    }


@st.composite
def _states(draw, kind):
    groups = draw(_SMALL)
    state_heads = groups * draw(_SMALL)
    heads = {"groups": groups, "state_heads": state_heads} if kind == "mamba2_layers" else {}
    rank = {"time_rank": draw(_SMALL), "state_norms": draw(_FLAGS)} if kind == "mamba_layers" else {}
    return (
        heads
        | rank
        | {
            "inner": state_heads * draw(st.integers(1, 64)),
            "state": draw(st.integers(1, 128)),
            "conv": draw(st.integers(2, 4)),
            "state_bias": draw(_FLAGS),
            "conv_bias": draw(_FLAGS),
            kind: draw(_SMALL),
        }
    )


@st.composite
def _windows(draw):
    return {"window_layers": draw(_SMALL), "window": draw(st.integers(1, 10_000))}


@st.composite
def _experts(draw, layers):
    experts, shared = draw(_SMALL), draw(st.just(0) | _SIZES)
    return {
        "moe_layers": draw(st.integers(1, layers)),
        "experts": experts,
        "active_experts": draw(st.integers(1, experts)),
        "expert_intermediate": draw(_SIZES),
        "expert_bias": draw(_FLAGS),
        "shared_intermediate": shared,
        "shared_gate": draw(_FLAGS) if shared else 0,
    }


_FULL = st.fixed_dictionaries({"full_layers": _SMALL})
_LAYERS = {
    "full": st.tuples(_attention(), _FULL),
    "windows": st.tuples(_attention(), _windows()),
    "full and windows": st.tuples(_attention(), _windows(), _FULL),
    "latent": st.tuples(_latent()),
    "mamba": st.tuples(_states("mamba_layers")),
    "mamba2": st.tuples(_states("mamba2_layers")),
    "full and mamba": st.tuples(_attention(), _FULL, _states("mamba_layers")),
    "windows and mamba2": st.tuples(_attention(), _windows(), _states("mamba2_layers")),
}
"""Ways to look at other tokens, and the fields that each gives a model."""


@st.composite
def architectures(draw, kinds=tuple(_LAYERS), experts=None):
    """Draw a model with layers of one of the kinds; with or without experts, or (None) either."""
    fields = {name: value for part in draw(_LAYERS[draw(st.sampled_from(kinds))]) for name, value in part.items()}
    layers = sum(fields.get(kind, 0) for kind in KINDS)
    if experts or (experts is None and draw(st.booleans())):
        fields |= draw(_experts(layers))
    fields["dense_layers"] = draw(st.integers(0, layers - fields.get("moe_layers", 0)))
    return Model(
        name="drawn",
        family="llama",
        packing=draw(st.sampled_from(["", "qkv", "qkv gate_up"])),
        vocabulary=draw(_SIZES),
        hidden=draw(_SIZES),
        embedding_tables=draw(st.integers(1, 2)),
        norm_vectors=draw(st.integers(1, 2)),
        layer_norms=draw(st.sampled_from([1, 2, 4])),
        positions=draw(st.sampled_from([0, 1024])),
        embedding_norms=draw(_FLAGS),
        mlp_matrices=draw(st.integers(2, 3)),
        intermediate=draw(_SIZES),
        mlp_bias=draw(_FLAGS),
        **fields,
    )


ATTENTION = tuple(kind for kind in _LAYERS if kind not in ("mamba", "mamba2"))
STATES = ("mamba", "mamba2")
DENSE = ("full", "windows", "full and windows")
