"""Only regular files are opened, and JSON says everything once."""

import os
import socket
import time
from pathlib import Path

import pytest

from memcalc import InputError
from memcalc.checkpoints.regular import beginning, load, opened, path_of

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes and devices are files on POSIX alone")


def refused(path, sentence):
    start = time.perf_counter()
    with pytest.raises(InputError, match=sentence), opened(path):
        pytest.fail("opened")
    assert time.perf_counter() - start < 1


def test_a_link_to_a_file_is_as_good(tmp_path):
    (tmp_path / "blob").write_bytes(b"GGUF")
    (tmp_path / "link").symlink_to("blob")
    assert beginning(tmp_path / "link", 9) == b"GGUF"


@posix
def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        refused(tmp_path / name, "must be a regular file, and is a named pipe")
    refused(Path("/dev/zero"), r"file '/dev/zero' must be a regular file, and is a device\.")
    refused(tmp_path, "must be a regular file, and is a folder")


@posix
def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        refused(Path("s"), "must be a regular file, and is a socket")


def test_what_cannot_be_opened(tmp_path):
    refused(tmp_path / "none", "cannot be read: No such file")
    (tmp_path / "broken").symlink_to("none")
    refused(tmp_path / "broken", "cannot be read: No such file")
    (tmp_path / "round").symlink_to("round")
    refused(tmp_path / "round", "cannot be read: Too many levels of symbolic links")
    refused(tmp_path / ("x" * 5000), "cannot be read: File name too long")


@pytest.mark.parametrize("source", ["", "a\0b", None, 5, b"x"])
def test_what_is_no_path(source):
    with pytest.raises(InputError, match=r"^path must "):
        path_of(source)


def test_the_home_directory_may_be_written_short():
    assert path_of("~/x") == Path.home() / "x"
    assert path_of("~nobody-has-this-name/x") == Path("~nobody-has-this-name/x")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_in_any_of_its_encodings(tmp_path, encoding):
    path = tmp_path / "index.json"
    path.write_bytes('{"ü": [1]}'.encode(encoding))
    assert load(path) == {"ü": [1]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "says 'b' twice"),
        (b'{"a": Infinity}', "says Infinity, which is no number"),
        (b"[" * 100_000, "its brackets go too deep"),
        (b"[1]", r"must hold one object in braces, not \[1\]"),
        (b"\xff\xfe{", "is not text in UTF-16"),
        (b"", "is not JSON: Expecting value in line 1"),
        (b"9" * 5000, "a number has thousands of digits"),
    ],
    ids=["twice", "infinite", "deep", "list", "half a letter", "empty", "digits"],
)
def test_json_that_is_refused(tmp_path, content, sentence):
    path = tmp_path / "index.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        load(path)


def test_json_that_is_too_long(tmp_path):
    path = tmp_path / "index.json"
    path.write_bytes(b"{")
    os.truncate(path, 100_000_001)
    with pytest.raises(InputError, match="is too long for a list of names: 100,000,001 bytes"):
        load(path)
