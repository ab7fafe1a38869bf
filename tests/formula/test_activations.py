"""Activations to the byte, as measured on Hugging Face models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import case_of, for_each_row, symbol_values
from measured import rows
from memcalc import catalogue
from memcalc.errors import InputError
from memcalc.formula.activations import activations, forward_peak, layer, once, padded_context, weight_copies
from memcalc.formula.saved_tensors import CodePath, saved_tensors, total
from memcalc.formula.symbols import GLOSSARY, symbol

SMALL = {
    **{symbol(name): 2 for name in ("layers", "batch")},
    **{symbol(name): 64 for name in ("hidden", "intermediate", "vocabulary", "context")},
    **{symbol(name): 4 for name in ("heads", "kv_heads")},
    **{symbol(name): 16 for name in ("head_dim", "rotary", "value_dim")},
    **{symbol(name): 8 for name in ("rope_dim", "kv_rank")},
}
FAMILIES = st.sampled_from(catalogue.names("code_paths"))
RECIPES = st.sampled_from(["bf16", "fp32", "autocast"])
TERMS = {"layer_activations": layer, "activations": activations}


@for_each_row("activations", "layer_activations")
def test_a_layer_to_the_byte(inputs, measured):
    assert layer(case_of(inputs)).exact(symbol_values(inputs)) == measured


@for_each_row("activations", "activations")
def test_a_model_to_the_byte(inputs, measured):
    assert activations(case_of(inputs)).exact(symbol_values(inputs)) == measured


@for_each_row("activations", "head_and_loss")
def test_head_and_loss_to_the_byte(inputs, measured):
    tensors = [tensor for tensor in saved_tensors(case_of(inputs)) if tensor.place in ("head", "loss")]
    assert total(tensors, "once").subs(symbol_values(inputs)) == measured


@for_each_row("activations", "weight_copies")
def test_copies_under_autocast_to_the_byte(inputs, measured):
    assert weight_copies(case_of(inputs).recompute).exact(symbol_values(inputs)) == measured


@for_each_row("activations", "forward_peak")
def test_the_peak_of_the_forward_pass_to_the_byte(inputs, measured):
    assert forward_peak(case_of(inputs)).exact(symbol_values(inputs)) == measured


def routed(family):
    return "experts" in CodePath(family).traits


def test_every_family_and_recipe_is_measured_with_and_without_recomputation():
    assert len(rows("activations", *TERMS)) >= 300
    for quantity in TERMS:
        seen = {case_of(row.inputs) for row in rows("activations", quantity)}
        assert {case.family for case in seen} == {name for name in catalogue.names("code_paths") if not routed(name)}
        assert {case.recipe for case in seen} == {"bf16", "fp16", "fp32", "autocast"}
        assert {case.kernel for case in seen} == {"eager", "math", "efficient", "flash"}
        assert {case.recompute for case in seen} == {"none", "full"}


def test_rows_say_how_and_with_what_they_were_measured():
    for row in rows("activations"):
        assert row.how
        assert row.library
        assert row.date


@pytest.mark.parametrize(("context", "padded"), [(1, 32), (32, 32), (33, 64)])
def test_the_efficient_kernel_pads_to_blocks_of_32(context, padded):
    assert padded_context.exact({symbol("context"): context}) == padded


@given(FAMILIES, RECIPES, st.booleans(), st.integers(1, 100))
def test_layers_count_alike_and_the_rest_once(family, recipe, many, layers):
    case = CodePath(family, recipe=recipe, many=many)
    values = SMALL | {symbol("layers"): layers}
    assert activations(case).exact(values) == layers * layer(case).exact(values) + once(case).exact(values)


@given(FAMILIES, RECIPES, st.sampled_from(["eager", "sdpa"]), st.booleans())
def test_recomputing_keeps_less(family, recipe, attention, grouped):
    full = CodePath(family, attention, recipe, "full", grouped)
    values = SMALL | {symbol("kv_heads"): 2 if grouped else 4}
    assert activations(full).exact(values) < activations(CodePath(family, attention, recipe, "none", grouped)).exact(
        values
    )


@given(FAMILIES, RECIPES, st.booleans())
def test_exact_and_fast_agree_and_every_symbol_is_in_the_glossary(family, recipe, masked):
    term = activations(CodePath(family, recipe=recipe, masked=masked))
    assert term.fast(SMALL) == term.exact(SMALL)
    assert set(term.expanded().free_symbols) <= GLOSSARY.keys()


def test_flash_makes_attention_linear_in_the_context():
    def growth(attention):
        term = layer(CodePath("llama", attention))
        return term.exact(SMALL | {symbol("context"): 2**20}) / term.exact(SMALL | {symbol("context"): 2**19})

    assert growth("flash") == pytest.approx(2)
    assert growth("eager") == pytest.approx(4, rel=1e-2)


def test_selective_recomputation_is_unknown_to_hugging_face_code():
    with pytest.raises(InputError, match="Known: none, full"):
        weight_copies("selective")
