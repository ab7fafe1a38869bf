"""What was measured and tests alone read: the tables in tests/data, with the columns of memcalc/data/measured.csv.

Inputs are pairs as there; what has no form there is written as in JSON: true, false, null and lists. They are fields
of a run and symbols of the formula, or else the keys of a config.json or of a GGUF file's header. `tolerance` is by how
much the formula may be off [bytes]; `differs`, why a library stores something else than the formula's engine. A run may
have given several quantities under one id.
"""

import csv
import json
import re
from collections import namedtuple
from functools import cache
from pathlib import Path

from memcalc import Inference, InputError, Model, breakdown
from memcalc.estimate.ask import read_inputs
from memcalc.validation import COLUMNS

DATA = Path(__file__).parent / "data"
Row = namedtuple("Row", COLUMNS)


def rows(table, *quantities):
    """The rows of a table: all, or those of these quantities."""
    return [row for row in _table(table) if not quantities or row.quantity in quantities]


@cache
def built(table):
    """What was counted on classes of a library: objects, each with the config.json that the class was built from."""
    return [json.loads(line) for line in (DATA / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()]


VERDICTS = ("exact", "differs", "refused", "unbuilt")
"""What memcalc makes of a class that was counted; of one that could not be built nobody knows."""


def exact():
    """The classes of the census on which memcalc is exact."""
    return [row for row in built("census") if row["memcalc"] == "exact"]


def answer(row):
    """What memcalc says of a class that was counted: its parameters, and its cache [bytes]."""
    model = Model.from_config(row["config"])
    run = Inference(context=row["context"], batch=row["batch"], kv_cache="BF16", engine="transformers")
    return model.parameters, breakdown(model, run)["kv_cache"]


def verdict(row):
    """One of VERDICTS; a cache that could not be counted holds nobody to anything."""
    if row["config"] is None:
        return "unbuilt"
    try:
        parameters, cache = answer(row)
    except InputError:
        return "refused"
    return "exact" if parameters == row["text_parameters"] and row["cache"] in (None, cache) else "differs"


@cache
def _table(name):
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(map(_row, csv.DictReader(lines)))


def _row(cells):
    inputs = {name: _value(value) for name, value in read_inputs(cells["inputs"]).items()}
    return Row(**cells | {"inputs": inputs, "measured": _number(cells["measured"])})


def _number(cell):
    return int(cell) if cell.isdigit() else float(cell)


def _value(value):
    return json.loads(value) if re.fullmatch(r"true|false|null|\[.*\]", str(value)) else value
