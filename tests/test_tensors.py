"""A tensor is a plain record."""

import dataclasses

import pytest
import sympy

from memcalc.formula.tensors import Tensor


def test_a_tensor_cannot_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tensor("q_proj", "attention", sympy.Integer(1), (sympy.Integer(2),)).name = "k_proj"
