"""A manifest of Ollama leads to the blobs of a model, which are GGUF files."""

import json

import pytest

import model_files as files
from memcalc import InputError
from memcalc.checkpoints import config_of, read

MEDIA = "application/vnd.ollama.image"
MODEL, PROJECTOR = "a" * 64, "b" * 64


@pytest.fixture
def root(tmp_path):
    """The folder of models of Ollama, with two models of which one has a projector."""
    (tmp_path / "blobs").mkdir()
    blobs = {MODEL: files.gguf(files.LLAMA, [files.NORM])}
    blobs[PROJECTOR] = files.gguf({"general.architecture": ("text", "clip")}, [("v.x", (4,), 0, 16), ("y", (2,), 0, 8)])
    for digest, data in blobs.items():
        (tmp_path / "blobs" / f"sha256-{digest}").write_bytes(data)
    manifest(tmp_path, "some.host/library/qwen3/8b", ("license", MODEL), ("model", MODEL))
    manifest(tmp_path, "some.host/someone/seeing/latest", ("model", MODEL), ("projector", PROJECTOR))
    return tmp_path


def manifest(root, place, *layers, **changes):
    path = root / "manifests" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = [{"mediaType": f"{MEDIA}.{word}", "digest": f"sha256:{digest}", "size": 1} for word, digest in layers]
    path.write_text(json.dumps({"schemaVersion": 2, "config": {}, "layers": listed} | changes))
    return path


@pytest.mark.parametrize("tag", ["qwen3:8b", "library/qwen3:8b", "some.host/library/qwen3:8b"])
def test_a_name_leads_to_its_blob(root, tag):
    checkpoint = read(root, tag)
    assert (checkpoint.kind, checkpoint.bytes, checkpoint.config) == ("GGUF", 32, None)
    assert config_of(checkpoint.metadata)["model_type"] == "llama"
    assert [one.name for one in checkpoint.files] == [f"sha256-{MODEL}"]


def test_a_projector_is_a_part_of_its_own(root):
    for checkpoint in (read(root, "someone/seeing"), read(root / "manifests/some.host/someone/seeing/latest")):
        assert checkpoint.parts == {"weights": 32, "vision": 16, "projector": 8}
        assert checkpoint.metadata["general.architecture"] == "llama"


def test_the_folder_above_is_as_good(root, tmp_path_factory):
    above = tmp_path_factory.mktemp("above")
    (above / "models").symlink_to(root)
    assert read(above, "qwen3:8b").bytes == 32


def test_the_only_model_needs_no_name(root):
    (root / "manifests/some.host/someone/seeing/latest").unlink()
    assert read(root).bytes == 32


def test_a_name_that_is_not_there_hears_the_others(root):
    for tag, sentence in {
        "": "NAME:TAG must name one of its models: qwen3:8b, someone/seeing:latest.",
        "qwen3": "'qwen3' names none of its models, which are: qwen3:8b, someone/seeing:latest.",
    }.items():
        with pytest.raises(InputError) as caught:
            read(root, tag)
        assert str(caught.value) == f"folder {str(root)!r} is one of Ollama, and {sentence}"
    manifest(root, "other.host/library/qwen3/8b", ("model", MODEL))
    with pytest.raises(InputError, match="'qwen3:8b' names 2 of its models"):
        read(root, "qwen3:8b")


@pytest.mark.parametrize(
    "tag", ["..", "../../x:y", "a//b", "a/b/c/d:e", "*", "qwen3:*", "[q]wen3:8b", "a\0", ":", "x" * 300]
)
def test_a_name_leads_nowhere_else(root, tag):
    with pytest.raises(InputError, match=r"^tag must be NAME:TAG as Ollama lists its models, not "):
        read(root, tag)


def test_a_tag_is_for_the_folder_of_ollama_alone(tmp_path):
    with pytest.raises(InputError, match=r"^tag must be left out for "):
        read(tmp_path, "qwen3:8b")
    with pytest.raises(InputError, match=r"^tag must be of type str"):
        read(tmp_path, 5)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ([], "names no model"),
        ([5, None, {"mediaType": 5}, {}], "names no model"),
        ([{"mediaType": f"{MEDIA}.model"}], "must name its model by a digest sha256:…, not None"),
        ([{"mediaType": f"{MEDIA}.model", "digest": "sha256:../../x"}], "must name its model by a digest"),
        ([{"mediaType": f"{MEDIA}.model", "digest": f"sha256:{'c' * 64}"}], "a blob that is not there: 'sha256-ccc"),
    ],
)
def test_a_manifest_that_leads_to_no_model(root, layers, sentence):
    path = manifest(root, "some.host/library/x/y", layers=layers)
    with pytest.raises(InputError, match=sentence):
        read(path)


def test_a_manifest_elsewhere_has_no_blobs(root, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "manifest"
    path.write_text((root / "manifests/some.host/library/qwen3/8b").read_text())
    with pytest.raises(InputError, match="is a manifest of Ollama outside its folder 'manifests'"):
        read(path)
