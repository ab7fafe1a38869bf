"""Sharding: which part of the training states each of N_d cards keeps, when all work on the same model."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import sympy
from sympy import Add, Min, Mul, ceiling, prod

from memcalc.formula.parallelism import SHARES, tensor_on_one_card
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import GROUPS, Tensor, packed
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters

N_d, P_1, n_bkt = symbols("data_parallel share bucket")


@dataclass(frozen=True)
class Piece:
    """Parameters that an optimizer meets as one tensor, or several that are alike.

    Parameters
    ----------
    number : how many there are; it may count tensors of size zero, which weigh nothing
    present : how many of them are larger than zero
    shape : numbers along each dimension
    hidden : whether it is a matrix between the layers, neither an embedding nor a vector
    """

    number: sympy.Expr
    present: sympy.Expr
    shape: tuple[sympy.Expr, ...]
    hidden: bool = False

    @property
    def size(self) -> sympy.Expr:
        """Numbers in one of them."""
        return prod(self.shape)


def piece(tensor: Tensor, divided: bool) -> Piece:
    """Return a tensor as the optimizer meets it; `divided` if cards share the model by its heads, layers or experts."""
    number = Mul(tensor.each, GROUPS[tensor.group])
    present = Add(tensor.count)
    hidden = len(tensor.shape) == 2 and tensor.group != "embedding"
    if not divided:
        return Piece(number, present, tensor.shape, hidden)
    return Piece(number.xreplace(SHARES), present.xreplace(SHARES), tensor_on_one_card(tensor).shape, hidden)


@cache
def pieces(packing: str, divided: bool = False) -> tuple[Piece, ...]:
    """Return all parameter tensors of a model whose family packs its matrices in this way."""
    return tuple(piece(tensor, divided) for tensor in packed(packing))


def one_piece(size: sympy.Symbol) -> tuple[Piece, ...]:
    """Return all parameters as one flat tensor, which is how ZeRO shows them to the optimizer."""
    return (Piece(sympy.Integer(1), sympy.Integer(1), (size,)),)


def rows_of(parts: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return what the first card keeps of each tensor when FSDP divides its rows."""
    rows = [(ceiling(part.shape[0] / N_d), *part.shape[1:]) for part in parts]
    return tuple(Piece(part.number, part.present, shape, part.hidden) for part, shape in zip(parts, rows, strict=True))


def total(parts: Iterable[Piece]) -> sympy.Expr:
    """Return the numbers in all of them."""
    return Add(*(part.number * part.size for part in parts))


def flat_share(whole: Term) -> Term:
    """Return a card's share when all parameters are laid end to end and cut into N_d parts of equal length.

    DeepSpeed makes the length a multiple of two numbers, so that a part of 16-bit numbers begins at whole four bytes.

    >>> flat_share(parameters)
    P_1 = ⌈P/(N_d × min(2, N_d))⌉ × min(2, N_d)
    """
    pair = Min(2, N_d)  # one card cuts nothing, and needs no padding
    return _share(
        pair * ceiling(whole.symbol / (pair * N_d)),
        meaning="Laid end to end, the parameters are cut into equal parts, one for each card; the last is filled up.",
        holds="ZeRO stages 1 and 2 as in DeepSpeed; every card trains the same part of the model",
        source="rajbhandari2020zero, section 5.1",
        parts=(whole,),
    )


def tensor_share(parts: Iterable[Piece], whole: Term) -> Term:
    """Return a card's share when each tensor is laid out flat and cut into N_d parts."""
    return _share(
        Add(*(part.number * ceiling(part.size / N_d) for part in parts)),
        meaning="Each tensor is cut into equal parts, one for each card; its last is filled up.",
        holds="ZeRO stage 3 as in DeepSpeed; every card trains the same part of the model",
        source="rajbhandari2020zero, section 5.3",
        parts=(whole,),
    )


def row_share(parts: Iterable[Piece], whole: Term) -> Term:
    """Return the first card's share when the rows of each tensor are divided between the cards."""
    return _share(
        total(rows_of(parts)),
        meaning="The rows of each tensor are divided between the cards; the last may get fewer.",
        holds="FSDP2 of PyTorch; the first card, which keeps most; every card trains the same part of the model",
        source="zhao2023fsdp, section 3.2",
        parts=(whole,),
    )


@cache
def at_least(expr: sympy.Expr) -> sympy.Expr:
    """Return a lower bound that never grows with the number of cards, as the expression itself may do.

    What all cards keep together is not filled up, and what is quantized in some shares only is as lean in all.

    >>> at_least(N_d * share.expr)
    P
    """
    lean = {
        cases: Min(*(value for value, _ in cases.args), evaluate=False)
        for cases in expr.atoms(sympy.Piecewise)
        if any(condition.has(N_d) for _, condition in cases.args)
    }
    expr = expr.xreplace(lean)
    together = [product for product in expr.atoms(Mul) if N_d in product.args]
    return expr.xreplace({product: product.xreplace(_not_filled_up(product)) for product in together})


def _not_filled_up(product: sympy.Expr) -> dict[sympy.Expr, sympy.Expr]:
    return {whole: whole.args[0] for whole in product.atoms(ceiling) if whole.has(N_d)}


def _share(expr: sympy.Expr, meaning: str, holds: str, source: str, parts: tuple[Term, ...]) -> Term:
    return Term("share", expr, meaning, holds, source, parts)


share = flat_share(parameters)

bucket_memory = Term(
    name="bucket_memory",
    expr=symbol("bytes_per_gradient") * n_bkt,
    meaning="Gradients are collected in a bucket and reduced between the cards when it is full.",
    holds="ZeRO stage 3 as in DeepSpeed, which keeps one bucket all the time",
    source="rajbhandari2020zero, section 6.2",
)
