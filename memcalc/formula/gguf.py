"""GGUF: which block type llama.cpp gives each matrix of a model, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import sympy

from memcalc import catalogue
from memcalc.formula.tensors import Tensor

_HALF, _EIGHTH = sympy.Rational(1, 2), sympy.Rational(1, 8)
_VECTOR_BYTES = 4  # F32, which every tensor keeps that no mix may touch


@dataclass(frozen=True)
class Architecture:
    """What llama.cpp looks at when it chooses a type: numbers or symbols.

    Parameters
    ----------
    layers, heads, kv_heads, experts : counts; no experts are 0
    nope_dim : numbers of a key without position (multi-head latent attention), else 0
    """

    layers: sympy.Expr
    heads: sympy.Expr
    kv_heads: sympy.Expr
    experts: sympy.Expr = sympy.S.Zero
    nope_dim: sympy.Expr = sympy.S.Zero


@cache
def block(name: str) -> tuple[int, int]:
    """Return the numbers in a block of this type, and its bytes.

    >>> block("Q4_K")
    (256, 144)
    """
    row = catalogue.find("ggml_types", "block type", name)
    return int(row["elements"]), int(row["bytes"])


def blocks_bytes(name: str, numbers: sympy.Expr) -> sympy.Expr:
    """Return the bytes of `numbers` in blocks of this type, which divides them.

    >>> blocks_bytes("Q8_0", sympy.Integer(4096))
    4352
    """
    elements, size = block(name)
    return numbers * sympy.Rational(size, elements)


def tensor_bytes(tensor: Tensor, architecture: Architecture, mix: str, base: str, tied: sympy.Basic) -> sympy.Expr:
    """Return the bytes of a tensor in all the layers that have it.

    Parameters
    ----------
    mix : a llama.cpp file type, which gives some tensors more bits; "" for `base` throughout
    base : the block type of most matrices
    tied : whether the output shares the embedding, as a SymPy condition

    Source: ggml2026llama, src/llama-quant.cpp, llama_tensor_get_type_impl. Types that need an importance matrix are
    taken with one, the others without.

    >>> four = Architecture(*map(sympy.Integer, (4, 8, 8)))
    >>> down = Tensor("down_proj", "mlp", sympy.Integer(4), (sympy.Integer(256), sympy.Integer(256)))
    >>> tensor_bytes(down, four, "Q4_K_M", "Q4_K", sympy.false) == 2 * 256 * 144 + 2 * 256 * 210
    True
    """
    if not is_matrix(tensor):
        return _VECTOR_BYTES * tensor.count * sympy.prod(tensor.shape)
    if tensor.name == "kv_b_proj":
        return sum(tensor_bytes(part, architecture, mix, base, tied) for part in _absorbed(tensor, architecture))
    roles = _roles(tensor)
    separate = _in_types(tensor, roles, architecture, mix, base)
    if "embedding" not in roles:
        return separate
    return choose((_in_types(tensor, {"output"}, architecture, mix, base), tied), (separate, sympy.true))


def is_matrix(tensor: Tensor) -> bool:
    """Return whether the tensor is the matrix of a linear layer or of the embedding, which formats may shrink."""
    small = tensor.group in ("norm", "bias", "router") or tensor.name in _NO_LINEAR_LAYER
    return len(tensor.shape) > 1 and not small


def choose(*branches: tuple[sympy.Expr, sympy.Basic]) -> sympy.Expr:
    """Return the first expression whose condition holds; a Piecewise only where symbols leave it open."""
    open_ones = []
    for expr, condition in branches:
        if condition != sympy.false:
            open_ones.append((expr, condition))
        if condition == sympy.true:
            break
    return open_ones[0][0] if len(open_ones) == 1 else sympy.Piecewise(*open_ones, evaluate=False)


_NO_LINEAR_LAYER = ("conv1d", "A_log", "wpe", "position_embeddings", "embed_positions")
_ATTENTION = {"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output"}
_ATTENTION |= dict.fromkeys(("c_proj", "dense", "out_proj"), "attn_output")
_ATTENTION |= dict.fromkeys(("qkv_proj", "c_attn", "query_key_value"), "attn_v")  # as sensitive as its values
_DOWN = ("down_proj", "c_proj", "fc2", "dense_4h_to_h")


def _roles(tensor: Tensor) -> set[str]:
    if tensor.group in ("embedding", "head"):
        return {"output" if tensor.group == "head" else "embedding"}
    if tensor.group == "attention":
        return {_ATTENTION.get(tensor.name, "other")}
    if tensor.group not in ("mlp", "experts"):
        return {"other"}
    experts = {"experts"} if len(tensor.shape) == 3 else set()
    gate = "gate_proj" in tensor.name
    return experts | {"ffn_down" if tensor.name.endswith(_DOWN) else "ffn_gate" if gate else "ffn_up"}


def _absorbed(tensor: Tensor, architecture: Architecture) -> list[Tensor]:
    """Split the up-projection of latent attention into that of the keys, which is transposed, and of the values."""
    rows, latent = tensor.shape
    keys = architecture.heads * architecture.nope_dim
    shapes = {"k_b_proj": (architecture.heads * latent, architecture.nope_dim), "v_b_proj": (rows - keys, latent)}
    return [Tensor(name, tensor.group, tensor.count, shape) for name, shape in shapes.items()]


def _in_types(tensor: Tensor, roles: set[str], architecture: Architecture, mix: str, base: str) -> sympy.Expr:
    output = "output" in roles
    rules = [rule for rule in catalogue.rows("mixes") if mix and _applies(rule, mix, roles)]

    def follow(rules: list, claimed: sympy.Expr) -> sympy.Expr:
        """Give the first rule its layers, which include those claimed before; `base` takes what is left."""
        if not rules:
            return (tensor.count - claimed) * _matrix(tensor, base, output)
        rule, *later = rules
        layers = _layers(rule["layers"], tensor, architecture)
        followed = (layers - claimed) * _matrix(tensor, rule["type"], output)
        if rule["layers"] != "all":
            followed += follow(later, layers)
        return choose((followed, _condition(rule["when"], architecture)), (follow(later, claimed), sympy.true))

    return follow(rules, sympy.Integer(0))


def _applies(rule: Mapping[str, str], mix: str, roles: set[str]) -> bool:
    return bool({"*", mix} & {*rule["mixes"].split("|")} and roles & {*rule["roles"].split("|")})


def _condition(when: str, architecture: Architecture) -> sympy.Basic:
    heads, kv_heads, experts = architecture.heads, architecture.kv_heads, architecture.experts
    return {
        "": sympy.true,
        "4 queries a key": sympy.Ge(heads, 4 * kv_heads),
        "4 experts": sympy.Ge(experts, 4),
        "8 experts": sympy.Eq(experts, 8),
        "70B": sympy.And(sympy.Eq(architecture.layers, 80), sympy.Ne(heads, kv_heads)),  # Llama-2-70B's shape
    }[when]


def _layers(which: str, tensor: Tensor, architecture: Architecture) -> sympy.Expr:
    """Count the layers of a tensor that a rule means; experts stand in the last layers, all else in the first."""
    of_all = architecture.layers if tensor.group in ("mlp", "experts") else tensor.count
    if tensor.group != "experts" and "shared" not in tensor.name:
        return _before(tensor.count, which, of_all)
    return _before(of_all, which, of_all) - _before(of_all - tensor.count, which, of_all)


def _before(end: sympy.Expr, which: str, layers: sympy.Expr) -> sympy.Expr:
    """Count the layers below `end` that lie in a part of all `layers`."""
    eighth, last_eighth = sympy.floor(layers * _EIGHTH), sympy.floor(7 * layers * _EIGHTH)
    middle = sympy.Min(sympy.Max(end, eighth), last_eighth) - eighth
    thirds = sympy.floor((middle + _HALF) / 3)  # a half more changes no floor, and keeps floats away from its steps
    return {
        "all": end,
        "first_2": sympy.Min(end, 2),
        "first_4": sympy.Min(end, 4),
        "first_sixteenth": sympy.Min(end, sympy.floor(layers * _EIGHTH / 2)),
        "first_eighth": sympy.Min(end, eighth),
        "middle": middle,
        "more": end - middle + thirds,  # both ends, and every third layer between them
    }[which]


def _matrix(tensor: Tensor, name: str, output: bool) -> sympy.Expr:
    """Return the bytes of one tensor in a block type, or in the next one whose blocks fit in its rows."""
    numbers, columns = sympy.prod(tensor.shape), tensor.shape[-1]
    types = (name, "Q8_0" if output else _FALLBACK.get(name), "F16")
    return choose(*((blocks_bytes(kind, numbers), _divides(block(kind)[0], columns)) for kind in types if kind))


def _divides(elements: int, columns: sympy.Expr) -> sympy.Basic:
    """Whether blocks fill a row; not by Mod, whose brackets the code printer of SymPy 1.14 forgets."""
    return sympy.Eq(elements * sympy.floor(columns / sympy.Integer(elements)), columns)


_FALLBACK = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_FALLBACK |= dict.fromkeys(("TQ1_0", "TQ2_0"), "Q4_0")
_FALLBACK |= dict.fromkeys(("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS"), "IQ4_NL")
