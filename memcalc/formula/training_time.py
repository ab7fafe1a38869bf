"""Training takes time: the operations of a step, the time that cards need for them, and what that draws and costs."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import sympy
from sympy import Add, Min, prod

from memcalc.catalogue import rows
from memcalc.formula.choices import Recompute
from memcalc.formula.lora import adapter_pieces, adapters
from memcalc.formula.roofline import KILOWATT_HOUR
from memcalc.formula.sharding import total
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import (
    MATRICES,
    TENSORS,
    Structure,
    Tensor,
    V,
    d,
    d_ff,
    d_k,
    d_v,
    h,
    h_kv,
    own,
    window_symbols,
)
from memcalc.formula.term import Term
from memcalc.formula.weights import parameters

L_full, L_win, L_sf, L_sw, L_mla, L_idx = symbols(
    "full_layers window_layers sharing_layers window_sharing_layers latent_layers index_layers"
)
s, b, L, W, n_micro, N_d = symbols("context batch layers window micro_batches data_parallel")
cards = N_d * prod(symbols("tensor_parallel pipeline_parallel expert_parallel context_parallel"))
"""Cards that train together."""
step_tokens = s * b * n_micro * N_d
"""Tokens of a step, of all cards together."""

_MULTIPLY_AND_ADD = 2  # operations of one weight for one token
_FORWARD, _TO_INPUTS, _TO_WEIGHTS = 1, 1, 1  # passes over a matrix: the result, and the gradients of both its factors
_BACKWARD = _TO_INPUTS + _TO_WEIGHTS
_SECONDS = 3600  # of an hour
_AXIS = {row["name"]: int(row["axis"]) for row in rows("groups")}
_MULTIPLIED = (MATRICES, "router")
"""How the names of the tensors end with which a token is multiplied, beside the output head."""


def _in(tensors: Iterable[Tensor]) -> sympy.Expr:
    """Return the parameters of matrices among these tensors that one token meets: of experts, those of the chosen."""
    met = []
    for tensor in tensors:
        if tensor.name.endswith(_MULTIPLIED):
            chosen = symbol("active_experts") if _AXIS.get(tensor.group) else 1
            met.append(tensor.each * tensor.layers * chosen * prod(tensor.shape[_AXIS.get(tensor.group, 0) :]))
    return Add(*met)


def _once(tensors: Iterable[Tensor]) -> sympy.Expr:
    """Return the parameters of the matrices that no layer holds, which nobody computes again."""
    return V * d + _in(tensor for tensor in tensors if tensor.group == "embedding")


multiplied = Term(
    name="multiplied",
    expr=V * d + _in(TENSORS),
    meaning="A token is multiplied with every matrix of the layers and with the output head; tables are looked up.",
    holds="of routed experts, the k that are chosen; norms, biases, convolutions and state-space scans are left out",
    source="kaplan2020scaling, section 2.1; korthikanti2022reducing, appendix A",
)

_seen = Min(s, W)
_PAIRS = {False: (s**2, 2 * s * _seen - _seen**2), True: (2 * s**2, 2 * s**2)}
"""Whether masked pairs are computed too → twice the pairs of tokens that meet: in the whole context, in a window."""


@cache
def attention_of(heads: frozenset[str] = frozenset(), every_pair: bool = False) -> Term:
    """Return the term for the attention of all layers, in one forward pass.

    Parameters
    ----------
    heads : names of the sizes that window layers have of their own, as `tensors.Structure` has them
    every_pair : whether the kernel also computes the pairs that the causal mask hides

    >>> attention_of(every_pair=True).simplified(dict.fromkeys([L_sf, L_win, L_sw, L_mla, L_idx], 0))
    F_att = 4 × L_full × h × d_k × s^2 × b
    """
    whole, near = _PAIRS[every_pair]
    full = h * (d_k + d_v) if "value_dim" in heads else 2 * h * d_k  # in query · key, and score · value
    of_kinds = (L_full + L_sf) * full * whole + (L_win + L_sw) * full.xreplace(window_symbols(heads)) * near
    pairs = "every pair of tokens, masked or not" if every_pair else "no masked pair is computed"
    return Term(
        name="attention_operations",
        expr=b * (of_kinds + (L_mla - L_idx) * h * (d_k + d_v) * whole),
        meaning="Each query meets the keys of the tokens before it, and each score a value.",
        holds=f"{pairs}; windows move on with each token, where chunks (Llama 4) let fewer meet; of latents among "
        "which an indexer chooses, none is counted, though a token meets some",
        source="korthikanti2022reducing, appendix A; dao2022flashattention, section 3.1",
    )


attention_operations = attention_of()


def _forward(multiplied: Term, attention: Term) -> Term:
    return Term(
        name="forward_operations",
        expr=_MULTIPLY_AND_ADD * multiplied.symbol * s * b + attention.symbol,
        meaning="Each weight that a token meets costs a multiplication and an addition.",
        holds=multiplied.holds,
        source="kaplan2020scaling, section 2.1; hoffmann2022training, appendix F",
        parts=(multiplied, attention),
    )


forward_operations = _forward(multiplied, attention_operations)


_EVERY_SECOND = d * h_kv * d_k + d * h * d_k + d * d_ff  # keys, output and up, of the seven matrices in their order


def _step(forward: Term, outside: sympy.Expr, recompute: str, thin: Term | None) -> Term:
    """Return the term for the operations of a step; `outside` is what is not recomputed, `thin` the adapters."""
    of_matrices, attention = (part.symbol for part in forward.parts)
    each = forward.symbol + _BACKWARD * (forward.symbol if thin is None else attention)
    layers = forward.symbol - _MULTIPLY_AND_ADD * outside * s * b
    again = {
        Recompute.NONE: sympy.S.Zero,
        Recompute.SELECTIVE: attention,
        Recompute.FULL: layers,
        Recompute.KEEP_ATTENTION: layers - attention,
        Recompute.KEEP_PRODUCTS: sympy.S.Zero,
        Recompute.TORCHTITAN: _MULTIPLY_AND_ADD * s * b * L * _EVERY_SECOND,
    }[Recompute(recompute)]
    if thin is not None:
        passes = _FORWARD + _BACKWARD + (_FORWARD if recompute == Recompute.FULL else 0)
        each += _MULTIPLY_AND_ADD * s * b * (_TO_INPUTS * of_matrices + passes * thin.symbol)
    return replace(
        training_operations,
        expr=n_micro * N_d * (each + again),
        holds=training_operations.holds if thin is None else _FROZEN,
        parts=(*forward.parts, forward, *([thin] if thin else [])),
    )


_LEFT_OUT = (
    "whole layers are computed again, though PyTorch's checkpointing without re-entry stops before the last matrix; "
    "the optimizer's own work, and what a fused attention computes again by itself, are left out"
)
_FROZEN = (
    "adapters beside a frozen model, which needs no gradient of its weights; every layer has one of its input, though "
    f"the first needs none without gradient checkpointing; {_LEFT_OUT}"
)

training_operations = Term(
    name="training_operations",
    expr=n_micro * N_d * (_FORWARD + _BACKWARD) * forward_operations.symbol,
    meaning="The backward pass multiplies every matrix twice: for the gradient of its input, and for its own.",
    holds=_LEFT_OUT,
    source="korthikanti2022reducing, appendix A; narayanan2021efficient, section 5.1, equation 3",
    parts=(forward_operations,),
)


@cache
def operations_of(structure: Structure, recompute: str = "none", targets: str = "", every_pair: bool = False) -> Term:
    """Return the term for the operations of a step, of all cards together.

    Parameters
    ----------
    structure : of the model
    recompute : a word of `Recompute`; the head is never computed again
    targets : the matrices that get an adapter, as `lora.targeted` has them; "" trains the whole model
    every_pair : as of `attention_of`

    >>> operations_of(Structure(), "selective")
    F_step = n_micro × N_d × (F_att + 3 × F_fwd)
    """
    tensors = own(structure)
    of_matrices = replace(multiplied, expr=V * d + _in(tensors))
    forward = _forward(of_matrices, attention_of(structure.own, every_pair))
    thin = replace(adapters, expr=total(adapter_pieces(structure, targets))) if targets else None
    return _step(forward, _once(tensors), recompute, thin)


@cache
def operations_of_a_size(recompute: str = "none") -> Term:
    """Return the same for a model of which the number of parameters alone is known.

    >>> operations_of_a_size("full")
    F_step = 4 × F_fwd × n_micro × N_d
    """
    holds = "a size alone: each parameter is multiplied, tables too; attention is left out"
    every = replace(multiplied, expr=parameters.symbol, holds=holds, parts=(parameters,))
    none = replace(attention_operations, expr=sympy.S.Zero, holds=holds)
    return _step(_forward(every, none), sympy.S.Zero, recompute, None)


step_time = Term(
    name="step_time",
    expr=training_operations.symbol / (symbol("arithmetic") * symbol("hardware_utilization") * cards),
    meaning="All cards compute at the same time, each at a share of its peak.",
    holds="at a utilization of 1 a lower bound: dense 16-bit numbers, added up in 32 bits; what cards wait for each "
    "other, for memory and in an empty pipeline is in the share",
    source="chowdhery2022palm, appendix B; narayanan2021efficient, section 5.1",
    parts=(training_operations,),
)

training_time = Term(
    name="training_time",
    expr=symbol("trained_tokens") / step_tokens * step_time.symbol,
    meaning="A run takes as many steps as the tokens of a step go into all tokens.",
    holds="nothing is done between the steps: no evaluation, no checkpoint, no restart",
    source="narayanan2021efficient, section 5.1, equation 4",
    parts=(step_time,),
)

training_energy = Term(
    name="training_energy",
    expr=training_time.symbol * cards * symbol("board_power") / KILOWATT_HOUR,
    meaning="Every card draws power as long as the run takes.",
    holds="at the most that a card draws; computers, network and cooling come on top",
    source="strubell2019energy, section 2",
    parts=(training_time,),
)

training_price = Term(
    name="training_price",
    expr=training_time.symbol * cards * symbol("card_price") / _SECONDS,
    meaning="Every card is paid by the hour.",
    holds="the price that you state, for as long as the run takes; storage and people come on top",
    source="strubell2019energy, section 2",
    parts=(training_time,),
)
