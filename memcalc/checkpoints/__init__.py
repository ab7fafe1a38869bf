"""The files of a model, read by their headers alone: what they store, and what that says of the model."""

from importlib import import_module

__all__ = [
    "Checkpoint",
    "LayerCache",
    "Skipped",
    "Source",
    "Stack",
    "StoredTensor",
    "config_of",
    "is_config",
    "layers_in",
    "layers_of",
    "read",
    "resolve",
    "stack_of",
]

_HOMES = {
    "gguf": ("Skipped",),
    "gguf_config": ("config_of", "layers_in"),
    "layer_caches": ("LayerCache", "layers_of"),
    "sources": ("Source", "is_config", "read", "resolve"),
    "stack": ("Stack", "stack_of"),
    "stored": ("Checkpoint", "StoredTensor"),
}
"""Module → the names that it has: loaded when first asked for, because models with a name have no files."""


def __getattr__(name: str) -> object:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
