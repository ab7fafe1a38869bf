"""Files of DeepSpeed and FSDP on the command line: what counts, and what they say in vain."""

import json

import pytest

from memcalc.__main__ import main

FILE = {
    "zero_optimization": {"stage": 3, "reduce_bucket_size": "auto", "overlap_comm": True},
    "bf16": {"enabled": True},
    "gradient_clipping": 1.0,
    "foo": 1,
}
ON = ["train", "Llama-2-7B", "A100 80 GB", "--data-parallel", "8"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "ds.json"
    path.write_text(json.dumps(FILE))
    return str(path)


def test_a_file_counts_and_what_it_says_in_vain_is_one_line(file, capsys):
    assert main([*ON, "--deepspeed", file]) == 0
    said = capsys.readouterr().out.split("\n")
    assert "zero 3" in said[0]
    assert f"bucket {4096**2:,}" in said[0]
    assert said[-2] == (
        "In ds.json, overlap_comm is not counted here; no byte depends on gradient_clipping; foo is not known here."
    )


def test_the_command_line_overrules_a_file_and_that_is_said(file, capsys):
    assert main([*ON, "--deepspeed", file, "--zero", "1", "--recipe", "mixed", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["run"]["zero"] == 1
    why = {one["key"]: one["why"] for one in said["in_vain"]}
    assert why["zero_optimization.stage"] == "overruled"
    assert "bf16.enabled" not in why  # which says the same as the command line
    assert why["gradient_clipping"] == "nothing"


def test_the_words_of_the_trainer_need_no_file(capsys):
    assert main([*ON, "--fsdp", "full_shard auto_wrap"]) == 0
    said = capsys.readouterr().out
    assert "sharding fsdp" in said.split("\n")[0]
    assert "In --fsdp" not in said


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--deepspeed", "/nowhere.json"], "memcalc: file '/nowhere.json' cannot be read: No such file or directory."),
        (["--deepspeed", "/"], "memcalc: file '/' must be a regular file, and is a folder."),
        (
            ["--fsdp", "full_shard", "--deepspeed", "x"],
            "memcalc: deepspeed and fsdp share the same states",
        ),
        (["--deepspeed", ""], "memcalc: path must name a file or a folder, not ''."),
    ],
)
def test_bad_files_are_one_sentence(more, sentence, capsys):
    assert main([*ON, *more]) == 2
    assert capsys.readouterr().err.startswith(sentence)


def test_paged_states_are_said_to_give_way(capsys):
    """Weights and gradients in 16 bits are 4 of 12 bytes for each of 7 billion parameters: 26.08 GiB of 78.23."""
    bf16 = ["--recipe", "bf16", "--optimizer"]
    assert main(["train", "7B", "48 GB", *bf16, "paged_adamw_32bit"]) == 0
    assert (
        "if all 52.15 GiB of them go to CPU memory, which takes time, the peak is 26.08 GiB and the run fits."
    ) in capsys.readouterr().out
    assert main(["train", "7B", "48 GB", *bf16, "adamw_torch"]) == 0
    assert "Paged" not in capsys.readouterr().out


def test_a_recipe_keeps_its_name(capsys):
    assert main(["train", "7B", "A100 80 GB", "--recipe", "autocast"]) == 0
    assert "autocast recipe" in capsys.readouterr().out
