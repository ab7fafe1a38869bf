"""The measuring of rows: the plan is what the package has, a run goes on where it was stopped, and libraries agree."""

import logging
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec

import pytest

from measure import __main__ as command
from measure import store
from measure.cases import Case, Section
from measure.plan import SECTIONS, on_a_card
from measured import rows
from memcalc import validation
from memcalc.estimate.ask import QUANTITIES, ask, read_inputs, written

PLANNED = {name: case for section in SECTIONS for name, _, case in section.numbered()}
CARD = on_a_card("RTX 4090")


class Ruler:
    """A module that measures what the formula says."""

    HOW = dict.fromkeys(QUANTITIES, "by a ruler")

    def __init__(self, broken=()):
        self.broken, self.asked = broken, []

    def measure(self, case):
        self.asked.append(case)
        if case.inputs["context"] in self.broken:
            raise RuntimeError("the ruler broke")
        return ask(case.quantity, case.model, case.inputs).value


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A plan of three rows, and files of its own."""
    cases = tuple(Case("kv_cache", "GPT-2", {"context": 2**power}) for power in (6, 7, 8))
    monkeypatch.setattr(store, "DATA", tmp_path / "measured.csv")
    monkeypatch.setattr(store, "PARTS", tmp_path)
    monkeypatch.setattr(command, "SECTIONS", (Section("X", "ruler", ("pytest",), cases),))

    def run(ruler, *arguments):
        monkeypatch.setattr(Section, "load", lambda _: ruler)
        monkeypatch.setattr(sys, "argv", ["measure", *arguments])
        return command.main()

    yield run
    logging.disable(logging.NOTSET)


def test_the_plan_is_what_was_measured():
    tested = (row for section in SECTIONS if section.table for row in rows(section.table))
    own = {row.id: row for row in tested if re.fullmatch(r"[A-Z]\d{3}", row.id)}
    here = (row for row in validation.measurements() if row.id[0] != "G" and row.quantity != "trained_peak")
    measured = {row.id: row for row in here} | own
    assert measured.keys() == PLANNED.keys()
    for name, case in PLANNED.items():
        row = measured[name]
        inputs = read_inputs(written(case.inputs))
        assert (row.quantity, row.model, read_inputs(written(row.inputs))) == (case.quantity, case.model, inputs), name


def test_every_case_can_be_predicted():
    for section in CARD:
        for case in section.cases:
            assert ask(case.quantity, case.model, case.inputs).value > 0
    asked = {case.quantity for section in (*SECTIONS, *CARD) for case in section.cases}
    assert asked == set(QUANTITIES) - {"trained_peak"}  # which others have measured


def test_a_run_writes_every_row_and_says_how_the_formula_did(bench, capsys):
    assert bench(Ruler()) == 0
    assert list(store.load(store.DATA)) == ["X001", "X002", "X003"]
    assert not store.part("cpu").exists()
    assert "3 rows measured; the formula is exact on 3." in capsys.readouterr().out


def test_a_stopped_run_goes_on(bench):
    first, second = Ruler(), Ruler()
    first.measure = lambda case: second.measure(case) if case.inputs["context"] < 128 else pytest.fail("stopped")
    with pytest.raises(pytest.fail.Exception):
        bench(first)
    assert list(store.load(store.part("cpu"))) == ["X001"]
    assert not store.DATA.exists()
    third = Ruler()
    assert bench(third) == 0
    assert [case.inputs["context"] for case in third.asked] == [128, 256]
    assert len(store.load(store.DATA)) == 3


def test_a_run_that_a_hand_stops_says_how_far_it_came(bench, capsys):
    ruler = Ruler()
    ruler.measure = lambda case: (_ for _ in ()).throw(KeyboardInterrupt)
    assert bench(ruler) == 1
    assert "Stopped: 0 of 3 rows are measured. The same command goes on." in capsys.readouterr().out


def test_rows_of_ones_own_stay_and_rows_that_are_no_longer_planned_go(bench):
    bench(Ruler())
    [row, *_] = store.load(store.DATA).values()
    store.save(store.DATA, [row | {"id": name} for name in ("X009", "X9", "mine", "X001 RTX 4090")])
    bench(Ruler())
    assert list(store.load(store.DATA)) == ["X001", "X001 RTX 4090", "X002", "X003", "X9", "mine"]


def test_a_section_may_have_a_table_of_its_own(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(store, "DATA_OF_TESTS", tmp_path)
    [section] = command.SECTIONS
    monkeypatch.setattr(command, "SECTIONS", (section, replace(section, letter="Y", table="apart")))
    assert bench(Ruler()) == 0
    assert list(store.load(store.DATA)) == ["X001", "X002", "X003"]
    assert list(store.load(tmp_path / "apart.csv")) == ["Y001", "Y002", "Y003"]


def test_some_sections_alone(bench):
    ruler = Ruler()
    assert bench(ruler, "--only", "Y") == 0
    assert ruler.asked == []


def test_the_census_is_the_same_command(bench, monkeypatch):
    monkeypatch.setattr("measure.census.main", list)
    assert bench(Ruler(), "--census", "gemma3", "qwen3") == ["gemma3", "qwen3"]
    assert bench(Ruler(), "--census") == []


def test_another_version_than_the_wanted_is_as_good_as_none():
    assert Section("X", "ruler", ("pytest==1.0",), ()).versions() == ""
    assert Section("X", "ruler", ("pytest",), ()).versions().startswith("pytest ")


def test_a_row_that_fails_loses_no_other(bench, capsys):
    bench(Ruler())
    assert bench(Ruler(broken=(128,))) == 1
    assert len(store.load(store.DATA)) == 3, "the row of the last run stays"
    assert "Failed: X002 kv_cache GPT-2 context=128: RuntimeError: the ruler broke" in capsys.readouterr().out


def test_a_library_that_is_missing_leaves_its_rows_as_they_were(bench, monkeypatch, capsys):
    bench(Ruler())

    def missing(_name):
        raise PackageNotFoundError

    monkeypatch.setattr("measure.cases.version", missing)
    ruler = Ruler()
    assert bench(ruler) == 0
    assert ruler.asked == []
    assert len(store.load(store.DATA)) == 3
    assert "Left out: 3 rows that need pytest." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--device", "cuda"], "--device cuda and --gpu NAME belong together."),
        (["--gpu", "RTX 4090"], "--device cuda and --gpu NAME belong together."),
        (["--device", "cuda", "--gpu", "RTX 4091"], "the nearest is RTX 4090"),
        (["--device", "tpu"], "invalid choice: 'tpu'"),
    ],
)
def test_wrong_arguments(bench, capsys, arguments, says):
    with pytest.raises(SystemExit) as stopped:
        bench(Ruler(), *arguments)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_the_package_needs_none_of_the_libraries_that_are_measured():
    code = "import sys; from memcalc import explorers, plots; print({'torch', 'transformers'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.filterwarnings("ignore")  # of the libraries themselves
@pytest.mark.skipif(not find_spec("transformers"), reason="libraries to measure come with `make measure`")
@pytest.mark.parametrize(
    "name", ["W068", "A012", "A142", "E001", "E038", "F004", "C015", "O003", "Q001", "Q006", "Q010", "Q016"]
)
def test_measured_again_the_bytes_are_the_same(name):
    [section] = [section for section in SECTIONS if section.letter == name[0]]
    assert section.load().measure(PLANNED[name]) == validation.row(name).measured
