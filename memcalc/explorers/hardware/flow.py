"""A card with its pipe: what is read for a token runs out as a ribbon over a clock, and its length is the time."""

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from memcalc import Fit, Gpu, Inference, Model, breakdown, fits, largest, symbol, values
from memcalc.estimate.speed import fastest, time_of_a_token
from memcalc.explorers import vessel as vessels
from memcalc.explorers.marks import Marks, along, steps
from memcalc.explorers.vessel import WALL, Vessel
from memcalc.formula.inverse import token as one_more
from memcalc.texts import later, tr
from memcalc.units import in_unit, show, three_digits

_CLOCKS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15)  # how much a clock shows, times a power of ten
_USED = 0.96  # so much of the clock a token takes at most
_SHORTEST = 0.62  # and so much at least, for such are the steps of the clock
_THINNEST = 7  # what is thinner is drawn wider, and says so [px]
_MOST_TICKS, _TICK = 6, 40  # on a clock, and how far apart they are at least [px]
_SECONDS = 10_000  # a clock that shows so much counts seconds [ms]
_ROOM = 6  # that a pipe leaves below the rim of its card [px]
_FINE = 2**0.25  # how many times a scale is the next: finer than for a card alone, so that the ribbon has its room
_ROUND = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80)  # bandwidths to which a pipe is dragged, times a power of ten
_SLOWEST, _FASTEST = 0.01, 100_000  # of those [GB/s]
_DRY_LINE = 32  # letters of a line beside a pipe from which nothing runs
_TENFOLD = 120  # how far a hand goes for ten times the bandwidth [px]


@dataclass(frozen=True)
class Token:
    """What one token more takes: a model, a run, and the card that reads for it."""

    model: Model
    run: Inference
    gpu: Gpu

    @cached_property
    def memory(self) -> dict[str, int]:
        """Term → what it takes on the card [bytes]."""
        return breakdown(self.model, self.run)

    @cached_property
    def fit(self) -> Fit:
        """Whether all of it is on the card."""
        return fits(self.model, self.run, self.gpu)

    @cached_property
    def read(self) -> int:
        """What is read for it [bytes]: what a card of one byte a second would read in so many seconds."""
        return time_of_a_token(self.model, self.run).exact({**values(self.model, self.run), symbol("bandwidth"): 1})

    @property
    def weights(self) -> int:
        """What is read of the weights [bytes]."""
        return self.read - self.cache

    @cached_property
    def cache(self) -> int:
        """What is read of the cache, and written of states [bytes]."""
        read = time_of_a_token(self.model, self.run).every_part[symbol("read_cache")]
        return read.exact(values(self.model, self.run))

    @property
    def stays(self) -> int:
        """What is not read of the weights: experts that it does not pass, rows that are not looked up [bytes]."""
        return max(0, self.memory["weights"] - self.weights)

    @cached_property
    def seconds(self) -> float | None:
        """The least time for it, or None: what does not fit is not read, and not every bandwidth is known."""
        most = fastest(self.model, self.run, self.gpu).decode if self.fit else None
        return 1 / most if most else None

    def on(self, **changes: object) -> "Token":
        """Return the same with other fields of the run."""
        return replace(self, run=replace(self.run, **changes))


def written(seconds: float) -> str:
    """Write a time in milliseconds, or a long one in seconds.

    >>> written(0.015958), written(4.2), written(38.654)
    ('15.96 ms', '4,200 ms', '38.65 s')
    """
    return f"{1000 * seconds:,.4g} ms" if 1000 * seconds < _SECONDS else f"{seconds:,.4g} s"


@dataclass(frozen=True)
class Place:
    """Where the card, its pipe and the clock stand in a layout [px].

    Parameters
    ----------
    middle, room, floor : of the card
    start, clock : where the pipe ends and the clock begins, and how long the clock is
    widest : the pipe
    """

    middle: float
    room: float
    floor: float
    start: float
    clock: float
    widest: float


PLACES = {
    360: Place(78, 140, 134, 166, 172, 64),
    600: Place(124, 228, 256, 266, 298, 96),
    860: Place(172, 320, 262, 366, 456, 104),
}
"""Width of a layout → where things stand."""


