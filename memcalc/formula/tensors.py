"""The list of parameter tensors: what a model holds, tensor by tensor, with shapes in symbols.

It stands in data/tensors.csv. Counts of parameters, scales of quantization, optimizer states, shards and adapters are
all sums over this one list. A model that lacks a tensor has none of it: a size or a number of zero.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import sympy
from sympy import Add, Mul, prod

from memcalc.catalogue import rows
from memcalc.formula.lineage import Structure
from memcalc.formula.numeric import Max, Min
from memcalc.formula.symbols import GLOSSARY, symbols

n_emb, V, n_pos, d, n_vec, n_mlp, d_ff, E, d_sh = symbols(
    "embedding_tables vocabulary positions hidden norm_vectors mlp_matrices intermediate experts shared_intermediate"
)
L_full, L_win, L_mla, L_ssm, L_ssd, L_moe = symbols(
    "full_layers window_layers latent_layers mamba_layers mamba2_layers moe_layers"
)
h, h_kv, d_k, d_v, d_r, r_kv, d_x, kappa = symbols(
    "heads kv_heads head_dim value_dim rope_dim kv_rank expert_hidden shared_values"
)
d_i, N, n_conv, n_grp = symbols("inner state conv groups")

_LETTERS = {str(symbol): symbol for symbol in GLOSSARY}
_OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


@cache
def read(text: str) -> sympy.Expr:
    """Return a sum or product of whole numbers and letters of the glossary, as the tables write it.

    >>> read("h * (d_k - d_r)")
    h*(d_k - d_r)
    """
    return _value(ast.parse(text.strip(), mode="eval").body)


def _value(node: ast.expr) -> sympy.Expr:
    match node:
        case ast.BinOp(left, sign, right):
            return _OPERATIONS[type(sign)](_value(left), _value(right))
        case ast.Name(letter):
            return _LETTERS[letter]
        case ast.Call(ast.Name("Min" | "Max" as name), arguments):
            return {"Min": Min, "Max": Max}[name](*map(_value, arguments))
        case ast.Constant(int(number)):
            return sympy.Integer(number)
    raise ValueError(f"a table has an expression that is neither sum nor product: {ast.unparse(node)}")


@dataclass(frozen=True)
class Tensor:
    """A parameter tensor, or several that are alike.

    Parameters
    ----------
    name : as in Hugging Face code, without the path
    group : the part of the model that it belongs to, a key of `GROUPS`
    each : how many the group holds once
    shape : as PyTorch stores it; of a matrix (outputs, inputs)
    layers : how often the model holds the group
    families : the families whose code alone has it; all, if there are none
    whole : the tensor of which this is what one card holds; None where this is the whole
    """

    name: str
    group: str
    each: int | sympy.Expr
    shape: tuple[sympy.Expr, ...]
    layers: sympy.Expr
    families: frozenset[str] = frozenset()
    whole: Tensor | None = None

    @property
    def size(self) -> sympy.Expr:
        """Numbers in one tensor."""
        return prod(self.shape)

    @property
    def number(self) -> sympy.Expr:
        """How many the whole model holds; it may count tensors of size zero, which weigh nothing."""
        return self.each * self.layers

    @property
    def count(self) -> sympy.Expr:
        """How many of them are larger than zero."""
        whole = (self.whole or self).size
        sizes = [factor for factor in Mul.make_args(whole) if factor.is_Symbol and not factor.is_positive]
        return self.number * prod(map(_at_most_one, sizes))


@cache  # of a few sizes, for each of which SymPy takes its time
def _at_most_one(size: sympy.Expr) -> sympy.Expr:
    return Min(1, size)


GROUPS = {row["name"]: read(row["layers"]) for row in rows("groups")} | {"final": sympy.S.One}
"""Group of tensors → how often the model holds the group."""

ONCE = ("embedding", "final")
"""Groups of tensors that a model has once, and in no layer."""

LAYERS = GROUPS["norms"]
"""All layers: each has one way to look at other tokens."""

_ALL = tuple(
    Tensor(
        row["name"],
        row["group"],
        read(row["each"]),
        tuple(map(read, row["shape"].split(";"))),
        GROUPS[row["group"]],
        frozenset(row["families"].split()),
    )
    for row in rows("tensors")
)
MATRICES, BIASES = "_proj", "_bias"
"""How the names of tensors end that multiply a token, and of those that are added to the result."""


def held(group: str, axis: int = 0, of: str | tuple[str, ...] = "", among: Iterable[Tensor] = ()) -> sympy.Expr:
    """Return the parameters that one instance of a group holds.

    Parameters
    ----------
    group : a key of GROUPS
    axis : what follows it counts: 1 for one of many experts
    of : how the names of the tensors end that count
    among : the tensors of a model; all that models of several families can have, if none are given

    >>> held("norms"), held("mlp", of="down_proj")
    (d*n_norm*n_vec, d*d_ff)
    """
    counted = (tensor for tensor in among or TENSORS if tensor.group == group and tensor.name.endswith(of))
    return Add(*(tensor.each * prod(tensor.shape[axis:]) for tensor in counted))


@cache
def present(structure: Structure, absent: frozenset[sympy.Symbol]) -> tuple[Tensor, ...]:
    """Return the tensors of a model that lacks what the symbols in `absent` count.

    >>> lacking = frozenset((L_full, L_win, L_mla, L_ssm, L_ssd, L_moe, n_pos))
    >>> [tensor.name for tensor in present(Structure(), lacking) if tensor.group == "embedding"][:2]
    ['embed_tokens', 'lm_head']
    """
    gone = dict.fromkeys(absent, sympy.Integer(0))
    return tuple(
        tensor
        for tensor in packed(structure)
        if all(factor.xreplace(gone) != 0 for factor in (tensor.number, *tensor.shape))
    )


@cache
def packed(structure: Structure) -> tuple[Tensor, ...]:
    """Return the tensors as a family of models stores them."""
    tensors = list(own(structure))
    if "qkv" in structure.packing:
        for group in ("attention", "window_attention"):
            tensors = _merged(_merged(tensors, group, MATRICES), group, BIASES)
    if "gate_up" in structure.packing:
        place = next(place for place, tensor in enumerate(tensors) if tensor.name == "up_proj")
        up = tensors[place]
        tensors[place] = replace(up, name="gate_up_proj", each=1, shape=(up.each * up.shape[0], *up.shape[1:]))
    return tuple(tensors)


@cache
def own(structure: Structure) -> tuple[Tensor, ...]:
    """Return the tensors of a model one by one, with those that its family alone has."""
    tensors = [tensor for tensor in _ALL if not tensor.families or tensor.families & structure.families]
    if "value_dim" in structure.own:
        tensors = [_with_values(tensor) for tensor in tensors]
    if "expert_hidden" in structure.own:
        tensors = [_of_experts(tensor) for tensor in tensors]
    attention = [tensor for tensor in tensors if tensor.group == "attention"]
    others = [tensor for tensor in tensors if tensor.group not in ("attention", "window_attention")]
    windows = [tensor for tensor in tensors if tensor.group == "window_attention"]
    whole, narrow = attention, attention
    if set(_SIZES) & structure.own:
        narrow = [_of_windows(tensor, structure.own) for tensor in attention]
        whole, windows = [_of_full_layers(tensor) for tensor in attention], narrow + windows
    sharing = [*_sharing(whole, "sharing_attention"), *_sharing(narrow, "window_sharing_attention")]
    first = tensors.index(attention[0])
    return (*others[:first], *whole, *windows * (whole != attention), *sharing, *others[first:])


_SIZES = ("heads", "kv_heads", "head_dim")
"""Sizes that window layers may have of their own."""


def _sharing(tensors: Iterable[Tensor], group: str) -> Iterable[Tensor]:
    """Return the tensors of attention in layers that use the keys and values of another."""
    made = [tensor for tensor in tensors if tensor.name not in _KEYS_AND_VALUES]
    return [replace(tensor, group=group, layers=GROUPS[group]) for tensor in made]


_KEYS_AND_VALUES = ("k_proj", "v_proj", "k_bias", "v_bias", "k_norm")
_VALUES = ("v_proj", "v_bias", "o_proj")


def _with_values(tensor: Tensor) -> Tensor:
    """Return a tensor of an attention whose values have another size than its keys."""
    if tensor.group != "attention" or tensor.name not in _VALUES:
        return tensor
    return replace(tensor, shape=tuple(size.xreplace({d_k: d_v}) for size in tensor.shape))


def _of_experts(tensor: Tensor) -> Tensor:
    """Return a tensor of experts that see a token in fewer numbers than the layer has."""
    if tensor.group != "expert":
        return tensor
    return replace(tensor, shape=tuple(size.xreplace({d: d_x}) for size in tensor.shape))


def _of_full_layers(tensor: Tensor) -> Tensor:
    each = tensor.each * (1 - kappa) if tensor.name in _VALUES[:2] else tensor.each
    return replace(tensor, layers=L_full, each=each)


def window_symbols(own: frozenset[str]) -> dict[sympy.Symbol, sympy.Symbol]:
    """Return for each size that window layers have of their own the symbol in its place.

    >>> window_symbols(frozenset(["kv_heads"]))
    {h_kv: h_kvw}
    """
    names = [name for name in (*_SIZES, "value_dim") if name in own]
    return dict(zip(symbols(" ".join(names)), symbols(" ".join(f"window_{name}" for name in names)), strict=True))


def _of_windows(tensor: Tensor, own: frozenset[str]) -> Tensor:
    other = window_symbols(own)
    shape = tuple(size.xreplace(other) for size in tensor.shape)
    return replace(tensor, group="window_attention", shape=shape, layers=L_win)


def _merged(tensors: list[Tensor], group: str, ending: str) -> list[Tensor]:
    names = {kind + ending for kind in "qkv"}
    parts = [tensor for tensor in tensors if tensor.group == group and tensor.name in names]
    if not parts:
        return tensors
    rows = Add(*(part.shape[0] for part in parts))
    one = replace(parts[0], name=f"qkv{ending}", shape=(rows, *parts[0].shape[1:]))
    return [one, *(tensor for tensor in tensors if tensor not in parts)]


TENSORS = own(Structure())
"""Every parameter tensor that models of several families can have."""
