"""Explorers as static pages: the frames one control away are made beforehand, and shown by the widget's own script."""

import html
import json
import re
import shutil
import zipfile
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import files as files_of
from importlib.resources import files
from itertools import islice
from pathlib import Path

from memcalc import InputError, explorers, texts
from memcalc.errors import choice, must
from memcalc.explorers.controls import Menu, Number, Value
from memcalc.explorers.frame import LAYOUTS, Explorable, Setting, changes
from memcalc.explorers.page import script, style

_PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="explorer.css">
<link rel="icon" href="data:,">
<style>
body {{ box-sizing: border-box; margin: 0; min-height: 100vh; }}
main {{ margin: 0 auto; max-width: 1140px; padding: 8px; }}
</style>
<body class="memcalc">
<main><div data-subject="{subject}"{worker}><noscript>{said}</noscript></div></main>
<script type="module" src="host.js"></script>
</html>
"""

_MOST_PRESSES = 16
"""So many clicks into the first picture are answered without a worker."""

CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""The files of Pyodide's npm package that a page needs."""

_LIBRARIES = ("sympy", "mpmath", "traitlets")
"""What the package needs in a page: for the formula, and for the widgets of a lesson."""


def write_all(folder: Path, subjects: Sequence[str] = (), pyodide: Path | None = None) -> int:
    """Write some explorers as pages, or all, and return how many.

    Parameters
    ----------
    folder : where they go; files of other names stay
    subjects : as `memcalc.explorers` calls them
    pyodide : the folder of Pyodide's npm package, for a worker that computes what was not made beforehand

    Raises InputError for an unknown subject, and for a folder that is not Pyodide's.
    """
    chosen = [choice("explorer", subject, explorers.__all__) for subject in subjects] or explorers.__all__
    folder.mkdir(parents=True, exist_ok=True)
    if pyodide:
        write_worker(folder, pyodide)
    for subject in chosen:
        write(folder, getattr(explorers, subject), "worker.js" if pyodide else "")
    return len(chosen)


def write(folder: Path, explorable: Explorable, worker: str = "") -> None:
    """Write an explorer as a page, with its frames, into a folder.

    Parameters
    ----------
    worker : the address of the script that computes the other frames, if the page has one
    """
    write_scripts(folder)
    write_frames(folder, explorable)
    said, subject = explorable.frame().sentence_said, explorable.subject
    attribute = f' data-worker="{html.escape(worker)}"' if worker else ""
    page = _PAGE.format(language=texts.chosen(), title=said, subject=subject, said=html.escape(said), worker=attribute)
    (folder / f"{subject}.html").write_text(page, encoding="utf-8")


