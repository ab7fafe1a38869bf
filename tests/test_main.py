"""The command line."""

import doctest
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import model_files
from cases import LLAMA
from memcalc import publish, texts
from memcalc.__main__ import main

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "site" / "asking.md"


def test_alone_it_prints_a_worked_example():
    done = subprocess.run([sys.executable, "-m", "memcalc"], capture_output=True, text=True, check=True)
    assert "13,476,831,232 bytes =    12.55 GiB =     13.48 GB   M_w = P × B" in done.stdout


def test_the_readme_shows_what_the_command_prints():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command, output = re.search(r"```console\n\$ .venv/bin/memcalc (.*?)\n(.*?)```", readme, re.DOTALL).groups()
    run = [sys.executable, "-m", "memcalc", *shlex.split(command)]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == output


@pytest.mark.parametrize(
    "command", re.findall(r"^\$ (?:cat config.json \| )?memcalc (.*)$", GUIDE.read_text(), re.MULTILINE)
)
def test_each_command_of_the_guide_is_answered(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(LLAMA).encode())))
    assert main(shlex.split(command)) == 0
    assert re.search(r"It (fits|does not fit)|A size alone tells|tokens/s:", capsys.readouterr().out)


def test_the_guide_shows_what_python_answers():
    shown = doctest.DocTestParser().get_doctest(GUIDE.read_text().replace("```", ""), {}, "guide", str(GUIDE), 0)
    tried = doctest.DocTestRunner().run(shown)
    assert tried.attempted > 10
    assert not tried.failed


def test_json(capsys):
    assert main(["fit", "Llama-2-7B", "RTX 4090", "--context", "32768", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["bytes"] == {"weights": 13_476_831_232, "kv_cache": 17_179_869_184}
    assert answer["fits"] is False
    assert answer["margin"] == answer["capacity"] - answer["total"] == -5_273_443_697


def test_words_give_verdict_and_way_out(capsys):
    assert main(["fit", "Llama-2-7B", "RTX 4090"]) == 0
    said = capsys.readouterr().out
    assert "It does not fit: 4.91 GiB are missing.\nThis card holds at most 22,709 tokens of context.\n" in said
    assert "M_kv = L_full × h_kv × d_k × s × b × (B_k + B_v)" in said


def test_a_config_is_a_model_too(tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA))
    assert main(["fit", str(path), "RTX 4090", "--weights", "int8", "--kv-cache", "int8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fits"] is True


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Lama-2-7B", "RTX 4090"], "model 'Lama-2-7B' is not known; the nearest is Llama-2-7B"),
        (["Llama-2-7B", "RTX 4091"], "gpu 'RTX 4091' is not known; the nearest is RTX 4090"),
        (
            ["Llama-2-7B", "RTX 4090", "--context", "-5"],
            "context must be a whole number from 1 to 1,000,000,000, not -5.",
        ),
        (
            ["Llama-2-7B", "RTX 4090", "--context", "1.3K"],
            "context must be a whole number from 1 to 1,000,000,000, not '1.3K'.",
        ),
        (["Llama-2-7B", "RTX 4090", "--weights", "FP61"], "weights format 'FP61' is not known; the nearest is FP16"),
        (["dir", "RTX 4090"], "model 'dir' is not known"),
        (["missing.json", "RTX 4090"], "config.json 'missing.json' cannot be read: No such file or directory."),
    ],
)
def test_bad_input_gives_one_sentence_and_exit_code_2(arguments, sentence, capsys):
    assert main(["fit", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"memcalc: {sentence}")
    assert said.err.count("\n") == 1


def test_heads_that_do_not_divide(tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA | {"num_key_value_heads": 5}))
    assert main(["fit", str(path), "RTX 4090"]) == 2
    problem = "num_key_value_heads in config.json must divide num_attention_heads = 32, not 5."
    assert capsys.readouterr().err == f"memcalc: {problem}\n"


