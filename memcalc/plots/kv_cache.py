"""The picture of the cache: cache against context, and where it outgrows the weights."""

import pandas

from memcalc import tables
from memcalc.estimate.advice import WORDS
from memcalc.plots.style import COLOURS, LIMIT, Drawn, Picture, canvas, context_axes, label, limit_of
from memcalc.units import in_unit


def kv_cache_context(rows: pandas.DataFrame | None = None) -> Drawn:
    """Draw cache against context on two logarithmic axes, and mark where it crosses the weights."""
    rows = _cache_rows() if rows is None else rows
    with canvas() as (figure, axes):
        context_axes(axes, rows["context"].min(), rows["context"].max())
        axes.set_ylim(0.1, 1000)
        for (model, lines), dash in zip(rows.groupby("model", sort=False), ("-", "--"), strict=True):
            for term in ("kv_cache", "weights"):
                gib, words = in_unit(lines[term], "GiB"), f"{WORDS[term]}, {model}"
                axes.plot(lines["context"], gib, dash, color=COLOURS[term], label=words, linewidth=2)
            _mark_crossing(axes, lines["crossing"].iloc[0], in_unit(lines["weights"].iloc[0], "GiB"))
        gib, words = limit_of("RTX 4090")
        axes.axhline(gib, **LIMIT)
        label(axes, words, (rows["context"].min(), gib), (3, 3))
        axes.set_title("The cache outgrows the weights (FP16, one sequence)")
        axes.legend(fontsize=8, loc="upper left", ncols=2)
    return figure.told(_cache_in_words(rows))


def _mark_crossing(axes, context: int, gib: float) -> None:
    axes.plot([context, context], [axes.get_ylim()[0], gib], color="black", linewidth=0.8)
    axes.plot([context], [gib], "o", color="black", zorder=3)
    label(axes, f"{context:,} tokens", (context, axes.get_ylim()[0]), (3, 4))


def _cache_rows() -> pandas.DataFrame:
    return tables.cache_by_context(("LLaMA-7B", "Llama-3.1-8B"), [2**power for power in range(10, 21)])


def _cache_in_words(rows: pandas.DataFrame) -> str:
    lines = [f"that of {row.model} at {row.crossing:,} tokens" for row in rows.drop_duplicates("model").itertuples()]
    return f"A rising line of the cache passes a level line of the weights: {', '.join(lines)}."


KV_CACHE_CONTEXT = Picture(
    "kv_cache_context",
    _cache_rows,
    kv_cache_context,
    caption="Cache against context for a model with 32 key-value heads (LLaMA-7B) and one with 8 (Llama-3.1-8B). "
    "Dots: the context at which the cache outweighs the weights, solved from the formula.",
    describe=_cache_in_words,
)