def write_scripts(folder: Path) -> None:
    """Write what every page of an explorer needs: the widget's own script and stylesheet, and the host of a page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "explorer.js").write_text(script(), encoding="utf-8")
    (folder / "explorer.css").write_text(style(), encoding="utf-8")
    (folder / "host.js").write_text(source("host.js", "explorers"), encoding="utf-8")


def write_frames(
    folder: Path, explorable: Explorable, changed: Setting | None = None, ahead: Collection[int] = LAYOUTS
) -> None:
    """Write the frames of an explorer that are made beforehand, into the folder of its subject.

    Parameters
    ----------
    changed : what its start differs in from the usual one
    ahead : the layouts in which those one control away are there too; in others the worker makes all but the first

    Raises InputError for a start that makes no sense.
    """
    start, subject = explorable.setting(changed or {}), explorable.subject
    _write(folder / subject / "stage.json", {"stage": explorable.stage, "start": start})
    for name, data in frames(explorable, start, LAYOUTS, ahead):
        _write(folder / subject / f"{name}.json", data)


def frames(
    explorable: Explorable, start: Setting, widths: Collection[int], ahead: Collection[int] = LAYOUTS
) -> Iterator[tuple[str, object]]:
    """Yield what `host.js` asks for, by name: for each layout its first frame, and the sets of frames beside it.

    Parameters
    ----------
    ahead : the layouts in which there are such sets
    """
    for width in widths:
        sets = beforehand(explorable, width, start) if width in ahead else {}
        yield str(width), {"base": explorable.base(width, tuple(start.items())), "sets": list(sets)}
        yield from ((f"{width}-{name}", several) for name, several in sets.items())


def write_worker(folder: Path, pyodide: Path) -> None:
    """Write the worker into a folder: Python as WebAssembly from Pyodide's npm package, libraries and memcalc.

    Parameters
    ----------
    pyodide : the folder of the npm package
    """
    if missing := [name for name in CORE if not (pyodide / name).is_file()]:
        raise must("pyodide", f"the folder of its npm package, with {missing[0]}", pyodide)
    (folder / "pyodide").mkdir(parents=True, exist_ok=True)
    for name in CORE:
        shutil.copy(pyodide / name, folder / "pyodide" / name)
    with zipfile.ZipFile(folder / "libraries.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (file for name in _LIBRARIES for file in files_of(name)):
            if file.suffix == ".py" and "tests" not in file.parts and file.parts[0] in _LIBRARIES:
                archive.write(file.locate(), str(file))
    with zipfile.ZipFile(folder / "memcalc.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        package = Path(str(files("memcalc")))
        for file in sorted(package.rglob("*")):
            if file.suffix in (".py", ".csv", ".bib", ".mo", ".js", ".css"):
                archive.write(file, f"memcalc/{file.relative_to(package).as_posix()}")
    (folder / "worker.js").write_text(source("worker.js"), encoding="utf-8")


def source(name: str, package: str = "web") -> str:
    """Return a file of the page's side of a package, as it stands in one folder with all others.

    >>> '"./host.js"' in source("lesson.js")
    True
    """
    text = (files(f"memcalc.{package}.page") / name).read_text(encoding="utf-8")
    beside = re.sub(r'from "(?:\.\./)+\w+/page/(\w+\.js)"', r'from "./\1"', text)
    return beside.replace('from "./dom.js"', 'from "./explorer.js"')  # which has it inside


def beforehand(explorable: Explorable, width: int, start: Setting) -> dict[str, list[dict[str, object]]]:
    """Return the frames that are one control away from the start, as what differs from it.

    They come in sets, by the names of the controls that differ: a page fetches a set when a hand comes near.
    """
    base, sets = explorable.base(width, tuple(start.items())), {}
    for state in one_away(explorable, start):
        try:
            data = explorable.data({**start, **state}, width)
        except InputError:  # values that make no sense together
            continue
        sets.setdefault("+".join(sorted(state)), []).append(changes(base, data) | {"state": state})
    return sets


def one_away(explorable: Explorable, start: Setting | None = None) -> Iterator[dict[str, Value]]:
    """Yield what presets, single controls and clicks into the first picture change of the start.

    Of the long lists of models and cards, only those are there that a preset or a click chooses.
    """
    start = explorable.start if start is None else start
    seen = [{}]
    for changed in _touches(explorable, start):
        changed = {name: value for name, value in changed.items() if value != start[name]}
        if changed not in seen:
            seen.append(changed)
            yield changed


def _touches(explorable: Explorable, start: Setting) -> Iterator[dict[str, Value]]:
    yield from map(explorable.setting, explorable.presets.values())
    for name, control in explorable.controls.items():
        values = control.grid if isinstance(control, Number) else control.options if isinstance(control, Menu) else ()
        yield from ({name: value} for value in values)
    shapes = explorable.frame(**start).shapes.values()
    handles = [shape["handle"] for shape in shapes if "handle" in shape]
    stops = ((handle, (*dict(handle.get("places", ())), *handle.get("also", ()))) for handle in handles)
    yield from ({handle["control"]: value} for handle, values in stops for value in values)
    yield from islice((dict(shape["press"]) for shape in shapes if "press" in shape), _MOST_PRESSES)


def _write(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
