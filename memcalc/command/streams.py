"""The streams of a command: an output that any terminal can show, and what is said where none takes it."""

import codecs
import errno
import io
import json
import os
import sys
from contextlib import suppress

from memcalc.errors import InputError


def prepare() -> None:
    """Spell plainly what the output cannot encode, and raise OSError if it is closed."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _plain(problem: UnicodeError) -> tuple[str | bytes, int]:
    spelling = {"×": "x", "…": "..."}.get(problem.object[problem.start])
    return (spelling, problem.start + 1) if spelling else codecs.backslashreplace_errors(problem)


def refused(problem: InputError, in_json: bool) -> int:
    """Say what is refused, to a program as an object in JSON, and return the exit code."""
    if not in_json:
        say(problem)
        return 2
    try:
        print(json.dumps({"error": str(problem)}, indent=2), flush=True)
    except OSError as closed:
        return given_up(closed)
    return 2


def given_up(problem: BaseException) -> int:
    """Drop what is not yet written, lest Python wait for it at its end, say why, and return the exit code."""
    with suppress(OSError, AttributeError):  # the output is closed, or no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(problem, BrokenPipeError):
        return 141
    if isinstance(problem, KeyboardInterrupt):
        say("interrupted.")
        return 130
    say(f"the output cannot be written: {problem.strerror}.")
    return 2


def say(problem: object) -> None:
    """Write a sentence where problems are told."""
    with suppress(OSError, AttributeError):  # nobody hears it
        sys.stderr.write(f"memcalc: {problem}\n")
