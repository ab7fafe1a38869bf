"""What families share: equal heads, windows, experts behind dense layers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcalc import InputError
from memcalc.specs import layers as blocks
from memcalc.specs.config import Config

COUNTS = st.integers(1, 40)


@given(COUNTS, COUNTS)
def test_equal_heads_fill_the_hidden_size(heads, size):
    config = Config({"hidden_size": heads * size, "num_attention_heads": heads}, "opt")
    found = blocks.equal_heads(config, heads * size)
    assert found == {"heads": heads, "kv_heads": heads, "head_dim": size}


@pytest.mark.parametrize(("hidden", "heads"), [(64, 5), (64, 128), (10**7, 1)])
def test_unequal_heads_are_refused(hidden, heads):
    with pytest.raises(InputError, match=f"must divide hidden_size = {hidden:,} into equal heads of at most 100,000"):
        blocks.share(hidden, heads)


@given(st.lists(st.sampled_from(["full_attention", "sliding_attention"]), min_size=1, max_size=40))
def test_windows_are_where_the_file_lists_them(kinds):
    found = blocks.windows(Config({"layer_types": kinds}, "gemma2"), len(kinds), 32, 0)
    assert found["window_layers"] == kinds.count("sliding_attention")
    assert found["full_layers"] + found["window_layers"] == len(kinds)


@given(layers=COUNTS, first=st.integers(0, 40), period=COUNTS)
def test_experts_behind_dense_layers_as_the_loop_over_layers_counts_them(layers, first, period):
    routed = {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "n_shared_experts": 3}
    keys = {"first_k_dense_replace": min(first, layers), "moe_layer_freq": period}
    config, counts = Config(routed | keys, "deepseek_v3", {"moe_layer_freq": 1}), {"layers": layers}
    found = blocks.routed(config, counts, "after")
    found |= blocks.shared(config, found, "")
    moe = sum(layer >= first and layer % period == 0 for layer in range(layers))
    assert (found["moe_layers"], found["dense_layers"]) == (moe, layers - moe)
    assert found["shared_intermediate"] == (24 if moe else 0)


@given(layers=COUNTS, step=COUNTS, data=st.data())
def test_every_nth_layer_has_experts_unless_exempt(layers, step, data):
    dense = data.draw(st.lists(st.integers(0, layers - 1)))
    sizes = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
    config = Config(sizes | {"decoder_sparse_step": step, "mlp_only_layers": dense}, "qwen3_moe")
    moe = sum(layer not in dense and (layer + 1) % step == 0 for layer in range(layers))
    assert blocks.sparse(config, {"layers": layers}, "")["moe_layers"] == moe
