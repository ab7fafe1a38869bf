"""The decks: a question a slide, one thing to look at, notes; and the instructors' plans can be walked with them."""

import re
from pathlib import Path

import nbformat
import pytest

from memcalc.lessons import EXERCISES, GUESSES

ROOT = Path(__file__).parent.parent
DECKS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "site" / "slides").glob("*.md"))}
DECKS.pop("index")
PLANS = (ROOT / "notebooks" / "INSTRUCTORS.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```\{(\w+)\} ([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

decks = pytest.mark.parametrize("name", DECKS)


def slides(name):
    """The slides of a deck: each its heading and what stands below it."""
    return [part.partition("\n")[::2] for part in re.split(r"^## ", DECKS[name], flags=re.MULTILINE)[1:]]


def minutes(name, number):
    """How long a slide takes, by its notes."""
    _, text = slides(name)[number - 1]
    return int(re.search(r"^```\{notes\} (\d+)$", text, re.MULTILINE)[1])


def test_every_lesson_has_a_deck_of_few_slides():
    lessons = [path.stem for path in (ROOT / "notebooks").glob("0*.ipynb")]
    assert sorted(DECKS) == sorted([*lessons, "question"])
    for name in lessons:
        assert 3 <= len(slides(name)) <= 8, name


@decks
def test_every_slide_has_one_question_and_notes_that_say_what_to_do(name):
    for heading, text in slides(name):
        assert re.fullmatch(r"[^?]+\?", heading), heading
        ((kind, said),) = [(head, body) for kind, head, body in FENCE.findall(text) if kind == "notes"]
        assert 3 <= int(kind) <= 30
        assert len(said.split()) >= 15, heading
    assert "**Draw" in DECKS[name] or name in ("question", "09_what_you_know"), "what to draw on the board"


@decks
def test_every_slide_shows_what_the_lesson_has(name):
    """Nothing is copied: a slide names cells of its lesson, in which the words and pictures stand."""
    path = ROOT / "notebooks" / f"{name}.ipynb"
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells} if path.exists() else {}
    for heading, text in slides(name):
        shown = [(kind, head) for kind, head, _ in FENCE.findall(text) if kind in ("cell", "live")]
        assert 1 <= len(shown) <= 2, heading
        for kind, head in shown:
            assert kind == "live" or cells[head].cell_type == "code", head
        assert not FENCE.sub("", text).strip(), "what is said stands in the notes"


@decks
def test_a_picture_comes_first_and_the_guess_is_made_in_it(name):
    first, second = (FENCE.findall(text)[0] for _, text in slides(name)[:2])
    if name < "09":
        assert "predict(" in cell_of(name, first[1]).source
        assert first[1] == second[1], "then it is opened"
        assert ":open:" in second[2]


def cell_of(name, wanted):
    every = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    return next(cell for cell in every if cell.id == wanted)


@decks
def test_notes_about_a_question_stand_beside_that_question(name):
    for _, text in slides(name):
        for kind, number in re.findall(r"^:about: (\w+) ([\d.]+)$", text, re.MULTILINE):
            assert number in {"guess": GUESSES, "exercise": EXERCISES}[kind]
            shown = [head for fence, head, _ in FENCE.findall(text) if fence == "cell"]
            assert any(f'"{number}"' in cell_of(name, head).source for head in shown), number


WALK = re.findall(r"^\| (\d+)–(\d+) \|([^|]*)\|", PLANS, re.MULTILINE)
"""The lines of all plans: from which minute, to which, and the slides."""


def named(slides_of_a_line):
    """The decks and numbers that a line of a plan names, such as "question: 1; lesson 0: 1, 2"."""
    for deck, several in re.findall(r"(question|lesson \d): ([\d, ]+)", slides_of_a_line):
        name = next(name for name in DECKS if name.startswith(deck.replace("lesson ", "0")))
        yield from ((name, int(number)) for number in several.split(","))


def test_the_plans_can_be_walked_with_the_decks():
    """The slides that a plan names exist, and fill their line of it, with some minutes for what lies between."""
    for begins, ends, line in WALK:
        room, wanted = int(ends) - int(begins), sum(minutes(*one) for one in named(line))
        assert not line.strip() or 2 / 3 * room <= wanted <= room, (begins, ends, wanted)
    assert sum(not line.strip() for _, _, line in WALK) == 2, "only breaks have no slides"


def test_the_plans_leave_no_gap():
    lines = [(int(begins), int(ends)) for begins, ends, _ in WALK]
    plans = [place for place, (begins, _) in enumerate(lines) if begins == 0]
    assert len(plans) == 3
    for place, (begins, _) in enumerate(lines):
        assert begins in (0, lines[place - 1][1])
    assert [lines[place - 1][1] for place in (*plans[1:], 0)] == [45, 90, 240]
