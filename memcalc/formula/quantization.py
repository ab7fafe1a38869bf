"""Stored bytes: what a model's tensors cost in each format, scales and tables included."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache

import sympy

from memcalc import catalogue
from memcalc.formula.formats import Format, block
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import LAYERS, E, Tensor, d_k, d_r, h, h_kv, n_emb
from memcalc.formula.term import Term
from memcalc.formula.weights import passed_weights, weights

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
        expr=stored_bytes(tensors, kind),
        meaning="Each tensor is stored as its format says: codes, the scales beside them, and what stays in more bits.",
        holds=f"{kind.name}: every tensor as the tool that makes the format stores it",
        source=catalogue.find("formats", "format", form)["source"],
    )


@cache
def passed_in(form: str, tensors: tuple[Tensor, ...]) -> Term:
    """Return the term for the weights that one token passes: of the routed experts, only those chosen.

    The parameters are those of `weights_in`.

    >>> passed_in("FP16", ())
    M_pass = P_act × B
    """
    stored, kind = weights_in(form, tensors), Format.named(form)
    if stored is weights:
        return passed_weights
    one = sympy.Add(*(stored_bytes((tensor,), kind) / E for tensor in tensors if tensor.group == "expert"))
    skipped = (E - symbol("active_experts")) * one
    return replace(passed_weights, expr=stored.symbol - skipped, holds=stored.holds, parts=(stored,))


_HALF, _EIGHTH = sympy.Rational(1, 2), sympy.Rational(1, 8)
_VECTOR_BYTES = 4  # F32, which every tensor keeps that no mix may touch


def blocks_bytes(name: str, numbers: sympy.Expr) -> sympy.Expr:
    """Return the bytes of `numbers` in blocks of this type, which divides them.

    >>> blocks_bytes("Q8_0", sympy.Integer(4096))
    4352
    """
    elements, size = block(name)
    return numbers * sympy.Rational(size, elements)


def tensor_bytes(tensor: Tensor, mix: str, base: str) -> sympy.Expr:
    """Return the bytes of a tensor in all the layers that have it.

    Parameters
    ----------
    mix : a llama.cpp file type, which gives some tensors more bits; "" for `base` throughout
    base : the block type of most matrices

    Source: ggml2026llama, src/llama-quant.cpp, llama_tensor_get_type_impl. Types that need an importance matrix are
    taken with one, the others without.

    >>> from memcalc.formula.tensors import TENSORS
    >>> [norm] = [tensor for tensor in TENSORS if tensor.group == "final"]
    >>> tensor_bytes(norm, "Q4_K_M", "Q4_K")
    4*d*n_vec
    """
    if not is_matrix(tensor):
        return _VECTOR_BYTES * tensor.count * tensor.size
    if tensor.name == "kv_b_proj":
        return sum(tensor_bytes(part, mix, base) for part in _absorbed(tensor))
    roles = _roles(tensor)
    separate = tensor.each * _in_types(tensor, roles, mix, base)
    if "embedding" not in roles:
        return separate
    return choose((_in_types(tensor, {"output"}, mix, base), sympy.Eq(n_emb, 1)), (separate, sympy.true))


def is_matrix(tensor: Tensor) -> bool:
    """Return whether the tensor is the matrix of a linear layer or of the embedding, which formats may shrink."""
    return len(tensor.shape) > 1 and not tensor.name.endswith("_bias") and tensor.name not in _NO_LINEAR_LAYER


def choose(*branches: tuple[sympy.Expr, sympy.Basic]) -> sympy.Expr:
    """Return the first expression whose condition holds; a Piecewise only where symbols leave it open."""
    open_ones = []
    for expr, condition in branches:
        if condition != sympy.false:
            open_ones.append((expr, condition))
        if condition == sympy.true:
            break
    return open_ones[0][0] if len(open_ones) == 1 else sympy.Piecewise(*open_ones, evaluate=False)


_NO_LINEAR_LAYER = ("conv1d", "A_log", "embed_positions", "router", "shared_gate")
_ROLES = {
    **{"embed_tokens": "embedding", "lm_head": "output"},
    **{"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output"},
    "qkv_proj": "attn_v",  # as sensitive as its values
    **{"up_proj": "ffn_up", "shared_up_proj": "ffn_up", "gate_up_proj": "ffn_up"},
    **{"down_proj": "ffn_down", "shared_down_proj": "ffn_down"},
}


def _roles(tensor: Tensor) -> set[str]:
    experts = {"experts"} if tensor.group == "expert" else set()
    return experts | {_ROLES.get(tensor.name, "other")}


def _absorbed(tensor: Tensor) -> list[Tensor]:
    """Split the up-projection of latent attention into that of the keys, which is transposed, and of the values."""
    rows, latent = tensor.shape
    shapes = {"k_b_proj": (h * latent, d_k - d_r), "v_b_proj": (rows - h * (d_k - d_r), latent)}
    return [replace(tensor, name=name, shape=shape) for name, shape in shapes.items()]


def _in_types(tensor: Tensor, roles: set[str], mix: str, base: str) -> sympy.Expr:
    output = "output" in roles
    rules = [rule for rule in catalogue.rows("mixes") if mix and _applies(rule, mix, roles)]

    def follow(rules: list, claimed: sympy.Expr) -> sympy.Expr:
        """Give the first rule its layers, which include those claimed before; `base` takes what is left."""
        if not rules:
            return (tensor.layers - claimed) * _matrix(tensor, base, output)
        rule, *later = rules
        layers = _layers(rule["layers"], tensor)
        followed = (layers - claimed) * _matrix(tensor, rule["type"], output)
        if rule["layers"] != "all":
            followed += follow(later, layers)
        return choose((followed, _CONDITIONS[rule["when"]]), (follow(later, claimed), sympy.true))

    return follow(rules, sympy.Integer(0))


def _applies(rule: Mapping[str, str], mix: str, roles: set[str]) -> bool:
    return bool({"*", mix} & {*rule["mixes"].split("|")} and roles & {*rule["roles"].split("|")})


_CONDITIONS = {
    "": sympy.true,
    "4 queries a key": sympy.Ge(h, 4 * h_kv),
    "4 experts": sympy.Ge(E, 4),
    "8 experts": sympy.Eq(E, 8),
    "70B": sympy.And(sympy.Eq(LAYERS, 80), sympy.Ne(h, h_kv)),  # Llama-2-70B's shape
}


def _layers(which: str, tensor: Tensor) -> sympy.Expr:
    """Count the layers of a tensor that a rule means; experts stand in the last layers, all else in the first."""
    of_all = LAYERS if tensor.group in ("mlp", "expert", "router") else tensor.layers
    if tensor.group not in ("expert", "router"):
        return _before(tensor.layers, which, of_all)
    return _before(of_all, which, of_all) - _before(of_all - tensor.layers, which, of_all)


@cache
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
    numbers, columns = tensor.size, tensor.shape[-1]
    types = (name, "Q8_0" if output else _FALLBACK.get(name), "F16")
    return choose(*((blocks_bytes(kind, numbers), _divides(block(kind)[0], columns)) for kind in types if kind))


def _divides(elements: int, columns: sympy.Expr) -> sympy.Basic:
    """Whether blocks fill a row; not by Mod, whose brackets the code printer of SymPy 1.14 forgets."""
    return sympy.Eq(elements * sympy.floor(columns / sympy.Integer(elements)), columns)


_FALLBACK = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_FALLBACK |= dict.fromkeys(("TQ1_0", "TQ2_0"), "Q4_0")
_FALLBACK |= dict.fromkeys(("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS"), "IQ4_NL")
