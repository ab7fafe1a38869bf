"""The calculator: its answers are those of the command line, and nonsense gets one sentence."""

import json

import pytest

from memcalc import InputError
from memcalc.__main__ import main
from memcalc.web import calculator as web
from memcalc.web.calculator import beside, calculator, formats, meant_by
from memcalc.web.worker import answer
from model_files import NORM, SMALL, gguf

SEVENTY = {"model": "Llama-3.1-70B", "gpu": "24 GB", "cards": "2", "weights": "Q4_K_M"}
CASES = [
    {},
    SEVENTY,
    {"model": "gpt-oss-20b", "gpu": "24 GB"},
    {"task": "train QLoRA adapters", "gpu": "24 GB", "recipe": "bf16", "context": 2048},
]


@pytest.mark.parametrize("state", CASES)
def test_the_command_line_that_is_shown_gives_the_answer_that_is_shown(state, capsys):
    said = beside(state)
    words = said["command"].replace('"24 GB"', "24_GB").replace('"RTX 4090"', "RTX_4090").split()[3:]
    assert main([word.replace("_", " ") if word in ("24_GB", "RTX_4090") else word for word in words]) == 0
    assert capsys.readouterr().out.rstrip("\n") == said["printed"]


def test_a_step_leads_to_a_run_that_fits():
    state = {"model": "Llama-3.1-70B", "gpu": "H100 80 GB", "cards": "1", "weights": "FP16"}
    assert not beside(state)["printed"].count("It fits")
    steps = [step["state"] for step in beside(state)["steps"] if step["state"]]
    assert steps
    for step in steps:
        assert "fits" in calculator.frame(**calculator.setting(state | step)).sentence_said


def test_the_table_says_which_file_fits_and_how_many_tokens():
    found = formats(SEVENTY)
    rows = {row[0]: row[1:] for row in found["rows"]}
    assert rows["Q4_K_M"][2:] == [True, 16_730]
    assert rows["Q8_0"][2:] == [False, 0]
    assert "| Q4_K_M |" in found["markdown"]
    assert found["csv"].count("\n") == len(rows) + 1


def test_the_lines_of_python_give_the_verdict():
    code = calculator.data(calculator.setting(SEVENTY))["code"]
    assert code.splitlines()[-1] == "memcalc.fits(model, run, memcalc.Gpu.of('24 GB'))"
    assert "explorers" not in code


def test_a_file_that_was_dropped_is_read_where_it_lies_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(web, "DROPPED", f"{tmp_path}/")
    (tmp_path / "mine.gguf").write_bytes(gguf(SMALL, [NORM]))
    assert meant_by(f"{tmp_path}/mine.gguf").name == "mine.gguf"
    for other in ("gone.gguf", "../etc/passwd"):
        with pytest.raises(InputError, match="dropped on this page again"):
            meant_by(f"{tmp_path}/{other}")


@pytest.mark.parametrize("state", [
    {"model": "<img src=x onerror=alert(1)>"},
    {"model": json.dumps({"model_type": "llama", "num_hidden_layers": 10**9})},
    {"context": "9" * 10**6},
    {"cards": "3"},
    {"model": "/etc/passwd"},
    {"nothing": 1},
])  # fmt: skip
def test_nonsense_gets_one_sentence(state):
    for about in ("beside", "formats"):
        said = json.loads(answer(json.dumps({"about": about, "state": state})))["problem"]
        assert said.endswith(".")
        assert len(said) < 600
