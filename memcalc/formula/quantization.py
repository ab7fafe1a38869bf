"""Stored bytes: what a model's tensors cost in each format, scales and tables included."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache, lru_cache, partial

import sympy

from memcalc import catalogue
from memcalc.formula.choices import Family
from memcalc.formula.formats import FP32, Format, block
from memcalc.formula.numeric import Max, Min
from memcalc.formula.parallelism import shares_of
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import LAYERS, E, Tensor, d_k, d_r, d_v, h, h_kv, n_emb, n_mlp
from memcalc.formula.term import Term
from memcalc.formula.weights import passed_weights, weights

Count = sympy.Expr | Fraction


@cache
def stored_bytes(tensors: tuple[Tensor, ...], form: Format) -> sympy.Expr:
    """Return the bytes of all tensors in a format, as an expression of what stands in their counts and shapes.

    >>> from memcalc.formula.tensors import TENSORS
    >>> [norm] = [tensor for tensor in TENSORS if tensor.group == "final"]
    >>> stored_bytes((norm,), Format.named("FP16")), stored_bytes((norm,), Format.named("Q4_K_M"))
    (2*d*n_vec, 4*d*n_vec)
    """
    if form.type:
        return sympy.Add(*(tensor_bytes(tensor, *mix_of(tensor, form)) for tensor in tensors))
    return sympy.Add(*(_in_file(tensor, form) for tensor in tensors))


def mix_of(tensor: Tensor, form: Format) -> tuple[str, str]:
    """Return the mix of a file of llama.cpp and the block type of most matrices; "" and the type of one kept as it is.

    An architecture that has rules of its own stands behind the mix: "Q4_K_M@falcon".

    >>> from memcalc.formula.tensors import TENSORS
    >>> mix_of(TENSORS[0], Format.named("Q4_K_M")), mix_of(TENSORS[0], Format.named("Q4_K"))
    (('Q4_K_M', 'Q4_K'), ('', 'Q4_K'))
    """
    place = tensor.group, tensor.name
    kept = next((other.form for other in form.others if (other.group, other.tensor) == place), "")
    if kept or form.family != Family.GGUF:
        return "", kept or form.type
    return form.name + (f"@{form.architecture}" if form.architecture else ""), form.type


def _in_file(tensor: Tensor, form: Format) -> sympy.Expr:
    """Return the bytes of a tensor in all the layers that have it, some of which may have another format."""
    left, total = tensor.count, sympy.Integer(0)
    for other in form.others:
        if (other.group, other.tensor) == (tensor.group, tensor.name):
            number = left if other.number is None else sympy.Min(left, other.number)
            total, left = total + number * in_format(tensor, Format.named(other.form)), left - number
    return total + left * in_groups(tensor, form)


def matrix_bytes(rows: sympy.Expr, columns: sympy.Expr, form: Format) -> sympy.Expr:
    """Return the bytes of one matrix with a scale per group: codes, scales, zero points and tables.

    >>> matrix_bytes(sympy.Integer(1000), sympy.Integer(333), Format.named("LLM.int8"))
    337000
    """
    groups = _groups(rows, columns, form)
    scales = groups * _bytes(form.scale_bits + form.zero_bits) + columns * _bytes(form.column_bits)
    nested = 4 * sympy.ceiling(groups / sympy.Integer(form.nested)) if form.nested else 0
    return codes(rows, columns, form) + scales + nested + form.table_bytes


def _groups(rows: sympy.Expr, columns: sympy.Expr, form: Format) -> sympy.Expr:
    """Return how many scales a matrix has; a block at its edge that is not full has one too."""
    if form.block_rows:
        return _up(rows, form.block_rows) * _up(columns, form.group)
    return _up(rows * columns, form.group) if form.group else rows


def _up(numbers: sympy.Expr, size: int) -> sympy.Expr:
    return sympy.ceiling(numbers / sympy.Integer(size))


def in_groups(tensor: Tensor, form: Format) -> sympy.Expr:
    """Return the bytes of one tensor in a format that is no file of llama.cpp's blocks."""
    if form.family == Family.PLAIN or shrinks(tensor, form):
        return in_format(tensor, form)
    return tensor.size * _bytes(form.rest)


