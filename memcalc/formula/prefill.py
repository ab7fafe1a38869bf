"""Prefill: the working memory of a prompt's forward pass, whole or in chunks, and of a step that generates a token."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import sympy
from sympy import ceiling

from memcalc.errors import must
from memcalc.formula.choices import Attention
from memcalc.formula.formats import BOOL, FP32, HALF, INT32, INT64
from memcalc.formula.kv_cache import L_win, W, c_win, reserved_window
from memcalc.formula.numeric import Max, Min
from memcalc.formula.parallelism import shares_of
from memcalc.formula.saved_tensors import CodePath
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import E, V, d, d_ff, d_k, h, h_kv
from memcalc.formula.term import Term

d_rot, s, b, c, t, k, d_e = symbols("rotary context batch chunk tensor_parallel active_experts expert_intermediate")

MEASURED = (
    *("llama", "mistral", "qwen2", "gpt_neox", "seed_oss", "qwen3", "phi3", "gemma2", "gemma3", "gemma3_text"),
    *("gpt2", "opt"),
)
"""Families whose code has been measured; the peak lies where their code lets tensors go, so no other is guessed."""

DIVIDED = ("llama", "mistral", "qwen2", "seed_oss", "qwen3")
"""Those that several cards can share, as it has been measured: no card gathers anything before the logits."""

EXPERTS = {
    "mixtral": ("mistral", FP32),
    "qwen3_moe": ("qwen3", HALF),
    "gpt_oss": ("gpt_oss", HALF),
    "deepseek_v2": ("deepseek_v2", FP32),
    "deepseek_v3": ("deepseek_v3", FP32),
    "kimi_k2": ("deepseek_v3", FP32),
}
"""Families with experts, measured with grouped_mm: whose code the rest has, bytes of a routing weight.

