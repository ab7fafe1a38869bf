"""A card as a picture: the terms of a run side by side, against what a program can use of the card."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from memcalc import units
from memcalc.estimate.advice import WORDS
from memcalc.explorers.svg import Label, Point, Stage, box
from memcalc.plots.style import LIMIT, canvas, filled, limit_of
from memcalc.specs.gpu import Gpu

WIDER = 1.5
"""The axis reaches half a card's capacity further, so that what does not fit is seen to stick out."""


def bar(terms: Mapping[str, int], capacity: int) -> dict[str, list[Point] | Label]:
    """Return the terms side by side as shapes, cut at the edge of the picture, with an arrow head where they go on.

    Parameters
    ----------
    terms : term → its memory [bytes]
    capacity : what a program can use of the card [bytes]

    >>> bar({"weights": 2**30}, 2**31)["total"].text
    '1.00 GiB'
    """
    edge, shapes, left = WIDER * units.in_unit(capacity, "GiB"), {}, 0.0
    for term, count in terms.items():
        right = left + units.in_unit(count, "GiB")
        shapes[term] = box(min(left, edge), min(right, edge), -0.4, 0.4) if count else []
        left = right
    shapes["further"] = [(0.97 * edge, 0.3), (0.99 * edge, 0), (0.97 * edge, -0.3)] if left > edge else []
    end = min(max(left, 0.1 * edge), edge)  # the number ends where the bar ends, and never leaves the picture
    return shapes | {"total": Label(units.show(sum(terms.values())), (end, 0.5))}


def room(name: str, count: int, unit: str = "GiB") -> str:
    """Return in words what a card would have left beside so many bytes, or would lack.

    >>> room("RTX 4090", 2**34)
    'On one RTX 4090, 7.64 GiB would be left'
    """
    margin = Gpu.named(name).capacity - count
    return f"On one {name}, {units.show(abs(margin), unit)} {'would be left' if margin >= 0 else 'are missing'}"


@cache
def card(name: str, terms: tuple[str, ...]) -> Stage:
    """Return the picture of a card, with a bar for each of the terms.

    Parameters
    ----------
    name : of a card in the catalogue
    terms : names of terms, which are also those of the shapes
    """
    capacity, label = limit_of(name)
    with canvas(7.0, 1.7) as (figure, axes):
        for term in terms:
            axes.barh([0], [0], gid=term, label=WORDS[term], **filled(term))
        axes.plot([0, 0], [0, 0], color="black", linewidth=3, gid="further")
        axes.text(0, 0.5, "total", gid="total", ha="right", weight="bold", in_layout=False)
        axes.axvline(capacity, **LIMIT | {"linewidth": 2, "color": "black"})
        axes.annotate(label, (capacity, 0.85), (4, 0), textcoords="offset points", fontsize=9)
        axes.set(xlim=(0, WIDER * capacity), ylim=(-0.5, 1.1), yticks=[], xlabel="memory [GiB]")
        axes.legend(loc="upper left", ncols=len(terms), bbox_to_anchor=(0, 1.32))
        return Stage(figure)
