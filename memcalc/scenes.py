"""What the explorers of inference show: the terms on a card, the cache against the context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from memcalc import advice, card_stage, tables, units
from memcalc.accounting import values
from memcalc.advice import WORDS
from memcalc.canvas import canvas
from memcalc.evaluate import breakdown, crossing, fits
from memcalc.figures import COLOURS, context_axes
from memcalc.formula.kv_cache import kv_cache as cache_term
from memcalc.formula.reading import text
from memcalc.formula.term import Term
from memcalc.formula.total import inference
from memcalc.frame import Frame, scene
from memcalc.gpu import Gpu
from memcalc.model import Model, NominalModel
from memcalc.runs import Inference
from memcalc.stage import Label, Point, Stage
from memcalc.symbols import symbol
from memcalc.training import Training


@scene(
    presets={
        "LLaMA-7B at 32K": {"model": "LLaMA-7B", "context": 2**15, "batch": 1, "weights": "FP16", "kv_cache": "FP16"},
        "8 bits": {"weights": "INT8", "kv_cache": "INT8"},
        "Llama-3.1-8B at 128K": {"model": "Llama-3.1-8B", "context": 2**17, "batch": 1},
    }
)
def will_it_fit(*, model: str, gpu: str, context: int, batch: int, weights: str, kv_cache: str) -> Frame:
    """Show the terms of a run as one bar against the capacity of the card.

    >>> will_it_fit(model="LLaMA-7B", gpu="RTX 4090", context=4096, batch=1, weights="FP16", kv_cache="FP16").details[0]
    'This card holds at most 22,709 tokens of context.'
    """
    model, gpu = Model.named(model), Gpu.named(gpu)
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    fit = fits(model, run, gpu)
    said = f"It needs {units.show_both(fit.needed)}; the {gpu.name} has {units.show(fit.capacity)}."
    said = f"{said} {advice.verdict(model, run, gpu)}"
    details = [*advice.next_steps(model, run, gpu)[:3], *advice.notes(model, run, gpu)]
    details += worked(model, run, inference.parts)
    shapes = card_stage.bar(breakdown(model, run), gpu.capacity)
    code = tables.code(model, run, shown=("context", "batch", "weights", "kv_cache"))
    return Frame(card_stage.card(gpu.name, _TERMS), shapes, said, details, code)


@scene(
    presets={
        "LLaMA-7B at 32K": {"kv_heads": 32, "context": 2**15, "batch": 1, "kv_cache": "FP16"},
        "grouped heads": {"kv_heads": 8},
        "one head (MQA)": {"kv_heads": 1},
    }
)
def cache_against_context(*, kv_heads: int, context: int, batch: int, kv_cache: str, model: str = "LLaMA-7B") -> Frame:
    """Show the cache as a line over the context, and where it crosses the weights in FP16.

    >>> cache_against_context(kv_heads=8, context=32768, batch=1, kv_cache="FP16").said[:52]
    'The cache of 32,768 tokens takes 4.00 GiB = 4.29 GB.'
    """
    model = replace(Model.named(model), kv_heads=kv_heads)
    run = Inference(context=context, batch=batch, kv_cache=kv_cache)
    terms, meets = breakdown(model, run), crossing(model, run)
    said = f"The cache of {held(run)} takes {units.show_both(terms['kv_cache'])}."
    said += f" From {meets:,} tokens on, it outweighs the weights ({units.show(terms['weights'])} in FP16)."
    line = cache_term.fast(values(model, run) | {symbol("context"): _ENDS})
    shapes = _curves(terms, list(zip(_ENDS, units.in_unit(line, "GiB"), strict=True)), context, meets)
    code = tables.code(model, run, "kv_cache", shown=("context", "batch", "kv_cache"))
    return Frame(_lines(), shapes, said, worked(model, run, [cache_term]), code)


def held(run: Inference | Training) -> str:
    """Return the tokens of a run in words.

    >>> held(Inference(context=4096, batch=3))
    '3 × 4,096 tokens'
    """
    return f"{run.context:,} tokens" if run.batch == 1 else f"{run.batch:,} × {run.context:,} tokens"


def worked(model: Model | NominalModel, run: Inference | Training, terms: Iterable[Term]) -> list[str]:
    """Return each term as a line: formula, numbers in it, bytes.

    >>> worked(Model.named("LLaMA-7B"), Inference(), inference.parts[:1])
    ['M_w = P × B = 6,738,415,616 × 2 = 13,476,831,232 bytes']
    """
    known = values(model, run)
    return [
        f"{term} = {text(term.expr, term.numbers(known))} = {term.exact(known):,} bytes"
        for term in (term.simplified(known) for term in terms)
    ]


def _curves(terms: Mapping[str, int], line: list[Point], context: int, meets: int) -> dict[str, list[Point] | Label]:
    """Return the cache, the weights, where the context stands and where the two cross; with their numbers."""
    cache, level = (units.in_unit(terms[term], "GiB") for term in ("kv_cache", "weights"))
    first, last = _ENDS
    seen = f"{meets:,} tokens" if first <= meets <= last else ""
    left, right = (seen, "") if context > meets else ("", seen)  # where the line of the context is not
    return {
        "kv_cache": line,
        "weights": [(first, level), (last, level)],
        "here": [(context, _LOWEST), (context, cache), (first, cache)],
        "crossing": [(meets, _LOWEST), (meets, level)],
        "held": Label(units.show(terms["kv_cache"]), (1.1 * first, 1.2 * cache)),
        "meets_left": Label(left, (meets / 1.05, 1.5 * _LOWEST)),
        "meets_right": Label(right, (meets * 1.05, 1.5 * _LOWEST)),
    }


@cache
def _lines() -> Stage:
    with canvas(7.0, 3.2) as (figure, axes):
        context_axes(axes, *_ENDS)
        for term in _TERMS:
            axes.plot(_ENDS, [1, 1], color=COLOURS[term], linewidth=2, gid=term, label=WORDS[term])
        axes.plot(_ENDS, [1, 1], color="0.5", linewidth=1.5, linestyle="--", gid="here", label="your context")
        axes.plot(_ENDS, [1, 1], color="black", linewidth=1, gid="crossing", label="crossing")
        axes.text(1, 1, "cache", gid="held", size=8, in_layout=False)
        axes.text(1, 1, "crossing", gid="meets_left", size=8, ha="right", in_layout=False)
        axes.text(1, 1, "crossing", gid="meets_right", size=8, in_layout=False)
        axes.set(ylim=(_LOWEST, 1_000))
        axes.legend(loc="upper left", ncols=4)
        return Stage(figure)


_TERMS = tuple(term.name for term in inference.parts)
_ENDS = (2**7, 2**20)  # of the context [tokens]
_LOWEST = 0.01  # on the axis of the memory [GiB]