All layers have experts, but for DeepSeek's first ones.
"""

LATENT = ("deepseek_v2", "deepseek_v3", "kimi_k2")
"""Those of them with latent attention, whose first layers may have one MLP instead of experts."""

_ROUTED = tuple(dict.fromkeys(code for code, _ in EXPERTS.values()))

_HOLDS = "transformers 5.24, no gradients, 16 bits, no layer the first and the last of its kind"
_SOURCE = "wolf2020transformers, src/transformers/models and cache_utils.py"
_SHARES = {whole: share for whole, share in shares_of().items() if whole != V}
_PAIR = 2 * HALF * b * h_kv * d_k  # bytes of a key and a value of each sequence


def _in_32_bit(rows: sympy.Expr, width: sympy.Expr) -> sympy.Expr:
    """Return what a norm holds at most: numbers in FP32, them scaled, and of each row the mean square and its root."""
    numbers, scaled, mean, root = rows * width * FP32, rows * width * FP32, rows * FP32, rows * FP32
    return numbers + scaled + mean + root


def _in_32_bit_until_weighted(rows: sympy.Expr, width: sympy.Expr) -> sympy.Expr:
    """Return the same of a norm whose weights are of FP32: numbers scaled, them weighted, and the latter rounded."""
    scaled, weighted, rounded, mean = rows * width * FP32, rows * width * FP32, rows * width * HALF, rows * FP32
    return scaled + weighted + rounded + mean


def _in_32_bit_of_gemma(rows: sympy.Expr, width: sympy.Expr) -> sympy.Expr:
    """Return the same of a norm that goes back to 16 bits after its weights: beside two, roots or weights."""
    numbers, scaled, roots, weights = rows * width * FP32, rows * width * FP32, rows * FP32, width * FP32
    return numbers + scaled + Max(roots, weights)


@dataclass(frozen=True)
class Prefill:
    """A forward pass without gradients, by what decides where its memory peaks.

    Parameters
    ----------
    case : the family's code, its attention, whether heads are grouped (one head of keys for all is never copied), and
        whether the context reaches the window; of a family in MEASURED
    all_logits : whether every token gets logits, or each prompt's last token alone
    chunked : whether the prompt comes in chunks of c tokens
    sights : a letter for each layer in order: "F" if it sees the whole context, "W" if it has a window, "w" if its
        cache keeps everything even so; one letter is enough for layers that are all alike
    divided : whether cards share heads, widths and vocabulary; of a family in DIVIDED
    weighs : bytes of a routing weight where experts stand in the place of MLPs; 0 without experts

    Raises InputError if the family has not been measured, or the recipe is not one of 16 bits.

    >>> Prefill(CodePath("llama")).prefill.symbols
    (V, d, d_ff, h, h_kv, d_k, d_rot, s, b)
    """

    case: CodePath
    all_logits: bool = False
    chunked: bool = False
    sights: str = "F"
    divided: bool = False
    weighs: int = 0
    value = d_k  # numbers in one head's value

    def __post_init__(self):
        if self.case.width != "bf16":
            raise must("recipe", "one of 16 bits for a prefill", repr(self.case.recipe))
        known = DIVIDED if self.divided else _ROUTED if self.weighs else MEASURED
        if self.case.family not in known:
            many = " on several cards" if self.divided else ""
            raise must("family", f"one of {', '.join(known)} for a prefill{many}", repr(self.case.family))

    def _attention(self, new: sympy.Expr) -> sympy.Expr:
        embeddings, layer_input, normalised = 3 * [HALF * b * new * d]
        queries, keys, values = HALF * b * new * h * d_k, *2 * [HALF * b * new * h_kv * d_k]
        if "packed" not in self.case.traits:
            return embeddings + layer_input + normalised + queries
        turned = queries if "rotary" in self.case.traits else 0
        return embeddings + layer_input + normalised + queries + keys + values + turned

    def _copied(self, seen: sympy.Expr) -> sympy.Expr:
        return sympy.S.Zero  # values are multiplied as they lie

    def _made(self, seen: sympy.Expr) -> sympy.Expr:
        return sympy.S.Zero  # keys and values are read as the cache holds them

    def _repeated(self, seen: sympy.Expr) -> sympy.Expr:
        return 2 * HALF * b * seen * h * d_k if self.case.grouped else sympy.S.Zero  # keys and values

    def _scores(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        masked, in_32_bit, softmax, rounded = (each * b * h * new * seen for each in (HALF, FP32, FP32, HALF))
        if "softmax_as_is" in self.case.traits:
            in_32_bit, softmax = 0, rounded
        output, reordered = 2 * [HALF * b * new * h * self.value]
        moment = Max(masked + in_32_bit + softmax, rounded + output + Max(reordered, self._copied(seen)))
        return self._attention(new) + self._repeated(seen) + moment

    def _scores_with_sink(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        """What attention takes where each head has one score more, from which it lowers all by the highest of them."""
        masked, highest, joined = (HALF * b * h * new * each for each in (seen, 1, seen + 1))
        lowered, softmax, output, reordered = joined, joined, *2 * [HALF * b * new * h * d_k]
        moment = Max(masked + joined + highest, softmax + output + reordered)
        return self._attention(new) + self._repeated(seen) + lowered + moment

    def _masked(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        """What fused attention takes with a mask: numbers to add to the scores, made from its negation."""
        bias, negated, output = HALF * b * new * seen, BOOL * b * new * seen, HALF * b * new * h * self.value
        random = 2 * INT64  # seed and offset, which the kernel returns although nothing is dropped
        return self._attention(new) + self._repeated(seen) + bias + Max(negated, output + random)

    def _projected(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        output, projected = HALF * b * new * h * self.value, HALF * b * new * d
        return self._attention(new) + self._made(seen) + self._weights(new, seen) + output + projected

    def _weights(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        """What the scores became, which attention returned, and a name still holds."""
        scored = seen + 1 if "sink" in self.case.traits else seen
        return HALF * b * h * new * scored if self._eager else sympy.S.Zero

    def _behind_attention(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        embeddings, layer_input, residual_sum, output = 4 * [HALF * b * new * d]
        held = output if "output_held" in self.case.traits else 0
        return embeddings + layer_input + residual_sum + held + self._weights(new, seen)

    def _norm(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        in_32_bit = _in_32_bit_until_weighted if "wide_norm" in self.case.traits else _in_32_bit
        return self._behind_attention(new, seen) + in_32_bit(b * new, d)

    def _norm_behind(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        output = HALF * b * new * d
        return self._behind_attention(new, seen) + output + _in_32_bit_of_gemma(b * new, d)

    def _query_norm_of_gemma(self, new: sympy.Expr, sight: str) -> sympy.Expr:
        embeddings, layer_input, normalised = 3 * [HALF * b * new * d]
        queries, not_yet_cached = HALF * b * new * h * d_k, new * _PAIR - self._growth(sight)
        here = embeddings + layer_input + normalised + queries + not_yet_cached
        return here + _in_32_bit_of_gemma(b * new * h, d_k)

    def _query_norm(self, new: sympy.Expr, sight: str) -> sympy.Expr:
        embeddings, layer_input, normalised = 3 * [HALF * b * new * d]
        queries = HALF * b * new * h * d_k
        here = embeddings + layer_input + normalised + queries + _in_32_bit(b * new * h, d_k)
        return here - self._growth(sight)

    def _mlp(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        normalised = HALF * b * new * d
        traits = self.case.traits  # gate and up in one, activated gate and product; or one after the other; or no gate
        inner = 4 if traits & {"gated_packed", "gelu_new"} else 3 if "gated" in traits else 2
        moment = normalised + inner * HALF * b * new * d_ff
        if "mlp_in_layer" in traits:  # where the input goes before the activation, and an output comes after it
            moment -= Min(normalised, HALF * b * new * d_ff)
        return self._behind_attention(new, seen) + moment

    def _experts(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        """What experts take in a grouped multiplication: copies of each token lie in the order of the experts."""
        normalised, copies = HALF * b * new * d, b * new * k
        logits = (FP32 if "fp32_router" in self.case.traits else HALF) * b * new * E
        routed = logits + INT64 * copies + self.weighs * copies  # of the router, its choice, weights
        ordered = 2 * INT64 * copies + self.weighs * copies + INT32 * copies + 2 * INT32 * E  # and where each begins
        one, output, weighted, in_place = (
            each * copies for each in (HALF * d_e, HALF * d, self.weighs * d, self.weighs * d)
        )
        inner, biases, bias = 4 * one, 0, 0  # gate and up, the activated gate and the product
        if "biased_experts" in self.case.traits:
            inner, biases, bias = 7 * one, 2 * one, output  # both cut off, the activated gate, up and one, the product
        summed, rounded = self.weighs * b * new * d, (self.weighs - HALF) * b * new * d
        moment = Max(inner + biases, output + bias + in_place + INT64 * copies + Max(weighted, summed + rounded))
        return self._behind_attention(new, seen) + normalised + routed + ordered + HALF * copies * d + moment

    def _rotation(self, new: sympy.Expr, sight: str) -> sympy.Expr:
        """Queries are turned, and then keys: beside two summands and one in the making, or its halves."""
        embeddings, layer_input, normalised = 3 * [HALF * b * new * d]
        one_query, one_key = HALF * b * new * h * d_k, HALF * b * new * h_kv * d_k
        not_yet_cached = new * _PAIR - self._growth(sight)
        beside = 2 if "half_rotary" in self.case.traits else 3
        turned = Max((1 + beside) * one_query, 2 * one_query + beside * one_key)
        return embeddings + layer_input + normalised + not_yet_cached + turned

    def _fused(self, new: sympy.Expr, seen: sympy.Expr) -> sympy.Expr:
        output, reordered = 2 * [HALF * b * new * h * self.value]
        return self._attention(new) + self._made(seen) + output + reordered

    def _joining(self, new: sympy.Expr, before: sympy.Expr, sight: str) -> sympy.Expr:
        copies = 2 if sight == "W" else 1
        old, keys, values = copies * HALF * b * before * h_kv * d_k, *2 * [HALF * b * new * h_kv * d_k]
        packed, turned = "packed" in self.case.traits, "rotary" in self.case.traits
        return self._attention(new) + old + (0 if packed and not turned else keys) + (0 if packed else values)

    def _around(self, new: sympy.Expr, every: sympy.Expr, masks: Iterable[sympy.Expr]) -> sympy.Expr:
        """What lies beside every layer, where all tokens are so many."""
        token_ids = INT64 * b * new
        return token_ids + self._positions(new, every) + sympy.Add(*masks)

    def _positions(self, new: sympy.Expr, every: sympy.Expr) -> sympy.Expr:
        """What says where tokens stand: their numbers, and cosines and sines, or an embedding of each."""
        numbers, traits = INT64 * new, self.case.traits
        if "positions_each" in traits:  # counted anew for each sequence, over a mask of ones
            return HALF * b * new * d + (INT64 + FP32) * b * every
        if "positions_shared" in traits:
            return HALF * new * d + numbers
        turned = d_rot / 2 if "half_rotary" in traits else d_rot
        cosines, sines = 2 * [HALF * new * turned]
        return numbers + (len(self._kinds) if "two_rotaries" in traits else 1) * (cosines + sines)

    def _masks(self, new: sympy.Expr) -> Iterator[sympy.Expr]:
        """Yield the masks that the layers share, one for each kind; some code makes two even if all are alike."""
        alike = "two_masks" in self.case.traits and len(self._kinds) == 1
        for sight in (1 + alike) * self._kinds:
            if self._eager:
                yield HALF * b * new * self._seen(sight)
            elif self._given_mask(sight):
                yield BOOL * new * self._seen(sight)

    @property
    def _kinds(self) -> list[str]:
        return sorted(set(self.sights))

    @property
    def _eager(self) -> bool:
        return self.case.kernel == "eager"

    def _given_mask(self, sight: str) -> bool:
        """Whether PyTorch's attention is told what tokens see; FlashAttention's own code needs no mask."""
        told = self.chunked or (self.case.masked and sight in "Ww")
        return told and self.case.attention == Attention.SDPA

    def _seen(self, sight: str) -> sympy.Expr:
        """Return what the last tokens see, and the memory behind a cache holds: a window's last tokens and the new."""
        return c + Min(W - 1, s - c) if self._cut(sight) and self.chunked else s

    def _seen_before(self, sight: str) -> sympy.Expr:
        """Return the same of the chunk before."""
        if not self.chunked:
            return sympy.S.Zero
        return c + Min(W - 1, s - 2 * c) if self._cut(sight) else s - c

    def _cut(self, sight: str) -> bool:
        return self.case.masked and sight == "W"

    def _growth(self, sight: str) -> sympy.Expr:
        return _PAIR * (self._seen(sight) - self._seen_before(sight))

    def _not_yet(self, sight: str) -> sympy.Expr:
        """Return by how much the caches of the layers behind the last of a kind will grow, which the cache counts."""
        behind = self.sights[self.sights.rindex(sight) + 1 :]
        return sympy.Add(*map(self._growth, behind))

    @property
    def _kept_besides(self) -> sympy.Expr:
        """What window layers keep beside their cache as it is counted: its length, and memory of tokens that left."""
        if "W" not in self.sights:
            return sympy.S.Zero
        left = (self._seen("W") - reserved_window.symbol) * _PAIR if self.case.masked else 0
        return L_win * (INT64 - c_win + left)

    def _moments(self, new: sympy.Expr, sight: str) -> Iterator[sympy.Expr]:
        """Yield what lies there at once, in the attention, in norms of FP32 and in the MLP."""
        seen = self._seen(sight)
        yield (self._experts if self.weighs else self._mlp)(new, seen)
        yield self._projected(new, seen)
        if self._eager:
            yield (self._scores_with_sink if "sink" in self.case.traits else self._scores)(new, seen)
        else:
            yield self._masked(new, seen) if self._given_mask(sight) else self._fused(new, seen)
        if "separate" in self.case.traits and self.case.traits & {"rotary", "half_rotary"}:
            yield self._rotation(new, sight)
        if self.chunked:
            yield self._joining(new, self._seen_before(sight), sight)
        if self.case.traits & {"rmsnorm", "wide_norm"}:
            yield self._norm(new, seen)
        if "query_key_norm" in self.case.traits:
            yield (self._query_norm_of_gemma if "gemma_norm" in self.case.traits else self._query_norm)(new, sight)
        if "gemma_norm" in self.case.traits:
            yield self._norm_behind(new, seen)

    @property
    def _padded(self) -> bool:
        """Whether the logits of one token lie where cards gathered them; those of several are copied from there."""
        return self.divided and not (self.all_logits or self.case.many)

    def _gathered(self, tokens: sympy.Expr) -> sympy.Expr:
        """Return a card's own logits beside those of all cards, padded to equal parts: one after the other, joined."""
        own = HALF * tokens * ceiling(V / t)
        return own + 2 * t * own

    @cached_property
    def prefill(self) -> Term:
        """The term for the working memory of the prefill."""
        new = c if self.chunked else s
        tokens = b * (new if self.all_logits else 1)
        logits = HALF * tokens * (t * ceiling(V / t) if self._padded else V)
        before = logits if self.chunked else 0  # those of the chunk before
        layers = (one - self._not_yet(sight) for sight in self._kinds for one in self._moments(new, sight))
        at_head = self._gathered(tokens) if self.divided else logits * (2 if "capped_logits" in self.case.traits else 1)
        head = at_head + HALF * b * new * d + INT64 * b * new
        expr = before + self._kept_besides + Max(Max(*layers) + self._around(new, s, self._masks(new)), head)
        return Term(
            name="prefill",
            expr=expr.xreplace(_SHARES) if self.divided else expr,
            meaning="The peak lies in the attention, a norm or the MLP of the last layer, or where the logits come.",
            holds=f"{_HOLDS}; chunks that divide the context, which 8 divides",
            source=_SOURCE,
            parts=(reserved_window,) if self._kept_besides.has(reserved_window.symbol) else (),
        )

    @cached_property
    def decode_step(self) -> Term:
        """The term for the working memory of one decode step, beside a cache that has the new token already.

        Raises InputError for experts, of which nobody has measured it.
        """
        if self.weighs:
            raise must("decode_step", "of a family without experts, for nobody has measured others", self.case.family)
        peak = Max(self._joining(1, s, self.sights[-1]), *self._eager * [self._scores(1, s + 1)])
        masks = self._eager * [HALF * b * (s + 1)]
        return Term(
            name="decode_step",
            expr=peak + self._around(1, s + 1, masks) + self._kept_besides,
            meaning="To append one token, a layer's keys (then its values) are copied before the old ones go.",
            holds=f"{_HOLDS}; context shorter than the window",
            source=_SOURCE,
        )
