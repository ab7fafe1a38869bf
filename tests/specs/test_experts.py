"""Experts behind dense layers, in every n-th layer, and beside an MLP that all tokens pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import changed
from memcalc import InputError, Model
from memcalc.specs import experts
from memcalc.specs.config import Config

COUNTS = st.integers(1, 40)


@given(layers=COUNTS, first=st.integers(0, 40), period=COUNTS)
def test_experts_behind_dense_layers_as_the_loop_over_layers_counts_them(layers, first, period):
    routed = {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "n_shared_experts": 3}
    keys = {"first_k_dense_replace": min(first, layers), "moe_layer_freq": period}
    config, counts = Config(routed | keys, "deepseek_v3", {"moe_layer_freq": 1}), {"layers": layers}
    found = experts.routed(config, counts, "after")
    found |= experts.shared(config, found, "")
    moe = sum(layer >= first and layer % period == 0 for layer in range(layers))
    assert (found["moe_layers"], found["dense_layers"]) == (moe, layers - moe)
    assert found["shared_intermediate"] == (24 if moe else 0)


@given(layers=COUNTS, step=COUNTS, data=st.data())
def test_every_nth_layer_has_experts_unless_exempt(layers, step, data):
    dense = data.draw(st.lists(st.integers(0, layers - 1)))
    sizes = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
    config = Config(sizes | {"decoder_sparse_step": step, "mlp_only_layers": dense}, "qwen3_moe")
    moe = sum(layer not in dense and (layer + 1) % step == 0 for layer in range(layers))
    assert experts.sparse(config, {"layers": layers}, "")["moe_layers"] == moe


@pytest.mark.parametrize(("listed", "moe"), [([0, 1, 0, 1, 1, 0], 3), ([0] * 6, 0)])
def test_a_list_says_which_layers_have_experts(listed, moe):
    assert Model.from_config(changed("deepseek_v3", {"moe_layer_freq": listed})).moe_layers == moe


@pytest.mark.parametrize("listed", [[1] * 5, [1] * 7, [2] * 6, ["1"] * 6, [True] * 6, []])
def test_a_list_that_does_not_fit_is_no_rule(listed):
    with pytest.raises(InputError, match=r"^moe_layer_freq in config\.json must be a "):
        Model.from_config(changed("deepseek_v3", {"moe_layer_freq": listed}))


@pytest.mark.parametrize(("listed", "moe"), [([], 0), ([1, 2], 2), (None, 4)])
def test_a_list_of_layers_with_experts_may_be_empty(listed, moe):
    """moe_layers of Llama 4: null for every n-th layer, none for no layer."""
    config = {"moe_layers": listed, "interleave_moe_layer_step": 3, "n_routed_experts": 4}
    config |= {"num_local_experts": 4, "num_experts_per_tok": 1, "moe_intermediate_size": 8}
    assert experts.routed(Config(config, "llama4_text"), {"layers": 12}, "every")["moe_layers"] == moe


def test_layers_with_experts_run_to_the_last():
    for end in (-1, 5, 9):
        assert experts.until(Config({"end": end}, "ernie4_5_moe"), {"layers": 6}, "end") == {}
    with pytest.raises(InputError, match=r"^end in config\.json must be -1 or at least that of the last layer, 5, not"):
        experts.until(Config({"end": 4}, "ernie4_5_moe"), {"layers": 6}, "end")
