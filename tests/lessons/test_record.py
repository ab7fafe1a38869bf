"""What a learner said is kept in a file of their own: whole, whatever happens, and never at the price of a crash."""

import json
import subprocess
import sys

import platformdirs
import pytest

from cases import ROOT
from memcalc import InputError
from memcalc.lessons import record
from memcalc.lessons.record import KINDS, Kept, kept, place, remember

NOTHING = {kind: {} for kind in KINDS}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of its own, in a folder that is not there yet."""
    path = tmp_path / "mine" / "progress.json"
    monkeypatch.setenv(record.VARIABLE, str(path))
    return path


def test_the_place_is_the_user_s_own(monkeypatch):
    monkeypatch.delenv(record.VARIABLE)
    assert place() == platformdirs.user_data_path("memcalc", appauthor=False) / "progress.json"


def test_nothing_is_kept_where_that_is_said_or_where_there_is_no_place(monkeypatch):
    monkeypatch.setenv(record.VARIABLE, "off")
    assert (remember("answers", "4.1", "8", True), place(), kept()) == ("", None, (NOTHING, ""))
    monkeypatch.delenv(record.VARIABLE)
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert place() is None


def test_first_and_last_tries_and_the_day_of_success(file):
    for said, done in (("64", False), ("8", True), ("9", False)):
        assert remember("answers", "4.1", said, done) == ""
    one = kept()[0]["answers"]["4.1"]
    assert (one.first, one.last, one.tries) == ("64", "9", 3)
    assert one.done.startswith("20"), "what was right once stays done"


def test_a_guess_left_open_is_not_done_and_does_not_stand_for_a_later_one(file):
    remember("guesses", "4.1", "", False)
    assert kept()[0]["guesses"]["4.1"] == Kept(tries=1)
    remember("guesses", "4.1", "4 GiB", True)
    one = kept()[0]["guesses"]["4.1"]
    assert (one.first, one.last, one.tries, one.done != "") == ("4 GiB", "4 GiB", 2, True)


def test_a_long_text_is_kept_in_part(file):
    remember("answers", "4.2", "d" * 10_000, False)
    assert len(kept()[0]["answers"]["4.2"].last) == 300


DAMAGED = ["", "{", "[]", "7", '{"guesses": {}}', '{"guesses": [], "answers": {}}', "[" * 10**5, "\x00", "9" * 5000]
DAMAGED += [
    json.dumps({"guesses": {}, "answers": {"4.1": one}})
    for one in ([], {"first": 1}, {"tries": "2"}, {"tries": True}, {"more": ""}, {"last": "d" * 301})
]


@pytest.mark.parametrize("damaged", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_put_aside_and_a_new_one_begins(file, damaged):
    file.parent.mkdir()
    file.write_text(damaged)
    said = remember("answers", "4.1", "8", True)
    (aside,) = file.parent.glob("progress.unreadable-*.json")
    assert said == f"Your progress could not be read; it lies in {aside} now, and a new file begins."
    assert aside.read_text() == damaged, "nothing is lost"
    assert list(kept()[0]["answers"]) == ["4.1"]


def test_bytes_that_are_no_text_and_a_file_that_is_far_too_large(file):
    file.parent.mkdir()
    for damaged in (b"\xff\xfe\xfa", b" " * (10**6 + 1)):
        file.write_bytes(damaged)
        everything, said = kept()
        assert (everything, said.partition(";")[0]) == (NOTHING, "Your progress could not be read")


def test_a_place_that_cannot_be_used_gets_a_sentence(file):
    file.parent.write_text("a file, where a folder should be")
    assert remember("answers", "4.1", "8", True).startswith(
        f"Your progress is not kept, because {file} cannot be used:"
    )
    file.parent.unlink()
    file.mkdir(parents=True)
    assert "cannot be used" in remember("answers", "4.1", "8", True)
    assert kept()[1]


def test_a_program_that_holds_the_file_for_ever_is_not_waited_for(file, monkeypatch):
    monkeypatch.setattr(record, "_PATIENCE", 0.1)
    remember("answers", "4.1", "8", True)
    with record._alone(file):
        assert remember("answers", "4.2", "s", False).endswith("another program holds it.")
    assert list(kept()[0]["answers"]) == ["4.1"]


def test_what_is_no_exercise_is_no_line(file):
    with pytest.raises(InputError, match=r"number '4.9' is not known"):
        remember("answers", "4.9", "8", True)
    with pytest.raises(InputError, match="kind 'goals' is not known"):
        remember("goals", "4.1", "8", True)


WRITES = """
import sys
from memcalc.lessons.record import KINDS, remember
for _ in range(20):
    assert remember("answers", sys.argv[1], "8", False) == ""
"""


def test_several_notebooks_at_once_lose_nothing_of_each_other(file):
    numbers = ("0.1", "2.1", "4.1", "4.1")
    programs = [subprocess.Popen([sys.executable, "-c", WRITES, number], cwd=ROOT) for number in numbers]
    assert [program.wait() for program in programs] == [0] * len(programs)
    answers = kept()[0]["answers"]
    assert {number: one.tries for number, one in answers.items()} == {"0.1": 20, "2.1": 20, "4.1": 40}
    assert sorted(path.name for path in file.parent.iterdir()) == ["progress.json", "progress.lock"]


def test_a_file_of_an_earlier_version_is_read(file):
    file.parent.mkdir()
    file.write_text(
        json.dumps({"guesses": {}, "answers": {"4.1": {"first": "8", "last": "8", "tries": 1, "done": ""}}})
    )
    assert kept() == (NOTHING | {"answers": {"4.1": Kept("8", "8", 1)}}, "")
