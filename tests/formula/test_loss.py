"""Losses: what head and cross entropy were measured to keep, and to need at their peak."""

import pytest

from measured import rows
from memcalc import catalogue
from memcalc.formula.choices import Losses
from memcalc.formula.loss import Loss, kept_by
from memcalc.formula.saved_tensors import CodePath, saved_tensors
from memcalc.formula.symbols import symbol

KEPT, PEAK = rows("losses", "head_loss_kept"), rows("losses", "head_loss_peak")


def case(row):
    numbers = {symbol("context"): row.inputs["tokens"], symbol("batch"): 1}
    numbers |= {symbol(name): row.inputs[name] for name in ("hidden", "vocabulary")}
    width = 4 if row.inputs["recipe"] == "fp32" else 2
    tensors = [one for one in saved_tensors(CodePath("llama", recipe=row.inputs["recipe"])) if one.place == "loss"]
    head = [one for one in saved_tensors(CodePath("llama", recipe=row.inputs["recipe"])) if one.place == "head"]
    labels = ("shifted_labels", "padding_label", "label_count")
    kept = [one for one in kept_by(row.inputs["loss"], width, head + tensors) if one.key not in labels]
    if row.inputs["loss"] == "plain":  # whose input is not the loss's own
        kept = [one for one in kept if one.place == "loss"]
    return numbers, width, sum(one.bytes(numbers) for one in kept)


@pytest.mark.parametrize("row", KEPT, ids=[row.id for row in KEPT])
def test_what_head_and_loss_keep(row):
    count = 4 if row.inputs["loss"] == "plain" else 0  # of the labels
    assert case(row)[2] + count == row.measured


@pytest.mark.parametrize("row", PEAK, ids=[row.id for row in PEAK])
def test_what_head_and_loss_need_at_their_peak(row):
    """At the start of the way back, or where the head has its gradient; with the loss and its gradient."""
    numbers, width, kept = case(row)
    tokens, hidden, vocabulary = (row.inputs[name] for name in ("tokens", "hidden", "vocabulary"))
    loss = Loss.of(row.inputs["loss"])
    start = kept + loss.backward(width).xreplace(numbers)
    head = 0 if loss.chunked else width * (tokens * vocabulary + (tokens + vocabulary) * hidden)
    scalars = 2 * width if loss.chunked else 8
    assert max(start, head) + scalars == row.measured


def test_every_word_has_a_row_and_a_source():
    table = catalogue.rows("losses")
    assert [row["name"] for row in table] == list(Losses)
    for row in table:
        for source in row["source"].split("; "):
            assert f"{{{source.partition(', ')[0]}," in catalogue.bibliography()
