"""Prefill of latent attention, which makes the keys and values of all heads anew from the latents in its cache."""

from collections.abc import Iterator

import sympy

from memcalc.formula.choices import Attention
from memcalc.formula.formats import FP32, HALF, INT64
from memcalc.formula.numeric import Max
from memcalc.formula.prefill import Prefill
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import E, d, d_k, d_r, d_v, h, r_kv

b, k, L_dense, L_moe, d_sh = symbols("batch active_experts dense_layers moe_layers shared_intermediate")


class LatentPrefill(Prefill):
    """A forward pass of DeepSeek's code: layers with one MLP first, then layers with experts and a shared one.

    Parameters and errors are those of `Prefill`; `case` is of a family in LATENT.

    >>> from memcalc.formula.saved_tensors import CodePath
    >>> LatentPrefill(CodePath("deepseek_v3"), weighs=4).prefill.symbols[:4]
    (V, L_dense, L_moe, d)
    """

    value = d_v

    def _attention(self, new: sympy.Expr) -> sympy.Expr:
        embeddings, layer_input, normalised = 3 * [HALF * b * new * d]
        latents, turned = HALF * b * new * (r_kv + d_r), HALF * b * new * h * d_r
        as_made, joined = 2 * [HALF * b * new * h * d_k]  # the queries, with what was turned in its place
        return embeddings + layer_input + normalised + latents + turned + as_made + joined

    def _made(self, seen: sympy.Expr) -> sympy.Expr:
        as_made, keys = HALF * b * seen * h * (d_k - d_r + d_v), HALF * b * seen * h * d_k
        return as_made + keys

    _repeated = _made

    def _copied(self, seen: sympy.Expr) -> sympy.Expr:
        return (
            HALF * b * seen * h * d_v if self.case.many else sympy.S.Zero
        )  # they lie between keys, each sequence apart

    def _fused(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        return super()._fused(new, seen) if self.case.kernel == Attention.FLASH else self._projected(new, seen)

    def _joining(self, new: sympy.Expr, before: sympy.Expr, sight: str) -> sympy.Expr:
        old, latents, joined = HALF * b * before * r_kv, HALF * b * new * r_kv, HALF * b * new * h * d_k
        return self._attention(new) - joined + old + latents

    def _growth(self, sight: str) -> sympy.Expr:
        return HALF * b * (r_kv + d_r) * (self._seen(sight) - self._seen_before(sight))

    def _shared(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        """What the shared experts take, beside the router's choice and what its experts made."""
        normalised, output = 2 * [HALF * b * new * d]
        routed = FP32 * b * new * E + (FP32 + INT64) * b * new * k
        return self._behind_attention(new, seen) + normalised + output + routed + 3 * HALF * b * new * d_sh

    def _embeddings_as_input(self, new: sympy.Expr) -> sympy.Expr:
        """What the layer with an MLP need not hold beside the embeddings, where it is the first and the only one."""
        return HALF * b * new * d * Max(0, 2 - L_dense)

    def _moments(self, new: sympy.Expr, sight: str) -> Iterator[sympy.Expr]:
        yield from super()._moments(new, sight)
        seen = self._seen(sight)
        yield self._shared(new, seen)
        yield self._mlp(new, seen) - self._embeddings_as_input(new) - L_moe * self._growth(sight)  # not yet cached
