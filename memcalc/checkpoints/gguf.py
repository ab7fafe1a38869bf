"""GGUF files: their header says of every tensor its type and shape, and in its metadata what the model is.

Source: ggml2026llama, ggml/src/gguf.cpp and gguf-py/gguf/gguf_reader.py.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from memcalc import catalogue
from memcalc.checkpoints.regular import LONGEST, opened, refused, siblings, size
from memcalc.checkpoints.stored import GGUF, WEIGHTS, Checkpoint, StoredTensor, count, sorted_out
from memcalc.errors import shown

MAGIC = b"GGUF"
_VERSIONS, _ALIGNMENT, _DIMENSIONS, _BEFORE_METADATA = (2, 3), 32, 4, 24
MOST, _LONGEST_TEXT, _LONGEST_LIST = 65_536, 65_536, 10_000
"""Far more keys and tensors than any model has; longer texts and lists, as those of a vocabulary, are passed over."""

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_STEP = 1 << 20


@dataclass(frozen=True)
class Skipped:
    """A text or a list of a header that was passed over: only how long it is was kept."""

    length: int


def read(path: Path) -> Checkpoint:
    """Return what the header of a GGUF file says, and those of all other files if it is one of several.

    Raises InputError for what is no GGUF file, is cut off, contradicts itself, or lacks one of its files.
    """
    paths = siblings(path)
    headers = [_header(one) for one in paths]
    metadata = headers[0][0]
    _check_split(path, paths, [keys for keys, _ in headers])
    tensors = [tensor for _, found in headers for tensor in found]
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise refused(path, f"has the tensor {shown(_twice(tensors))} twice")
    whole = metadata.get("split.tensors.count")
    if whole is not None and whole != len(tensors):
        raise refused(
            path, f"must hold {shown(whole)} tensors with the files beside it, and these hold {len(tensors):,}"
        )
    return Checkpoint(str(path), GGUF, sorted_out(tensors, GGUF), MappingProxyType(metadata), tuple(paths))


def as_part(checkpoint: Checkpoint, part: str) -> Checkpoint:
    """Return a file whose tensors, unless their names say more, are this part of a model."""
    tensors = (replace(one, part=part) if one.part == WEIGHTS else one for one in checkpoint.tensors)
    return replace(checkpoint, tensors=tuple(tensors))


def joined(checkpoint: Checkpoint, others: Iterable[Checkpoint]) -> Checkpoint:
    """Return a model with what other files hold beside it, such as a projector; the metadata are the model's."""
    every = (checkpoint, *others)
    tensors = tuple(tensor for one in every for tensor in one.tensors)
    return replace(checkpoint, tensors=tensors, files=tuple(path for one in every for path in one.files))


def _check_split(path: Path, paths: list[Path], metadata: list[dict]) -> None:
    for place, (one, keys) in enumerate(zip(paths, metadata, strict=True)):
        parts, number = keys.get("split.count", len(paths)), keys.get("split.no", place)
        if parts != len(paths) and not (parts == 0 and len(paths) == 1):
            name = f"NAME-00001-of-{parts:05}.gguf" if isinstance(parts, int) and 1 < parts < 10**5 else "so"
            raise refused(one, f"says that it is one of {shown(parts)} files, which must be called {name}")
        if number != place and len(paths) > 1:
            raise refused(one, f"says that it is file {shown(number)} counted from 0, and its name says {place}")


def _twice(tensors: list[StoredTensor]) -> str:
    seen = set()
    return next(tensor.name for tensor in tensors if tensor.name in seen or seen.add(tensor.name))


class _Header:
    """The bytes of a header, taken in order; what they claim is checked against the file before any of it is read."""

    def __init__(self, file: BinaryIO, path: Path):
        self._file, self.path, self.size = file, path, size(file)
        self._bytes, self.place = bytearray(), 0

    def need(self, length: int, what: str) -> None:
        """Have so many more bytes at hand, or refuse the file."""
        left = min(self.size, LONGEST) - self.place  # below 0 if a length led beyond the end
        missing = self.place + length - len(self._bytes)
        if length <= left and missing > 0:
            self._bytes += self._file.read(max(missing, _STEP))
            missing = self.place + length - len(self._bytes)
        if length > left or missing > 0:
            where = "in the file" if self.size <= LONGEST else f"of the {LONGEST:,} that a header may take"
            says = f"{what} takes {length:,} bytes from byte {self.place:,} on, and {max(0, left):,} are left {where}"
            raise refused(self.path, f"is cut off or broken: {says}")

    def number(self, code: str, what: str) -> int | float | bool:
        """Take one number, little-endian, of a type that `struct` calls so."""
        return self.numbers(code, 1, what)[0]

    def numbers(self, code: str, length: int, what: str) -> tuple:
        """Take so many numbers of a type."""
        taken = length * struct.calcsize(code)
        self.need(taken, what)
        found = struct.unpack_from(f"<{length}{code}", self._bytes, self.place)
        self.place += taken
        return found

    def name(self, what: str) -> str:
        """Take a text that must be one: a key, or the name of a tensor."""
        data = self._text(what)
        if len(data) > _LONGEST_TEXT:
            raise refused(self.path, f"is broken: {what} has {len(data):,} bytes, and {_LONGEST_TEXT:,} are the most")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise refused(self.path, f"is broken: {what} is not text in UTF-8, but {shown(data)}") from None

    def value(self, kind: int, what: str) -> object:
        """Take a value of one of the format's types; long ones are passed over."""
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind], what)
        if kind == _TEXT:
            data = self._text(what)
            return data.decode(errors="replace") if len(data) <= _LONGEST_TEXT else Skipped(len(data))
        if kind == _LIST:
            return self._list(what)
        raise refused(self.path, f"is broken: {what} has the type {kind:,}, and GGUF has 0 to 12")

    def _text(self, what: str) -> bytes:
        length = self.number("Q", what)
        self.need(length, what)
        self.place += length
        return bytes(self._bytes[self.place - length : self.place])

    def _list(self, what: str) -> tuple | Skipped:
        kind, length = self.number("I", what), self.number("Q", what)
        if kind == _TEXT:
            self._pass_texts(length, what)
        elif kind not in _NUMBERS:
            inner = "lists" if kind == _LIST else f"values of the type {kind:,}"
            raise refused(self.path, f"is broken: {what} is a list of {inner}, which no program reads")
        elif length <= _LONGEST_LIST:
            return self.numbers(_NUMBERS[kind], length, what)
        else:
            self.need(length * struct.calcsize(_NUMBERS[kind]), what)
            self.place += length * struct.calcsize(_NUMBERS[kind])
        return Skipped(length)

    def _pass_texts(self, length: int, what: str) -> None:
        self.need(8 * length, what)  # each takes at least its own length
        length_at = struct.Struct("<Q").unpack_from
        for _ in range(length):
            if self.place + 8 > len(self._bytes):
                self.need(8, what)
            self.place += 8 + length_at(self._bytes, self.place)[0]
        self.need(0, what)


