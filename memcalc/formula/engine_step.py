"""A step of an engine that serves many at once: what one pass through the layers needs, and the choice of tokens."""

from collections.abc import Iterator
from functools import cache

import sympy

from memcalc.catalogue import rows
from memcalc.formula.formats import FP32, HALF, INT64
from memcalc.formula.kv_cache import d_k, d_r, d_v, h
from memcalc.formula.numeric import Max, Min
from memcalc.formula.parallelism import on_one_card
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import V, d, d_ff, h_kv, n_mlp
from memcalc.formula.term import Term

s_u, n_out, r_kv, k, d_e, d_sh, d_rot, t, p = symbols(
    "micro_tokens outputs kv_rank active_experts expert_intermediate shared_intermediate rotary tensor_parallel "
    "pipeline_parallel"
)

_EACH = HALF * s_u  # bytes of one number of every token
_SORTED = FP32 + INT64  # a score, and its place among the vocabulary


def _moments() -> Iterator[sympy.Expr]:
    """Yield how many numbers of a token are in memory at once: in an MLP, in attention, and in experts."""
    residual, normalised, output = 3 * [d]
    beside = residual + normalised + output
    joined, product = (n_mlp - 1) * d_ff, d_ff  # gate and up are one matrix
    yield beside + joined + product
    queries_keys_values, heads = (h + 2 * h_kv) * d_k, h * d_k
    yield beside + queries_keys_values + heads
    queries, keys, from_latent, values = *2 * [h * (d_k + d_r)], h * (d_k + d_v), h * d_v
    yield beside + Min(1, r_kv) * (queries + keys + from_latent + values)
    widened, narrowed, again = (n_mlp - 1) * d_e, d_e, d  # the first and the last take turns in one place
    yield beside + k * (Max(widened, again) + narrowed) + d_sh


layers_of_a_step = Term(
    name="step_layers",
    expr=_EACH * Max(*_moments()),
    meaning="An engine reads prompts in steps of so many tokens; the widest moment of a layer decides what it takes.",
    holds="weights that compute in 16 bit and fused attention; layers of attention, MLPs and experts; a compiled graph "
    "may let go of two of the d numbers a little earlier",
    source="vllm2026, model_executor/models/llama.py and model_executor/layers/fused_moe; vllm10517, thread",
)


@cache
def sampling(lean: bool = False) -> Term:
    """Return the term for the choice of the next token of each of n_out sequences.

    Parameters
    ----------
    lean : whether a kernel draws without sorting the scores of the vocabulary
    """
    stored, precise, shares = HALF, FP32, FP32
    sort = shares if lean else 3 * _SORTED  # what comes in, what comes out, and the place between
    return Term(
        name="sampling",
        expr=HALF * s_u * d + n_out * V * (stored + precise + sort),
        meaning="Of each sequence the scores of the whole vocabulary are made, in 16 bit and again in 32, and sorted.",
        holds="top-p or top-k; the hidden numbers of the step are still there; every card has the whole vocabulary",
        source="vllm2026, v1/sample/ops/topk_topp_sampler.py; vllm10511, thread; vllm21489, thread",
    )


@cache
def engine_step(lean: bool = False) -> Term:
    """Return the term for the working memory of a step on the card that has most.

    Parameters
    ----------
    lean : as of `sampling`: the low end of what is known, else the high end

    >>> engine_step().parts[1]
    M_pick = 42 × V × n_out + 2 × d × s_u
    """
    layers, choice = on_one_card(layers_of_a_step), sampling(lean)
    return Term(
        name="engine_step",
        expr=Max(layers.symbol, choice.symbol),
        meaning="A step needs room for its widest moment: in a layer, or where the next tokens are chosen.",
        holds=layers.holds,
        source=layers.source,
        parts=(layers, choice),
    )


rope_table = Term(
    name="rope_table",
    expr=HALF * symbol("trained_context") * d_rot,
    meaning="Cosines and sines of every position that the model knows are made once and kept.",
    holds="one table for all layers, in 16 bit",
    source="vllm2026, model_executor/layers/rotary_embedding/base.py",
)


@cache
def reserve(large: bool) -> Term:
    """Return the term for what SGLang leaves aside unless it is told another share.

    Parameters
    ----------
    large : whether the card has more than 60 GiB

    >>> reserve(False)
    M_rsv = 1572864 × max(2048, s_u) + 2097152 × n_out + 134217728 × t × p + 536870912
    """
    row = {one["name"]: sympy.Rational(one["value"]) for one in rows("engine_reserves")}
    summed = row["fixed"] + row["per_token"] * Max(s_u, row["least_tokens"]) + row["per_sequence"] * n_out
    summed += row["per_card"] * t * p
    return Term(
        name="reserve",
        expr=Max(summed, row["least"]) if large else summed,
        meaning="SGLang leaves so much aside for its steps and graphs, and takes the rest for weights and cache.",
        holds="a rule of thumb of the engine, not what a step needs; no drafts, and the attention is not replicated",
        source="sglang2026, srt/server_args.py, _handle_gpu_memory_settings",
    )
