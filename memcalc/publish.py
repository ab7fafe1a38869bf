"""The files of figures/: made in one go, byte for byte the same each time, or compared with what is there."""

from __future__ import annotations

import inspect
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from hashlib import sha256
from pathlib import Path

import matplotlib.image
import pandas
from tqdm import tqdm

from memcalc.article import claims, table1, table2, table3
from memcalc.errors import InputError
from memcalc.plots.article import PICTURES
from memcalc.plots.style import Picture, house_style
from memcalc.tables import written

TABLES: dict[str, Callable[[], pandas.DataFrame]] = table1.TABLES | table2.TABLES | table3.TABLES | claims.TABLES
"""File name → table."""

FORMATS = ("svg", "png", "pdf")
"""What a picture can be written as."""

SAME_PLACE = 0.05
"""Points by which a line of a picture may move between machines; the eye sees a quarter of a point."""


_ROWS = re.compile(rb"rows [0-9a-f]{64}")  # what a PNG says of the rows that it draws
_BLOCK = 10  # pixels: a change of one tile or one word is seen in such a block


def outputs(formats: Iterable[str] = FORMATS[:2]) -> dict[str, Callable[[], bytes]]:
    """Return file name → how to make its bytes, for every file of figures/; pictures in these formats and as SVG."""
    formats, pictures = {"svg", *formats}, [replace(picture, rows=cache(picture.rows)) for picture in PICTURES]
    files = {}
    for name, table in TABLES.items():
        rows = cache(table)
        files |= {f"{name}.{ending}": partial(_table, rows, ending) for ending in ("md", "csv", "tex", "html")}
    for picture in pictures:
        files[f"{picture.name}.md"] = partial(_described, picture)
        files[f"{picture.name}.csv"] = partial(_table, picture.rows, "csv")
        files |= {f"{picture.name}.{ending}": partial(_drawn, picture, ending) for ending in sorted(formats)}
    return files | {"README.md": partial(_index, pictures)}  # last, for it counts what the others say


def write(folder: Path, formats: Iterable[str] = FORMATS[:2]) -> list[str]:
    """Write every file, with a progress bar, and return a sentence; an interrupt leaves no half-written file."""
    _keep_others(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.part"):  # by a run that was killed
        left.unlink()
    files = outputs(formats)
    for name, make in _with_progress("writing", files):
        beside = folder / f".{name}.part"
        try:
            beside.write_bytes(make())
            os.replace(beside, folder / name)
        finally:
            beside.unlink(missing_ok=True)
    return [f"Wrote {len(files)} files to {folder}."]


def _keep_others(folder: Path) -> None:
    """Raise InputError for a folder that has a README of its own, which would be lost."""
    readme = folder / "README.md"
    if readme.exists() and not readme.read_text(encoding="utf-8", errors="replace").startswith(_TITLE):
        raise InputError(f"out {str(folder)!r} must be a folder for figures alone; its README.md is another one.")


def check(folder: Path, formats: Iterable[str] = FORMATS[:2]) -> list[str]:
    """Return a sentence for each file that is missing, out of date or not ours; tables are compared to the byte."""
    strangers = {path.name for path in folder.glob("[!.]*")} - outputs(FORMATS).keys()
    problems = [f"{name} is not a file of the article." for name in sorted(strangers)]
    for name, make in _with_progress("comparing", outputs(formats)):
        path = folder / name
        if not path.exists():
            problems.append(f"{name} is missing.")
        elif not _same(path, make):
            problems.append(f"{name} differs from what the formula gives now.")
    return problems


def _with_progress(what: str, files: Mapping[str, Callable[[], bytes]]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield from tqdm(files.items(), desc=what, unit="file", leave=False, disable=None)  # silent in a log


def _same(path: Path, make: Callable[[], bytes]) -> bool:
    there, ours = path.read_bytes(), make()
    if path.suffix == ".png":
        return same_pixels(there, ours)
    if path.suffix == ".svg":
        return same_picture(there.decode(errors="replace"), ours.decode())
    return there == ours


def same_pixels(one: bytes, other: bytes) -> bool:
    """Return whether two PNG files show the same; edges may differ by the little that machines differ."""
    try:
        pictures = [matplotlib.image.imread(io.BytesIO(png), format="png") for png in (one, other)]
    except (OSError, SyntaxError, ValueError):  # whatever the reader finds wrong with what is no PNG
        return False
    if pictures[0].shape != pictures[1].shape or _ROWS.findall(one) != _ROWS.findall(other):
        return False
    apart = abs(pictures[0] - pictures[1])
    height, width = (size // _BLOCK * _BLOCK for size in apart.shape[:2])
    blocks = apart[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, -1)
    return apart.mean() < 0.01 and blocks.mean(axis=(1, 3, 4)).max() < 0.3


def same_picture(one: str, other: str) -> bool:
    """Return whether two SVG texts draw the same: equal but for ids, and for coordinates that nobody can tell apart."""
    one, other = (re.sub(r"\b[hmp][0-9a-f]{10}\b", "id", svg) for svg in (one, other))
    number = r"-?\d+\.?\d*"
    if re.sub(number, "0", one) != re.sub(number, "0", other):
        return False
    pairs = zip(re.findall(number, one), re.findall(number, other), strict=True)
    return all(abs(float(a) - float(b)) <= SAME_PLACE for a, b in pairs)


def _table(rows: Callable, ending: str) -> bytes:
    return written(rows(), ending).encode()


def _drawn(picture: Picture, ending: str) -> bytes:
    dateless = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None, "Creator": None}}
    rows = picture.rows()
    dateless["png"] = {"Software": None, "Description": f"rows {sha256(written(rows, 'csv').encode()).hexdigest()}"}
    file = io.BytesIO()
    with house_style():
        picture.draw(rows).savefig(file, format=ending, dpi=200, metadata=dateless[ending])
    return file.getvalue()


def _described(picture: Picture) -> bytes:
    return f"![{picture.alt}]({picture.name}.svg)\n\n{picture.caption} [Rows]({picture.name}.csv).\n".encode()


def _index(pictures: Iterable[Picture]) -> bytes:
    lines = [_TITLE, "", "Generated by `make article` from the formula; not edited by hand.", ""]
    lines += [_VERDICTS, "", _counts(), ""]
    for name, table in TABLES.items():
        others = ", ".join(f"[{ending.upper()}]({name}.{ending})" for ending in ("csv", "html", "tex"))
        lines += [f"- [{name}]({name}.md) ({others}): {inspect.getdoc(table).splitlines()[0].removeprefix('Return ')}"]
    for picture in pictures:
        lines += ["", _described(picture).decode().rstrip()]
    return ("\n".join(lines) + "\n").encode()


def _counts() -> str:
    """Say how many claims have which verdict."""
    found = [one.verdict for one in claims.claims()]
    counts = [f"{found.count(verdict)} *{verdict}*" for verdict in claims.VERDICTS]
    return f"Of the article's {len(found)} claims, {', '.join(counts)}."


_TITLE = "# Figures and tables"

_VERDICTS = (
    "A number of the article *holds only in GB* (10⁹ bytes) or *only in GiB* (2³⁰ bytes) if its own formula gives it "
    "in that unit; *holds under assumption* names what must be assumed; *wrong* gives the right value; of what is *not "
    "checkable* it is said why."
)
