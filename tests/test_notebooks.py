"""The form of the notebooks: executed, seven steps, a picture first, checked exercises. nbval runs their cells."""

import itertools
import re
from pathlib import Path

import nbformat
import pytest

from memcalc import TERMS, Gpu, Inference, Model, Training, breakdown, catalogue, explorers, fits, total, units, values
from memcalc.explorers.plan import RECOMPUTE as RECOMPUTED
from memcalc.lessons.check import EXERCISES, check

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
TWINS = sorted((ROOT / "notebooks").glob("[a-z]*/[0-9]*.ipynb"))  # lessons in other languages, in a folder of each
PAGES = sorted((ROOT / "notebooks").glob("[a-z]*.ipynb"))
STEPS = {
    "en": ["Guess", "Touch it", "The term", "By hand, once", "Against reality", "Where it stops", "Key points"],
    "de": [
        "Schätzen",
        "Anfassen",
        "Der Term",
        "Einmal von Hand",
        "Gegen die Wirklichkeit",
        "Wo es aufhört",
        "Kernpunkte",
    ],
}
ABLE = {"en": "**You will** ", "de": "**Danach kannst du** "}
EXERCISE = {"en": "Exercise (.*) · (?:small|medium|large)", "de": "Aufgabe (.*) · (?:klein|mittel|groß)"}
SOURCES = {"en": "**References:**", "de": "**Quellen:**"}
LESSONS = [path for path in PATHS if path.stem < "09"]  # the last asks about all of them, and teaches nothing new
WIDEST = 88  # characters of code that a cell shows beside the list of files, at 1,280 px
ADAPTED = values(Model.named("LLaMA-7B"), Training(lora_rank=16))
TOUCHED = r"explorers\.\w+\(|predict\(|exercise\(|brief\("


def named(path):
    return path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()


in_english = pytest.mark.parametrize("path", PATHS, ids=named)
notebooks = pytest.mark.parametrize("path", PATHS + TWINS, ids=named)
lessons = pytest.mark.parametrize("path", LESSONS + TWINS, ids=named)
with_pages = pytest.mark.parametrize("path", PATHS + PAGES + TWINS, ids=named)
twins = pytest.mark.parametrize("path", TWINS, ids=named)


def language(path):
    return "en" if path.parent.name == "notebooks" else path.parent.name


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def prose(path):
    return "\n\n".join(cell.source for cell in cells(path, "markdown"))


def words(text):
    text = re.sub(r"```.*?```|<[^>]+>|\$[^$]*\$|\]\([^)]*\)", " ", text, flags=re.DOTALL)
    return len(re.findall(r"[^\W_][\w'.,-]*", text))


