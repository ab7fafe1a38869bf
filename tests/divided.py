"""The cards of a divided model one by one: what each holds of every tensor of the inventory, cut by name."""

from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise, product
from math import prod

from sympy import Integer

from memcalc import Inference, InputError
from memcalc.estimate.degrees import check_degrees
from memcalc.estimate.inventory import inventory
from memcalc.formula.formats import block
from memcalc.formula.quantization import matrix_bytes
from memcalc.formula.tensors import present

OUTPUTS = {
    "embedding": {"vocabulary": "embed_tokens lm_head lm_bias", "layer_vocabulary": "embed_tokens_per_layer"},
    "attention": {
        "heads": "q_proj q_bias gate_proj gate_bias sinks",
        "kv_heads": "k_proj k_bias v_proj v_bias",
        "heads kv_heads kv_heads": "qkv_proj qkv_bias",
    },
    "latent_attention": {"heads": "q_proj q_b_proj kv_b_proj k_b_proj v_b_proj gate_proj"},
    "linear_attention": {"heads": "qkv_proj gate_proj norm"},
    "mlp": {"intermediate": "up_proj up_bias gate_up_proj ffn_sub_norm"},
    "expert": {"expert_intermediate": "gate_up_proj gate_up_bias"},
    "router": {"shared_intermediate": "shared_up_proj"},
    "mamba": {"inner": "in_proj in_bias conv1d conv_bias dt_proj dt_bias A_log D"},
    "mamba2": {
        "groups inner state_heads": "in_proj in_bias",
        "groups inner": "conv1d conv_bias",
        "inner": "gated_norm",
        "state_heads": "dt_bias A_log D",
    },
    "delta": {
        "delta_key_heads delta_heads": "in_proj conv1d",
        "delta_heads": "z_proj a_proj b_proj f_b_proj f_proj g_b_proj g_proj dt_bias A_log",
    },
}
"""Group → what tensor parallelism divides among the outputs of which tensors. What stands nowhere is copied."""

INPUTS = {
    "attention": {"heads": "o_proj"},
    "latent_attention": {"heads": "o_proj"},
    "linear_attention": {"heads": "out_proj"},
    "mlp": {"intermediate": "down_proj"},
    "expert": {"expert_intermediate": "down_proj"},
    "router": {"shared_intermediate": "shared_down_proj"},
    "mamba": {"inner": "x_proj out_proj"},
    "mamba2": {"inner": "out_proj"},
    "delta": {"delta_heads": "out_proj"},
}
"""Group → what it divides among the inputs, the columns of a matrix."""

_LIKE = {f"{kind}attention": "attention" for kind in ("window_", "sharing_", "window_sharing_")} | {"wide_mlp": "mlp"}


