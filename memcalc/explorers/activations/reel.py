"""A step of training at one moment, to scale: where its film is drawn, and the card beside it, which fills."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from memcalc.explorers.film import KEPT, STOPS, Moment, stops
from memcalc.explorers.marks import Marks, along, outline, steps
from memcalc.explorers.vessel import square_of
from memcalc.formula.symbols import SUMMANDS
from memcalc.specs.gpu import Gpu
from memcalc.texts import later, tr
from memcalc.units import in_unit, show, show_both

BANDS = ("weights", "optimizer", "gradients", "activations", "scores", "passing")
"""What is told apart in the film and on the card, from the floor up."""

COLOUR_OF = {"scores": "activations", "passing": "overhead"}
"""Band → the term whose colour it has, if it is none itself."""

_WORDS = {"scores": later("scores"), "passing": later("for a moment")}
_LIGHTS = {"weights": "P B", "activations": "M_act M_layer M_once", "scores": "M_act M_layer"}
STATES = ("weights", "optimizer")
"""The bands that lie there before the step begins."""

_PLACES = {860: (48, 472, 556, 400), 600: (46, 320, 392, 340), 360: (42, 244, 306, 290)}
"""Layout → where the film begins and ends, the middle of the card, the floor [px]."""

_ROOM = 46  # above the highest point [px]
_CARD = {860: 96, 600: 80, 360: 64}  # about how wide the card is [px]
_CARDS = ("RTX 4090", "A100 40 GB", "A100 80 GB", "H200", "MI300X")
"""The cards to which its rim can be dragged, and the one that is chosen."""


@dataclass(frozen=True)
class Reel:
    """A film at one moment, and where it is drawn.

    Parameters
    ----------
    width : of the picture [px]
    moments : the film
    stop : how many of STOPS have been played
    capacity : what a program can use of the card [bytes]
    """

    width: int
    moments: Sequence[Moment]
    stop: int
    capacity: int

    @property
    def left(self) -> float:
        """Where the film begins [px]."""
        return _PLACES[self.width][0]

    @property
    def right(self) -> float:
        """Where it ends [px]."""
        return _PLACES[self.width][1]

    @property
    def floor(self) -> float:
        """Where nothing is on the card [px]."""
        return _PLACES[self.width][3]

    @cached_property
    def gib(self) -> float:
        """How high a GiB is [px]; it changes in steps."""
        most = max(self.capacity * 1.04, max(moment.total for moment in self.moments))
        room = (self.floor - _ROOM) / in_unit(most, "GiB")
        return next(size for size in steps(1e-12, 64) if size <= room)

    @cached_property
    def now(self) -> Moment:
        """The moment that is shown: the highest since the stop before."""
        seen = stops(self.moments)
        return seen[min(self.stop, len(seen) - 1)]

    @property
    def time(self) -> Fraction:
        """Up to where it has been played, as a share of the step."""
        return min(Fraction(self.stop, STOPS), self.moments[-1].time)

    @cached_property
    def played(self) -> list[Moment]:
        """The moments that have been shown."""
        return [moment for moment in self.moments if moment.stop <= self.stop]

    @property
    def over(self) -> bool:
        """Whether the whole step has been played."""
        return self.time == 1

    @cached_property
    def top(self) -> Moment:
        """The highest of them."""
        return max(self.played, key=lambda moment: moment.total)

    @cached_property
    def first_over(self) -> Moment | None:
        """The first of them that does not fit."""
        return next((moment for moment in self.played if moment.total > self.capacity), None)

    @property
    def states(self) -> int:
        """What lies there before the step begins and is no activation [bytes]."""
        return self.moments[0].parts["weights"] + self.moments[0].parts["optimizer"]

    @property
    def columns(self) -> int:
        """How many squares of 1 GiB the card is wide."""
        return max(1, round(math.sqrt(_CARD[self.width] / self.gib)))

    @property
    def card(self) -> tuple[float, float]:
        """Where the card begins and ends [px]: so wide that a square of 1 GiB is as high as its bytes."""
        wide = min(self.columns**2 * self.gib, 1.4 * _CARD[self.width])
        return _PLACES[self.width][2] - wide / 2, _PLACES[self.width][2] + wide / 2

    @property
    def card_right(self) -> float:
        """Where the card ends [px]."""
        return self.card[1]

    def x(self, time: Fraction | float) -> float:
        """Return where a time is [px]."""
        return self.left + (self.right - self.left) * float(time)

    def y(self, size: int) -> float:
        """Return how high so many bytes reach [px]."""
        return self.floor - in_unit(size, "GiB") * self.gib


def bands(moment: Moment) -> dict[str, int]:
    """Return what is told apart in the film: activations without scores, and scores, are two [bytes].

    >>> from memcalc import Model, Training
    >>> from memcalc.explorers.film import film
    >>> bands(film(Model.named("LLaMA-7B"), Training())[0])["gradients"]
    0
    """
    kept = {"activations": sum(moment.parts[place] for place in KEPT if place != "scores")}
    return {name: moment.parts[name] if name in moment.parts else kept[name] for name in BANDS}


def tops(moment: Moment) -> dict[str, int]:
    """Return how high each band reaches [bytes]."""
    found, below = {}, 0
    for name, size in bands(moment).items():
        found[name] = below = below + size
    return found


def paper(marks: Marks, name: str, band: str, x: float, y: float, side: float = 5) -> str:
    """Add the pattern of a band: its colour, and rows of activations, or squares of a side [px]; 0 for none."""
    marks.put(name, "pattern", x=x, y=y, width=side or 99, height=side or 99, patternUnits="userSpaceOnUse")
    marks.rect(f"{name}_ground", 0, 0, side or 99, side or 99, inside=name, of=COLOUR_OF.get(band, band), look="ground")
    if band != "passing" and side:
        lines = f"M0 0H{side:.2f}" if band == "activations" else f"M{side:.2f} 0H0V{side:.2f}"
        marks.path(f"{name}_line", lines, inside=name, of=COLOUR_OF.get(band, band), look="hair")
    return f"url(#{name})"


def hatch(marks: Marks) -> str:
    """Add the pattern of what does not fit."""
    turned = {"patternUnits": "userSpaceOnUse", "patternTransform": "rotate(-45)"}
    marks.put("over_hatch", "pattern", x=0, y=0, width=7, height=7, **turned)
    marks.path("over_hatch_line", "M0 0V7", inside="over_hatch", look="beyond")
    return "url(#over_hatch)"


def seen_as(name: str) -> dict[str, object]:
    """Return the colour of a band, what is said of it, the letters that it stands for, and whether it may be seen."""
    seen = {"of": COLOUR_OF.get(name, name), "look": "outlined", "says": word_of(name), "lights": _LIGHTS.get(name, "")}
    return seen | {"answer": name not in STATES}


def word_of(name: str) -> str:
    """Return how a band is called."""
    return tr(_WORDS.get(name) or SUMMANDS[name].word)


def draw_card(marks: Marks, reel: Reel, gpu: Gpu) -> None:
    """Draw the card with what lies on it now; its rim is the line over the film."""
    (left, right), rim = reel.card, reel.y(reel.capacity)
    marks.rect("card_well", left, rim, right - left, reel.floor - rim, look="blank")
    _load(marks, reel)
    over, high = max(0, reel.now.total - reel.capacity), reel.y(reel.now.total)
    if over:
        corners = outline([(left, rim), (left, high), (right, high), (right, rim)])
        says = tr("{size} over the rim", size=show(over))
        marks.path("card_over", corners, look="beyond", fill=hatch(marks), answer=True, says=says)
    wall = f"M{left - 8:.1f} {rim:.1f}H{left - 2:.1f}V{reel.floor + 2}H{right + 2:.1f}V{rim:.1f}H{right + 8:.1f}"
    marks.path("card_wall", wall, look="wall")
    _handle(marks, reel, gpu)
    _below(marks, reel, gpu, "strong over" if over else "strong")


def _below(marks: Marks, reel: Reel, gpu: Gpu, look: str) -> None:
    """Write below the card what lies on it, what it holds, and its scale."""
    middle, floor = sum(reel.card) / 2, reel.floor
    marks.text("card_total", middle, floor + 24, show(reel.now.total), anchor="middle", look=look, answer=True)
    marks.text("card_of", middle, floor + 42, tr("of {size}", size=show(reel.capacity)), anchor="middle")
    marks.text("card_name", middle, floor + 58, gpu.name, anchor="middle")
    scale = tr("one square is {gib:,} GiB", gib=square_of(reel.gib * reel.columns)[1])
    end = {"x": middle, "anchor": "middle"} if reel.width > 360 else {"x": reel.width - 4, "anchor": "end"}
    marks.text("card_square", y=floor + 74, text=scale, look="tiny", **end)


def _load(marks: Marks, reel: Reel) -> None:
    """Draw what lies on the card now, band by band."""
    (left, right), below, side = reel.card, 0, square_of(reel.gib * reel.columns)[0]
    for name, size in bands(reel.now).items():
        top, high = reel.y(below + size), reel.y(below) - reel.y(below + size)
        below += size
        fill = paper(
            marks, f"card_{name}_fill", name, left, reel.floor, 5 if name in ("activations", "scores") else side
        )
        seen = seen_as(name) | {"says": f"{word_of(name)}: {show_both(size)}"}
        if seen["answer"]:
            seen["from"] = {"y": reel.y(reel.states), "height": 0}
        marks.rect(f"card_{name}", left, top, right - left, high, fill=fill, **seen)


def _handle(marks: Marks, reel: Reel, gpu: Gpu) -> None:
    known = [Gpu.named(name) for name in _CARDS if name != gpu.name]
    places = {one.name: reel.y(one.capacity) for one in known if reel.y(one.capacity) > 10} | {
        gpu.name: reel.y(reel.capacity)
    }
    marks.knob(
        "gpu",
        (reel.right + reel.card[0]) / 2 - 2,
        reel.y(reel.capacity),
        "y",
        along("gpu", places),
        says=tr("{card}: drag the rim to another card", card=gpu.name),
    )
