"""What an instructor hands out: the terms on one page, and a sheet with the answers; both computed, made to print."""

import html
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import sympy

from memcalc import TERMS, Gpu, Inference, Model, Training, breakdown, units, values
from memcalc.explorers.words import plain, spelled, words
from memcalc.formula.mathml import mathml
from memcalc.formula.symbols import GLOSSARY
from memcalc.formula.term import Term
from memcalc.lessons import standing
from memcalc.lessons.briefs import BRIEFS, LESSONS, Brief, question
from memcalc.lessons.check import EXERCISES, GUESSES, written
from memcalc.lessons.task import Task

_EXAMPLE, _RUN = "Llama-3.1-8B", Inference(context=8192)
_FORMATS = ("FP16", "FP8", "Q8_0", "Q4_K_M", "NF4")
_MODELS = ("LLaMA-7B", "Llama-3.1-8B", "Qwen3-14B", "Gemma-3-27B", "Llama-3.1-70B", "DeepSeek-V3")
_CARDS = (
    *("RTX 3060 12 GB", "RTX 4060 Ti 16 GB", "RTX 4090", "RTX 5090", "A100 40 GB", "A100 80 GB", "H100 80 GB"),
    *("H200", "B200", "MI300X", "M4 Max 128 GB", "M3 Ultra 512 GB"),
)
_RECIPES = ("mixed", "bf16", "fp32")

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

_LOOK = """@page { size: A4; margin: 11mm; }
body { color: #111; font: SIZE / 1.36 system-ui, sans-serif; margin: 0 auto; max-width: 190mm; padding: 12px; }
h1 { font-size: 1.5em; margin: 0 0 4px; }
h2 { border-bottom: 1px solid #999; font-size: 1.1em; margin: 10px 0 4px; }
p, ul { margin: 3px 0; }
ul { padding-left: 1.2em; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ddd; padding: 1px 8px 1px 0; text-align: left; vertical-align: top; }
th { font-weight: 600; }
.two td { white-space: nowrap; }
math { font-size: 1.15em; }
article { break-inside: avoid; margin-bottom: 8px; }
.two { columns: 2; column-gap: 18px; }
.two > section { break-inside: avoid; }
@media screen and (max-width: 600px) { .two { columns: 1; } }
@media print { body { max-width: none; padding: 0; } }"""
"""How a sheet looks on paper; SIZE is that of its letters."""


def handout() -> str:
    """Return the hand-out: one printed page with the terms, numbers for the head, formats, models and cards."""
    model = Model.named(_EXAMPLE)
    writing = _section("To write text, a card holds", _terms(("weights", "kv_cache"), model, _RUN))
    sections = [writing, _head(), _formats(model), _training(), _models(), _cards(), _on_top()]
    body = f'<div class="two">{"".join(sections)}</div>'
    return standing.page("GPU memory on one page", body, _LOOK.replace("SIZE", "9pt"))


def _section(title: str, *inside: str) -> str:
    return f"<section><h2>{title}</h2>{''.join(inside)}</section>"


def _terms(shown_ones: Sequence[str], model: Model, run: Inference) -> str:
    """Return the terms as the model needs them, and what their letters mean, with the values of an example."""
    known, memory = values(model, run), breakdown(model, run)
    terms = [TERMS[name].simplified(known) for name in shown_ones]
    lines = "".join(f"<p>{_equation(term)} = {units.show(memory[term.name])}</p>" for term in terms)
    letters = dict.fromkeys(letter for term in terms for letter in term.symbols)
    meant = ", ".join(
        f"{_letter(one)} {html.escape(GLOSSARY[one].meaning)} ({spelled(one, known[one])})"
        for one in letters
        if one in known
    )
    return f"{lines}<p>Here {_EXAMPLE} with {run.context:,} tokens in 16 bits: {meant}.</p>"


def _equation(term: Term) -> str:
    return f"<math><mrow>{mathml(term.symbol)}<mo>=</mo>{mathml(term.expr)}</mrow></math>"


def _letter(symbol: sympy.Symbol) -> str:
    return f"<math>{mathml(symbol)}</math>"


def _head() -> str:
    billion = units.show(2 * 10**9, "GB").replace(".00", "")
    card = Gpu.named("RTX 4090")
    lines = [
        f"A billion parameters in 16 bits are {billion}; in 8 bits half, in 4 a little over a quarter.",
        "A token leaves 2 × layers × stored pairs × numbers of a head × bytes of a number.",
        "GB × 0.93 = GiB. Never add the two.",
        f"A card sold as 24 GB lets a program see {units.show(card.capacity)}.",
        "Tokens a second, at most: bandwidth divided by all that is read for each, weights and cache.",
    ]
    return _section("In your head", "<ul>", *(f"<li>{line}</li>" for line in lines), "</ul>")


