"""figures/ is up to date, the same each time, and never half-written; nobody else's file is harmed."""

import hashlib
import io
import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas
import pytest

from memcalc import Model, catalogue, publish
from memcalc.__main__ import main
from memcalc.article import claims
from memcalc.errors import InputError
from memcalc.formula import Term
from memcalc.formula.kv_cache import kv_cache
from memcalc.formula.roofline import decode_time
from memcalc.formula.weights import parameters, weights
from memcalc.plots import style
from memcalc.plots.article import PICTURES, claims_audit

FIGURES = Path(__file__).parent.parent / "figures"
REFUSED = "is not as memcalc wrote it; move or delete it, or name another folder with --out"


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
    return files


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def record(files):
    """What the record says of files, in the words of `sha256sum`."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return {publish.RECORD: "".join(lines).encode()}


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
    assert contents(tmp_path / "new") == made | record(made)


def test_the_committed_record_is_that_of_the_committed_files():
    files = contents(FIGURES)
    assert {publish.RECORD: files.pop(publish.RECORD)} == record(files)


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
        Term.as_python.cache_clear()
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


@pytest.mark.parametrize("name", ["claims.csv", "claims_audit.svg", "README.md"])
@pytest.mark.parametrize("index", ["", "# Figures and tables\n", "# Mine\n"])
def test_a_file_of_another_project_is_kept(name, index, at_once, tmp_path):
    if index:
        (tmp_path / "README.md").write_text(index, encoding="utf-8")
    (tmp_path / name).write_text("mine", encoding="utf-8")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=f"has a file {'README.md' if index else name} that {REFUSED}"):
        publish.write(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", [Path.mkdir, lambda path: path.symlink_to("elsewhere"), os.mkfifo])
def test_what_is_no_file_is_kept(kind, at_once, tmp_path):
    kind(tmp_path / "claims.csv")
    with pytest.raises(InputError, match=f"has a file claims.csv that {REFUSED}"):
        publish.write(tmp_path)
    assert os.listdir(tmp_path) == ["claims.csv"]


def test_a_figure_that_was_edited_is_kept_until_its_author_deletes_it(copy, at_once, made):
    with (copy / "claims.csv").open("a", encoding="utf-8") as file:
        file.write("my own row\n")
    before = contents(copy)
    with pytest.raises(InputError, match=f"has a file claims.csv that {REFUSED}"):
        publish.write(copy)
    assert contents(copy) == before
    (copy / "claims.csv").unlink()
    publish.write(copy)
    assert contents(copy) == made | record(made)


def test_a_changed_formula_replaces_what_the_last_run_wrote(copy, at_once, made):
    at_once["claims.csv"] = lambda: b"changed"
    publish.write(copy)
    assert contents(copy) == made | {"claims.csv": b"changed"} | record(made | {"claims.csv": b"changed"})


def test_a_folder_without_a_record_that_has_just_these_files_is_ours(copy, at_once, made):
    (copy / publish.RECORD).unlink()
    publish.write(copy)
    assert contents(copy) == made | record(made)


def test_both_sides_of_a_record_that_git_could_not_merge_are_ours(copy, at_once, made):
    theirs = record(made | {"claims.csv": b"theirs"})[publish.RECORD]
    (copy / publish.RECORD).write_bytes(
        b"<<<<<<< ours\n%b=======\n%b>>>>>>> theirs\n" % (*record(made).values(), theirs)
    )
    (copy / "claims.csv").write_bytes(b"theirs")
    publish.write(copy)
    assert contents(copy) == made | record(made)


def test_what_is_no_longer_made_is_removed_unless_it_was_edited(at_once, made, tmp_path):
    at_once |= {"older.csv": lambda: b"older", "kept.csv": lambda: b"kept"}
    publish.write(tmp_path)
    (tmp_path / "kept.csv").write_bytes(b"edited")
    del at_once["older.csv"], at_once["kept.csv"]
    for _ in range(2):
        publish.write(tmp_path)
        assert contents(tmp_path) == made | {"kept.csv": b"edited"} | record(made)


def test_what_was_written_in_another_format_stays_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "PICTURES", [])
    monkeypatch.setattr(publish, "TABLES", {"table": lambda: pandas.DataFrame({"GiB": ["1.50"]})})
    monkeypatch.setattr(publish, "_index", lambda pictures: b"")
    publish.write(tmp_path, ["tex"])
    publish.write(tmp_path)
    assert "1.50" in (tmp_path / "table.tex").read_text(encoding="utf-8")
    monkeypatch.setattr(publish, "TABLES", {"table": lambda: pandas.DataFrame({"GiB": ["2.50"]})})
    publish.write(tmp_path, ["tex"])
    assert "2.50" in (tmp_path / "table.tex").read_text(encoding="utf-8")


def test_a_record_reaches_no_file_elsewhere(at_once, tmp_path):
    (tmp_path / "mine.csv").write_bytes(b"mine")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / publish.RECORD).write_bytes(record({"../mine.csv": b"mine"})[publish.RECORD])
    publish.write(tmp_path / "figures")
    assert (tmp_path / "mine.csv").read_bytes() == b"mine"


def test_what_has_another_name_is_left_alone(at_once, made, tmp_path):
    others = {".x.part": b"mine", ".claims.csv.part": b"mine", "notes.txt": b"mine"}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    for _ in range(2):  # into a folder that is not the article's yet, and into one that is
        publish.write(tmp_path)
        assert contents(tmp_path) == made | record(made) | others


def test_modes_are_kept_and_new_files_follow_the_umask(copy, at_once):
    (copy / "claims.csv").chmod(0o600)
    (copy / "claims.md").unlink()
    before = os.umask(0o027)
    try:
        publish.write(copy)
    finally:
        os.umask(before)
    assert [(copy / name).stat().st_mode & 0o777 for name in ("claims.csv", "claims.md")] == [0o600, 0o640]


def test_runs_at_once_into_one_folder_all_succeed(at_once, made, tmp_path):
    at_once["older.csv"] = lambda: b"older"
    publish.write(tmp_path)
    del at_once["older.csv"]
    with ThreadPoolExecutor(4) as runs:
        assert len({str(said) for said in runs.map(publish.write, [tmp_path] * 12)}) == 1
    assert contents(tmp_path) == made | record(made)


def test_a_link_to_a_folder_is_a_folder(at_once, made, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    publish.write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "folder") == made | record(made)


@pytest.fixture
def forbidden():
    """A folder in which this process must not write, whoever runs it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # "nobody"
        yield folder
        os.seteuid(user)


