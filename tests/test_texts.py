"""Texts in other languages: catalogues in step with the code, and nothing that people read is forgotten."""

import re
import string
from contextlib import suppress
from gettext import NullTranslations
from itertools import chain

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import memcalc
import wording
from cases import LLAMA
from memcalc import Gpu, Inference, InputError, Model, Training, catalogue, explorers, texts
from memcalc.article.claims import claims
from memcalc.article.table3 import shown
from memcalc.estimate import advice
from memcalc.estimate.effects import plainly
from memcalc.estimate.measured import measurements
from memcalc.estimate.peak import kinds_of
from memcalc.estimate.training_ways import changes
from memcalc.explorers import page
from memcalc.explorers.article import CELLS
from memcalc.explorers.article.recount import ROWS, capital
from memcalc.explorers.article.tiles import SIGNS
from memcalc.explorers.marks import LAYOUTS
from memcalc.explorers.validation.dots import packages
from memcalc.explorers.words import plain, words
from memcalc.formula.symbols import GLOSSARY, SUMMANDS
from memcalc.lessons.brief_widget import brief
from memcalc.lessons.briefs import QUESTIONS, question
from memcalc.lessons.check import EXERCISES, GUESSES, judge, known_mistakes
from memcalc.lessons.page import script as lesson_script
from memcalc.lessons.predictions import predict
from memcalc.lessons.progress import progress
from memcalc.lessons.record import VARIABLE, remember
from memcalc.lessons.widgets import exercise
from memcalc.units import UNITS
from memcalc.web.pages import one_away

FEW = 3  # so many values of a control are tried

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
    named = {entry.word: name for name, entry in SUMMANDS.items()}
    found = re.findall(r"\[([^]|]+)(?:\|(\w+))?\]", text)
    return sorted(of or named[word] for word, of in found if of or word in named)  # a unit stands in such brackets too


@languages
def test_a_translation_has_the_fields_and_marks_of_its_text(language):
    answers = {message.id for message in read(po(language)) if "memcalc/lessons/check.py" in dict(message.locations)}
    for text, other in ids(read(po(language))).items():
        pairs = zip(text, other, strict=True) if isinstance(text, tuple) else [(text, other)]
        for one, its in pairs:
            if its:
                assert fields(its) == fields(one), its
                assert marked(its) == marked(one), its
                assert its.count("*") == one.count("*"), its
                assert one not in answers or (": " in its) == (": " in one), "a colon parts how an answer is from why"


def test_a_language_is_chosen_by_its_name():
    assert memcalc.language("de") == memcalc.language() == "de"
    assert texts.tr("Undo") != "Undo"
    assert memcalc.language("en") == "en"
    assert texts.tr("Undo") == "Undo"
    with pytest.raises(InputError, match=r"language 'fr' is not known.* Known: en, de\."):
        memcalc.language("fr")


class Marked(NullTranslations):
    """A language that is English between marks: what comes out without marks was never asked for, or is not in it."""

    def __init__(self, entered):
        super().__init__()
        self.entered = {one for text in entered for one in ([text] if isinstance(text, str) else text)}

    def gettext(self, message):
        if message not in self.entered:
            return message
        parts = string.Formatter().parse(message)
        return "".join(f"⟦{words}⟧" * (words != "") + field(*of) for words, *of in parts)

    def ngettext(self, one, many, count):
        return self.gettext(one if count == 1 else many)


def field(name, spec, conversion):
    return "" if name is None else f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}"


def spoken(entered):
    """Speak that language for a test."""
    texts.speak("marked", Marked(entered))
    yield
    texts.speak(texts.ENGLISH)


ENTERED = ids(wording.extracted())
TRANSLATED = [text for text, other in ids(read(po("de"))).items() if all(other)]


@pytest.fixture
def pseudo():
    yield from spoken(ENTERED)


@pytest.fixture
def as_in_german():
    """The language in which a text is marked if there is a German one for it."""
    yield from spoken(TRANSLATED)


