"""A file, an index or a folder leads to the tensors of one model."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

import model_files as files
from memcalc import InputError
from memcalc.checkpoints import config_of, is_config, read, resolve

TENSORS = files.safetensors({"model.norm.weight": ("F32", (8,), 32)})
GGUF = files.gguf(files.LLAMA, [files.NORM])
TOWER = files.gguf({}, [("v.x", (4,), 0, 16)])


@pytest.fixture
def folder(tmp_path):
    """A function that fills a folder with files and returns it."""

    def fill(**contents):
        for name, data in contents.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return tmp_path

    return fill


def index(*places):
    return {"metadata": {"total_size": 64}, "weight_map": {f"x.{n}": place for n, place in enumerate(places)}}


def refused(source, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read(source)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_files_are_known_by_what_is_in_them(folder):
    here = folder(
        a=GGUF,
        b=TENSORS,
        c__json=index("gone.safetensors"),
        d__json=b"\xef\xbb\xbf" + json.dumps(index("e.safetensors")).encode(),
    )
    kinds = [resolve(here / name).kind for name in ("a", "b", "c.json", "d.json")]
    assert kinds == ["GGUF", "safetensors", "index", "index"]
    assert [read(here / name).bytes for name in ("a", "b", "c.json", "d.json")] == [32, 32, 64, 64]


def test_links_lead_to_files_under_other_names(folder):
    here = folder(blob1=TENSORS, blob2=GGUF)
    (here / "model.safetensors").symlink_to("blob1")
    (here / "m-00001-of-00001.gguf").symlink_to("blob2")
    assert read(here / "model.safetensors").kind == "safetensors"
    assert read(str(here / "m-00001-of-00001.gguf")).bytes == 32


@pytest.mark.parametrize(
    ("contents", "kind", "name"),
    [
        ({"config__json": {}, "model__safetensors": TENSORS}, "safetensors", "model.safetensors"),
        (
            {"model__safetensors__index__json": index("a.safetensors"), "x__safetensors": TENSORS},
            "index",
            "model.safetensors.index.json",
        ),
        ({"model__safetensors": TENSORS, "consolidated__safetensors": TENSORS}, "safetensors", "model.safetensors"),
        ({"weights__safetensors": TENSORS, "README__md": b""}, "safetensors", "weights.safetensors"),
        ({"Qwen3-8B-Q4_K_M__gguf": GGUF}, "GGUF", "Qwen3-8B-Q4_K_M.gguf"),
        ({"m-00001-of-00002__gguf": GGUF, "m-00002-of-00002__gguf": TOWER}, "GGUF", "m-00001-of-00002.gguf"),
    ],
)
def test_a_folder_of_one_model(folder, contents, kind, name):
    here = folder(**contents)
    assert (resolve(here).kind, resolve(here).path) == (kind, here / name)
    assert read(here).config == (here / "config.json" if "config__json" in contents else None)


def test_numbered_files_without_an_index(folder):
    names = [f"model-0000{one}-of-00002.safetensors" for one in (1, 2)]
    here = folder(config__json={}, **{names[0]: TENSORS, names[1]: files.safetensors({"b": ("I8", (3,), 3)})})
    checkpoint = read(here)
    assert (checkpoint.bytes, checkpoint.config) == (35, here / "config.json")
    (here / names[1]).unlink()
    (here / "model-00003-of-00004.safetensors").write_bytes(TENSORS)
    refused(here, "holds 2 files of a model, and not all")


def test_a_projector_beside_a_model(folder):
    here = folder(m__gguf=GGUF, **{"mmproj-model-f16__gguf": TOWER})
    assert read(here).parts == {"weights": 32, "vision": 16}
    folder(**{"mmproj-model-f32__gguf": TOWER})
    checkpoint = read(here)
    assert checkpoint.parts == {"weights": 32}
    assert checkpoint.notes == (
        "Left out: mmproj-model-f16.gguf, mmproj-model-f32.gguf, of which a program loads one.",
    )


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ({}, "holds neither safetensors nor a GGUF file"),
        ({"config__json": {}}, "holds neither safetensors nor a GGUF file"),
        ({"a__gguf": GGUF, "b__gguf": GGUF}, "holds more than one model, so name a file of it: a.gguf, b.gguf"),
        (
            {"a__gguf": GGUF, "b__safetensors": TENSORS},
            "more than one model, so name a file of it: a.gguf, b.safetensors",
        ),
        ({"a__safetensors": TENSORS, "b__safetensors": TENSORS}, "more than one model"),
        ({"a__safetensors__index__json": {}, "b__safetensors__index__json": {}}, "more than one model"),
        ({f"{one}__gguf": GGUF for one in "abcdefgh"}, "a.gguf, b.gguf, c.gguf, d.gguf, e.gguf and 3 more"),
        ({"mmproj__gguf": TOWER}, "more than one model"),
    ],
)
def test_a_folder_of_none_or_several(folder, contents, sentence):
    refused(folder(**contents), sentence)


def test_a_folder_of_folders(folder, tmp_path):
    (tmp_path / "publisher" / "model").mkdir(parents=True)
    (tmp_path / "publisher" / "model" / "x.gguf").write_bytes(GGUF)
    assert read(tmp_path / "publisher" / "model").bytes == 32
    refused(tmp_path / "publisher", "a GGUF file: it has the folders model")
    for revision in ("one", "two"):
        (tmp_path / "snapshots" / revision).mkdir(parents=True)
        (tmp_path / "snapshots" / revision / "model.safetensors").write_bytes(TENSORS)
        if revision == "one":
            assert read(tmp_path).kind == "safetensors"
    refused(tmp_path, "it has the folders snapshots/one, snapshots/two")


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("model.bin", b"PK\x03\x04...", "is none of the files .+: PyTorch's own files are not read"),
        ("model.gguf", b"<!doctype html>", "is no GGUF file: it begins with b'<!do'"),
        (
            "model.gguf",
            b"version https://git-lfs.example/spec/v1\n",
            "only stands for a file that Git has not fetched",
        ),
        ("model.txt", b"", "is none of the files of a model that are read; they are a .gguf, "),
        ("config.json", b'{"model_type": "llama"}', "is neither an index of safetensors, which has a weight_map"),
        ("x.json", b'{"weight_map": {"a": "a.safetensors"}, "weight_map": {}}', "says 'weight_map' twice"),
    ],
)
def test_files_of_other_kinds(tmp_path, name, data, sentence):
    (tmp_path / name).write_bytes(data)
    refused(tmp_path / name, sentence)


@pytest.mark.parametrize("name", ["none.gguf", "none/at/all", "x" * 300])
def test_what_is_not_there(tmp_path, name):
    refused(tmp_path / name, "cannot be read: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are files on POSIX alone")
def test_a_named_pipe_is_no_model(folder, tmp_path):
    os.mkfifo(tmp_path / "model.gguf")
    refused(tmp_path / "model.gguf", "must be a regular file, and is a named pipe")
    refused(tmp_path, "holds neither safetensors nor a GGUF file")
    os.mkfifo(tmp_path / "m-00001-of-00002.gguf")
    folder(**{"m-00002-of-00002__gguf": GGUF})
    refused(tmp_path / "m-00002-of-00002.gguf", "beside it there is no m-00001-of-00002.gguf")


MANIFEST = {"schemaVersion": 2, "layers": [{"mediaType": "x.image.model", "digest": f"sha256:{'a' * 64}"}]}
SOUND = {
    "model.gguf": GGUF,
    "model": GGUF,
    "x.safetensors": TENSORS,
    "model.safetensors.index.json": json.dumps({"weight_map": {"model.norm.weight": "x.safetensors"}}).encode(),
    "o/manifests/host/library/name/tag": json.dumps(MANIFEST).encode(),
}
PIECES = [b"\xff" * 8, b"\0" * 8, b"{", b"[", b'"', b",", b"null", b"1e999", b"NaN", b"-5", b"\\ud800", b"9" * 5000]


@given(st.sampled_from(list(SOUND)), st.data())
def test_any_change_gives_a_checkpoint_or_one_sentence(tmp_path_factory, name, data):
    here = tmp_path_factory.mktemp("changed")
    for folder in ("o/blobs", "o/manifests/host/library/name"):
        (here / folder).mkdir(parents=True)
    (here / "o/blobs" / f"sha256-{'a' * 64}").write_bytes(GGUF)
    (here / "x.safetensors").write_bytes(TENSORS)
    changed = bytearray(SOUND[name])
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(changed)))
        changed[place : place + data.draw(st.integers(0, 9))] = data.draw(
            st.binary(max_size=9) | st.sampled_from(PIECES)
        )
    (here / name).write_bytes(changed)
    found = files.outcome(read, here / name)
    files.check(found, len(changed) + 500)
    if changed == SOUND[name]:
        assert found.bytes == 32
    if not isinstance(found, str):
        assert isinstance(config_of(found.metadata, {one.name for one in found.tensors}), dict)


def test_a_shard_stands_for_all_of_them(folder):
    one, two = (files.safetensors({f"model.{name}.weight": ("F32", (8,), 32)}) for name in ("norm", "head"))
    here = folder(**{"m-00001-of-00002__safetensors": one, "m-00002-of-00002__safetensors": two})
    assert read(here / "m-00001-of-00002.safetensors").bytes == read(here / "m-00002-of-00002.safetensors").bytes == 64
    (here / "m-00002-of-00002.safetensors").unlink()
    refused(here / "m-00001-of-00002.safetensors", r"is one of 2, and beside it there is no m-00002-of-00002\.saf")
    (here / "m-00009-of-00002.safetensors").write_bytes(one)
    refused(here / "m-00009-of-00002.safetensors", r"must be a part from 1 to 2 by its name, not 9\.$")


def test_endings_in_large_letters(folder):
    assert resolve(folder(A__GGUF=GGUF)).kind == "GGUF"


def test_what_a_config_is(folder):
    here = folder(a__json={"model_type": "llama"}, b__json=index("x.safetensors"), c=GGUF, d__json=b"")
    assert [is_config(here / name) for name in ("a.json", "b.json", "c", "d.json")] == [True, False, False, True]
    endless = folder(e__json=b'{"model_type": "mamba2", "time_step_limit": [0.0, Infinity]}')
    assert is_config(endless / "e.json"), "as Transformers writes it"
