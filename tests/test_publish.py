"""figures/ is up to date, the same each time, and never half-written."""

import shutil
from pathlib import Path

import pytest

from memcalc import publish
from memcalc.formula import Term
from memcalc.formula.kv_cache import kv_cache

FIGURES = Path(__file__).parent.parent / "figures"


@pytest.fixture
def copy(tmp_path):
    """A copy of the committed figures."""
    return shutil.copytree(FIGURES, tmp_path / "figures")


def test_the_committed_figures_are_up_to_date():
    assert publish.check(FIGURES) == []


def test_two_runs_give_the_same_bytes(tmp_path):
    folders = tmp_path / "one", tmp_path / "other"
    names = publish.outputs()
    for folder in folders:
        publish.write(folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_check_names_each_difference(copy):
    (copy / "table1_models_at_32k.csv").unlink()
    (copy / "table1_verdicts.md").write_text("12.50", encoding="utf-8")
    (copy / "kv_cache_context.png").write_bytes(b"no picture")
    (copy / "notes.txt").write_text("mine", encoding="utf-8")
    svg = (copy / "kv_cache_context.svg").read_text(encoding="utf-8")
    (copy / "kv_cache_context.svg").write_text(svg.replace("#e69f00", "#e69fff"), encoding="utf-8")
    assert publish.check(copy) == [
        "notes.txt is not a file of the article.",
        "table1_models_at_32k.csv is missing.",
        "table1_verdicts.md differs from what the formula gives now.",
        "kv_cache_context.svg differs from what the formula gives now.",
        "kv_cache_context.png differs from what the formula gives now.",
    ]


def test_a_moved_line_is_a_difference_and_a_rounding_is_none():
    assert publish.same_picture("M 10.00 5", "M 10.01 5")
    assert not publish.same_picture("M 10.00 5", "M 11.00 5")
    assert not publish.same_picture("M 10.00 5", "L 10.00 5")


def test_a_changed_coefficient_is_found(monkeypatch):
    Term.expanded.cache_clear()
    monkeypatch.setitem(kv_cache.__dict__, "expr", kv_cache.expr / 2)
    try:
        assert "table1_verdicts.csv differs from what the formula gives now." in publish.check(FIGURES)
    finally:
        Term.expanded.cache_clear()


def test_an_interrupt_leaves_no_half_written_file(copy, monkeypatch):
    for path in copy.iterdir():
        path.write_text("older", encoding="utf-8")
    whole = Path.write_bytes

    def interrupted(path, content):
        if "kv_cache" not in path.name:
            return whole(path, content)
        whole(path, content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish.write(copy)
    assert {path.name for path in copy.iterdir()} == publish.outputs().keys()
    assert (copy / "table1_verdicts.csv").read_text(encoding="utf-8") != "older"
    assert (copy / "kv_cache_context.csv").read_text(encoding="utf-8") == "older"
