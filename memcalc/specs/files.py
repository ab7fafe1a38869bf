"""A model in hand: its files' headers give the weights to the byte, its config.json or metadata the rest."""

from collections.abc import Mapping
from pathlib import Path

from memcalc import checkpoints
from memcalc.checkpoints import Checkpoint
from memcalc.errors import InputError
from memcalc.specs import families


def fields(source: str | Path, tag: str = "") -> dict[str, object]:
    """Return the fields of the model in a GGUF file, in safetensors, or in a folder with them.

    Parameters
    ----------
    source : a file, an index of several, or a folder, also one of Ollama's
    tag : Ollama's NAME:TAG, with its folder of models

    Raises InputError if the files cannot be read, or say too little of the model.
    """
    found = checkpoints.read(source, tag)
    parts = dict(found.parts)
    described = families.fields(_config(found))
    described |= {"name": found.name, "source": found.name, "file_weights": parts.pop("weights")}
    others = tuple(f"{part} ({size:,} bytes in the file)" for part, size in parts.items())
    return described | {"ignored": (*described["ignored"], *others)}


def _config(found: Checkpoint) -> Path | Mapping:
    """Return what describes the architecture: the file beside safetensors, or the metadata of GGUF."""
    if found.config is not None:
        return found.config
    if found.kind != "GGUF":
        beside = f"{found.name} has no config.json beside it, which says how many heads and layers there are"
        raise InputError(f"{beside}; fetch it into the same folder.")
    return checkpoints.config_of(found.metadata, [tensor.name for tensor in found.tensors])
