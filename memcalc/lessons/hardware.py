"""Exercises of notebook 5: hardware."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import sympy

from memcalc import units
from memcalc.estimate.questions import breakdown, largest
from memcalc.formula.kv_cache import kv_cache
from memcalc.formula.roofline import decode_time
from memcalc.formula.symbols import symbol
from memcalc.formula.weights import active
from memcalc.lessons.exercise import EVERY_HEAD, Answers, Exercise, cache_of
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model

_ALLOCATED, _RESERVED, _CONTEXT = (units.to_bytes(gib, "GiB") for gib in ("12.55", "13.10", "0.45"))
"""What PyTorch's two counters say, and what driver and libraries take [bytes]."""

_PARAMETERS, _BITS = 27_400_000_000, Fraction("4.85")
_BANDWIDTH, _ARITHMETIC = Gpu.named("RTX 4090").bandwidth, 165 * 10**12  # of the card [bytes/s, operations/s]
_MEASURED = 40  # tokens/s


def _monitor() -> Answers:
    whole = _RESERVED + _CONTEXT
    return whole, [
        (_ALLOCATED, "those are your tensors alone; the card also holds what the allocator keeps, and the context"),
        (_RESERVED, "the CUDA context comes on top; no counter of PyTorch has it"),
        (_ALLOCATED + _CONTEXT, "the allocator keeps what tensors gave back, and nvidia-smi sees what it reserved"),
        (_ALLOCATED + whole, "the allocated memory is a part of the reserved; you counted it twice"),
        (whole * 1000 // 1024, "a GiB has 1,024 MiB, and you took 1,000"),
    ]


def _efficiency() -> Answers:
    right = _share_of_bound(_BITS)
    by_cores = 100 * _MEASURED * 2 * _PARAMETERS / _ARITHMETIC  # a weight is multiplied and added
    return right, [
        (right / 100, "that is a share of one; the question asks for percent"),
        (100 - right, "that is what is missing to the bound"),
        (100 * _MEASURED / right, "that is the bound itself, not the share of it that was measured"),
        (10_000 / right, "that is the bound as a share of what was measured; turn it round"),
        (_share_of_bound(8 * _BITS), "you took bits for bytes, and nothing is faster than its bound"),
        (by_cores, "you took the arithmetic; for one text the cores wait for the memory, and more of them do not help"),
        (_share_of_bound(4), "the file has 4.85 bits for each weight, and you took 4"),
        (_share_of_bound(16), "that is the model in 16 bits, and nothing is faster than its bound"),
    ]


def _share_of_bound(bits: int | Fraction) -> float:
    """Return what is measured in percent of the bound; cache and input embedding are left out."""
    neglected = {kv_cache.symbol: 0, symbol("embedding_tables"): 1, symbol("positions"): 0}
    known = {active.symbol: _PARAMETERS, symbol("bytes_per_weight"): sympy.Rational(bits) / 8}
    seconds = decode_time.expr.xreplace(neglected | known | {symbol("bandwidth"): _BANDWIDTH})
    return float(100 * _MEASURED * seconds)


def _unified() -> Answers:
    model, run, mac = Model.named("Llama-3.1-70B"), Inference(weights="BF16"), Gpu.named("M2 Ultra 192 GB")
    token, weights = cache_of(model, replace(run, context=1)), breakdown(model, run)["weights"]
    all_of_it, decimal = (units.to_bytes(mac.marketed_gb, unit) for unit in ("GiB", "GB"))
    every_head = token * model.heads // model.kv_heads
    return largest("context", model, run, mac), [
        ((all_of_it - weights) // token, "unified memory is not all the GPU's; by default it gets 75 %"),
        ((decimal - weights) // token, "the Mac has 192 GiB, not GB, and by default the GPU gets 75 % of them"),
        ((decimal * 3 // 4 - weights) // token, "the Mac has 192 GiB, and you took 192 GB"),
        (mac.capacity // token, "you gave all of it to the cache; the weights need their place first"),
        ((mac.capacity - weights) // every_head, EVERY_HEAD),
        (largest("context", model, replace(run, kv_cache="INT8"), mac), "your cache is in INT8, or has keys alone"),
        (largest("context", model, replace(run, weights="INT8"), mac), "your weights are in INT8"),
        (model.trained_context, "that is what the model was trained for; the question is what fits"),
    ]


EXERCISES = {
    "5.1": Exercise("MiB", _monitor),
    "5.2": Exercise("percent", _efficiency),
    "5.3": Exercise("tokens", _unified),
}
