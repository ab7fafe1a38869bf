"""figures/ is up to date, the same each time, and never half-written."""

import io
import re
import shutil
from functools import partial
from pathlib import Path

import pandas
import pytest

from memcalc import Model, catalogue, publish
from memcalc.article import claims
from memcalc.errors import InputError
from memcalc.formula import Term
from memcalc.formula.kv_cache import kv_cache
from memcalc.formula.roofline import decode_time
from memcalc.formula.weights import parameters, weights
from memcalc.plots import style
from memcalc.plots.article import PICTURES, claims_audit

FIGURES = Path(__file__).parent.parent / "figures"


@pytest.fixture
def copy(tmp_path):
    """A copy of the committed figures."""
    return shutil.copytree(FIGURES, tmp_path / "figures")


@pytest.fixture(scope="module")
def made():
    """Every file of figures/, made once."""
    return {name: make() for name, make in publish.outputs().items()}


@pytest.fixture
def at_once(made, monkeypatch):
    """`publish` finds every file made already."""
    files = {name: partial(bytes, content) for name, content in made.items()}
    monkeypatch.setattr(publish, "outputs", lambda formats=(): files)


def test_the_committed_figures_are_up_to_date(at_once):
    assert publish.check(FIGURES) == []


def test_two_runs_give_the_same_bytes(made):
    """Of tables and words all, of pictures two; the others are drawn twice where they are tested."""
    again, two = publish.outputs(), tuple(picture.name for picture in PICTURES[:2])
    assert made.keys() == again.keys()
    for name, make in again.items():
        if not name.endswith((".svg", ".png")) or name.startswith(two):
            assert make() == made[name], name


def test_written_is_what_was_made(made, at_once, tmp_path):
    assert publish.write(tmp_path / "new") == [f"Wrote {len(made)} files to {tmp_path / 'new'}."]
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == made


def test_check_names_each_difference(copy, at_once):
    (copy / "table1_models_at_32k.csv").unlink()
    (copy / "table1_verdicts.md").write_text("12.50", encoding="utf-8")
    (copy / "notes.txt").write_text("mine", encoding="utf-8")
    svg = (copy / "kv_cache_context.svg").read_text(encoding="utf-8")
    (copy / "kv_cache_context.svg").write_text(svg.replace("#e69f00", "#e69fff"), encoding="utf-8")
    assert publish.check(copy) == [
        "notes.txt is not a file of the article.",
        "table1_models_at_32k.csv is missing.",
        "table1_verdicts.md differs from what the formula gives now.",
        "kv_cache_context.svg differs from what the formula gives now.",
    ]


def test_a_moved_line_is_a_difference_and_a_rounding_is_none():
    assert publish.same_picture("M 10.00 5", "M 10.01 5")
    assert not publish.same_picture("M 10.00 5", "M 11.00 5")
    assert not publish.same_picture("M 10.00 5", "L 10.00 5")


@pytest.fixture
def afresh():
    """Nothing that was computed before, and nothing that is kept for the tests after."""

    def forget():
        Term.expanded.cache_clear()
        claims.claims.cache_clear()
        for name in catalogue.names("models"):
            vars(Model.named(name)).pop("parameters", None)

    forget()
    yield
    forget()