def _header(path: Path) -> tuple[dict[str, object], list[StoredTensor]]:
    """Return the metadata and the tensors of one file."""
    with opened(path) as file:
        header = _Header(file, path)
        _check_version(header)
        tensors, keys = header.numbers("Q", 2, "its number of tensors and keys")
        for found, what in ((keys, "keys"), (tensors, "tensors")):
            if found > MOST:
                raise refused(path, f"is broken: it says that it has {found:,} {what}, and {MOST:,} are the most")
        metadata = _metadata(header, keys)
        described = list(_described(header, tensors))
        _check_places(header, metadata, described)
    return metadata, [tensor for tensor, _ in described]


def _check_version(header: _Header) -> None:
    header.need(8, "the word GGUF with a version")
    magic = bytes(header.numbers("B", 4, "its first word"))
    if magic != MAGIC:
        raise refused(header.path, f"is no GGUF file: it begins with {magic!r}, not with {MAGIC!r}")
    version = header.number("I", "its version")
    swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
    if swapped in _VERSIONS and version not in _VERSIONS:
        raise refused(header.path, "is a GGUF file for big-endian machines, and only little-endian ones are read")
    if version not in _VERSIONS:
        raise refused(header.path, f"must be a GGUF file of version 2 or 3, not {version:,}")


def _metadata(header: _Header, keys: int) -> dict[str, object]:
    metadata = {}
    for place in range(keys):
        key = header.name(f"key {place + 1:,}")
        if key in metadata:
            raise refused(header.path, f"has the key {shown(key)} twice")
        what = f"the value of {shown(key)}"
        metadata[key] = header.value(header.number("I", what), what)
    return metadata


def _described(header: _Header, tensors: int) -> Iterator[tuple[StoredTensor, int]]:
    """Give each tensor with the place of its data, counted from where all data begin."""
    for place in range(tensors):
        name = header.name(f"the name of tensor {place + 1:,}")
        what = f"the tensor {shown(name)}"
        dimensions = header.number("I", what)
        if dimensions > _DIMENSIONS:
            raise refused(
                header.path, f"is broken: {what} has {dimensions:,} dimensions, and {_DIMENSIONS} are the most"
            )
        shape = header.numbers("Q", dimensions, what)
        kind, start = header.number("I", what), header.number("Q", what)
        yield _tensor(header.path, name, shape[::-1], kind), start


def _tensor(path: Path, name: str, shape: tuple[int, ...], number: int) -> StoredTensor:
    if number not in _types():
        raise refused(path, f"has the tensor {shown(name)} in a type that is not known: {number:,}")
    kind, elements, block = _types()[number]
    columns = shape[-1] if shape else 1
    if 0 in shape:
        raise refused(path, f"is broken: the tensor {shown(name)} has a dimension of 0")
    if columns % elements:
        raise refused(
            path, f"is broken: {shown(name)} has rows of {columns:,} numbers, not in {kind} blocks of {elements}"
        )
    return StoredTensor(name, kind, shape, count(shape) // elements * block)


def _check_places(header: _Header, metadata: dict[str, object], described: list[tuple[StoredTensor, int]]) -> None:
    """Refuse tensors that lie on each other, or beyond the end of the file."""
    alignment = metadata.get("general.alignment", _ALIGNMENT)
    if type(alignment) is not int or alignment <= 0 or alignment & (alignment - 1):
        raise refused(header.path, f"is broken: general.alignment must be a power of two, not {shown(alignment)}")
    begin = -(-header.place // alignment) * alignment
    free = 0
    for tensor, start in sorted(described, key=lambda pair: pair[1]):
        end = begin + start + tensor.bytes
        if start < free:
            raise refused(header.path, f"is broken: the tensor {shown(tensor.name)} lies on the one before it")
        if end > header.size:
            says = f"the tensor {shown(tensor.name)} ends at byte {end:,}, and the file at {header.size:,}"
            raise refused(header.path, f"is cut off or broken: {says}")
        free = start + tensor.bytes


@cache
def _types() -> dict[int, tuple[str, int, int]]:
    """Return the number of a type → its name, the numbers in a block, and its bytes."""
    rows = catalogue.rows("ggml_types")
    return {int(row["number"]): (row["name"], int(row["elements"]), int(row["bytes"])) for row in rows}
