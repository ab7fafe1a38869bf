"""The list of parameter tensors: what a model holds, tensor by tensor, with shapes in symbols.

Counts of parameters, scales of quantization, optimizer states, shards and adapters are all sums over this one list.
A model that lacks a tensor has none of it: a size or a number of zero.
"""

from dataclasses import dataclass, replace
from functools import cache

import sympy
from sympy import Add, Min, Mul, prod

from memcalc.formula.symbols import symbols

n_emb, V, n_pos, n_en, d, n_vec, n_norm = symbols(
    "embedding_tables vocabulary positions embedding_norms hidden norm_vectors layer_norms"
)
L_full, L_win, L_mla, L_ssm, L_ssd, L_dense, L_moe = symbols(
    "full_layers window_layers latent_layers mamba_layers mamba2_layers dense_layers moe_layers"
)
h, h_kv, d_k, d_v, d_r, r_kv, r_q = symbols("heads kv_heads head_dim value_dim rope_dim kv_rank query_rank")
n_mlp, d_ff, E, d_e, d_sh = symbols("mlp_matrices intermediate experts expert_intermediate shared_intermediate")
beta_qkv, beta_o, beta_mlp, beta_e, nu_qk, n_sink, n_gate = symbols(
    "qkv_bias output_bias mlp_bias expert_bias qk_norms sink_heads shared_gate"
)
d_i, N, n_conv, r_dt, n_grp, h_s = symbols("inner state conv time_rank groups state_heads")
nu_ssm, beta_ssm, beta_conv = symbols("state_norms state_bias conv_bias")

LAYERS = L_full + L_win + L_mla + L_ssm + L_ssd
"""All layers: each has one way to look at other tokens."""


@dataclass(frozen=True)
class Tensor:
    """A parameter tensor, or several that are alike.

    Parameters
    ----------
    name : as in Hugging Face code, without the path
    group : the part of the model that it belongs to, a key of `GROUPS`
    each : how many the group holds once
    shape : as PyTorch stores it; of a matrix (outputs, inputs)
    """

    name: str
    group: str
    each: int | sympy.Expr
    shape: tuple[sympy.Expr, ...]

    @property
    def size(self) -> sympy.Expr:
        """Numbers in one tensor."""
        return prod(self.shape)

    @property
    def layers(self) -> sympy.Expr:
        """How often the model holds the group."""
        return GROUPS[self.group]

    @property
    def number(self) -> sympy.Expr:
        """How many the whole model holds; it may count tensors of size zero, which weigh nothing."""
        return self.each * self.layers

    @property
    def count(self) -> sympy.Expr:
        """How many of them are larger than zero."""
        sizes = [factor for factor in Mul.make_args(self.size) if factor.is_Symbol and not factor.is_positive]
        return self.number * prod(Min(1, factor) for factor in sizes)


_CONV2 = d_i + 2 * n_grp * N  # Mamba-2 sends input, B and C through the convolution
_UP = n_mlp - 1  # all matrices of an MLP but the last lead to its width

