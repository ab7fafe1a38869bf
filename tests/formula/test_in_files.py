"""What files say is added up as it stands; a cache that shapes tell is that of the architecture with these shapes."""

from memcalc import TERMS, Inference, Model, breakdown, symbol, values
from memcalc.formula.in_files import draft, file_weights, told_cache, towers


def test_parts_beside_the_model_add_up():
    known = {
        symbol(f"file_{part}"): size for part, size in (("vision", 5), ("audio", 3), ("speech", 2), ("projector", 1))
    }
    assert towers.value(known) == 11
    assert draft.value({symbol("file_draft"): 7}) == 7
    assert file_weights.value({symbol("file_weights"): 9}) == 9


def test_the_general_terms_keep_their_names():
    assert TERMS["weights"] is not file_weights
    assert TERMS["kv_cache"] is not told_cache
    assert TERMS["towers"] is towers


def test_a_told_cache_is_that_of_the_architecture():
    """Llama-3.1-8B: 32 layers of 8 heads of 128 numbers, as its config.json says."""
    run = Inference(context=1000, batch=3, engine="llama.cpp")
    model = Model.named("Llama-3.1-8B")
    told = values(model, run) | {symbol("token_keys"): 32 * 8 * 128, symbol("token_values"): 32 * 8 * 128}
    assert told_cache.value(told | {symbol("conv_channels"): 0}) == breakdown(model, run)["kv_cache"]


def test_short_convolutions_keep_their_last_inputs():
    """LFM2 as measured in the census of transformers: channels × kernel × 2 bytes a layer and sequence."""
    model = Model.named("Llama-3.1-8B")
    sizes = {"token_keys": 0, "token_values": 0, "conv_channels": 10 * 2048, "conv": 3}
    known = values(model, Inference(batch=2)) | {symbol(name): size for name, size in sizes.items()}
    assert told_cache.value(known) == 2 * 10 * 2048 * 3 * 2
