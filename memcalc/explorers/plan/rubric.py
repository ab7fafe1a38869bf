"""The rubric of a plan, which ticks itself: what is wished, what the plan gives, and whether with room to spare."""

import math
from dataclasses import dataclass
from fractions import Fraction

from memcalc.explorers.marks import Marks, outline
from memcalc.explorers.plan.run import Plan
from memcalc.texts import later, tr
from memcalc.units import show

SPARE = Fraction(6, 5)
"""So many times what is wished there must be room for, that it is called room to spare."""

REACHED = Fraction(1, 2)
"""The share of a speed that no program exceeds which a plan may count on, that it is called room to spare."""

FULL, HALF = later("with room to spare"), later("just enough")
EMPTY, UNKNOWN = later("not enough"), later("nobody knows")
"""What a circle can say."""

_COLUMNS = {600: (40, 262, 336, 336), 860: (40, 296, 400, 592)}
_ROW = {360: 43, 600: 43, 860: 31}  # how high a line is [px]


@dataclass(frozen=True)
class Line:
    """A line of a rubric: what is asked, what is wished, what the plan gives, a word more, and the verdict."""

    asks: str
    wished: str
    found: str
    more: str
    mark: str


def rubric(plan: Plan, speed: int, budget: int) -> list[Line]:
    """Return the lines of a plan's rubric.

    Parameters
    ----------
    speed : what is wished for each [tokens/s]
    budget : what the cards may cost [US dollars]
    """
    if plan.answers:
        most = [_roomy(plan, tr("People at once"), "batch", plan.people, plan.copies), _fast(plan, speed)]
    else:
        texts = _roomy(plan, tr("Texts at once on each card"), "batch", plan.run.batch)
        most = [texts, _roomy(plan, tr("Tokens of each text"), "context", plan.run.context)]
    return [_fits(plan), *most, _paid(plan, budget)]


def _fits(plan: Plan) -> Line:
    asks, yes, margin = tr("Fits, with what is not counted"), tr("yes"), plan.fit.margin
    if margin < 0:
        return Line(asks, yes, tr("{size} over the rim", size=show(-margin)), "", EMPTY)
    found = tr("{size} free", size=show(margin))
    if plan.unknown:
        return Line(asks, yes, found, tr("activations are not known"), UNKNOWN)
    more = tr("dashed box up to {size}", size=show(plan.most_uncounted))
    return Line(asks, yes, found, more, FULL if plan.surely else HALF)


def _roomy(plan: Plan, asks: str, quantity: str, wished: int, copies: int = 1) -> Line:
    if plan.unknown:
        return Line(asks, tr("any"), tr("not known"), tr("as activations are not"), UNKNOWN)
    room, surely = (copies * plan.room(quantity, sure) for sure in (False, True))
    mark = FULL if surely >= math.ceil(wished * SPARE) else HALF if room >= wished else EMPTY
    more = tr("{count:,} beside the dashed box", count=surely) if room else ""
    found = tr("room for {count:,}", count=room) if room else tr("no room")
    return Line(asks, f"{wished:,}", found, more, mark)


def _fast(plan: Plan, wished: int) -> Line:
    asks, bound = tr("Tokens a second for each"), plan.speed
    if not plan.fit:
        return Line(asks, f"{wished:,}", tr("none"), tr("it does not fit"), EMPTY)
    if bound is None:
        return Line(asks, f"{wished:,}", tr("no bound is known"), tr("for this card"), UNKNOWN)
    mark = FULL if bound * REACHED >= wished else HALF if bound >= wished else EMPTY
    less = tr("links take more") if plan.run.divided else tr("programs reach less")
    return Line(asks, f"{wished:,}", tr("at most {bound:,.1f}", bound=bound), less, mark)


def _paid(plan: Plan, budget: int) -> Line:
    asks = tr("Price of the cards alone")
    if plan.price is None:
        return Line(asks, f"${budget:,}", tr("no price is known"), "", UNKNOWN)
    low, high = plan.price
    found = tr("{low} to {high}", low=f"${low:,}", high=f"${high:,}") if high > low else f"${low:,}"
    mark = FULL if high <= budget else HALF if low <= budget else EMPTY
    return Line(asks, f"${budget:,}", found, tr(_PRICES[plan.gpu.price_is], date=plan.gpu.price_date), mark)


_PRICES = {"list": later("list price of {date}"), "market": later("market price of {date}")}


def draw_rubric(marks: Marks, lines: list[Line], top: float) -> int:
    """Draw the lines below each other; return where the picture ends."""
    step = _ROW[marks.width]
    if marks.width >= 600:
        for place, word in zip(_COLUMNS[marks.width], _HEADS, strict=False):
            marks.text(f"rubric_{word}", place, top + 18, tr(word), look="tiny")
        top += 26
    for place, line in enumerate(lines):
        _line(marks, f"rubric_{place}", line, top + step * place)
    end = top + step * len(lines)
    marks.line("rubric_end", [(12, end), (marks.width - 12, end)], look="lead pale")
    meanings = [tr(words) for words in _MEANINGS]
    meanings = [" · ".join(meanings)] if marks.width >= 600 else meanings
    for place, words in enumerate(meanings):
        marks.text(f"rubric_means_{place}", 12, end + 17 + 15 * place, words, look="tiny")
    return int(end + 10 + 15 * len(meanings))


_HEADS = later("the rubric ticks itself"), later("wished"), later("this plan")
_MEANINGS = (
    later("full: with room to spare, for a fifth more, at half the highest speed"),
    later("half: just enough · ?: nobody knows"),
)


def _line(marks: Marks, name: str, line: Line, top: float) -> None:
    marks.line(f"{name}_rule", [(12, top), (marks.width - 12, top)], look="lead pale")
    first, second = top + 20, top + 36
    _circle(marks, name, 22, first - 4.5, line.mark)
    if marks.width < 600:
        marks.text(f"{name}_asks", 40, first, f"{line.asks}: {line.wished}", look="body")
        marks.text(f"{name}_found", 40, second, " · ".join(filter(None, (line.found, line.more))))
        return
    asks, wished, found, more = _COLUMNS[marks.width]
    marks.text(f"{name}_asks", asks, first, line.asks, look="body")
    marks.text(f"{name}_wished", wished, first, line.wished, look="body")
    marks.text(f"{name}_found", found, first, line.found, look="middling")
    if line.more:
        marks.text(f"{name}_more", more, second if more == found else first, line.more)


def _circle(marks: Marks, name: str, x: float, y: float, mark: str) -> None:
    """Draw the circle: empty, half or full with a tick, or dashed where nobody knows."""
    said = {"says": tr(mark)}
    marks.circle(f"{name}_circle", x, y, 8, look="ghost" if mark == UNKNOWN else "ink thin", **said)
    if mark in (HALF, FULL):
        other = f"A8 8 0 0 0 {x} {y - 8}" if mark == FULL else ""
        marks.path(f"{name}_filled", f"M{x} {y - 8}A8 8 0 0 0 {x} {y + 8}{other}Z", look="solid", **said)
    if mark == FULL:
        tick = [(-4.2, 0.2), (-1.4, 3.2), (4.4, -3), (3.2, -4.2), (-1.4, 0.7), (-3, -1)]
        marks.path(f"{name}_tick", outline([(x + right, y + down) for right, down in tick]), look="blank")
    if mark == UNKNOWN:
        marks.text(f"{name}_unknown", x, y + 4.5, "?", anchor="middle")
