"""A training step drawn as a film as far as it has been played; the future is blank paper."""

from collections.abc import Sequence

from memcalc.explorers.activations.reel import (
    BANDS,
    COLOUR_OF,
    STATES,
    Reel,
    bands,
    hatch,
    paper,
    seen_as,
    tops,
    word_of,
)
from memcalc.explorers.film import STOPS, Moment, stops
from memcalc.explorers.marks import Marks, along, outline
from memcalc.explorers.vessel import WALL
from memcalc.texts import later, tr
from memcalc.units import in_unit, show, show_both

_WHERE = {
    "weights": ("forward", 0.45),
    "optimizer": ("forward", 0.45),
    "gradients": ("backward", 0.8),
    "activations": ("forward", 0.8),
    "scores": ("forward", 0.8),
}
"""Band → the phase in which its word stands, and how far in it."""

_THIN = 15  # a band that is lower has no word [px]
_LETTER, _SMALL_LETTER = 7.6, 6  # about how wide a letter is [px]
_LINES = 7  # of the axis at most
_MANY = {later("million GiB on the card"): 10**6, later("thousand GiB on the card"): 10**3}
"""What the axis counts where its numbers would be long."""

_PHASES = {
    **{"forward": later("forward"), "loss": later("loss")},
    **{"backward": later("backward"), "step": later("optimizer")},
}
"""How the phases are called."""


def draw_film(marks: Marks, reel: Reel) -> None:
    """Draw the film as far as it has been played, its phases, and the handle that plays it."""
    _areas(marks, reel)
    _spill(marks, reel)
    _future(marks, reel)
    _axis(marks, reel)
    _phases(marks, reel)
    _rim(marks, reel)
    _words(marks, reel)
    _top(marks, reel)
    _passing(marks, reel)
    handle = along("moment", origin=reel.left, size=(reel.right - reel.left) / STOPS)
    marks.knob("moment", reel.x(reel.time), reel.floor + 17, "x", handle, says=tr("drag through the step"))
    marks.path("moment_line", f"M0 -13V{3 - reel.floor:.0f}", inside="moment", look="ink")
    name = reel.now.name[0].upper() + reel.now.name[1:]
    marks.text("moment_name", 12, reel.floor + (72 if reel.width == 860 else 98), name, look="middling", answer=True)


def _areas(marks: Marks, reel: Reel) -> None:
    """Draw each band from its upper line down to the floor, the highest first: a lower one covers it."""
    most = {name: max(sizes[name] for sizes in map(bands, reel.played)) for name in BANDS}
    for name in reversed(BANDS):
        drawn = _corners(reel.moments, straight=name != "passing")
        curve = [(round(reel.x(moment.time)), reel.y(tops(moment)[name])) for moment in drawn]
        ends = [(curve[-1][0], reel.floor), (reel.left, reel.floor)]
        fill = paper(
            marks, f"film_{name}_fill", name, reel.left, reel.floor, 0 if name not in ("activations", "scores") else 5
        )
        words = "{word}: {size}" if name in STATES else later("{word}: {size} at most so far")
        says = tr(words, word=word_of(name), size=show_both(most[name]))
        marks.path(f"film_{name}", outline([*curve, *ends]), fill=fill, **seen_as(name) | {"says": says})


def _corners(moments: Sequence[Moment], straight: bool) -> list[Moment]:
    """Return the moments that are drawn, so that no point lies on the line between two others.

    Layers are alike: on their way forward a line is straight; on their way back too if it is `straight`, as what is
    kept is, unless a layer is computed again.
    """
    last = max(moment.layer for moment in moments)
    again = any("again" in moment.text for moment in moments)
    ends = [moment for moment in moments if moment.layer in (0, last) or moment.phase == "backward"]
    if again or not straight:
        return ends
    return [moment for moment in ends if moment.layer == 0 or moment.phase == "forward" or moment.done == last]


def _spill(marks: Marks, reel: Reel) -> None:
    """Hatch what the film has above the rim."""
    if not reel.first_over:
        return
    rim, points = reel.y(reel.capacity), [(reel.left, reel.floor)]
    for moment in _corners(reel.moments, straight=False):
        (before, low), (x, y) = points[-1], (reel.x(moment.time), reel.y(moment.total))
        if (low > rim) != (y > rim):
            points.append((before + (x - before) * (rim - low) / (y - low), rim))
        points.append((x, y))
    corners = [(x, min(y, rim)) for x, y in [*points, (points[-1][0], rim)]]
    marks.path("film_over", outline(corners), fill=hatch(marks), look="texture", answer=True)


def _future(marks: Marks, reel: Reel) -> None:
    """Lay blank paper over what has not been played."""
    x, end = reel.x(reel.time), reel.right + 3
    hidden = {"x": reel.left, "width": end - reel.left}
    marks.put("unseen_paper", "pattern", x=0, y=3, width=12, height=12, patternUnits="userSpaceOnUse")
    marks.rect("unseen_ground", 0, 0, 12, 12, inside="unseen_paper", look="blank")
    marks.circle("unseen_dot", 6, 6, 0.6, inside="unseen_paper", look="dot")
    marks.rect("unseen", x, 20, end - x, reel.floor - 21, fill="url(#unseen_paper)", **{"from": hidden})
    if end - x > 110:
        words = tr("not played yet") if reel.stop < len(stops(reel.moments)) - 1 else tr("not measured")
        marks.text("unseen_words", (x + end) / 2, reel.floor - 14, words, anchor="middle", look="tiny halo")


