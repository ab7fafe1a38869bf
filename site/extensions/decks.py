"""Decks of slides: a page of Markdown in `slides/` shows cells of its lesson, each with a question and notes."""

import html
import json
import shutil
from pathlib import Path

import nbformat
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from lesson_pages import LIVE, live, pictures, remember
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from memcalc.explorers.words import plain, words
from memcalc.lessons import EXERCISES, GUESSES
from memcalc.lessons.check import known_mistakes, written
from memcalc.lessons.task import Task
from memcalc.web import pages

DECKS = "slides/"
"""The folder of the decks; its index is a page like any other."""

ASKED = {"guess": GUESSES, "exercise": EXERCISES}
ONE = {f"{kind} {number}": task for kind, tasks in ASKED.items() for number, task in tasks.items()}
"""What a lesson asks, by its kind and number, such as "guess 4.1"."""


def is_deck(document: str) -> bool:
    """Return whether a page is a deck."""
    return document.startswith(DECKS) and document != f"{DECKS}index"


class Asks(SphinxRole):
    """The question of a guess or an exercise, so that it stands once."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.Node]]:
        """Return its words."""
        return [nodes.Text(plain(words(ONE[self.text].asks)))], []


class Cell(SphinxDirective):
    """What a cell of the lesson shows: an explorer, a picture, a formula or a field.

    Its argument is the id of the cell; `open` opens an explorer that the lesson has closed, and `first` shows only so
    many lines of a formula.
    """

    required_arguments = 1
    option_spec = {"open": directives.flag, "first": directives.positive_int}  # noqa: RUF012 – docutils wants it so

    def run(self) -> list[nodes.Node]:
        """Return what is shown, and remember the frames that it needs."""
        document = self.env.docname
        path = Path(self.env.srcdir).parent / "notebooks" / f"{Path(document).name}.ipynb"
        self.env.note_dependency(str(path))
        notebook = json.loads(nbformat.writes(nbformat.read(path, as_version=4)))
        place = [cell["id"] for cell in notebook["cells"]].index(self.arguments[0])
        shown = pictures(notebook["cells"], path.name)[place]
        remember(self.env, document, shown)
        if "open" in self.options:
            return [_raw(shown[0].element("../").replace(" data-closed", ""))]
        outputs = live(notebook, path.name, "../")["cells"][place]["outputs"]
        return [node for output in outputs for node in self._nodes(output["data"])]

    def _nodes(self, data: dict[str, str]) -> list[nodes.Node]:
        if "text/html" in data:
            return [_raw("".join(data["text/html"]))]
        text = "".join(data["text/markdown"]) if "text/markdown" in data else "".join(data["text/plain"])
        text = text.replace('<a href="', '<a href="../lessons/')
        lines = "\n\n".join(text.split("\n\n")[: self.options.get("first")])
        box = nodes.container(classes=["formula"])
        self.state.nested_parse(StringList(lines.split("\n"), self.arguments[0]), 0, box)
        return [box]


class Notes(SphinxDirective):
    """What whoever speaks needs beside a slide: its minutes, what to ask and draw, and the wrong answers that come.

    Its argument is the minutes; `about` names a guess or an exercise, whose answer and known mistakes follow the text.
    """

    required_arguments = 1
    has_content = True
    option_spec = {"about": directives.unchanged}  # noqa: RUF012 – as above

    def run(self) -> list[nodes.Node]:
        """Return the notes as reveal.js has them."""
        self.assert_has_content()
        minutes = int(self.arguments[0])
        box = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, box)
        about = self.options.get("about")
        known = [_raw(_answers(ONE[about]))] if about else []
        head = f'<aside class="notes" data-minutes="{minutes}"><p><b>{minutes} minutes</b></p>'
        return [_raw(head), *box.children, *known, _raw("</aside>")]


def _answers(task: Task) -> str:
    """Return the right answer, and each known mistake with what led to it."""

    def said(answer: object) -> str:
        return html.escape(str(answer) if task.unit in ("formula", "verdict") else written(answer, task.unit))

    right, _ = task.answers()
    known = "".join(f"<li><b>{said(wrong)}</b>: {html.escape(why)}</li>" for wrong, why in known_mistakes(task))
    return f"<p>Right: <b>{said(right)}</b>. Wrong answers that come:</p><ul>{known}</ul>"


def _raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def _read(_app: Sphinx, document: str, source: list[str]) -> None:
    """Keep decks out of the list of pages and out of the search, for what they show stands in the lessons."""
    if is_deck(document):
        source[0] = f"---\norphan: true\nnosearch: true\n---\n{source[0]}"


def _page(_app: Sphinx, document: str, _template: str, _context: dict, _tree: nodes.document) -> str | None:
    """Return the template of a deck, which is no page of the theme's."""
    return "deck.html" if is_deck(document) else None


def _write(app: Sphinx, fault: Exception | None) -> None:
    if fault:
        return
    folder = Path(app.outdir) / LIVE
    (folder / "deck.js").write_text(pages.source("deck.js"), encoding="utf-8")
    for name in ("reveal.esm.js", "reveal.css"):
        shutil.copy(Path(app.config.reveal) / name, folder)


def setup(app: Sphinx) -> dict[str, bool]:
    """Enter what decks are made of."""
    app.add_config_value("reveal", "", "html")
    app.add_role("asks", Asks())
    app.add_directive("cell", Cell)
    app.add_directive("notes", Notes)
    app.connect("source-read", _read)
    app.connect("html-page-context", _page)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
