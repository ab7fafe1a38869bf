"""Sharding: which part of the training states each of N_d cards keeps, when all work on the same model."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import sympy
from sympy import Add, Mul, ceiling, prod

from memcalc.formula.numeric import Min, rounded_up
from memcalc.formula.parallelism import tensor_on_one_card
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import ONCE, Structure, Tensor, packed
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters

N_d, n_ep, P_1, n_bkt, L_fr = symbols("data_parallel expert_parallel share bucket frozen_layers")


@dataclass(frozen=True)
class Piece:
    """Parameters that an optimizer meets as one tensor, or several that are alike.

    Parameters
    ----------
    number : how many there are; it may count tensors of size zero, which weigh nothing
    present : how many of them are larger than zero
    shape : numbers along each dimension
    hidden : whether it is a matrix between the layers, neither an embedding nor a vector
    cards : how many cards hold the same, and can share it out
    axis : the dimension whose rows FSDP divides; torchtitan takes the second where a card may have one expert alone
    """

    number: sympy.Expr
    present: sympy.Expr
    shape: tuple[sympy.Expr, ...]
    hidden: bool = False
    cards: sympy.Expr = N_d
    axis: int = 0

    @property
    def size(self) -> sympy.Expr:
        """Numbers in one of them."""
        return prod(self.shape)


def piece(tensor: Tensor, divided: bool, apart: bool = False) -> Piece:
    """Return a tensor as the optimizer meets it.

    Parameters
    ----------
    divided : whether cards share the model by its heads, layers or experts
    apart : whether experts are divided, so that the cards that have others hold the same of all else
    """
    part = tensor_on_one_card(tensor) if divided else tensor
    hidden = len(tensor.shape) == 2 and tensor.group != "embedding"
    axis = int(apart and tensor.group == "expert" and len(tensor.shape) > 2)
    return Piece(part.number, part.count, part.shape, hidden, holding(tensor.group, apart), axis)


def holding(group: str, apart: bool) -> sympy.Expr:
    """Return how many cards hold the same of a group of tensors; `apart` as above.

    >>> holding("attention", apart=True)
    N_d*n_ep
    """
    return N_d * n_ep if apart and group != "expert" else N_d


@cache
def pieces(structure: Structure, divided: bool = False, apart: bool = False) -> tuple[Piece, ...]:
    """Return all parameter tensors of a model as its family's code lays it out; `divided` and `apart` as of `piece`."""
    return tuple(piece(tensor, divided, apart) for tensor in packed(structure))


@cache
def cut(structure: Structure, kinds: tuple[str, ...] = ()) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Return the tensors that are trained and those that are not, where the embedding is frozen, and L_fr layers too.

    Parameters
    ----------
    structure : of the model
    kinds : names of the symbols each of which counts all layers; none if no layer is frozen

    >>> total(cut(Structure())[1])
    V*d + d*n_en*n_vec + d*n_pos
    """
    trained, frozen = [], []
    for tensor in packed(structure):
        whole = piece(tensor, divided=False)
        if tensor.group == "embedding" and tensor.name not in _OF_THE_HEAD:
            frozen.append(whole)
        elif tensor.group in ONCE or not kinds:
            trained.append(whole)
        else:
            trained.append(_in_layers(whole, {kind: kind - L_fr for kind in map(symbol, kinds)}))
            frozen.append(_in_layers(whole, dict.fromkeys(map(symbol, kinds), L_fr)))
    return tuple(trained), tuple(frozen)


_OF_THE_HEAD = ("lm_head", "lm_bias")


def _in_layers(whole: Piece, counts: Mapping[sympy.Symbol, sympy.Expr]) -> Piece:
    return replace(whole, number=whole.number.xreplace(counts), present=whole.present.xreplace(counts))


def one_piece(size: sympy.Symbol) -> tuple[Piece, ...]:
    """Return all parameters as one flat tensor, which is how ZeRO shows them to the optimizer."""
    return (Piece(sympy.Integer(1), sympy.Integer(1), (size,)),)


def rows_of(parts: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return what the first card keeps of each tensor when FSDP divides its rows."""
    return tuple(replace(part, shape=tuple(_divided(part))) for part in parts)


