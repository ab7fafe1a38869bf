"""Try the server before the day: learners who are not there enter, open a lesson and move its slider, all at once.

On a server of its own, of which nothing stays, or with --url on the one that runs:

    sudo .venv/bin/python -m workshop.load --users 30
    sudo .venv/bin/python -m workshop.load --users 30 --url http://127.0.0.1:8000
"""

import argparse
import asyncio
import contextlib
import datetime
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from memcalc.errors import InputError, whole
from workshop.apart import readable
from workshop.learner import Learner
from workshop.room import ROOT, free_ports, read_slips

PAGE = ROOT / "notebooks" / "INSTRUCTORS.md"
BEGIN, END = "<!-- what `python -m workshop.load --write` measured -->", "<!-- to here -->"
INSIDE = "WORKSHOP_ASIDE"


@dataclass
class Found:
    """What was measured: times [s], memory [bytes], and what somebody could read of another's."""

    entered: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    moves: list[float] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    before: float = 0

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield what was asked and what was found, for a table."""
        yield f"all {len(self.entered)} are in, each on a server of their own", f"{max(self.entered):.0f} s"
        yield "the lesson's explorer is there, after that", _spread(self.opened, 1, "s")
        yield f"from the slider to the new frame, {len(self.moves):,} moves", _spread(self.moves, 1000, "ms")
        if self.memory:
            *learners, hub = self.memory.values()
            yield "memory of a learner", _spread(learners, 2**-20, "MiB")
            yield "memory of JupyterHub and its proxy", f"{hub / 2**20:.0f} MiB"
            yield "memory in all", f"{(sum(learners) + hub) / 2**30:.1f} GiB"
        yield "what anybody could read of another's", "; ".join(self.read) or "nothing"

    def table(self) -> str:
        """Return the table, with the machine and the day."""
        cores, there = os.cpu_count(), psutil.virtual_memory().total
        when = f"{datetime.date.today()}, {cores} cores, {there / 2**30:.0f} GiB, load {self.before:.1f} before"
        rows = [(f"{len(self.entered)} learners at once", when), ("---", "---"), *self.rows()]
        return "\n".join(f"| {asked} | {found} |" for asked, found in rows)


def _spread(values: Sequence[float], scale: float, unit: str) -> str:
    """Return the median and what one in twenty exceeds."""
    last = statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]
    return f"{scale * statistics.median(values):.0f} {unit} (p95 {scale * last:.0f} {unit})"


async def measured(url: str, slips: dict[str, str], seconds: int) -> Found:
    """Have a learner for each slip do all that, together, and return what was found."""
    found = Found(before=os.getloadavg()[0])
    learners = [Learner(url, *slip) for slip in slips.items()]
    try:
        _say(f"{len(learners)} learners enter")
        found.entered = await asyncio.gather(*(learner.enter() for learner in learners))
        _say("they open the lesson")
        found.opened = await asyncio.gather(*(learner.open() for learner in learners))
        _say("they move the slider")
        times = await asyncio.gather(*(_moves(learner, seconds) for learner in learners))
        found.moves = list(itertools.chain.from_iterable(times))
        found.memory = memory(slips)
        _say("they look for what is another's")
        found.read = await readable(learners)
    finally:
        await asyncio.gather(*(learner.leave() for learner in learners))
    return found


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


async def _moves(learner: Learner, seconds: int) -> list[float]:
    """Move the slider once a second, from a moment that is the learner's own."""
    began, times = time.perf_counter() + random.random(), []
    for turn in range(seconds):
        await asyncio.sleep(max(0, began + turn - time.perf_counter()))
        times.append(await learner.move())
    return times


def memory(names: Sequence[str]) -> dict[str, int]:
    """Return what each learner's processes take, shared pages in parts, and last JupyterHub; nothing if not to be seen.

    Only root sees it, and only on the machine itself.
    """
    found = dict.fromkeys([*names, "JupyterHub"], 0)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            told = process.cmdline()
            hub = told[1:3] == ["-m", "workshop"] or any("configurable-http-proxy" in word for word in told)
            whose = "JupyterHub" if hub else process.username()
            if whose in found:
                found[whose] += process.memory_full_info().pss
    return found if all(found.values()) else {}


@contextlib.contextmanager
def started(users: int) -> Iterator[tuple[str, Path]]:
    """A server on this machine alone; gives its address and its folder."""
    port = free_ports(3)
    with tempfile.TemporaryDirectory() as state, Path(state, "log").open("w") as log:
        told = {"USERS": users, "PORT": port, "STATE": state, "ADDRESS": "127.0.0.1"}
        environment = os.environ | {f"WORKSHOP_{name}": str(value) for name, value in told.items()}
        command = [sys.executable, "-m", "workshop"]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as server:
            try:
                _wait_for(f"http://127.0.0.1:{port}", server, Path(state))
                yield f"http://127.0.0.1:{port}", Path(state)
            finally:
                server.kill() if os.getpid() == 1 else server.terminate()  # aside, all ends with the first process


def _wait_for(url: str, server: subprocess.Popen, state: Path) -> None:
    for _ in range(600):
        if server.poll() is not None:
            sys.exit((state / "log").read_text())
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/hub/health", timeout=5):
            return
        time.sleep(0.2)
    sys.exit(f"JupyterHub did not answer within two minutes:\n{(state / 'log').read_text()}")


def main() -> None:
    """Measure, print, and write the table into the page if that is asked."""
    told = _parser().parse_args()
    try:
        whole("--users", told.users, 1, 500)
        whole("--seconds", told.seconds, 1, 3600)
        table = _table(told)
    except (aiohttp.ClientError, OSError, RuntimeError, InputError) as fault:
        sys.exit(str(fault))
    print(table)
    if told.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def _table(told: argparse.Namespace) -> str:
    if told.url:
        return _measured(told, told.url.rstrip("/"), told.slips)
    if INSIDE in os.environ:
        with started(told.users) as (url, state):
            return _measured(told, url, state / "slips.csv")
    if os.geteuid():
        sys.exit("A server of its own needs root (sudo), because each learner becomes a user; or try one with --url.")
    again = [sys.executable, "-m", "workshop.load", f"--users={told.users}", f"--seconds={told.seconds}"]
    aside = [str(ROOT / "workshop" / "aside"), *again]
    done = subprocess.run(aside, env=os.environ | {INSIDE: "yes"}, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else sys.exit(done.returncode)


def _measured(told: argparse.Namespace, url: str, file: Path) -> str:
    if not file.exists():
        sys.exit(
            f"There are no slips in {file}: start the server first (sudo make workshop), or name them with --slips."
        )
    slips = {name: password for name, password in read_slips(file).items() if name != "instructor"}
    whole("--users", told.users, 1, len(slips), "the slips")
    return asyncio.run(measured(url, dict(itertools.islice(slips.items(), told.users)), told.seconds)).table()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workshop.load", description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=30, help="how many learners (30)")
    parser.add_argument("--url", help="the address of a server that runs; without it, one of its own is started")
    slips = ROOT / "workshop" / "state" / "slips.csv"
    parser.add_argument("--slips", type=Path, default=slips, help="the slips of that server")
    parser.add_argument("--seconds", type=int, default=60, help="how long sliders move, once a second (60)")
    parser.add_argument("--write", action="store_true", help="write the table into notebooks/INSTRUCTORS.md too")
    return parser


if __name__ == "__main__":
    main()
