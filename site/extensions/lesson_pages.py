"""Lessons as pages: in the place of a widget, which needs a kernel, stands an element that the page makes live."""

import ast
import html
import json
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from docstrings import anchored
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from memcalc import explorers, language
from memcalc.explorers.marks import LAYOUTS
from memcalc.lessons import GUESSES, brief_widget, exercise, page, predict, questions
from memcalc.lessons.brief_widget import Asked, Chooser
from memcalc.lessons.briefs import BRIEFS, Brief
from memcalc.texts import ENGLISH, chosen, languages, tr
from memcalc.web import calculator, pages

WIDGET = "application/vnd.jupyter.widget-view+json"
LIVE = "_static/live"
"""Where the page's side, the frames and the worker are."""

OPEN = """<p class="memcalc-open"><a href="{up}lite/lab/index.html?path={name}.ipynb">Open this lesson as a notebook</a>
if you would like to change its code. Python then runs in your browser, and fetches numpy, pandas and matplotlib from
Pyodide's distribution.</p>"""
"""What leads from a lesson's page to the notebook, which `site/lite.py` puts there."""

SAID = {ENGLISH: ("This lesson in English", "in the glossary"), "de": ("Diese Lektion auf Deutsch", "im Glossar")}
"""Language → what leads there from the same lesson in another, and where its letters lead."""

SCRIPTS = ("calculator.js", "lesson.js", "record.js", "site.js")


@dataclass(frozen=True)
class Picture:
    """An explorer on a page.

    Parameters
    ----------
    subject : as `memcalc.explorers` calls it
    said : what it says at first
    start : what its start differs in from the usual one
    ahead : whether it has frames beside the first one
    language : in which it speaks
    """

    subject: str
    said: str = ""
    start: Mapping[str, object] = field(default_factory=dict)
    ahead: bool = True
    language: str = field(default_factory=chosen)

    @property
    def folder(self) -> str:
        """The folder of its frames, which equal pictures share."""
        start = json.dumps([self.subject, self.start, self.language], sort_keys=True)
        return sha256(start.encode()).hexdigest()[:12]

    def element(self, up: str, more: str = "") -> str:
        """Return the element; `up` leads from the page to the root of the site."""
        closed = " data-closed" if self.start.get("closed") else ""
        where = f'data-folder="{up}{LIVE}/{self.folder}" data-worker="{worker(up, self.language)}"'
        said = html.escape(self.said)
        return f'<div data-later data-subject="{self.subject}" {where}{closed}{more}><noscript>{said}</noscript></div>'

    def write(self, live: Path, ahead: Collection[int]) -> None:
        """Write its frames, in some layouts many; of the calculator also what stands beside the first."""
        language(self.language)
        ahead = ahead if self.ahead else ()
        changed = {name: value for name, value in self.start.items() if name != "closed"}
        if self.subject != "calculator":
            return pages.write_frames(live / self.folder, getattr(explorers, self.subject), changed, ahead)
        pages.write_frames(live / self.folder, calculator.calculator, changed, ahead)
        beside = json.dumps(calculator.beside(changed))
        (live / self.folder / self.subject / "beside.json").write_text(beside, encoding="utf-8")


def worker(up: str, speaks: str) -> str:
    """Return the address of the worker that computes what is not made beforehand, in a language."""
    return f"{up}{LIVE}/worker.js" + (f"?language={speaks}" if speaks != ENGLISH else "")


def language_of(document: str) -> str:
    """Return the language of a page: lessons in others than English have a folder of each."""
    folder = Path(document).parent.name
    return folder if folder in languages() else ENGLISH


@contextmanager
def spoken(document: str) -> Iterator[None]:
    """Speak the language of a page."""
    language(language_of(document))
    yield
    language(ENGLISH)


def slug(title: str) -> str:
    """Return the anchor of a heading, as Jupyter and links between notebooks have it."""
    return title.strip().replace(" ", "-")


