"""The catalogue of texts: taken from the code and its tables, and compiled for each language (`make texts`)."""

import ast
import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from memcalc.units import UNITS

PACKAGE = Path(__file__).parent.parent / "memcalc"
LOCALE = PACKAGE / "locale"
TEMPLATE = LOCALE / "memcalc.pot"
DAY = datetime(2026, 12, 1, tzinfo=UTC)  # the same whenever it is written

Text = str | tuple[str, str]
"""A text, or two: of one thing, and of several."""

KEYWORDS = {
    **{"tr": (0,), "later": (0,), "tr_many": (0, 1), "later_many": (0, 1)},
    **{"Menu": (0,), "Number": (0,), "Text": (0,), "Picker": (0, 3)},
}
"""Function → which of its arguments are texts."""

TASKS = ("task", "guess", "_asks")
WORDS = ("asks", "hint", "because", "matters", "goal", "says")
"""What enters a question, and the words of it that are read; what it yields beside a wrong answer is read too."""

NO_WORDS = {*UNITS, "formula", "verdict"}
"""Units that are the same in every language, or are none."""

TABLES = {
    "brief_words": ("says",),
    "briefs": ("title", "who"),
    "claims": ("kind",),
    "engine_families": ("sentence",),
    "engine_needs": ("instead",),
    "formats": ("meaning",),
    "glossary": ("meaning", "unit", "word"),
    "gpus": ("note", "price_is", "price_note"),
    "lessons": ("title",),
    "measured": ("how",),
    "measured_quantities": ("called", "said", "meaning", "cause"),
    "optimizers": ("states", "meaning"),
    "places": ("word",),
    "recipes": ("meaning",),
    "verdicts": ("name",),
}
"""Table → its columns that people read."""

SEVERAL = ("states",)
"""Columns of several texts each, which a | parts."""


def from_python(code: str) -> Iterator[Text]:
    """Yield the texts of a module.

    >>> [*from_python('tr("It fits."), tr_many("a card", "{count} cards", 2)')]
    ['It fits.', ('a card', '{count} cards')]
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            yield from _plain(node.value.elts[-1:])


def _of_call(node: ast.Call) -> Iterator[Text]:
    called = getattr(node.func, "id", getattr(node.func, "attr", ""))
    texts = [*_plain(node.args[place] for place in KEYWORDS.get(called, ()) if place < len(node.args))]
    yield from [tuple(texts)] if texts and called.endswith("_many") else texts
    if called in TASKS:
        yield from (unit for unit in _plain(node.args[1:2]) if unit not in NO_WORDS)
        yield from _plain(word.value for word in node.keywords if word.arg in WORDS)


def _plain(nodes: Iterable[ast.expr]) -> Iterator[str]:
    values = (node.value for node in nodes if isinstance(node, ast.Constant))
    return (value for value in values if isinstance(value, str) and value)


def from_page(code: str) -> Iterator[Text]:
    """Yield the texts of a script, as `explorers.page.spoken` finds them."""
    yield from re.findall(r'\bsay\("([^"]+)"', code)


def from_table(name: str, table: str) -> Iterator[Text]:
    """Yield the cells that people read; a slider is called by the part of a meaning before its colon."""
    for row in csv.DictReader(io.StringIO(table, newline="")):
        for column in TABLES.get(name, ()):
            yield from filter(None, row[column].split("|") if column in SEVERAL else [row[column]])
        if row.get("low") and ":" in row["meaning"]:
            yield row["meaning"].partition(":")[0]


def texts_of(path: Path) -> Iterator[Text]:
    """Yield the texts of a file of the package."""
    if path.suffix == ".csv":
        yield from from_table(path.stem, path.read_text(encoding="utf-8"))
    elif read := {".py": from_python, ".js": from_page}.get(path.suffix):
        yield from read(path.read_text(encoding="utf-8"))


def extracted() -> Catalog:
    """Return every text of the package, each with the files that have it."""
    template = Catalog(project="memcalc", charset="utf-8", creation_date=DAY)
    for path in sorted(PACKAGE.rglob("*.*")):
        for text in texts_of(path):
            template.add(text, locations=[(path.relative_to(PACKAGE.parent).as_posix(), 0)])
    return template


def translated(path: Path) -> Catalog:
    """Return the catalogue of a language, brought up to date with the code; what the code no longer says is gone."""
    with path.open("rb") as file:
        catalogue = read_po(file, domain="memcalc")
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.creation_date = catalogue.revision_date = DAY
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as people edit it: no line numbers, so that it changes with the texts alone."""
    catalogue.header_comment = "# The texts of memcalc. `make texts` brings this up to date."
    file = io.BytesIO()
    write_po(file, catalogue, width=120, include_lineno=False)
    return file.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """Return a catalogue as gettext reads it; a text that has no translation yet stays English."""
    for message in catalogue:
        message.string = message.string if all(message.string or ()) else ""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def files() -> dict[Path, bytes]:
    """Return every file of the catalogue, as the code and the translations make it."""
    found = {TEMPLATE: written(extracted())}
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/memcalc.po")):
        catalogue = translated(path)
        found |= {path: written(catalogue), path.with_suffix(".mo"): compiled(catalogue)}
    return found


if __name__ == "__main__":
    for name in sys.argv[1:]:  # a language that is new
        new = LOCALE / name / "LC_MESSAGES" / "memcalc.po"
        new.parent.mkdir(parents=True)
        new.write_bytes(written(Catalog(locale=name, project="memcalc", charset="utf-8", creation_date=DAY)))
    for path, content in files().items():
        path.write_bytes(content)
