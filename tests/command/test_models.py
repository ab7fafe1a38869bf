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


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "Llama-3.1-8B --weights Q4_K_M"),
        ("llama3.1:8b-instruct-q4_K_M", "Llama-3.1-8B --weights Q4_K_M"),
        ("unsloth/Qwen3-30B-A3B-GGUF:Q8_0", "Qwen3-30B-A3B --weights Q8_0"),
        ("hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4", "Llama-3.1-70B --weights AWQ-INT4-g128"),
        ("TheBloke/Llama-2-13B-chat-GPTQ", "Llama-2-13B --weights GPTQ-INT4-g128"),
        ("Qwen/Qwen3-8B-FP8", "Qwen3-8B --weights FP8-128x128"),
        ("70b-q4", "70b --weights Q4_K_M"),
    ],
)
def test_a_format_in_a_name_is_told_apart(typed, options):
    with pytest.raises(InputError, match=f"its name says the format, which is an option: {options}\\."):
        meant(typed)


@pytest.mark.parametrize("typed", ["nothing.gguf", "nothing-Q4_K_M.gguf", "Model-1-of-2.SAFETENSORS", "./there"])
def test_a_file_that_is_not_there_is_said_to_be_missing(typed):
    with pytest.raises(InputError, match="must be a file or a folder that is there, or a name"):
        meant(typed)


@pytest.mark.parametrize("typed", ["nothing", "banana-q4", "Q4_K_M", "-q4"])
def test_what_is_no_model_with_a_format_is_not_known(typed):
    with pytest.raises(InputError, match="is not known"):
        meant(typed)