@cache
def stored(model, form):
    """The tensors of a model, by group and name, each with those of all its layers."""
    found = defaultdict(list)
    for one in inventory(model.values, present(model.structure, model.absent), form):
        if form.apart and (one.group, one.name) == ("expert", "gate_up_proj"):
            experts, rows, columns = one.shape
            both = model.mlp_matrices - 1
            one = replace(one, number=one.number * both, shape=(experts, rows // both, columns))
        found[one.group, one.name].append(one)
    return found


def cut(one):
    """Which axis of a tensor is divided, and what is divided there; None for a tensor of which each card has all."""
    group = _LIKE.get(one.group, one.group)
    for axis, of_groups in ((1 if group == "expert" else 0, OUTPUTS), (len(one.shape) - 1, INPUTS)):
        for kinds, names in of_groups.get(group, {}).items():
            if one.name in names.split():
                return axis, kinds.split()
    return None, []


def shares(number, cards):
    """How many of so many things each card gets; what are fewer than the cards are copied."""
    ends = [min(number, -(-number // cards) * card) for card in range(cards + 1)]
    return [after - before for before, after in pairwise(ends)] if number >= cards else [1] * cards


def lengths(one, model, form, cards):
    """How long the tensor is on each card along the axis that is divided, in whole blocks or groups of its format."""
    axis, kinds = cut(one)
    whole, last = one.shape[axis], axis == len(one.shape) - 1 > 0
    unit = units(one, form)[last]
    if last:
        return [min(whole, unit * blocks) for blocks in shares(-(-whole // unit), cards)]
    own = "window_" if one.group.startswith("window") else ""
    numbers = {kind: getattr(model, own + kind, 0) or getattr(model, kind) for kind in kinds}
    each = dict.fromkeys(kinds, whole // sum(numbers[kind] for kind in kinds))
    if "groups" in kinds:
        each = {"groups": 2 * model.state, "inner": 2 if one.name.startswith("in") else 1, "state_heads": 1}
    if "delta_key_heads" in kinds:
        each = {"delta_key_heads": 2 * model.delta_key_dim, "delta_heads": model.delta_dim}
    assert sum(each[kind] * numbers[kind] for kind in kinds) == whole
    rows = zip(*([each[kind] * share for share in shares(numbers[kind], cards)] for kind in kinds), strict=True)
    return [min(whole, unit * -(-sum(several) // unit)) for several in rows]


def units(one, form):
    """Between how many rows, and between how many columns, a stored tensor may be cut."""
    if form.type:
        return 1, block(one.type)[0]
    return (form.block_rows or 1, form.group or 1) if shrunk(one, form) else (1, 1)


def shrunk(one, form):
    """Whether the tensor has scales."""
    return form.family != "plain" and one.type == form.name and not form.type


@cache
def size(one, shape, form):
    """The bytes of tensors of this shape, stored as `one` is."""
    if form.type:
        elements, each = block(one.type)
        return one.number * Fraction(prod(shape) * each, elements)
    if not shrunk(one, form):
        return one.number * prod(shape) * Fraction(form.rest if one.type != form.name else form.bits) / 8
    *several, rows, columns = shape
    return one.number * prod(several) * Fraction(str(matrix_bytes(Integer(rows), Integer(columns), form)))


@cache
def cards_of(one, model, form, tensor, expert):
    """The bytes of a stored tensor on the cards that share its layer, and how many cards have so many."""
    axis, _ = cut(one)
    shapes = Counter({one.shape: tensor})
    if axis is not None:
        before, after = one.shape[:axis], one.shape[axis + 1 :]
        shapes = Counter((*before, length, *after) for length in lengths(one, model, form, tensor))
    held, found = Counter({None: expert}), Counter()
    if one.group == "expert":
        held = Counter(shares(model.experts, expert))
    for (shape, several), (experts, cards) in product(shapes.items(), held.items()):
        found[size(one, shape if experts is None else (experts, *shape[1:]), form)] += several * cards
    return found


def of_layers(ones, model, form, tensor, expert):
    """The same for a tensor in each of its layers."""
    return [cards_of(replace(one, layer=0), model, form, tensor, expert) for one in ones]


def heaviest(layers, stages):
    """The bytes of the layers, side by side, that weigh most as one stage."""
    most = -(-len(layers) // stages)
    return max(sum(layers[first : first + most]) for first in range(len(layers) - most + 1))


def most_loaded(model, form, tensor, pipeline, expert):
    """The bytes of the card that holds most of each tensor; of two tables, one of several stages holds the larger."""
    sizes = {}
    for (group, name), ones in stored(model, form).items():
        layers = [max(cards) for cards in of_layers(ones, model, form, tensor, expert)]
        sizes[group, name] = heaviest(layers, pipeline)
    tables = [sizes.get(("embedding", name), 0) for name in ("embed_tokens", "lm_head")]
    return sum(sizes.values()) - (min(tables) if pipeline > 1 else 0)


def copied(model, form, cards):
    """What cards that share every layer hold together beyond the whole [bytes], by group and name."""
    found = {}
    for (group, name), ones in stored(model, form).items():
        layers = of_layers(ones, model, form, cards, 1)
        together = sum(each * number for layer in layers for each, number in layer.items())
        found[f"{group}.{name}"] = together - sum(one.size for one in ones)
    return {name: more for name, more in found.items() if more}


@cache
def allowed(model):
    """Numbers of cards between which tensors, layers and experts of a model can be divided."""

    def can_be_divided(degree):
        try:
            return check_degrees(model, Inference(**degree)) is None
        except InputError:
            return False

    kinds = ("tensor_parallel", "pipeline_parallel", "expert_parallel")
    return [[number for number in range(1, 130) if can_be_divided({kind: number})] for kind in kinds]
