"""Training states: gradients, master weights and what the optimizer remembers of every parameter."""

from collections.abc import Iterable
from dataclasses import replace

import sympy
from sympy import Add, Eq, Mod, Piecewise

from memcalc.formula.choices import Layout
from memcalc.formula.formats import FP32
from memcalc.formula.numeric import Max, Min, rounded_up
from memcalc.formula.recipes import Optimizer
from memcalc.formula.sharding import Piece, counting, pieces
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import Structure, d, n_emb
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters

P, M_m, M_st, M_1, T = symbols("parameters master_weights optimizer_states one_state tensors")
B_g, B_m, B_o = symbols("bytes_per_gradient bytes_per_master bytes_per_moment")
n_o, n_c, n_map, r_o = symbols("moments counters maps optimizer_rank")

_MAP = 256 * FP32  # bytes of a table that gives each of 256 codes its number
_SMALL = 4096  # numbers: a smaller tensor is never quantized by the 8-bit optimizers


gradients = Term(
    name="gradients",
    expr=P * B_g,
    meaning="The backward pass leaves a gradient for every parameter that is trained.",
    holds="all gradients are kept until the optimizer has stepped; none is shared out while it is computed",
    source="rajbhandari2020zero, section 3.1",
    parts=(parameters,),
)

master_weights = Term(
    name="master_weights",
    expr=P * B_m,
    meaning="A step is too small to be seen in 16 bit, so the optimizer works on a 32-bit copy of the weights.",
    holds="mixed precision; without a copy B_m is 0",
    source="micikevicius2018mixed, section 3.1",
    parts=(parameters,),
)


averaged_weights = Term(
    name="averaged_weights",
    expr=P * symbol("bytes_per_average"),
    meaning="A second copy of what is trained follows it slowly: each step moves it a little towards the weights.",
    holds="the copy is on the card, divided as the weights are; a library that copies the whole model has more",
    source="paszke2019pytorch, torch.optim.swa_utils.AveragedModel",
    parts=(parameters,),
)


def one_state_of(kind: Optimizer, seen: Iterable[Piece], number: sympy.Expr, parts: tuple[Term, ...]) -> Term:
    """Return the memory of one optimizer state.

    Parameters
    ----------
    kind : the optimizer: how it stores a state
    seen : the tensors as the optimizer meets them
    number : the symbols that stand for all their numbers
    parts : the terms of those symbols
    """
    return Term(
        name="one_state",
        expr=number * B_o if kind.layout == Layout.FULL else Add(*(_stored(kind, piece) for piece in seen)),
        meaning="A state has one number for every parameter, or fewer bytes where it is quantized or summed up.",
        holds="every parameter that is trained gets a gradient in each step",
        source=kind.source,
        parts=parts,
    )


def _stored(kind: Optimizer, piece: Piece) -> sympy.Expr:
    full = B_o * piece.size
    if kind.layout == Layout.BLOCKS:
        return piece.number * _in_blocks(kind, piece.size)
    if kind.layout in _RANKS:
        return piece.number * (B_o * _greater(piece) * _rank(kind, piece) if piece.hidden else full)
    if kind.layout == Layout.HIDDEN_MATRICES:  # momentum alone for these, momentum and variance for the others
        return piece.number * (full if piece.hidden else full + full)
    sums = [piece.size / length for length in piece.shape[-2:]] if len(piece.shape) > 1 else [piece.size]
    factored = piece.present * B_o * Add(*sums)  # one number for each row, and one for each column
    return factored + (piece.number * full if kind.layout == Layout.FACTORED_AND_FULL else 0)


_RANKS = (Layout.LOW_RANK, Layout.RANDOM_RANK)


def _lesser(piece: Piece) -> sympy.Expr:
    return Min(*piece.shape)


def _greater(piece: Piece) -> sympy.Expr:
    return Max(*piece.shape)


def _rank(kind: Optimizer, piece: Piece) -> sympy.Expr:
    """Directions of a matrix: no more than it has, but for random ones."""
    return Min(r_o, _lesser(piece)) if kind.layout == Layout.LOW_RANK else r_o


def projections_of(kind: Optimizer, seen: Iterable[Piece]) -> Term:
    """Return the memory of the directions in which an optimizer of low rank remembers the gradients of matrices.

    Parameters
    ----------
    kind : the optimizer
    seen : the tensors as it meets them
    """
    each = sympy.Integer(0)
    for piece in seen:
        if piece.hidden and kind.layout in _RANKS:
            few = B_g * _lesser(piece) * _rank(kind, piece)
            whole = FP32 * _lesser(piece) ** 2  # of which those few are a view, where nothing is converted
            of_one = Piecewise((whole, Eq(B_g, FP32)), (few, True)) if kind.layout == Layout.LOW_RANK else few + B_g
            each += piece.present * of_one
    return Term(
        name="projections",
        expr=each,
        meaning="Of each matrix a few directions are kept, along its lesser side; APOLLO keeps a norm beside them.",
        holds="GaLore 1.0 and APOLLO 1.0, of all linear layers; FP32 gradients leave GaLore all directions of the SVD",
        source="galore2024, section 4 and Table 1; apollo2024, section 4",
    )


