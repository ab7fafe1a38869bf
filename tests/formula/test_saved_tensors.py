"""The list of kept tensors: which there are, what they are called, and which kernel decides it."""

from dataclasses import replace

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.formula.adapted import Adapted
from memcalc.formula.choices import Experts
from memcalc.formula.saved_tensors import (
    DETAILS,
    DROPOUTS,
    RECIPES,
    SELECTED,
    CodePath,
    SavedTensor,
    factor,
    meets,
    saved_tensors,
    total,
)
from memcalc.formula.symbols import symbol

FAMILIES = st.sampled_from(catalogue.names("code_paths"))
WHETHER = st.booleans()
CASES = st.builds(
    CodePath,
    FAMILIES,
    st.sampled_from(["eager", "sdpa"]),
    st.sampled_from(list(RECIPES)),
    st.sampled_from(["none", "full"]),
    WHETHER,
    WHETHER,
    WHETHER,
    WHETHER,
    st.frozensets(st.sampled_from(DROPOUTS)),
)
EVERY_CASE = [
    CodePath(family, attention, recipe, recompute, grouped, many, masked, mixed, frozenset(dropouts))
    for family in catalogue.names("code_paths")
    for attention in ("eager", "sdpa")
    for recipe in ("bf16", "fp32", "autocast")
    for recompute in ("none", "full")
    for grouped in (False, True)
    for many in (False, True)
    for masked in (False, True)
    for mixed in (False, True)
    for dropouts in ((), DROPOUTS)
]
WITH_EXPERTS = {"qwen2_moe": (), "deepseek_v3": ("query_latent", "normed_choices")}
ADAPTED = [
    CodePath(family, attention, adapted.recipe, adapted=adapted, experts=experts, details=frozenset(details))
    for family, experts, details in (
        *((family, "", ()) for family in ("llama", "phi3", "gemma2", "gpt2", "gpt_neox", "opt")),
        *((family, Experts.GROUPED, details) for family, details in WITH_EXPERTS.items()),
    )
    for attention in ("eager", "sdpa")
    for quantized in (False, True)
    for raised in (False, True)
    for dropout in (False, True)
    for adapted in [
        Adapted(frozenset(catalogue.names("adapted_matrices")), True, True, quantized, raised, dropout),
        Adapted(frozenset(catalogue.names("adapted_matrices")), False, False, quantized, raised, dropout),
    ]
]
HOLDING = Adapted(frozenset({"q_proj"}), quantized=True, holding=True)
ADAPTED += [
    CodePath("llama", recompute=recompute, adapted=replace(HOLDING, reentrant=reentrant))
    for recompute in ("none", "full")
    for reentrant in (False, True)
]
ROUTED = [name for name in catalogue.names("code_paths") if "experts" in CodePath(name).traits]
EVERY_CASE += [
    CodePath(family, attention, recipe, recompute, many=many, experts=experts, details=frozenset(details))
    for family in ROUTED
    for attention in ("eager", "sdpa")
    for recipe in ("bf16", "fp32", "autocast")
    for recompute in ("none", "full")
    for many in (False, True)
    for experts in Experts
    for details in ((), DETAILS)
]
EVERY_CASE += [
    CodePath("llama", attention, recipe, recompute)
    for attention in ("eager", "sdpa")
    for recipe in ("bf16", "autocast")
    for recompute in SELECTED
    if (attention, recompute) != ("eager", "keep-attention")
]
EVERY_CASE.append(CodePath("deepseek_v3", "flash", details=frozenset({"uneven_heads"})))
EVERY_CASE.append(CodePath("gpt2", recompute="full", details={"frozen_embedding"}))
TABLES = "saved_tensors", "saved_tensors_latent", "saved_tensors_experts", "saved_tensors_adapters"
names = ("context", "batch", "hidden", "intermediate", "heads", "kv_heads", "head_dim")
s, b, d, d_ff, h, h_kv, d_k = map(symbol, names)

MEASURED_LAYERS = {
    CodePath("llama", grouped=True): s * b * (16 * d + 8 * d_ff + 4 * h * d_k + 4 * h_kv * d_k + 4 * h + 8) + 24,
    CodePath("llama", "eager", "fp32", many=True): s * b * (24 * d + 16 * d_ff + 16 * h * d_k + 8) + 4 * b * h * s**2,
    CodePath("gpt2", "eager", many=True): s * b * (16 * d + 10 * d_ff + 16) + 2 * b * h * s**2,
    CodePath("gpt2", "eager", dropouts=frozenset(DROPOUTS)): s * b * (18 * d + 10 * d_ff + 16) + 5 * b * h * s**2,
    CodePath("phi3", recipe="autocast"): s * b * (34 * d + 8 * d_ff + 4 * h + 8) + 24,
    CodePath("gpt_neox", recompute="full", recipe="fp32"): 4 * s * b * d,
}
"""As fitted to measured layers of many shapes."""


@pytest.mark.parametrize(("case", "layer"), MEASURED_LAYERS.items(), ids=lambda value: getattr(value, "family", ""))
def test_coefficients_of_a_layer(case, layer):
    found = total(saved_tensors(case), "layer")
    if case.family != "llama":
        found = found.subs({h_kv: h}).subs({d_k: d / h})
    assert sympy.expand(found - layer) == 0


