"""The explorer of the audit: cells as published, recounts to scale, and nothing of what an exercise asks."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memcalc.article.claims
import memcalc.article.table1
import memcalc.article.table2
import memcalc.article.table3
from memcalc import Gpu, Inference, InputError, Model, breakdown, catalogue
from memcalc.article.claims import VERDICTS, claims
from memcalc.explorers.article import ALL, CELLS, CLAIMS, COLUMNS, EACH, KINDS, OWN, ROWS, audit
from memcalc.explorers.article.recount import ARCHITECTURE, is_bytes
from memcalc.explorers.article.tiles import SEALED
from memcalc.explorers.controls import Menu
from memcalc.explorers.frame import LAYOUTS
from memcalc.lessons import EXERCISES

GIB, GB = 2**30, 10**9
OPEN = [name for name, cell in CELLS.items() if cell["claim"] not in SEALED]
CLOSED = [name for name in CELLS if name not in OPEN]
BYTES = [name for name in CELLS if is_bytes(CELLS[name]["quantity"])]
LAID = pytest.mark.parametrize("width", LAYOUTS)
LESSON = json.loads((Path(__file__).parents[2] / "notebooks" / "06_the_article.ipynb").read_text("utf-8"))

MENUS = {name: st.sampled_from(one.options) for name, one in audit.controls.items() if isinstance(one, Menu)}
SETTINGS = st.fixed_dictionaries({**MENUS, "claim": st.integers(1, 123), "width": st.sampled_from(LAYOUTS)})


def at(name, **setting):
    return audit.frame(table=f"Table {CELLS[name]['table']}", cell=name, **setting)


def judged(name):
    cell = CELLS[name]
    return ROWS[f"Table {cell['table']}"][int(cell["row"]) - 1].verdict(cell["quantity"])[0]


def area(frame):
    """What is drawn of bytes, in squares of the picture."""
    shapes = frame.shapes
    side = next(shape["width"] for name, shape in shapes.items() if name.endswith("_grid"))
    each = int(re.search(r"([\d,]+) GiB", shapes["scale"]["text"])[1].replace(",", ""))
    drawn = [shapes[f"count_{term}"] for term in ("weights", "kv_cache") if f"count_{term}" in shapes]
    return sum(one["width"] * one["height"] for one in drawn) * each / side**2


def height(frame, line):
    return float(re.search(r"L\S+ (\S+)", frame.shapes[line]["d"])[1])


@given(SETTINGS)
def test_every_setting_has_a_frame_that_stays_inside(setting):
    frame = audit.frame(**setting)
    assert frame.sentence_said.endswith((".", "”"))
    for name, shape in frame.shapes.items():
        if shape["tag"] == "rect" and "inside" not in shape:
            assert -3 <= shape["x"] <= shape["x"] + shape["width"] <= setting["width"] + 3, name
            assert shape["y"] + shape["height"] <= frame.height + 3, name


@LAID
@pytest.mark.parametrize("table", ROWS)
def test_every_cell_is_printed_as_published_and_can_be_clicked(table, width):
    shapes = audit.frame(width=width, table=table).shapes
    for name, cell in CELLS.items():
        if f"Table {cell['table']}" == table:
            price = f"{int(cell['published']):,}" if cell["unit"] == "$" and cell["table"] == "2" else cell["published"]
            assert ("needs A100 80 GB" if name.endswith("A100 80 GB") else price) in shapes[name]["text"]
            assert shapes[f"{name}_reach"]["press"]["cell"] == name
            assert "chosen" in at(name, width=width).shapes[f"{name}_reach"]["look"]


@LAID
@pytest.mark.parametrize("table", ROWS)
def test_a_table_is_as_wide_as_the_page(table, width):
    wide = sum(column.wide[width] for column in COLUMNS[table].values())
    assert width - 25 <= wide <= width


@pytest.mark.parametrize("name", OPEN)
def test_the_verdict_is_that_of_the_audit(name):
    frame, mark = at(name), audit.frame(table=f"Table {name[0]}", marked=EACH).shapes[f"{name}_mark"]
    assert frame.sentence_said.lower().startswith(f"{judged(name).lower()}:")
    signs = {row["name"]: row["sign"] for row in catalogue.rows("verdicts")}
    assert mark["text"] == frame.shapes[f"{name}_mark"]["text"] == signs[judged(name)]
    assert (f"{name}_struck" in frame.shapes) == (judged(name) == "wrong")


@LAID
@pytest.mark.parametrize("name", [name for name in BYTES if name in OPEN])
def test_the_area_is_the_count_and_the_level_that_touches_it_is_the_unit(name, width):
    cell, frame = CELLS[name], at(name, width=width)
    row = ROWS["Table 1"][int(cell["row"]) - 1]
    assert area(frame) == pytest.approx(row.own[cell["quantity"]] / GIB, rel=0.03)
    top = min(shape["y"] for key, shape in frame.shapes.items() if re.fullmatch(r"count_(weights|kv_cache)", key))
    off = {unit: abs(height(frame, f"level_{unit}") - top) for unit in ("gib", "gb")}
    if cell["quantity"] != "total" and judged(name) != "wrong":
        unit, other = ("gib", "gb") if judged(name).endswith("GiB") else ("gb", "gib")
        assert off[unit] <= 0.2 < 2 < off[other]


def test_known_sizes_are_said_and_drawn():
    cache = at("1.1.kv_cache")
    assert 2 * 32 * 4096 * 32_768 * 2 == 2**34
    assert "16.00 GiB = 17.18 GB" in cache.sentence_said
    assert area(cache) == pytest.approx(16, rel=0.01)
    weights = at("1.1.weights")
    assert "13.04 GiB = 14.00 GB" in weights.sentence_said
    assert "12.55 GiB = 13.48 GB" in at("1.1.weights", way=ARCHITECTURE).sentence_said


@given(st.sampled_from(BYTES), st.sampled_from(["FP16", "INT8", "INT4"]), st.sampled_from(LAYOUTS))
def test_another_format_and_the_architecture_give_what_the_formula_gives(name, tried, width):
    cell = CELLS[name]
    model = Model.named({"LLaMA 70B": "Llama-2-70B"}.get(cell["subject"], cell["subject"].replace(" ", "-")))
    frame = at(name, way=ARCHITECTURE, tried=tried, width=width, mine="wrong")
    memory = breakdown(model, Inference(32_768, weights=tried, kv_cache=tried))
    size = sum(memory.values()) if cell["quantity"] == "total" else memory[cell["quantity"]]
    assert f"{size / GIB:,.2f} GiB = {size / GB:,.2f} GB" in frame.sentence_said
    assert area(frame) == pytest.approx(size / GIB, rel=0.03)


@pytest.mark.parametrize("name", OPEN)
def test_the_line_of_python_gives_the_verdict_or_the_bytes(name):
    known = {module.__name__.split(".")[-1]: module for module in (memcalc.article.claims, memcalc.article.table1)}
    known |= {"table2": memcalc.article.table2, "table3": memcalc.article.table3}
    frame = at(name)
    found = eval(frame.code, known)
    if name in BYTES:
        assert f"{found.value / GIB:,.2f} GiB" in frame.sentence_said
    else:
        assert frame.sentence_said.lower().startswith(found[1].lower())


def test_a_card_that_is_too_small_runs_over():
    frame = at("1.3.fits RTX 4090")
    memory = breakdown(Model.named("LLaMA-13B"), Inference(32_768, weights="INT8", kv_cache="INT8"))
    over = sum(memory.values()) - Gpu.named("RTX 4090").capacity
    assert frame.shapes["rest_words"]["text"] == f"{over / GIB:.2f} GiB over"
    assert "card_kv_cache_over" in frame.shapes
    assert not any(name.endswith("_over") for name in at("1.2.fits RTX 4090").shapes)


def test_only_controls_that_act_are_asked_for():
    assert "{way}" in at("1.1.total").sentence
    assert not any("{way}" in at(name).sentence for name in CELLS if name not in BYTES)
    assert not any("{way}" in at(name).sentence for name in CLOSED)
    assert "{kind}" in audit.frame(table=CLAIMS).sentence


def test_the_claims_of_the_exercises_are_those_that_the_lesson_asks_about():
    asked = dict(re.findall(r"Exercise (6\.\d): Claim (C\d{3})", json.dumps(LESSON["cells"])))
    data = {row["exercise"]: row["id"] for row in catalogue.rows("claims") if row["exercise"]}
    assert data == asked
    assert data.keys() == {number for number in EXERCISES if number.startswith("6.")}


@given(st.sampled_from(CLOSED), SETTINGS)
def test_a_cell_of_an_exercise_is_closed_until_the_reader_has_a_verdict(name, setting):
    setting |= {"table": "Table 1", "cell": name, "mine": ""}
    frame = audit.frame(**setting)
    assert not frame.formula
    assert not frame.shapes.keys() & {f"{closed}_mark" for closed in CLOSED}
    assert not any(one.startswith(("count", "card", "level")) for one in frame.shapes)
    assert "GiB" not in frame.sentence_said + frame.alt + frame.code
    opened = audit.frame(**setting | frame.shapes["key_wrong_reach"]["press"])
    assert opened.sentence_said.startswith("You say of claim C030: wrong; the audit says: wrong.")
    for cell in CELLS:
        if cell[0] == "1":
            press = opened.shapes[f"{cell}_reach"]["press"]
            assert press["mine"] == ("wrong" if cell in CLOSED else "")
            assert (press["way"], press["tried"]) == (audit.start["way"], OWN)


@LAID
@pytest.mark.parametrize("name", CELLS)
def test_bytes_can_be_guessed_where_no_exercise_asks_for_them(name, width):
    frame = at(name, width=width, mine="wrong")
    guess = frame.guess
    assert (guess is not None) == (name in BYTES and name in OPEN)
    if guess:
        assert f"{guess.truth:.2f} GiB" in frame.sentence_said
        assert guess.low <= guess.truth <= guess.high
        assert CELLS[name]["published"] in guess.asks
        top = min(shape["y"] for key, shape in frame.shapes.items() if re.fullmatch(r"count_(weights|kv_cache)", key))
        assert guess.handle["origin"] + guess.handle["size"] * guess.truth == pytest.approx(top, abs=0.2)


@pytest.mark.parametrize("name", [name for name in BYTES if name in OPEN])
def test_nothing_of_the_count_or_its_verdict_is_seen_before_a_guess(name):
    told = at(name, marked=EACH).shapes
    seen = {key: shape for key, shape in told.items() if not shape.get("answer")}
    assert not any(
        key.endswith(("_mark", "_struck")) or key.startswith(("count", "column")) for key in seen if "grid" not in key
    )
    assert {"level_gib", "level_gb", "guess", name} <= seen.keys()


def test_a_cell_and_its_claim_lead_to_each_other():
    for name in OPEN:
        there = audit.frame(**at(name).shapes["claim"]["press"])
        assert CELLS[name]["claim"] in there.sentence_said
        back = audit.frame(**{"cell": name} | there.shapes["place"]["press"])
        assert CELLS[name]["claim"] == CELLS[there.shapes["place"]["press"]["cell"]]["claim"]
        assert "chosen" in back.shapes[f"{there.shapes['place']['press']['cell']}_reach"]["look"]


def test_a_cell_belongs_to_a_claim_of_its_table():
    known = {row["id"]: row["claim"] for row in catalogue.rows("claims")}
    for cell in CELLS.values():
        assert known[cell["claim"]].startswith(f"Table {cell['table']}:")


@pytest.mark.parametrize(
    ("name", "value"), [("kind", "rumour"), ("verdict", "true"), ("cell", "9.9.weights"), ("claim", 124)]
)
def test_what_no_control_has_is_refused_in_a_sentence(name, value):
    with pytest.raises(InputError, match=f"^{name} "):
        audit.data({name: value})


def test_what_notebook_6_says_of_the_audit():
    assert KINDS[0] == ALL
    formula = [one.verdict for one in claims() if one.row["kind"] == "formula"]
    between = sum(verdict not in ("holds", "wrong") for verdict in formula)
    assert 0.45 < between / len(formula) < 0.55, "about half"
    wrong = [one.row["claim"] for one in claims() if one.row["kind"] == "specification" and one.verdict == "wrong"]
    machines = ("MI300X", "M3 Ultra", "H100", "A100", "RTX 4090", "RTX 5090", "RTX 6000 Ada")
    assert [name for name in machines if sum(name in claim for claim in wrong) == 2] == ["MI300X", "M3 Ultra"]
    assert len(VERDICTS) == 6
