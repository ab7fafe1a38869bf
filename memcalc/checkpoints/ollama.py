"""Models that Ollama keeps: a manifest names the blobs of a model, and these are GGUF files.

Source: ollama2026ollama, manifest/ and server/images.go.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from memcalc.checkpoints import gguf
from memcalc.checkpoints.regular import is_file, is_folder, listed, refused
from memcalc.checkpoints.stored import Checkpoint
from memcalc.errors import InputError, shown

LAYERS = {"model": "weights", "projector": "projector", "adapter": "adapter"}
"""The last word of a layer's media type → the part of the model that it is."""

_MANIFESTS, _BLOBS, _EVERY, _SHOWN, _LOOKED_AT = "manifests", "blobs", "*/*/*/*", 5, 1000
_DIGEST = re.compile(r"sha256[:-][0-9a-f]{64}")
_WORD = re.compile(r"(?!\.)[\w.:-]{1,255}", re.ASCII)


def root_of(folder: Path) -> Path | None:
    """Return the folder of all models if `folder` is it or has it in it."""
    places = (folder, folder / "models")
    return next((one for one in places if is_folder(one / _MANIFESTS) and is_folder(one / _BLOBS)), None)


def manifest_of(root: Path, tag: str) -> Path:
    """Return the manifest of NAME:TAG; without a name, that of the only model there is.

    Raises InputError, which names some of the models that are there, if none or several are meant.
    """
    found = [one for one in _manifests(root, _pattern(tag) if tag else _EVERY) if is_file(one)]
    if len(found) == 1:
        return found[0]
    names = f"names {len(found):,} of its models" if found else "names none of its models, which are"
    wanted = f"{shown(tag)} {names}" if tag else "NAME:TAG must name one of its models"
    raise InputError(f"folder {str(root)!r} is one of Ollama, and {wanted}{_some(root)}.")


def _pattern(tag: str) -> str:
    """Return where the manifest of [[HOST/]SPACE/]NAME[:TAG] is."""
    *folders, last = tag.split("/")
    name, _, version = last.partition(":")
    words = [*(folders or ["library"]), name, version or "latest"]
    if len(words) > 4 or not all(map(_WORD.fullmatch, words)):
        raise InputError(f"tag must be NAME:TAG as Ollama lists its models, not {shown(tag)}.")
    return "/".join(["*"] * (4 - len(words)) + words)


def _manifests(root: Path, pattern: str) -> list[Path]:
    return list(islice((root / _MANIFESTS).glob(pattern), _LOOKED_AT))


def read(path: Path, manifest: Mapping) -> Checkpoint:
    """Return what the blobs hold that a manifest names; `path` is where it lies.

    Raises InputError for a manifest without a model, or whose blobs are not there.
    """
    blobs = next((one.parent / _BLOBS for one in path.absolute().parents if one.name == _MANIFESTS), None)
    if blobs is None:
        raise refused(path, f"is a manifest of Ollama outside its folder {_MANIFESTS!r}, so its blobs are not found")
    parts = {"model": [], "projector": [], "adapter": []}
    for kind, digest in _layers(path, manifest):
        blob = blobs / digest.replace(":", "-")
        if not is_file(blob):
            raise refused(path, f"names a blob that is not there: {blob.name!r}")
        parts[kind].append(gguf.as_part(gguf.read(blob), LAYERS[kind]))
    if not parts["model"]:
        raise refused(path, "names no model: a layer of the media type of Ollama's models, ending in image.model")
    first, *others = (one for kind in LAYERS for one in parts[kind])
    return gguf.joined(replace(first, name=str(path)), others)


def is_manifest(values: Mapping) -> bool:
    """Return whether the object of a JSON file is a manifest."""
    return isinstance(values.get("layers"), list) and "schemaVersion" in values


def _layers(path: Path, manifest: Mapping) -> list[tuple[str, str]]:
    """Return the kind and the digest of each layer that holds tensors."""
    found = []
    for layer in manifest["layers"]:
        kind = str(layer.get("mediaType")) if isinstance(layer, Mapping) else ""
        word = kind.rpartition(".image.")[2]
        if kind.endswith(f".image.{word}") and word in LAYERS:
            digest = layer.get("digest")
            if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
                raise refused(path, f"must name its {word} by a digest sha256:…, not {shown(digest)}")
            found.append((word, digest))
    return found


def _some(root: Path) -> str:
    """Return the names of some models, as Ollama lists them."""
    names = []
    for one in _manifests(root, _EVERY):
        *_, space, name, tag = one.parts
        names.append(f"{name if space == 'library' else f'{space}/{name}'}:{tag}")
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f": {', '.join(sorted(names)[:_SHOWN])}{more}" if names else ""


def folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder."""
    return [one.name for one in listed(folder) if is_folder(one)]
