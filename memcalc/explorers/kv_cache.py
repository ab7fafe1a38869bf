"""The explorer of the cache: the cache against the context, and where it crosses the weights."""

from collections.abc import Mapping
from dataclasses import replace

from memcalc import Inference, Model, breakdown, crossing, symbol, tables, units, values
from memcalc.explorers.frame import Frame, explorer, held, worked
from memcalc.explorers.svg import Label, Point, Shapes, drawn_once
from memcalc.formula.kv_cache import kv_cache as cache_term
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import context_axes

_ENDS = (2**7, 2**20)  # of the context [tokens]
_LOWEST = 0.01  # on the axis of the memory [GiB]


@explorer(
    presets={
        "LLaMA-7B at 32K": {"kv_heads": 32, "context": 2**15, "batch": 1, "kv_cache": "FP16"},
        "grouped heads": {"kv_heads": 8},
        "one head (MQA)": {"kv_heads": 1},
    }
)
def cache_against_context(*, kv_heads: int, context: int, batch: int, kv_cache: str, model: str = "LLaMA-7B") -> Frame:
    """Show the cache as a line over the context, and where it crosses the weights in FP16.

    >>> cache_against_context.frame(kv_heads=8, context=32768, batch=1, kv_cache="FP16").said[:52]
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
    return Frame(_picture(), shapes, said, worked(model, run, [cache_term]), code)


def _curves(terms: Mapping[str, int], line: list[Point], context: int, meets: int) -> Shapes:
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


@drawn_once(3.2)
def _picture(figure, axes) -> None:
    context_axes(axes, *_ENDS)
    for term in ("weights", "kv_cache"):
        entry = SUMMANDS[term]
        axes.plot(_ENDS, [1, 1], color=entry.colour, linewidth=2, gid=term, label=entry.word)
    axes.plot(_ENDS, [1, 1], color="0.5", linewidth=1.5, linestyle="--", gid="here", label="your context")
    axes.plot(_ENDS, [1, 1], color="black", linewidth=1, gid="crossing", label="crossing")
    axes.text(1, 1, "cache", gid="held", size=8, in_layout=False)
    axes.text(1, 1, "crossing", gid="meets_left", size=8, ha="right", in_layout=False)
    axes.text(1, 1, "crossing", gid="meets_right", size=8, in_layout=False)
    axes.set(ylim=(_LOWEST, 1_000))
    axes.legend(loc="upper left", ncols=4)
