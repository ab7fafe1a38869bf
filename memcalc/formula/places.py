"""Which layers of a model hold which tensors, as far as its counts can tell."""

from collections.abc import Mapping

import sympy

from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import LAYERS, ONCE, Tensor

MIXERS = (
    *("attention", "window_attention", "sharing_attention", "window_sharing_attention", "latent_attention"),
    *("mamba", "mamba2", "delta", "short_conv", "linear_attention"),
)
"""Groups of which a layer has one: how it looks at other tokens."""

AS_BUILT = ("mlp", "wide_mlp", "expert", "router")
"""Groups whose layers are known: code begins with MLPs, and ends with wide ones or with experts."""

_BOTH, _BARE = symbol("parallel_layers"), symbol("bare_layers")


def places(tensors: tuple[Tensor, ...], known: Mapping[sympy.Symbol, int]) -> dict[str, range]:
    """Return which layers hold each group, counted from 0: MLPs the first ones, wide ones and experts the last.

    Parameters
    ----------
    tensors : what a model holds, from `tensors.present`
    known : the counts of the model

    Of a model whose layers are one thing each, they follow what mixes tokens.
    What mixes tokens stands kind by kind: how layers of several kinds take turns is not known here.
    """
    often = {tensor.group: int((sympy.S.One * tensor.layers).xreplace(known)) for tensor in tensors}
    layers, before, starts = int(LAYERS.xreplace(known)), 0, {}
    for group in MIXERS:
        beside = known[_BOTH] if group == "mamba2" else 0  # of these layers each has attention too
        starts[group] = before - beside
        before += often.get(group, 0) - beside
    bare = known[_BARE] if often.get("mlp", 0) + often.get("expert", 0) == known[_BARE] else 0
    starts["mlp"] = layers - bare if bare else 0  # where each layer is one thing, those that mix tokens come first
    starts |= {group: layers - often.get(group, 0) for group in AS_BUILT[1:]}
    starts["indexer"] = starts["latent_attention"]
    found = {group: range(starts.get(group, 0), starts.get(group, 0) + count) for group, count in often.items()}
    return {group: layers for group, layers in found.items() if group not in ONCE}
