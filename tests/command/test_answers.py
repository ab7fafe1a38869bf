"""The answer to a question."""

import json
import subprocess
import sys

import pytest

from memcalc.__main__ import main

CARD = "RTX 4090"


def test_a_size_alone_tells_its_weights_and_that_the_rest_needs_an_architecture(capsys):
    assert main(["fit", "7B", CARD, "--weights", "INT8"]) == 0
    said = capsys.readouterr().out
    assert "7,000,000,000 bytes" in said
    assert "A size alone tells what the weights take" in said
    assert "fit" not in said.replace("config.json", "").split("card")[-1].split("\n")[0]
    assert main(["fit", "7B", CARD, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["bytes"] == {"weights": 14 * 10**9}
    assert answer["fits"] is answer["margin"] is None


def test_a_size_can_be_trained(capsys):
    assert main(["train", "7B", CARD]) == 0
    assert "112,000,000,000 bytes" in capsys.readouterr().out  # 16 bytes a parameter


def test_a_count_is_said_in_full(capsys):
    assert main(["fit", "Llama-2-7B", CARD, "--context", "32K", "--batch", "1_0"]) == 0
    assert capsys.readouterr().out.startswith(f"Llama-2-7B on {CARD}: context 32,768, batch 10, ")


@pytest.mark.parametrize(
    "arguments",
    [["fit", "nothing", CARD], ["fit", "Llama-2-7B", CARD, "--context", "0"], ["train", "Mamba-2.8B", CARD]],
)
def test_a_refusal_is_json_where_json_is_asked(arguments, capsys):
    assert main([*arguments, "--json"]) == 2
    said = capsys.readouterr()
    assert list(json.loads(said.out)) == ["error"]
    assert said.err == ""


QUICK = [
    *(["--version"], ["--help"], ["fit", "--help"], ["train", "--help"], ["list", "gpus"], ["glossary"]),
    *(["fit", "Llama-2-7B", CARD, "--max-model-len", "1"], ["fit", "Llama-2-7B", CARD, "--context", "x"]),
    *(["train", "Llama-2-7B", CARD, "--optimizer", "x"], ["fit", "Llama-2-7B", CARD, "--slots", "0"]),
    *(["train", "Llama-2-7B", CARD, "--beta", "0.1"], ["train", "Llama-2-7B", CARD, "--num_generations", "8"]),
    *(["fit", "Llama-9-8B", CARD], ["train", "nobody/nothing", CARD], ["fit", "nothing.json", CARD]),
]


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_what_needs_no_formula_does_not_wait_for_sympy(arguments):
    code = f"import sys\nfrom memcalc.__main__ import main\ntry: main({arguments})\nexcept SystemExit: pass\n"
    code += "print('sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


FOR_OTHERS = "estimate.training", "formula.lora", "formula.quantization", "estimate.placement", "checkpoints.gguf"


def test_a_question_loads_nothing_that_only_others_need():
    code = "import sys\nfrom memcalc.__main__ import main\nmain(['fit', 'Llama-3.1-8B', 'RTX 4090'])\n"
    code += f"print([name for name in {FOR_OTHERS} if f'memcalc.{{name}}' in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize(("bare", "like"), [("FP8", "FP8-128x128"), ("INT8", "W8A8-INT8"), ("INT4", "AWQ-INT4-g128")])
def test_bare_numbers_are_said_to_be_in_no_file(capsys, bare, like):
    main(["fit", "Qwen3-8B", "RTX 4090", "--weights", bare])
    said = capsys.readouterr().out
    assert f"No file has just {bare}: " in said
    assert like in said
    main(["fit", "Qwen3-8B", "RTX 4090", "--weights", like])
    assert "No file has just" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "may"), [("Gemma-3-27B", True), ("Qwen2.5-VL-7B", True), ("Llama-3.1-8B", False)])
def test_a_model_that_may_have_a_tower_says_so(capsys, name, may):
    main(["fit", name, "RTX 4090"])
    assert ("A tower for pictures or sound" in capsys.readouterr().out) == may
