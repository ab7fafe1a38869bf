"""Stored bytes: what a model's tensors cost in each format, scales and tables included."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import sympy

from memcalc import catalogue
from memcalc.formats import Format
from memcalc.formula.gguf import blocks_bytes, is_matrix, tensor_bytes
from memcalc.formula.tensors import Tensor
from memcalc.formula.term import Term
from memcalc.formula.weights import weights

_KEPT_BYTES = 2  # FP16 or BF16, for what a format leaves alone


@cache
def stored_bytes(tensors: tuple[Tensor, ...], form: Format) -> sympy.Expr:
    """Return the bytes of all tensors in a format, as an expression of what stands in their counts and shapes.

    >>> from memcalc.formula.tensors import TENSORS
    >>> [norm] = [tensor for tensor in TENSORS if tensor.group == "final"]
    >>> stored_bytes((norm,), Format.named("FP16")), stored_bytes((norm,), Format.named("Q4_K_M"))
    (2*d*n_vec, 4*d*n_vec)
    """
    if form.family in ("blocks", "gguf"):
        mix = form.name if form.family == "gguf" else ""
        return sympy.Add(*(tensor_bytes(tensor, mix, form.type) for tensor in tensors))
    return sympy.Add(*(tensor.count * _one(tensor, form) for tensor in tensors))


def cache_bytes(numbers: sympy.Expr, form: Format) -> sympy.Expr:
    """Return the bytes of `numbers` keys or values of one token in one layer.

    >>> cache_bytes(sympy.Integer(1024), Format.named("Q8_0"))
    1088
    """
    return blocks_bytes(form.type, numbers) if form.type else numbers * _bytes(form.bits)


def matrix_bytes(rows: sympy.Expr, columns: sympy.Expr, form: Format) -> sympy.Expr:
    """Return the bytes of one matrix with a scale per group: codes, scales, zero points and tables.

    >>> matrix_bytes(sympy.Integer(1000), sympy.Integer(333), Format.named("LLM.int8"))
    337000
    """
    numbers = rows * columns
    groups = sympy.ceiling(numbers / sympy.Integer(form.group)) if form.group else rows
    codes = _hqq_codes(rows, columns, form) if form.family == "hqq" else sympy.ceiling(numbers * _bytes(form.code_bits))
    scales = groups * _bytes(form.scale_bits + form.zero_bits) + columns * _bytes(form.column_bits)
    nested = 4 * sympy.ceiling(groups / sympy.Integer(form.nested)) if form.nested else 0
    return codes + scales + nested + form.table_bytes


def _one(tensor: Tensor, form: Format) -> sympy.Expr:
    numbers = tensor.size
    if form.family == "plain":
        return numbers * _bytes(form.bits)
    if not is_matrix(tensor) or tensor.group in form.keeps:
        return numbers * _KEPT_BYTES
    *matrices, rows, columns = tensor.shape
    return sympy.prod(matrices) * matrix_bytes(rows, columns, form)


def _hqq_codes(rows: sympy.Expr, columns: sympy.Expr, form: Format) -> sympy.Expr:
    """Return the bytes of HQQ's codes, which it packs across groups: as many groups in one as codes fit in a word."""
    length = sympy.Integer(form.group) if form.group else columns
    groups = rows * columns / length
    if form.code_bits == 3:  # ten codes in 32 bits; missing groups are filled up; minus a half for floats: see gguf
        return 4 * sympy.ceiling((groups - sympy.Rational(1, 2)) / 10) * length
    return sympy.floor(groups * _bytes(form.code_bits)) * length  # a last, incomplete byte is dropped


def _bytes(bits: Fraction | int) -> sympy.Rational:
    return sympy.Rational(Fraction(bits) / 8)


@cache
def weights_in(form: str, tensors: tuple[Tensor, ...]) -> Term:
    """Return the term for the weights in a format: the product above where every number has its bits, else a sum.

    Parameters
    ----------
    form : a name of data/formats.csv
    tensors : what the model holds, from `formula.tensors.present`

    >>> weights_in("FP16", ())
    M_w = P × B
    """
    kind = Format.named(form)
    if kind.family == "plain":
        return weights
    return Term(
        name=weights.name,
        symbol=weights.symbol,
        expr=stored_bytes(tensors, kind),
        meaning="Each tensor is stored as its format says: codes, the scales beside them, and what stays in more bits.",
        holds=f"{kind.name}: every tensor as the tool that makes the format stores it",
        source=catalogue.find("formats", "format", form)["source"],
    )
