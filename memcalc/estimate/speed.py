"""Speed: how fast cards can be at best. Bounds, not predictions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import sympy

from memcalc.errors import instance
from memcalc.estimate.inference import format_in, resolved
from memcalc.estimate.offload import read_of_a_token
from memcalc.estimate.terms import values
from memcalc.formula.choices import Family, WindowCache
from memcalc.formula.formats import HALF, Format
from memcalc.formula.parallelism import on_one_card, tensor_on_one_card
from memcalc.formula.roofline import OF_EACH_LAYER, decode_in, decode_of_files, decode_time, places_time, prefill_time
from memcalc.formula.structures import in_structure
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import Structure, present
from memcalc.formula.term import Term, Values
from memcalc.formula.weights import weights
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import AUTO, Inference
from memcalc.specs.model import Model
from memcalc.specs.run import PARALLEL
from memcalc.units import to_bytes


@dataclass(frozen=True)
class Speed:
    """Bounds that no program exceeds; None where the card's speed is not known, or what it reads.

    `decode` is the most tokens per second and sequence where its context is full, `first` where it begins; `prefill` is
    the least time to read a context [seconds].
    """

    decode: float | None
    prefill: float | None
    first: float | None = None


def fastest(model: Model, run: Inference, gpu: Gpu) -> Speed:
    """Return how fast the cards of a run can be: bandwidth bounds each new token, arithmetic the reading of a prompt.

    Of cards that divide heads, widths or experts, the one that reads most bounds a token. A token passes the stages of
    a pipeline one after the other, which are all busy with other sequences if there are some. What an engine reserves
    beyond the tokens is not read.

    Source: the terms `decode_time` and `prefill_time` of `formula.roofline`.

    >>> round(fastest(Model.named("LLaMA-7B"), Inference(context=1, weights="INT8"), Gpu.named("RTX 4090")).decode, 1)
    152.5
    """
    instance("gpu", gpu, Gpu)
    alone = replace(run, **dict.fromkeys(PARALLEL, 1))
    cards = run.cards
    last, first = (_of_a_token(model, replace(run, context=tokens, prefill="none"), gpu) for tokens in (run.context, 1))
    prefill = None
    if _in_sixteen_bits(model, run):
        prefill = _seconds(in_structure(prefill_time, model.structure), _read(model, alone) | gpu.values, "arithmetic")
    return Speed(last and 1 / last, prefill and prefill / cards, first and 1 / first)


def _in_sixteen_bits(model: Model, run: Inference) -> bool:
    """Return whether a prompt meets every layer in numbers of 16 bits that are added up in 32.

    llama.cpp adds FP16 up in 16 bits, and multiplies what is quantized in 8. Layers that use the keys of another need
    the last token alone, and an indexer chooses the tokens that are met.
    """
    run = resolved(model, run)
    stored = model.stored.weights if model.stored else ""
    name = stored if run.weights == AUTO else run.weights
    if not name or model.index_layers or model.sharing_layers or model.window_sharing_layers:
        return False
    form = format_in(model, name)
    wide = min(one.bits for one in (form, *run.cache_formats)) >= 8 * HALF
    return wide and form.type != "F16" and not form.others


def time_of_places(read: Mapping[str, int], gpu: Gpu, host: int | None) -> float | None:
    """Return the least time of a token that is read from two memories [seconds]; None if no speed is known.

    Parameters
    ----------
    read : "card" and "cpu" → what it reads there [bytes]
    host : how fast the memory of the CPU is read [bytes/s]; None bounds the time by the card's part alone

    Source: the term `places_time` of `formula.roofline`.

    >>> time_of_places({"card": 10**9, "cpu": 10**9}, Gpu.of("24 GB at 1000 GB/s"), 10**11)
    0.011
    """
    known = {"bandwidth": gpu.bandwidth, "host_bandwidth": host}
    if not any(known.values()):
        return None
    parts = {"card_read": read["card"] if gpu.bandwidth else 0, "host_read": read["cpu"] if host else 0}
    numbers = {name: speed or 1 for name, speed in known.items()} | parts
    return float(places_time.value({symbol(name): number for name, number in numbers.items()}))


def _of_a_token(model: Model, run: Inference, gpu: Gpu) -> float | None:
    """Return the least time of a token; with stages, its own way through all, or the turn of a stage for everyone."""
    if run.offloaded:
        host = run.host_bandwidth and to_bytes(run.host_bandwidth, "GB")
        read = {place: math.floor(sum(kept.values())) for place, kept in read_of_a_token(model, run).items()}
        return time_of_places({"card": read["gpu"], "cpu": read["cpu"]}, gpu, host)
    term = time_of_a_token(model, run)
    whole = _seconds(term, _read(model, run) | gpu.values, "bandwidth")
    if not whole or run.pipeline_parallel == 1:
        return whole
    own = _seconds(term, _read(model, replace(run, batch=1)) | gpu.values, "bandwidth")
    return max(own, whole / run.pipeline_parallel)


def _read(model: Model, run: Inference) -> Values:
    """Return the values for what the fullest card reads: its share of the chosen experts, and no room beyond tokens."""
    known = values(model, replace(run.alone, window=WindowCache.IDEAL, pipeline_parallel=1))
    chosen = {symbol("active_experts"): -(-model.active_experts // run.expert_parallel), symbol("expert_parallel"): 1}
    return {**known, **chosen}


def _seconds(term: Term | None, known: Values, rate: str) -> float | None:
    """Return the value of a time; the stored weights in it are counted as in the memory of the run, which is quick."""
    if term is None or symbol(rate) not in known:
        return None
    stored = term.every_part.get(weights.symbol)
    return float(term.value(known | {stored.symbol: stored.value(known)} if stored else known))


def time_of_a_token(model: Model, run: Inference) -> Term | None:
    """Return the term for the time of a token, for the card that reads most; None if files do not say what is read.

    >>> time_of_a_token(Model.named("LLaMA-7B"), Inference(weights="Q4_K_M"))
    T_tok = (M_read + M_look)/β
    """
    run = resolved(model, run)
    divided = run.tensor_parallel > 1
    if run.weights != AUTO:
        return _time_of_a_token(format_in(model, run.weights), model.structure, model.absent, divided)
    return None if run.divided or not _told(model) else in_structure(decode_of_files(), model.structure)


def _told(model: Model) -> bool:
    """Return whether the headers of its files tell what a token does not read: experts, tables and other parts."""
    tables = model.embedding_tables > 1 or model.positions or model.layer_vocabulary
    return not model.ignored and bool(model.file_expert or not model.experts) and bool(model.file_rows or not tables)


@lru_cache(maxsize=256)
def _time_of_a_token(form: Format, structure: Structure, absent: frozenset[sympy.Symbol], divided: bool) -> Term:
    tensors, plain = present(structure, absent), form.family == Family.PLAIN and not form.others
    general = plain and all(tensor.name != OF_EACH_LAYER for tensor in tensors)
    term = in_structure(decode_time if general else decode_in(form, tensors), structure)
    if not divided:
        return term
    if plain:
        return on_one_card(term)
    read = decode_in(form, tuple(map(tensor_on_one_card, tensors))).parts[0]
    return replace(term, parts=(read, on_one_card(term.parts[1])))