def shrinks(tensor: Tensor, form: Format) -> bool:
    """Return whether a format with scales takes the tensor, which it else leaves as it is."""
    taken = is_matrix(tensor) or tensor.name in form.also
    return taken and form.keeps.isdisjoint((tensor.group, tensor.name))


def in_format(tensor: Tensor, form: Format) -> sympy.Expr:
    """Return the bytes of one tensor in a format, whatever else that keeps."""
    if form.family == Family.PLAIN:
        return tensor.size * _bytes(form.bits)
    joined = _UP if form.apart and (tensor.group, tensor.name) == ("expert", "gate_up_proj") else 1
    rows, columns = _in_units(tensor, -2, form.block_rows, joined), _in_units(tensor, -1, form.group)
    return sympy.prod(tensor.shape[:-2]) * joined * matrix_bytes(rows, columns, form)


def _in_units(tensor: Tensor, axis: int, unit: int, joined: int | sympy.Expr = 1) -> sympy.Expr:
    """Return how long a tensor is along an axis, which cards cut between whole blocks or groups of so many numbers.

    Engines cut so or, like vLLM in most formats, refuse a width that is no equal number of them for each card.

    Parameters
    ----------
    joined : tensors that stand one after the other along the axis; the length is that of one of them
    """
    length, whole = (size / joined for size in (tensor.shape[axis], (tensor.whole or tensor).shape[axis]))
    if length == whole or unit <= 1:
        return length
    return Min(whole, unit * sympy.ceiling(length / unit))


def codes(rows: sympy.Expr, columns: sympy.Expr, form: Format) -> sympy.Expr:
    """Return the bytes of the codes; HQQ packs them across groups: as many groups in one as codes fit in a word."""
    if form.family != Family.HQQ:
        return sympy.ceiling(rows * columns * _bytes(form.code_bits))
    length = sympy.Integer(form.group) if form.group else columns
    groups = rows * columns / length
    if form.code_bits == 3:  # ten codes in 32 bits; missing groups are filled up; a half less keeps floats off steps
        return 4 * sympy.ceiling((groups - sympy.Rational(1, 2)) / 10) * length
    return sympy.floor(groups * _bytes(form.code_bits)) * length  # a last, incomplete byte is dropped


def _bytes(bits: Fraction | int) -> sympy.Rational:
    return sympy.Rational(Fraction(bits) / 8)


@cache
def weights_in(form: str | Format, tensors: tuple[Tensor, ...]) -> Term:
    """Return the term for the weights in a format: the product above where every number has its bits, else a sum.

    Parameters
    ----------
    form : a name of data/formats.csv, or a format as a file makes use of it
    tensors : what the model holds, from `formula.tensors.present`

    >>> weights_in("FP16", ())
    M_w = P × B
    """
    kind = form if isinstance(form, Format) else Format.named(form)
    if kind.family == Family.PLAIN and not kind.others:
        return weights
    return Term(
        name=weights.name,
        expr=stored_bytes(tensors, kind),
        meaning="Each tensor is stored as its format says: codes, the scales beside them, and what stays in more bits.",
        holds=f"{kind.name}: every tensor as the tool that makes the format stores it{_divided(tensors)}",
        source=kind.source,
    )


def _divided(tensors: tuple[Tensor, ...]) -> str:
    """Say how cards share the tensors out, if these are parts."""
    how = "; cards divide its rows, or the columns between whole blocks and groups, and store each part as the whole"
    return how if any(tensor.whole for tensor in tensors) else ""