def _divided(part: Piece) -> Iterator[sympy.Expr]:
    for axis, number in enumerate(part.shape):
        yield rounded_up(number / part.cards) if axis == part.axis else number


def total(parts: Iterable[Piece]) -> sympy.Expr:
    """Return the numbers in all of them."""
    return Add(*(part.number * part.size for part in parts))


def counting(term: Term, number: sympy.Expr, parts: tuple[Term, ...]) -> Term:
    """Return a term for so many parameters in the place of all: those of a card's share, or of adapters.

    Parameters
    ----------
    parts : the terms of the symbols in `number`
    """
    return replace(term, expr=term.expr.xreplace({parameters.symbol: number}), parts=parts)


trained = Term(
    name="trained",
    expr=total(cut(Structure(), ("full_layers", "dense_layers"))[0]),
    meaning="Where embedding and first layers are frozen, the other layers, the last norm and the head are trained.",
    holds="layers that are all alike; a head that is one with the embedding is frozen with it",
    source="paszke2019pytorch, torch.Tensor.requires_grad_",
)

untrained = replace(
    trained,
    name="untrained",
    expr=total(cut(Structure(), ("full_layers", "dense_layers"))[1]),
    meaning="What is frozen has no gradients and no optimizer states.",
)


_ALIKE = "every card trains the same part of the model"
_PAIR = Min(2, N_d)  # a part of 16-bit numbers begins at whole four bytes; one card cuts nothing, and needs no padding

share = Term(
    name="share",
    expr=_PAIR * rounded_up(parameters.symbol / (_PAIR * N_d)),
    meaning="Laid end to end, the parameters are cut into equal parts, one for each card; the last is filled up.",
    holds=f"ZeRO stages 1 and 2 as in DeepSpeed; {_ALIKE}",
    source="rajbhandari2020zero, section 5.1",
    parts=(parameters,),
)


def flat_shares(parts: Iterable[Piece]) -> dict[sympy.Expr, sympy.Expr]:
    """Return for each number of cards that hold the same a card's share of that, laid end to end.

    Source: rajbhandari2022deepspeedmoe, section 4.1: experts have data-parallel groups of their own.
    """
    by_cards: dict[sympy.Expr, list[Piece]] = {}
    for part in parts:
        by_cards.setdefault(part.cards, []).append(part)
    pairs = {cards: Min(2, cards) for cards in by_cards}
    return {cards: pairs[cards] * rounded_up(total(own) / (pairs[cards] * cards)) for cards, own in by_cards.items()}


def tensor_share(parts: Iterable[Piece], whole: Term) -> Term:
    """Return a card's share when each tensor is laid out flat and cut into N_d parts."""
    return replace(
        share,
        expr=Add(*(part.number * rounded_up(part.size / part.cards) for part in parts)),
        meaning="Each tensor is cut into equal parts, one for each card; its last is filled up.",
        holds=f"ZeRO stage 3 as in DeepSpeed; {_ALIKE}",
        source="rajbhandari2020zero, section 5.3",
        parts=(whole,),
    )


def row_share(parts: Iterable[Piece], whole: Term) -> Term:
    """Return the first card's share when the rows of each tensor are divided between the cards."""
    return replace(
        share,
        expr=total(rows_of(parts)),
        meaning="The rows of each tensor are divided between the cards; the last may get fewer.",
        holds=f"FSDP2 of PyTorch; the first card, which keeps most; {_ALIKE}",
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
    not_filled_up = {whole: whole.args[0] for whole in expr.atoms(ceiling) if whole.has(N_d)}
    together = [product for product in expr.atoms(Mul) if N_d in product.args]
    return expr.xreplace({product: product.xreplace(not_filled_up) for product in together})


bucket_memory = Term(
    name="bucket_memory",
    expr=symbol("bytes_per_gradient") * n_bkt,
    meaning="Gradients are collected in a bucket and reduced between the cards when it is full.",
    holds="ZeRO stage 3 as in DeepSpeed, which keeps one bucket all the time",
    source="rajbhandari2020zero, section 6.2",
)