@pytest.fixture
def few(monkeypatch):
    """Only one picture and one table to make."""
    monkeypatch.setattr(publish, "PICTURES", publish.PICTURES[:1])
    monkeypatch.setattr(publish, "TABLES", dict(list(publish.TABLES.items())[:1]))


def test_article_writes_and_checks(tmp_path, few, capsys):
    assert main(["article", "--out", str(tmp_path)]) == 0
    assert main(["article", "--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "README.md").unlink()
    assert main(["article", "--out", str(tmp_path), "--check"]) == 1
    assert "README.md is missing." in capsys.readouterr().out


def test_the_article_is_written_in_english_whatever_language_is_chosen(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(texts.VARIABLE, "de")
    monkeypatch.setattr(publish, "write", lambda folder, formats: [texts.chosen()])
    assert main(["article", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "en\n"


def test_article_in_another_format(tmp_path, few, capsys):
    assert main(["article", "--out", str(tmp_path), "--format", "pdf"]) == 0
    assert main(["article", "--out", str(tmp_path), "--format", "pdf", "--check"]) == 0
    assert main(["article", "--out", str(tmp_path), "--check"]) == 0
    assert main(["article", "--out", str(tmp_path), "--format", "png", "--format", "tex", "--check"]) == 1
    said = capsys.readouterr().out
    assert "weights_by_format.png is missing." in said
    assert "table1_models_at_32k.tex is missing." in said
    assert main(["article", "--format", "bmp"]) == 2
    assert capsys.readouterr().err == "memcalc: format must be svg, png, pdf, html or tex, not 'bmp'.\n"


def test_a_folder_with_a_config_is_a_model_too(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    assert main(["fit", str(tmp_path), "RTX 4090"]) == 0


DIGEST = "1" * 64


@pytest.fixture
def store(tmp_path):
    """Models on a disk as a hub's cache and Ollama keep them, of an architecture that is not known."""
    keys = {f"z.{key}": ("u32", size) for key, size in (("block_count", 1), ("attention.head_count", 4))}
    keys |= {"z.attention.head_count_kv": ("u32", 4), "z.embedding_length": ("u32", 64)}
    file = model_files.gguf({"general.architecture": ("text", "z"), **keys}, [("output.weight", (64, 64), 0, 16384)])
    for place in (
        "hub/snapshots/abc/x.gguf",
        f"ollama/blobs/sha256-{DIGEST}",
        "ollama/manifests/a.host/library/zed/8b",
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(file)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{DIGEST}", "size": len(file)}
    manifest = {"schemaVersion": 2, "config": {}, "layers": [layer]}
    (tmp_path / "ollama/manifests/a.host/library/zed/8b").write_text(json.dumps(manifest))
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.ckpt").write_bytes(b"PK\x03\x04")
    return tmp_path


@pytest.mark.parametrize(
    "place",
    ["hub", "ollama", f"ollama/blobs/sha256-{DIGEST}", "ollama/manifests/a.host/library/zed/8b", "hub/snapshots/abc"],
)
def test_whatever_is_on_the_disk_is_asked_what_it_is(store, place, capsys):
    assert main(["fit", str(store / place), "RTX 4090"]) == 0
    assert "16,384 bytes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "tag", "sentence"),
    [
        ("ollama", "zad", "'zad' names none of its models, which are: zed:8b"),
        ("empty", "", "holds neither safetensors nor a GGUF file."),
        ("a.ckpt", "", "PyTorch's own files are not read"),
        ("nowhere/x", "", "must be a file or a folder that is there, or a name."),
    ],
)
def test_what_is_no_model_is_said_of_the_file(store, place, tag, sentence, capsys):
    assert main(["fit", str(store / place), "RTX 4090", "--tag", tag]) == 2
    assert sentence in capsys.readouterr().err


def test_nothing_is_written_where_nobody_asked(tmp_path, few, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.csv").write_text("mine")
    for arguments in (["--out", ""], ["--out", "", "--check"]):
        assert main(["article", *arguments]) == 2
        assert capsys.readouterr().err == "memcalc: out must name a folder, such as figures, not ''.\n"
    monkeypatch.setattr(publish, "TABLES", {"claims": publish.claims.table})
    assert main(["article", "--out", "."]) == 2
    problem = (
        "has a file claims.csv that is not as memcalc wrote it; move or delete it, or name another folder with --out."
    )
    assert capsys.readouterr().err == f"memcalc: out '.' {problem}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["claims.csv"]


@pytest.mark.parametrize("out", ["/dev/null", "/proc/nope", "a" * 300])
def test_a_folder_that_cannot_be(out, capsys):
    assert main(["article", "--out", out]) == 2
    assert capsys.readouterr().err.startswith(f"memcalc: out '{out}' cannot be used: ")
    assert main(["article", "--check", "--out", out]) == 2
    assert "is not a folder with figures" in capsys.readouterr().err


ASKED = ["fit", "LLaMA-7B", "RTX 4090"]


def ran(arguments, redirected="", **environment):
    """What a shell sees of a command whose output goes elsewhere."""
    python = shlex.join([sys.executable, "-m", "memcalc", *arguments])
    command = ["bash", "-o", "pipefail", "-c", f"{python} {redirected}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


FULL = "memcalc: the output cannot be written: No space left on device.\n"


@pytest.mark.parametrize(
    ("arguments", "redirected", "code", "said"),
    [
        (ASKED, "| true", 141, ""),
        (["fit", "--help"], "| true", 141, ""),
        (ASKED, "> /dev/full", 2, FULL),
        (["fit", "--help"], "> /dev/full", 2, FULL),
        (["--version"], "> /dev/full", 2, FULL),
        (ASKED, ">&-", 2, "memcalc: the output cannot be written: Bad file descriptor.\n"),
    ],
)
def test_an_output_that_nobody_takes(arguments, redirected, code, said):
    done = ran(arguments, redirected, PYTHONUNBUFFERED="")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def test_a_problem_that_nobody_hears_is_no_output():
    done = ran(["fit", "nothing", "RTX 4090"], "2>&-")
    assert (done.returncode, done.stdout) == (2, "")


C_LOCALE = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": ""}


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, C_LOCALE], ids=["ascii", "C"])
def test_what_the_output_cannot_encode_is_spelled_plainly(environment, capsys):
    main(ASKED)
    done, usual = ran(ASKED, **environment), capsys.readouterr().out
    assert "M_w = P × B" in usual
    assert (done.returncode, done.stdout, done.stderr) == (0, usual.replace("×", "x"), "")


def test_help_is_spelled_plainly_too():
    done = ran(["fit", "--help"], PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--context ..." in done.stdout


def test_an_interrupt_is_one_word_even_if_the_output_is_stuck():
    command = [sys.executable, "-m", "memcalc", "glossary"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "pipesize": 4096}
    pipes["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job ignores it
    with subprocess.Popen(command, **pipes, env={**os.environ, "PYTHONUNBUFFERED": ""}) as run:
        run.stdout.read(1)  # now it waits for room in the pipe
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130
        assert run.stderr.read() == "memcalc: interrupted.\n"


def test_without_docstrings(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code = f"from memcalc.__main__ import main; main({ASKED}); main(['article']); main(['fit', '--help'])"
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=True)
    main(ASKED)
    with pytest.raises(SystemExit, match="0"):
        main(["fit", "--help"])
    assert done.stdout == capsys.readouterr().out
    assert done.stderr == "memcalc: article tells of its tables in their docstrings; run it without -OO.\n"


def test_an_interrupt_while_modules_are_read_is_one_sentence():
    broken = """
import builtins, sys
from memcalc.__main__ import main
read = builtins.__import__
def interrupted(name, *others, **more):
    if name == "memcalc.command":
        raise KeyboardInterrupt
    return read(name, *others, **more)
builtins.__import__ = interrupted
sys.exit(main(["list", "gpus"]))
"""
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "memcalc: interrupted.\n")
