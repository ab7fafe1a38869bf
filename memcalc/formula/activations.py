"""Activations: the bytes of the tensors that are kept for the backward pass: in a layer, outside the layers, in all."""

from dataclasses import replace
from functools import cache

import sympy

from memcalc.errors import choice
from memcalc.formula.choices import Experts, Recompute
from memcalc.formula.formats import FP32, HALF, INT64
from memcalc.formula.loss import Loss
from memcalc.formula.numeric import Max
from memcalc.formula.saved_tensors import RECOMPUTE, CodePath, place_of, saved_tensors, total
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import BIASES, MATRICES, L_full, L_mla, L_moe, L_win, V, d, d_k, h, h_kv, held
from memcalc.formula.term import Term
from memcalc.formula.weights import layers

L, L_dense, L_fr, s, b = symbols("layers dense_layers frozen_layers context batch")

_HOLDS = "transformers 5.23 with torch 2.13, training; what several tensors share counts once"
_SOURCE = "wolf2020transformers, src/transformers/models"

padded_context = Term(
    name="padded_context",
    expr=32 * sympy.ceiling(s / 32),
    meaning="The memory-efficient kernel keeps its log-sum-exp in whole blocks of 32 rows.",
    holds="the memory-efficient kernel of PyTorch",
    source="paszke2019pytorch, torch.nn.functional.scaled_dot_product_attention",
)


@cache
def layer(case: CodePath) -> Term:
    """Return the term for what one layer keeps.

    >>> layer(CodePath("llama", recompute="full"))
    M_layer = 2 × d × s × b
    """
    expr = total(saved_tensors(case), "layer")
    return Term(
        name="layer_activations",
        expr=expr,
        meaning="A layer keeps each tensor from which its backward pass computes gradients.",
        holds=_HOLDS,
        source=_SOURCE,
        parts=(padded_context,) if expr.has(padded_context.symbol) else (),
    )


@cache
def once(case: CodePath) -> Term:
    """Return the term for what is kept outside the layers: by embedding, final norm, output head and loss."""
    return Term(
        name="other_activations",
        expr=total(saved_tensors(case), "once"),
        meaning="Embedding, final norm, output head and loss keep their tensors once, however many layers there are.",
        holds=f"{_HOLDS}; cross entropy over every token, of logits in FP32",
        source=_SOURCE,
    )


@cache
def spared(case: CodePath) -> Term:
    """Return the term for what the first of the frozen layers does not keep, whose input needs no gradient.

    >>> from memcalc.formula.adapted import Adapted
    >>> spared(CodePath("llama", adapted=Adapted(frozenset({"q_proj", "v_proj"}))))
    M_spare = 4 × d × s × b + 4 × s × b
    """
    expr = total(saved_tensors(case), "layer") - total(saved_tensors(case.first), "layer")
    return Term(
        name="spared_activations",
        expr=expr,
        meaning="The first layer reads what is frozen: what stands before its first trained numbers needs no gradient.",
        holds=f"{_HOLDS}; adapters of PEFT 0.21 in the layers alone; nobody asks for the gradient of the embedding",
        source="mangrulkar2022peft, src/peft/tuners/lora/layer.py; paszke2019pytorch, torch.autograd",
        parts=(padded_context,) if expr.has(padded_context.symbol) else (),
    )


def _less(case: CodePath) -> tuple[Term, ...]:
    return () if spared(case).expr == 0 else (spared(case),)


def trained_layers(case: CodePath) -> sympy.Expr:
    """Return through how many layers a gradient goes; the others keep nothing.

    For checkpointing, Transformers asks for a gradient of the embedding's output, so that it goes through all of them.

    >>> trained_layers(CodePath("llama", details={"frozen_embedding"}))
    L - L_fr
    """
    return L - L_fr if case.cut else L


@cache
def activations(case: CodePath) -> Term:
    """Return the term for all that is kept: by L layers, and once."""
    less = _less(case)
    parts = (layer(case), once(case), *less, layers)
    return Term(
        name="activations",
        expr=trained_layers(case) * parts[0].symbol + parts[1].symbol - sum(term.symbol for term in less),
        meaning="Each of the L layers keeps the same tensors; the rest is kept once.",
        holds=f"{_HOLDS}; every layer alike",
        source=_SOURCE,
        parts=parts,
    )


@cache
def with_windows(case: CodePath) -> Term:
    """Return the term for a model some of whose layers have a window that the context has reached.

    Parameters
    ----------
    case : the code that runs, for a layer without window
    """
    narrow = replace(layer(replace(case, masked=True)), name="window_layer_activations")
    parts = full, narrow, outside = layer(case), narrow, once(replace(case, masked=True))
    less = _less(replace(case, masked=True))  # layers with windows come first
    return replace(
        activations(case),
        expr=L_full * full.symbol + L_win * narrow.symbol + outside.symbol - sum(term.symbol for term in less),
        meaning="A layer whose window is full needs a mask, and may lose the kernel that keeps least.",
        parts=(*parts, *less),
    )


