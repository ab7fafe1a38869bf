"""Every measured row within its bound, and rows of one's own."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import Inference, InputError, Training, catalogue, validation
from memcalc.estimate.ask import QUANTITIES

ROWS = validation.measurements()
GOOD = {
    "id": "mine",
    "quantity": "kv_cache",
    "model": "Llama-3-8B",
    "inputs": "context=8192; batch=2",
    "measured": "2147483648",
    "how": "by hand",
    "library": "none",
    "date": "2026-11-27",
}


PASS = "context=64; batch=1; recipe=bf16; attention=sdpa"


def line(**changes):
    return ",".join(f'"{cell}"' for cell in (GOOD | changes).values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_is_within_its_bound(row):
    assert row.within
    assert row.predicted == row.measured or row.row["bound"] != "0"


def test_what_can_be_counted_has_no_bound_but_zero():
    bounds = {row["name"]: row["bound"] for row in catalogue.rows("measured_quantities")}
    counted = ("weights", "gradients", "optimizer", "activations", "layer_activations", "head_activations")
    counted += ("kv_cache", "matrix", "blocks", "step_peak", "prefill")
    assert {bounds[name] for name in counted} == {"0"}


def test_a_bound_has_a_reason():
    for row in catalogue.rows("measured_quantities"):
        assert (row["bound"] != "0") == bool(row["cause"]), row["name"]
    assert catalogue.names("measured_quantities") == list(QUANTITIES)


def test_rows_are_many_and_have_ids_of_their_own():
    assert len(ROWS) >= 200
    assert len({row.id for row in ROWS}) == len(ROWS)
    assert len({(row.quantity, row.model, row.written) for row in ROWS}) == len(ROWS)


def test_a_line_is_read():
    row = validation.read(line())
    assert (row.predicted, row.measured, row.residual, row.cause) == (2**31, 2**31, 0, "")
    assert row.written == "context=8192; batch=2"
    assert validation.read(GOOD) == row
    assert validation.read(line(measured="2 GiB")).measured == 2**31


def test_a_row_that_is_off_needs_a_cause():
    assert validation.read(line(measured="2000000000")).cause == "not known yet: find out"
    run = {"model": "GPT-2", "inputs": "context=256; batch=4; recipe=fp32; attention=eager"}
    grown = validation.read(line(quantity="process_peak", measured="4000000000", **run))
    assert grown.cause.startswith("the allocator keeps freed blocks")
    assert (
        validation.read(line(quantity="process_peak", measured="9999999999", **run)).cause == "not known yet: find out"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": ""}, r"id must say something in a measured row, not ''\."),
        ({"quantity": "kv cash"}, "quantity 'kv cash' is not known; the nearest is kv_cache"),
        ({"model": "Lama-3-8B"}, "model 'Lama-3-8B' is not known; the nearest is Llama-3-8B"),
        ({"inputs": "context 8192"}, "inputs must be pairs such as context=8192; batch=2, not 'context 8192'"),
        ({"inputs": "contxt=8192"}, "input 'contxt' is not known; the nearest is context"),
        ({"inputs": "context=-1"}, "context must be a whole number from 1 to .*, not -1"),
        ({"inputs": "context=many"}, "context must be a whole number from 1 to .*, not 'many'"),
        ({"inputs": "context=64; zero=3"}, "quantity 'kv_cache' is no part of this run, which has weights"),
        ({"inputs": "batch=2"}, "inputs must say context=…, for nothing is guessed; they say batch"),
        ({"inputs": "context=1; context=2"}, "inputs must say each thing once, not context 2 times"),
        ({"quantity": "weights", "inputs": ""}, "inputs must say weights=… or recipe=…, .*; they say nothing"),
        ({"measured": "1.5 B"}, "measured must be whole bytes, not '1.5 B'"),
        ({"measured": "-5"}, "amount '-5' is not a number with a unit"),
        ({"measured": "1e9"}, "amount '1e9' is not a number with a unit"),
        ({"quantity": "layer_activations", "model": "Mamba-2.8B", "inputs": PASS}, "a model with attention alone"),
        ({"quantity": "context_size"}, "model and inputs must be left out of context_size"),
        ({"quantity": "matrix", "inputs": "format=NF4; rows=2; columns=2"}, "model must be left out of the row of one"),
        (
            {"quantity": "matrix", "model": "", "inputs": "format=NF4; rows=2; columns=2; group=4"},
            "input 'group' is not",
        ),
        ({"inputs": "context=64; gpu=banana"}, "gpu 'banana' is not known"),
        ({"date": "20261127"}, "date must be a day such as 2026-11-27, not '20261127'"),
        ({"date": "yesterday"}, "date must be a day such as 2026-11-27, not 'yesterday'"),
        (
            {"quantity": "matrix", "inputs": "format=NF4; rows=64"},
            "inputs must say columns=…, .* say format, rows",
        ),
        (
            {"quantity": "blocks", "model": "", "inputs": "format=Q4_K; rows=4; columns=100"},
            "columns must be a multiple of 256",
        ),
        (
            {"quantity": "decode_speed", "inputs": "context=64; weights=FP16", "measured": "50.5"},
            "inputs must say gpu=…",
        ),
    ],
)
def test_a_wrong_row_is_answered_in_one_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        validation.read(line(**changes))


@pytest.mark.parametrize("changes", [{"extra": "1"}, {"date": None}, {"measured": 5}])
def test_a_row_of_another_shape_is_refused(changes):
    with pytest.raises(InputError, match="a measured row must have a text in each of the columns"):
        validation.read(GOOD | changes)


def test_names_of_inputs_may_be_spelt_otherwise():
    assert validation.read(line(inputs="Context=8192; Batch=2")).residual == 0


def test_nothing_is_no_table():
    for asked in (validation.against, lambda: validation.residuals([])):
        with pytest.raises(InputError, match="at least one measurement"):
            asked()


@pytest.mark.parametrize("text", ["", "a,b,c", "kv_cache,Llama-3-8B,,,,,,,,,", None, 7])
def test_a_line_of_another_shape_is_refused(text):
    with pytest.raises(InputError, match="a measured row must have the 8 columns id, quantity, model"):
        validation.read(text)


NAMES = [*vars(Inference()), *vars(Training()), "kv_heads", "full_layers", "hidden", "rows", "columns", "format", "gpu"]
VALUES = ["0", "1", "7", "4096", "-3", "0.5", "nan", "none", "full", "FP16", "Q4_K", "NF4", "RTX 4090", "True", "", "é"]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(list(QUANTITIES)),
    st.sampled_from(["Llama-3-8B", "GPT-2", "Mamba-2.8B", "DeepSeek-V2-Lite", ""]),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4),
)
def test_any_inputs_give_a_prediction_or_a_sentence(quantity, model, inputs):
    pairs = "; ".join(f"{name}={value}" for name, value in inputs.items())
    with suppress(InputError):
        row = validation.read(GOOD | {"quantity": quantity, "model": model, "inputs": pairs, "measured": "5"})
        assert row.predicted >= 0


@given(st.text())
def test_no_text_is_evaluated_or_ends_in_a_traceback(text):
    with pytest.raises(InputError):
        validation.read(text)
    with pytest.raises(InputError):
        validation.read(GOOD | {"inputs": f"context={text}x"})


def test_against_keeps_the_order_asked_for():
    asked = (ROWS[5], ROWS[2])
    for lines in (validation.against(*(row.id for row in asked)), validation.against(*asked)):
        said = str(lines).splitlines()
        assert len(said) == 2
        for line, row in zip(said, asked, strict=True):
            assert line.startswith(row.model)
            assert f" {int(row.measured):,} bytes, as the formula says ✓" in line
    with pytest.raises(InputError, match="measured row 'X1' is not known"):
        validation.against("X1")


def test_a_line_unfolds_to_how_it_was_measured():
    shown = validation.against("L002")._repr_html_()
    summary, _, details = shown.partition("</summary>")
    row = validation.row("L002")
    assert summary == f"<details><summary>{validation.against('L002')}"
    for word in (row.how, row.library, row.date, row.written, row.id):
        assert word in details
        assert word not in summary


def test_a_line_says_by_how_much_the_formula_is_off():
    (off,) = str(validation.against(validation.read(line(measured="1610612736")))).splitlines()
    assert off.endswith("1,610,612,736 bytes, 33.3 % less than the 2,147,483,648 of the formula: unfold to read why")
    speed = {"quantity": "decode_speed", "inputs": "context=64; weights=FP16; gpu=RTX 4090", "measured": "50.5"}
    assert str(validation.against(validation.read(line(**speed)))).endswith("the formula says at most 67 ✓")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_is_one_line(row):
    said = str(validation.against(row))
    assert "\n" not in said
    assert f"{float(row.measured):,.0f} {row.row['unit']}" in said
    assert said.endswith("✓") == (row.residual == 0 or row.row["bound"] == "below")


def test_residuals_count_every_row_once():
    table = validation.residuals()
    assert table["rows"].sum() == len(ROWS)
    assert (table["exact"] <= table["rows"]).all()
    assert set(table[table["worst residual"] == "none"]["cause"]) == {""}
    own = validation.residuals([validation.read(line(measured="4294967296"))])
    assert list(own["worst residual"]) == ["50 %"]
