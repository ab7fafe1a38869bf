"""Sentences with marks, and formulas with the numbers under their letters."""

from xml.dom import minidom

import pytest

from memcalc import TERMS, Gpu, Inference, Model, breakdown
from memcalc.estimate.terms import terms
from memcalc.explorers.words import formula, meanings, plain, spelled, words
from memcalc.formula.symbols import BY_NAME
from memcalc.units import show

MODELS = ("LLaMA-7B", "Gemma-3-27B", "DeepSeek-V3", "Mixtral-8x7B", "Mamba-2.8B", "Jamba-v0.1")


def test_a_sentence_in_pieces():
    pieces = words("*No:* the [cache] and [its|kv_cache] {context} [tokens|kv_cache]")
    assert pieces[0] == {"strong": "No:"}
    assert {"word": "cache", "of": "kv_cache"} in pieces
    assert {"word": "its", "of": "kv_cache"} in pieces
    assert {"control": "context"} in pieces
    assert plain(pieces) == "No: the cache and its … tokens"


def test_a_word_that_no_term_has():
    with pytest.raises(KeyError):
        words("the [cash]")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("weights", ["FP16", "Q4_K_M"])
def test_every_letter_of_a_formula_has_a_number_and_a_meaning(name, weights):
    model, run = Model.named(name), Inference(context=4096, weights=weights)
    (line,) = formula(model, run, terms(model, run), left="inference")
    meant = meanings([line])
    letters = set()
    for summand in line["summands"]:
        dom = minidom.parseString(f"<math>{summand['math']}</math>")
        letters |= {node.getAttribute("data-letter") for node in dom.getElementsByTagName("munder")}
        assert len(letters) < 40
    assert letters <= line["numbers"].keys()
    assert letters | {line["letter"]} <= meant.keys()
    memory = breakdown(model, run)
    assert line["numbers"]["M"] == show(sum(memory.values()))
    assert line["numbers"]["=kv_cache"] == f"cache {show(memory['kv_cache'])}"


def test_a_single_term_has_no_brace():
    model, run = Model.named("LLaMA-7B"), Inference(context=32768)
    (line,) = formula(model, run, [TERMS["kv_cache"]])
    assert line["letter"] == "M_kv"
    assert line["numbers"]["M_kv"] == "16.00 GiB"
    assert line["numbers"]["s"] == "32,768"
    assert not any(name.startswith("=") for name in line["numbers"])


def test_terms_of_speed_take_the_card():
    model, run, gpu = Model.named("LLaMA-7B"), Inference(context=4096), Gpu.named("RTX 4090")
    (line,) = formula(model, run, [TERMS["decode_time"]], gpu)
    assert line["numbers"]["β"] == "1,008,000,000,000"
    assert line["numbers"]["T_tok"].endswith(" seconds")


def test_numbers_stand_with_their_unit_where_they_need_one():
    assert spelled(BY_NAME["kv_cache"].symbol, 2**34) == "16.00 GiB"
    assert spelled(BY_NAME["context"].symbol, 4096) == "4,096"
