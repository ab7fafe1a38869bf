"""Terms as a beginner reads them: fewer letters, the same values."""

import pytest

from memcalc import TERMS, Inference, Model, Training, symbol, values
from memcalc.formula.plain import alike, plain
from memcalc.formula.symbols import GLOSSARY

GROUPS = ("embedding", "attention", "mlp", "norms")
MODELS = ("LLaMA-7B", "GPT-2", "Llama-3.1-8B", "Mixtral-8x7B", "Gemma-3-27B", "DeepSeek-V3", "Jamba-v0.1")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "name", ["parameters", "active", "embedding", "attention", "mlp", "norms", "kv_cache", "adapters"]
)
def test_a_plain_term_has_the_same_value(model, name):
    model = Model.named(model)
    run = Training(lora_rank=8) if name == "adapters" else Inference(context=4096)
    known = {**values(model, run)}
    short = plain(TERMS[name], known)
    assert short.exact({**known, symbol("layers"): model.layers}) == TERMS[name].exact(known)
    assert len(short.symbols) <= len(TERMS[name].simplified(known).symbols)


@pytest.mark.parametrize("model", MODELS)
def test_no_letter_stands_for_a_small_count(model):
    known = values(Model.named(model), Inference())
    for name in ("parameters", "embedding", "attention", "mlp", "norms"):
        assert not [letter for letter in plain(TERMS[name], known).symbols if GLOSSARY[letter].is_small]


def test_layers_of_two_kinds_keep_their_letters():
    assert alike(Model.named("Gemma-3-27B").values) == (symbol("dense_layers"),)
    assert set(alike(Model.named("LLaMA-7B").values)) == set(map(symbol, ("full_layers", "dense_layers")))
    assert str(plain(TERMS["kv_cache"], values(Model.named("LLaMA-7B"), Inference()))).startswith("M_kv = L × h_kv")
