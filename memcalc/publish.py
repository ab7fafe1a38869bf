"""The files of figures/: made in one go, byte for byte the same each time, or compared with what is there."""

import hashlib
import inspect
import io
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pandas
from tqdm import tqdm

from memcalc import InputError
from memcalc.article import claims, table1, table2, table3
from memcalc.article.cards import cards_today
from memcalc.plots.article import PICTURES
from memcalc.plots.style import Picture, house_style

TABLES: dict[str, Callable[[], pandas.DataFrame]] = {
    "table1_models_at_32k": table1.table1,
    "table1_verdicts": table1.table1_verdicts,
    "table2_hardware": table2.table2,
    "table2_verdicts": table2.table2_verdicts,
    "hardware_today": cards_today,
    "table3_market": table3.table3,
    "claims": claims.table,
}
"""File name → table."""

OF_TABLES, OF_PICTURES = ("md", "csv", "html", "tex"), ("svg", "png", "pdf")
"""What tables and pictures can be written as."""

RECORD = ".memcalc.sha256"
"""The file beside them that says which files are ours, and what was in them: lines for `sha256sum --check`."""

_progress = partial(tqdm, unit="file", leave=False, disable=None)  # silent in a log


def outputs(formats: Iterable[str] = ()) -> dict[str, Callable[[], bytes]]:
    """Return file name → how to make its bytes, for every file of figures/ and, with formats, those beside them."""
    wanted = {"md", "csv", "svg", *formats}
    of_tables, of_pictures = ([one for one in all if one in wanted] for all in (OF_TABLES, OF_PICTURES))
    pictures = [replace(picture, rows=cache(picture.rows)) for picture in PICTURES]
    files = {"README.md": partial(_index, pictures)}
    for name, table in TABLES.items():
        rows = cache(table)
        files |= {f"{name}.{ending}": partial(_table, rows, ending) for ending in of_tables}
    for picture in pictures:
        files[f"{picture.name}.md"] = partial(_described, picture)
        files[f"{picture.name}.csv"] = partial(_table, picture.rows, "csv")
        files |= {f"{picture.name}.{ending}": partial(_drawn, picture, ending) for ending in of_pictures}
    return files


