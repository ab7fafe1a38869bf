"""What families share: equal heads, and windows."""

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
