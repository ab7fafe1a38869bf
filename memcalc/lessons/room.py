"""What a room answered: the lines that learners handed in, counted by misconception."""

import csv
import html
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from memcalc import InputError
from memcalc.errors import must, shown
from memcalc.lessons import standing
from memcalc.lessons.check import EXERCISES, known_mistakes
from memcalc.lessons.report import LOOK, NEAR, OPEN, RIGHT, UNKNOWN
from memcalc.plots.progress import misconceptions
from memcalc.plots.style import Drawn

_MOST_BYTES, _MOST_BARS = 10**5, 14  # of a line's file; in the picture


@dataclass(frozen=True)
class Room:
    """What the first answers of a room were.

    Parameters
    ----------
    people : how many handed a line in
    tried, solved : exercise → how many tried it, and were right at once
    mistakes : exercise and what led to the mistake → how many made it, the most frequent first
    left_out : files that are no such lines
    """

    people: int
    tried: dict[str, int]
    solved: dict[str, int]
    mistakes: dict[tuple[str, str], int]
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = [f"Lines handed in: {self.people}. These were the first mistakes."]
        for (number, why), count in self.mistakes.items():
            lines.append(f"{count:>4} of {self.tried[number]:<4} {number}  {why}")
        if self.left_out:
            lines.append(f"Left out, because they are no such lines: {', '.join(self.left_out)}.")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, *lines = repr(self).splitlines()
        said = [f"<li>{html.escape(' '.join(line.split()))}</li>" for line in lines]
        return f"<p>{html.escape(first)}</p><ul>{''.join(said)}</ul>"

    def picture(self) -> Drawn:
        """Return the picture of the most frequent mistakes; raise InputError if there are none."""
        if not self.mistakes:
            raise InputError("nobody has made a mistake yet, so there is nothing to draw.")
        most = list(self.mistakes.items())[:_MOST_BARS]
        return misconceptions([(number, why, count) for (number, why), count in most], self.people)


def room(folder: str | Path) -> Room:
    """Return what a room answered, from a folder of the lines that `export` writes.

    Parameters
    ----------
    folder : with a CSV file of each learner, or of several in one

    Words that no exercise has count as another mistake. Raises InputError for a folder without such lines.
    """
    lines, left_out = [], []
    for path in sorted(Path(folder).glob("*.csv")):
        found = _lines(path)
        lines += found
        left_out += [] if found else [path.name]
    if not lines:
        raise must("folder", "one with lines that export has written", shown(str(folder)))
    said = [(number, _known(number, row.get(number))) for row in lines for number in EXERCISES]
    tried = Counter(number for number, what in said if what != OPEN)
    solved = Counter(number for number, what in said if what == RIGHT)
    wrong = Counter((number, what) for number, what in said if what not in (OPEN, RIGHT))
    ordered = dict(sorted(wrong.items(), key=lambda one: (-one[1], one[0][1] in (NEAR, UNKNOWN), one[0])))
    return Room(len(lines), dict(tried), dict(solved), ordered, tuple(left_out))


def write(folder: Path) -> Room:
    """Write room.html into a folder of lines, with the picture and the counts, and return what the room answered.

    Raises InputError for a folder without lines, and for one that cannot be used.
    """
    found = room(folder)
    body = standing.image(found.picture()) if found.mistakes else ""
    page = standing.page("What the room answered first", f"{body}{found._repr_html_()}", LOOK)
    with standing.writing(folder):
        (folder / "room.html").write_text(page, encoding="utf-8")
    return found


def _lines(path: Path) -> list[dict[str, str]]:
    """Return the lines of a file; none if it is not of ours."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return []
        with path.open(encoding="utf-8", newline="") as text:
            return [row for row in csv.DictReader(text) if row.keys() >= {"name", "day"}]
    except (OSError, ValueError, csv.Error):
        return []


def _known(number: str, said: object) -> str:
    """Return what a line says of an answer, if the exercise knows it."""
    if said in (None, OPEN):
        return OPEN
    return said if said in {RIGHT, NEAR} | {why for _, why in known_mistakes(EXERCISES[number])} else UNKNOWN
