"""The files of a model, read by their headers alone: what they store, and what that says of the model."""

from memcalc.checkpoints.gguf import Skipped
from memcalc.checkpoints.gguf_config import config_of, layers_in
from memcalc.checkpoints.layer_caches import LayerCache, layers_of
from memcalc.checkpoints.sources import Source, is_config, read, resolve
from memcalc.checkpoints.stack import Stack, stack_of
from memcalc.checkpoints.stored import Checkpoint, StoredTensor

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
