"""Weight formats: what a model's tensors cost in each, scales and tables included, to the byte."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import sympy

from memcalc import catalogue
from memcalc.formula.gguf import block, blocks_bytes, is_matrix, tensor_bytes
from memcalc.formula.tensors import Tensor

_KEPT_BYTES = 2  # FP16 or BF16, for what a format leaves alone


@dataclass(frozen=True)
class Format:
    """How weights are stored: a row of data/formats.csv.

    Parameters
    ----------
    family : "plain" (a number has its bits), "groups" (codes, and scales beside them), "hqq", "blocks" or "gguf";
        "cache" is none for weights
    bits : average bits of a weight in a quantized matrix
    type : the block type of most matrices (blocks, gguf)
    code_bits : what one code takes [bits]
    group : numbers that share a scale; 0 for those of a row
    scale_bits, zero_bits : of each group [bits]
    column_bits : of each column [bits]
    nested : scales that share a scale of 32 bits, if scales are quantized once more, else 0
    table_bytes : of each matrix [bytes]
    keeps : groups of tensors that stay in 16 bit
    in_cache : whether a key and value cache can have this format
    residual : who keeps the newest tokens of a cache in 16 bit: "KIVI", "transformers" or "" for nobody

    >>> Format.named("NF4").bits
    Fraction(9, 2)
    """

    name: str
    family: str
    bits: Fraction
    type: str = ""
    code_bits: int = 0
    group: int = 0
    scale_bits: int = 0
    zero_bits: int = 0
    column_bits: int = 0
    nested: int = 0
    table_bytes: int = 0
    keeps: frozenset[str] = frozenset()
    in_cache: bool = False
    residual: str = ""

    @classmethod
    @cache
    def named(cls, name: str) -> Format:
        """Return the format of that name; a wrong name raises InputError with the nearest ones."""
        row = catalogue.find("formats", "format", name)
        numbers = ("code_bits", "group", "scale_bits", "zero_bits", "column_bits", "nested", "table_bytes")
        return cls(
            **{field: row[field] for field in ("name", "family", "type")},
            **{field: int(row[field].replace("row", "") or 0) for field in numbers},
            bits=Fraction(row["bits"]),
            keeps=frozenset(row["keeps"].split("|")),
            in_cache=row["cache"] != "no",
            residual=row["cache"] if row["cache"] in ("KIVI", "transformers") else "",
        )


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


def whole_blocks(numbers: int, form: Format) -> bool:
    """Return whether the blocks or groups of a format divide `numbers`, those of one head's key or one latent.

    Source: ggml2026llama, src/llama-context.cpp, llama_init_from_model.

    >>> whole_blocks(128, Format.named("Q8_0")), whole_blocks(80, Format.named("Q8_0"))
    (True, False)
    """
    return numbers % (block(form.type)[0] if form.type else form.group or 1) == 0


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
