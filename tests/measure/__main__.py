"""Measure the formula's terms on this machine, and write them into memcalc/data/measured.csv (`make measure`)."""

import argparse
import datetime
import logging
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from measure import census, store
from measure.cases import Case, Section
from measure.plan import SECTIONS, on_a_card
from memcalc import Gpu, validation
from memcalc.errors import InputError


@dataclass(frozen=True)
class Task:
    """A case with the id of its row, and the section that measures it."""

    id: str
    section: Section
    case: Case

    def done(self, row: store.Row | None) -> bool:
        """Return whether a row is this case, measured with these libraries."""
        case = {"quantity": self.case.quantity, "model": self.case.model, "inputs": self.case.written}
        return row is not None and (case | {"library": self.section.versions(self.case)}).items() <= row.items()

    def measured(self) -> store.Row:
        """Measure the case, and return its row, which the package can read."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = self.section.load()
            amount = module.measure(self.case)
        case, how, library = self.case, module.HOW[self.case.quantity], self.section.versions(self.case)
        cells = self.id, case.quantity, case.model, case.written, amount, how, library, datetime.date.today()
        row = dict(zip(validation.COLUMNS, map(str, cells), strict=True))
        validation.read(row)
        return row


def main() -> int:
    """Measure what is left of the plan, and say how the formula did; 1 if not all of it could be measured."""
    asked = _arguments()
    logging.disable(logging.WARNING)  # libraries tell what they miss, and a progress bar has one line
    if asked.census is not None:
        return census.main(asked.census)
    planned = on_a_card(asked.gpu) if asked.gpu else SECTIONS
    planned = [section for section in planned if section.letter in (asked.only or section.letter)]
    tasks = [Task(*entry) for section in planned if section.versions() for entry in section.numbered()]
    part = {} if asked.again else store.load(store.part(asked.device))
    rows = {task.id: part[task.id] for task in tasks if task.done(part.get(task.id))}
    try:
        failed = _measure([task for task in tasks if task.id not in rows], rows, asked.device)
    except KeyboardInterrupt:
        print(f"\nStopped: {len(rows)} of {len(tasks)} rows are measured. The same command goes on.")
        return 1
    for table in dict.fromkeys(task.section.table for task in tasks):
        inside = [task for task in tasks if task.section.table == table]
        found = {task.id: rows[task.id] for task in inside if task.id in rows}
        store.save(store.place(table), _merged(found, inside, store.place(table)).values())
    if not failed:
        store.part(asked.device).unlink(missing_ok=True)
    print(*_summary(rows, failed, planned), sep="\n")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make measure", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda: what only a card can tell")
    parser.add_argument("--gpu", type=_card, help="the card's name in memcalc/data/gpus.csv, with --device cuda")
    parser.add_argument("--only", metavar="LETTERS", help="sections to measure, by the letters of their rows")
    parser.add_argument("--again", action="store_true", help="forget what an interrupted run has measured")
    parser.add_argument("--census", metavar="TYPE", nargs="*", help="count these types of Transformers instead, or all")
    asked = parser.parse_args()
    if (asked.device == "cuda") != bool(asked.gpu):
        parser.error("--device cuda and --gpu NAME belong together.")
    if asked.gpu and (problem := _other_card(asked.gpu)):
        parser.error(problem)
    return asked


def _card(name: str) -> str:
    try:
        return Gpu.named(name).name
    except InputError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _other_card(name: str) -> str:
    """Return what is wrong if PyTorch does not see this card; the names of cards have their words in common."""
    import torch

    if not torch.cuda.is_available():
        return "--device cuda needs a card that PyTorch can use, and it sees none."
    words, seen = name.split()[:2], torch.cuda.get_device_name()
    return "" if all(word in seen for word in words) else f"--gpu must be the card in this machine, {seen}, not {name}."


def _measure(left: Iterable[Task], rows: dict[str, store.Row], device: str) -> list[str]:
    """Measure task by task, keep each row at once, and return what failed."""
    failed = []
    bar = tqdm(left, unit="row")
    for task in bar:
        bar.set_description(f"{task.case.quantity} {task.case.model}".ljust(36)[:36])
        try:
            rows[task.id] = task.measured()
            store.save(store.part(device), rows.values())
        except Exception as problem:  # one that fails must not lose the others
            what = f"{task.id} {task.case.quantity} {task.case.model} {task.case.written}"
            failed.append(f"{what}: {type(problem).__name__}: {str(problem)[:300]}")
    return failed


def _merged(rows: dict[str, store.Row], tasks: Iterable[Task], path: Path) -> dict[str, store.Row]:
    """Return the rows of this run, and those that were there before of what had no part in it or failed."""
    planned = {task.id for task in tasks}
    sections = {(task.section.letter, task.section.suffix) for task in tasks}
    own = [re.compile(rf"{letter}\d{{3}}{re.escape(suffix)}") for letter, suffix in sections]
    before = store.load(path)
    gone = {name for name in before.keys() - planned if any(form.fullmatch(name) for form in own)}
    return {name: row for name, row in before.items() if name not in gone} | rows


def _summary(rows: dict[str, store.Row], failed: list[str], planned: Iterable[Section]) -> Iterator[str]:
    measured = [validation.read(row) for row in rows.values()]
    exact = sum(row.measured == row.predicted for row in measured)
    yield f"{len(measured)} rows measured; the formula is exact on {exact}."
    if measured:
        worst = max(measured, key=lambda row: abs(row.residual))
        yield f"Worst residual: {worst.percent}, {worst.id} {worst.quantity} {worst.model} {worst.written}."
    for section in planned:
        if not section.versions():
            yield f"Left out: {len(section.cases)} rows that need {' and '.join(section.libraries)}."
    yield from (f"Failed: {problem}" for problem in failed)
    yield "Notebooks show some of these rows: make notebooks runs them again."


if __name__ == "__main__":
    sys.exit(main())
