"""The pictures of the article's first and third table, and every picture of the article in its order."""

import itertools
import math
import textwrap
from collections.abc import Iterator

import pandas
from matplotlib.patches import Patch, Rectangle

from memcalc import Gpu, catalogue
from memcalc.article import claims, table1, table3
from memcalc.formula.totals import inference
from memcalc.plots import activations, hardware, kv_cache, optimizer, weights
from memcalc.plots.style import LIMIT, filled, label, picture, stacked
from memcalc.units import in_unit, show, to_bytes

_CARD = "RTX 4090"  # of the article's first table
_TITLE = {"fontsize": 10, "fontweight": "bold"}
_TERMS = [term.name for term in inference.parts]


def _table1_rows() -> Iterator[dict[str, object]]:
    """Yield each row of the table as published, and as recomputed."""
    for row in table1.Row.rows():
        published = {term: to_bytes(row.published(term), "GB") for term in _TERMS}
        asked = f"fits {_CARD}"
        said, found = row.published(asked) == "Yes", row.fit(asked, row.exact["total"])
        for source, sizes, fits in (("published", published, said), ("recomputed", row.exact, found)):
            line = {"model": f"{row.model.name} {row.run.weights}", "source": source}
            yield line | {term: sizes[term] for term in _TERMS} | {"fits": "fits" if fits else "does not fit"}


def _table1_in_words(rows: pandas.DataFrame) -> str:
    bars = []
    for row in rows.itertuples():
        whole = show(sum(getattr(row, term) for term in _TERMS), "GB")
        bars.append(f"{row.model} {row.source} {whole}, {row.fits}")
    return f"Pairs of stacked bars of weights and cache against the two limits of an {_CARD}: {'; '.join(bars)}."


