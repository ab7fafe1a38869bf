"""Static pages: the frames beforehand are the explorer's, the files are all local, the worker has what it needs."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from memcalc import Gpu, Inference, InputError, Model, largest, texts
from memcalc.explorers import fit, page
from memcalc.explorers.frame import LAYOUTS
from memcalc.explorers.page import MODULES, script, style
from memcalc.web import pages
from scenes import EXPLORERS

PAGE = Path(page.__file__).parent


def test_a_page_has_its_frames_and_its_script(tmp_path):
    assert pages.write_all(tmp_path, ["fit"]) == 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"fit.html", "explorer.js", "explorer.css", "host.js", "fit"}
    assert (tmp_path / "explorer.js").read_text() == script(), "unchanged"
    page = (tmp_path / "fit.html").read_text()
    assert "It does not fit" in page, "words for who has no script"
    assert "data-worker" not in page
    assert not re.search(r"https?://", page + (tmp_path / "host.js").read_text()), "nothing from elsewhere"
    for width in LAYOUTS:
        data = json.loads((tmp_path / "fit" / f"{width}.json").read_text())
        assert data["base"]["size"][0] == width
        assert "context" in data["sets"]
        for name in data["sets"]:
            assert json.loads((tmp_path / "fit" / f"{width}-{name}.json").read_text()), name


def test_a_page_says_in_which_language_it_is(tmp_path):
    texts.speak("de")
    pages.write(tmp_path, fit)
    page = (tmp_path / "fit.html").read_text()
    assert '<html lang="de">' in page
    assert "Es passt nicht" in page


@pytest.mark.parametrize("shown", EXPLORERS, ids=[shown.subject for shown in EXPLORERS])
def test_a_page_is_small_before_it_is_touched(shown):
    parts = (shown.stage, shown.start, shown.data({}))
    data = [json.dumps(part, ensure_ascii=False, separators=(",", ":")) for part in parts]
    size = sum(len(text.encode()) for text in (script(), style(), (PAGE / "host.js").read_text(), *data))
    assert size < 160_000


def test_the_frames_beforehand_are_those_one_control_away():
    states = list(pages.one_away(fit))
    assert {"context": 4096} in states
    assert {"weights": "INT8"} in states
    assert {"gpu": "MI300X"} in states, "a click into the picture"
    most = largest("context", Model.named("LLaMA-7B"), Inference(context=1), Gpu.named("RTX 4090"))
    assert {"context": most} in states, "where a hand stops, for it just fits"
    assert {} not in states, "that is the start"
    assert len(states) == len({json.dumps(state, sort_keys=True) for state in states})
    sets = pages.beforehand(fit, 860, fit.setting({}))
    assert all("+".join(sorted(frame["state"])) == name for name, frames in sets.items() for frame in frames)
    frame = next(frame for frame in sets["context"] if frame["state"] == {"context": 4096})
    assert frame["said"] == fit.data({"context": 4096})["said"]


@pytest.mark.parametrize(("subjects", "pyodide", "sentence"), [
    (["fitt"], None, "explorer 'fitt' is not known; the nearest is fit"),
    (["fit"], Path("nowhere"), "pyodide must be the folder of its npm package, with pyodide.mjs, not nowhere"),
])  # fmt: skip
def test_what_cannot_be_written(tmp_path, subjects, pyodide, sentence):
    with pytest.raises(InputError, match=sentence):
        pages.write_all(tmp_path, subjects, pyodide)


def test_the_worker_has_sympy_and_memcalc_without_their_tests(tmp_path):
    pyodide = tmp_path / "npm"
    pyodide.mkdir()
    for name in pages.CORE:
        (pyodide / name).write_text("")
    pages.write_worker(tmp_path / "page", pyodide)
    names = {
        name: set(zipfile.ZipFile(tmp_path / "page" / f"{name}.zip").namelist()) for name in ("libraries", "memcalc")
    }
    assert {"sympy/__init__.py", "mpmath/__init__.py", "traitlets/__init__.py"} <= names["libraries"]
    assert not any("/tests/" in name for name in names["libraries"])
    assert {"memcalc/web/worker.py", "memcalc/data/glossary.csv", "memcalc/data/references.bib"} <= names["memcalc"]


def test_every_module_of_the_page_is_joined_after_those_that_it_imports():
    known = {path.stem for path in PAGE.glob("*.js")} - {"host"}
    assert set(MODULES) == known
    for place, name in enumerate(MODULES):
        imported = re.findall(r'from "\./(\w+)\.js"', (PAGE / f"{name}.js").read_text())
        assert set(imported) <= set(MODULES[:place]), name
    names = re.findall(r"(?m)^(?:export )?(?:async )?(?:function|const|let) (\w+)", script())
    assert len(names) == len(set(names)), "one scope has each name once"


def test_modules_of_the_page_stay_small():
    for path in PAGE.glob("*.js"):
        assert path.read_text().count("\n") <= 400, path.name


def test_both_themes_are_stated_once():
    sheet = style()
    assert len(re.findall(r"(?<!prefers-)color-scheme: dark", sheet)) == 2, "for the system's choice, and JupyterLab's"
    assert "light-dark(" in sheet
    assert "prefers-reduced-motion" in sheet