@with_pages
def test_executed_in_order_and_no_cell_is_exempt(path):
    code = cells(path, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert not cell.metadata.get("tags"), "no cell is exempt"
        assert "NBVAL" not in cell.source
        assert all(output.output_type != "error" for output in cell.outputs)
    assert "widgets" not in nbformat.read(path, as_version=4).metadata


@with_pages
def test_no_definitions_and_no_widgets_that_hide_their_output(path):
    forbidden = re.compile(r"^\s*((def|class|global)\b|%|!)|\b(interact\w*|Output|clear_output)\(", re.MULTILINE)
    for cell in cells(path, "code"):
        assert not forbidden.search(cell.source)


@lessons
def test_the_steps_come_in_order(path):
    headings = re.findall(r"^## (.+)$", prose(path), re.MULTILINE)
    steps = STEPS[language(path)]
    assert [heading for heading in headings if heading in steps] == steps


@lessons
def test_a_picture_comes_first_and_the_guess_is_made_in_it(path):
    """Somebody who needs an answer, what one will be able to do, and a picture to touch on the first screen."""
    every = nbformat.read(path, as_version=4).cells
    first = next(place for place, cell in enumerate(every) if "predict(" in cell.source)
    before = sum(words(cell.source) for cell in every[:first] if cell.cell_type == "markdown")
    assert before <= 0.15 * sum(words(cell.source) for cell in every if cell.cell_type == "markdown")
    assert re.search(r"within=explorers\.\w+\(.*closed=True", every[first].source, re.DOTALL)
    title, person, able = every[0].source.split("\n\n")[:3]
    assert title.startswith("# ")
    assert len(re.findall(r"[.?!](?=\s|$)", person)) in (3, 4)
    assert able.startswith(ABLE[language(path)])


@lessons
def test_nothing_answers_before_it_asks(path):
    """An explorer is closed until the guess is made, and answers to what one touches are folded."""
    code = [cell.source for cell in cells(path, "code")]
    assert not any(re.search(r"\b(compare|check)\(", cell) for cell in code)
    first = next(place for place, cell in enumerate(code) if "predict(" in cell)
    assert not any("explorers." in cell for cell in code[:first])
    for cell in cells(path, "markdown"):
        assert cell.source.count("<details>") == cell.source.count("</details>")


@lessons
def test_much_can_be_touched_and_it_ends_with_what_one_can_do(path):
    code = [cell.source for cell in cells(path, "code")]
    assert sum("explorers." in cell and "(" in cell.partition("explorers.")[2] for cell in code) >= 2
    assert sum(len(re.findall(TOUCHED, cell)) for cell in code) >= 6
    number = int(path.stem[:2])
    assert code[-2:] == [f"brief({number})", f"progress({number})"]


@notebooks
def test_code_is_narrow_and_what_only_draws_is_folded(path):
    for cell in cells(path, "code"):
        assert max(map(len, cell.source.splitlines())) <= WIDEST, cell.source
        if re.match(r"from |import ", cell.source) or re.search(r"plots\.\w+\(", cell.source):
            assert cell.metadata.get("jupyter") == {"source_hidden": True}, cell.source
        assert cell.source.count("print(") < 3, "a list of prints is a picture"


@lessons
def test_every_goal_has_its_exercise(path):
    own = [exercise for number, exercise in EXERCISES.items() if number[0] == path.stem[1]]
    assert len(own) >= 4
    assert all(exercise.goal for exercise in own)
    assert len({exercise.goal for exercise in own}) == len(own)


@lessons
def test_budgets(path):
    code = [len(list(filter(str.strip, cell.source.splitlines()))) for cell in cells(path, "code")]
    text = [words(cell.source) for cell in cells(path, "markdown")]
    assert 20 <= len(code) + len(text) <= 45
    assert 700 <= sum(text) <= 1300
    assert max(text) <= 150
    assert sum(code) <= 90
    assert max(code) <= 14


@notebooks
def test_prose_stands_before_code(path):
    kinds = [cell.cell_type for cell in nbformat.read(path, as_version=4).cells]
    assert kinds[0] == "markdown"
    assert ("code", "code", "code") not in zip(kinds, kinds[1:], kinds[2:], strict=False)


@notebooks
def test_every_picture_has_a_caption_and_an_alternative_text(path):
    every = nbformat.read(path, as_version=4).cells
    for cell, after in itertools.pairwise(every):
        if cell.cell_type == "code" and re.search(r"plots\.\w+\(", cell.source):
            assert after.source.startswith("*")
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            assert not data.keys() & {"image/png", "image/svg+xml"}, "such a picture has no place for the text"
            for tag in re.findall("<img[^>]*>", data.get("text/html", "")):
                assert re.search(r'alt="[^"]{40,}"', tag), tag[:80]


@with_pages
def test_links_lead_somewhere(path):
    for target, _, heading in re.findall(r"\]\(([^)#]*)(#([^)]*))?\)", prose(path)):
        assert (path.parent / target).exists(), target
        if heading:
            there = prose(path.parent / target) if target else prose(path)
            assert f"## {heading.replace('-', ' ')}\n" in there, heading


@with_pages
def test_letters_of_a_table_lead_to_the_glossary(path):
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", ())]
    shown = "".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
    for target in re.findall(r"\]\(([^)#]+)#letter-", shown):
        assert (path.parent / target).exists(), target


def test_there_are_nine_lessons_one_that_asks_again_and_two_pages():
    assert [path.stem[:2] for path in LESSONS] == [f"{number:02}" for number in range(9)]
    assert len(PATHS) == 10
    assert PATHS[-1].stem == "09_what_you_know"
    assert [path.stem for path in PAGES] == ["glossary", "references"]


@in_english
def test_each_leads_to_its_neighbours_at_the_top_and_at_the_end(path):
    place = PATHS.index(path)
    links = [f"[{title(PATHS[near])}]({PATHS[near].name})" for near in (place - 1, place + 1) if 0 <= near < len(PATHS)]
    before = f"← {links[0]} · " if place else ""
    after = f" · {links[-1]} →" if place < len(PATHS) - 1 else ""
    index = "#The-series" if place == 0 else "00_start_here.ipynb#The-series"
    first, *_, last = cells(path, "markdown")
    for cell in (first, last):
        assert f"{before}[Index]({index}){after}" in cell.source


@twins
def test_a_lesson_in_another_language_is_the_same_but_for_its_words(path):
    """The same cells with the same code, numbers, links and pictures: what changes in one must change in the other."""
    chosen = ("from memcalc import language", f'language("{language(path)}")')
    pair = [nbformat.read(one, as_version=4).cells for one in (path.parent.parent / path.name, path)]
    for one, its in zip(*pair, strict=True):
        assert its.cell_type == one.cell_type
        assert its.metadata == one.metadata
        if one.cell_type == "code":
            lines = [line for line in its.source.splitlines() if line not in chosen]
            assert list(filter(None, lines)) == list(filter(None, one.source.splitlines()))
        else:
            assert skeleton(its.source) == skeleton(one.source)
    assert chosen[1] in next(cell.source for cell in pair[1] if cell.cell_type == "code").splitlines()


def skeleton(text):
    """Return what a text has in every language: how its lines begin, numbers and formulas, and where its links lead."""
    blocks = [re.match(r"#+ |<details>|</details>|- |\d\. |\| ?|\*(?!\*)|", line)[0] for line in text.splitlines()]
    numbers = sorted(re.findall(r"\d+(?:[.,]\d+)+|\$[^$]+\$", text))
    targets = {target.removeprefix("../") for target in re.findall(r"\]\(([^)#]+)", text)} - {PATHS[0].name}
    return list(filter(None, blocks)), numbers, targets


def title(path):
    return cells(path, "markdown")[0].source.splitlines()[0].removeprefix("# ")


def test_the_table_of_lessons_has_their_titles():
    listed = [(row["notebook"], f"{row['lesson']} · {row['title']}") for row in catalogue.rows("lessons")]
    assert listed == [(path.stem, title(path)) for path in PATHS]


def test_the_series_lists_every_notebook_and_page():
    series = cells(PATHS[0], "markdown")[-1].source
    for path in [*PATHS[1:], *PAGES]:
        assert f"]({path.name})" in series


def test_minutes_and_prerequisites_are_the_same_everywhere():
    listed = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    series = cells(PATHS[0], "markdown")[-1].source
    for path in PATHS[1:]:
        minutes, first = re.search(
            r"\*(\d+) minutes\. First: (.*?)\*", cells(path, "markdown")[0].source, re.DOTALL
        ).groups()
        numbers = ", ".join(re.findall(r"\[(\d)", first)) or first.removeprefix("notebooks ").partition(";")[0]
        for table in (listed, series):
            assert re.search(rf"\]\({path.name}\) \|.* {minutes} \| {numbers.rstrip('.')} \|", table), path.name


@notebooks
def test_sources_are_in_the_bibliography(path):
    keys = set(re.findall(r"@\w+\{(\w+),", catalogue.bibliography()))
    cited = re.findall(r"[\[;] ?([a-z]+\d{4}[a-z0-9]+)", prose(path).partition(SOURCES[language(path)])[2])
    assert cited
    assert set(cited) <= keys


@lessons
def test_solutions_pass_their_own_check(path):
    namespace = {"display": lambda *shown: None}
    for cell in cells(path, "code"):
        if re.match(r"from |import |model\b.* = |card = ", cell.source):
            exec(cell.source, namespace)
    numbers = re.findall(rf"### {EXERCISE[language(path)]}\n", f"{prose(path)}\n")
    asked = [number for number in numbers if f'exercise("{number}")' in {cell.source for cell in cells(path, "code")}]
    solutions = re.findall(r"<summary>Solution</summary>\s*```python\n(.*?)```", prose(path), re.DOTALL)
    assert numbers == [number for number in EXERCISES if number[0] == path.stem[1]]
    assert len(numbers) == len(solutions) + len(asked) >= 4
    assert all(check(number, EXERCISES[number].solution) for number in asked), "the widget has the solution"
    for number, solution in zip((one for one in numbers if one not in asked), solutions, strict=True):
        exec(solution, namespace)
        assert check(number, namespace["answer"]), number


def test_the_sample_solution_of_the_capstone_fits():
    namespace, path = {"display": lambda *shown: None}, PATHS[8]
    for cell in cells(path, "code"):
        if not cell.source.startswith("answer"):
            exec(cell.source, namespace)
    (sample,) = re.findall(r"<summary>One sample solution</summary>\s*```python\n(.*?)```", prose(path), re.DOTALL)
    exec(sample, namespace)
    assert len(namespace["plans"]) == len(namespace["briefs"]) == 3
    assert not any(fits(*brief) for brief in namespace["briefs"].values())
    assert all(fits(*plan) for plan in namespace["plans"].values())


def elsewhere():
    """Amounts in the prose that stand in no output: the reader works them out, or reads them in a picture."""
    seven, thirteen, card = Model.named("LLaMA-7B"), Model.named("LLaMA-13B"), Gpu.named("RTX 4090")
    counts = [breakdown(model, Inference())["weights"] for model in (seven, thirteen)]
    in_text = {f"{units.three_digits(units.in_unit(count, 'GiB'))} GiB" for count in counts}
    small = [Inference(context=32_768, weights="INT8"), Inference(context=32_768, kv_cache="INT8")]
    counts += [fits(seven, run, card).margin for run in small]
    counts += [134_756_352, 2_273_323_008]  # the buffers that llama.cpp reports with flash attention and without
    counts += [amount for task in EXERCISES.values() for amount in known(task) if task.unit in units.UNITS]
    eager, flash = (breakdown(seven, Training(context=2048, attention=name)) for name in ("eager", "flash"))
    counts += [Gpu.named("A100 80 GB").capacity, card.capacity, eager["activations"] - flash["activations"]]
    counts += [total(seven, Training(recipe="bf16", activations="none", lora_rank=16, base_weights="NF4"))]
    return in_text | {units.show(count, unit) for count in counts for unit in ("GiB", "GB")}


def known(task):
    right, mistakes = task.answers()
    return [right, *(wrong for wrong, _ in mistakes)]


def in_pictures():
    """What pictures say in settings that a reader is led to."""
    tune = {"task": "train QLoRA adapters", "model": "LLaMA-7B", "gpu": "RTX 4090", "context": 2048}
    frames = [explorers.activations.frame(moment=60), explorers.activations.frame()]
    frames += [explorers.plan.frame(**tune, recipe="bf16", lora_rank=16, recompute=kept) for kept in RECOMPUTED]
    return " ".join(text for frame in frames for text in (frame.sentence_said, *frame.hints))


@lessons
def test_numbers_in_the_prose_are_computed_or_data(path):
    shown = " ".join(str(cell.get("outputs", "")) + cell.source for cell in cells(path, "code")) + in_pictures()
    shown = re.sub(r"(?<=\d)(,|\{,\})(?=\d{3})", "", shown)
    for file in [*(ROOT / "memcalc" / "data").glob("*.csv"), *(ROOT / "figures").glob("*.csv")]:
        shown += file.read_text(encoding="utf-8")
    computed = set(re.findall(r"\d+", shown)) | {str(TERMS["adapters"].exact(ADAPTED))}
    computed |= {str(number) for task in EXERCISES.values() if task.unit == "tokens" for number in known(task)}
    for number in re.findall(r"\d{1,3}(?:,\d{3})+", prose(path)):
        assert number.endswith("000") or number.replace(",", "") in computed, number
    given = " ".join(re.findall(r"```python\n(.*?)```", prose(path), re.DOTALL))  # in a task, for a checked solution
    for amount in re.findall(r"\d+\.\d+ Gi?B", prose(path)):
        assert amount in shown or amount.split()[0] in given or amount in elsewhere(), amount
