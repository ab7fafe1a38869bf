"""Which gradients go through a frozen layer, and which adapters make copies of what they read."""

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from memcalc import catalogue
from memcalc.formula.activations import layer, spared
from memcalc.formula.adapted import EVERYWHERE, Adapted
from memcalc.formula.saved_tensors import CodePath, saved_tensors

FAMILIES, MATRICES = catalogue.names("code_paths"), catalogue.names("adapted_matrices")
SEVERAL = st.frozensets(st.sampled_from(MATRICES), min_size=1)


def case(family="llama", attention="sdpa", modules=("q_proj", "v_proj"), **settings):
    adapted = Adapted(frozenset(modules), **settings)
    return CodePath(family, attention, adapted.recipe, grouped=True, many=True, adapted=adapted)


BEHIND = {"mixed", "out", "gate", "up"}
"""Where a gradient goes behind the heads."""


@given(SEVERAL)
def test_gradients_go_everywhere_behind_the_first_layer(modules):
    assert Adapted(modules).gradients == EVERYWHERE
    assert "gradient_in" not in Adapted(modules, first=True).gradients


@pytest.mark.parametrize(
    ("modules", "reached"),
    [
        ({"down_proj"}, set()),
        ({"up_proj"}, {"up"}),
        ({"gate_proj"}, {"gate"}),
        ({"o_proj"}, BEHIND),
        ({"v_proj"}, {"v", "heads"} | BEHIND),
        ({"q_proj"}, {"q", "scores", "heads"} | BEHIND),
        ({"kv_b_proj"}, {"k", "v", "scores", "heads"} | BEHIND),
        ({"kv_a_proj"}, {"latent", "k", "v", "scores", "heads"} | BEHIND),
        ({"q_a_proj"}, {"q_latent", "q", "scores", "heads"} | BEHIND),
    ],
)
def test_gradients_of_the_first_layer_begin_at_its_adapters(modules, reached):
    found = Adapted(frozenset(modules), first=True).gradients
    assert found == {f"gradient_{part}" for part in reached}


@pytest.mark.parametrize(
    ("settings", "stream", "heads"),
    [
        ({"single": False}, "shared", "shared"),
        ({"single": True}, "own", "own"),  # x.to(fp32) in every adapter
        ({"autocast": True}, "own", "own"),  # to FP32 and back
        ({"autocast": True, "quantized": True}, "shared", "shared"),  # PEFT's Linear4bit leaves it to autocast
        ({"raised": True, "quantized": True}, "shared", "shared"),
        ({"raised": True, "quantized": True, "autocast": True}, "own", "shared"),
    ],
)
def test_who_makes_a_copy(settings, stream, heads):
    """PEFT 0.21.2, tuners/lora/layer.py and bnb.py: _cast_input_dtype, unless autocast is on for 4 bits."""
    facts = Adapted(frozenset({"q_proj"}), **settings).facts
    assert {f"stream_{stream}", f"heads_{heads}"} <= facts


@given(st.sampled_from(FAMILIES), SEVERAL, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_the_first_layer_never_keeps_more(family, modules, single, autocast, raised, dropout):
    one = case(family, modules=modules, single=single, autocast=autocast, raised=raised, dropout=dropout)
    for part in spared(one).expr.as_ordered_terms():  # in which no head is smaller than the part of it that is rotated
        assert part.xreplace(dict.fromkeys(part.free_symbols, sympy.Integer(2))) >= 0


def test_an_mlp_beside_the_attention_reads_the_input_of_the_layer():
    first = Adapted(frozenset({"o_proj"}), first=True, parallel=True)
    assert first.gradients == {"gradient_mixed"}


def test_a_layer_of_llama():
    """All seven adapters, as PEFT makes them, without autocast: 28·sbh + 10·sbf + 8·sbad + 4·sbkd and more."""
    modules = [matrix["name"] for matrix in CodePath("llama").matrices]
    expr = layer(case(modules=modules)).expr
    letters = {str(letter): letter for letter in expr.free_symbols}
    kept = expr.expand().as_coefficients_dict()
    s, b = letters["s"], letters["b"]
    assert kept[s * b * letters["d"]] == 28
    assert kept[s * b * letters["d_ff"]] == 10
    assert kept[s * b * letters["h"] * letters["d_k"]] == 8
    assert kept[s * b * letters["r"]] == 4 * 7


def test_tensors_by_name():
    """What autograd's hooks name, of two adapters in FP32 beside a model in BF16."""
    names = [tensor.name for tensor in saved_tensors(case()) if "adapter" in tensor.name]
    assert names == [
        "copy of its input that the query adapter made",
        "numbers of the query adapter's rank",
        "copy of its input that the value adapter made",
        "numbers of the value adapter's rank",
    ]
