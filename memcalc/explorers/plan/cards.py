"""The cards of a plan side by side and to one scale, with what lies in each and what nobody counts on top of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from memcalc.explorers import vessel as vessels
from memcalc.explorers.marks import LAYOUTS, Marks, along, apart, steps
from memcalc.explorers.plan.run import CARDS, UNCOUNTED, Plan
from memcalc.explorers.plan.said import said_of, sharing
from memcalc.explorers.vessel import Vessel, squares
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import later, tr
from memcalc.units import show

MOST_DRAWN = 8
"""So many cards are drawn; of more, the first ones and the last."""

_FLOORS = {360: 230, 600: 270, 860: 310}  # how high the floor of the cards is [px]
_RING = {360: (206, 308, 338), 600: (236, 332, 362), 860: (330, 500, 552)}  # for one card, eight, the most [px]
_LABELS = {600: 400, 860: 612}  # where they begin beside the cards [px]
_LEFT = 12  # where the picture begins [px]
_GAP = 30  # between two cards, where there is room: for walls, rims and heaps [px]
_TOP = 22  # room above the highest thing [px]
_ONE_WORD, _TWO_WORDS = 56, 100  # half of a card that is wide enough for words beside one ring, or two [px]
_UNKNOWN = 26  # so high is the box of what has no known size [px]


@dataclass(frozen=True)
class Slim(Vessel):
    """A card that is as many squares wide as there is room for, beside others."""

    across: int = 1

    @property
    def width(self) -> float:
        """How wide it is inside [px]."""
        return self.across * self.unit

    @property
    def half(self) -> float:
        """Half of how wide its load is at the top [px]."""
        return (self.heap_width if self.over else self.width) / 2


@dataclass(frozen=True)
class Row:
    """The cards of a plan in a picture of some width, up to the ring beside the last."""

    plan: Plan
    wide: int

    @cached_property
    def drawn(self) -> Sequence[int]:
        """The numbers of the cards that are drawn; 0 stands for those between."""
        if self.plan.cards <= MOST_DRAWN:
            return range(1, self.plan.cards + 1)
        return (*range(1, MOST_DRAWN - 1), 0, self.plan.cards)

    @property
    def ring(self) -> float:
        """Where the ring is [px]."""
        return self.ring_at(self.plan.cards)

    def ring_at(self, number: int) -> float:
        """Return where the ring is for so many cards: up to eight by their number, then mark by mark [px]."""
        one, eight, most = _RING[self.wide]
        if number <= MOST_DRAWN:
            return one + (eight - one) * (number - 1) / (MOST_DRAWN - 1)
        further = [other for other in CARDS if other > MOST_DRAWN]
        return eight + (most - eight) * (further.index(number) + 1) / len(further)

    @property
    def pitch(self) -> float:
        """How far the middles of two cards are apart [px]."""
        return (self.ring - 26 - _LEFT) / len(self.drawn)

    @cached_property
    def card(self) -> Slim:
        """One of the cards, at the largest scale at which it and all on top of it have room; the others are alike."""
        plan, floor, gap = self.plan, _FLOORS[self.wide], min(_GAP, self.pitch / 2)
        for unit in steps(0.01, 72, 2 ** (1 / 8)):
            across = min(squares(plan.gpu.capacity), int((self.pitch - gap) // unit))
            card = Slim(plan.gpu.capacity, plan.memory, 0, floor, unit, self.pitch - gap / 3, across)
            if across and min(self.top_of(card), card.rim) >= _TOP:
                break
        return card

    def at(self, place: int) -> Slim:
        """Return the card in a place, counted from 0."""
        return replace(self.card, middle=_LEFT + self.pitch * (place + 0.5))

    def top_of(self, card: Slim) -> float:
        """Return how high everything reaches, with what is not counted [px]."""
        return card.top - card.per(self.plan.most_uncounted) - (_UNKNOWN if self.plan.unknown else 0)

    @cached_property
    def lines(self) -> tuple[float, int]:
        """How far apart the lines are in what grows with the tokens [px], and how many tokens lie between them."""
        tokens, each = 1, self.plan.token
        while each > 0 and self.card.per(tokens * each) < 5:
            tokens *= 2
        return self.card.high(tokens * each), tokens


def draw_cards(marks: Marks, plan: Plan) -> tuple[Slim, float]:
    """Draw the cards, their handles and what each thing is; return the first of them, and where the picture ends."""
    row = Row(plan, marks.width)
    for place, number in enumerate(row.drawn):
        card = row.at(place)
        if number:
            _card(marks, row, card, number)
        name = f"{number}" if number and row.pitch < 58 else tr("card {number:,}", number=number) if number else "…"
        marks.text(f"name_{number}", card.middle, card.floor + 23, name, anchor="middle")
    _copies(marks, row)
    if row.card.over:
        vessels.rim(marks, row.at(0), row.at(len(row.drawn) - 1), 7)
    _handles(marks, row)
    return row.at(0), _labels(marks, row, _below(marks, row))


def _card(marks: Marks, row: Row, card: Slim, number: int) -> None:
    """Draw a card, and in dashed boxes what comes on top."""
    name, letters = f"card_{number}", row.plan.letters if number == 1 else {}
    vessels.draw(marks, card, name, row.lines[0], **{term: {"lights": lit} for term, lit in letters.items()})
    place, top = {"x": card.middle - card.half, "width": 2 * card.half, "answer": True}, card.top
    for what, (low, high) in row.plan.uncounted.items():
        height = card.per(high)
        look = "rim blank" if top - height < card.rim <= top else "ghost blank"
        ends = {"what": tr(UNCOUNTED[what]), "low": show(low), "high": show(high)}
        says = tr("{what}: {low} to {high}, not counted", **ends)
        marks.rect(f"{name}_{what}", y=top - height, height=height, look=look, says=says, **place)
        top -= height
    if row.plan.unknown:
        of = {"of": "activations", "says": tr("activations: nobody has measured them here")}
        marks.rect(f"{name}_unknown", y=top - _UNKNOWN, height=_UNKNOWN, look="level blank", **of, **place)
        marks.text(f"{name}_mark", card.middle, top - 8, "?", anchor="middle", look="middling", answer=True, **of)


def _copies(marks: Marks, row: Row) -> None:
    """Draw a bracket under the cards of each copy of the model, and say below what they share."""
    copies: dict[int, list[int]] = {}
    for place, number in enumerate(row.drawn):
        if number:
            copies.setdefault((number - 1) // row.plan.together, []).append(place)
    top = row.card.floor + 30
    for copy, places in copies.items():
        left, right = _LEFT + row.pitch * min(places) + 5, _LEFT + row.pitch * (max(places) + 1) - 5
        marks.line(f"copy_{copy}", [(left, top), (left, top + 7), (right, top + 7), (right, top)], look="wall thin")
    look = "body" if row.wide >= 600 else ""
    marks.text("copies", _LEFT + 5, top + 36, sharing(row.plan), look=look)


def _handles(marks: Marks, row: Row) -> None:
    """Draw the rings: on the surfaces for context and batch, beside the last card for their number."""
    plan, first = row.plan, row.at(0)
    if max(plan.each.values()) > 0:
        _surfaces(marks, row)
    places = {str(number): row.ring_at(number) for number in plan.offered}
    says = tr("cards: pull for more of them")
    marks.knob("cards", row.ring, first.floor + 37, "x", along("cards", places), says=says)


def _surfaces(marks: Marks, row: Row) -> None:
    """Draw the surface of each card: the first has the ring of the context, the last that of the batch."""
    plan, look = row.plan, {"of": "kv_cache" if row.plan.answers else "activations", "answer": True}
    for place, number in enumerate(row.drawn):
        if number:
            marks.line(f"surface_{number}", row.at(place).surface, look="surface", **look)
    first, last, alone = row.at(0), row.at(len(row.drawn) - 1), plan.cards == 1
    aside = max(0.6 * first.half, 16) if alone else 0
    _ring(marks, row, "context", first.middle - aside, tr("tokens"), lights="s", **look)
    who = tr("people") if plan.answers else tr("texts")
    _ring(marks, row, "batch", last.middle + aside, who, left=alone, lights="b", **look)


def _ring(marks: Marks, row: Row, quantity: str, place: float, said: str, left: bool = False, **more: object) -> None:
    """Draw the ring of a quantity if more of it makes the surface rise, and beside it what it is, if there is room."""
    plan, card = row.plan, row.card
    if (each := plan.each[quantity]) <= 0:
        return
    per, most = card.per(each), plan.most[quantity]
    handle = along(quantity, origin=card.top + per * plan.now[quantity], size=-per) | {"also": [most] * (most > 0)}
    marks.knob(quantity, place, card.top, "y", handle, says=tr("{what}: drag the surface", what=said), **more)
    if row.wide >= 600 and card.half > (_TWO_WORDS if plan.cards == 1 else _ONE_WORD):
        side, anchor = (-17, "end") if left else (17, "start")
        look = {"anchor": anchor, "look": "tiny halo", "answer": True}
        marks.text(f"{quantity}_word", place + side, card.top - 5, said, **look)


def _below(marks: Marks, row: Row) -> float:
    """Say what the cards are, and what a square and a line stand for; return where that ends."""
    plan, (height, tokens) = row.plan, row.lines
    seen = {"card": plan.gpu.name, "seen": plan.gpu.capacity_said, "size": show(plan.gpu.capacity)}
    several = tr("{cards} × {card}: {seen} {size} each", cards=plan.cards, **seen)
    below = several if plan.cards > 1 else "{card}: {seen} {size}".format(**seen)
    lines = height and tokens <= plan.run.batch * plan.run.context
    scale = tr(_SCALE if lines else _SQUARE, gib=vessels.square_of(row.card.unit)[1], tokens=tokens)
    end = row.card.floor + 85
    if row.wide == LAYOUTS[-1]:
        marks.text("gpu", _LEFT + 5, end, f"{below} · {scale}")
        return end + 12
    marks.text("gpu", _LEFT + 5, end, below, look="" if row.wide >= 600 else "tiny")
    marks.text("scale", _LEFT + 5, end + 17, scale, look="tiny")
    return end + 27


_SQUARE = later("one square is {gib:,} GiB")
_SCALE = later("one square is {gib:,} GiB · from line to line {tokens:,} tokens")


def _labels(marks: Marks, row: Row, floor: float) -> float:
    """Write beside the last card, or below it on a narrow page, what each part is; return where the picture ends."""
    lines, last = said_of(row.plan), row.at(len(row.drawn) - 1)
    places = _places(row, last)
    if marks.width < 600:
        order = sorted(lines, key=places.get)
        for name, said in lines.items():
            marks.label(f"label_{name}", _LEFT + 5, floor + 20 + 40 * order.index(name), said, **_look(row.plan, name))
        return floor + 12 + 40 * len(lines)
    left = _LABELS[marks.width]
    spread = apart(places, 42, 30, max(last.floor + 30, 30 + 42 * (len(lines) - 1)))
    for name, said in lines.items():
        start = last.beside(places[name], held=name != "over")
        bend = [(left - 34, places[name]), (left - 12, spread[name]), (left - 5, spread[name])]
        marks.line(f"lead_{name}", [(start, places[name]), *bend], answer=True)
        marks.label(f"label_{name}", left, spread[name] + 2, said, **_look(row.plan, name))
    return floor


def _look(plan: Plan, name: str) -> dict[str, object]:
    of = "activations" if name == "unknown" else name if name in SUMMANDS else None
    look = "strong over" if name == "over" else "strong"
    return {"of": of, "answer": True, "look": look, "lights": plan.letters.get(name)}


def _places(row: Row, card: Slim) -> dict[str, float]:
    """Return how high each part lies [px]."""
    places, top = card.middles, card.top
    for what, (_, high) in row.plan.uncounted.items():
        places[what] = top - card.per(high) / 2
        top -= card.per(high)
    if row.plan.unknown:
        places["unknown"] = top - _UNKNOWN / 2
    if row.plan.fit:
        return places | {"free": (card.rim + max(card.rim, row.top_of(card))) / 2}
    return places | {"over": (card.rim + card.top) / 2}