@dataclass(frozen=True)
class Flow:
    """A card at a scale, and what runs out of it.

    Parameters
    ----------
    token : what is read
    place : where
    """

    token: Token
    place: Place

    @cached_property
    def vessel(self) -> Vessel:
        """The card: so large that there is room for it, for what runs over, and for the ribbon."""
        token, place = self.token, self.place
        capacity, load = token.gpu.capacity, sum(token.memory.values())
        wide, high = 0.84 * place.room, place.floor - 22
        unit = min(vessels.unit_for(capacity, load, wide, high), vessels.unit_for(capacity, 0, wide, 0.76 * high))
        area = place.widest * _SHORTEST * place.clock
        read = in_unit(token.read, "GiB")
        unit = next(side for side in steps(0.001, 72, _FINE) if side <= unit and read * side**2 <= area)
        return Vessel(capacity, token.memory, place.middle, place.floor, unit, place.room)

    @property
    def open(self) -> bool:
        """Whether the card has a pipe: where no bandwidth is known, none is drawn."""
        return self.token.gpu.bandwidth is not None

    @cached_property
    def shown(self) -> float:
        """How much the clock shows [ms]."""
        time = 1000 * self.token.read / self.token.gpu.bandwidth
        decade = 10 ** math.floor(math.log10(time))
        return next(part * decade for part in _CLOCKS if time <= _USED * part * decade)

    @property
    def per_ms(self) -> float:
        """How long a millisecond is on the clock [px]."""
        return self.place.clock / self.shown

    def long(self, size: int) -> float:
        """Return how long the ribbon of so many bytes is [px]."""
        return 1000 * size / self.token.gpu.bandwidth * self.per_ms

    @cached_property
    def true_width(self) -> float:
        """How wide the pipe is to scale [px]: the ribbon has the area of what is read."""
        return in_unit(self.token.gpu.bandwidth, "GiB") * self.vessel.unit**2 / (1000 * self.per_ms)

    @cached_property
    def times(self) -> float:
        """How many times as wide as to scale the pipe is drawn: once, unless it could not be seen.

        It is narrower than to scale where more runs through it than the card holds, for a state is read and written.
        """
        if self.token.fit and self.true_width > self.place.floor - self.vessel.rim:
            return 0.5 ** math.ceil(math.log2(self.true_width / (self.place.floor - self.vessel.rim)))
        return 2 ** max(0, math.ceil(math.log2(_THINNEST / self.true_width)))

    @property
    def drawn(self) -> str:
        """How wide the pipe is drawn, in words, or nothing if it is to scale."""
        return self._drawn(_WIDER, _HALF, _PART)

    @property
    def drawn_to_scale(self) -> str:
        """The same in more words."""
        return self._drawn(_WIDER_THAN, _HALF_OF, _PART_OF)

    def _drawn(self, wider: str, half: str, part: str) -> str:
        said = wider if self.times > 1 else half if self.times == 0.5 else part
        return "" if self.times == 1 else tr(said, times=self.times, part=1 / self.times)

    @property
    def top(self) -> float:
        """Where the upper edge of the ribbon, or of a dry pipe, is [px]."""
        top = self.place.floor - self.true_width * self.times
        return top if self.token.fit else max(top, min(self.vessel.rim + _ROOM, self.place.floor - 4))

    def ticks(self) -> Iterator[tuple[float, float]]:
        """Yield the marks of the clock [ms], and where they stand [px]."""
        decade = 10 ** math.floor(math.log10(self.shown))
        most = min(_MOST_TICKS, self.place.clock // _TICK)
        step = next(part * decade for part in (0.2, 0.5, 1, 2, 5) if self.shown / decade / part <= most)
        for number in range(math.floor(self.shown / step + 1e-9) + 1):
            yield number * step, self.place.start + number * step * self.per_ms


_WIDER = later("the pipe is drawn {times:,} times as wide")
_HALF = later("the pipe is drawn half as wide")
_PART = later("the pipe is drawn 1/{part:.0f} as wide")
_WIDER_THAN = later("the pipe is drawn {times:,} times as wide as to scale")
_HALF_OF = later("the pipe is drawn half as wide as to scale")
_PART_OF = later("the pipe is drawn 1/{part:.0f} as wide as to scale")


def draw(marks: Marks, flow: Flow) -> None:
    """Draw the card with its load, the pipe, the clock, and the ribbon if there is a time."""
    _card(marks, flow)
    if flow.open:
        _pipe(marks, flow)
        _clock(marks, flow)
    _dry(marks, flow)
    if flow.token.seconds:
        _ribbon(marks, flow)
    _surface(marks, flow)


def _card(marks: Marks, flow: Flow) -> None:
    vessel, token = flow.vessel, flow.token
    tokens = rows(flow)
    more = {
        "weights": {"lights": "P P_act B", "says": _weights(token)},
        "kv_cache": {"lights": "M_kv L L_full L_win L_mla h_kv d_k s b B_k B_v"},
    }
    vessels.draw(marks, vessel, row=vessel.high(tokens * _each(token)), **more)
    for shape in marks.shapes.values():  # the load is seen before the guess, which is about its time
        shape.pop("answer", None)
        shape.pop("from", None)
    low, top = vessel.inside["weights"]
    edge = min(low, max(top, vessel.floor - vessel.high(token.weights)))
    marks.put("stays_grid", "pattern", width=7, height=7, patternUnits="userSpaceOnUse", patternTransform="rotate(45)")
    marks.path("stays_line", "M0 0V7", inside="stays_grid", of="weights", look="hair")
    place = {"x": vessel.left, "y": top, "width": vessel.width, "height": edge - top}
    marks.rect("stays", **place, look="veil texture")
    marks.rect("stays_rows", **place, fill="url(#stays_grid)", look="texture")
    if vessel.over:
        reach = vessel.heap_width / 2 + 14
        marks.line("rim", [(vessel.middle - reach, vessel.rim), (vessel.middle + reach, vessel.rim)], look="rim")


def _weights(token: Token) -> str:
    said = later("weights: {read} are read for a token, {stays} stay")
    return tr(said, read=show(token.weights), stays=show(token.stays))


def _each(token: Token) -> int:
    """Return what one more token of context takes in all sequences [bytes]."""
    return one_more.exact(values(token.model, token.run))


def rows(flow: Flow) -> int:
    """Return how many tokens lie between two lines in the cache, 0 if there is no room for lines."""
    each, tokens = _each(flow.token), 1
    while each and flow.vessel.high(tokens * each) < 6:
        tokens *= 2
    return tokens if each else 0


def _pipe(marks: Marks, flow: Flow) -> None:
    """Draw the pipe, which is open at the card and where the clock begins."""
    floor, start = flow.place.floor, flow.place.start
    right = flow.vessel.left + flow.vessel.width
    look = {"of": "weights", "look": "flow"} if flow.token.seconds else {"look": "blank"}
    said = tr("pipe: {speed} GB/s", speed=three_digits(in_unit(flow.token.gpu.bandwidth, "GB")))
    marks.rect("pipe", right - 1, flow.top, start - right + 1, floor - flow.top, **look, says=said, lights="β")
    edges = f"M{right + WALL / 2:.1f} {flow.top - WALL / 2:.1f}H{start}M{right:.1f} {floor + WALL / 2}H{start}"
    marks.path("pipe_wall", edges, look="wall")


def _clock(marks: Marks, flow: Flow) -> None:
    place = flow.place
    line = place.floor + 14
    marks.line("clock", [(place.start, line), (place.start + place.clock, line)])
    ticks, (each, name) = list(flow.ticks()), (1000, "s") if flow.shown >= _SECONDS else (1, "ms")
    for number, (time, x) in enumerate(ticks):
        marks.line(f"tick{number}", [(x, line), (x, line + 5)])
        unit = f" {name}" if number == len(ticks) - 1 else ""
        marks.text(f"time{number}", x, line + 19, f"{time / each:,.10g}{unit}", anchor="middle", look="tiny")
    if flow.drawn and marks.width >= 600:
        marks.text("drawn", place.start, line + 38, flow.drawn_to_scale, look="tiny")


def _dry(marks: Marks, flow: Flow) -> None:
    """Say why nothing runs, if nothing does."""
    if flow.token.seconds:
        return
    words = tr(_STAYS_DRY if flow.open else later("Nobody says how fast it reads: no pipe, and no time."))
    y = flow.place.floor - (max(22, (flow.place.floor - flow.top) / 2) if flow.open else 24)
    for number, line in enumerate(textwrap.wrap(words, _DRY_LINE)):
        marks.text(
            f"dry{number}", flow.place.start + (10 if marks.width < 600 else 18), y - 3 + 17 * number, line, look="halo"
        )


_STAYS_DRY = later("The pipe stays dry: what is not in the card cannot be read.")


def _ribbon(marks: Marks, flow: Flow) -> None:
    """Draw what runs out: for a token, first what is read of the weights, then the cache; and the next one, pale."""
    token, place, top = flow.token, flow.place, flow.top
    weights, cache = flow.long(token.weights), flow.long(token.cache)
    start, end, high = place.start, place.start + place.clock, place.floor - top
    cache_said = tr("cache: {size}, all of it is read", size=show(token.memory["kv_cache"]))
    said = {"weights": _weights(token), "kv_cache": cache_said}
    lights = {"weights": "P_act B", "kv_cache": "M_kv"}
    after = start + weights + cache
    for name, x, wide in (("weights", after, weights), ("kv_cache", after + weights, cache)):
        marks.rect(
            f"next_{name}", min(x, end), top, min(wide, end - x), high, of=name, look="flow pale texture", answer=True
        )
    for name, x, wide in (("weights", start, weights), ("kv_cache", start + weights, cache)):
        empty = {"x": start, "width": 0}
        more = {"of": name, "says": said[name], "lights": lights[name], "answer": True, "from": empty}
        marks.rect(f"ribbon_{name}", x, top, wide, high, look="area", **more)
    _slices(marks, flow, weights)
    _told(marks, flow, after)


def _slices(marks: Marks, flow: Flow, wide: float) -> None:
    """Draw what is read of the weights in slices as large as the squares in the card."""
    _, gib = vessels.square_of(flow.vessel.unit)
    side, high = flow.long(gib * 2**30), flow.place.floor - flow.top
    marks.put("slice", "pattern", x=flow.place.start, width=side, height=999, patternUnits="userSpaceOnUse")
    marks.path("slice_line", "M0 0V999", inside="slice", of="weights", look="hair")
    place = {"x": flow.place.start, "y": flow.top, "width": wide, "height": high}
    marks.rect("slices", **place, fill="url(#slice)", look="texture", answer=True, **{"from": {"width": 0}})


def _told(marks: Marks, flow: Flow, after: float) -> None:
    """Say how long a token takes, over the ribbon and on the clock."""
    start, top, floor = flow.place.start, flow.top, flow.place.floor
    marks.line("cut", [(after, top - 6), (after, floor + 20)], look="ink", answer=True)
    bracket = [(start + 1, top - 6), (start + 1, top - 11), (after, top - 11), (after, top - 6)]
    marks.line("bracket", bracket, answer=True)
    said = later("one token: {time}") if flow.token.run.batch == 1 else later("a token for each: {time}")
    words, why = tr(said, time=written(flow.token.seconds)), tr("the time in which all of it runs out")
    more = {"look": "middling halo", "lights": "T_tok", "says": why, "answer": True}
    marks.text("told", (start + after) / 2, top - 18, words, anchor="middle", **more)


def _surface(marks: Marks, flow: Flow) -> None:
    """Draw the surface, and the handle on it, which is the context."""
    vessel, token = flow.vessel, flow.token
    half = (vessel.heap_width if vessel.over else vessel.width) / 2
    marks.line(
        "surface",
        [(vessel.middle - half, vessel.top), (vessel.middle + half, vessel.top)],
        look="surface",
        of="kv_cache",
    )
    each = _each(token)
    if each:
        size = -vessel.per(each)
        handle = along("context", origin=vessel.top - size * token.run.context, size=size)
        context = largest("context", token.model, token.run, token.gpu)
        handle["also"] = [context] if context else []
        more = {"of": "kv_cache", "says": tr("context: drag the surface"), "lights": "s"}
        marks.knob("context", vessel.middle, vessel.top, "y", handle, **more)


def edge(marks: Marks, flow: Flow, gpu: str) -> None:
    """Put a handle on the edge of the pipe, which is the bandwidth: as much memory, read faster or slower."""
    places = bandwidths(flow, gpu)
    more = {"says": tr("bandwidth: drag the edge of the pipe"), "lights": "β", "answer": True}
    marks.knob("bandwidth", flow.place.start - 14, flow.top, "y", along("gpu", places), **more)


def bandwidths(flow: Flow, gpu: str) -> dict[str, float]:
    """Return the card, and cards of the same memory at other bandwidths, and where a hand finds each [px].

    From a tenth of its bandwidth to ten times that; for twice as much, a hand goes the same way everywhere. The edge
    itself goes less far than the hand, because the clock takes another scale on the way.
    """
    memory, now = show(flow.token.gpu.capacity), in_unit(flow.token.gpu.bandwidth, "GB")
    decades = range(math.floor(math.log10(now)) - 2, math.floor(math.log10(now)) + 1)
    speeds = [float(f"{part * 10.0**decade:.2g}") for decade in decades for part in _ROUND]
    low, high = max(now / 10, _SLOWEST), min(now * 10, _FASTEST)
    found = {gpu: now} | {f"{memory} at {speed:,g} GB/s": speed for speed in speeds if low <= speed <= high}
    return {card: flow.place.floor - _TENFOLD * math.log10(speed) for card, speed in found.items()}


def guess_line(marks: Marks, flow: Flow) -> None:
    """Draw the line that is dragged along the clock to when a token is expected to be through."""
    floor, top = flow.place.floor, flow.top - 8
    low = floor + (54 if marks.width < 600 else 72)  # its words have a line of their own below all others
    marks.put("guess", "g", look="along-x", transform=f"translate({flow.place.start} 0)")
    marks.rect("guess_reach", -16, top, 32, low + 4 - top, inside="guess", look="reach")
    marks.line("guess_line", [(0, top), (0, low + 3)], inside="guess", look="mine")
    said = {"anchor": "end", "inside": "guess", "look": "middling halo"}
    marks.text("guess_words", -7, low, tr("drag me to your guess"), **said)
