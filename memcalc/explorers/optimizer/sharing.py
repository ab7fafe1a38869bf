"""Cards that share what they train: what each keeps, where it was cut from, and what reaches above the rim."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from memcalc import Gpu
from memcalc.explorers.frame import Guess
from memcalc.explorers.marks import Marks, along, apart
from memcalc.explorers.optimizer.abreast import Abreast
from memcalc.explorers.optimizer.states import States
from memcalc.formula.symbols import BY_NAME, SUMMANDS
from memcalc.texts import later, later_many, tr, tr_many
from memcalc.units import UNITS, in_unit, show, show_both

AXIS = ("RTX 4090", "RTX 6000 Ada", "A100 80 GB", "H200", "MI300X")
"""The cards to which the rim can be dragged, by their size."""

_LETTERS = {
    "weights": "M_w P P_1 B",
    "gradients": "M_g P P_1 B_g",
    "optimizer": "M_opt P P_1 B_m B_o n_o M_1",
}
_SLICES = later("{word}: the slices of all cards are {size}")
_BEYOND = 1.7  # if all cards together keep so many times what one could, it is not drawn to its end
_LONG = 8  # letters of a size that still stands beside the word of its term
_LABEL = 38.5  # from one label to the next [px]


@dataclass(frozen=True)
class _Room:
    """Where the cards stand in a layout.

    Parameters
    ----------
    slots : how many cards have room
    left, pitch, wide : where the first begins, from one to the next, and how wide each is [px]
    tall : how high the picture of them is [px]
    """

    slots: int
    left: float
    pitch: float
    wide: float
    tall: float


_ROOMS = {860: _Room(8, 178, 66, 46, 270), 600: _Room(6, 156, 53, 37, 250), 360: _Room(4, 16, 56, 38, 230)}


@dataclass(frozen=True, eq=False)
class Scene:
    """The cards, in the room of a layout.

    Parameters
    ----------
    marks : where they are drawn
    states : what they keep
    gpu : which card it is
    top : where there is room for them [px]
    """

    marks: Marks
    states: States
    gpu: Gpu
    top: float

    @cached_property
    def reach(self) -> list[Gpu]:
        """The cards to which the rim can be dragged, up to the first that would hold everything; and the one shown."""
        cards = [Gpu.named(name) for name in AXIS]
        smaller = sum(card.capacity < self.whole for card in cards)
        found = {card.name: card for card in (*cards[: max(2, smaller + 1)], self.gpu)}
        return sorted(found.values(), key=lambda card: card.capacity)

    @cached_property
    def kept(self) -> int:
        """What one card keeps [bytes]."""
        return sum(self.states.kept.values())

    @cached_property
    def whole(self) -> int:
        """What all cards keep together [bytes]."""
        return sum(self.states.whole.values())

    @cached_property
    def row(self) -> Abreast:
        """Where the cards stand; the scale goes in steps."""
        room, largest = _ROOMS[self.marks.width], self.reach[-1].capacity
        least = max(self.kept, largest)
        seen = max(least, self.whole) if self.whole < _BEYOND * least else least * 1.1
        scale = 2 ** (math.floor(16 * math.log2(room.tall / seen)) / 16)
        count = self.states.run.data_parallel
        return Abreast(count, room.slots, room.left, room.pitch, room.wide, self.top + room.tall, scale)

    @property
    def rim(self) -> float:
        """How high the rim of the cards is [px]."""
        return self.row.y(self.gpu.capacity)

    @property
    def all_seen(self) -> bool:
        """Whether all that the cards keep together is in the picture."""
        return self.row.y(self.whole) >= self.top

    @property
    def _divides(self) -> str:
        """The letters of what is cut into slices; none if nothing is."""
        return "N_d P_1" if self.states.run.stage else ""

    def stacked(self, sizes: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
        """Yield each term with where it begins and ends, if one lies on the other [bytes]."""
        low = 0
        for term, size in sizes.items():
            yield term, low, low + size
            low += size

    def draw(self, counts: Iterable[int]) -> int:
        """Draw it all, and return where the picture ends.

        Parameters
        ----------
        counts : the numbers of cards to which the last can be pulled
        """
        self._whole()
        self._kept()
        self._cards()
        self._spilled()
        bottom = self._labels()
        self._handles(counts)
        self._guess_line()
        return int(bottom)

    def _whole(self) -> None:
        """Draw what all keep together as an outline over each card, and in it the slice that this card has of it."""
        ends = min(self.whole, (self.row.floor - self.top) / self.row.scale)
        self.marks.path("whole", self.row.blocks(0, ends), look="ghost", answer=True, **self._first("whole"))
        above = min(self.row.y(ends), self.rim) - 8
        self.marks.text("together", self.row.left - 4, above, self._together(), answer=True, look="halo")
        if not self.all_seen:
            return
        for term, low, high in self.stacked(self.states.whole):
            shared = self.states.shared(term)
            outline = self.row.slices(low, high) if shared else self.row.blocks(low, high)
            says = tr(_SLICES, word=tr(SUMMANDS[term].word), size=show_both(high - low)) if shared else ""
            more = {
                "of": term,
                "look": "area",
                "fill_opacity": 0.4,
                "answer": True,
                "says": says,
                "lights": self._divides,
                "via": self._via(term),
            }
            self.marks.path(f"{term}_slices", outline, **more)

    def _via(self, term: str) -> str:
        """Return the slices through which a term goes when it is shared out: so one sees that they are the whole."""
        return f"{term}_slices" if self.states.shared(term) and self.all_seen else ""

    def _first(self, name: str) -> dict[str, str]:
        """Return by which way a card goes that is pulled in while things are shared out: it is there before them."""
        return {"via": name} if self.states.run.stage else {}

    def _together(self) -> str:
        """Return what the slices make together, or that there are none."""
        states, count = self.states, self.states.run.data_parallel
        size = show(sum(size for term, size in states.whole.items() if states.shared(term)), "GB")
        if not states.run.stage:
            return tr_many("one card keeps everything", "each card keeps everything", count)
        if not self.all_seen:
            return tr("together {size}, higher than drawn", size=size)
        if self.marks.width < 600:
            return tr("all slices together: {size}", size=size)
        return tr("the slices of all {count:,} cards are the whole: {size}", count=count, size=size)

    def _kept(self) -> None:
        """Draw what lies in each card below its rim; a click shares it, or no longer."""
        limit = self.gpu.capacity
        begin = {term: (low, high) for term, low, high in self.stacked(self.states.whole)}
        for term, low, high in self.stacked(self.states.kept):
            says = tr("{word}: {size} on each card", word=tr(SUMMANDS[term].word), size=show_both(high - low))
            touch = {"says": says, "lights": _LETTERS[term], "press": self.states.toggled(term)}
            ends, seen = (min(low, limit), min(high, limit)), {"answer": True, "via": self._via(term)}
            seen["from"] = {"d": self.row.blocks(*begin[term])} if seen["via"] else ""
            self.marks.path(term, self.row.blocks(*ends), of=term, look="area", **touch, **seen)
            squares = {"fill": "url(#squares)", "look": "texture"}  # the thin cards have none
            self.marks.path(f"texture_{term}", self.row.blocks(*ends, thin=False), **squares, **seen)
        self._squares()

    def _squares(self) -> None:
        """Add the pattern of squares for what lies in the cards."""
        row, marks = self.row, self.marks
        side, _mib = row.square()
        tile = {"x": row.left, "y": row.floor - 40 * side, "width": row.pitch, "height": side}
        marks.put("squares", "pattern", **tile, patternUnits="userSpaceOnUse")
        upright = "".join(f"M{side * place:.1f} 0v{side:.1f}" for place in range(1, math.ceil(row.wide / side)))
        marks.path("squares_line", f"M0 0h{row.wide:g}{upright}", inside="squares", look="hair")

    def _cards(self) -> None:
        """Draw the walls, and write below which card it is."""
        row, narrow = self.row, self.marks.width < 600
        card = "{number:,}" if narrow or row.count >= 1000 else later("card {number:,}")
        more = later("{number:,} more") if narrow else later("… {number:,} more …")
        if row.between:
            self.marks.path("fins", row.fins(self.rim), look="lead", **self._first("fins"))
        self.marks.path("walls", row.walls(self.rim), look="wall", **self._first("walls"))
        for number, place in enumerate(row.places):
            name = tr(more, number=place.cards) if place.cards > 1 else tr(card, number=place.first + 1)
            where = (place.x + place.width / 2, row.floor + 20)
            self.marks.text(f"name_{number}", *where, name, anchor="middle", **self._first(f"name_{number}"))

    def _spilled(self) -> None:
        """Draw what reaches above the rim."""
        limit = self.gpu.capacity
        rising = [(term, low, high) for term, low, high in self.stacked(self.states.kept) if high > limit]
        for number, (term, low, high) in enumerate(rising):
            outline = self.row.blocks(low, high) if number else self.row.spilled(limit, high)
            says = tr("{size} in all are over the rim", size=show(self.kept - limit, "GB"))
            touch = {"says": says, "lights": _LETTERS[term], "press": self.states.toggled(term)}
            self.marks.path(f"{term}_over", outline, of=term, look="spill", answer=True, **touch)
        ends = [(self.row.left - 10, self.rim), (self.row.right + 16, self.rim)]
        self.marks.line("rim", ends, look="ghost")
        if rising:
            self.marks.line("rim_over", ends, look="rim", answer=True)

    def _labels(self) -> float:
        """Write what each part takes; return where the picture ends."""
        self._below()
        lines, places = self._told()
        row, bottom = self.row, self.row.floor + 74
        if self.marks.width < 600:
            for number, (name, (first, second)) in enumerate(lines.items()):
                y = bottom + 20 + 23 * number
                self._label(name, [first], 12, y, "start")
                self.marks.text(f"besides_{name}", 184, y, second, answer=True)
            return bottom + 20 + 23 * len(lines)
        spread, edge = apart(places, _LABEL, self.top + 12, row.floor - 20), row.left - 26
        for name, label in lines.items():
            y, place = spread[name], places[name]
            bend = [(row.left - 6, place), (edge + 12, place), (edge + 6, y), (edge + 3, y)]
            self.marks.line(f"lead_{name}", bend, answer=True)
            self._label(name, label, edge, y + 2, "end")
        return bottom

    def _below(self) -> None:
        """Write below the cards what they hold, and the scale."""
        _side, mib = self.row.square()
        unit = f"{mib // 1024:,} GiB" if mib >= 1024 else f"{mib} MiB"
        limit = f"{self.gpu.name}: {self.gpu.capacity_said} {show_both(self.gpu.capacity)}"
        self.marks.text("limit", 12, self.row.floor + 46, limit)
        self.marks.text("scale", 12, self.row.floor + 64, tr("one square is {size}", size=unit), look="tiny")

    def _label(self, name: str, lines: list[str], x: float, y: float, anchor: str) -> None:
        look = {"over": "middling over", "sum": "strong"}.get(name, "middling")
        of = name if name in SUMMANDS else None
        self.marks.label(
            f"label_{name}", x, y, lines, anchor=anchor, look=look, of=of, answer=True, lights=_LETTERS.get(name)
        )

    def _told(self) -> tuple[dict[str, list[str]], dict[str, float]]:
        """Return the lines of each label, and how high the thing is that it tells of [px]."""
        row, states = self.row, self.states
        lines, places = {}, {}
        for term, low, high in self.stacked(states.kept):
            word, size = tr(SUMMANDS[term].word), show(high - low, "GB")
            divided = f"{show(states.whole[term], 'GB')} ÷ {states.run.data_parallel:,}"
            whose = divided if states.shared(term) else tr("on every card")
            short = self.marks.width == 600 or (self.marks.width > 600 and len(size) > _LONG)
            lines[term] = [word, size] if short else [f"{word} {size}", whose]
            places[term] = row.y((low + high) / 2)
        lines["sum"] = [show(self.kept, "GB"), tr("{size} each", size=show(self.kept))]
        places["sum"] = row.y(self.kept)
        margin = self.gpu.capacity - self.kept
        end, size = "over" if margin < 0 else "free", show(abs(margin), "GB")
        if margin < 0:
            lines[end] = [tr("{size} over", size=size), tr("the rim")]
        else:
            lines[end] = [tr("{size} free", size=size), tr("for activations")]
        places[end] = (row.y(self.kept) + self.rim) / 2
        return dict(reversed(lines.items())), places

    def _handles(self, counts: Iterable[int]) -> None:
        """Draw the rim's handle, and the one that pulls more cards in."""
        marks, row, count = self.marks, self.row, self.states.run.data_parallel
        room = _ROOMS[marks.width]
        x = room.left + room.pitch * room.slots - (room.pitch - room.wide) + 28
        cards = {card.name: row.y(card.capacity) for card in self.reach}
        self._axis(x, cards)
        marks.line("rim_lead", [(row.right + 16, self.rim), (x, self.rim)], look="ghost")
        says = tr("{card}: drag the rim to another card", card=self.gpu.name)
        marks.knob("rim_knob", x, self.rim, "y", along("gpu", cards), says=says)
        pulled = {number: self._pulled(number) for number in sorted({*counts, count})}
        handle, says = along("data_parallel", pulled), tr("pull for more cards")
        marks.knob(
            "more", pulled[count], row.floor + 16, "x", handle, says=says, lights=self._divides, **self._first("more")
        )
        if count < room.slots - 2:
            marks.text("more_words", pulled[count] + 20, row.floor + 20, says)

    def _axis(self, x: float, cards: Mapping[str, float]) -> None:
        """Draw the axis of the rim, with the cards that it can become."""
        marks, row = self.marks, self.row
        marks.line("axis", [(x, row.floor), (x, min(cards.values()))])
        lines = {name: [name] for name in cards}
        lines[self.gpu.name].append(show(self.gpu.capacity, "GB"))
        rows = {(name, number): cards[name] + number for name, said in lines.items() for number, _ in enumerate(said)}
        spread = apart(rows, 16, self.top, row.floor - 6)
        for (name, number), y in spread.items():
            chosen = name == self.gpu.name
            says = f"{name}: {show_both(Gpu.of(name).capacity)}"
            touch = {} if chosen else {"press": {"gpu": name}, "group": "axis", "says": says}
            look = "tiny" if number or not chosen else "middling"
            marks.text(f"axis_{name}_{number}", x + 17, y + 4, lines[name][number], look=look, **touch)
            marks.line(f"tick_{name}", [(x - 4, cards[name]), (x + 4, cards[name])])

    def _pulled(self, count: int) -> float:
        """Return where the handle is that pulls so many cards in [px]: beside the last, then on, as doublings go."""
        room = _ROOMS[self.marks.width]
        right = room.left + room.pitch * min(count, room.slots) - (room.pitch - room.wide) + 24
        beyond = math.log2(max(1, count / room.slots)) / math.log2(BY_NAME["data_parallel"].high / room.slots)
        return right + beyond * (self.marks.width - 24 - right)

    def _guess_line(self) -> None:
        """Draw the line that is dragged to where each card is expected to be filled."""
        left, right = self.row.left - 14, self.row.right + 14
        self.marks.level(left, right, 200, left)

    def guess(self) -> Guess:
        """Return what is asked before anything is shown."""
        per_gb, count = self.row.scale * UNITS["GB"], self.states.run.data_parallel
        return Guess(
            asks=tr_many(*_GUESS, count),
            unit="GB",
            truth=in_unit(self.kept, "GB"),
            handle={"axis": "y"} | along("guess", origin=self.row.floor, size=-per_gb),
            low=0,
            high=round((self.row.floor - self.top) / per_gb),
        )


_GUESS = later_many(
    "How much does the card keep? Drag the dashed line, or type a number; then open it.",
    "How much does each of the {count:,} cards keep? Drag the dashed line, or type a number; then open it.",
)