@cache
def passed_in(form: str | Format, tensors: tuple[Tensor, ...]) -> Term:
    """Return the term for the weights that one token passes: of the routed experts, only those chosen.

    The parameters are those of `weights_in`.

    >>> passed_in("FP16", ())
    M_pass = P_act × B
    """
    stored, kind = weights_in(form, tensors), form if isinstance(form, Format) else Format.named(form)
    if stored is weights:
        return passed_weights
    one = sympy.Add(*(stored_bytes((tensor,), kind) / E for tensor in tensors if tensor.group == "expert"))
    skipped = (E - symbol("active_experts")) * one
    return replace(passed_weights, expr=stored.symbol - skipped, holds=stored.holds, parts=(stored,))


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
    if not is_matrix(tensor):  # vectors: no mix may touch them
        return FP32 * tensor.count * tensor.size
    if tensor.name == "kv_b_proj":
        return sum(tensor_bytes(part, mix, base) for part in absorbed(tensor))
    role = _role(tensor)
    separate = tensor.each * _in_types(tensor, role, mix, base)
    if role != "embedding":
        return separate
    tables = shares_of()[n_emb] if tensor.whole else n_emb  # of two, a stage holds one: as much as the larger
    return choose((_in_types(tensor, "output", mix, base), sympy.Eq(tables, 1)), (separate, sympy.true))


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


_UP = n_mlp - 1
_NO_LINEAR_LAYER = ("conv1d", "A_log", "embed_positions", "router", "shared_gate")
_ROLES = {
    **{"embed_tokens": "embedding", "lm_head": "output"},
    **{"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output"},
    "qkv_proj": "attn_v",  # as sensitive as its values
    **{"up_proj": "ffn_up", "shared_up_proj": "ffn_up", "gate_up_proj": "ffn_up"},
    **{"down_proj": "ffn_down", "shared_down_proj": "ffn_down"},
}


def absorbed(tensor: Tensor) -> list[Tensor]:
    """Split the up-projection of latent attention into that of the keys, which is transposed, and of the values."""
    rows, latent = tensor.shape
    heads = rows / (d_k - d_r + d_v)
    keys = replace(tensor, name="k_b_proj", shape=(heads * latent, d_k - d_r))
    values = replace(tensor, name="v_b_proj", shape=(heads * d_v, latent))
    if tensor.whole is None:
        return [keys, values]
    return [replace(part, whole=whole) for part, whole in zip((keys, values), absorbed(tensor.whole), strict=True)]


def type_at(tensor: Tensor, mix: str, base: str, place: int, known: Mapping[sympy.Symbol, object]) -> str:
    """Return the block type of a tensor in one layer; where blocks fit in no row, the one that is taken instead.

    Parameters
    ----------
    mix, base : as for `tensor_bytes`
    place : of the layer: in the model for experts, else among those that have the tensor
    known : the counts of a model; the sizes of the tensor are numbers already
    """
    if not is_matrix(tensor):
        return "F32"
    role = _role(tensor)
    if role == "embedding" and known[n_emb] == 1:
        role = "output"
    layers = LAYERS if tensor.group in COUNTED_IN_ALL else tensor.layers
    ends = [Fraction(int(end)) for end in (place, place + 1, layers.xreplace(known))]

    def holds(rule: Mapping[str, str]) -> bool:
        before, after = (_before(end, rule["layers"], ends[2]) for end in ends[:2])
        return before != after and _CONDITIONS[rule["when"]].xreplace(known) == sympy.true

    kind = next((rule["type"] for rule in _rules(tensor.group, role, mix) if holds(rule)), base)
    return next(name for name in _types(kind, role) if tensor.shape[-1] % block(name)[0] == 0)


def _role(tensor: Tensor) -> str:
    return _ROLES.get(tensor.name, "other")


@cache
def own_rules() -> frozenset[str]:
    """Return the families that llama.cpp's quantizer has rules of their own for.

    >>> own_rules()
    frozenset({'falcon'})
    """
    names = (name for rule in catalogue.rows("mixes") for name in rule["mixes"].split("|") if "@" in name)
    return frozenset(name.partition("@")[2] for name in names)


@cache
def _rules(group: str, role: str, mix: str) -> tuple[Mapping[str, str], ...]:
    """Return what a mix says of tensors of a group in a role; the first that holds for a layer counts."""
    roles = {role, "experts"} if group == "expert" else {role}
    name, at, architecture = mix.partition("@")
    meant = {"*", name, f"*{at}{architecture}", mix} if mix else set()
    of_mix = [rule for rule in catalogue.rows("mixes") if meant.intersection(rule["mixes"].split("|"))]
    return tuple(rule for rule in of_mix if roles.intersection(rule["roles"].split("|")))


