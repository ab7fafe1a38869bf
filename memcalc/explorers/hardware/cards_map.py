"""A map of the pictured cards: across the memory, upwards the bandwidth or the price, and which of them hold a load."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from memcalc import Gpu, catalogue
from memcalc.article.cards import price, price_ends, price_per_gib
from memcalc.explorers.hardware.flow import Token
from memcalc.explorers.marks import Marks
from memcalc.texts import cached, later, tr
from memcalc.units import in_unit, show, three_digits

AGAINST = (later("bandwidth"), later("price"))
"""What the map has upwards."""

OWN = "your card"
"""What the shapes of a card are called that is not pictured: it glides when another of them is chosen."""

_TITLES = {"bandwidth": later("bandwidth [GB/s]"), "price": later("price [US$ per GiB]")}
_UNKNOWN = {"bandwidth": later("not known how fast"), "price": later("no price known")}
_COMPARE = {"bandwidth": later("compare by bandwidth"), "price": later("compare by price")}
_BESIDE = {
    "bandwidth": (later("tokens a second of this load, at most"), later("tokens/s")),
    "price": (later("a dot: the list price of its day; a bar: what sellers ask"), later("bar: asked")),
}
"""What is said beside the titles, and in fewer words."""

_DOT, _APART = 5, 10  # how large a dot is, and how far its middle is from the next one's [px]
_MOST_TICKS = 9
_HIGH = {360: 330, 600: 340, 860: 350}
_SHELF = 40  # room below for cards of which the height is not known [px]
_LETTER = 6.4  # how wide a letter of a small label is [px]

Box = tuple[float, float, float, float]
Label = tuple[float, float, str]

_NEAR = (
    *((9, 4, "start"), (-9, 4, "end"), (0, -9, "middle"), (0, 17, "middle")),
    *((6, -8, "start"), (6, 15, "start"), (-6, -8, "end"), (-6, 15, "end")),
)
_FAR = tuple((dx, dy, "middle") for dy in (-24, 32, -38, 46, -54, 62, -70, 78) for dx in (0, -40, 40, -80, 80))


@cache
def cards() -> tuple[Gpu, ...]:
    """Return the cards that are pictured, the smallest first."""
    return tuple(sorted(_pictured(), key=lambda gpu: gpu.capacity))


def _pictured() -> Iterator[Gpu]:
    """Yield the cards that the map always shows, in the order of the catalogue."""
    return map(Gpu.named, catalogue.names("gpus", "pictured"))


def memory(gpu: Gpu) -> str:
    """Write the memory of a card, and who says so.

    >>> memory(Gpu.named("RTX 4090")), memory(Gpu.named("A100 40 GB"))
    ('a program sees 23.64 GiB', 'a program sees 39.50 GiB')
    """
    return f"{gpu.capacity_said} {show(gpu.capacity)}"


def known_of(gpu: Gpu) -> str:
    """Write what is known of a card: its memory, its bandwidth, its price with its date.

    >>> print(known_of(Gpu.named("RTX 4090")))
    RTX 4090: a program sees 23.64 GiB
    1,008 GB/s
    $1,599 (list, 2022-10): at launch
    $67.64 per GiB (list, 2022-10)
    """
    speed = f"{three_digits(in_unit(gpu.bandwidth, 'GB'))} GB/s" if gpu.bandwidth else tr("bandwidth not known")
    cost = price(gpu) if gpu.price_usd else tr(gpu.price_note) or tr("price not known")
    remark = f": {tr(gpu.price_note)}" if gpu.price_usd and gpu.price_note else ""
    return "\n".join(filter(None, [f"{gpu.name}: {memory(gpu)}", speed, f"{cost}{remark}", price_per_gib(gpu)]))


@dataclass(frozen=True)
class Plot:
    """Two logarithmic axes, and where cards lie on them [px].

    Parameters
    ----------
    width : of the layout
    top : where it begins
    against : what it has upwards
    own : the chosen card if it is not pictured, or None
    """

    width: int
    top: float
    against: str
    own: Gpu | None = None

    @property
    def left(self) -> float:
        """Where the memory begins."""
        return 44

    @property
    def right(self) -> float:
        """Where the memory ends."""
        return self.width - 40

    @property
    def upper(self) -> float:
        """Where the other axis ends."""
        return self.top + 50

    @property
    def lower(self) -> float:
        """Where the other axis begins: below it lie cards of which it is not known."""
        return self.bottom - _SHELF

    @property
    def bottom(self) -> float:
        """Where the axis of the memory stands."""
        return self.top + _HIGH[self.width] - 40

    @cached_property
    def shown(self) -> tuple[Gpu, ...]:
        """The cards."""
        return (*cards(), *([self.own] if self.own else ()))

    @cached_property
    def memories(self) -> tuple[float, float]:
        """The ends of the axis of the memory [GiB]."""
        return _ends(in_unit(gpu.capacity, "GiB") for gpu in self.shown)

    @cached_property
    def heights(self) -> tuple[float, float]:
        """The ends of the other axis [GB/s, or US dollars per GiB]."""
        return _ends(end for gpu in self.shown for end in self.of(gpu))

    def of(self, gpu: Gpu) -> list[float]:
        """Return how high a card lies, or its ends; nothing if that is not known [GB/s, US dollars per GiB]."""
        if self.against == "bandwidth":
            return [in_unit(gpu.bandwidth, "GB")] if gpu.bandwidth else []
        return [end / in_unit(gpu.capacity, "GiB") for end in price_ends(gpu)]

    def x(self, gib: float) -> float:
        """Return where so much memory lies; what is beyond the axis lies at its end."""
        low, high = self.memories
        share = math.log(gib / low) / math.log(high / low)
        return self.left + (self.right - self.left) * min(1, max(0, share))

    def y(self, number: float) -> float:
        """Return where a number lies on the other axis."""
        low, high = self.heights
        return self.lower - (self.lower - self.upper) * math.log(number / low) / math.log(high / low)

    @cached_property
    def places(self) -> dict[str, tuple[float, float]]:
        """Card → where its dot is; dots that would hide each other are moved apart."""
        found: dict[str, tuple[float, float]] = {}
        for gpu in self.shown:
            x, ends = self.x(in_unit(gpu.capacity, "GiB")), self.of(gpu)
            y = self.y(math.prod(ends) ** (1 / len(ends))) if ends else self.bottom - 9
            tries = ((x + aside, y - up) for aside in _aside() for up in ((0,) if ends else (0, _APART, 2 * _APART)))
            free = (one for one in tries if all(math.dist(one, other) >= _APART for other in found.values()))
            found[gpu.name] = next(free)
        return found

    @cached_property
    def labels(self) -> dict[str, Label]:
        """Card → where its name stands from its dot, and its anchor; names for which there is no room are left out."""
        found = {}
        for gpu in sorted(_pictured(), key=lambda gpu: not self.of(gpu)):  # at last those of which it is not known
            if label := self.label(gpu.name, found):
                found[gpu.name] = label
        return found

    def label(self, name: str, others: Mapping[str, Label], far: bool = False) -> Label | None:
        """Return where there is room for a name beside others, and perhaps a little farther from its dot."""
        shelf = self.left, self.bottom - 16, self.left + 6 + len(tr(_UNKNOWN[self.against])) * _LETTER, self.bottom
        dots = (at for card, at in self.places.items() if not (self.own and card == self.own.name))  # it passes by
        taken = [shelf, *((x - 6, y - 6, x + 6, y + 6) for x, y in dots)]
        taken += [self._box(other, label) for other, label in others.items()]
        for label in (*_NEAR, *(_FAR if far else ())):
            box = self._box(name, label)
            inside = self.left < box[0] and box[2] < self.right + 2 and self.upper - 8 < box[1] and box[3] < self.bottom
            if inside and not any(_overlap(box, other) for other in taken):
                return label
        return None

    def _box(self, name: str, label: Label) -> Box:
        """Return where a name is written: left, top, right and bottom."""
        (x, y), (dx, dy, anchor), wide = self.places[name], label, len(name) * _LETTER + 4
        begin = x + dx - wide * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        return begin, y + dy - 9, begin + wide, y + dy + 2


def _aside() -> Iterator[float]:
    yield 0
    for by in range(5, 400, 5):
        yield by
        yield -by


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _ends(numbers: Iterator[float]) -> tuple[float, float]:
    """Return the ends of an axis: a little beyond the smallest and the largest number."""
    known = list(numbers)
    return min(known) / 1.3, max(known) * 1.3


@cached
def _plot(width: int, top: float, against: str, own: Gpu | None) -> Plot:
    return Plot(width, top, against, own)


def draw(marks: Marks, top: float, token: Token, against: str) -> int:
    """Draw the map below the place `top`; return where it ends."""
    own = None if token.gpu in cards() else token.gpu
    plot = _plot(marks.width, top, against, own)
    _too_small(marks, plot, token)
    _axes(marks, plot)
    if against == "bandwidth":
        _speeds(marks, plot, token)
    _chosen(marks, plot, token.gpu)
    for gpu in plot.shown:
        _dot(marks, plot, gpu, gpu.capacity >= token.fit.needed, gpu.name == token.gpu.name)
    return int(plot.bottom + 40)


def _too_small(marks: Marks, plot: Plot, token: Token) -> None:
    """Draw which memories are too small, and say how many are not."""
    needed = in_unit(token.fit.needed, "GiB")
    edge, top = plot.x(needed), plot.upper - 6
    size = edge - plot.left, plot.bottom - top
    marks.rect("too_small", plot.left, top, *size, look="solid texture", opacity=0.05)
    marks.line("needed", [(edge, top), (edge, plot.bottom)], look="mine")
    if edge - plot.left > 100:
        marks.text("hollow", plot.left + 6, plot.upper + 8, tr("too small: hollow"), look="tiny")
    held = sum(gpu.capacity >= token.fit.needed for gpu in cards())
    beyond = " ▸" if needed > plot.memories[1] else ""
    words = tr("{held} of {all} cards hold {size}", held=held, all=len(cards()), size=show(token.fit.needed)) + beyond
    by, anchor = (-6, "end") if edge > (plot.left + plot.right) / 2 else (6, "start")
    marks.text("holds", edge + by, top - 6, words, anchor=anchor, look="halo")


def _axes(marks: Marks, plot: Plot) -> None:
    for name, x in zip(AGAINST, (12, 164), strict=True):
        chosen = name == plot.against
        more = {"look": "middling"} if chosen else {"press": {"against": name}, "says": tr(_COMPARE[name])}
        marks.text(f"by_{name}", x, plot.top + 14, tr(_TITLES[name]), **more)
    words = tr(_BESIDE[plot.against][plot.width < 600])
    marks.text("beside", plot.width - 4, plot.top + 14, words, anchor="end", look="tiny")
    marks.text("unknown", plot.left + 6, plot.bottom - 5, tr(_UNKNOWN[plot.against]), look="tiny halo")
    marks.text("memory_is", plot.right, plot.bottom + 34, tr("memory for a program [GiB]"), anchor="end", look="tiny")
    marks.line("memory", [(plot.left, plot.bottom), (plot.right, plot.bottom)])
    for number in _between(*plot.memories, base=2):
        x = plot.x(number)
        marks.line(f"x{number:g}", [(x, plot.bottom), (x, plot.bottom + 4)])
        marks.text(f"gib{number:g}", x, plot.bottom + 17, f"{number:,g}", anchor="middle", look="tiny")
    for number in _between(*plot.heights, parts=(1, 3)):
        y = plot.y(number)
        marks.text(f"y{number:g}", plot.left - 6, y + 4, f"{number:,.10g}", anchor="end", look="tiny")
        marks.line(f"at{number:g}", [(plot.left - 4, y), (plot.left, y)])


def _between(low: float, high: float, base: int = 10, parts: Sequence[int] = (1,)) -> list[float]:
    """Return the powers of a base, times some parts of it, between two ends: all, or if they are many, every other."""
    powers = range(math.floor(math.log(low, base)), math.ceil(math.log(high, base)) + 1)
    numbers = (part * float(base) ** power for power in powers for part in parts)
    found = [number for number in numbers if low <= number <= high]
    return found[:: math.ceil(len(found) / _MOST_TICKS)]


def _speeds(marks: Marks, plot: Plot, token: Token) -> None:
    """Draw how high a card must lie to write 1, 10, 100 tokens a second with this load."""
    each = in_unit(token.read, "GB")
    for speed in _between(*(end / each for end in plot.heights)):
        y = plot.y(speed * each)
        marks.line(f"speed{speed:g}", [(plot.left, y), (plot.right, y)], look="ghost")
        marks.text(f"tokens{speed:g}", plot.right + 5, y + 4, f"{speed:,.10g}", look="tiny")


def _chosen(marks: Marks, plot: Plot, gpu: Gpu) -> None:
    """Draw from the chosen card to both axes."""
    x, y = plot.places[gpu.name]
    corners = [(plot.left, y), (x, y), (x, plot.bottom)] if plot.of(gpu) else [(x, y), (x, y), (x, plot.bottom)]
    marks.line("chosen", corners)


def _dot(marks: Marks, plot: Plot, gpu: Gpu, holds: bool, chosen: bool) -> None:
    """Draw a card: full if it holds the load; a bar if sellers ask different prices."""
    (x, y), mine = plot.places[gpu.name], gpu == plot.own
    name = OWN if mine else gpu.name
    press = {} if mine else {"press": {"gpu": name}, "group": "cards"}
    look = {"look": "chosen"} if chosen else {}
    marks.put(name, "g", transform=f"translate({x:.1f} {y:.1f})", says=known_of(gpu), **look, **press)
    ends = plot.of(gpu)
    if len(ends) > 1:
        marks.line(f"{name}|", [(0, plot.y(ends[1]) - y), (0, plot.y(ends[0]) - y)], inside=name, look="bar")
    marks.circle(f"{name}*", 0, 0, 9, inside=name, look="reach")
    marks.circle(f"{name}.", 0, 0, _DOT, inside=name, look="spot full" if holds else "spot")
    _name(marks, plot, name, gpu.name, chosen)


def _name(marks: Marks, plot: Plot, name: str, said: str, chosen: bool) -> None:
    """Write what a card is called where there is room; what the chosen card is called, even farther away."""
    near = plot.labels.get(said)
    label = near or (plot.label(said, plot.labels, far=True) if chosen else None)
    if not label:
        return
    dx, dy, anchor = label
    if not near and label in _FAR:
        marks.line(f"{name}/", [(0, math.copysign(9, dy)), (dx, dy + (4 if dy < 0 else -11))], inside=name)
    look = "middling tiny halo" if chosen else "tiny halo"
    marks.text(f"{name}:", dx, dy, said, anchor=anchor, inside=name, look=look)
