"""A model in hand: its files' headers give the weights to the byte, its config.json or metadata the rest."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from memcalc import checkpoints
from memcalc.checkpoints import Checkpoint, LayerCache, layers_in, layers_of
from memcalc.checkpoints.stored import GGUF, WEIGHTS
from memcalc.errors import InputError
from memcalc.formula.symbols import BY_NAME
from memcalc.specs import families
from memcalc.specs.families import UnknownFamilyError


def fields(source: str | Path, tag: str = "") -> dict[str, object]:
    """Return the fields of the model in a GGUF file, in safetensors, or in a folder with them.

    Parameters
    ----------
    source : a file, an index of several, or a folder, also one of Ollama's
    tag : Ollama's NAME:TAG, with its folder of models

    Of an architecture that is not known, they are those of a `WeighedModel`, of which `unknown` says why.
    Raises InputError if the files cannot be read, or contradict themselves.
    """
    found = checkpoints.read(source, tag)
    weighed = _weighed(found)
    config = _config(found)
    try:
        described = families.fields(config)
    except UnknownFamilyError as problem:
        metadata = config if found.kind == GGUF else {}
        why = str(problem) if config else "no config.json beside the file says what the model is."
        said = {"name": found.name, "unknown": why, "trained_context": _trained(config)}
        return weighed | said | _cache_told(found, metadata)
    left = [key for key in described["ignored"] if not weighed.get(_IN_FILES.get(key, ""))]
    ignored = (*left, *weighed["ignored"])
    return described | {"name": found.name, "source": found.name} | weighed | {"ignored": ignored}


_IN_FILES = {
    "vision_config": "file_vision",
    "audio_config": "file_audio",
    "num_nextn_predict_layers": "file_draft",
    "num_mtp_layers": "file_draft",
}
"""Key of a config.json that the formula has no use for → what counts it where the files are at hand."""


def _weighed(found: Checkpoint) -> dict[str, object]:
    """Return the bytes of each part of the model; what no term counts is named."""
    parts = dict(found.parts)
    if not parts[WEIGHTS]:
        raise InputError(f"{found.name} holds no model, but {' and '.join(part for part in parts if parts[part])}.")
    counted = {f"file_{part}": parts.pop(part) for part in list(parts) if f"file_{part}" in BY_NAME}
    return counted | {"ignored": tuple(f"{part} ({size:,} bytes in the file)" for part, size in parts.items())}


def _config(found: Checkpoint) -> Path | Mapping:
    """Return what describes the architecture: the file beside safetensors, or the metadata of GGUF."""
    if found.config is not None:
        return found.config
    if found.kind != GGUF:
        return {}
    return checkpoints.config_of(found.metadata, [tensor.name for tensor in found.tensors])


def _trained(config: Path | Mapping) -> int:
    """Return the longest context that the model was trained for, if the metadata of its file say so."""
    return config.get("max_position_embeddings", 0) if isinstance(config, Mapping) else 0


def _cache_told(found: Checkpoint, config: dict[str, object]) -> dict[str, object]:
    """Return the counts of the cache that the files of a model tell, or why they do not.

    Parameters
    ----------
    config : what the metadata of a GGUF file say; nothing for safetensors, whose names and shapes are read
    """
    try:
        return _summed(layers_in(config) if config else layers_of(found.tensors))
    except InputError as problem:
        return {"untold": str(problem)}


def _summed(layers: Iterable[LayerCache]) -> dict[str, object]:
    """Return what all layers keep together; the size of a state is not told by the shape of its parameters."""
    layers = tuple(layers)
    kernels = {layer.conv[1] for layer in layers if layer.conv}
    if any(layer.state for layer in layers) or len(kernels) > 1:
        raise InputError("the cache cannot be told from the tensors alone: some layers keep a state.")
    return {
        "token_keys": sum(layer.keys + layer.latent + layer.index for layer in layers),
        "token_values": sum(layer.values for layer in layers),
        "conv_channels": sum(layer.conv[0] for layer in layers if layer.conv),
        "conv": max(kernels, default=0),
    }
