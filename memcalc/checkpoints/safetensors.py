"""Files of safetensors: a length, a header in JSON that says of every tensor its type, shape and place, and the data.

Source: huggingface2026safetensors, safetensors/src/tensor.rs.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from memcalc import catalogue
from memcalc.checkpoints.regular import LONGEST, beginning, is_file, load, opened, parse, refused, size
from memcalc.checkpoints.stored import SAFETENSORS, WEIGHTS, Checkpoint, StoredTensor, count, parts_of, sorted_out
from memcalc.errors import integer, shown

INDEX = ".safetensors.index.json"
POINTER = b"version https://git-lfs"
"""How a file begins that stands for another one, which Git did not fetch."""

_PREFIX, _DIMENSIONS, _LARGEST = 8, 8, 2**63 - 1
_METADATA = "__metadata__"
_NAME = re.compile(r"[^/\\\0]+\.safetensors")


def read(path: Path) -> Checkpoint:
    """Return what the header of one file says.

    Raises InputError for what is no such file, is cut off or contradicts itself.
    """
    metadata, tensors = _header(path)
    return Checkpoint(str(path), SAFETENSORS, sorted_out(tensors, SAFETENSORS), metadata, (path,))


def read_index(path: Path) -> Checkpoint:
    """Return what the headers of all files say that an index names.

    Where one of them is missing, the index may still say how many bytes all have; the tensors are not known then.
    Raises InputError if it says neither, or if the files do not hold what it says.
    """
    index = load(path)
    places = _places(path, index)
    paths = [path.with_name(name) for name in dict.fromkeys(places.values())]
    missing = [one.name for one in paths if not is_file(one) or is_pointer(one)]
    if missing:
        return _total(path, index, places, missing)
    return _joined(path, paths, places)


def read_all(path: Path, paths: list[Path]) -> Checkpoint:
    """Return what the headers of several files say that no index lists; `path` is what the user named."""
    return _joined(path, paths, {})


def is_pointer(path: Path) -> bool:
    """Return whether a file only stands for another one that Git did not fetch."""
    return beginning(path, len(POINTER)) == POINTER


def _joined(path: Path, paths: list[Path], places: Mapping[str, str]) -> Checkpoint:
    tensors, found, metadata = [], {}, {}
    for one in paths:
        keys, held = _header(one)
        metadata |= keys
        for tensor in held:
            if tensor.name in found:
                raise refused(path, f"has {shown(tensor.name)} twice: in {found[tensor.name]!r} and in {one.name!r}")
            found[tensor.name] = one.name
        tensors += held
    for name, place in places.items():
        if found.get(name) != place:
            raise refused(path, f"says that {shown(name)} is in {place!r}, which does not hold it")
    whole = MappingProxyType(metadata)
    return Checkpoint(str(path), SAFETENSORS, sorted_out(tensors, SAFETENSORS), whole, tuple(paths))


def _total(path: Path, index: Mapping, places: Mapping[str, str], missing: list[str]) -> Checkpoint:
    """Return the size that an index states, though files are missing."""
    said = index.get("metadata")
    total = integer(said.get("total_size")) if isinstance(said, Mapping) else None
    first = f"{missing[0]!r}{f' and {len(missing) - 1:,} more' if missing[1:] else ''}"
    if total is None or not 0 < total <= _LARGEST:
        raise refused(path, f"names {first}, which is not beside it, and states no metadata.total_size")
    others = sorted(set(parts_of(places, SAFETENSORS).values()) - {WEIGHTS})
    among = f", and {' and '.join(others)} are among them" if others else ""
    note = f"The bytes are what the index states: {first} is not there, so the tensors are not known{among}."
    return Checkpoint(str(path), SAFETENSORS, (), total=total, notes=(note,))


def _places(path: Path, index: Mapping) -> dict[str, str]:
    """Return the name of a tensor → the file that holds it."""
    places = index.get("weight_map")
    if not isinstance(places, Mapping) or not places:
        raise refused(path, "is no index of safetensors: it has no weight_map that names the file of each tensor")
    for name, file in places.items():
        if not isinstance(file, str) or not _NAME.fullmatch(file):
            raise refused(path, f"must name for {shown(name)} a file beside it, not {shown(file)}")
    return dict(places)


def _header(path: Path) -> tuple[dict[str, str], list[StoredTensor]]:
    """Return the metadata and the tensors of one file."""
    with opened(path) as file:
        whole, prefix = size(file), file.read(_PREFIX)
        length = int.from_bytes(prefix, "little")
        if prefix.startswith(POINTER[:_PREFIX]):
            raise refused(path, "only stands for a file that Git has not fetched: git lfs pull fetches it")
        if len(prefix) < _PREFIX or length > min(LONGEST, whole - _PREFIX):
            left = f"{min(LONGEST, max(0, whole - _PREFIX)):,}"
            says = f"its first {_PREFIX} bytes claim a header of {length:,} bytes, and {left} are left for one"
            raise refused(path, f"is no safetensors file or is cut off: {says}" if prefix else "is empty")
        data = file.read(length)
    if not data.startswith(b"{"):
        raise refused(path, f"is no safetensors file: its header begins with {data[:1]!r}, not with a brace")
    values = dict(parse(path, data))
    metadata = _metadata(path, values.pop(_METADATA, {}))
    described = [_tensor(path, name, value) for name, value in values.items()]
    _check_places(path, described, whole - _PREFIX - length)
    return metadata, [tensor for tensor, _ in described]


def _metadata(path: Path, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise refused(path, f"is broken: {_METADATA} must hold texts, not {shown(value)}")
    return dict(value)


def _tensor(path: Path, name: str, value: object) -> tuple[StoredTensor, int]:
    """Return a tensor, and where its data begin."""
    if not isinstance(value, Mapping) or not value.keys() >= {"dtype", "shape", "data_offsets"}:
        raise refused(path, f"is broken: {shown(name)} must have dtype, shape and data_offsets, not {shown(value)}")
    kind, shape, place = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(kind, str) or kind not in _bits():
        raise refused(path, f"has {shown(name)} in a type that is not known: {shown(kind)}")
    if not _counts(shape) or len(shape) > _DIMENSIONS:
        raise refused(
            path, f"is broken: {shown(name)} must have a shape of up to {_DIMENSIONS} sizes, not {shown(shape)}"
        )
    if not _counts(place) or len(place) != 2 or place[0] > place[1]:
        raise refused(
            path, f"is broken: {shown(name)} must have a begin and an end as data_offsets, not {shown(place)}"
        )
    begin, end = place
    if 8 * (end - begin) != count(shape) * _bits()[kind]:
        says = f"{shown(name)} in {kind} with the shape {shown(shape)} cannot take {end - begin:,} bytes"
        raise refused(path, f"is broken: {says}")
    return StoredTensor(name, kind, tuple(shape), end - begin), begin


def _counts(value: object) -> bool:
    return isinstance(value, list) and all(type(one) is int and 0 <= one <= _LARGEST for one in value)


def _check_places(path: Path, described: list[tuple[StoredTensor, int]], room: int) -> None:
    """Refuse tensors that lie on each other, leave holes, or do not end where the file ends."""
    free = 0
    for tensor, begin in sorted(described, key=lambda pair: (pair[1], pair[0].bytes)):
        if begin != free:
            says = f"{shown(tensor.name)} begins at byte {begin:,} of the data, and the one before it ends at {free:,}"
            raise refused(path, f"is broken: {says}")
        free += tensor.bytes
    if free != room:
        raise refused(path, f"is cut off or broken: its tensors take {free:,} bytes, and {room:,} follow the header")


@cache
def _bits() -> dict[str, int]:
    """Return the bits of a number in each type."""
    return {row["name"]: int(row["bits"]) for row in catalogue.rows("safetensors_types")}
