"""Reference pages: every formula, made from the terms, and every source, made from the bibliography."""

from __future__ import annotations

from dataclasses import dataclass

from pybtex.database import parse_string
from pybtex.plugin import find_plugin

from memcalc.catalogue import bibliography
from memcalc.formula import TERMS, Term

LONGEST = 90
"""Characters of a formula that fit on one line of a projector; a longer one is shown as text, which wraps."""


@dataclass(frozen=True)
class Page:
    """A text in Markdown, which a notebook shows as a page."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


def formulas() -> Page:
    """Return every term: its formula, what it means, when it holds, and its source.

    >>> "**weights**: Every parameter is held once" in formulas().text
    True
    """
    return Page("\n\n---\n\n".join(map(_entry, TERMS.values())))


def _entry(term: Term) -> str:
    written = str(term)
    formula = f"$$\n{term.latex()}\n$$" if len(written) <= LONGEST else f"`{written}`"
    return f"**{term.name}**: {term.meaning}\n\n{formula}\n\n*Holds:* {term.holds}. *Source:* {term.source}."


def references() -> Page:
    """Return every source of the bibliography after its key, by author.

    >>> "**vaswani2017attention**: Ashish Vaswani, Noam Shazeer" in references().text
    True
    """
    entries = parse_string(bibliography(), "bibtex")
    style, markdown = find_plugin("pybtex.style.formatting", "plain")(), find_plugin("pybtex.backends", "markdown")()
    lines = (f"**{entry.key}**: {entry.text.render(markdown)}" for entry in style.format_bibliography(entries))
    return Page("\n\n".join(line.replace("\n", " ") for line in lines))
