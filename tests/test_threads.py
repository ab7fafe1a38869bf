"""Questions as people put them in public threads, each in one line, and what their engine or log said."""

import csv
import json
import shlex
from pathlib import Path

import pytest

from memcalc import units
from memcalc.__main__ import main


def read(name):
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


ROWS, TRAINING = read("threads.csv"), read("training_threads.csv")

NEAR = 0.002  # caches and weights
NEAR_POOL = 0.1  # tokens of a pool outside of the range that is stated


def asked(row, capsys):
    assert main(["fit", *shlex.split(row["line"]), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def reported(row):
    return float(row["reported"]) * units.UNITS[row["unit"]]


def half_a_digit(row):
    """Half of the last digit that was reported [bytes]."""
    return 0.5 * units.UNITS[row["unit"]] / 10 ** len(row["reported"].partition(".")[2])


def of(*names):
    """A test for rows in which these things were asked."""
    rows = [row for row in ROWS if row["asked"] in names]
    return pytest.mark.parametrize("row", rows, ids=[row["id"] for row in rows])


def test_each_row_says_where_it_was_asked():
    for row in ROWS:
        assert row["source"]
        assert row["asked"] in ("weights", "kv_cache", "cpu", "pool", "verdict", "needed", "everywhere")


@of("weights", "kv_cache", "cpu")
def test_weights_and_caches_are_those_of_the_log(row, capsys):
    answer = asked(row, capsys)
    tables = answer.get("engine_takes", {}).get("rope_table", [0])[0]
    found = {
        "weights": answer["bytes"]["weights"] + tables,
        "kv_cache": answer["bytes"]["kv_cache"],
        "cpu": answer.get("cpu", {}).get("weights"),
    }[row["asked"]]
    assert found == pytest.approx(reported(row), rel=NEAR, abs=half_a_digit(row))


@of("pool")
def test_a_pool_holds_as_many_tokens_as_the_engine_states(row, capsys):
    tokens = asked(row, capsys)["pool"]["tokens"]
    low, high = tokens if isinstance(tokens, list) else (tokens, tokens)
    assert low * (1 - NEAR_POOL) <= int(row["reported"]) <= high * (1 + NEAR_POOL)


@of("verdict")
def test_the_verdict_is_how_the_thread_ended(row, capsys):
    assert asked(row, capsys)["verdict"] == row["reported"]


@of("needed")
def test_what_the_card_needs_is_in_the_range_that_people_report(row, capsys):
    answer = asked(row, capsys)
    least, most = (float(end) * units.UNITS[row["unit"]] for end in row["reported"].split(" to "))
    low, high = (sum(ends[end] for ends in answer["engine_takes"].values()) for end in (0, 1))
    assert least <= answer["total"] + low <= answer["total"] + high <= most


@of("everywhere")
def test_card_and_cpu_memory_together_are_what_is_reported(row, capsys):
    answer = asked(row, capsys)
    both = answer["total"] + sum(answer["cpu"].values())
    low, high = (both + sum(ends[end] for ends in answer["engine_takes"].values()) for end in (0, 1))
    assert low - half_a_digit(row) <= reported(row) <= high + half_a_digit(row)


QWEN_1_5 = {
    **{"model_type": "qwen2", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32},
    **{"num_key_value_heads": 32, "intermediate_size": 11_008, "vocab_size": 151_936, "tie_word_embeddings": False},
    "max_position_embeddings": 32_768,
}


@pytest.mark.parametrize("row", TRAINING, ids=[row["id"] for row in TRAINING])
def test_a_training_ends_as_its_thread_did_or_what_is_not_known_is_said(row, capsys, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(QWEN_1_5))
    line = shlex.split(row["line"].format(config=config))
    card = [] if row["asked"] == "verdict" else ["A100 80 GB"]
    assert main(["train", *line, *card, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    if row["asked"] == "holds":
        assert answer["terms"]["activations"]["holds"].startswith(row["reported"])
        return
    assert answer["verdict"] == row["reported"]
    said = [*answer["advice"], f"are enough for {answer['not_counted']}"]
    assert any(row["note"] in one for one in said)