def _types(kind: str, role: str) -> tuple[str, ...]:
    """Return a block type, and those that are taken where its blocks do not fit in a row."""
    smaller = "Q8_0" if role == "output" else catalogue.find("ggml_types", "block type", kind)["fallback"] or "F16"
    return kind, smaller, "F16"


def _in_types(tensor: Tensor, role: str, mix: str, base: str) -> sympy.Expr:
    rules = _rules(tensor.group, role, mix)

    def follow(rules: Sequence, claimed: sympy.Expr) -> sympy.Expr:
        """Give the first rule its layers, which include those claimed before; `base` takes what is left."""
        if not rules:
            return (tensor.layers - claimed) * _matrix(tensor, base, role)
        rule, *later = rules
        layers = _layers(rule["layers"], tensor)
        followed = (layers - claimed) * _matrix(tensor, rule["type"], role)
        if rule["layers"] != "all":
            followed += follow(later, layers)
        return choose((followed, _CONDITIONS[rule["when"]]), (follow(later, claimed), sympy.true))

    return follow(rules, sympy.Integer(0))


_CONDITIONS = {
    "": sympy.true,
    "4 queries a key": sympy.Ge(h, 4 * h_kv),
    "4 experts": sympy.Ge(E, 4),
    "8 experts": sympy.Eq(E, 8),
    "70B": sympy.And(sympy.Eq(LAYERS, 80), sympy.Ne(h, h_kv)),  # Llama-2-70B's shape
}


COUNTED_IN_ALL = ("mlp", "expert", "router")
"""Groups of which a mix counts the layers among all; of the others, among those that have them."""

BY_NUMBER = ("expert", "router")
"""Groups of which a mix goes by the number of the layer; of the others, by how many came before."""


def _layers(which: str, tensor: Tensor) -> sympy.Expr:
    """Count the layers of a tensor that a rule means; experts stand in the last layers, all else in the first.

    Rules give more bits at both ends of a model, and fewer in the middle: the first or the last stage weighs most.
    """
    whole = tensor.whole or tensor
    of_all = LAYERS if tensor.group in COUNTED_IN_ALL else whole.layers
    start = of_all - whole.layers if tensor.group in BY_NUMBER else sympy.S.Zero

    def from_layer(first: sympy.Expr) -> sympy.Expr:
        return _before(first + tensor.layers, which, of_all) - (first and _before(first, which, of_all))

    if tensor.whole is None:
        return from_layer(start)
    ends = from_layer(start), from_layer(start + whole.layers - tensor.layers)
    return (Min if which == "middle" else Max)(*ends)


@lru_cache(maxsize=None, typed=True)  # for SymPy has numbers that equal Python's
def _before(end: Count, which: str, layers: Count) -> Count:
    """Count the layers below `end` that lie in a part of all `layers`: in letters, or in numbers, which is quick."""
    if isinstance(layers, Fraction):
        floor, least, most, half = math.floor, min, max, Fraction(1, 2)
    else:
        floor = partial(sympy.floor, evaluate=layers.is_number)  # SymPy takes its time to find nothing in a formula
        least, most, half = Min, Max, sympy.S.Half
    eighth = floor(layers / 8)
    middle = least(most(end, eighth), floor(7 * layers / 8)) - eighth
    thirds = floor((middle + half) / 3)  # a half more changes no floor, and keeps floats off its steps
    return {
        "all": end,
        "first_2": least(end, 2),
        "first_4": least(end, 4),
        "first_sixteenth": least(end, floor(layers / 16)),
        "first_eighth": least(end, eighth),
        "middle": middle,
        "more": end - middle + thirds,  # both ends, and every third layer between them
    }[which]


def _matrix(tensor: Tensor, kind: str, role: str) -> sympy.Expr:
    """Return the bytes of one tensor in a block type, or in the next one whose blocks fit in its rows."""
    branches, columns = [], (tensor.whole or tensor).shape[-1]
    for elements, size in map(block, _types(kind, role)):
        fits = sympy.Eq(elements * sympy.floor(columns / sympy.Integer(elements)), columns)
        numbers = sympy.prod(tensor.shape[:-1]) * _in_units(tensor, -1, elements)
        branches.append((numbers * sympy.Rational(size, elements), fits))
    return choose(*branches)
