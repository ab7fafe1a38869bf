"""A model as the list of its parameter tensors."""

from dataclasses import dataclass

import sympy


@dataclass(frozen=True)
class Tensor:
    """One parameter tensor and how often the model has it.

    Parameters
    ----------
    name : as PyTorch code calls it, such as "q_proj"
    group : "embedding", "head", "attention", "mlp", "experts", "router", "norm", "ssm" or "bias"
    count : how many of it the model has
    shape : rows and columns (out_features, in_features); a vector has one number, merged experts three

    >>> Tensor("q_proj", "attention", sympy.Integer(32), (sympy.Integer(4096), sympy.Integer(4096))).group
    'attention'
    """

    name: str
    group: str
    count: sympy.Expr
    shape: tuple[sympy.Expr, ...]