_ROWS = {
    ("embedding", sympy.S.One): [
        ("embed_tokens", 1, V, d),
        ("lm_head", n_emb - 1, V, d),
        ("embed_positions", 1, n_pos, d),
        ("embed_norm", n_en * n_vec, d),
    ],
    ("attention", L_full + L_win): [
        ("q_proj", 1, h * d_k, d),
        ("k_proj", 1, h_kv * d_k, d),
        ("v_proj", 1, h_kv * d_k, d),
        ("o_proj", 1, d, h * d_k),
        ("q_bias", beta_qkv, h * d_k),
        ("k_bias", beta_qkv, h_kv * d_k),
        ("v_bias", beta_qkv, h_kv * d_k),
        ("o_bias", beta_o, d),
        ("q_norm", nu_qk, d_k),
        ("k_norm", nu_qk, d_k),
        ("sinks", n_sink, h),
    ],
    ("latent_attention", L_mla): [
        ("q_proj", 1 - Min(1, r_q), h * d_k, d),
        ("q_a_proj", 1, r_q, d),
        ("q_a_norm", 1, r_q),
        ("q_b_proj", 1, h * d_k, r_q),
        ("kv_a_proj", 1, r_kv + d_r, d),
        ("kv_a_norm", 1, r_kv),
        ("kv_b_proj", 1, h * (d_k - d_r + d_v), r_kv),
        ("o_proj", 1, d, h * d_v),
        ("q_a_bias", beta_qkv, r_q),
        ("kv_a_bias", beta_qkv, r_kv + d_r),
        ("o_bias", beta_o, d),
    ],
    ("mamba", L_ssm): [
        ("in_proj", 1, 2 * d_i, d),
        ("in_bias", beta_ssm, 2 * d_i),
        ("conv1d", 1, d_i, 1, n_conv),
        ("conv_bias", beta_conv, d_i),
        ("x_proj", 1, r_dt + 2 * N, d_i),
        ("dt_proj", 1, d_i, r_dt),
        ("dt_bias", 1, d_i),
        ("dt_norm", nu_ssm, r_dt),
        ("b_norm", nu_ssm, N),
        ("c_norm", nu_ssm, N),
        ("A_log", 1, d_i, N),
        ("D", 1, d_i),
        ("out_proj", 1, d, d_i),
        ("out_bias", beta_ssm, d),
    ],
    ("mamba2", L_ssd): [
        ("in_proj", 1, d_i + _CONV2 + h_s, d),
        ("in_bias", beta_ssm, d_i + _CONV2 + h_s),
        ("conv1d", 1, _CONV2, 1, n_conv),
        ("conv_bias", beta_conv, _CONV2),
        ("dt_bias", 1, h_s),
        ("A_log", 1, h_s),
        ("D", 1, h_s),
        ("gated_norm", 1, d_i),
        ("out_proj", 1, d, d_i),
        ("out_bias", beta_ssm, d),
    ],
    ("mlp", L_dense): [
        ("up_proj", _UP, d_ff, d),
        ("down_proj", 1, d, d_ff),
        ("up_bias", beta_mlp * _UP, d_ff),
        ("down_bias", beta_mlp, d),
    ],
    ("expert", L_moe): [
        ("gate_up_proj", 1, E, _UP * d_e, d),
        ("down_proj", 1, E, d, d_e),
        ("gate_up_bias", beta_e, E, _UP * d_e),
        ("down_bias", beta_e, E, d),
    ],
    ("router", L_moe): [
        ("router", 1, E, d),
        ("router_bias", beta_e, E),
        ("shared_up_proj", _UP, d_sh, d),
        ("shared_down_proj", 1, d, d_sh),
        ("shared_gate", n_gate, 1, d),
    ],
    ("norms", LAYERS): [("norm", n_norm * n_vec, d)],
    ("final", sympy.S.One): [("norm", n_vec, d)],
}

GROUPS = dict(_ROWS.keys())
"""Group of tensors → how often the model holds the group."""

TENSORS = tuple(
    Tensor(name, group, each, tuple(shape)) for (group, _), rows in _ROWS.items() for name, each, *shape in rows
)
"""Every parameter tensor that a model of the catalogue can have."""

MATRICES, BIASES = "_proj", "_bias"
"""How the names of tensors end that multiply a token, and of those that are added to the result."""


def held(group: str, axis: int = 0, of: str | tuple[str, ...] = "") -> sympy.Expr:
    """Return the parameters that one instance of a group holds.

    Parameters
    ----------
    group : a key of GROUPS
    axis : what follows it counts: 1 for one of many experts
    of : how the names of the tensors end that count

    >>> held("norms"), held("mlp", of="down_proj")
    (d*n_norm*n_vec, d*d_ff)
    """
    counted = (tensor for tensor in TENSORS if tensor.group == group and tensor.name.endswith(of))
    return Add(*(tensor.each * prod(tensor.shape[axis:]) for tensor in counted))


@cache
def present(packing: str, absent: frozenset[sympy.Symbol]) -> tuple[Tensor, ...]:
    """Return the tensors of a model that lacks what the symbols in `absent` count.

    >>> lacking = frozenset((L_full, L_win, L_mla, L_ssm, L_ssd, L_moe, n_pos, n_en))
    >>> [tensor.name for tensor in present("", lacking) if tensor.group == "embedding"]
    ['embed_tokens', 'lm_head']
    """
    gone = dict.fromkeys(absent, sympy.Integer(0))
    return tuple(tensor for tensor in packed(packing) if (tensor.number * tensor.size).xreplace(gone) != 0)


PACKINGS = ("", "qkv", "qkv gate_up")
"""What a family's code stores as one matrix: none, queries, keys and values, or those and the MLP's first two."""


@cache
def packed(packing: str) -> tuple[Tensor, ...]:
    """Return the tensors as a family of models stores them.

    Parameters
    ----------
    packing : one of PACKINGS
    """
    tensors = list(TENSORS)
    if "qkv" in packing:
        tensors = _merged(_merged(tensors, MATRICES), BIASES)
    if "gate_up" in packing:
        place = [tensor.name for tensor in tensors].index("up_proj")
        up = tensors[place]
        tensors[place] = replace(up, name="gate_up_proj", each=1, shape=(up.each * up.shape[0], *up.shape[1:]))
    return tuple(tensors)


def _merged(tensors: list[Tensor], ending: str) -> list[Tensor]:
    names = {kind + ending for kind in "qkv"}
    parts = [tensor for tensor in tensors if tensor.group == "attention" and tensor.name in names]
    rows = Add(*(part.shape[0] for part in parts))
    one = replace(parts[0], name=f"qkv{ending}", shape=(rows, *parts[0].shape[1:]))
    return [one, *(tensor for tensor in tensors if tensor not in parts)]
