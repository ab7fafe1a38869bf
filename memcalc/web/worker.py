"""What a worker of a page asks: a frame, or what is said of an answer, as text in and text out."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from memcalc import InputError, explorers, lessons
from memcalc.lessons.record import VARIABLE, kept
from memcalc.web import calculator
from memcalc.web.hosted import host


def answer(question: str) -> str:
    """Return what answers a question, as JSON.

    Parameters
    ----------
    question : JSON. Of an explorer it has the subject, the state, the start and the width of the layout, and the answer
        is the frame of the state as what differs from that of the start, or the problem; where "hints" is true, it has
        them even if they take long. Of what a lesson asks it has "about", which is one of `ASKED`, its number and more,
        what was said, and what was kept before; the answer is what is told, and what is to be kept. Of the calculator,
        "about" is one of `BESIDE`, and it has the state

    >>> asked = {"subject": "fit", "state": {"context": 4096}, "start": {}, "width": 860}
    >>> json.loads(answer(json.dumps(asked)))["said"][1]
    ' 9.09 GiB stay free beside the 14.55 GiB.'
    """
    asked = json.loads(question)
    about = asked.get("about")
    found = _told(asked) if about in ASKED else _beside(asked) if about in BESIDE else _frame(asked)
    return json.dumps(found, ensure_ascii=False)


def _frame(asked: Mapping) -> dict[str, object]:
    of = calculator if asked["subject"] == "calculator" else explorers
    explorable, hints = getattr(of, asked["subject"]), asked.get("hints", False)
    return explorable.answer(asked["state"], asked["start"], asked["width"], hints)


def _guess(asked: Mapping) -> dict[str, object]:
    guess = lessons.predict(asked["number"], asked["unit"]).asked
    guess._handle_custom_msg(asked["said"], [])
    return {"told": guess.told}


def _pictured(asked: Mapping) -> dict[str, object]:
    """Answer a guess in the picture of an explorer, in the unit of its question; None if none was made."""
    picture = getattr(explorers, asked["subject"])(closed=True, **asked["start"])
    lessons.predict(asked["number"], within=picture)
    picture.closed = True  # whatever was guessed before
    picture.guess = asked["said"]["guess"]
    picture.closed = False
    return {"remarks": picture.remarks}


def _exercise(asked: Mapping) -> dict[str, object]:
    exercise = lessons.exercise(asked["number"])
    exercise._handle_custom_msg(asked["said"], [])
    return {"told": exercise.told, "answer": exercise.answer}


def _brief(asked: Mapping) -> dict[str, object]:
    """Answer a choice of a brief, or what is said to the question of the chosen one."""
    brief = lessons.brief(asked["lesson"])
    if "choose" in asked["said"]:
        brief.chooser._handle_custom_msg(asked["said"], [])
        return {"told": brief.chooser.told}
    brief.asked._handle_custom_msg(asked["said"], [])
    return {"told": brief.asked.told, "answer": brief.asked.answer}


def _mixed(asked: Mapping) -> dict[str, object]:
    """Answer a mixed question, one of several."""
    from memcalc.lessons.mixed_widget import Mixed  # here: only now do the widgets have a host

    place = asked["all"].index(asked["number"]) + 1
    question = Mixed(asked["number"], place, kept()[0], asked["all"])
    question._handle_custom_msg(asked["said"], [])
    return {"told": question.told, "answer": question.answer}


ASKED = {"guess": _guess, "pictured": _pictured, "exercise": _exercise, "brief": _brief, "mixed": _mixed}
"""What a lesson asks → what answers it, with the same widgets as a notebook."""

BESIDE = {"beside": calculator.beside, "formats": calculator.formats}
"""What the calculator's page asks beside its picture → what takes the state."""


def _beside(asked: Mapping) -> dict[str, object]:
    try:
        return BESIDE[asked["about"]](asked["state"])
    except InputError as problem:
        return {"problem": str(problem)}


def _told(asked: Mapping) -> dict[str, object]:
    """Return what is said of a guess or an answer, and the record with it."""
    host()
    with _record(asked["kept"]) as path:
        told = ASKED[asked["about"]](asked)
        record = path.read_text(encoding="utf-8") if path.exists() else ""
    return told | {"kept": record}


@contextmanager
def _record(text: str) -> Iterator[Path]:
    """Keep what a browser kept in a file, which `lessons.record` reads and writes."""
    before = os.environ.get(VARIABLE)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "progress.json"
        if text:
            path.write_text(text, encoding="utf-8")
        os.environ[VARIABLE] = str(path)
        try:
            yield path
        finally:
            os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})
