"""The workshop: two learners who are not there, on a server of their own; what they may not read; what is refused."""

import asyncio
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
from collections import namedtuple

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

import lab
from workshop import apart, load, room

IS_ROOT = os.geteuid() == 0
if not IS_ROOT and os.environ.get("CI"):
    pytest.fail("the server of the workshop makes accounts, which needs root", pytrace=False)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A room of two on ports that are free, on a machine where nothing is in the way."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(room, "_closed_above", lambda path: None)
    for name, value in {"STATE": tmp_path, "PORT": room.free_ports(3), "USERS": 2, "ADDRESS": "127.0.0.1"}.items():
        monkeypatch.setenv(f"WORKSHOP_{name}", str(value))
    return room.Room()


@pytest.mark.skipif(not IS_ROOT, reason="the server of the workshop makes accounts, which needs root")
def test_two_learners_enter_touch_the_lesson_and_read_nothing_of_each_other():
    command = [sys.executable, "-m", "workshop.load", "--users", "2", "--seconds", "3"]
    done = subprocess.run(command, cwd=lab.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = dict(re.findall(r"^\| (.*?) \| (.*?) \|$", done.stdout, re.MULTILINE))
    assert found.pop("what anybody could read of another's") == "nothing"
    assert "from the slider to the new frame, 6 moves" in found
    if not os.environ.get("CI"):  # in a container, root may not see all; and it is thrown away, with its accounts
        assert 100 < int(found["memory of a learner"].split()[0]) < 500
        with pytest.raises(KeyError):
            pwd.getpwnam("learner01")


class Neighbour:
    """A kernel of one's own account, which keeps nothing apart."""

    def __init__(self, name, place):
        self.name = name
        place.mkdir()
        shutil.copy(lab.ROOT / "notebooks" / "00_start_here.ipynb", place)
        self.manager, self.client = start_new_kernel(cwd=str(place))

    async def run(self, code):
        printed = []
        self.client.execute_interactive(code, output_hook=lambda told: printed.append(told["content"].get("text", "")))
        return "".join(printed)

    async def may_see(self, other):
        return True


def test_it_is_seen_where_files_do_not_lie_apart(tmp_path):
    neighbours = [Neighbour(name, tmp_path / name) for name in ("one", "other")]
    found = asyncio.run(apart.readable(neighbours))
    for neighbour in neighbours:
        neighbour.client.stop_channels()
        neighbour.manager.shutdown_kernel(now=True)
    assert f"one could read {tmp_path / 'other' / '00_start_here.ipynb'}" in found
    assert "other could list the files of one on the web" in found
    assert len(found) == 2 * (4 + 1), "a lesson, a temporary file, two keys, and the web"


WRAPPED = """#!/bin/bash
exec %s -c '
import json, os, sys
try:
    too_much = bytearray(2**30)
except MemoryError:
    too_much = None
print(json.dumps([too_much is None, os.umask(0), os.environ["MEMCALC_PROGRESS"], sys.argv[1:]]))
' "$@"
"""


def test_a_learners_processes_are_limited_and_write_what_others_may_not_read(tmp_path):
    (tmp_path / "workshop").mkdir()
    shutil.copy(lab.ROOT / "workshop" / "as_learner", tmp_path / "workshop")
    start = tmp_path / "start"
    start.write_text(WRAPPED % sys.executable)
    start.chmod(0o755)
    told = os.environ | {"MEM_LIMIT": str(2**29), "HOME": str(tmp_path)}
    done = subprocess.run([tmp_path / "workshop" / "as_learner", "--port=1"], env=told, capture_output=True, check=True)
    progress = str(tmp_path / "memcalc-lessons" / "progress.json")
    assert json.loads(done.stdout) == [True, 0o077, progress, ["jupyterhub-singleuser", "--port=1"]]


def test_nothing_is_in_the_way_of_a_room_that_is_ready(here):
    assert list(here.faults()) == []


def test_who_is_not_root_reads_why_it_must_be(here, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert [fault.partition(":")[0] for fault in here.faults()] == [
        "The workshop must be started as root (sudo make workshop)"
    ]


def test_a_port_that_is_taken_is_named(here):
    with socket.socket() as other:
        other.bind(("127.0.0.1", here.port))
        other.listen()
        (fault,) = here.faults()
        assert fault.startswith(f"Port {here.port} is taken by another program")
        (here.state / "proxy.pid").write_text(str(os.getpid()))  # as if JupyterHub had ended, and its proxy had not
        assert list(here.faults()) == []


def test_thirty_on_four_gigabytes_read_how_many_would_fit(here, monkeypatch):
    monkeypatch.setenv("WORKSHOP_USERS", "30")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: namedtuple("Memory", "total")(4 * 2**30))
    (fault,) = room.Room().faults()
    fits = int(re.search(r"WORKSHOP_USERS=(\d+)", fault)[1])
    assert fits * room.PER_LEARNER <= 4 * 2**30 < (fits + 1) * room.PER_LEARNER
    monkeypatch.setenv("WORKSHOP_USERS", str(fits))
    assert list(room.Room().faults()) == []


def test_a_folder_that_learners_may_not_pass_is_named(tmp_path):
    closed = tmp_path / "closed"
    (closed / "memcalc").mkdir(parents=True)
    closed.chmod(0o700)
    assert room._closed_above(closed / "memcalc" / "start") in (closed, tmp_path, *tmp_path.parents)
    assert str(closed) in room._closed(closed)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--users", "0"], "--users must be a whole number from 1 to 500, not 0."),
        (
            ["--users", "3", "--url", "http://127.0.0.1:1"],
            "--users must be a whole number from 1 to the slips = 2",
        ),
        (["--users", "2", "--url", "http://127.0.0.1:1"], "Cannot connect to host 127.0.0.1:1"),
    ],
)
def test_a_load_that_cannot_be_is_one_sentence(here, options, said):
    here.slips()
    command = [sys.executable, "-m", "workshop.load", "--slips", str(here.state / "slips.csv"), *options]
    done = subprocess.run(command, cwd=lab.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(said)


@pytest.mark.parametrize("value", ["thirty", "0", "-3", "1e3", "9" * 5000])
def test_a_number_of_learners_that_is_none_is_one_sentence(here, value):
    told = os.environ | {"WORKSHOP_USERS": value}
    command = [sys.executable, "-m", "workshop"]
    done = subprocess.run(command, cwd=lab.ROOT, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"WORKSHOP_USERS must be a whole number from 1 to 500, not .{1,70}\.\n", done.stderr)


def test_slips_stay_theirs_and_are_root_s_alone(here, monkeypatch):
    first = here.slips()
    assert list(first) == ["instructor", "learner01", "learner02"]
    assert len(set(first.values())) == 3
    assert (here.state / "slips.csv").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("WORKSHOP_USERS", "3")
    more = room.Room().slips()
    assert {name: more[name] for name in first} == first
    assert set(more) - set(first) == {"learner03"}


def test_the_page_says_no_more_memory_than_a_room_is_checked_for():
    page = load.PAGE.read_text()
    table = page[page.index(load.BEGIN) : page.index(load.END)]
    learner = re.search(r"memory of a learner \| (\d+) MiB", table)
    assert int(learner[1]) * 2**20 <= room.PER_LEARNER
