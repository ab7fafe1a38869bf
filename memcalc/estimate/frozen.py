"""Frozen parts of a run that trains the rest: the embedding and the first layers, of models whose layers are alike."""

from memcalc.errors import must
from memcalc.specs.model import Model
from memcalc.specs.training import Training

_MIXERS = ("full_layers", "window_layers", "latent_layers")
_FEEDS = ("dense_layers", "moe_layers")


def kinds(model: Model, run: Training) -> tuple[str, ...]:
    """Return the fields each of which counts all layers of a model; none if the run freezes the embedding alone.

    Raises InputError if the run freezes more layers than there are, or layers of a model that has several kinds.

    >>> kinds(Model.named("Mixtral-8x7B"), Training(frozen=4))
    ('full_layers', 'moe_layers')
    """
    if not run.frozen_layers:
        return ()
    found = tuple(name for name in (*_MIXERS, *_FEEDS) if getattr(model, name) == model.layers)
    if len(found) != 2:
        raise must("frozen", f"0 or 'embedding' for {model.name}, whose layers are of several kinds", run.frozen)
    if run.frozen_layers >= model.layers:
        raise must("frozen", f"less than the {model.layers:,} layers of {model.name}", run.frozen)
    return found


def details(model: Model, run: Training) -> dict[str, bool]:
    """Return what decides which tensors are kept: a name of `formula.saved_tensors.DETAILS` → whether it holds."""
    return {
        "frozen_embedding": bool(run.frozen),
        "frozen_head": bool(run.frozen) and model.embedding_tables == 1,
    }