def _in_blocks(kind: Optimizer, size: sympy.Expr) -> sympy.Expr:
    codes = sympy.Rational(kind.bits, 8) * size
    large = sympy.Ge(size, _SMALL)
    fits = large & Eq(Mod(size, kind.block), 0) if kind.whole_blocks else large
    return Piecewise((codes + FP32 * rounded_up(size / kind.block) + kind.table, fits), (B_o * size, True))


def tensors_of(kind: Optimizer, seen: Iterable[Piece]) -> Term:
    """Return the number of tensors for which the optimizer counts its steps; Muon counts none for its matrices."""
    uncounted = kind.layout == Layout.HIDDEN_MATRICES
    return Term(
        name="tensors",
        expr=Add(*(piece.present for piece in seen if not (uncounted and piece.hidden))),
        meaning="Weights, biases and normalisations are tensors of their own; ZeRO shows the optimizer a single one.",
        holds="matrices are packed as the model's code does it",
        source="paszke2019pytorch, section 4",
    )


_ADAMW = Optimizer.named("AdamW")
one_state = one_state_of(_ADAMW, pieces(Structure()), P, (parameters,))
tensors = tensors_of(_ADAMW, pieces(Structure()))

optimizer_states = Term(
    name="optimizer_states",
    expr=n_o * M_1 + n_c * FP32 * T + n_map * _MAP,
    meaning="The optimizer remembers n_o states of every parameter, and counts its steps for each tensor.",
    holds="after the first step, which creates the states",
    source=one_state.source,
    parts=(one_state, tensors),
)

optimizer = Term(
    name="optimizer",
    expr=M_m + M_st,
    meaning="Master weights and states serve the optimizer alone.",
    holds=optimizer_states.holds,
    source="rajbhandari2020zero, section 3.1",
    parts=(master_weights, optimizer_states),
)


def optimizer_of(kind: Optimizer, seen: Iterable[Piece], number: sympy.Expr, parts: tuple[Term, ...]) -> Term:
    """Return the memory of all that only the optimizer needs; arguments as for `one_state_of`."""
    state = one_state_of(kind, seen, number, parts)
    states = replace(optimizer_states, source=state.source, parts=(state, tensors_of(kind, seen)))
    if kind.layout in _RANKS:
        directions = projections_of(kind, seen)
        states = replace(states, expr=states.expr + directions.symbol, parts=(*states.parts, directions))
    return replace(optimizer, parts=(counting(master_weights, number, parts), states))


def step_temporaries_of(implementation: str, seen: Iterable[Piece] = (), results: int = 2) -> Term:
    """Return what the step takes for a moment.

    Parameters
    ----------
    implementation : "forloop" tensor by tensor, "foreach" all at once, "fused" in place
    seen : the tensors as the optimizer meets them, for "forloop"
    results : results as large as the tensor that a step holds at once: 2 for Adam, a root and a quotient; 0 for SGD
    """
    expr = sympy.Integer(0)
    if results and implementation == "foreach":
        expr = B_o * P
    elif results and implementation == "forloop":
        before = (n_emb - 1) * d  # an output head comes behind the last normalisation, whose quotient is still there
        expr = B_o * (results * Max(*(piece.size for piece in seen)) + before)
    return Term(
        name="step_temporaries",
        expr=expr,
        meaning="The step computes square roots and quotients of all parameters and drops them when it is done.",
        holds=f"Adam and AdamW of PyTorch, {implementation}; the largest tensor is an embedding or the output head",
        source="paszke2019pytorch, torch.optim",
        parts=(parameters,),
    )


def with_raised(temporaries: Term, number: sympy.Expr, raised: bool, flat: bool) -> Term:
    """Return what the step takes where it works on other gradients than the backward pass has made.

    Parameters
    ----------
    temporaries : what the optimizer itself takes
    number : the parameters that it steps at once
    raised : whether their gradients are copied in 32 bits, as an FP32 copy of the weights asks for
    flat : whether they are laid end to end first, as in DeepSpeed up to stage 2, which then drops the others
    """
    in_32_bits = B_m * number if raised else sympy.Integer(0)
    expr = in_32_bits + temporaries.expr
    if flat:
        own = B_g * number
        expr = Max(own + in_32_bits, (in_32_bits or own) + temporaries.expr - own)
    return replace(
        temporaries,
        expr=expr,
        meaning="The step copies the gradients as it needs them, and takes roots and quotients for a moment.",
        holds=f"as in DeepSpeed; {temporaries.holds}",
        source=f"deepspeed2026, runtime/zero, step of the optimizer; {temporaries.source}",
    )


def largest_gradient(seen: Iterable[Piece]) -> Term:
    """Return the term for the gradients where each is used and dropped as soon as it is made.

    Parameters
    ----------
    seen : the tensors as the optimizer meets them
    """
    return replace(
        gradients,
        expr=B_g * Max(*(piece.size for piece in seen)),
        meaning="Each weight is stepped as soon as it has its gradient, which is dropped then: one is there at a time.",
        holds="hooks of PyTorch behind each gradient; a head that is one with the embedding waits for its gradient",
        source="paszke2019pytorch, torch.Tensor.register_post_accumulate_grad_hook; lomo2023, section 3",
        parts=(),
    )


step_temporaries = step_temporaries_of("foreach")

projections = projections_of(Optimizer.named("GaLore AdamW"), pieces(Structure()))
