"""The form of the notebooks: executed, ten steps, short, checked exercises. nbval runs their cells."""

import itertools
import re
from pathlib import Path

import nbformat
import pytest

from memcalc import Gpu, Inference, Model, breakdown, fits, units
from memcalc.exercises import EXERCISES, check

ROOT = Path(__file__).parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STEPS = ["The question", "Set-up", "Predict", "By hand", "Against reality", "Explore", "Where it stops"]
STEPS += ["Exercises", "Key points"]

notebooks = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def prose(path):
    return "\n\n".join(cell.source for cell in cells(path, "markdown"))


def words(text):
    text = re.sub(r"```.*?```|<[^>]+>|\$[^$]*\$|\]\([^)]*\)", " ", text, flags=re.DOTALL)
    return len(re.findall(r"[^\W_][\w'.,-]*", text))


@notebooks
def test_executed_in_order_and_no_cell_is_exempt(path):
    code = cells(path, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert not cell.metadata.get("tags"), "no cell is exempt"
        assert "NBVAL" not in cell.source
        assert all(output.output_type != "error" for output in cell.outputs)
    assert "widgets" not in nbformat.read(path, as_version=4).metadata


@notebooks
def test_no_definitions_and_no_widgets_that_hide_their_output(path):
    forbidden = re.compile(r"^\s*((def|class|global)\b|%|!)|\b(interact\w*|Output|clear_output)\(", re.MULTILINE)
    for cell in cells(path, "code"):
        assert not forbidden.search(cell.source)


@notebooks
def test_the_steps_come_in_order(path):
    places = [prose(path).find(step) for step in STEPS]
    assert -1 not in places, STEPS[places.index(-1)]
    assert places == sorted(places)


@notebooks
def test_budgets(path):
    code = [len(list(filter(str.strip, cell.source.splitlines()))) for cell in cells(path, "code")]
    text = [words(cell.source) for cell in cells(path, "markdown")]
    assert 20 <= len(code) + len(text) <= 35
    assert 700 <= sum(text) <= 1300
    assert max(text) <= 130
    assert sum(code) <= 70
    assert max(code) <= 12


@notebooks
def test_prose_stands_before_code(path):
    kinds = [cell.cell_type for cell in nbformat.read(path, as_version=4).cells]
    assert kinds[0] == "markdown"
    assert ("code", "code", "code") not in zip(kinds, kinds[1:], kinds[2:], strict=False)


@notebooks
def test_every_picture_has_a_caption_and_an_alternative_text(path):
    every = nbformat.read(path, as_version=4).cells
    for cell, after in itertools.pairwise(every):
        if cell.cell_type == "code" and re.search(r"figures\.\w+\(", cell.source):
            assert after.source.startswith("*")
        for data in (output.get("data", {}) for output in cell.get("outputs", [])):
            assert not data.keys() & {"image/png", "image/svg+xml"}, "such a picture has no place for the text"
            for tag in re.findall("<img[^>]*>", data.get("text/html", "")):
                assert re.search(r'alt="[^"]{40,}"', tag), tag[:80]


@notebooks
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)", prose(path)):
        assert (path.parent / target).exists(), target


@notebooks
def test_solutions_pass_their_own_check(path):
    namespace = {}
    for cell in cells(path, "code"):
        if re.match(r"from |import |model = |card = ", cell.source):
            exec(cell.source, namespace)
    numbers = re.findall(r"### Exercise (\d\.\d)", prose(path))
    solutions = re.findall(r"<summary>Solution</summary>\s*```python\n(.*?)```", prose(path), re.DOTALL)
    assert numbers == [number for number in EXERCISES if number[0] == path.stem[1]]
    assert len(numbers) == len(solutions) >= 3
    for number, solution in zip(numbers, solutions, strict=True):
        exec(solution, namespace)
        assert check(number, namespace["answer"]), number


def elsewhere():
    """Amounts in the prose that stand in no output: the reader works them out, or reads them in a picture."""
    seven, thirteen, card = Model.named("LLaMA-7B"), Model.named("LLaMA-13B"), Gpu.named("RTX 4090")
    small = [Inference(weights="INT8"), Inference(kv_cache="INT8")]
    counts = [fits(seven, run, card).margin for run in small]
    counts += [134_756_352, 2_273_323_008]  # the buffers that llama.cpp reports with flash attention and without
    counts += [EXERCISES[number].answers()[0] for number in ("0.1", "0.2", "1.1", "1.2")]
    weights = [breakdown(model, Inference())["weights"] for model in (seven, thirteen)]
    in_text = {units.show(count, unit) for count in counts for unit in ("GiB", "GB")}
    return in_text | set(map(units.show_briefly, weights))


@notebooks
def test_numbers_in_the_prose_are_computed_or_data(path):
    shown = " ".join(str(cell.get("outputs", "")) + cell.source for cell in cells(path, "code"))
    shown = re.sub(r"(?<=\d)(,|\{,\})(?=\d{3})", "", shown)
    for file in [*(ROOT / "memcalc" / "data").glob("*.csv"), *(ROOT / "figures").glob("*.csv")]:
        shown += file.read_text(encoding="utf-8")
    known = set(re.findall(r"\d+", shown))
    for number in re.findall(r"\d{1,3}(?:,\d{3})+", prose(path)):
        assert number.endswith("000") or number.replace(",", "") in known, number
    for amount in re.findall(r"\d+\.\d+ Gi?B", prose(path)):
        assert amount in shown or amount in elsewhere(), amount
