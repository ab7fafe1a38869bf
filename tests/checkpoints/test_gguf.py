"""GGUF files are read by their headers alone, or refused in one sentence that names what is wrong."""

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import model_files as files
from memcalc import InputError, catalogue
from memcalc.checkpoints import Skipped
from memcalc.checkpoints.gguf import read
from memcalc.checkpoints.regular import siblings

MIXED = [
    ("blk.0.a.weight", (512, 1024), 14, 430080),
    ("blk.0.b.weight", (768, 512), 12, 221184),
    ("blk.1.c.weight", (256, 2048), 23, 278528),
    ("blk.1.d.weight", (4, 96, 64), 39, 13056),
    ("n.weight", (513,), 0, 2052),
    ("nv", (8, 128), 40, 576),
    ("tq", (3, 256), 34, 162),
    ("q1", (5, 128), 41, 90),
]
"""Name, shape, number of the type, and bytes: `n_bytes` of the reader in the package gguf 0.19.0."""

NUMBERS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "Q4_K": 12, "Q6_K": 14, "IQ4_XS": 23, "BF16": 30}
NUMBERS |= {"TQ1_0": 34, "TQ2_0": 35, "MXFP4": 39, "NVFP4": 40, "Q1_0": 41}
"""GGMLQuantizationType of the package gguf 0.19.0."""

LISTS = {"words": ("list", ("text", ["a", "b"])), "heads": ("list", ("i32", [8, 0]))}
SMALL = files.gguf(files.LLAMA | LISTS, [files.NORM, ("blk.0.attn_k.weight", (4, 32), 8, 136)])


