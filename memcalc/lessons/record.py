"""What a learner has guessed and answered, kept in a file of their own."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO

from memcalc.errors import choice
from memcalc.lessons.briefs import BRIEFS, QUESTIONS
from memcalc.lessons.check import EXERCISES, GUESSES
from memcalc.lessons.mixed import NUMBERS
from memcalc.texts import later, tr

VARIABLE = "MEMCALC_PROGRESS"
"""The variable of the environment that names another file, or says "off": then nothing is kept."""

KINDS = {"guesses": GUESSES, "answers": EXERCISES, "briefs": QUESTIONS, "choices": ("brief",), "mixed": NUMBERS}
"""What is kept → the numbers, or names, of which it can be."""

_LATER = {kind: {} for kind in KINDS if kind not in ("guesses", "answers")}
"""Kinds that the files of earlier versions lack."""

_PATIENCE, _PAUSE = 2.0, 0.02  # how long to wait for another notebook that writes, and how often to look [s]
_MOST_BYTES, _LONGEST = 10**6, 300  # of the file; of a text that was typed [characters]


@dataclass(frozen=True)
class Kept:
    """What is kept of one guess or answer.

    Parameters
    ----------
    first, last : as they were typed; "" for a guess that was left open
    tries : how often
    done : the day on which a guess was first made, or an answer was first right; "" if it never was
    """

    first: str = ""
    last: str = ""
    tries: int = 0
    done: str = ""

    def __post_init__(self):
        texts = (self.first, self.last, self.done)
        if type(self.tries) is not int or not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts):
            raise ValueError("this is nothing that was kept")

    def after(self, said: str, done: bool) -> "Kept":
        """Return what is to be kept after one more try."""
        day = self.done or (f"{datetime.now():%Y-%m-%d}" if done else "")
        return replace(self, first=self.first or said, last=said or self.last, tries=self.tries + 1, done=day)


Everything = Mapping[str, Mapping[str, Kept]]
"""Of `KINDS`, number → what is kept of it."""


def place() -> Path | None:
    """Return the file in which things are kept: in the folder for a user's data, or where `VARIABLE` says; or None."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return None if named == "off" else Path(named)
    try:
        from platformdirs import user_data_path  # only notebooks have it
    except ImportError:
        return None
    return user_data_path("memcalc", appauthor=False) / "progress.json"


def kept() -> tuple[Everything, str]:
    """Return what is kept, and a sentence if something is wrong with it.

    A file that cannot be read is put aside, under a name that says so, and a new one begins.
    """
    path = place()
    if path is None or not path.exists():
        return _nothing(), ""
    try:
        with _alone(path):
            return _read(path)
    except OSError as problem:
        return _nothing(), _refused(path, problem)


def remember(kind: str, number: str, said: str, done: bool) -> str:
    """Keep a guess or an answer, and return a sentence if that was not possible.

    Parameters
    ----------
    kind : one of `KINDS`
    number : of the exercise or the guess, such as "4.1"; of the question of a brief, "home.4"; of a mixed one,
        "drawn.1.4" or "again.4.1"; or "brief", the choice
    said : what was typed; "" for a guess that is left open
    done : whether the guess was made, or the answer is right

    Several notebooks may do so at once: each reads what the others wrote before, and the file is replaced as a whole.
    """
    path, number = place(), choice("number", number, KINDS[choice("kind", kind, KINDS)])
    if path is None:
        return ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            everything, problem = _read(path)
            now = everything[kind].get(number, Kept()).after(said[:_LONGEST], done)
            _write(path, {**everything, kind: {**everything[kind], number: now}})
            return problem
    except OSError as problem:
        return _refused(path, problem)


def chosen_brief() -> str:
    """Return the name of the brief that was chosen; "" if none was."""
    choices = kept()[0]["choices"]
    name = choices["brief"].last if "brief" in choices else ""
    return name if name in BRIEFS else ""


def _refused(path: Path, problem: OSError) -> str:
    said = later("Your progress is not kept, because {path} cannot be used: {problem}.")
    return tr(said, path=path, problem=problem.strerror or problem)


def _nothing() -> Everything:
    return {kind: {} for kind in KINDS}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the file alone, once no other program does; if this one dies, the system lets go."""
    end = time.monotonic() + _PATIENCE
    with path.with_suffix(".lock").open("a") as lock:
        while not _held(lock):
            if time.monotonic() > end:
                raise OSError("another program holds it")
            time.sleep(_PAUSE)
        yield


def _held(lock: IO[str]) -> bool:
    """Return whether a file that stands for another is now held by this program alone."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        elif sys.platform != "emscripten":  # a page has one program
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _read(path: Path) -> tuple[Everything, str]:
    """Return what a file keeps; put it aside if that cannot be read."""
    if not path.exists():
        return _nothing(), ""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        data = _LATER | json.loads(path.read_text(encoding="utf-8"))
        return {kind: {number: Kept(**one) for number, one in data[kind].items()} for kind in KINDS}, ""
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        aside = path.with_name(f"{path.stem}.unreadable-{datetime.now():%Y%m%d-%H%M%S-%f}{path.suffix}")
        path.replace(aside)
        said = later("Your progress could not be read; it lies in {aside} now, and a new file begins.")
        return _nothing(), tr(said, aside=aside)


def _write(path: Path, everything: Everything) -> None:
    """Replace a file as a whole: whoever reads it finds the old one or the new one."""
    data = {kind: {number: asdict(one) for number, one in sorted(of.items())} for kind, of in everything.items()}
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(path)
