"""Experts behind dense layers, in every n-th layer, and beside an MLP that all tokens pass."""

from hypothesis import given
from hypothesis import strategies as st

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