@picture(
    _table1_rows,
    _table1_in_words,
    "Table 1 of the article, one sequence of 32,768 tokens, published and recomputed from the architecture."
    " Dashed: what the card is sold as; dotted: what a program can use of it. The published GB of the cache are GiB for"
    " 7B, and for 13B and 70B no unit makes them right.",
    height=4.4,
)
def table1_stacked(_figure, axes, rows: pandas.DataFrame) -> None:
    """Draw the article's first table as stacked bars, published above recomputed, against the card."""
    heights = [place + 0.7 * (place // 2) for place in range(len(rows))]  # a gap after each pair, for its name
    ends = stacked(axes, heights, [(in_unit(rows[term], "GB"), filled(term)) for term in _TERMS])
    card, top = Gpu.named(_CARD), -2.1
    axes.axvline(card.marketed_gb, **LIMIT | {"linestyle": "--"})
    axes.axvline(in_unit(card.capacity, "GB"), **LIMIT)
    label(axes, f"sold as {card.marketed_gb} GB", (card.marketed_gb, top), (-3, 0), ha="right", va="top")
    usable = f"{_CARD} can use {show(card.capacity, 'GB')} = {show(card.capacity)}"
    label(axes, usable, (in_unit(card.capacity, "GB"), top), (3, 0), va="top")
    for height, end, row in zip(heights, ends, rows.itertuples(), strict=True):
        summands = " + ".join(f"{in_unit(getattr(row, term), 'GB'):.3g}" for term in _TERMS)
        label(axes, f"{summands} = {end:.3g} GB: {row.fits}", (end, height), (4, 0), va="center")
        if row.source == "published":
            label(axes, row.model, (0, height), (-4, 11), ha="right", va="bottom", fontweight="bold")
    axes.set(yticks=heights, yticklabels=rows["source"], ylim=(heights[-1] + 0.7, -2.2), xlim=(0, 155))
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel="memory [GB]", title="Table 1 of the article: does it fit a card of 24 GB?")
    axes.legend(loc="upper right")


def _market_in_words(rows: pandas.DataFrame) -> str:
    lines = [
        f"{metric}: {', '.join(f'{row.published} in {row.year}' for row in points.itertuples())}"
        for metric, points in rows.groupby("metric", sort=False)
    ]
    return f"Four panels with three points each, as published: {'; '.join(lines)}."


@picture(
    table3.points,
    _market_in_words,
    "Table 3 of the article as published: it names no source, and calls 2025 projected. The axes are"
    " logarithmic and of one scale; the factors below are the growth from year to year.",
    height=3.0,
    ncols=4,
    sharex=True,
)
def market_table(figure, panels, rows: pandas.DataFrame) -> None:
    """Draw the article's third table, one panel a quantity; on these logarithmic axes equal slopes are equal growth."""
    years = sorted(rows["year"].unique())
    for axes, (metric, lines) in zip(panels, rows.groupby("metric", sort=False), strict=True):
        middle = math.sqrt(lines["value"].min() * lines["value"].max())
        axes.set(yscale="log", ylim=(middle / 7, middle * 7), ylabel=f"[{lines['unit'].iloc[0]}]")
        axes.set(xlim=(years[0] - 0.8, years[-1] + 0.8), xticks=years, xticklabels=map(str, years), yticks=[])
        axes.plot(lines["year"], lines["value"], "o--", color="black", markerfacecolor="white", linewidth=1)
        points = list(zip(lines["year"], lines["value"], lines["published"], strict=True))
        side = "right" if points[-1][1] > points[0][1] else "left"  # off the line
        for year, value, published in points:
            label(axes, published, (year, value), (0, 6), ha=side, fontweight="bold", bbox=None)
        for (year, value, _), (later, other, _) in itertools.pairwise(points):
            growth = f"× {other / value:.3g}" if other >= value else f"÷ {value / other:.3g}"
            label(axes, growth, ((year + later) / 2, axes.get_ylim()[0]), (0, 4), ha="center")
        axes.minorticks_off()
        axes.set_title(textwrap.fill(metric, 20), fontsize=8)
    figure.suptitle("Table 3 of the article, as published: it names no source", x=0.005, ha="left", **_TITLE)


LOOKS = {row["name"]: (row["colour"], row["sign"]) for row in catalogue.rows("verdicts")}
"""Verdict → colour and sign: the colours differ in lightness too, and the sign tells without any."""

_LEGEND = {"title_fontproperties": {"size": 10, "weight": "bold"}, "loc": "outside upper left", "ncols": 3}
_LEGEND |= {"alignment": "left", "borderpad": 0}
_WRAP = 19  # tiles of a row
_WRITTEN = {"ha": "center", "va": "center", "fontsize": 8, "linespacing": 0.95}


def _audit_in_words(rows: pandas.DataFrame) -> str:
    counts = rows["verdict"].value_counts()
    verdicts = ", ".join(f"{verdict}: {counts.get(verdict, 0)}" for verdict in LOOKS)
    sections = [
        f"{section} {len(group)}, of which {(group['verdict'] == 'wrong').sum()} wrong"
        for section, group in rows.groupby("section", sort=False)
    ]
    return f"One tile a claim, with its number and a sign. {verdicts}. By section: {'; '.join(sections)}."


@picture(
    lambda: claims.table()[["id", "section", "claim", "kind", "verdict"]],
    _audit_in_words,
    "Every claim of the article as one tile with its number, in the order of the text, one row or more a"
    " section. Colour and sign give the verdict, the legend how many claims have it.",
)
def claims_audit(figure, axes, rows: pandas.DataFrame) -> None:
    """Draw one tile for each claim, with its number and its verdict, in one row or more for each section."""
    lines = list(_rows_of_tiles(rows))
    figure.set_figheight(1.1 + 0.33 * len(lines))
    for height, (_, tiles) in enumerate(lines):
        for place, tile in enumerate(tiles.itertuples()):
            colour, sign = LOOKS[tile.verdict]
            axes.add_patch(Rectangle((place, height), 0.94, 0.88, facecolor=colour, edgecolor="black", linewidth=0.6))
            ink = "white" if tile.verdict == "wrong" else "black"
            axes.text(place + 0.47, height + 0.45, f"{tile.id[1:]}\n{sign}", color=ink, **_WRITTEN)
    axes.set(xlim=(-0.1, _WRAP), ylim=(len(lines), -0.1), xticks=[])
    axes.set(yticks=[height + 0.5 for height in range(len(lines))], yticklabels=[name for name, _ in lines])
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    counts = rows["verdict"].value_counts()
    keys = [
        Patch(facecolor=colour, edgecolor="black", label=f"{sign}  {verdict}: {counts.get(verdict, 0)}")
        for verdict, (colour, sign) in LOOKS.items()
    ]
    title = f"The {len(rows)} claims of the article, by section and verdict"
    figure.legend(handles=keys, title=title, **_LEGEND)


def _rows_of_tiles(rows: pandas.DataFrame) -> Iterator[tuple[str, pandas.DataFrame]]:
    """Yield what stands in a row: the name of its section, if it begins there, and its claims."""
    for section, group in rows.groupby("section", sort=False):
        for start in range(0, len(group), _WRAP):
            yield ("" if start else textwrap.fill(section, 22)), group.iloc[start : start + _WRAP]


PICTURES = (
    *(weights.weights_by_format, optimizer.training_states_zero, activations.activations_context),
    *(kv_cache.kv_cache_context, table1_stacked, hardware.hardware_bandwidth_memory, market_table, claims_audit),
)
"""Every picture of the article, in its order."""