def pictures(cells: list[Mapping], name: str) -> list[list[Picture]]:
    """Return the explorers of each cell of a notebook; raise ExtensionError where a start cannot be read.

    Nothing is evaluated: a start is what the code says in literals, or in names that stand for literals.
    """
    known, found = {}, []
    for place, cell in enumerate(cells):
        tree = ast.parse(_text(cell["source"])) if cell["cell_type"] == "code" else ast.Module([], [])
        known |= dict(_literals(tree))
        said = [text[:-1].partition(": ")[2] for text in _printed(cell) if text.startswith("Explorer(")]
        try:
            calls = list(_calls(tree, known))
        except ValueError as problem:
            raise ExtensionError(f"{name}, cell {place}: {problem}") from None
        if len(said) > len(calls):
            raise ExtensionError(f"{name}, cell {place}: an explorer is shown that this cell does not open.")
        said += [""] * (len(calls) - len(said))
        shown = [Picture(subject, text, start) for (subject, start), text in zip(calls, said, strict=True)]
        found.append(shown)
    return found


def _literals(tree: ast.AST) -> Iterator[tuple[str, object]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if isinstance(value, ast.Call) and ast.unparse(value.func).endswith(".named"):
                name, value = f"{name}.name", value.args[0]
            with suppress(ValueError):
                yield name, ast.literal_eval(value)


def _calls(tree: ast.AST, known: Mapping[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the explorers that code opens, in its order, with their start."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    opened = {id(call.func): call for call in calls}
    named = [node for node in ast.walk(tree) if _is_explorer(node)]
    for node in sorted(named, key=lambda node: (node.lineno, node.col_offset)):
        call = opened.get(id(node))
        start = {}
        for one in call.keywords if call else ():
            value = _value(one.value, known)
            start |= {one.arg: value} if one.arg else value
        yield node.attr, start


def _is_explorer(node: ast.AST) -> bool:
    of = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "explorers"
    return of and node.attr in explorers.__all__


def _value(node: ast.AST, known: Mapping[str, object]) -> object:
    if (name := ast.unparse(node)) in known:
        return known[name]
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"the start {ast.unparse(node)} must be a literal, for a page evaluates nothing.") from None


def _text(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)


def _printed(cell: Mapping) -> list[str]:
    """Return how the widgets of a cell are printed."""
    data = [output.get("data", {}) for output in cell.get("outputs", ())]
    return [_text(one["text/plain"]) for one in data if WIDGET in one]


def live(notebook: dict, name: str, up: str, below: str = "") -> dict:
    """Return a notebook whose widgets are elements that a page makes live; the code that opens them is left out.

    Parameters
    ----------
    below : what stands below the heading
    """
    if below:
        heading = notebook["cells"][0]
        heading["source"] = f"{_text(heading['source'])}\n\n{below}\n"
    for cell, shown in zip(notebook["cells"], pictures(notebook["cells"], name), strict=True):
        if cell["cell_type"] != "code":
            if _text(cell["source"]).startswith("## Set-up"):
                cell["source"] = ""  # a page needs none
            continue
        left = iter(shown)
        widgets = [output for output in cell["outputs"] if WIDGET in output.get("data", {})]
        for output in widgets:
            element = "\n".join(_elements(_text(output["data"]["text/plain"]), _text(cell["source"]), left, up))
            output["data"] = {"text/html": element}
        if widgets:
            cell["metadata"]["tags"] = ["remove-input"]
        elif _text(cell["source"]).startswith(("from ", "import ")):
            cell["metadata"]["tags"] = ["hide-input"]
        for output in cell["outputs"]:
            _link(output)
    return notebook


def _elements(printed: str, source: str, left: Iterator[Picture], up: str) -> Iterator[str]:
    """Yield what stands in the place of a widget, by how it is printed."""
    named = {"guess": "Guess {number}", "exercise": "Exercise {number}"}
    begins = {kind: re.match(tr(words, number=r"(\d+\.\d+)") + ": ", printed) for kind, words in named.items()}
    kind, asked = next(((kind, found) for kind, found in begins.items() if found), ("", None))
    if not asked:
        yield next(left).element(up) if printed.startswith("Explorer(") else _several(printed, source, up)
        return
    number = asked[1]
    if kind == "guess" and re.search(r"\bwithin=", source):
        yield next(left).element(up, f' data-number="{number}"')
        return
    one = predict(number, _unit(source)).asked if kind == "guess" else exercise(number)
    yield _asked(kind, one.question, repr(one), up, number=number, unit=_unit(source) if kind == "guess" else "")
    if kind == "guess":
        inside = "".join(picture.element(up) for picture in left)
        yield f'<div data-opens="{number}" hidden>{inside}</div>'


def _asked(kind: str, question: Mapping, said: str, up: str, **more: str) -> str:
    """Return the element of what a lesson asks."""
    text = json.dumps(question, ensure_ascii=False, separators=(",", ":"))
    data = {"about": kind, "question": text, "worker": worker(up, chosen())} | more
    attributes = " ".join(f'data-{name}="{html.escape(value)}"' for name, value in data.items())
    return f"<div {attributes}><noscript>{html.escape(said)}</noscript></div>"


def _several(printed: str, source: str, up: str) -> str:
    """Return the elements of a widget that has several questions; of one that writes files, that it needs Jupyter."""
    if said := re.search(r"\bbrief\((\d*)\)", source):
        return _brief(printed, said[1], up)
    if "guess_again(" in source:
        every = {number: predict(number).asked for number in GUESSES}
        return "".join(_asked("guess", one.question, repr(one), up, number=it, again="") for it, one in every.items())
    if "questions(" in source:
        every = questions().children
        known = json.dumps([one.number for one in every])
        return "".join(_asked("mixed", one.question, repr(one), up, number=one.number, all=known) for one in every)
    return f'<p class="memcalc-elsewhere">{html.escape(printed)} That works in the notebook alone.</p>'


def _brief(printed: str, lesson: str, up: str) -> str:
    """Return the element of a brief: the choice, what each asks in this lesson, and their pictures."""
    asked = {name: Asked(f"{name}.{lesson}", print).question for name in BRIEFS} if lesson else {}
    question = {"chooser": Chooser().question, "asked": asked}
    more = {"lesson": lesson} if lesson else {}
    shown = [
        f'<div data-brief="{name}.{lesson}" hidden>{_picture_of(name, lesson).element(up)}</div>' for name in asked
    ]
    return "".join([_asked("brief", question, printed, up, **more), *shown])


def _picture_of(name: str, lesson: str) -> Picture:
    """Return the explorer with which a brief tries its answer in a lesson."""
    shown = brief_widget.picture(Brief.named(name), lesson)
    usual = shown._shown.start
    start = {control: value for control, value in shown.start.items() if value != usual[control]}
    return Picture(shown._shown.subject, start=start, ahead=False)


def _unit(source: str) -> str:
    for node in ast.walk(ast.parse(source)):
        for one in node.keywords if isinstance(node, ast.Call) else ():
            if one.arg == "unit" and isinstance(one.value, ast.Constant):
                return str(one.value.value)
    return ""


def _link(output: dict) -> None:
    """Have links of an output lead to pages, and keys of sources be anchors; let a table of progress be ticked.

    A rule across a page is for few, and left out.
    """
    data = output.get("data", {})
    if "text/markdown" in data:
        text = anchored(re.sub(r"(?m)^---$", "", _text(data["text/markdown"])))
        named = rf'<a href="\2.html#letter-\3" aria-label="\3 {SAID[chosen()][1]}">\1</a>'  # MathML alone is no name
        data["text/markdown"] = re.sub(r"\[(\$[^$]*\$)\]\(([\w./]+)\.ipynb#letter-([^)]+)\)", named, text)
    if "text/html" not in data:
        return
    text = re.sub(r'href="([\w./]+)\.ipynb', r'href="\1.html', _text(data["text/html"]))
    if re.match(r"\d · .*: \d+ \w+ \d+ ", _text(data.get("text/plain", ""))):
        text = f"<div data-progress>{text}</div>"
    data["text/html"] = text


class Live(SphinxDirective):
    """An explorer in a page of Markdown: its subject, and in JSON what its start differs in."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the element, and remember that its frames are to be written."""
        subject, document = self.arguments[0], self.env.docname
        start = json.loads("\n".join(self.content) or "{}")
        shown = {name: value for name, value in start.items() if name != "closed"}
        said = "" if subject == "calculator" else getattr(explorers, subject).frame(**shown).sentence_said
        picture = Picture(subject, said, start)
        remember(self.env, document, [picture])
        return [nodes.raw("", picture.element("../" * document.count("/")), format="html")]


def remember(env: BuildEnvironment, document: str, shown: list[Picture]) -> None:
    """Keep which explorers a page shows, whose frames are written at the end."""
    if not hasattr(env, "live"):
        env.live = {}
    env.live.setdefault(document, []).extend(shown)


def _forget(_app: Sphinx, env: BuildEnvironment, document: str) -> None:
    getattr(env, "live", {}).pop(document, None)


def _read(app: Sphinx, document: str, source: list[str]) -> None:
    if app.env.doc2path(document).suffix != ".ipynb":
        return
    with spoken(document):
        notebook, name, up = json.loads(source[0]), Path(document).name, "../" * document.count("/")
        shown = [one for of_cell in pictures(notebook["cells"], name) for one in of_cell]
        for lesson in re.findall(r'"brief\((\d)\)', source[0]):
            shown += [_picture_of(brief, lesson) for brief in BRIEFS]
        remember(app.env, document, shown)
        source[0] = json.dumps(live(notebook, name, up, _below_heading(app, document, up)))


def _below_heading(app: Sphinx, document: str, up: str) -> str:
    """Return what opens a lesson as a notebook, in English, and what leads to the same lesson in other languages."""
    name = Path(document).name
    if not name.startswith("0"):
        return ""
    where = {one: f"lessons/{name}" if one == ENGLISH else f"lessons/{one}/{name}" for one in languages()}
    twins = "".join(
        f'<p class="memcalc-open" lang="{one}"><a hreflang="{one}" href="{up}{there}.html">{SAID[one][0]}</a></p>'
        for one, there in where.items()
        if there in app.env.found_docs and there != document
    )
    return twins if chosen() != ENGLISH else OPEN.format(up=up, name=name) + (f"\n{twins}" if twins else "")


def _say_language(_app: Sphinx, document: str, _template: str, context: dict, _tree: object) -> None:
    context["language"] = language_of(document)


def _write(app: Sphinx, fault: Exception | None) -> None:
    """Write the page's side, the worker, and the frames of all explorers."""
    if fault or app.builder.format != "html":
        return
    folder = Path(app.outdir) / LIVE
    pages.write_scripts(folder)
    for kind in ("guess", "exercise", "brief"):
        (folder / f"{kind}.js").write_text(page.script(kind), encoding="utf-8")
    for name in SCRIPTS:
        (folder / name).write_text(pages.source(name), encoding="utf-8")
    (folder / "lesson.css").write_text(page.style(), encoding="utf-8")
    pages.write_worker(folder, Path(app.config.live_pyodide))
    every = [one for of_document in app.env.live.values() for one in of_document]
    shown = {one.folder: one for one in sorted(every, key=lambda one: one.ahead)}.values()
    widths = [int(width) for width in app.config.live_ahead.split()]
    with ProcessPoolExecutor() as several:
        list(several.map(Picture.write, shown, [folder] * len(shown), [widths] * len(shown)))


def _copy(app: Sphinx, _config: object) -> None:
    """Put the notebooks where Sphinx finds them, with their dates, so that only what is new is read again."""
    there, here = Path(app.confdir).parent / "notebooks", Path(app.srcdir) / "lessons"
    here.mkdir(exist_ok=True)
    for path in here.iterdir():
        if not (there / path.name).exists():
            path.unlink()
    for path in (*there.glob("*.ipynb"), *there.glob("*.md")):
        shutil.copy2(path, here)
    for path in (path for one in languages() for path in there.glob(f"{one}/*.ipynb")):
        (here / path.parent.name).mkdir(exist_ok=True)
        shutil.copy2(path, here / path.parent.name)


def setup(app: Sphinx) -> dict[str, bool | int]:
    """Connect what is read and what is written; what an earlier version of this file kept of pages is read anew."""
    app.add_config_value("live_pyodide", "", "html")
    app.add_config_value("live_ahead", " ".join(map(str, LAYOUTS)), "html")
    app.add_directive("live", Live)
    app.connect("config-inited", _copy)
    app.connect("env-purge-doc", _forget)
    app.connect("source-read", _read)
    app.connect("html-page-context", _say_language)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": False, "env_version": crc32(Path(__file__).read_bytes())}