def test_a_folder_without_the_right_to_write_is_one_sentence(at_once, forbidden, capsys):
    assert main(["article", "--out", forbidden]) == 2
    assert capsys.readouterr().err == f"memcalc: out {forbidden!r} cannot be used: Permission denied.\n"


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_is_no_folder(place, at_once, tmp_path, capsys):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert main(["article", "--out", str(tmp_path / place)]) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"memcalc: out '.*' cannot be used: (File exists|Not a directory)\.\n", said)
    assert contents(tmp_path) == {"file": b"mine"}


def test_what_is_written_beside_a_file_names_the_run_and_goes_on_any_error(at_once, tmp_path, monkeypatch):
    beside = []

    def fails(part, path):
        beside.append(Path(part).name)
        raise PermissionError

    monkeypatch.setattr(os, "replace", fails)
    for _ in range(2):
        with pytest.raises(PermissionError):
            publish.write(tmp_path)
    assert all(re.fullmatch(rf"\.{re.escape(publish.RECORD)}\.{os.getpid()}-\w+\.part", name) for name in beside)
    assert len(set(beside)) == 2
    assert contents(tmp_path) == {}


def test_an_interrupt_leaves_no_half_written_file_and_the_next_run_goes_on(at_once, made, tmp_path, monkeypatch):
    older = dict.fromkeys(made, b"older")
    for name, content in (older | record(older)).items():
        (tmp_path / name).write_bytes(content)
    whole = Path.write_bytes

    def interrupted(path, content):
        if "kv_cache" not in path.name:
            return whole(path, content)
        whole(path, content[: len(content) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            publish.write(tmp_path)
    left = contents(tmp_path)
    assert left.keys() == {*made, publish.RECORD}
    assert left["table1_verdicts.csv"] == made["table1_verdicts.csv"]
    assert left["kv_cache_context.csv"] == b"older"
    publish.write(tmp_path)
    assert contents(tmp_path) == made | record(made)


def test_every_picture_has_words_and_rows_beside_it():
    for picture in PICTURES:
        beside = (FIGURES / f"{picture.name}.md").read_text(encoding="utf-8")
        assert beside == f"![{picture.alt}]({picture.name}.svg)\n\n{picture.caption} [Rows]({picture.name}.csv).\n"
        assert (FIGURES / f"{picture.name}.csv").read_text(encoding="utf-8").count("\n") > 1


def test_nothing_else_is_written_unasked(made):
    assert {name.rpartition(".")[2] for name in made} == {"md", "csv", "svg"}
    assert {path.name for path in FIGURES.iterdir()} == {*made, publish.RECORD}


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
