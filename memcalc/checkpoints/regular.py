"""Files that a user names: opened only if they are regular ones, and read as JSON that says everything once."""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn

from memcalc.errors import InputError, instance, shown

LONGEST = 100_000_000
"""Bytes of the longest header that is read: the limit of the safetensors library; no vocabulary takes as many."""

_SPLIT = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<ending>\.gguf|\.safetensors)", re.DOTALL)
"""How the files of a model are called that is split."""

_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""Nothing waits: a named pipe that has taken the place of the file since it was looked at is opened at once."""


def refused(path: Path, why: str) -> InputError:
    """Return what is said of a file that cannot be used.

    >>> str(refused(Path("a.gguf"), "is empty"))
    "file 'a.gguf' is empty."
    """
    return InputError(f"file {str(path)!r} {why}.")


def path_of(source: str | Path) -> Path:
    """Return a path that a user gave, with the home directory in place of `~`."""
    instance("path", source, str, Path)
    if not str(source) or "\0" in str(source):
        raise InputError(f"path must name a file or a folder, not {shown(str(source))}.")
    try:
        return Path(source).expanduser()
    except RuntimeError:  # there is no such user
        return Path(source)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; a link to one is as good.

    Raises InputError at once for what is no file, cannot be opened, or breaks while it is read.
    """
    try:
        _check(path, os.stat(path))
        with open(os.open(path, _FLAGS), "rb") as file:
            _check(path, os.fstat(file.fileno()))
            yield file
    except OSError as problem:
        raise refused(path, f"cannot be read: {problem.strerror or 'the system refuses it'}") from None


def is_file(path: Path) -> bool:
    """Return whether a path leads to a regular file; what cannot be looked at is none."""
    return os.path.isfile(path)


def siblings(path: Path) -> list[Path]:
    """Return all files of a model that is split, in order, as llama.cpp and Transformers name them; else this alone.

    Raises InputError, which names the missing ones.
    """
    split = _SPLIT.fullmatch(path.name)
    if not split:
        return [path]
    number, parts = int(split["number"]), int(split["count"])
    if not 1 <= number <= parts:
        raise refused(path, f"must be a part from 1 to {parts:,} by its name, not {number:,}")
    names = (f"{split['stem']}-{one:05}-of-{split['count']}{split['ending']}" for one in range(1, parts + 1))
    paths = list(map(path.with_name, names))
    missing = [one.name for one in paths if one != path and not is_file(one)]
    if missing:
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        raise refused(path, f"is one of {parts:,}, and beside it there is no {', '.join(missing[:3])}{more}")
    return paths


def is_folder(path: Path) -> bool:
    """Return whether a path leads to a folder; what cannot be looked at is none."""
    return os.path.isdir(path)


def size(file: BinaryIO) -> int:
    """Return the bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def beginning(path: Path, length: int) -> bytes:
    """Return the first bytes of a file, fewer if it is shorter."""
    with opened(path) as file:
        return file.read(length)


def listed(folder: Path) -> list[Path]:
    """Return what lies in a folder, in the order of its names."""
    try:
        return sorted(folder.iterdir())
    except OSError as problem:
        raise InputError(f"folder {str(folder)!r} cannot be read: {problem.strerror}.") from None


def load(path: Path, infinite: bool = False) -> Mapping:
    """Return the object in a JSON file; `infinite` if it may say Infinity and NaN, as Python's own files do.

    Raises InputError if it is longer than `LONGEST`, is no JSON, says a key twice or holds no object.
    """
    with opened(path) as file:
        if size(file) > LONGEST:
            raise refused(
                path, f"is too long for a list of names: {size(file):,} bytes, and at most {LONGEST:,} are read"
            )
        data = file.read(LONGEST)
    return parse(path, data, json.detect_encoding(data), infinite)


def parse(path: Path, data: bytes, encoding: str = "utf-8", infinite: bool = False) -> Mapping:
    """Return the object that the bytes of a file spell in JSON; the errors are those of `load`."""
    try:
        constants = None if infinite else _no_number(path)
        found = json.loads(data.decode(encoding), object_pairs_hook=_once(path), parse_constant=constants)
    except UnicodeDecodeError:
        why = f"is not text in {encoding.upper()}"
    except json.JSONDecodeError as problem:
        why = f"is not JSON: {problem.msg} in line {problem.lineno}"
    except RecursionError:
        why = "is not JSON that a model could have: its brackets go too deep"
    except InputError:
        raise
    except ValueError:
        why = "is not JSON that a model could have: a number has thousands of digits"
    else:
        if isinstance(found, Mapping):
            return found
        why = f"must hold one object in braces, not {shown(found)}"
    raise refused(path, why)


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS.items() if is_kind(status.st_mode)), "something else")
        raise refused(path, f"must be a regular file, and is {kind}")


def _once(path: Path):
    def build(pairs: list[tuple[str, object]]) -> dict:
        values = dict(pairs)
        if len(values) < len(pairs):
            seen = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))
            raise refused(path, f"says {shown(twice)} twice")
        return values

    return build


def _no_number(path: Path):
    def refuse(word: str) -> NoReturn:
        raise refused(path, f"says {word}, which is no number that JSON has")

    return refuse
