"""What a user names as a model's files: a file, an index, a folder, or a name in the folder of Ollama."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from memcalc.checkpoints import gguf, ollama, safetensors
from memcalc.checkpoints.regular import beginning, is_file, is_folder, listed, load, path_of, refused, siblings
from memcalc.checkpoints.stored import GGUF, SAFETENSORS, Checkpoint
from memcalc.errors import InputError, instance

INDEX, MANIFEST = "index", "manifest"
_KNOWN = "a .gguf, a .safetensors, its index in JSON, a manifest of Ollama, or a folder of these"
_LOOKED_AT, _SHOWN, _PICKLED = 64, 5, (b"PK\x03\x04", b"\x80\x02", b"\x80\x04")
_PROJECTOR = "mmproj"
_NUMBERED = re.compile(r"model-\d{5}-of-(?P<count>\d{5})\.safetensors")


@dataclass(frozen=True)
class Source:
    """Where the tensors of a model are.

    Parameters
    ----------
    kind : "GGUF", "safetensors", "index" or "manifest"
    path : of the file that is read first
    others : more files of safetensors without an index, or the projector beside a GGUF file
    notes : sentences on what else is there and was left out
    """

    kind: str
    path: Path
    others: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def read(source: str | Path, tag: str = "") -> Checkpoint:
    """Return what the files of a model store, read by their headers alone.

    Parameters
    ----------
    source : a .gguf (of a split one, any part), a .safetensors, an index of safetensors, a manifest of Ollama, or a
        folder: with a config.json and safetensors, with one GGUF file, or that of Ollama
    tag : NAME:TAG of a model in the folder of Ollama

    Raises InputError in one sentence for what is none of these, is cut off, contradicts itself, or is not there.
    Sources: ggml2026llama, ggml/src/gguf.cpp; huggingface2026safetensors, safetensors/src/tensor.rs.
    """
    found = resolve(source, tag)
    checkpoint = _READERS[found.kind](found)
    config = (found.path if found.others and found.kind == SAFETENSORS else found.path.parent) / "config.json"
    beside = config if is_file(config) and found.kind != MANIFEST else None
    return replace(checkpoint, name=str(source), config=beside, notes=(*checkpoint.notes, *found.notes))


def resolve(source: str | Path, tag: str = "") -> Source:
    """Return what a path stands for, without reading tensors; the parameters and errors are those of `read`."""
    instance("tag", tag, str)
    path = path_of(source)
    root = ollama.root_of(path) if is_folder(path) else None
    if root:
        return Source(MANIFEST, ollama.manifest_of(root, tag))
    if tag:
        raise InputError(f"tag must be left out for {str(path)!r}, which is not the folder of Ollama's models.")
    return _in_folder(path) if is_folder(path) else _with_shards(Source(_kind(path), path))


def is_config(path: Path) -> bool:
    """Return whether a file is JSON, but neither an index of safetensors nor a manifest of Ollama.

    Raises InputError if there is no such file, or it is JSON that cannot be read.
    """
    if not _is_object(beginning(path, _LOOKED_AT)):
        return path.suffix == ".json"
    return not _listed_in(load(path, infinite=True))  # which a config.json may say


def _is_object(start: bytes) -> bool:
    """Return whether a text begins as an object in JSON does."""
    return start.decode(json.detect_encoding(start), errors="ignore").lstrip().startswith("{")


def _listed_in(values: Mapping) -> str:
    """Return which list of files the object in a JSON file is; "" if it is none."""
    return INDEX if "weight_map" in values else MANIFEST if ollama.is_manifest(values) else ""


def _with_shards(source: Source) -> Source:
    """Return one of several safetensors with all the others; what stands alone stays as it is."""
    paths = siblings(source.path) if source.kind == SAFETENSORS else [source.path]
    return replace(source, path=source.path.parent, others=tuple(paths)) if len(paths) > 1 else source


def _kind(path: Path) -> str:
    """Return the kind of a file, which its first bytes show; where they do not, its name does."""
    start = beginning(path, _LOOKED_AT)
    if start.startswith(safetensors.POINTER):
        raise refused(path, "only stands for a file that Git has not fetched: git lfs pull fetches it")
    if start.startswith(gguf.MAGIC) or path.suffix.lower() == ".gguf":
        return GGUF
    if path.suffix.lower() == ".safetensors" or (path.suffix != ".json" and start[8:9] == b"{"):
        return SAFETENSORS
    if _is_object(start):
        return _kind_of_json(path)
    pickled = ": PyTorch's own files are not read" if start.startswith(_PICKLED) else ""
    raise refused(path, f"is none of the files of a model that are read{pickled}; they are {_KNOWN}")


def _kind_of_json(path: Path) -> str:
    kind = _listed_in(load(path))
    if kind:
        return kind
    raise refused(path, "is neither an index of safetensors, which has a weight_map, nor a manifest of Ollama")


def _in_folder(folder: Path) -> Source:
    """Return what a folder holds: of one model only."""
    files = [one for one in listed(folder) if is_file(one)]
    ggufs = [one for one in files if one.suffix.lower() == ".gguf"]
    indexes = [one for one in files if one.name.endswith(safetensors.INDEX)]
    tensors = [one for one in files if one.suffix.lower() == ".safetensors"]
    if ggufs and (indexes or tensors):
        raise _several(folder, [*ggufs[:1], *(indexes or tensors)[:1]])
    if ggufs:
        return _one_gguf(folder, ggufs)
    if indexes or tensors:
        return _one_model(folder, indexes, tensors)
    inside = ollama.folders(folder)
    if "snapshots" in inside:  # the cache of the Hub: one folder a revision
        revisions = ollama.folders(folder / "snapshots")
        if len(revisions) == 1:
            return _in_folder(folder / "snapshots" / revisions[0])
        inside = [f"snapshots/{one}" for one in revisions]
    has = f": it has the folders {', '.join(inside[:_SHOWN])}" if inside else ""
    raise InputError(f"folder {str(folder)!r} holds neither safetensors nor a GGUF file{has}.")


def _one_model(folder: Path, indexes: list[Path], tensors: list[Path]) -> Source:
    """Return the file that is called model, the index, the only file, or all the numbered ones, in this order."""
    for kind, paths, name in (
        (SAFETENSORS, tensors, "model.safetensors"),
        (INDEX, indexes, f"model{safetensors.INDEX}"),
    ):
        called = [one for one in paths if one.name == name]
        if called:
            return Source(kind, called[0])
    if len(indexes or tensors) == 1:
        return Source(INDEX if indexes else SAFETENSORS, (indexes or tensors)[0])
    numbered = [_NUMBERED.fullmatch(one.name) for one in tensors]
    if indexes or not all(numbered):
        raise _several(folder, indexes or tensors)
    if {int(one["count"]) for one in numbered} != {len(tensors)}:
        raise InputError(f"folder {str(folder)!r} holds {len(tensors):,} files of a model, and not all.")
    return Source(SAFETENSORS, folder, tuple(tensors))


def _one_gguf(folder: Path, ggufs: list[Path]) -> Source:
    """Return the only GGUF file, or the only set of split ones, and the only projector beside it."""
    projectors = [one for one in ggufs if _PROJECTOR in one.name.casefold()]
    models = list(dict.fromkeys(siblings(one)[0] for one in ggufs if one not in projectors))
    if len(models) > 1 or not models:
        raise _several(folder, models or projectors)
    if len(projectors) > 1:
        note = f"Left out: {', '.join(one.name for one in projectors)}, of which a program loads one."
        return Source(GGUF, models[0], notes=(note,))
    return Source(GGUF, models[0], tuple(projectors))


def _several(folder: Path, paths: list[Path]) -> InputError:
    more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
    names = ", ".join(one.name for one in paths[:_SHOWN])
    return InputError(f"folder {str(folder)!r} holds more than one model, so name a file of it: {names}{more}.")


def _read_gguf(source: Source) -> Checkpoint:
    towers = (gguf.as_part(gguf.read(one), "projector") for one in source.others)
    return gguf.joined(gguf.read(source.path), towers)


def _read_safetensors(source: Source) -> Checkpoint:
    if source.others:
        return safetensors.read_all(source.path, list(source.others))
    return safetensors.read(source.path)


_READERS: dict[str, Callable[[Source], Checkpoint]] = {
    GGUF: _read_gguf,
    SAFETENSORS: _read_safetensors,
    INDEX: lambda source: safetensors.read_index(source.path),
    MANIFEST: lambda source: ollama.read(source.path, load(source.path)),
}
