"""Pages that stand alone, for learners to take home and instructors to hand out: their frame, tables and pictures."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from memcalc.errors import InputError, shown

if TYPE_CHECKING:
    from memcalc.plots.style import Drawn

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{look}
</style>
<main>
<h1>{title}</h1>
{body}
</main>
</html>
"""


def page(title: str, body: str, look: str) -> str:
    """Return a page of a title as text, of a body as HTML, and of a look as CSS."""
    return _PAGE.format(title=html.escape(title), body=body, look=look)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return texts as a table.

    >>> table(["model"], [["a < b"]])
    '<table><thead><tr><th scope="col">model</th></tr></thead><tbody><tr><td>a &lt; b</td></tr></tbody></table>'
    """
    top = "".join(f'<th scope="col">{html.escape(one)}</th>' for one in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def image(figure: Drawn) -> str:
    """Return a picture with its text as a part of a page."""
    return f'<p><img alt="{html.escape(figure.alt)}" src="{figure.as_svg(bbox_inches="tight")}"></p>'


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in one sentence, as an InputError, what keeps the body from using a folder."""
    try:
        yield
    except OSError as problem:
        raise InputError(f"folder {shown(str(folder))} cannot be used: {problem.strerror or problem}.") from None