@pytest.fixture
def write(tmp_path):
    """A function that writes bytes as a file and returns its path."""

    def write(data, name="model.gguf"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def refused(path, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read(path)
    assert str(caught.value).startswith(f"file {str(path)!r} ")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_tensors_take_the_bytes_that_the_package_gguf_says(write):
    checkpoint = read(write(files.gguf({"general.architecture": ("text", "odd")}, MIXED)))
    assert [(one.name, one.shape, one.bytes) for one in checkpoint.tensors] == [(a, b, d) for a, b, _, d in MIXED]
    assert (checkpoint.kind, checkpoint.bytes, checkpoint.parts) == ("GGUF", 945_728, {"weights": 945_728})


def test_types_have_the_numbers_of_the_package_gguf():
    rows = {row["name"]: int(row["number"]) for row in catalogue.rows("ggml_types")}
    assert rows | NUMBERS == rows
    assert len(set(rows.values())) == len(rows)


@pytest.mark.parametrize("version", [2, 3])
def test_metadata_of_every_type(write, version):
    keys = {f"x.{kind}": (kind, 1) for kind in files.PACKED} | {"x.text": ("text", "ü"), "x.no": ("text", b"\xff")}
    keys |= {"x.heads": ("list", ("i32", [8, 0])), "x.flags": ("list", ("bool", [True, False]))}
    metadata = read(write(files.gguf(keys, version=version))).metadata
    assert all(metadata[f"x.{kind}"] == 1 for kind in files.PACKED)
    assert (metadata["x.text"], metadata["x.no"]) == ("ü", "\ufffd")
    assert (metadata["x.heads"], metadata["x.flags"]) == ((8, 0), (True, False))


def test_a_large_vocabulary_is_passed_over_at_once(write):
    tokens, merges = [f"t{place}" for place in range(262_144)], [f"a{place} b" for place in range(514_906)]
    keys = {"tokenizer.ggml.tokens": ("list", ("text", tokens)), "tokenizer.ggml.merges": ("list", ("text", merges))}
    keys |= {"tokenizer.ggml.scores": ("list", ("f32", [0.0] * 262_144)), "long": ("text", "x" * 70_000)}
    path = write(files.gguf(keys, [files.NORM]))
    start = time.perf_counter()
    checkpoint = read(path)
    assert time.perf_counter() - start < 2  # a tenth of that on an idle machine
    assert checkpoint.metadata["tokenizer.ggml.tokens"] == Skipped(262_144)
    assert checkpoint.metadata["tokenizer.ggml.scores"] == Skipped(262_144)
    assert checkpoint.metadata["long"] == Skipped(70_000)
    assert checkpoint.bytes == 32


def test_names_say_the_part(write):
    tensors = [("v.blk.0.ln1.weight", (8,), 0, 32), ("blk.1.nextn.eh_proj.weight", (8,), 0, 32)]
    tensors += [("blk.1.attn_k.weight", (8,), 0, 32), files.NORM]
    assert read(write(files.gguf({}, tensors))).parts == {"weights": 32, "vision": 32, "draft": 64}


def test_a_scalar_and_an_alignment_of_its_own(write):
    keys = {"general.alignment": ("u32", 64)}
    assert read(write(files.gguf(keys, [("scale", (), 0, 4), files.NORM], alignment=64))).bytes == 36


def parts(write, count, named=None, **changes):
    """The files of a split model, and the path of one in the middle."""
    for place in range(count):
        keys = files.LLAMA if place == 0 else {}
        keys = keys | {"split.no": ("u16", place), "split.count": ("u16", count)} | changes
        data = files.gguf(keys, [(f"blk.{place}.x", (8,), 0, 32)])
        path = write(data, f"m-{place + 1:05}-of-{named or count:05}.gguf")
    return path


def test_a_split_model_is_read_as_a_whole_from_any_part(write):
    last = parts(write, 3, **{"split.tensors.count": ("i32", 3)})
    checkpoint = read(last)
    assert [one.name for one in checkpoint.tensors] == ["blk.0.x", "blk.1.x", "blk.2.x"]
    assert checkpoint.metadata["general.architecture"] == "llama"
    assert checkpoint.files == tuple(siblings(last))


def test_a_split_model_that_is_not_whole(write):
    last = parts(write, 3, **{"split.tensors.count": ("i32", 4)})
    refused(last, "must hold 4 tensors with the files beside it, and these hold 3")
    last.with_name("m-00002-of-00003.gguf").unlink()
    refused(last, r"is one of 3, and beside it there is no m-00002-of-00003\.gguf\.")
    refused(write(SMALL, "m-00001-of-99999.gguf"), "there is no m-00002.* and 99,995 more")
    refused(write(SMALL, "m-00004-of-00003.gguf"), "must be a part from 1 to 3 by its name, not 4")
    alone = files.gguf({"split.no": ("u16", 0), "split.count": ("u16", 3)})
    refused(write(alone, "model-1.gguf"), r"one of 3 files, which must be called NAME-00001-of-00003\.gguf")


def test_parts_that_changed_places(write):
    first, second = (write(b"", f"m-0000{one}-of-00002.gguf") for one in (1, 2))
    for path, number in ((first, 1), (second, 0)):
        path.write_bytes(files.gguf({"split.no": ("u16", number), "split.count": ("u16", 2)}))
    with pytest.raises(InputError, match="says that it is file 1 counted from 0, and its name says 0"):
        read(second)
    for path in (first, second):
        path.write_bytes(files.gguf({}, [files.NORM]))
    refused(first, "has the tensor 'norm.weight' twice")


BROKEN = {
    "empty": (b"", "is cut off or broken: the word GGUF with a version takes 8 bytes .+ and 0 are left"),
    "magic": (b"GGML" + SMALL[4:], "is no GGUF file: it begins with b'GGML'"),
    "version 1": (files.gguf(version=1), "must be a GGUF file of version 2 or 3, not 1"),
    "big-endian": (files.gguf(version=3, order=">"), "is a GGUF file for big-endian machines"),
    "no counts": (SMALL[:20], "is cut off or broken: its number of tensors and keys takes 16 bytes"),
    "many tensors": (files.gguf(counts=(2**63, 0)), "it says that it has 9,223,372,036,854,775,808 tensors"),
    "many keys": (files.gguf(counts=(0, 2**40)), "it says that it has 1,099,511,627,776 keys"),
    "cut": (SMALL[:-100], "the tensor 'blk.0.attn_k.weight' ends at byte"),
    "key twice": (files.gguf([("a", ("u8", 1)), ("a", ("u8", 2))]), "has the key 'a' twice"),
    "key no text": (files.gguf([(b"\xff", ("u8", 1))]), "key 1 is not text in UTF-8, but b'.xff'"),
    "tensor twice": (files.gguf({}, [files.NORM, files.NORM]), "has the tensor 'norm.weight' twice"),
    "five dimensions": (files.gguf({}, [("x", (1,) * 5, 0, 4)]), "'x' has 5 dimensions, and 4 are the most"),
    "a dimension of 0": (files.gguf({}, [("x", (4, 0), 0, 0)]), "the tensor 'x' has a dimension of 0"),
    "huge": (files.gguf({}, [("x", (2**63,) * 4, 0, 0)]), "the tensor 'x' ends at byte"),
    "type": (files.gguf({}, [("x", (32,), 4, 18)]), "has the tensor 'x' in a type that is not known: 4"),
    "row": (files.gguf({}, [("x", (8, 48), 8, 408)]), "'x' has rows of 48 numbers, not in Q8_0 blocks of 32"),
    "on each other": (files.gguf({}, [("x", (8,), 0, 32), ("y", (8,), 0, 32)], places=(0, 16)), "'y' lies on the one"),
    "beyond": (files.gguf({}, [("x", (8,), 0, 0)], places=(2**64 - 1,))[:200], "'x' ends at byte 18,446"),
    "alignment": (files.gguf({"general.alignment": ("u32", 48)}), "general.alignment must be a power of two, not 48"),
    "no alignment": (files.gguf({"general.alignment": ("text", "x")}), "must be a power of two, not 'x'"),
    "lists in lists": (files.gguf({"a": ("list", ("list", [("u8", [1])]))}), "'a' is a list of lists"),
    "text in a list": (
        files.gguf({"a": ("list", ("text", ["b"]))})[:-15] + b"\xff" * 8,
        "the value of 'a' takes 0 bytes",
    ),
    "value": (files.gguf({"a": ("u8", 0)})[:33] + b"\x0d\0\0\0", "the value of 'a' has the type 13"),
}


@pytest.mark.parametrize(("data", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_model_is_refused(write, data, sentence):
    refused(write(data), sentence)


@pytest.mark.parametrize("length", [2**64 - 1, 2**40, 10**9])
def test_nothing_is_taken_that_is_only_claimed(write, length):
    key = b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, length) + b"abc"
    refused(write(key), f"key 1 takes {length:,} bytes from byte 32 on, and 3 are left")
    for kind in (0, 8):
        listed = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + files.text("a") + struct.pack("<IIQ", 9, kind, length)
        refused(write(listed), "is cut off or broken: the value of 'a' takes")


def test_a_header_has_an_end(write, tmp_path):
    path = write(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + files.text("a") + struct.pack("<IQ", 8, 10**9))
    with path.open("r+b") as file:
        file.truncate(2 * 10**9)  # which takes no disk
    refused(path, "of the 100,000,000 that a header may take")


@given(st.data())
def test_any_change_gives_a_checkpoint_or_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("changed") / "model.gguf"
    changed = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        piece = data.draw(st.binary(max_size=9) | st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\x80" + b"\0" * 7]))
        end = place + (len(piece) if data.draw(st.booleans()) else data.draw(st.integers(0, 9)))
        changed[place:end] = piece
    path.write_bytes(changed)
    files.check(files.outcome(read, path), len(changed))
