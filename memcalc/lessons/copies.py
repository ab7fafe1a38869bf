"""Copies of the lessons for a learner: without outputs, in a folder of their own, where nothing typed is ever lost."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from memcalc.errors import must, shown
from memcalc.lessons.standing import writing
from memcalc.texts import ENGLISH, chosen

RECORD = ".memcalc-lessons.json"
"""The file of a folder that says what was written there: name → the hash of its cells."""

_LESSON = re.compile(r"\d\d_\w+")
_NEWER = "_newer"


def copy(folder: Path, lessons: Path | None = None) -> list[str]:
    """Copy the lessons into a folder, or bring it up to date, and return a sentence for each thing that was done.

    Parameters
    ----------
    folder : of the learner; it is made if there is none
    lessons : the notebooks, as a checkout has them; without it, those beside the package

    Lessons that there are in the chosen language come too, into a folder of its name.

    A lesson without outputs is written where there is none, and replaces one in which nobody has typed. Where somebody
    has, a changed lesson is written beside it, under a name that says that it is newer.
    Raises InputError if one of the folders cannot be used.
    """
    lessons = lessons or Path(str(files("memcalc"))).parent / "notebooks"
    own = [] if chosen() == ENGLISH else lessons.glob(f"{chosen()}/*.ipynb")
    names = sorted(path.relative_to(lessons).as_posix() for path in (*lessons.glob("*.ipynb"), *own))
    if not names:
        raise must("lessons", "the folder of the notebooks, which come with the repository", shown(str(lessons)))
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        written = _record(folder)
        done = {name: _put(folder, name, _learners(lessons / name), written) for name in names}
        _replace(folder / RECORD, json.dumps(written, indent=1, sort_keys=True) + "\n")
    return _told(done)


def _put(folder: Path, name: str, notebook: Mapping, written: dict[str, str]) -> str:
    """Write a notebook where it may be written, and return its name there; "" if it is there already."""
    now, place = _hash(notebook), name
    while (folder / place).exists():
        if _hash_of(folder / place) == now:
            written[place] = now
        if written.get(place) == now:
            return ""  # it is there, with whatever was typed
        if _hash_of(folder / place) == written.get(place):
            break  # nobody has typed: it may go
        place = _next(place)
    written[place] = now
    _replace(folder / place, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return place


def _next(name: str) -> str:
    """Return the name beside another: that of a newer one.

    >>> _next("04_kv_cache.ipynb"), _next("04_kv_cache_newer.ipynb"), _next("04_kv_cache_newer_2.ipynb")
    ('04_kv_cache_newer.ipynb', '04_kv_cache_newer_2.ipynb', '04_kv_cache_newer_3.ipynb')
    """
    stem, newer, number = re.fullmatch(rf"(.*?)({_NEWER}(?:_(\d+))?)?\.ipynb", name).groups()
    return f"{stem}{_NEWER}{f'_{int(number or 1) + 1}' if newer else ''}.ipynb"


def _learners(path: Path) -> dict:
    """Return a lesson without outputs, so that nothing answers before it asks; a page to look things up keeps them."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        if _LESSON.fullmatch(path.stem):
            cell |= {"outputs": [], "execution_count": None}
        for output in cell["outputs"]:
            for kind, text in output.get("data", {}).items():
                output["data"][kind] = _joined(kind, text)
    return notebook


def _joined(kind: str, text: object) -> object:
    """Return a text of an output as one: JupyterLite finds no headings in a list of lines."""
    return "".join(text) if kind.startswith("text/") else text


def _hash(notebook: Mapping) -> str:
    """Return what tells whether somebody has typed: the cells, without outputs and all that a program writes."""
    cells = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _hash_of(path: Path) -> str:
    """Return the hash of a file, or "" if it is no notebook: then it is somebody's, and stays."""
    try:
        return _hash(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError):
        return ""


def _record(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}  # then what is there is somebody's, and stays
    return found if isinstance(found, dict) else {}


def _replace(path: Path, text: str) -> None:
    """Replace a file as a whole: whoever reads it finds the old one or the new one."""
    path.parent.mkdir(exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _told(done: Mapping[str, str]) -> list[str]:
    beside = [f"{name} has changed, and you have typed in yours: the newer one is {place}."
              for name, place in done.items() if place not in ("", name)]  # fmt: skip
    count = sum(place == name for name, place in done.items())
    return [f"{count} of {len(done)} notebooks are new." if count else "Every notebook is up to date.", *beside]
