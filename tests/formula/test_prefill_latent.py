"""The peak of a prefill where attention is latent; measured rows stand with those of other code, in test_prefill."""

import pytest

from memcalc.formula.prefill_latent import LatentPrefill
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import symbol

V3 = {
    "hidden": 7168, "intermediate": 18_432, "heads": 128, "kv_heads": 0, "head_dim": 192, "value_dim": 128,
    "rope_dim": 64, "rotary": 64, "kv_rank": 512, "vocabulary": 129_280, "experts": 256, "active_experts": 8,
    "expert_intermediate": 2048, "shared_intermediate": 2048, "dense_layers": 3, "moe_layers": 58, "batch": 1,
    "chunk": 512,
}  # fmt: skip


def held(chunked=False, attention="sdpa", **changes):
    case = CodePath("deepseek_v3", attention, details=frozenset(["uneven_heads"]))
    values = {symbol(name): value for name, value in (V3 | changes).items()}
    return LatentPrefill(case, chunked=chunked, weighs=4).prefill.exact(values)


def test_keys_and_values_of_all_tokens_are_made_anew_for_every_chunk():
    """For each token before it, a chunk has keys and values of all heads as they are made, and the keys joined."""
    grown = held(True, context=131_072) - held(True, context=65_536)
    of_a_token = 2 * 128 * (128 + 128) + 2 * 128 * 192
    masks = 512 * (2 + 1 + 1)  # numbers to add, what is seen, and what is not
    assert grown == 65_536 * (of_a_token + masks)


def test_in_one_go_the_experts_take_the_most():
    """Copies of each token for eight experts: as chosen, as they come out, weighted in FP32, and in their order."""
    copies = 8192 * 8 * 7168 * (2 + 2 + 4 + 4)
    assert copies < held(context=8192) < 1.2 * copies


@pytest.mark.parametrize(("dense_layers", "inputs"), [(1, 0), (3, 1)])
def test_a_wide_mlp_of_the_first_layers_may_take_more(dense_layers, inputs):
    """Layers with experts have not cached anything then; the input of the first layer is the embeddings themselves."""
    wide = {"intermediate": 10**6, "context": 8192, "dense_layers": dense_layers}
    widths = 7168 * (3 + inputs) + 3 * 10**6  # embeddings, inputs, the sum, the normalised; gate, up and product
    tables, not_yet_cached = 2 * 2 * 64 + 8 + 8, 58 * 2 * (512 + 64)
    assert held(**wide) == 8192 * (2 * widths + tables - not_yet_cached)