TABLES = ("models", "gpus", "formats", "engines", "optimizers", "recipes")
NAMES = {row["name"] for table in TABLES for row in catalogue.rows(table)}
NAMES |= {row.get(column, "") for row in catalogue.rows("models") for column in ("maker", "family")}
NAMES |= {row.get(column, "") for row in catalogue.rows("gpus") for column in ("vendor", "brand")}
NAMES |= {row["name"] for row in catalogue.rows("verdicts")} | {"formula", "verdict", "brief", "home"}
NAMES |= {row[column] for row in catalogue.rows("tensors") for column in ("name", "group")}
NAMES |= {name.removesuffix("_proj").replace("_", " ") for name in NAMES} | {"16 bits"}
for one in measurements():  # inputs are called as in code
    NAMES |= {one.id, one.written.replace("; ", ", ").replace("=", " "), one.library, one.inputs.get("format", "")}
    NAMES |= {*packages(one)}
NAMES |= {letter.name for letter in GLOSSARY} | {*UNITS, "ms"}
NAMES |= {
    f"{field} {plainly(value)}"
    for run in (Training(), Training(lora_rank=1))
    for alternatives in changes(run)
    for change in alternatives
    for field, value in change.items()
}
NAMES |= {"data_parallel", "sharding fsdp", *(f"zero {stage}" for stage in (1, 2, 3))}


def quotations():
    """Yield what is English in every language: what the article says and prints, and the reasons of its audit."""
    for one in claims():
        yield from (one.row["claim"], one.row["section"], one.row["published"], one.why, one.source)
    for cell in CELLS.values():
        yield from (cell["subject"], cell["remark"], shown(cell))
    for row in chain(*ROWS.values()):
        for found, _, why in (row.judged(cell["quantity"]) for cell in row.cells):
            yield from (found, capital(why), *why.split("; "))
    yield from ("Yes", "No", "(needs A100 80 GB)", *SIGNS.values())


NAMES |= {*quotations(), *CELLS}  # cells are called as in code
NAMED = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(NAMES - {""}, key=len, reverse=True)))


def unmarked(text):
    """Return the words of a text that stand outside the marks; names, letters and numbers are the same everywhere."""
    left = re.sub(r"⟦[^⟧]*(⟧|$)|^[^⟦⟧]*⟧", " ", text)  # a card of an answer parts a sentence in two
    return re.findall(r"[^\W\d_]{2,}", NAMED.sub(" ", left))


PRINTED = re.compile(r"head_\d|row_\d|\d\.\d\.|section_")
"""Shapes that show what the article has printed: a head of a table, a cell, the name of a section."""


def said_by(frame):
    """Yield every text of a frame that a person reads."""
    for name, shape in frame["shapes"].items():
        parts = ("says",) if PRINTED.match(name) else ("text", "says")
        yield from (str(shape[part]) for part in parts if part in shape)
    yield from map(plain, [frame["said"], frame["sentence"], *frame["notes"], *frame["hints"]])
    yield frame["alt"]
    yield from frame["letters"].values()
    yield from (number for line in frame["numbers"].values() for number in line.values())
    yield from [frame["guess"]["asks"], frame["guess"]["unit"]] if "guess" in frame else []


def said_by_stage(stage):
    yield from stage["presets"]
    yield from (re.sub(r"\{\w+\}", "", text) for text in stage["texts"].values())
    for control in stage["controls"]:
        yield from (control[part] for part in ("label", "unit", "own") if part in control)
        yield from (*control.get("called", ()), *control.get("groups", ()))