def _axis(marks: Marks, reel: Reel) -> None:
    """Draw the lines of the axis, which are as many in every frame; those without room have no place."""
    sizes = (part * 10**power for power in range(-3, 9) for part in (1, 2, 5))
    step = next(size for size in sizes if (reel.floor - 26) / (size * reel.gib) < _LINES)
    unit, many = next((one for one in _MANY.items() if step >= 10 * one[1]), (later("GiB on the card"), 1))
    marks.text("axis", 4, 14, tr(unit), look="tiny")
    for place in range(_LINES):
        high = reel.floor - place * step * reel.gib
        shown = high > 20
        marks.line(f"axis_{place}", [(reel.left, high), (reel.right, high)] if shown else [], look="hair")
        words = f"{place * step / many:g}" if shown else ""
        marks.text(f"axis_{place}_number", reel.left - 6, high + 4, words, anchor="end", look="tiny")


def _phases(marks: Marks, reel: Reel) -> None:
    """Bracket the phases below the film; the shortest have no name."""
    begin, low = reel.left, reel.floor + 6
    for phase in dict.fromkeys(moment.phase for moment in reel.moments):
        end = reel.x(max(moment.time for moment in reel.moments if moment.phase == phase))
        marks.line(f"phase_{phase}", [(begin + 1, low), (begin + 1, low + 4), (end - 1, low + 4), (end - 1, low)])
        middle, wide, begin = (begin + end) / 2, end - begin, end
        if wide > 20:
            last = phase == "step"
            where = {"x": end + 4, "anchor": "end"} if last else {"x": middle, "anchor": "middle"}
            marks.text(f"phase_{phase}_name", y=reel.floor + 48, text=tr(_PHASES[phase]), **where)


def _rim(marks: Marks, reel: Reel) -> None:
    """Draw what the card holds as a line over the film; it is crimson once something is above it."""
    ends = [(reel.left, reel.y(reel.capacity)), (reel.card[0] - WALL, reel.y(reel.capacity))]
    look = {"look": "rim", "answer": True} if reel.first_over else {"look": "mine"}
    marks.line("rim", ends, says=tr("the card holds {size}", size=show(reel.capacity)), **look)


def _words(marks: Marks, reel: Reel) -> None:
    """Write each band's word where it is thick, once it has been played."""
    for name, (phase, share) in _WHERE.items():
        there = [moment for moment in reel.moments if moment.phase == phase]
        moment = there[int(share * (len(there) - 1))] if there else reel.moments[0]
        thick = in_unit(bands(moment)[name], "GiB") * reel.gib
        if moment.time > reel.time or thick < _THIN:
            continue
        word, y = word_of(name), reel.y(tops(moment)[name]) + thick / 2 + 4
        half = _SMALL_LETTER * len(word) / 2
        x = max(min(reel.x(moment.time), reel.x(reel.time) - 3 - half), reel.left + 2 + half)
        seen = {"of": COLOUR_OF.get(name, name), "answer": name not in STATES, "look": "halo texture"}
        marks.text(f"word_{name}", x, y, word, anchor="middle", **seen)


def _top(marks: Marks, reel: Reel) -> None:
    """Mark the highest moment so far, and the one that is shown."""
    now, top, over = reel.now, reel.top, reel.top.total > reel.capacity
    x, y = reel.x(top.time), reel.y(top.total)
    says = tr("{size}, when {moment}", size=show_both(top.total), moment=top.name)
    marks.circle("top", x, y, 7, look="rim" if over else "ink", answer=True, says=says, fill="none")
    marks.circle("now", reel.x(now.time), reel.y(now.total), 3.5, look="solid", answer=True)
    if top is reel.moments[0]:
        return
    word = tr(later("peak {size}") if reel.over else later("highest so far {size}"), size=show(top.total))
    fits = x + 12 + _LETTER * len(word) < reel.right - 10
    place = {"x": x + 12} if fits else {"x": reel.right - 10, "anchor": "end"}
    look = "middling halo over" if over else "middling halo"
    marks.text("top_words", y=_above(reel, y), text=word, look=look, answer=True, **place)


def _above(reel: Reel, y: float) -> float:
    """Return where words stand above a height of the film, so that the rim does not cross them [px]."""
    high, rim = max(24, y - 12), reel.y(reel.capacity)
    return rim - 7 if rim - 7 < high < rim + 16 and y > rim else high


def _passing(marks: Marks, reel: Reel) -> None:
    """Say above the optimizer's step that what it adds is there for a moment; if it is the peak, above its words."""
    steps = [moment for moment in reel.played if moment.phase == "step"]
    most = max(steps, key=lambda moment: moment.total, default=reel.moments[0])
    if in_unit(bands(most)["passing"], "GiB") * reel.gib < _THIN:
        return
    high, words = _above(reel, reel.y(most.total)), _above(reel, reel.y(reel.top.total))
    high = words - 17 if abs(high - words) < 17 else high
    seen = {"of": COLOUR_OF["passing"], "answer": True, "look": "halo texture"}
    marks.text(
        "word_passing", min(reel.right - 10, reel.x(reel.time) - 6), high, word_of("passing"), anchor="end", **seen
    )
