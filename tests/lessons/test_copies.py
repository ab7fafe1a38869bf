"""A learner's copies: nothing answers in them, and what was typed is never lost."""

import json
import subprocess

import nbformat
import pytest

from memcalc import InputError, texts
from memcalc.__main__ import main
from memcalc.lessons.copies import RECORD, copy


def lesson(*cells):
    """A notebook that was executed."""
    code = [nbformat.v4.new_code_cell(source, execution_count=1, id=f"c{place}") for place, source in enumerate(cells)]
    for cell in code:
        cell.outputs = [nbformat.v4.new_output("stream", text="the answer")]
    return nbformat.v4.new_notebook(cells=code)


@pytest.fixture
def lessons(tmp_path):
    """A folder of two lessons and a page, as a checkout has it, with what is no lesson beside them."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("00_start", "04_cache", "glossary"):
        nbformat.write(lesson(f"{name} = 1"), folder / f"{name}.ipynb")
    (folder / "INSTRUCTORS.md").write_text("for instructors")
    (folder / "execute.py").write_text("")
    return folder


@pytest.fixture
def folder(tmp_path):
    """A folder of a learner, which is not there yet."""
    return tmp_path / "home" / "memcalc-lessons"


def sources(path):
    """What stands in the cells of a notebook."""
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def typed(path, source):
    """Type into a notebook, as JupyterLab saves it: with outputs, and metadata of its own."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0] |= {"source": source, "execution_count": 7}
    notebook.metadata["language_info"] = {"name": "python", "version": "3.13.1"}
    nbformat.write(notebook, path)


def test_what_a_page_shows_is_one_text_where_jupyterlite_finds_its_headings(lessons, folder):
    shown = {"text/markdown": "## A\n\nb", "text/plain": "A\nb", "application/json": ["A", "b"]}
    page = lesson("glossary()")
    page.cells[0].outputs = [nbformat.v4.new_output("display_data", data=dict(shown))]
    nbformat.write(page, lessons / "glossary.ipynb")
    copy(folder, lessons)
    (cell,) = json.loads((folder / "glossary.ipynb").read_text())["cells"]
    assert [output["data"] for output in cell["outputs"]] == [shown]


def test_lessons_come_without_outputs_and_alone(lessons, folder):
    assert copy(folder, lessons) == ["3 of 3 notebooks are new."]
    names = [RECORD, "00_start.ipynb", "04_cache.ipynb", "glossary.ipynb"]
    assert sorted(path.name for path in folder.iterdir()) == names
    (cell,) = nbformat.read(folder / "04_cache.ipynb", as_version=4).cells
    assert (cell.source, cell.outputs, cell.execution_count) == ("04_cache = 1", [], None)
    assert nbformat.read(folder / "glossary.ipynb", as_version=4).cells[0].outputs, "one may look things up"
    assert copy(folder, lessons) == ["Every notebook is up to date."]


def test_a_changed_lesson_replaces_one_that_was_only_run(lessons, folder):
    copy(folder, lessons)
    typed(folder / "04_cache.ipynb", "04_cache = 1")
    nbformat.write(lesson("better"), lessons / "04_cache.ipynb")
    assert copy(folder, lessons) == ["1 of 3 notebooks are new."]
    assert sources(folder / "04_cache.ipynb") == ["better"]


def test_what_was_typed_stays_and_the_newer_lesson_lies_beside_it(lessons, folder):
    copy(folder, lessons)
    typed(folder / "04_cache.ipynb", "mine")
    assert copy(folder, lessons) == ["Every notebook is up to date."]
    for better in ("better", "better still"):
        nbformat.write(lesson(better), lessons / "04_cache.ipynb")
        assert copy(folder, lessons)[1:] == [
            "04_cache.ipynb has changed, and you have typed in yours: the newer one is 04_cache_newer.ipynb."
        ]
        assert sources(folder / "04_cache_newer.ipynb") == [better]
    typed(folder / "04_cache_newer.ipynb", "mine too")
    nbformat.write(lesson("the best"), lessons / "04_cache.ipynb")
    copy(folder, lessons)
    names = ("04_cache", "04_cache_newer", "04_cache_newer_2")
    assert [sources(folder / f"{name}.ipynb") for name in names] == [["mine"], ["mine too"], ["the best"]]
    assert copy(folder, lessons) == ["Every notebook is up to date."]


@pytest.mark.parametrize("record", ["", "[]", "no JSON"])
def test_without_its_record_whatever_is_there_counts_as_typed(lessons, folder, record):
    copy(folder, lessons)
    (folder / RECORD).write_text(record)
    nbformat.write(lesson("better"), lessons / "04_cache.ipynb")
    copy(folder, lessons)
    assert sources(folder / "04_cache.ipynb") == ["04_cache = 1"]
    assert sources(folder / "04_cache_newer.ipynb") == ["better"]
    nbformat.write(lesson("new start"), lessons / "00_start.ipynb")
    copy(folder, lessons)
    assert sources(folder / "00_start.ipynb") == ["new start"], "which was found as it had been written"


def test_a_file_that_is_no_notebook_stays(lessons, folder):
    folder.mkdir(parents=True)
    (folder / "04_cache.ipynb").write_text("a diary")
    copy(folder, lessons)
    assert (folder / "04_cache.ipynb").read_text() == "a diary"
    assert sources(folder / "04_cache_newer.ipynb") == ["04_cache = 1"]


def test_a_folder_that_cannot_be_used_is_one_sentence(lessons, folder, tmp_path, capsys):
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(InputError, match="cannot be used: File exists"):
        copy(folder, lessons)
    with pytest.raises(InputError, match="lessons must be the folder of the notebooks"):
        copy(tmp_path / "other", tmp_path / "empty")
    assert main(["lessons", str(folder)]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_the_command_copies_the_lessons_of_this_checkout_and_git_stays_clean(folder, capsys):
    assert main(["lessons", str(folder)]) == 0
    assert capsys.readouterr().out.endswith("notebooks are new.\n")
    for path in folder.glob("[0-9]*.ipynb"):
        assert not any(cell.get("outputs") for cell in json.loads(path.read_text())["cells"]), path
        links = [name for name in path.read_text().split("](") if name.split(")")[0].endswith(".ipynb")]
        assert all((folder / name.split(")")[0]).exists() for name in links)


def test_lessons_in_the_chosen_language_lie_in_a_folder_of_its_name(lessons, folder):
    (lessons / "de").mkdir()
    nbformat.write(lesson("german = 1"), lessons / "de" / "00_start.ipynb")
    copy(folder, lessons)
    assert not (folder / "de").exists()
    texts.speak("de")
    try:
        copy(folder, lessons)
    finally:
        texts.speak("en")
    assert sources(folder / "de" / "00_start.ipynb") == ["german = 1"]
    assert sources(folder / "00_start.ipynb") == ["00_start = 1"]


def test_the_command_names_the_languages_that_there_are(folder, capsys):
    assert main(["lessons", str(folder), "--language", "xx"]) == 2
    assert "Known: en, de." in capsys.readouterr().err


def test_the_recipe_of_make_lab_opens_the_copies():
    from lab import ROOT

    shown = subprocess.run(["make", "--dry-run", "lab"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert 'memcalc lessons "' in shown
    assert "root_dir=notebooks" not in shown