@pytest.mark.parametrize(
    ("term", "files"),
    [
        (kv_cache, ["table1_verdicts.csv", "claims.csv", "table2_hardware.csv", "kv_cache_context.svg"]),
        (weights, ["table1_verdicts.csv", "claims.csv", "hardware_today.csv", "weights_by_format.svg"]),
        (parameters, ["table1_models_at_32k.csv", "claims.csv"]),
        (decode_time, ["hardware_today.csv", "table3_market.csv", "claims.csv"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_changed_coefficient_is_found(term, files, monkeypatch, afresh):
    every = publish.outputs()
    monkeypatch.setattr(publish, "outputs", lambda formats=(): {name: every[name] for name in files})
    monkeypatch.setitem(term.__dict__, "expr", term.expr * 2)
    differing = [problem for problem in publish.check(FIGURES) if "differs" in problem]
    assert differing == [f"{name} differs from what the formula gives now." for name in files]


def test_one_changed_tile_is_a_difference(made):
    rows = claims_audit.rows()
    rows.loc[27, "verdict"] = "holds"
    changed = io.BytesIO()
    with style.house_style():
        claims_audit(rows).savefig(changed, format="svg", metadata={"Date": None, "Creator": None})
    assert not publish.same_picture(made["claims_audit.svg"].decode(), changed.getvalue().decode())


def test_a_readme_of_another_project_is_kept(tmp_path):
    (tmp_path / "README.md").write_text("# Mine", encoding="utf-8")
    with pytest.raises(InputError, match="must be a folder for figures alone"):
        publish.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize("name", ["claims.csv", "claims_audit.svg", ".claims.csv.part", "README.md"])
@pytest.mark.parametrize("index", ["", "# Figures and tables of my thesis\n"])
def test_a_file_of_another_project_is_kept(name, index, at_once, tmp_path):
    if index:
        (tmp_path / "README.md").write_text(index, encoding="utf-8")
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"must be a folder for figures alone; its .* is another one"):
        publish.write(tmp_path)
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    assert {path.name for path in tmp_path.iterdir()} <= {name, "README.md"}


def test_what_has_another_name_is_left_alone(at_once, made, tmp_path):
    for name in (".x.part", "notes.txt"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    for _ in range(2):  # into a folder that is not the article's yet, and into one that is
        publish.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".x.part", "notes.txt", *made}
    assert (tmp_path / ".x.part").read_text(encoding="utf-8") == "mine"


def test_what_a_killed_run_left_is_no_obstacle(at_once, made, tmp_path):
    publish.write(tmp_path)
    (tmp_path / "claims.csv").unlink()
    (tmp_path / ".claims.csv.part").write_text("half", encoding="utf-8")
    publish.write(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == made


def test_an_interrupt_leaves_no_half_written_file(copy, at_once, monkeypatch):
    for path in copy.iterdir():
        path.write_text("older" if path.name != "README.md" else "# Figures and tables", encoding="utf-8")
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


def test_every_picture_has_words_and_rows_beside_it():
    for picture in PICTURES:
        beside = (FIGURES / f"{picture.name}.md").read_text(encoding="utf-8")
        assert beside == f"![{picture.alt}]({picture.name}.svg)\n\n{picture.caption} [Rows]({picture.name}.csv).\n"
        assert (FIGURES / f"{picture.name}.csv").read_text(encoding="utf-8").count("\n") > 1


def test_nothing_else_is_written_unasked(made):
    assert {name.rpartition(".")[2] for name in made} == {"md", "csv", "svg"}
    assert {path.name for path in FIGURES.iterdir()} == made.keys()


@pytest.mark.parametrize("ending", ["md", "csv", "tex", "html"])
def test_every_table_comes_in_four_forms(ending):
    files = publish.outputs([ending])
    for name in publish.TABLES:
        text = files[f"{name}.{ending}"]().decode()
        assert len(text) > 200
        assert "nan" not in re.split(r"[^\w]+", text)


def test_other_formats_of_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "PICTURES", PICTURES[:2])
    monkeypatch.setattr(publish, "TABLES", {})
    publish.write(tmp_path, ["pdf"])
    drawn = {path.name for path in tmp_path.glob("*.pdf")}
    assert drawn == {f"{picture.name}.pdf" for picture in PICTURES[:2]}
    assert {path.stem for path in tmp_path.glob("*.svg")} == {picture.name for picture in PICTURES[:2]}
    assert not [*tmp_path.glob("*.png")]
    assert all(path.read_bytes().startswith(b"%PDF") for path in tmp_path.glob("*.pdf"))
    assert publish.check(tmp_path, ["pdf"]) == []


def test_written_tables_say_the_same_in_each_form():
    table = pandas.DataFrame({"name": ["a_b", "c%"], "GiB": ["1.50", "2.00"]})
    assert publish.written(table, "csv") == "name,GiB\na_b,1.50\nc%,2.00\n"
    assert "| a_b | 1.50 |" in publish.written(table, "md")
    assert r"a\_b & 1.50" in publish.written(table, "tex")
