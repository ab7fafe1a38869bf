"""Texts in other languages: catalogues in step with the code, and nothing that people read is forgotten."""

import re
import string
from gettext import NullTranslations

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import memcalc
import wording
from memcalc import InputError, catalogue, explorers, texts
from memcalc.explorers.words import plain
from memcalc.formula.symbols import GLOSSARY
from memcalc.lessons.briefs import QUESTIONS, question
from memcalc.lessons.check import EXERCISES, GUESSES
from memcalc.units import UNITS
from memcalc.web.pages import one_away

STILL_ENGLISH = {"activations", "article", "hardware", "kv_cache", "optimizer", "plan", "validation", "weights"}
"""Explorers of which some words are not in the catalogue yet: one that is done must leave this list."""

OTHERS = [one for one in texts.languages() if one != texts.ENGLISH]
languages = pytest.mark.parametrize("language", OTHERS)


def po(language):
    return wording.LOCALE / language / "LC_MESSAGES" / "memcalc.po"


def read(path):
    with path.open("rb") as file:
        return (read_mo if path.suffix == ".mo" else read_po)(file)


def ids(messages):
    plain = lambda text: tuple(text) if isinstance(text, list) else text  # noqa: E731
    return {plain(message.id): plain(message.string) for message in messages if message.id}


@pytest.fixture
def english():
    yield
    texts.speak(texts.ENGLISH)


def test_the_catalogues_are_in_step_with_the_code():
    wanted = ids(wording.extracted()).keys()
    for path in (wording.TEMPLATE, *map(po, OTHERS)):
        assert ids(read(path)).keys() == wanted, "run make texts"


@languages
def test_what_is_compiled_is_what_was_translated(language):
    told = {text: other for text, other in ids(read(po(language))).items() if other and any(other)}
    assert ids(read(po(language).with_suffix(".mo"))) == told, "run make texts"


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def marked(text):
    """Return the terms that a sentence names; a word that is the same as its term stands for it."""
    named = {entry.word: name for name, entry in memcalc.formula.symbols.SUMMANDS.items()}
    return sorted(of or named.get(word, word) for word, of in re.findall(r"\[([^]|]+)(?:\|(\w+))?\]", text))


@languages
def test_a_translation_has_the_fields_and_marks_of_its_text(language):
    for text, other in ids(read(po(language))).items():
        pairs = zip(text, other, strict=True) if isinstance(text, tuple) else [(text, other)]
        for one, its in pairs:
            if its:
                assert fields(its) == fields(one), its
                assert marked(its) == marked(one), its
                assert its.count("*") == one.count("*"), its
                assert (": " in its) == (": " in one), "a colon parts how an answer is from why"


def test_a_language_is_chosen_by_its_name(english):
    assert memcalc.language("de") == memcalc.language() == "de"
    assert texts.tr("Undo") != "Undo"
    assert memcalc.language("en") == "en"
    assert texts.tr("Undo") == "Undo"
    with pytest.raises(InputError, match=r"language 'fr' is not known.* Known: en, de\."):
        memcalc.language("fr")


class Marked(NullTranslations):
    """A language that is English between marks: what comes out without marks was never asked for."""

    def gettext(self, message):
        parts = string.Formatter().parse(message)
        return "".join(f"⟦{words}⟧" * (words != "") + field(*of) for words, *of in parts)

    def ngettext(self, one, many, count):
        return self.gettext(one if count == 1 else many)


def field(name, spec, conversion):
    return "" if name is None else f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}"


@pytest.fixture
def pseudo():
    texts.speak("marked", Marked())
    yield
    texts.speak(texts.ENGLISH)


TABLES = ("models", "gpus", "formats", "engines", "optimizers", "recipes")
NAMES = {row["name"] for table in TABLES for row in catalogue.rows(table)}
NAMES |= {row.get(column, "") for row in catalogue.rows("models") for column in ("maker", "family")}
NAMES |= {row.get(column, "") for row in catalogue.rows("gpus") for column in ("vendor", "brand")}
NAMES |= {letter.name for letter in GLOSSARY} | {*UNITS}
NAMED = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(NAMES - {""}, key=len, reverse=True)))


def unmarked(text):
    """Return the words of a text that stand outside the marks; names, letters and numbers are the same everywhere."""
    return re.findall(r"[^\W\d_]{2,}", NAMED.sub(" ", re.sub(r"⟦[^⟧]*⟧", " ", text)))


def said_by(frame):
    """Yield every text of a frame that a person reads."""
    for shape in frame["shapes"].values():
        yield from (str(shape[part]) for part in ("text", "says") if part in shape)
    yield from map(plain, [frame["said"], frame["sentence"], *frame["notes"], *frame["hints"]])
    yield frame["alt"]
    yield from frame["letters"].values()
    yield from (number for line in frame["numbers"].values() for number in line.values())
    yield from [frame["guess"]["asks"], frame["guess"]["unit"]] if frame["guess"] else []


def said_by_stage(stage):
    yield from stage["presets"]
    yield from (re.sub(r"\{\w+\}", "", text) for text in stage["texts"].values())
    for control in stage["controls"]:
        yield from (control[part] for part in ("label", "unit", "own") if part in control)
        yield from (*control.get("called", ()), *control.get("groups", ()))


def frames(explorable):
    """Yield frames of an explorer, in each width and with a few other values of each control."""
    seen = {}
    for state in ({}, *one_away(explorable)):
        seen.setdefault(tuple(sorted(state)), []).append(state)
    for width in (360, 600, 860):
        for state in (
            one for alike in seen.values() for one in {str(one): one for one in alike[:: -(-len(alike) // 3)]}.values()
        ):
            try:
                yield explorable.data({**explorable.start, **state}, width)
            except InputError:
                continue


def forgotten(explorable):
    """Return the words of an explorer that come out unmarked, each with a text that has it."""
    every = [text for frame in frames(explorable) for text in said_by(frame)] + [*said_by_stage(explorable.stage)]
    return {word: text for text in every for word in unmarked(text)}


@pytest.mark.parametrize("name", explorers.__all__)
def test_no_word_of_an_explorer_is_forgotten(name, pseudo):
    left = forgotten(getattr(explorers, name))
    assert not left if name not in STILL_ENGLISH else left, left


def test_the_marks_find_what_is_forgotten():
    assert unmarked("⟦weights of ⟧LLaMA-7B⟦ take ⟧12.55 GiB and more") == ["and", "more"]


def tasks():
    return {**EXERCISES, **{f"guess {number}": one for number, one in GUESSES.items()}} | {
        number: question(number) for number in QUESTIONS
    }
