"""Measure the formula's terms on this machine, and write them into memcalc/data/measured.csv (`make measure`)."""

import argparse
import datetime
import logging
import sys
import warnings
from collections.abc import Iterable

from tqdm import tqdm

from measure import store
from measure.cases import Case, Section
from measure.plan import SECTIONS, on_a_card
from memcalc import Gpu, reality
from memcalc.errors import InputError, shown


def main() -> int:
    """Measure what is left of the plan, and say how the formula did; 1 if something could not be measured."""
    asked = _arguments()
    logging.disable(logging.WARNING)  # libraries tell what they miss, and a progress bar has one line
    planned = on_a_card(asked.gpu) if asked.device == "cuda" else SECTIONS
    sections = [section for section in planned if section.versions()]
    part = {} if asked.again else store.load(store.PART)
    left = [(section, name, case) for section in sections for name, case in section.numbered.items()]
    left = [entry for entry in left if not _same(part.get(entry[1]), *entry)]
    failed = _measure(left, part)
    rows = _merged(part, sections)
    store.save(store.DATA, rows.values())
    if not failed:
        store.PART.unlink(missing_ok=True)
    print(*_summary(part, failed, planned), sep="\n")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make measure", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda: what only a card can tell")
    parser.add_argument("--gpu", type=_card, help="the card's name in memcalc/data/gpus.csv, with --device cuda")
    parser.add_argument("--again", action="store_true", help="forget what an interrupted run has measured")
    asked = parser.parse_args()
    if (asked.device == "cuda") != bool(asked.gpu):
        parser.error("--device cuda and --gpu NAME belong together.")
    return asked


def _card(name: str) -> str:
    try:
        return Gpu.named(name).name
    except InputError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _same(row: store.Row | None, section: Section, _name: str, case: Case) -> bool:
    """Return whether a row of an interrupted run is this case, measured with these libraries."""
    wanted = {"quantity": case.quantity, "model": case.model, "inputs": case.written, "library": section.versions(case)}
    return row is not None and wanted.items() <= row.items()


def _measure(left: Iterable[tuple[Section, str, Case]], part: dict[str, store.Row]) -> list[str]:
    """Measure case by case, keep each row at once, and return what failed."""
    failed = []
    bar = tqdm(left, unit="row")
    for section, name, case in bar:
        bar.set_description(f"{case.quantity} {case.model}".ljust(36)[:36])
        try:
            part[name] = _row(section, name, case)
            store.save(store.PART, part.values())
        except Exception as problem:  # one that fails must not lose the others
            failed.append(f"{name} {case.quantity} {case.model} {case.written}: {shown(problem)}")
    return failed


def _row(section: Section, name: str, case: Case) -> store.Row:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = section.load()
        measured = module.measure(case)
    cells = name, case.quantity, case.model, case.written, measured, module.HOW[case.quantity], section.versions(case)
    return dict(zip(reality.COLUMNS, map(str, (*cells, datetime.date.today())), strict=True))


def _merged(part: dict[str, store.Row], sections: Iterable[Section]) -> dict[str, store.Row]:
    """Return the rows of this run, and those of the last for what had no part in it or failed."""
    own = {section.letter + section.suffix for section in sections}
    planned = {name for section in sections for name in section.numbered}
    before = store.load(store.DATA)
    return {name: row for name, row in before.items() if name[0] + name[4:] not in own or name in planned} | part


def _summary(part: dict[str, store.Row], failed: list[str], planned: Iterable[Section]) -> Iterable[str]:
    rows = [reality.read(row) for row in part.values()]
    yield f"{len(rows)} rows measured; the formula is exact on {sum(row.measured == row.predicted for row in rows)}."
    if rows:
        worst = max(rows, key=lambda row: abs(row.residual))
        yield f"Worst residual: {worst.percent}, {worst.id} {worst.quantity} {worst.model} {worst.written}."
    for section in planned:
        if not section.versions():
            yield f"Left out: {len(section.cases)} rows that need {' and '.join(section.libraries)}."
    yield from (f"Failed: {problem}" for problem in failed)


if __name__ == "__main__":
    sys.exit(main())
