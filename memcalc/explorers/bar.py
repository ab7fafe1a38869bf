"""Bars of memory: parts side by side, cut at the edge of the picture, against what a program can use of cards."""

import math
from collections.abc import Iterable, Mapping

from memcalc import Gpu, units
from memcalc.explorers.svg import Label, Point, Shapes, box, drawn_once
from memcalc.plots.style import STRONG_LIMIT, filled, label, limit_of

_WIDER = 1.5  # the axis reaches half a card's capacity further, so that what does not fit is seen to stick out
_ENDS = (-0.5, 1.1)  # of the picture, where the bar stands at 0


def side_by_side(
    parts: Mapping[str, int], edge: float = math.inf, unit: str = "GiB", middle: float = 0.0, half: float = 0.4
) -> dict[str, list[Point]]:
    """Return for each part [bytes] a box, twice `half` high, that begins where another ends, cut at `edge` [unit].

    >>> side_by_side({"weights": 2**30}, half=1)
    {'weights': [(0.0, -1.0), (1.0, -1.0), (1.0, 1.0), (0.0, 1.0), (0.0, -1.0)]}
    """
    shapes, left = {}, 0
    for name, size in parts.items():
        ends = (min(units.in_unit(end, unit), edge) for end in (left, left + size))
        shapes[name], left = box(*ends, middle - half, middle + half), left + size
    return shapes


def bar(terms: Mapping[str, int], capacity: int) -> Shapes:
    """Return the terms [bytes] side by side as shapes, for a card's capacity [bytes]; an arrow head says: they go on.

    >>> bar({"weights": 2**30}, 2**31)["total"].text
    '1.00 GiB'
    """
    edge, total = _WIDER * units.in_unit(capacity, "GiB"), sum(terms.values())
    shapes = {term: shape if terms[term] else [] for term, shape in side_by_side(terms, edge).items()}
    right = units.in_unit(total, "GiB")
    shapes["further"] = [(0.97 * edge, 0.3), (0.99 * edge, 0), (0.97 * edge, -0.3)] if right > edge else []
    end = min(max(right, 0.1 * edge), edge)  # the number ends where the bar ends, and never leaves the picture
    return shapes | {"total": Label(units.show(total), (end, 0.5))}


def room(name: str, count: int, unit: str = "GiB") -> str:
    """Return in words what a card would have left beside so many bytes, or would lack.

    >>> room("RTX 4090", 2**34)
    'On one RTX 4090, 7.64 GiB would be left'
    """
    margin = Gpu.named(name).capacity - count
    return f"On one {name}, {units.show(abs(margin), unit)} {'would be left' if margin >= 0 else 'are missing'}"


def draw_parts(axes, looks: Mapping[str, Mapping[str, object]], middle: float = 0) -> None:
    """Draw the boxes of a bar, for parts that are filled as `looks` say."""
    for name, look in looks.items():
        axes.barh([middle], [0], gid=name, **look)


def draw_limit(axes, card: str, ends: Iterable[tuple[float, float]], height: float, unit: str = "GiB") -> None:
    """Draw what a program can use of a card: a line in pieces with these ends, and its label at a height."""
    capacity, words = limit_of(card, unit)
    for piece in ends:
        axes.plot([capacity, capacity], piece, **STRONG_LIMIT)
    label(axes, words, (capacity, height), (4, 0), fontsize=9, bbox=None)


def draw_bar(axes, looks: Mapping[str, Mapping[str, object]], cards: Iterable[str], ends, xlabel: str) -> None:
    """Draw all the shapes of `bar` against cards, of which the last is the largest."""
    draw_parts(axes, looks)
    axes.plot([0, 0], [0, 0], color="black", linewidth=3, gid="further")
    axes.text(0, 0.5, "total", gid="total", ha="right", weight="bold", in_layout=False)
    for card in cards:
        draw_limit(axes, card, ends, 0.85)
    axes.set(xlim=(0, _WIDER * limit_of(card)[0]), ylim=_ENDS, yticks=[], xlabel=xlabel)


@drawn_once(1.7)
def card(figure, axes, name: str, terms: tuple[str, ...]) -> None:
    """Draw a card of the catalogue, with a bar for each of the terms, whose names are also those of the shapes."""
    draw_bar(axes, {term: filled(term) for term in terms}, [name], [_ENDS], "memory [GiB]")
    axes.legend(loc="upper left", ncols=len(terms), bbox_to_anchor=(0, 1.32))
