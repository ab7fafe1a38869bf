"""The census: every type of the installed Transformers that generates text, and what memcalc makes of it.

`make measure WITH="--census"` builds each type small, in a process of its own, and writes tests/data/census.jsonl.
"""

import datetime
import json
import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from multiprocessing.connection import Connection
from typing import Any

from tqdm import tqdm

import measured
from memcalc.errors import InputError, choice

Row = dict[str, Any]

DATA = measured.DATA / "census.jsonl"
MOST_SECONDS = 120
COLUMNS = (
    *("model_type", "class", "memcalc", "parameters", "text_parameters", "cache", "context", "batch", "config"),
    *("how", "library", "date"),
)


def main(names: Iterable[str]) -> int:
    """Count the types of these names, or all; write their rows, and say what changed."""
    classes = import_module("measure.classes")  # it imports the libraries, once for all processes
    types = classes.types()
    try:
        asked = [choice("model_type", name, types) for name in names] or types
    except InputError as problem:
        raise SystemExit(str(problem)) from None
    before, found = load(), {}
    bar = tqdm(asked, unit="type")
    for name in bar:
        bar.set_description(name.ljust(24)[:24])
        found[name] = alone(classes.count, name)
        save(merged(before, found))
    print(*summary(before, found, types), sep="\n")
    return 0


def load() -> dict[str, Row]:
    """Return type → row."""
    return {row["model_type"]: row for row in map(json.loads, DATA.read_text(encoding="utf-8").splitlines())}


def save(rows: Mapping[str, Row]) -> None:
    """Write the rows in the order of their types: all of them, or, if something stops it, none."""
    beside = DATA.with_suffix(".new")
    beside.write_text("".join(f"{json.dumps(rows[name])}\n" for name in sorted(rows)), encoding="utf-8")
    beside.replace(DATA)


def alone(count: Callable[[str], Row], name: str) -> Row:
    """Return the row of a type, counted in a process of its own: what breaks or hangs there loses no other type."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=_tell, args=(count, name, there))
    process.start()
    there.close()
    try:
        cells = here.recv() if here.poll(MOST_SECONDS) else {"how": f"not built within {MOST_SECONDS} seconds"}
    except EOFError:
        process.join()
        cells = {"how": f"not built: its process ended with {process.exitcode}"}
    process.kill()
    process.join()
    row = dict.fromkeys(COLUMNS) | {"model_type": name, "library": libraries(), "date": str(datetime.date.today())}
    return row | {"memcalc": "unbuilt"} | cells


def _tell(count: Callable[[str], Row], name: str, there: Connection) -> None:
    """Send the cells of a type's row, or what went wrong."""
    logging.disable(logging.ERROR)  # what fails in one way is tried in another
    try:
        cells = count(name)
        cells["memcalc"] = measured.verdict(cells)
    except Exception as problem:
        cells = {"how": f"not built: {in_a_line(problem)}"}
    there.send(cells)


def in_a_line(problem: Exception) -> str:
    """Return what went wrong, in few words."""
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:200]


def libraries() -> str:
    return ", ".join(f"{name} {version(name).partition('+')[0]}" for name in ("transformers", "torch"))


def merged(before: Mapping[str, Row], found: Mapping[str, Row]) -> dict[str, Row]:
    """Return the rows that were there with those that say something new.

    A row stays as it is where a newer library gives the same, cannot build the type any more, or no longer has it.
    """
    return {**before, **{name: row for name, row in found.items() if _news(before.get(name), row)}}


def _news(old: Row | None, row: Row) -> bool:
    if old is None or (row["config"] is None and old["config"] is not None):
        return old is None
    when = dict.fromkeys(("library", "date"))
    return old | when != row | when


def summary(before: Mapping[str, Row], found: Mapping[str, Row], types: Iterable[str]) -> Iterator[str]:
    """Yield what the census says, of all types that were asked for, and what is news since the rows that were there."""
    told = {word: [row for row in found.values() if row["memcalc"] == word] for word in measured.VERDICTS}
    held = sum(row["cache"] is not None for row in told["exact"])
    counted = len(found) - len(told["unbuilt"])
    yield f"{len(found)} types that generate text in {libraries()}; {counted} of them were built."
    yield f"memcalc is exact on {len(told['exact'])}: on the parameters of all of these, and on the cache of {held}."
    yield from (f"Differs: {row['model_type']}: {_difference(row)}." for row in told["differs"])
    yield from _refused(told["refused"])
    yield from (f"Unbuilt: {row['model_type']}: {row['how']}" for row in told["unbuilt"])
    yield f"New: {_names(found.keys() - before.keys())}"
    yield f"Gone: {_names(before.keys() - set(types))}"
    for name in sorted(before.keys() & found.keys()):
        if found[name]["memcalc"] != before[name]["memcalc"]:
            yield f"Changed: {name} was {before[name]['memcalc']} and is {found[name]['memcalc']}."


def _difference(row: Row) -> str:
    answers = zip(("parameters", "cache"), measured.answer(row), (row["text_parameters"], row["cache"]), strict=True)
    told = [f"{what} {answer:,}, not {truth:,}" for what, answer, truth in answers if truth not in (None, answer)]
    return "; ".join(told)


def _refused(rows: Iterable[Row]) -> Iterator[str]:
    """Yield each sentence with which memcalc refuses types, once, and the types."""
    types: dict[str, list[str]] = {}
    for row in rows:
        try:
            measured.answer(row)
        except InputError as problem:
            said = str(problem).replace(repr(row["model_type"]), "…").partition("; the nearest")[0].removesuffix(".")
            types.setdefault(said, []).append(row["model_type"])
    yield from (f"Refused: {said}: {_names(names)}" for said, names in types.items())


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none."
