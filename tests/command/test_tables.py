"""Several cards or formats in one table."""

import csv
import io
import json
import subprocess
import sys

import pytest

from memcalc import Gpu, Inference, Model, catalogue, fits, largest
from memcalc.__main__ import main
from memcalc.command import tables
from memcalc.specs.engines import formats_of

SEVEN = "Llama-2-7B"


def printed(capsys, *arguments):
    assert main(["fit", *arguments]) == 0
    return capsys.readouterr().out


def test_cards_side_by_side(capsys):
    said = printed(capsys, SEVEN, "--cards", "RTX 4090", "24 GB", "H100 80 GB")
    assert said.split("\n")[0] == f"{SEVEN}: context 32,768, batch 1, FP16 weights, FP16 cache"
    *_, first, second, third = (line.split() for line in said.split("\n")[2:6])
    assert first == ["RTX", "4090", "28.55", "GiB", "23.64", "GiB", "-4.91", "GiB", "no", "22,709"]
    assert second[:2] == ["24", "GB"]
    assert third[-3:-1] == ["yes", "136,455"]
    assert said.rstrip().endswith("what no program exceeds.")


def test_each_row_is_the_answer_to_its_question(capsys):
    arguments = (SEVEN, "RTX 4090", "--cards", "L4", "--formats", "Q4_K_M", "FP16", "--context", "8K", "--json")
    rows = json.loads(printed(capsys, *arguments))
    assert [(row["card"], row["weights"]) for row in rows] == [
        (card, form) for card in ("RTX 4090", "L4") for form in ("Q4_K_M", "FP16")
    ]
    for row in rows:
        run, gpu = Inference(8192, weights=row["weights"]), Gpu.named(row["card"])
        fit = fits(Model.named(SEVEN), run, gpu)
        assert (row["needed"], row["capacity"], row["margin"]) == (fit.needed, fit.capacity, fit.margin)
        assert row["fits"] is bool(fit)
        assert row["largest_context"] == largest("context", Model.named(SEVEN), run, gpu)
        assert (row["tokens_per_second"] is not None) == bool(fit)


def test_a_row_that_is_refused_has_its_sentence_and_breaks_nothing(capsys):
    arguments = (SEVEN, "L4", "--formats", "Q4_K_M", "FP8-128x128", "nonsense", "--engine", "llama.cpp")
    said = printed(capsys, *arguments)
    lines = said.split("\n")
    assert lines[3].startswith("Q4_K_M")
    assert "FP8-128x128  weights must be a format that llama.cpp has" in lines[4]
    assert "nonsense     weights format 'nonsense' is not known." in lines[5]
    table = list(csv.DictReader(io.StringIO(printed(capsys, *arguments, "--table", "csv"))))
    assert [bool(row["refused"]) for row in table] == [False, True, True]
    assert [row["needed"] for row in table][1:] == ["", ""]


def test_markdown(capsys):
    lines = printed(capsys, SEVEN, "--cards", "L4", "nothing", "--table", "markdown").strip().split("\n")
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {9}
    assert lines[2].startswith("| L4 | FP16 | 28.55 GiB |")


def test_all_formats_are_those_of_the_engine():
    assert tables._formats(["all"], Inference(engine="vLLM")) == list(formats_of("vLLM", "weights"))
    assert "KIVI-4" not in tables._formats(["all"], Inference())
    assert tables._cards(["all"]) == catalogue.names("gpus")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((SEVEN,), 'gpu must name a card, such as "RTX 4090"'),
        ((SEVEN, "--formats", "FP16"), 'gpu must name a card, such as "RTX 4090"'),
        ((SEVEN, "L4", "--table", "csv"), "table must be left out, unless cards or formats are to be compared."),
        ((SEVEN, "--cards", "L4", "--explain"), "explain must be left out with a table"),
        ((SEVEN, "--cards", "L4", "--table", "csv", "--json"), "table must be json with --json, not csv."),
        (("7B", "--cards", "L4", "T4"), "model '7,000,000,000 parameters' has no architecture"),
        ((SEVEN, "--cards", "L4", "--context", "0"), "context must be a whole number from 1"),
    ],
)
def test_what_no_table_can_answer(arguments, sentence, capsys):
    assert main(["fit", *arguments]) == 2
    said = capsys.readouterr()
    assert (json.loads(said.out)["error"] if "--json" in arguments else said.err.removeprefix("memcalc: ")).startswith(
        sentence
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_who_waits_at_a_terminal_reads_how_far_it_is(monkeypatch):
    times = iter([0.0, 0.5, 1.5, 2.5])
    monkeypatch.setattr(tables.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(sys, "stderr", Terminal())
    rows = [tables.Row("a", "FP16")] * 3
    assert list(tables._with_progress(rows, 3)) == rows
    assert sys.stderr.getvalue() == f"\r2 of 3\r3 of 3\r{' ' * 20}\r"


def test_progress_is_nothing_for_a_file():
    command = [
        sys.executable,
        "-m",
        "memcalc",
        "fit",
        SEVEN,
        "--formats",
        "all",
        "--engine",
        "llama.cpp",
        "--cards",
        "L4",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(done.stdout.split("\n")) > 40
