"""Files of safetensors and their index are read by their headers alone, or refused in one sentence."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import model_files as files
from memcalc import InputError, catalogue
from memcalc.checkpoints.safetensors import read, read_index

TYPES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1}
TYPES |= {"I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "C64": 8, "F64": 8, "I64": 8, "U64": 8}
TYPES |= {"F4": 1 / 2, "F6_E2M3": 3 / 4, "F6_E3M2": 3 / 4}
"""Bytes of a number: the 22 types of the library safetensors 0.8."""

A, B = ("F32", (2, 3), 24), ("BF16", (4,), 8)
SMALL = files.safetensors({"a": A, "b": B}, {"format": "pt"})


@pytest.fixture
def write(tmp_path):
    """A function that writes bytes, text or JSON as a file and returns its path."""

    def write(data, name="model.safetensors"):
        path = tmp_path / name
        data = data if isinstance(data, str | bytes) else json.dumps(data)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def refused(path, sentence, read=read):
    with pytest.raises(InputError, match=sentence) as caught:
        read(path)
    assert str(caught.value).startswith(f"file {str(path)!r} ")
    assert str(caught.value).endswith(".")


def test_a_file_is_read(write):
    checkpoint = read(write(SMALL))
    assert [(one.name, one.type, one.shape, one.bytes) for one in checkpoint.tensors] == [("a", *A), ("b", *B)]
    assert (checkpoint.bytes, checkpoint.parameters, checkpoint.metadata) == (32, 10, {"format": "pt"})


def test_types_are_those_of_the_library(write):
    assert {row["name"]: int(row["bits"]) / 8 for row in catalogue.rows("safetensors_types")} == TYPES
    tensors = {name: (name, (4, 2), int(8 * size)) for name, size in TYPES.items()}
    assert read(write(files.safetensors(tensors))).bytes == sum(int(8 * size) for size in TYPES.values())


def test_a_scalar_and_a_tensor_of_nothing(write):
    checkpoint = read(write(files.safetensors({"none": ("F32", (0, 3), 0), "one": ("I64", (), 8)})))
    assert (checkpoint.bytes, checkpoint.parameters) == (8, 1)


def header(**entries):
    return files.with_header(json.dumps(entries), 24)


RIGHT = files.entry("F32", (2, 3), 0, 24)
TWICE = f'{{"a": {json.dumps(RIGHT)}, "a": {json.dumps(RIGHT)}}}'
BROKEN = {
    "empty": (b"", "is empty"),
    "short": (b"\1\0\0", "is no safetensors file or is cut off"),
    "length": (
        files.with_header("{}", length=2**63),
        "its first 8 bytes claim a header of 9,223,372,036,854,775,808 bytes, and 2 are left",
    ),
    "no brace": (files.with_header("[1]"), r"its header begins with b'\[', not with a brace"),
    "no JSON": (files.with_header("{'a': 1}"), "is not JSON: Expecting property name"),
    "no text": (files.with_header(b'{"\xff": 1}'), "is not text in UTF-8"),
    "deep": (
        files.with_header('{"a":' + "[" * 100_000),
        "is not JSON that a model could have: its brackets go too deep",
    ),
    "digits": (files.with_header(f'{{"a": {"9" * 5000}}}'), "a number has thousands of digits"),
    "NaN": (files.with_header('{"a": NaN}'), "says NaN, which is no number that JSON has"),
    "name twice": (files.with_header(TWICE, 24), "says 'a' twice"),
    "metadata": (files.with_header('{"__metadata__": {"a": 1}}'), "__metadata__ must hold texts, not {'a': 1}"),
    "a number": (header(a=5), "'a' must have dtype, shape and data_offsets, not 5"),
    "no shape": (header(a={"dtype": "F32", "data_offsets": [0, 24]}), "'a' must have dtype, shape and data_offsets"),
    "type": (header(a=RIGHT | {"dtype": "F7"}), "has 'a' in a type that is not known: 'F7'"),
    "type is a list": (header(a=RIGHT | {"dtype": ["F32"]}), "has 'a' in a type that is not known"),
    "shape": (header(a=RIGHT | {"shape": [2, -3]}), r"'a' must have a shape of up to 8 sizes, not \[2, -3\]"),
    "switch": (header(a=RIGHT | {"shape": [2, True]}), "'a' must have a shape"),
    "nine sizes": (header(a=RIGHT | {"shape": [1] * 9}), "'a' must have a shape of up to 8 sizes"),
    "overflow": (header(a=RIGHT | {"shape": [2**62] * 8}), "'a' in F32 with the shape .+ cannot take 24 bytes"),
    "bytes": (header(a=RIGHT | {"shape": [2, 4]}), r"'a' in F32 with the shape \[2, 4\] cannot take 24 bytes"),
    "half a byte": (header(a=files.entry("F4", (3,), 0, 1)), r"'a' in F4 with the shape \[3\] cannot take 1 bytes"),
    "backwards": (header(a=RIGHT | {"data_offsets": [24, 0]}), "'a' must have a begin and an end as data_offsets"),
    "three ends": (header(a=RIGHT | {"data_offsets": [0, 0, 24]}), "'a' must have a begin and an end"),
    "on each other": (header(a=RIGHT, b=files.entry("F32", (1,), 20, 24)), "'b' begins at byte 20 .+ ends at 24"),
    "a hole": (header(a=files.entry("F32", (1,), 4, 8)), "'a' begins at byte 4 of the data"),
    "cut": (SMALL[:-1], "its tensors take 32 bytes, and 31 follow the header"),
    "too long": (SMALL + b"\0", "its tensors take 32 bytes, and 33 follow the header"),
    "pointer": (b"version https://git-lfs.example/spec/v1\n", "only stands for a file that Git has not fetched"),
}


@pytest.mark.parametrize(("data", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_model_is_refused(write, data, sentence):
    refused(write(data), sentence)


def test_a_header_has_an_end(write):
    path = write(struct.pack("<Q", 100_000_001) + b"{")
    with path.open("r+b") as file:
        file.truncate(200_000_000)  # which takes no disk
    refused(path, "bytes, and 100,000,000 are left for one")


def index(write, places, metadata=None):
    said = {"weight_map": places} | ({} if metadata is None else {"metadata": metadata})
    return write(said, "model.safetensors.index.json")


def test_an_index_is_the_sum_of_its_files(write):
    write(files.safetensors({"a": A}), "x-1.safetensors")
    write(files.safetensors({"b": B, "c": B}), "x-2.safetensors")
    path = index(write, {"a": "x-1.safetensors", "b": "x-2.safetensors", "c": "x-2.safetensors"}, {"total_size": 1})
    checkpoint = read_index(path)
    assert (checkpoint.bytes, len(checkpoint.tensors), checkpoint.known) == (40, 3, True)
    assert [one.name for one in checkpoint.files] == ["x-1.safetensors", "x-2.safetensors"]


@pytest.mark.parametrize("second", [None, b"version https://git-lfs.example/spec/v1\noid sha256:0\nsize 9\n"])
def test_an_index_without_its_files_says_a_total(write, second):
    write(files.safetensors({"a": A}), "1.safetensors")
    if second:
        write(second, "2.safetensors")
    places = {"a": "1.safetensors", "mtp.fc.weight": "2.safetensors", "visual.norm.bias": "2.safetensors"}
    checkpoint = read_index(index(write, places, {"total_size": 14_483_464_192}))
    assert (checkpoint.bytes, checkpoint.known, checkpoint.parts) == (
        14_483_464_192,
        False,
        {"weights": 14_483_464_192},
    )
    [note] = checkpoint.notes
    assert "'2.safetensors' is not there, so the tensors are not known, and draft and vision are among them." in note
    for metadata in (None, {}, {"total_size": 0}, {"total_size": True}, {"total_size": "5"}, []):
        refused(index(write, places, metadata), "names '2.safetensors', which is not beside it", read_index)


def test_an_index_that_is_not_true(write):
    write(files.safetensors({"a": A, "b": B}), "1.safetensors")
    write(files.safetensors({"b": B}), "2.safetensors")
    refused(
        index(write, {"a": "1.safetensors", "b": "2.safetensors"}), "has 'b' twice: in '1.saf.+ and in '2", read_index
    )
    refused(index(write, {"c": "1.safetensors"}), "says that 'c' is in '1.safetensors', which does not", read_index)
    for place in ("../1.safetensors", "/etc/passwd", "..", "", "a\0b", "a\\b", 5, None):
        refused(index(write, {"a": place}), "must name for 'a' a file beside it", read_index)
    for said in ({}, [], None, "x"):
        refused(index(write, said), "is no index of safetensors", read_index)


@given(st.data())
def test_any_change_gives_a_checkpoint_or_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("changed") / "model.safetensors"
    changed = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        piece = data.draw(st.binary(max_size=9) | st.sampled_from([b"9" * 5, b"[", b'"', b"-1", b"1e9", b"null", b"{"]))
        end = place + (len(piece) if data.draw(st.booleans()) else data.draw(st.integers(0, 9)))
        changed[place:end] = piece
    path.write_bytes(changed)
    files.check(files.outcome(read, path), len(changed))