@cache
def with_experts(case: CodePath) -> Term:
    """Return the term for a model some of whose layers have experts, and the others one MLP.

    Parameters
    ----------
    case : the code that runs, for a layer with experts
    """
    wide = replace(layer(case), name="expert_layer_activations")
    parts = plain, routed, outside = layer(replace(case, experts="")), wide, once(case)
    less = _less(case) if case.adapted else ()
    return replace(
        activations(case),
        expr=L_dense * plain.symbol + L_moe * routed.symbol + outside.symbol - sum(term.symbol for term in less),
        meaning="A layer with experts keeps what the router and each chosen expert of each token need.",
        holds=f"{_HOLDS}; no token is dropped",
        parts=(*parts, *less),
    )


@cache
def weight_copies(recompute: str = "none", experts: str = "", latent: bool = False, frozen: bool = False) -> Term:
    """Return the term for the 16-bit copies of FP32 weights that autocast keeps for the backward pass.

    With recomputation the copies of the layers are gone after the forward pass; that of the output head stays.

    Parameters
    ----------
    recompute : "none" or "full"
    experts : the code of the experts of a model that has some; "" for one without
    latent : whether the attention is latent
    frozen : whether L_fr layers and the embedding are not trained

    >>> weight_copies("full")
    M_cast = 2 × V × d
    """
    kept = choice("recompute", recompute, RECOMPUTE) == Recompute.NONE
    inner = _copied(experts, latent) if kept else sympy.S.Zero
    if frozen:  # whose copies are made anew each time
        inner = inner.xreplace({kind: kind - L_fr for kind in (L, L_dense, L_moe, L_mla)})
    return Term(
        name="weight_copies",
        expr=HALF * (inner + V * d),
        meaning="Autocast multiplies in 16 bits: it copies each matrix, and the copy stays until the backward pass.",
        holds="FP32 weights under autocast; biases, norms and the lookup in the embedding keep no copy",
        source="paszke2019pytorch, torch.amp",
        parts=(layers,) if inner.has(L) else (),
    )


def _copied(experts: str, latent: bool) -> sympy.Expr:
    """Return the parameters of the matrices that autocast copies; grouped_mm and batched_mm take those of experts as
    they are, or gather them first, which is counted with the activations.
    """
    attention = L_mla * held("latent_attention", of=MATRICES) if latent else L * held("attention", of=MATRICES)
    if not experts:
        return attention + (L_mla if latent else L) * held("mlp", of=MATRICES)
    looped = held("expert", of=MATRICES) if experts == Experts.EAGER else 0  # each expert is somebody's choice
    routed = held("router", of=("router", "shared_gate", MATRICES)) + looped
    return attention + L_dense * held("mlp", of=MATRICES) + L_moe * routed


@cache
def forward_peak(case: CodePath) -> Term:
    """Return the term for the peak of the forward pass: all that is kept, and what the loss needs for a moment.

    With recomputation too, autocast holds the copies of every weight and bias until the forward pass ends.

    >>> forward_peak(CodePath("llama"))
    M_fwd = M_act + 6 × V × s × b + 4
    """
    parts = (activations(case), *([weight_copies()] if case.recipe == "autocast" else []))
    return Term(
        name="forward_peak",
        expr=sum(part.symbol for part in parts) + passing(case),
        meaning="On top of all that is kept come the logits for the loss, or the scores of the last layer's attention.",
        holds=f"{_HOLDS}; eager attention in 16 bits and without recomputation, or the logits larger than the scores",
        source=f"{_SOURCE} and loss/loss_utils.py",
        parts=parts,
    )


def passing(case: CodePath) -> sympy.Expr:
    """Return what the end of the forward pass takes for a moment [bytes]: logits, or the scores of the last layer."""
    phases = [_loss(case)]
    if (case.kernel, case.width, case.recompute) == ("eager", "bf16", "none"):
        phases.append(_last_scores(case))
    return Max(*phases)


def _loss(case: CodePath) -> sympy.Expr:
    logits, loss = Loss.of(case.loss).forward(FP32 if case.width == "fp32" else HALF), FP32
    padded_labels = INT64 * (s + 1) * b if case.many else 0  # of one sequence, the loss keeps a view
    biases = L * (held("attention", of=BIASES) + held("mlp", of=BIASES))
    cast = HALF * biases + FP32 * s * b * d if case.recipe == "autocast" else 0  # and output of the final norm
    return logits + loss + padded_labels + cast


def _last_scores(case: CodePath) -> sympy.Expr:
    raw, masked, mask = HALF * b * h * s**2, HALF * b * h * s**2, HALF * b * s**2
    embeddings, layer_input, positions = HALF * s * b * d, HALF * s * b * d, INT64 * s
    not_repeated = 2 * HALF * s * b * h_kv * d_k if case.grouped else 0  # keys and values
    kept = saved_tensors(case)
    last = max(place for place, tensor in enumerate(kept) if place_of(tensor) == "scores")
    later = sum(tensor.expr for tensor in kept[last + 1 :] if tensor.key != "before_scores")
    return raw + masked + mask + embeddings + layer_input + positions + not_repeated - later
