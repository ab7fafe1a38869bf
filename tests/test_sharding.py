"""Sharding: nothing is lost, nothing changes with one card, and the paper's and DeepSpeed's numbers come out."""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import SMALL, small

from memcalc import catalogue
from memcalc.formula.sharding import (
    N_d,
    bucket_memory,
    flat_share,
    one_piece,
    pieces,
    row_share,
    rows_of,
    share,
    tensor_share,
    total,
)
from memcalc.formula.weights import parameters
from memcalc.model import Model
from memcalc.symbols import symbol

WHOLE = {
    "flat": flat_share(parameters),
    "tensor": tensor_share(pieces(""), parameters),
    "row": row_share(pieces(""), parameters),
}
CARDS = st.integers(1, 5000)


@pytest.mark.parametrize("model", [*catalogue.names("models")])
@pytest.mark.parametrize("divided", [False, True])
def test_the_tensors_hold_all_parameters(model, divided):
    model = Model.named(model)
    one_card = dict.fromkeys([symbol(f"{kind}_parallel") for kind in ("tensor", "pipeline", "expert")], 1)
    counted = total(pieces(model.packing, divided)).xreplace(model.values | one_card)
    assert counted == model.parameters


@pytest.mark.parametrize("share_of", WHOLE.values(), ids=WHOLE)
def test_one_card_keeps_everything(share_of):
    difference = sympy.expand(share_of.expr.subs(N_d, 1) - parameters.symbol)
    assert sympy.expand(difference.subs(parameters.symbol, total(pieces("")))) == 0


@settings(max_examples=60, deadline=None)
@given(model=SMALL, cards=CARDS, kind=st.sampled_from(sorted(WHOLE)))
def test_the_shares_hold_every_parameter_and_little_more(model, cards, kind):
    known = model.values | {N_d: cards}
    held = cards * WHOLE[kind].exact(known)
    padding = {"flat": 2, "tensor": 100, "row": 100 * max(model.intermediate, model.hidden)}[kind]
    assert model.parameters <= held < model.parameters + cards * padding


@settings(max_examples=40, deadline=None)
@given(model=SMALL, cards=CARDS, kind=st.sampled_from(sorted(WHOLE)))
def test_more_cards_never_keep_more_each(model, cards, kind):
    known = model.values
    assert WHOLE[kind].exact(known | {N_d: cards + 1}) <= WHOLE[kind].exact(known | {N_d: cards}) + 1


def test_deepspeed_fills_up_to_pairs_and_each_tensor_in_stage_3():
    known = small("llama-small-A").values | {N_d: 3}
    assert share.exact(known) == 5_633_712 // 4  # Cd00818 and its neighbours: a third of the master weights
    assert WHOLE["tensor"].exact(known) == 5_633_776 // 4


def test_the_first_rows_are_the_longer_part():
    first = rows_of(one_piece(symbol("parameters")))[0]
    assert first.shape[0].subs({symbol("parameters"): 10, N_d: 4}) == 3


def test_the_bucket_of_deepspeeds_default_takes_a_gigabyte_in_16_bit():
    assert bucket_memory.exact({symbol("bytes_per_gradient"): 2, symbol("bucket"): 500_000_000}) == 10**9
