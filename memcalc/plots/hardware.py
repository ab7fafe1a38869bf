"""The picture of the hardware: bandwidth over memory, with prices, and where the article is wrong."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.path import Path
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from memcalc import Gpu, catalogue
from memcalc.article import table2
from memcalc.article.cards import price_ends
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import label, picture, plain_axes
from memcalc.units import dollars, in_unit, parse

SLOWEST = 100
"""What reads its memory slower than this is not drawn [GB/s]: a Raspberry Pi lies far below all cards."""

_ROUND = {"marker": "o", "markeredgecolor": "black", "linestyle": "none"}
_ARTICLE = _ROUND | {"markersize": 6, "markerfacecolor": SUMMANDS["weights"].colour}
_WRONG = _ROUND | {"markersize": 11, "markerfacecolor": "none"}
_OTHER = {"marker": "s", "markersize": 4, "linestyle": "none", "color": "0.45"}
_LEADER = {"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
_ROOM = 1.5  # between the outermost points and the edges, for names


def _rows() -> pandas.DataFrame:
    told = {gpu.name: row for row in table2.rows() for gpu in _meant(row)}
    fast = [gpu for gpu in map(Gpu.named, catalogue.names("gpus")) if (gpu.bandwidth_gbs or 0) >= SLOWEST]
    return pandas.DataFrame(_line(gpu, told.get(gpu.name)) for gpu in fast)


def _meant(row: table2.Row) -> list[Gpu]:
    """Return the card of the article's name, or those of every size where it leaves the size open."""
    return [gpu for gpu in row.sold if gpu.name == row.subject] or row.sold


def _line(gpu: Gpu, told: table2.Row | None) -> dict[str, object]:
    return {
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
    f" article is wrong, joined to the cards that it can mean; left out: what reads less than {SLOWEST} GB a second.",
    height=6.4,
)
def hardware_bandwidth_memory(_figure, axes, rows: pandas.DataFrame) -> None:
    """Draw bandwidth over memory, a point a card: those of the article round, and open where the article is wrong."""
    told, wrong = rows["published_memory"].notna(), rows["wrong"]
    _axes(axes, rows)
    axes.plot(rows["memory"][told], rows["bandwidth"][told], **_ARTICLE, label="card of the article")
    axes.plot(rows["memory"][~told], rows["bandwidth"][~told], **_OTHER, label="other card")
    for row in rows[wrong].itertuples():
        there = (row.memory, row.published_memory), (row.bandwidth, row.published_bandwidth)
        axes.plot(*there, ":", color="black", linewidth=1)
    said = rows[wrong].drop_duplicates(["published_memory", "published_bandwidth"])
    axes.plot(said["published_memory"], said["published_bandwidth"], **_WRONG, label="wrong in the article")
    axes.legend(loc="upper left")
    others = sorted(_names(rows[~told]), key=lambda name: -len(name.text))  # short ones find room later
    _write_names(axes, [*_names(rows[told]), *_said(said), *others])


def _axes(axes, rows: pandas.DataFrame) -> None:
    (left, right), (low, high) = ((rows[name].min(), rows[name].max()) for name in ("memory", "bandwidth"))
    axes.set(xscale="log", yscale="log", xlim=(left / _ROOM, right * _ROOM), ylim=(low / _ROOM, high * _ROOM))
    axes.set(xlabel="memory, as sold [GB or GiB]", ylabel="bandwidth of the memory [GB/s]")
    axes.set_xticks([16, 24, 32, 48, 64, 96, 128, 192, 256, 512])
    axes.set_yticks([200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000])
    plain_axes(axes)
    axes.set_title("What cards hold, and how fast they read it")


@dataclass(frozen=True)
class _Name:
    """A text, the point beside which it stands, and the room that this point takes to each side [points]."""

    text: str
    place: tuple[float, float]
    half: int
    weight: str = "normal"


def _names(rows: pandas.DataFrame) -> Iterator[_Name]:
    """Yield the names of cards, with their prices where these are known; cards at one point share a name."""
    for (memory, bandwidth, price), cards in rows.groupby(["memory", "bandwidth", "price"], sort=False):
        weight = "normal" if cards["published_memory"].isna().all() else "bold"
        text = ", ".join(cards["card"]) + (f"\n{price}" if price else "")
        yield _Name(text, (memory, bandwidth), 6, weight)


def _said(rows: pandas.DataFrame) -> Iterator[_Name]:
    """Yield what the article says of cards."""
    for row in rows.itertuples():
        place = row.published_memory, row.published_bandwidth
        yield _Name(f"article: {place[0]:,g} GB,\n{place[1]:,g} GB/s", place, 8)


def _write_names(axes, names: list[_Name]) -> None:
    """Write each name as near to its point as there is room, the first ones first."""
    FigureCanvasAgg(axes.figure)  # measures text alike, whatever the file will be
    axes.figure.draw_without_rendering()  # so that places on paper are known
    taken = [axes.get_legend().get_window_extent()]
    for name in names:
        spot, half = axes.transData.transform(name.place), name.half * axes.figure.dpi / 72
        taken.append(Bbox([spot - half, spot + half]))
    for name in names:
        taken.append(_beside(axes, name, taken))


def _beside(axes, name: _Name, taken: list[Bbox]) -> Bbox:
    """Write beside a point where nothing stands yet, and return the room that this takes; nothing if there is none."""
    for x, y in _around(name.half):
        sides = {"ha": ("center", "left", "right")[_sign(x)], "va": ("center", "bottom", "top")[_sign(y)]}
        corner = (1 - _sign(x)) / 2, (1 - _sign(y)) / 2  # of the text, the one that is nearest to the point
        leader = {"arrowprops": _LEADER | {"relpos": corner}} if max(abs(x), abs(y)) > 10 else {}
        style = {"bbox": None, "linespacing": 1, "fontweight": name.weight}
        written = label(axes, name.text, name.place, (x, y), **style, **sides, **leader)
        written.get_window_extent()  # puts it in place
        room = Text.get_window_extent(written)  # without its leader
        if axes.bbox.count_contains(room.corners()) == 4 and not _meets(written, room, taken):
            return room
        written.remove()
    return taken[0]


def _meets(written: Annotation, room: Bbox, taken: list[Bbox]) -> bool:
    """Return whether a name or its leader lies over what stands there, other than its own point."""
    spot = written.axes.transData.transform(written.xy)
    leader = Path([spot, written.get_transform().transform(written.get_position())])
    others = [box for box in taken if not box.contains(*spot)]
    return bool(room.count_overlaps(others)) or any(leader.intersects_bbox(box, filled=False) for box in others)


_SIDES = (
    *((1, 0), (-1, 0), (0, -1), (0, 1), (1, 1), (-1, 1), (1, -1), (-1, -1)),
    *((2, 1), (-2, -1), (2, -1), (-2, 1)),
)


def _around(near: int) -> Iterator[tuple[int, int]]:
    """Yield steps away from a point [points to the right, points up], the nearest first."""
    for far in (near, 12, 20, 30, 45, 60, 80):
        for x, y in _SIDES:
            yield far * x, far * y


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
