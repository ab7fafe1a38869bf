"""Which kind each layer is, one by one from the first: as a file lists them, or as the code of the family has it."""

from collections.abc import Iterator
from functools import lru_cache

from memcalc.catalogue import rows
from memcalc.formula.lineage import lineage
from memcalc.specs.model import Model

_MIXERS = {
    **{"F": ("full_layers",), "W": ("window_layers",), "L": ("latent_layers",)},
    **{"S": ("mamba_layers",), "M": ("mamba2_layers",), "D": ("delta_layers",)},
    **{"C": ("conv_layers",), "N": ("linear_layers",), "P": ("full_layers", "mamba2_layers", "parallel_layers")},
    **{"-": ("bare_layers", "dense_layers"), "E": ("bare_layers", "moe_layers")},
}
"""Letter for how a layer looks at other tokens → the fields of a `Model` that count it; the last two look at none."""

_FEEDS = {
    **{"-": ("dense_layers",), "E": ("moe_layers",), "w": ("wide_layers",)},
    **{"B": ("dense_layers", "moe_layers"), ".": ()},
}
"""Letter for what stands behind that: an MLP, experts, a wide MLP, both, nothing → the same."""

_SHARING = {"full_layers": "sharing_layers", "window_layers": "window_sharing_layers"}
_COUNTED = {
    *(name for kinds in (_MIXERS, _FEEDS) for names in kinds.values() for name in names),
    *(*_SHARING.values(), "index_layers"),
}


@lru_cache(maxsize=256)
def layers_of(model: Model) -> tuple[frozenset[str], ...] | None:
    """Return for each layer, from the first on, the fields of the model that count it; None if the order is not known.

    Source: data/layer_orders.csv, for models whose file did not list it.

    >>> from memcalc.specs.model import Model
    >>> [sorted(layer) for layer in layers_of(Model.named("gpt-oss-20b"))[:2]]
    [['moe_layers', 'window_layers'], ['full_layers', 'moe_layers']]
    """
    for mixers, feeds in _candidates(model):
        if len(mixers) == len(feeds) == model.layers:
            found = _kinds(model, mixers, feeds)
            if all(sum(name in layer for layer in found) == getattr(model, name) for name in _COUNTED):
                return found
    return None


def _candidates(model: Model) -> Iterator[tuple[str, str]]:
    """Yield orders that there may be: what the file says, what goes without saying, what the tables have."""
    feeds = model.feeds or _feeds(model)
    if model.order:
        yield model.order, feeds
        return
    for letter in _MIXERS:
        yield letter * model.layers, feeds
    of = {model.name} | lineage(model.family)
    for row in rows("layer_orders"):
        if row["of"] in of:
            yield _repeated(row["mixers"], model), _repeated(row["feeds"], model) or feeds


def _repeated(unit: str, model: Model) -> str:
    return (unit * model.layers)[: model.layers]


def _feeds(model: Model) -> str:
    """Return MLPs first, then wide ones, then experts, as code begins with MLPs."""
    counts = model.dense_layers, model.wide_layers, model.moe_layers
    if model.bare_layers or not any(counts):
        return "." * model.layers
    both = model.dense_layers == model.moe_layers == model.layers
    return "B" * model.layers if both else "".join(map(str.__mul__, "-wE", counts))


def _kinds(model: Model, mixers: str, feeds: str) -> tuple[frozenset[str], ...]:
    shared = model.layers - model.sharing_layers - model.window_sharing_layers
    found = []
    for place, (mixer, feed) in enumerate(zip(mixers, feeds, strict=True)):
        names = [_SHARING.get(name, name) if place >= shared else name for name in _MIXERS[mixer]]
        names += ["index_layers"] * (mixer == "L" and model.index_layers == model.latent_layers)
        found.append(frozenset((*names, *_FEEDS[feed])))
    return tuple(found)
