"""The room: how many learners, on which port, with how much memory; and in one sentence what would not work."""

import contextlib
import csv
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from memcalc.errors import whole

ROOT = Path(__file__).parent.parent
BIN = Path(sys.prefix, "bin")

PER_LEARNER = 300 * 2**20
"""What a learner takes, the Jupyter server and the kernel of one lesson; the load test measures it [bytes]."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that one takes for another on paper


def setting(name: str, usual: int, low: int, high: int) -> int:
    """Return a number that the environment may set; raise InputError for what is none."""
    text = os.environ.get(name) or str(usual)
    return whole(name, int(text) if text.isdecimal() and len(text) < 10 else text, low, high)


class Room:
    """What an instructor may set, each by a variable of the environment.

    learners : how many get a slip (WORKSHOP_USERS)
    port : of the page; the two after it are for JupyterHub's own use (WORKSHOP_PORT)
    address : where the page is served; by default to the whole network (WORKSHOP_ADDRESS)
    limit : what one process of a learner may take (WORKSHOP_MEMORY, in MiB) [bytes]
    state : the folder of what the server must remember (WORKSHOP_STATE)
    """

    def __init__(self):
        self.learners = setting("WORKSHOP_USERS", 30, 1, 500)
        self.port = setting("WORKSHOP_PORT", 8000, 1, 65533)
        self.limit = setting("WORKSHOP_MEMORY", 1024, 512, 2**20) * 2**20
        self.address = os.environ.get("WORKSHOP_ADDRESS") or "0.0.0.0"
        self.state = Path(os.environ.get("WORKSHOP_STATE") or ROOT / "workshop" / "state").resolve()

    @property
    def names(self) -> list[str]:
        """The names of the learners, and first that of the instructor."""
        return ["instructor", *(f"learner{number:02}" for number in range(1, self.learners + 1))]

    def slips(self) -> dict[str, str]:
        """Return name → password: a name keeps the password that it had, and a new one gets its own."""
        file = self.state / "slips.csv"
        kept = read_slips(file) if file.exists() else {}
        found = {name: kept.get(name) or _password() for name in self.names}
        with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as slips:
            csv.writer(slips).writerows((kept | found).items())
        return found

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each thing that would fail later, and less clearly."""
        if os.geteuid():
            yield (
                "The workshop must be started as root (sudo make workshop): each learner becomes a user of the system, "
                "which keeps their files apart."
            )
        yield from map(_port_taken, filter(self._is_taken, range(self.port, self.port + 3)))
        if self.learners * PER_LEARNER > (there := psutil.virtual_memory().total):
            yield (
                f"{self.learners} learners need {self.learners * PER_LEARNER / 2**30:.1f} GiB of memory, "
                f"{PER_LEARNER / 2**20:.0f} MiB each, and this machine has {there / 2**30:.1f} GiB: let two share a "
                f"screen with WORKSHOP_USERS={there // PER_LEARNER}, or take a larger machine."
            )
        needed = ROOT / "start", Path(sys.executable), Path(sys.executable).resolve()
        yield from map(_closed, dict.fromkeys(filter(None, map(_closed_above, needed))))

    def _is_taken(self, port: int) -> bool:
        left = self.state / "proxy.pid"
        if left.exists() and psutil.pid_exists(int(left.read_text())):
            return False  # JupyterHub ended without a word: it ends its proxy when it starts again
        with socket.socket() as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                asked.bind((self.address, port))
            except OSError:
                return True
        return False


def read_slips(file: Path) -> dict[str, str]:
    """Return name → password, as a file of slips says."""
    with file.open() as slips:
        return dict(csv.reader(slips))


def _password() -> str:
    return "-".join("".join(map(secrets.choice, [_LETTERS] * 4)) for _ in range(3))


def _port_taken(port: int) -> str:
    return f"Port {port} is taken by another program: stop it, or choose three others in a row with WORKSHOP_PORT=8800."


def _closed_above(path: Path) -> Path | None:
    """Return the folder on the way to a path through which only its owner may pass."""
    return next((folder for folder in path.parents if not folder.stat().st_mode & 0o001), None)


def _closed(folder: Path) -> str:
    return (
        f"Learners may not pass through {folder}, where memcalc or its Python lies: clone it into /opt, and make its "
        "environment there with the Python of the system (make PYTHON=/usr/bin/python3 workshop)."
    )


def free_ports(count: int) -> int:
    """Return the first of so many ports in a row that nobody listens on."""
    while True:
        with contextlib.ExitStack() as kept, contextlib.suppress(OSError, OverflowError):
            first = _bound(kept, 0)
            for port in range(first + 1, first + count):
                _bound(kept, port)
            return first


def _bound(kept: contextlib.ExitStack, port: int) -> int:
    one = kept.enter_context(socket.socket())
    one.bind(("127.0.0.1", port))
    return one.getsockname()[1]
