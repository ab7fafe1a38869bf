"""The picture of the hardware: bandwidth over memory, with prices, and where the article is wrong."""

import math
from collections.abc import Iterator, Mapping

import pandas

from memcalc import Gpu, catalogue
from memcalc.article import table2
from memcalc.article.cards import price_ends
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import label, picture, plain_axes
from memcalc.units import dollars, in_unit, parse

_SLOWEST = 100  # what reads its memory slower is not drawn [GB/s]: a Raspberry Pi lies far below all cards
_ROUND = {"marker": "o", "markeredgecolor": "black", "linestyle": "none"}
_ARTICLE = _ROUND | {"markersize": 6, "markerfacecolor": SUMMANDS["weights"].colour}
_WRONG = _ROUND | {"markersize": 11, "markerfacecolor": "none"}
_OTHER = {"marker": "s", "markersize": 4, "linestyle": "none", "color": "0.45"}
_LEADER = {"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
_ROOM = 1.5  # between the outermost points and the edges, for names


def _rows() -> Iterator[dict[str, object]]:
    published = {}
    for row in table2.Row.rows():
        exact = [gpu for gpu in row.sold if gpu.name == row.subject]
        published |= {gpu.name: row for gpu in exact or row.sold}  # every size where the name leaves the size open
    for gpu in map(Gpu.named, catalogue.names("gpus", "pictured")):
        told = published.get(gpu.name)
        if (gpu.bandwidth_gbs or 0) >= _SLOWEST:
            yield {
                "card": gpu.name,
                "memory": gpu.marketed_gb,
                "bandwidth": float(gpu.bandwidth_gbs),
                "price": " to ".join(map(dollars, price_ends(gpu))),
                "published_memory": _published(told, "memory"),
                "published_bandwidth": _published(told, "bandwidth"),
                "wrong": bool(told) and "wrong" in (told.verdict("memory")[0], told.verdict("bandwidth")[0]),
            }


def _published(told: table2.Row | None, quantity: str) -> float:
    """Return what the article says of a card [GB, or GB a second]."""
    if told is None:
        return math.nan
    return float(in_unit(parse(told.as_published(quantity).removesuffix("/s")), "GB"))


def _in_words(rows: pandas.DataFrame) -> str:
    units = {row.card: Gpu.named(row.card).marketed_unit for row in rows.itertuples()}
    cards = [f"{row.card}: {row.memory:g} {units[row.card]}, {row.bandwidth:,g} GB/s" for row in rows.itertuples()]
    wrong = [
        f" The article places {row.card} at {row.published_memory:g} GB, {row.published_bandwidth:,g} GB/s."
        for row in rows[rows["wrong"]].itertuples()
    ]
    return f"One point a card on two logarithmic axes: {'; '.join(cards)}.{''.join(wrong)}"


@picture(
    _rows,
    _in_words,
    "Bandwidth over memory as sold, with a price where one is known (its date stands in hardware_today): what a"
    " card holds decides which models run, how fast it reads decides the tokens per second. Open: where table 2 of the"
    f" article is wrong, joined to the cards that it can mean; left out: what reads less than {_SLOWEST} GB a second.",
    height=6.4,
)
def hardware_bandwidth_memory(_figure, axes, rows: pandas.DataFrame) -> None:
    """Draw bandwidth over memory, a point a card: those of the article round, and open where the article is wrong."""
    told, wrong = rows["published_memory"].notna(), rows["wrong"]
    (left, right), (low, high) = ((rows[name].min(), rows[name].max()) for name in ("memory", "bandwidth"))
    axes.set(xscale="log", yscale="log", xlim=(left / _ROOM, right * _ROOM), ylim=(low / _ROOM, high * _ROOM))
    axes.set(xlabel="memory, as sold [GB or GiB]", ylabel="bandwidth of the memory [GB/s]")
    axes.set_xticks([16, 24, 32, 48, 64, 96, 128, 192, 256, 512])
    axes.set_yticks([200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000])
    plain_axes(axes)
    axes.set_title("What cards hold, and how fast they read it")
    axes.plot(rows["memory"][told], rows["bandwidth"][told], **_ARTICLE, label="card of the article")
    axes.plot(rows["memory"][~told], rows["bandwidth"][~told], **_OTHER, label="other card")
    for row in rows[wrong].itertuples():
        there = (row.memory, row.published_memory), (row.bandwidth, row.published_bandwidth)
        axes.plot(*there, ":", color="black", linewidth=1)
    said = rows[wrong].drop_duplicates(["published_memory", "published_bandwidth"])
    axes.plot(said["published_memory"], said["published_bandwidth"], **_WRONG, label="wrong in the article")
    axes.legend(loc="upper left")
    _write_names(axes, dict(_names(rows, said)))


def _names(rows: pandas.DataFrame, said: pandas.DataFrame) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the names of cards, shared by those at one point, with known prices; then what the article says of some."""
    for (memory, bandwidth, price), cards in rows.groupby(["memory", "bandwidth", "price"], sort=False):
        weight = "normal" if cards["published_memory"].isna().all() else "bold"
        text = ", ".join(cards["card"]) + (f"\n{price}" if price else "")
        yield cards["card"].iloc[0], {"text": text, "place": (memory, bandwidth), "fontweight": weight}
    for memory, bandwidth in zip(said["published_memory"], said["published_bandwidth"], strict=True):
        text = f"article: {memory:,g} GB,\n{bandwidth:,g} GB/s"
        yield text.replace("\n", " "), {"text": text, "place": (memory, bandwidth)}


def _write_names(axes, names: Mapping[str, Mapping[str, object]]) -> None:
    """Write the names that have a place; what is far from its point is joined to it."""
    for row in catalogue.rows("card_labels"):
        if row["name"] in names:
            x, y = int(row["right"]), int(row["up"])
            across, along = (x > 0) - (x < 0), (y > 0) - (y < 0)
            sides = {"ha": ("center", "left", "right")[across], "va": ("center", "bottom", "top")[along]}
            corner = (1 - across) / 2, (1 - along) / 2  # of the text, the one that is nearest to the point
            leader = {"arrowprops": _LEADER | {"relpos": corner}} if max(abs(x), abs(y)) > 10 else {}
            label(axes, **names[row["name"]], offset=(x, y), bbox=None, linespacing=1, **sides, **leader)
