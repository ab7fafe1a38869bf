"""A folder of lines becomes what the room answered: which misconception, how many."""

import pytest

from memcalc import InputError, export
from memcalc.__main__ import main
from memcalc.lessons.record import VARIABLE, remember
from memcalc.lessons.room import room, write

HEADS = "only the key-value heads are stored, and you counted the query heads"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The lines of three people, two of whom counted the query heads first, and what else lies in such a folder."""
    folder = tmp_path / "room"
    folder.mkdir()
    for name, answers in {"Ada": ("64", "8"), "Bob": ("8",), "Cem": ("64", "5")}.items():
        monkeypatch.setenv(VARIABLE, str(tmp_path / f"{name}.json"))
        for answer in answers:
            remember("answers", "4.1", answer, answer == "8")
        remember("answers", "0.2", "24 GiB" if name == "Cem" else "3", False)
        export(name, folder)
    (folder / "grades.csv").write_text("who,grade\nAda,1\n")
    return folder


def test_mistakes_are_counted_the_most_frequent_first(folder):
    found = room(folder)
    assert (found.people, found.tried["4.1"], found.solved["4.1"]) == (3, 3, 1)
    assert next(iter(found.mistakes.values())) == 2
    assert found.mistakes["4.1", HEADS] == 2
    assert found.left_out == ("grades.csv",)
    assert f"   2 of 3    4.1  {HEADS}" in repr(found)
    assert f"4.1, {HEADS}: 2." in found.picture().alt


def test_words_that_no_exercise_has_are_another_mistake(folder):
    (folder / "evil.csv").write_text("name,day,4.1\nEve,2026-01-01,<script>alert(1)</script>\n")
    (folder / "large.csv").write_text("name,day\n" + "x" * 10**6)
    (folder / "binary.csv").write_bytes(b"\xff\x00\xfe")
    found = room(folder)
    assert found.mistakes["4.1", "another mistake"] == 1
    assert {"large.csv", "binary.csv"} <= set(found.left_out)
    write(folder)
    assert "<script>" not in (folder / "room.html").read_text(encoding="utf-8")


def test_the_command_writes_a_page_and_says_the_same(folder, capsys):
    assert main(["lessons", "--room", str(folder)]) == 0
    assert capsys.readouterr().out == f"{room(folder)!r}\n"
    assert 'src="data:image/svg+xml' in (folder / "room.html").read_text(encoding="utf-8")


def test_a_folder_without_lines_is_one_sentence(tmp_path, capsys):
    with pytest.raises(InputError, match="folder must be one with lines that export has written"):
        room(tmp_path)
    assert main(["lessons"]) == 2
    assert "needs one of these: a folder for your copies, --room" in capsys.readouterr().err


def test_where_nobody_was_wrong_there_is_nothing_to_draw(tmp_path):
    (tmp_path / "one.csv").write_text("name,day,4.1\nAda,2026-01-01,right\n")
    with pytest.raises(InputError, match="nobody has made a mistake yet"):
        room(tmp_path).picture()
    assert write(tmp_path).people == 1
