"""A model in hand: its files' headers give the weights to the byte, its config.json or metadata the rest."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from memcalc import checkpoints
from memcalc.checkpoints import Checkpoint, LayerCache, layers_in, layers_of, stack_of
from memcalc.checkpoints.stored import GGUF, WEIGHTS, layer_of
from memcalc.errors import InputError
from memcalc.formula.symbols import BY_NAME, GLOSSARY
from memcalc.formula.tensors import LAYERS
from memcalc.specs import families
from memcalc.specs.config import load
from memcalc.specs.families import UncountedFamilyError, UnknownFamilyError
from memcalc.specs.stored import stored_in


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
    weighed, config = _weighed(found), _config(found)
    try:
        described = families.fields(config)
    except UnknownFamilyError as problem:
        return weighed | _unknown(found, config, problem)
    except InputError as problem:
        of_metadata = f"{found.name}, in the words of a config.json: " if found.kind == GGUF else ""
        raise InputError(f"{of_metadata}{problem}") from None
    _check_layers(found, described)
    left = [key for key in described["ignored"] if not weighed.get(_IN_FILES.get(key, ""))]
    said = stored_in(config) if isinstance(config, Path) else None
    weighed |= _read_in_part(found, described)
    return described | weighed | {"ignored": (*left, *weighed["ignored"]), "source": found.name, "stored": said}


def _unknown(found: Checkpoint, config: Path | Mapping, problem: UnknownFamilyError) -> dict[str, object]:
    """Return what the files of an architecture tell that is not known, or not counted."""
    values = load(config)[0] if config else {}
    trained = values.get("max_position_embeddings")
    trained = trained if type(trained) is int and 0 <= trained <= BY_NAME["context"].limit else 0
    why = str(problem) if config else "no config.json beside the file says what the model is."
    if isinstance(problem, UncountedFamilyError):
        return {"unknown": why, "trained_context": trained, "untold": why}
    return {"unknown": why, "trained_context": trained} | _cache_told(found, values if found.kind == GGUF else {})


def _check_layers(found: Checkpoint, described: Mapping[str, object]) -> None:
    """Raise InputError if the tensors are in other layers than the config or the metadata have."""
    layers = int(LAYERS.xreplace({one: described.get(GLOSSARY[one].name, 0) for one in LAYERS.free_symbols}))
    stacks: dict[str, set[str]] = {}
    for tensor in found.tensors:
        stack, _, number = layer_of(tensor.name).rpartition(".")
        if number and tensor.part == WEIGHTS:
            stacks.setdefault(stack, set()).add(number)
    numbers = [len(held) for held in stacks.values()]
    if numbers and layers not in numbers:
        raise InputError(f"{found.name} has tensors of {max(numbers):,} layers, but describes a model of {layers:,}.")


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
    left = tuple(f"{part} ({size:,} bytes in the file)" for part, size in parts.items())
    said = {"file_kind": found.kind, "stack": stack_of(found), "ignored": left, "said": found.notes}
    return {"name": found.name, **counted, **said}


def _read_in_part(found: Checkpoint, described: Mapping[str, object]) -> dict[str, int]:
    """Return the bytes of which a token reads a part: those of one routed expert, and of rows that are not looked up.

    An embedding that is the output head too is read whole.
    """
    parts, experts = Counter(found.read_in_part), max(1, described.get("experts", 0))
    head = described["embedding_tables"] > 1 or parts["head"]
    return {
        "file_expert": -(-parts["expert"] // experts),
        "file_rows": parts["table"] + bool(head) * parts["embedding"],
    }


def _config(found: Checkpoint) -> Path | Mapping:
    """Return what describes the architecture: the metadata of GGUF, or the file beside safetensors."""
    if found.kind == GGUF:
        return checkpoints.config_of(found.metadata, [tensor.name for tensor in found.tensors])
    return found.config or {}


def _cache_told(found: Checkpoint, config: dict[str, object]) -> dict[str, object]:
    """Return the counts of the cache that the files of a model tell, or why they do not.

    Parameters
    ----------
    config : what the metadata of a GGUF file say; nothing for safetensors, whose names and shapes are read
    """
    if not found.known:
        return {"untold": "an index alone does not tell the cache: put its files or a config.json beside it."}
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
