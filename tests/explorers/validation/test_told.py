"""The story of a row: its words are those of the data, its columns as large as its bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import InputError, Training, breakdown, catalogue, units
from memcalc.estimate.measured import measurements
from memcalc.estimate.peak import step_peak
from memcalc.explorers.validation.told import COLUMNS, ROWS, Columns, code, lines, notes, own, told, verdict
from memcalc.specs.model import Model

MINE = "mine,kv_cache,Llama-3-8B,context=8192; batch=2,2.2 GB,read off a [monitor],my engine 1.0,2026-11-27"
LINES = {line["id"]: line for line in catalogue.rows("measured")}


def test_a_process_is_told_of_with_both_numbers():
    model, run = Model.named("GPT-2"), Training(context=1024, batch=2, recipe="fp32", attention="eager")
    memory = breakdown(model, run)
    tensors = memory["weights"] + memory["optimizer"] + step_peak(model, run)
    grown = int(LINES["R003"]["measured"])
    said = verdict(told("R003"))
    assert said.startswith(f"*{100 * (grown - tensors) / grown:.1f} % is not in the formula:*")
    assert f"{grown / 2**30:.2f} GiB was measured" in said
    assert f"{tensors / 2**30:.2f} GiB" in said


@pytest.mark.parametrize("name", ["A001", "C021", "W068", "O003", "P022", "Q001", "L061"])
def test_an_exact_row_says_so(name):
    row = told(name)
    assert verdict(row).startswith("*Not a byte is left over:*")
    assert units.show(int(LINES[name]["measured"])) in verdict(row)


@given(st.sampled_from(measurements()))
def test_notes_have_what_the_data_say(row):
    said = " ".join(notes(row))
    for column in ("how", "library", "date"):
        assert LINES[row.id][column].translate(str.maketrans("[]{}*", "()()·")) in said
    assert ("Why they differ" in said) == (row.measured != row.predicted)
    assert code(row) == f"validation.against({row.id!r})"
    assert not own(row)


@given(st.sampled_from(measurements()), st.sampled_from(sorted(COLUMNS)))
def test_columns_are_as_large_as_their_bytes(row, width):
    left, floor, wide, room = COLUMNS[width]
    columns = Columns(row, left, floor, wide, room)
    side, size = columns.square
    for amount in (row.predicted, row.measured):
        assert columns.high(amount) * wide / side**2 * size == pytest.approx(float(amount))
        assert columns.high(amount) <= room + 1e-6
    assert wide / side == pytest.approx(round(wide / side))
    assert columns.high(max(row.predicted, row.measured)) >= room / 4 or not row.measured


def test_a_row_with_one_term_shows_it_with_its_value():
    (line,) = lines(told("W001"))
    assert line["letter"] == "M_w"
    assert line["numbers"]["P"] == f"{Model.named('LLaMA-7B').parameters:,}"
    assert not lines(told("R003"))
    assert not lines(told("A001"))  # a layer alone is no term of a run


def test_a_row_of_ones_own_is_read_and_cannot_break_the_words():
    row = told(MINE)
    assert own(row)
    assert verdict(row).startswith("*2.39 % is not in the formula:*")
    assert "(monitor)" in " ".join(notes(row))
    assert "validation.read(" in code(row)


@pytest.mark.parametrize(
    "wrong", ["X999", "", "a,b", MINE.replace("2026-11-27", "soon"), MINE.replace("kv_cache", "taste"), 3]
)
def test_what_is_no_row_is_refused(wrong):
    with pytest.raises(InputError):
        ROWS.allowed("row", wrong)


def test_ids_are_found_by_quantity_and_model():
    groups = ROWS.data("row")["groups"]
    assert "A001" in groups["layer activations, Llama-2-7B"]
    assert sum(map(len, groups.values())) == len(LINES)
    assert ROWS.allowed("row", " r003 ") == "R003"


def test_a_speed_of_ones_own_is_told_of_in_its_unit():
    row = told("mine,decode_speed,Llama-3-8B,context=8192; weights=FP16; gpu=RTX 4090,40,by hand,none,2026-11-27")
    assert "40 tokens/s was measured" in verdict(row)
    assert "too much is in the formula" in verdict(row)
    assert not lines(row)
