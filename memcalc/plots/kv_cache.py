"""The picture of the cache: cache against context, and where it outgrows the weights."""

from collections.abc import Iterator

import pandas

from memcalc import Inference, Model, breakdown, crossing
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import LIMIT, context_axes, label, limit_of, picture
from memcalc.units import in_unit

_LOWEST = 0.1  # on the axis of the memory [GiB]


def _rows() -> Iterator[dict[str, object]]:
    """Yield weights and cache of models at each context in FP16 [bytes], and where they cross [tokens]."""
    for name in ("LLaMA-7B", "Llama-3.1-8B"):
        for context in [2**power for power in range(10, 21)]:
            model, run = Model.named(name), Inference(context=context)
            yield {"model": name, "context": context, **breakdown(model, run), "crossing": crossing(model, run)}


def _in_words(rows: pandas.DataFrame) -> str:
    lines = [f"that of {row.model} at {row.crossing:,} tokens" for row in rows.drop_duplicates("model").itertuples()]
    return f"A rising line of the cache passes a level line of the weights: {', '.join(lines)}."


@picture(
    _rows,
    _in_words,
    "Cache against context for a model with 32 key-value heads (LLaMA-7B) and one with 8 (Llama-3.1-8B). "
    "Dots: the context at which the cache outweighs the weights, solved from the formula.",
)
def kv_cache_context(_figure, axes, rows: pandas.DataFrame) -> None:
    """Draw cache against context on two logarithmic axes, and mark where it crosses the weights."""
    context_axes(axes, rows["context"].min(), rows["context"].max())
    axes.set_ylim(_LOWEST, 1000)
    for (model, lines), dash in zip(rows.groupby("model", sort=False), ("-", "--"), strict=True):
        for term in ("kv_cache", "weights"):
            gib, entry = in_unit(lines[term], "GiB"), SUMMANDS[term]
            axes.plot(lines["context"], gib, dash, color=entry.colour, label=f"{entry.word}, {model}", linewidth=2)
        context, gib = lines["crossing"].iloc[0], in_unit(lines["weights"].iloc[0], "GiB")
        axes.plot([context, context], [_LOWEST, gib], color="black", linewidth=0.8)
        axes.plot([context], [gib], "o", color="black", zorder=3)
        label(axes, f"{context:,} tokens", (context, _LOWEST), (3, 4))
    gib, words = limit_of("RTX 4090")
    axes.axhline(gib, **LIMIT)
    label(axes, words, (rows["context"].min(), gib), (3, 3))
    axes.set_title("The cache outgrows the weights (FP16, one sequence)")
    axes.legend(fontsize=8, loc="upper left", ncols=2)
