"""What an explorer shows for one setting of its controls: a picture and the same in words.

A scene is a function from the values of the controls to a `Frame`; it raises InputError where they make no sense.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from memcalc import advice, units
from memcalc.accounting import values
from memcalc.advice import WORDS
from memcalc.evaluate import breakdown, crossing, fits
from memcalc.figures import COLOURS, HATCHES, LIMIT, canvas, context_axes, limit_of
from memcalc.formula.kv_cache import kv_cache as cache_term
from memcalc.formula.reading import text
from memcalc.formula.term import Term
from memcalc.formula.total import inference
from memcalc.gpu import Gpu
from memcalc.model import Model
from memcalc.runs import Inference
from memcalc.stage import Stage, box
from memcalc.symbols import symbol

WIDER = 1.5
"""The axis of a card reaches half its capacity further, so that what does not fit is seen to stick out."""


@dataclass(frozen=True)
class Frame:
    """A picture [SVG] and the same in words [HTML]."""

    picture: str
    words: str


def will_it_fit(*, model: str, gpu: str, context: int, batch: int, weights: str, kv_cache: str) -> Frame:
    """Show the terms of a run as one bar against the capacity of the card."""
    model, gpu = Model.named(model), Gpu.named(gpu)
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    fit, shapes, left, edge = fits(model, run, gpu), {}, 0.0, WIDER * units.in_unit(gpu.capacity, "GiB")
    for term, count in breakdown(model, run).items():
        right = left + units.in_unit(count, "GiB")
        shapes[term] = box(min(left, edge), min(right, edge), -0.4, 0.4)
        left = right
    tip = 0.99 * edge if left > edge else 0  # an arrow head where the bar goes on
    shapes["further"] = [(0.98 * tip, 0.3), (tip, 0), (0.98 * tip, -0.3)]
    verdict = advice.verdict(model, run, gpu)
    total = f"It needs {units.show_both(fit.needed)}; the {gpu.name} has {units.show(fit.capacity)}."
    sentences = [total, verdict, *advice.next_steps(model, run, gpu)[:2], *advice.notes(model, run, gpu)]
    picture = _card(gpu.name).frame(f"{total} {verdict}", **shapes)
    return Frame(picture, _in_words(model, run, sentences, inference.parts))


def cache_against_context(*, kv_heads: int, context: int, batch: int, kv_cache: str, model: str = "LLaMA-7B") -> Frame:
    """Show the cache as a line over the context, and where it crosses the weights in FP16."""
    model = replace(Model.named(model), kv_heads=kv_heads)
    run = Inference(context=context, batch=batch, kv_cache=kv_cache)
    terms, (first, last), meets = breakdown(model, run), _ENDS, crossing(model, run)
    cache, level = (units.in_unit(terms[term], "GiB") for term in ("kv_cache", "weights"))
    line = cache_term.fast(values(model, run) | {symbol("context"): _ENDS})
    shapes = {
        "kv_cache": list(zip(_ENDS, units.in_unit(line, "GiB"), strict=True)),
        "weights": [(first, level), (last, level)],
        "here": [(context, _LOWEST), (context, cache), (first, cache)],
        "crossing": [(meets, _LOWEST), (meets, level)],
    }
    held = f"{context:,} tokens" if batch == 1 else f"{batch:,} × {context:,} tokens"
    total = f"The cache of {held} takes {units.show_both(terms['kv_cache'])}."
    meeting = f"From {meets:,} tokens on, it outweighs the weights ({units.show(terms['weights'])} in FP16)."
    return Frame(_lines().frame(f"{total} {meeting}", **shapes), _in_words(model, run, [total, meeting], [cache_term]))


def _in_words(model: Model, run: Inference, sentences: list[str], terms: Iterable[Term]) -> str:
    known = values(model, run)
    lines = [
        f"{term} = {text(term.expr, term.numbers(known))} = {term.exact(known):,} bytes"
        for term in (term.simplified(known) for term in terms)
    ]
    paragraphs = [f"<b>{html.escape(sentences[0])}</b>", *map(html.escape, sentences[1:]), *map(html.escape, lines)]
    return "".join(f"<p style='margin: 0; line-height: 1.5'>{paragraph}</p>" for paragraph in paragraphs)


@cache
def _card(name: str) -> Stage:
    capacity, label = limit_of(name)
    with canvas(7.0, 1.5) as (figure, axes):
        for term in _TERMS:
            style = {"color": COLOURS[term], "hatch": HATCHES[term], "edgecolor": "black"}
            axes.barh([0], [0], gid=term, label=WORDS[term], **style)
        axes.plot([0, 0], [0, 0], color="black", linewidth=3, gid="further")
        axes.axvline(capacity, **LIMIT | {"linewidth": 2, "color": "black"})
        axes.annotate(label, (capacity, 0.5), (4, 0), textcoords="offset points", fontsize=9)
        axes.set(xlim=(0, WIDER * capacity), ylim=(-0.5, 0.8), yticks=[], xlabel="memory [GiB]")
        axes.legend(loc="upper left", ncols=len(_TERMS), bbox_to_anchor=(0, 1.2))
        return Stage(figure, (*_TERMS, "further"))


@cache
def _lines() -> Stage:
    with canvas(7.0, 3.2) as (figure, axes):
        context_axes(axes, *_ENDS)
        for term in _TERMS:
            axes.plot(_ENDS, [1, 1], color=COLOURS[term], linewidth=2, gid=term, label=WORDS[term])
        axes.plot(_ENDS, [1, 1], color="0.5", linewidth=1.5, linestyle="--", gid="here", label="your context")
        axes.plot(_ENDS, [1, 1], color="black", linewidth=1, gid="crossing", label="crossing")
        axes.set(ylim=(_LOWEST, 1_000))
        axes.legend(loc="upper left", ncols=4)
        return Stage(figure, (*_TERMS, "here", "crossing"))


_TERMS = [term.name for term in inference.parts]
_ENDS = (2**7, 2**20)  # of the context [tokens]
_LOWEST = 0.01  # on the axis of the memory [GiB]
