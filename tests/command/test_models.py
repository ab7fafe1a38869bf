"""Which model is meant."""

import json
import subprocess
import sys

import pytest

from cases import LLAMA
from memcalc import InputError
from memcalc.command.models import meant


def test_a_size_a_name_and_a_name_as_a_hub_has_it():
    assert meant("7B").parameters == 7 * 10**9
    assert meant("Llama-2-7B").name == meant("meta-llama/Llama-2-7b-hf").name == "Llama-2-7B"


@pytest.mark.parametrize("folder", ["7B", "Llama-2-7B"])
def test_a_folder_without_a_model_hides_neither_a_name_nor_a_size(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / folder).mkdir()
    assert meant(folder).parameters > 6 * 10**9


def test_a_tag_is_ollamas_alone(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA))
    for name in (str(path), "Llama-2-7B", "7B", str(tmp_path)):
        with pytest.raises(InputError, match="tag must be left out for "):
            meant(name, "zed:8b")


def piped(name, data, redirected=""):
    command = [sys.executable, "-m", "memcalc", "fit", name, "RTX 4090", "--json"]
    return subprocess.run(command, input=data, capture_output=True, check=False)


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_a_config_that_is_piped_in(name):
    done = piped(name, json.dumps(LLAMA).encode())
    assert done.returncode == 0
    assert json.loads(done.stdout)["bytes"]["weights"] == 13_476_831_232


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_a_pipe_that_brings_nothing(name):
    done = piped(name, b" \n")
    problem = f"model {name!r} must be a config.json that is piped in, and nothing arrived."
    assert (done.returncode, json.loads(done.stdout)) == (2, {"error": problem})


@pytest.mark.parametrize(
    ("data", "why"), [(b"{", "is not JSON"), (b"[1]", "must hold one object"), (b"\xff{", "UTF-8")]
)
def test_a_pipe_that_brings_something_else(data, why):
    done = piped("-", data)
    assert done.returncode == 2
    assert why in json.loads(done.stdout)["error"]


def test_the_file_that_a_shell_puts_in_place_of_a_command(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    script = f'{sys.executable} -m memcalc fit <(cat "{tmp_path}/config.json") "RTX 4090"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "13,476,831,232 bytes" in done.stdout
