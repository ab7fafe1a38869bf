"""The list of parameter tensors is the model: whole, packed or without what a model lacks."""

from dataclasses import replace
from functools import cache

import pytest
import sympy

from memcalc import Model, catalogue
from memcalc.formula import TERMS, numeric
from memcalc.formula.tensors import GROUPS, TENSORS, Structure, packed, present

MODELS = [Model.named(name) for name in catalogue.names("models")]


@cache
def numbers_in(tensors):
    return sympy.Add(*(tensor.count * tensor.size for tensor in tensors))


def of_model(expr, model):
    return numeric.exact(expr)(*(model.values[symbol] for symbol in numeric.arguments(expr)))


@pytest.mark.parametrize("packing", ["", "qkv", "qkv gate_up"])
def test_the_list_holds_every_parameter_however_it_is_packed(packing):
    for model in MODELS:
        if packing and model.shared_values:  # no code packs values that are keys
            continue
        tensors = packed(replace(model.structure, packing=packing))
        assert of_model(numbers_in(tensors), model) == model.parameters, model.name


def test_nothing_that_a_model_has_is_left_out():
    for model in MODELS:
        there = present(model.structure, model.absent)
        assert of_model(numbers_in(there), model) == model.parameters, model.name


def test_packing_changes_the_number_of_tensors_only():
    one = packed(Structure("qkv gate_up"))
    shapes = {tensor.name: tensor.shape for tensor in one if tensor.group == "attention"}
    plain = {tensor.name: tensor.shape for tensor in TENSORS if tensor.group == "attention"}
    assert shapes["qkv_proj"][0] == sum(plain[name][0] for name in ("q_proj", "k_proj", "v_proj"))
    assert "k_proj" not in shapes
    assert {tensor.group for tensor in TENSORS} == set(GROUPS) - {"window_attention"}
    assert TERMS["norms"].expr == sum(t.each * t.size for t in TENSORS if t.group == "norms")