def _formats(model: Model) -> str:
    sizes = {name: breakdown(model, Inference(weights=name))["weights"] for name in _FORMATS}
    rows = [(name, f"{8 * size / model.parameters:.2f}", units.show(size)) for name, size in sizes.items()]
    return _section("What a bit costs", standing.table(("format", "bits a parameter", _EXAMPLE), rows))


def _training() -> str:
    """Return the bytes of a parameter that is trained, by recipe, with nothing shared."""
    size, rows = 10**9, []
    for recipe in _RECIPES:
        memory = breakdown(Model.nominal(size), Training(recipe=recipe, activations="none"))
        parts = [memory.get(name, 0) // size for name in ("weights", "gradients", "optimizer")]
        rows.append((recipe, *map(str, parts), str(sum(parts))))
    table = standing.table(("recipe", "weights", "gradients", "AdamW", "all"), rows)
    lines = (
        "ZeRO divides by the cards: stage 1 the optimizer, 2 also gradients, 3 also weights.",
        "LoRA leaves weights and activations, and frees the rest.",
        "Activations grow with the text; layers that are computed again keep only what goes into them.",
        "A step's peak is no sum: gradients come while activations go, and the loss needs a moment of its own.",
    )
    return _section(
        "To train: bytes for each parameter", table, "<ul>", *(f"<li>{line}</li>" for line in lines), "</ul>"
    )


def _models() -> str:
    rows = []
    for name in _MODELS:
        model = Model.named(name)
        memory = [breakdown(model, Inference(context=context)) for context in (32_768, 65_536)]
        token = (memory[1]["kv_cache"] - memory[0]["kv_cache"]) // 32_768
        size = units.show(memory[0]["weights"])
        rows.append((name, units.billions(model.parameters), size, f"{token / 1024:,.0f} KiB"))
    return _section("Models in 16 bits", standing.table(("model", "parameters", "weights", "a token"), rows))


def _cards() -> str:
    cards = map(Gpu.named, _CARDS)
    rows = [(one.name, units.show(one.capacity), f"{one.bandwidth / 10**9:,.0f} GB/s") for one in cards]
    return _section("Cards", standing.table(("card", "a program sees", "reads"), rows))


def _on_top() -> str:
    on_top = "Driver, buffers and an allocator's gaps come on top, as a range."
    ask = "Ask of every number: what does it leave out, and who has measured it?"
    return _section("Never forget", f"<p>{on_top} {ask}</p>")


def answers() -> str:
    """Return the answer sheet: every exercise with its answer and the mistakes that are known, guesses and briefs."""
    parts = ["<p>Computed by memcalc, as the lessons check them. Ask who made a known mistake to explain it.</p>"]
    parts += ["<h2>Guesses</h2>", *(_answered(f"Guess {number}", task) for number, task in GUESSES.items())]
    parts += ["<h2>Exercises</h2>", *(_answered(f"Exercise {number}", task) for number, task in EXERCISES.items())]
    for name in BRIEFS:
        parts.append(f"<h2>The brief: {html.escape(Brief.named(name).row['title'])}</h2>")
        parts += [_answered(f"Lesson {lesson}", question(f"{name}.{lesson}")) for lesson in LESSONS]
    return standing.page("Answers", "".join(parts), _LOOK.replace("SIZE", "10pt"))


def _answered(name: str, task: Task) -> str:
    right, mistakes = task.answers()
    known = "".join(f"<li>{html.escape(_number(wrong, task))}: {html.escape(why)}</li>" for wrong, why in mistakes)
    asks = " ".join(filter(None, (plain(words(part)) for part in (task.says, task.asks))))
    how = f" <code>{html.escape(task.solution)}</code>" if task.solution else ""
    answer = f"<p><b>{html.escape(_number(right, task))}</b>{how}</p>"
    return f"<article><h3>{name}</h3><p>{html.escape(asks)}</p>{answer}<ul>{known}</ul></article>"


def _number(answer: object, task: Task) -> str:
    if task.unit in ("formula", "verdict"):
        return str(answer)
    return written(answer, task.unit)


def write(folder: Path) -> list[str]:
    """Write the hand-out and the answer sheet into a folder; the hand-out also as PDF, if a Chromium can print it.

    Returns a sentence for each file. Raises InputError for a folder that cannot be used.
    """
    pages = {"handout.html": handout(), "answers.html": answers()}
    with standing.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in pages.items():
            (folder / name).write_text(page, encoding="utf-8")
    return [f"Wrote {folder / name}." for name in (*pages, *printed(folder / "handout.html"))]


def printed(page: Path) -> list[str]:
    """Print a page to a PDF beside it, and return its name; nothing without a Chromium that does so."""
    browser = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if not browser:
        return []
    target = page.with_suffix(".pdf")
    how = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={target}"]
    try:
        subprocess.run([browser, *how, page.resolve().as_uri()], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []  # the page can be printed from any browser
    return [target.name]