def frames(explorable):
    """Yield frames of an explorer, in each width and with a few other values of each control."""
    alike = {}
    for state in ({}, *one_away(explorable)):
        alike.setdefault(tuple(sorted(state)), []).append(state)
    few = [state for several in alike.values() for state in several[:: -(-len(several) // FEW)]]
    for state, width in [({}, width) for width in LAYOUTS] + [(state, LAYOUTS[-1]) for state in few]:
        with suppress(InputError):  # values that make no sense together
            yield explorable.data({**explorable.start, **state}, width)


def forgotten(said):
    """Return the words of texts that come out unmarked."""
    return {word for text in said for word in unmarked(text)}


def typed_in(frame):
    """Return the words that a reader typed, which the picture says again."""
    return {word for value in frame["state"].values() for word in re.findall(r"[^\W\d_]{2,}", str(value))}


@pytest.mark.parametrize("name", sorted(explorers.__all__))
def test_no_word_of_an_explorer_is_forgotten(name, as_in_german):
    shown = getattr(explorers, name)
    assert not forgotten(said_by_stage(shown.stage))
    for frame in frames(shown):
        assert not forgotten(said_by(frame)) - typed_in(frame)


@pytest.mark.parametrize("script", [page.script(), *map(lesson_script, ("guess", "exercise", "brief"))])
def test_the_page_says_nothing_but_what_it_asks_for(script):
    code = re.sub(r'\bsay\("[^"]+"|//.*|/\*[\s\S]*?\*/', "", script)
    quoted = re.findall(r'"([^"\n]*)"|`([^`\n]*)`', code)
    said = [text for pair in quoted for text in pair if re.search(r"[a-z]{2,}[ ,.]+[a-z]{2,}", text)]
    assert not [text for text in said if not re.search(r"[<=$:/(]|memcalc-", text)]


def test_the_marks_find_what_is_forgotten():
    assert unmarked("⟦weights of ⟧LLaMA-7B⟦ take ⟧12.55 GiB and more") == ["and", "more"]


TASKS = EXERCISES | {f"guess {number}": one for number, one in GUESSES.items()}


def typed(task, amount):
    """Return an answer as one types it."""
    return amount if task.unit in ("formula", "verdict") else f"{float(amount):f} {'B' * (task.unit in UNITS)}"


def told(number):
    """Yield all that is said of a question: its words, and what is said to each known mistake and to other answers."""
    task = TASKS.get(number) or question(number)
    yield from (texts.tr(getattr(task, part)) for part in ("asks", "hint", "because", "matters", "goal", "says"))
    answers = [typed(task, wrong) for wrong, _ in [(task.answers()[0], ""), *known_mistakes(task)]]
    for answer in (*answers, None, "0", "?!", "1.2345678", "99999999"):
        yield judge(task, answer).sentence


@pytest.mark.parametrize("number", [*TASKS, *QUESTIONS])
def test_no_word_of_a_question_is_forgotten(number, pseudo):
    left = {word: text for text in told(number) for word in unmarked(plain(words(text)))}
    assert not left


ADAPTERS, SHARED = {"lora_rank": 8}, {"data_parallel": 8, "sharding": "fsdp2"}
STEPS = (
    *({"recompute": "full"}, {"activations": "megatron", "recompute": "full"}, {"optimizer_in_backward": True}),
    *({"frozen": 30}, {"data_parallel": 8, "zero": 3}, SHARED, SHARED | {"recompute": "full"}),
    *(ADAPTERS | {"base_weights": "NF4"}, ADAPTERS | {"dora": True}, ADAPTERS | {"dora": True, "recompute": "full"}),
)


@pytest.mark.parametrize("change", STEPS, ids=str)
def test_no_moment_of_a_step_is_forgotten(change, pseudo):
    run = Training(context=512, recipe="bf16", **change)
    names = {moment.name for moment, _ in kinds_of(Model.named("LLaMA-7B"), run)}
    assert not {name for name in names if unmarked(texts.tr(name))}


SERVED, MOVED = {"engine": "vLLM"}, {"engine": "llama.cpp", "gpu_layers": 99}
FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["lm_head", "layers.0.mlp"]}
OWN = LLAMA | {"dtype": "bfloat16", "quantization_config": FP8}
ANSWERS = (
    *(("LLaMA-7B", Inference(context), "RTX 4090") for context in (2048, 22_000, 22_700, 32_768)),
    *(("Llama-3.1-8B", Inference(context, **SERVED), "RTX 4090") for context in (8192, 32_768, 99_999)),
    ("Llama-3.1-70B", Inference(8192, batch=50, tensor_parallel=4), "H100 80 GB"),
    ("Llama-3.1-70B", Inference(8192, pipeline_parallel=4), "H100 80 GB"),
    *((name, Inference(8192, **SERVED), "H200") for name in ("Jamba-v0.1", "LFM2-1.2B", "gpt-oss-20b")),
    ("Llama-3.1-8B", Inference(8192, weights="FP8-tensor", **SERVED), "A100 80 GB"),
    ("LLaMA-7B", Inference(8192, engine="Ollama"), "RX 7900 XTX"),
    *(("Falcon-40B", Inference(8192, engine=engine), "H200") for engine in ("none", "transformers")),
    *(("gpt-oss-20b", Inference(8192, weights=form, **MOVED), "RTX 4090") for form in ("auto", "Q4_K_M")),
    ("gpt-oss-120b", Inference(8192, weights="MXFP4_MOE", cpu_experts=99, **MOVED), "RTX 4090"),
    *(("LLaMA-7B", Training(2048, zero=stage, data_parallel=8), "A100 80 GB") for stage in (1, 3)),
    *(("LLaMA-7B", Training(2048, activations=kept), "H200") for kept in ("none", "megatron")),
    *(("LLaMA-7B", Training(2048, base_weights=form, **ADAPTERS), "RTX 4090") for form in ("LLM.int8", "NF4")),
    ("Mixtral-8x7B", Training(512, recipe="bf16", data_parallel=8, expert_parallel=8), "H200"),
    *((name, Training(512), "H200") for name in ("Gemma-3-4B", "Llama-3.1-8B")),
    *((config, Inference(2048, weights="auto"), "RTX 4090") for config in (LLAMA, OWN)),
)
KEYS = re.compile(r"\w+_\w+( of config\.json)?|dtype in config\.json")
"""Fields of a run and keys of a file, which are called as in code."""


@pytest.mark.parametrize(("model", "run", "card"), ANSWERS, ids=range(len(ANSWERS)))
def test_no_word_of_an_answer_is_forgotten(model, run, card, as_in_german):
    model = Model.named(model) if isinstance(model, str) else Model.from_config(model)
    asked = model, run, Gpu.named(card)
    said = [advice.verdict(*asked), *advice.next_steps(*asked), *advice.notes(*asked)]
    left = {text: unmarked(KEYS.sub(" ", text).replace(model.name, "")) for text in said}
    assert not {text: words for text, words in left.items() if words}


@pytest.fixture
def own_record(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "progress.json"))


def test_no_word_of_a_widget_is_forgotten(pseudo, own_record):
    one, guess, chooser = exercise("0.2"), predict("4.1").asked, brief(0).chooser
    said = [one.question, guess.question, chooser.question, repr(one), repr(guess), repr(brief(0))]
    for answer in ("", "?", "1", "25.76"):
        one.submit(answer)
        guess.commit(answer)
        said += [one.told, guess.told]
    guess.show_me()
    chooser.choose("home")
    said += [guess.told, chooser.told, brief(0).asked.question, repr(brief(0))]
    assert not {word: text for text in read_aloud(said) for word in unmarked(text)}


NOT_READ = ("colours", "solution", "kind", "of", "brief", "chosen", "also")
"""Parts of what a page is told that are for the page alone; so are the names of its buttons."""


def read_aloud(said):
    """Yield the texts in what a page is told."""
    if isinstance(said, dict):
        yield from (text for part, of in said.items() if part not in NOT_READ for text in read_aloud(of))
        yield from (text for _, text in said.get("also", ()))
    elif isinstance(said, list) and any(isinstance(piece, dict) and "of" in piece for piece in said):
        yield plain(said)
    elif isinstance(said, list | tuple):
        yield from (text for piece in said for text in read_aloud(piece))
    elif isinstance(said, str):
        yield re.sub(r"\{\w+\}", "", said)


def test_no_word_of_progress_is_forgotten(pseudo, own_record):
    remember("choices", "brief", "home", True)
    remember("answers", "0.1", "24.63", True)
    for said in (repr(progress()), repr(progress(0)), progress(0)._repr_html_()):
        assert not unmarked(re.sub("<[^>]+>", " ", said))