def write(folder: Path, formats: Iterable[str] = ()) -> list[str]:
    """Write every file, with a progress bar, and return a sentence; an interrupt leaves no half-written file.

    RECORD in the folder says what was written, so that the next run knows its own files: it replaces them, and removes
    those that are no longer made. Any other file is left as it is.

    Raises InputError, before anything is written, if a file of one of the names is not as a run wrote it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: make() for name, make in _progress(outputs(formats).items(), desc="making")}
    lines = {_line(name, content) for name, content in files.items()}
    ours = _recorded(folder) | lines
    _keep_others(folder, files, ours)
    _put(folder / RECORD, _record(ours))  # first, so that the next run knows what an interrupted one wrote
    for name, content in files.items():
        _put(folder / name, content)
    _put(folder / RECORD, _record(lines | _of_other_runs(folder, files)))
    return [f"Wrote {len(files)} files to {folder}."]


def _keep_others(folder: Path, files: Iterable[str], ours: set[str]) -> None:
    """Raise InputError if the folder has a file of one of these names that is neither recorded nor to be written."""
    for name in files:
        if _line_of(folder / name) not in {"", *ours}:
            way_out = "move or delete it, or name another folder with --out"
            raise InputError(f"out {str(folder)!r} has a file {name} that is not as memcalc wrote it; {way_out}.")


def _of_other_runs(folder: Path, files: Iterable[str]) -> set[str]:
    """Return the lines of what runs with other formats wrote, and remove what no format makes any more."""
    kept, made = set(), outputs(OF_PICTURES + OF_TABLES).keys()
    for line in _recorded(folder):
        path = folder / line.split()[1]
        if path.name not in files and _line_of(path) == line:
            if path.name in made:
                kept.add(line)
            else:
                path.unlink(missing_ok=True)
    return kept


def _put(path: Path, content: bytes) -> None:
    """Replace a file at once, whoever else does the same now; it keeps its mode."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        beside.write_bytes(content)
        with suppress(FileNotFoundError):
            shutil.copymode(path, beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _recorded(folder: Path) -> set[str]:
    """Return the lines of the record; those of both sides, if Git could not merge it."""
    try:
        record = (folder / RECORD).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return set()
    return set(re.findall(r"^[0-9a-f]{64}  \w+\.\w+$", record, re.MULTILINE))


def _record(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in sorted(lines, key=lambda line: line.split()[::-1])).encode()


def _line(name: str, content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}  {name}"


def _line_of(path: Path) -> str:
    """Return the line of a file as it is now: "" if there is none, and only its name if it is a link or a folder."""
    try:
        return _line(path.name, path.read_bytes()) if stat.S_ISREG(path.lstat().st_mode) else path.name
    except FileNotFoundError:
        return ""


def check(folder: Path, formats: Iterable[str] = ()) -> list[str]:
    """Return a sentence for each file that is missing, out of date or not ours; all but SVG is compared to the byte."""
    strangers = {path.name for path in folder.glob("[!.]*")} - outputs(OF_PICTURES + OF_TABLES).keys()
    problems = [f"{name} is not a file of the article." for name in sorted(strangers)]
    for name, make in _progress(outputs(formats).items(), desc="comparing"):
        path = folder / name
        if not path.exists():
            problems.append(f"{name} is missing.")
        elif not _same(path.read_bytes(), make(), path.suffix):
            problems.append(f"{name} differs from what the formula gives now.")
    return problems


def _same(there: bytes, ours: bytes, ending: str) -> bool:
    return same_picture(there.decode(errors="replace"), ours.decode()) if ending == ".svg" else there == ours


def same_picture(one: str, other: str) -> bool:
    """Return whether two SVG texts draw the same: equal but for ids, and for coordinates that nobody can tell apart."""
    one, other = (re.sub(r"\b[hmp][0-9a-f]{10}\b", "id", svg) for svg in (one, other))
    number = r"-?\d+\.?\d*"
    if re.sub(number, "0", one) != re.sub(number, "0", other):
        return False
    pairs = zip(re.findall(number, one), re.findall(number, other), strict=True)
    return all(abs(float(a) - float(b)) <= 0.05 for a, b in pairs)  # points, of which the eye sees a quarter


def written(table: pandas.DataFrame, ending: str) -> str:
    """Return a table as the text of a file: "md", "csv", "tex" or "html"."""
    if ending == "md":
        padded = table.to_markdown(index=False, disable_numparse=True) + "\n"
        return re.sub(r" +\|", " |", re.sub(r"-{3,}", "---", padded))  # wide tables would be mostly padding
    if ending == "tex":
        return table.to_latex(index=False, escape=True)
    if ending == "html":
        return table.to_html(index=False, border=0) + "\n"
    return table.to_csv(index=False, lineterminator="\n")


def _table(rows: Callable[[], pandas.DataFrame], ending: str) -> bytes:
    return written(rows(), ending).encode()


def _drawn(picture: Picture, ending: str) -> bytes:
    dates = {"svg": ("Date", "Creator"), "pdf": ("CreationDate", "Creator"), "png": ("Software",)}
    file = io.BytesIO()
    with house_style():
        picture().savefig(file, format=ending, dpi=200, metadata=dict.fromkeys(dates[ending]))
    return file.getvalue()


def _described(picture: Picture) -> bytes:
    return f"![{picture.alt}]({picture.name}.svg)\n\n{picture.caption} [Rows]({picture.name}.csv).\n".encode()


def _index(pictures: Iterable[Picture]) -> bytes:
    found = [one.verdict for one in claims.claims()]
    counts = ", ".join(f"{found.count(verdict)} *{verdict}*" for verdict in claims.VERDICTS)
    lines = ["# Figures and tables", "", "Generated by `make article` from the formula; not edited by hand.", ""]
    lines += [_VERDICTS, "", f"Of the article's {len(found)} claims, {counts}.", ""]
    for name, table in TABLES.items():
        what = inspect.getdoc(table).splitlines()[0].removeprefix("Return ")
        lines += [f"- [{name}]({name}.md) ([CSV]({name}.csv)): {what}"]
    for picture in pictures:
        lines += ["", _described(picture).decode().rstrip()]
    return ("\n".join(lines) + "\n").encode()


_VERDICTS = (
    "A number of the article *holds only in GB* (10⁹ bytes) or *only in GiB* (2³⁰ bytes) if its own formula gives it "
    "in that unit; *holds under assumption* names what must be assumed; *wrong* gives the right value; of what is *not "
    "checkable* it is said why."
)