@pytest.mark.parametrize(
    ("asked", "runs"),
    [
        (("eager", "bf16", True, True), "eager"),
        (("flash", "autocast", True, True), "flash"),
        (("sdpa", "mixed", True, False), "flash"),
        (("sdpa", "bf16", False, True), "efficient"),
        (("sdpa", "fp32", False, False), "efficient"),
        (("sdpa", "fp32", True, True), "efficient"),
        (("sdpa", "fp32", True, False), "math"),
    ],
)
def test_kernel(asked, runs):
    attention, recipe, grouped, masked = asked
    assert CodePath("llama", attention, recipe, grouped=grouped, masked=masked).kernel == runs


def test_capped_scores_and_sinks_are_computed_eagerly():
    assert CodePath("gemma2").kernel == CodePath("gpt_oss").kernel == "eager"


def test_values_of_another_size_than_keys_have_no_flash_unless_they_are_padded():
    uneven = frozenset({"uneven_heads"})
    assert CodePath("deepseek_v3", details=uneven).kernel == "efficient"
    padded = {tensor.name: tensor.expr for tensor in saved_tensors(CodePath("deepseek_v3", "flash", details=uneven))}
    assert padded["values padded to the size of keys"] == padded["queries"] == 2 * s * b * h * d_k


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"family": "lama"}, "nearest is llama"),
        ({"attention": "fash"}, "Known: sdpa, flash, eager"),
        ({"attention": "flash", "recipe": "fp32"}, "needs 16 bits"),
        ({"recipe": "fp8"}, "Known: bf16"),
        ({"recompute": "selective"}, "Known: none, full"),
        ({"dropouts": frozenset({"residua"})}, "nearest is residual"),
        ({"details": frozenset({"query_latents"})}, "nearest is query_latent"),
        ({"experts": "eager"}, "experts must be '' for the code of llama, which has none, not 'eager'"),
        ({"family": "mixtral", "experts": "grouped"}, "nearest is grouped_mm"),
        ({"family": "gpt_oss", "attention": "flash"}, "attention must be sdpa or eager for gpt_oss"),
    ],
)
def test_a_wrong_case_is_answered_in_one_sentence(wrong, says):
    with pytest.raises(InputError, match=says):
        CodePath(**{"family": "llama"} | wrong)


def test_a_dropout_that_the_code_lacks_keeps_nothing():
    assert saved_tensors(CodePath("llama", dropouts=frozenset({"residual"}))) == saved_tensors(CodePath("llama"))


def test_every_row_is_kept_in_some_case_and_every_condition_is_a_fact():
    everything = {tensor.name for case in EVERY_CASE for tensor in saved_tensors(case)}
    everything |= {tensor.name for case in ADAPTED for tensor in saved_tensors(case)}
    listed = [row for table in TABLES for row in catalogue.rows(table)]
    assert {row["name"] for row in listed} == everything
    facts = {fact for case in (*EVERY_CASE, *ADAPTED) for fact in case.facts}
    asked = {word.lstrip("!") for row in listed for word in row["when"].replace("|", " ").split()}
    assert asked <= facts


def test_a_name_is_kept_once_in_a_case():
    for case in (*EVERY_CASE, *ADAPTED):
        names = [tensor.name for tensor in saved_tensors(case)]
        assert len(names) == len(set(names)), case


@given(CASES)
def test_recomputation_keeps_one_tensor_of_a_layer(case):
    layers = [tensor for tensor in saved_tensors(case) if tensor.per == "layer"]
    assert (len(layers) == 1) == (case.recompute == "full")


def test_recomputation_does_not_reach_what_matrices_hold_on_to():
    kept = {
        reentrant: {tensor.name for tensor in saved_tensors(replace(case, recompute="full")) if tensor.per == "layer"}
        for reentrant in (False, True)
        for case in [CodePath("llama", adapted=replace(HOLDING, reentrant=reentrant))]
    }
    assert kept[True] == {"input of the layer"}
    assert len(kept[False]) == 5


@given(CASES)
def test_dropout_only_adds(case):
    without = replace(case, dropouts=frozenset())
    numbers = dict.fromkeys(
        total(saved_tensors(case), "layer").free_symbols | total(saved_tensors(case), "once").free_symbols, 8
    )
    for per in ("layer", "once"):
        assert total(saved_tensors(case), per).subs(numbers) >= total(saved_tensors(without), per).subs(numbers)


def test_shapes_are_made_of_glossary_letters():
    assert factor("d_ff") == symbol("intermediate")
    assert factor("h+2*h_kv") == symbol("heads") + 2 * symbol("kv_heads")
    with pytest.raises(KeyError):
        factor("x")


def test_conditions():
    assert meets(set(), "")
    assert meets({"a"}, "a|b !c")
    assert not meets({"a", "c"}, "a|b !c")


def test_cards_share_a_tensor():
    shared = SavedTensor("x", "layer", "mlp", (symbol("context"), sympy.Integer(4)), 2, symbol("batch"))
    assert shared.expr == 8 * symbol("context") / symbol("batch")
