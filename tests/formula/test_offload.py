"""What is on the card is the whole without what lies in CPU memory."""

from memcalc import TERMS, symbol
from memcalc.formula.offload import cache_of_layers, elsewhere, weights_in_cpu_memory, weights_on_card


def test_what_both_need_both_have():
    known = {symbol("parameters"): 100, symbol("bytes_per_weight"): 2, symbol("cpu_weights"): 60}
    known |= {symbol("copied_weights"): 10}
    assert weights_on_card(TERMS["weights"]).value(known) == 200 - 60 + 10
    assert weights_in_cpu_memory.value(known) == 60


def test_the_cache_of_some_layers_has_their_numbers_in_the_places_of_letters():
    term = cache_of_layers(TERMS["kv_cache"], {symbol("full_layers"): 3})
    assert symbol("full_layers") not in term.every_part.keys() | set(term.symbols)
    assert elsewhere(TERMS["kv_cache"]).value({}) == 0
