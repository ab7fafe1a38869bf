"""Sharding: nothing is lost, nothing changes with one card, and the paper's and DeepSpeed's numbers come out."""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from memcalc import catalogue
from memcalc.formula.parallelism import on_one_card
from memcalc.formula.sharding import (
    N_d,
    bucket_memory,
    one_piece,
    pieces,
    row_share,
    rows_of,
    share,
    tensor_share,
    total,
)
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import Structure
from memcalc.formula.weights import parameters
from memcalc.specs.model import Model
from small_models import SMALL, small

WHOLE = {
    "flat": share,
    "tensor": tensor_share(pieces(Structure()), parameters),
    "row": row_share(pieces(Structure()), parameters),
}
CARDS = st.integers(1, 5000)


EXPERTS = Model(
    name="latent attention and experts",
    **dict.fromkeys(["embedding_tables", "norm_vectors", "shared_gate"], 1),
    **{
        "vocabulary": 3201,
        "hidden": 500,
        "latent_layers": 5,
        "heads": 8,
        "head_dim": 96,
        "value_dim": 64,
        "rope_dim": 32,
    },
    **{"kv_rank": 128, "dense_layers": 2, "intermediate": 1001, "moe_layers": 3, "experts": 6, "active_experts": 2},
    **{"expert_intermediate": 301, "shared_intermediate": 200},
)
HYBRID = Model(
    name="Mamba and attention",
    **dict.fromkeys(["norm_vectors", "state_norms", "conv_bias"], 1),
    **{
        "vocabulary": 3200,
        "hidden": 512,
        "embedding_tables": 2,
        "full_layers": 2,
        "mamba_layers": 6,
        "dense_layers": 8,
    },
    **{"intermediate": 1000, "heads": 8, "kv_heads": 2, "head_dim": 64, "inner": 1024, "state": 16, "conv": 4},
    **{"time_rank": 32},
)
PARALLEL = symbols("tensor_parallel pipeline_parallel expert_parallel")


@pytest.mark.parametrize(
    "model", [EXPERTS, HYBRID, *map(Model.named, catalogue.names("models"))], ids=lambda model: model.name
)
@pytest.mark.parametrize("degrees", [(1, 1, 1), (2, 3, 2), (1, 4, 1)])
def test_the_tensors_of_a_card_hold_its_parameters(model, degrees):
    known = model.values | dict(zip(PARALLEL, degrees, strict=True))
    assert total(pieces(model.structure, True)).xreplace(known) == on_one_card(
        in_structure(parameters, model.structure)
    ).exact(known)
    assert total(pieces(model.structure)).xreplace(known) == model.parameters


@pytest.mark.parametrize("share_of", WHOLE.values(), ids=WHOLE)
def test_one_card_keeps_everything(share_of):
    difference = sympy.expand(share_of.expr.subs(N_d, 1) - parameters.symbol)
    assert sympy.expand(difference.subs(parameters.symbol, total(pieces(Structure())))) == 0


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
    assert share.exact(known) == 5_633_712 // 4  # measured master weights of one of three cards
    assert WHOLE["tensor"].exact(known) == 5_633_776 // 4


def test_the_first_rows_are_the_longer_part():
    first = rows_of(one_piece(symbol("parameters")))[0]
    assert first.shape[0].subs({symbol("parameters"): 10, N_d: 4}) == 3


def test_the_bucket_of_deepspeeds_default_takes_a_gigabyte_in_16_bit():
    assert bucket_memory.exact({symbol("bytes_per_gradient"): 2, symbol("bucket"): 500_000_000}) == 10**9
