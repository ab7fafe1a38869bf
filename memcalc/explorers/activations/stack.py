"""The layers of a model as a stack, a row a layer: its weights, its gradients, and what it keeps, place by place."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from memcalc.explorers.activations.reel import paper
from memcalc.explorers.film import KEPT, Layer, Moment
from memcalc.explorers.marks import Marks, outline
from memcalc.formula.saved_tensors import PLACES
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import tr
from memcalc.units import show

_PLACES = {860: (668, 848, 150, 400), 600: (474, 594, 150, 340), 360: (52, 346, 500, 690)}
"""Layout → where the rows begin and end, the top of the stack, its floor [px]."""

_INNER = ("layer", *(place for place in KEPT if place not in ("once", "layer")))
_LOSS = 34  # the most that the row of head and loss is high [px]
_GAP = 6  # between weights, gradients and what is kept [px]


@dataclass(frozen=True)
class Stack:
    """The stack at one moment, and where it is drawn.

    Parameters
    ----------
    width : of the picture [px]
    layer : what one layer weighs
    count : how many there are
    most : what head and loss hold at most [bytes]
    """

    width: int
    layer: Layer
    count: int
    most: int

    @property
    def left(self) -> float:
        """Where the rows begin [px]."""
        return _PLACES[self.width][0]

    @property
    def right(self) -> float:
        """Where they may end [px]."""
        return _PLACES[self.width][1]

    @property
    def floor(self) -> float:
        """Where the first layer stands [px]."""
        return _PLACES[self.width][3]

    @cached_property
    def row(self) -> float:
        """How high a layer is [px], in tenths, so that a pattern meets each of them."""
        return max(1, 10 * (self.floor - _PLACES[self.width][2]) // self.count) / 10

    @cached_property
    def byte(self) -> float:
        """How wide a byte is in a row [px]."""
        whole = (
            self.layer.weights + self.layer.gradients + sum(self.layer.again.values()) + self.layer.kept.get("layer", 0)
        )
        wide = self.right - self.left - 2 * _GAP
        return min(wide / whole, _LOSS * wide / (self.row * max(self.most, 1)))

    @property
    def columns(self) -> dict[str, float]:
        """Where weights, gradients and what is kept begin [px]."""
        gradients = self.left + self.layer.weights * self.byte + _GAP
        return {
            "weights": self.left,
            "gradients": gradients,
            "kept": gradients + self.layer.gradients * self.byte + _GAP,
        }

    def top(self, layers: int) -> float:
        """Return how high so many layers reach [px]."""
        return self.floor - layers * self.row

    def block(self, places: Mapping[str, int], start: float) -> dict[str, tuple[float, float]]:
        """Return for each place where it begins and how wide it is [px], one beside the other."""
        found = {}
        for place in _INNER:
            found[place] = start, places.get(place, 0) * self.byte
            start += found[place][1]
        return found


def draw_stack(marks: Marks, stack: Stack, now: Moment) -> int:
    """Draw the stack as it is at a moment; return where the picture ends [px]."""
    _states(marks, stack, now)
    _kept(marks, stack, now)
    _own(marks, stack, now)
    _once(marks, stack, now)
    marks.put("rows", "pattern", x=0, y=stack.floor, width=20, height=stack.row, patternUnits="userSpaceOnUse")
    marks.rect("rows_gap", 0, 0, 20, 1 if stack.row >= 4 else 0.4, inside="rows", look="blank")
    high = stack.count * stack.row
    marks.rect(
        "rows_all",
        stack.left - 2,
        stack.top(stack.count),
        stack.right - stack.left + 4,
        high,
        fill="url(#rows)",
        look="texture",
    )
    _numbers(marks, stack, now)
    _names(marks, stack)
    return stack.floor + {860: 84, 600: 108, 360: 60}[stack.width]


def _states(marks: Marks, stack: Stack, now: Moment) -> None:
    """Draw the weights of all layers, and the gradients of those that have had their turn."""
    top, high, rows = stack.top(stack.count), stack.count * stack.row, {"weights": stack.count, "gradients": now.done}
    for name, size in (("weights", stack.layer.weights), ("gradients", stack.layer.gradients)):
        column = {"x": stack.columns[name], "y": top, "width": size * stack.byte}
        marks.rect(f"stack_{name}_frame", **column, height=high, look="ghost")
        seen = {
            "of": name,
            "look": "area",
            "says": tr("{word}: {size} of each layer", word=tr(SUMMANDS[name].word), size=show(size)),
            "answer": name == "gradients",
        }
        marks.rect(f"stack_{name}", **column, height=rows[name] * stack.row, **seen)
    made = {"x": stack.columns["gradients"], "y": stack.top(max(now.layer, 1)), "height": stack.row}
    seen = {"of": "gradients", "look": "area", "says": tr("gradients of the layer at work, so far"), "answer": True}
    marks.rect("stack_made", width=now.made * stack.byte, **made, **seen)


def _kept(marks: Marks, stack: Stack, now: Moment) -> None:
    """Draw what the layers keep, place by place, and blank paper over those that keep nothing yet, or no longer."""
    top, high = stack.top(stack.count), stack.count * stack.row
    for place, (x, wide) in stack.block(stack.layer.kept, stack.columns["kept"]).items():
        fill = paper(marks, f"stack_{place}_fill", "scores" if place == "scores" else "activations", x, stack.floor)
        says = tr("{word}: {size} in each layer", word=_word(place), size=show(stack.layer.kept.get(place, 0)))
        seen = {"of": "activations", "look": "outlined", "says": says, "lights": "M_layer M_act", "answer": True}
        marks.rect(f"stack_{place}", x, top, wide, high, fill=fill, **seen)
    gone = {"x": stack.columns["kept"] - 2, "y": top - 2, "width": stack.right - stack.columns["kept"] + 6}
    empty = high - now.waiting * stack.row + (2 if now.waiting else 4)
    marks.rect("stack_gone", **gone, height=empty, look="blank", **{"from": {"height": high + 4}})
    wide = sum(stack.layer.again.values()) * stack.byte
    frame = {"look": "ghost", "answer": True}
    marks.rect("stack_kept_frame", stack.columns["kept"], top, wide, high, **frame)


def _word(place: str) -> str:
    """Return how a place is called."""
    return tr(PLACES[place]["word"])


def _own(marks: Marks, stack: Stack, now: Moment) -> None:
    """Draw what the layer at work has of its own, beside its input if that is kept."""
    start = stack.columns["kept"] + (sum(stack.layer.kept.values()) * stack.byte if now.waiting >= now.layer else 0)
    marks.put("own", "g", transform=f"translate({start:.1f} {stack.top(max(now.layer, 1)):.1f})")
    for place, (x, wide) in stack.block(now.own, 0).items():
        says = tr("{word} of the layer at work: {size}", word=_word(place), size=show(now.own.get(place, 0)))
        seen = {"of": "activations", "look": "full", "says": says, "answer": True}
        marks.rect(f"own_{place}", x, 0, wide, stack.row, inside="own", **seen)


def at_the_loss(moment: Moment) -> int:
    """Return what head and loss hold at a moment, and what is there for that moment alone [bytes]."""
    return moment.parts["once"] + (moment.parts["passing"] if moment.phase == "loss" else 0)


def _once(marks: Marks, stack: Stack, now: Moment) -> None:
    """Draw what head and loss hold as a row of its own above the layers, on the same scale."""
    start, wide = stack.columns["kept"], stack.right - stack.columns["kept"]
    low, kept = stack.top(stack.count) - 4, now.parts["once"]
    every = {"once": ("activations", kept), "passing": ("overhead", at_the_loss(now) - kept)}
    for name, (of, size) in every.items():
        high = size * stack.byte * stack.row / wide
        says = f"{_word('once') if name == 'once' else tr('for a moment')}: {show(size)}"
        lights = {"lights": "M_once"} if name == "once" else {}
        marks.rect(f"stack_{name}", start, low - high, wide, high, of=of, look="area", says=says, answer=True, **lights)
        low -= high


def _numbers(marks: Marks, stack: Stack, now: Moment) -> None:
    """Number some layers, and point at the one that is at work: upwards on the way there, downwards on the way back."""
    for quarter in range(5):
        number = max(1, stack.count * quarter // 4)
        low = stack.top(number) + stack.row / 2 + 4
        marks.text(f"row_{quarter}", stack.left - 12, low, f"{number}", anchor="end", look="tiny")
    loss, x = now.phase == "loss", stack.left - 7
    y = stack.top(stack.count) - 8 if loss else stack.top(max(now.layer, 1)) + stack.row / 2
    tip = 4 if now.phase == "backward" else -4
    corners = [(x - 4, y - tip), (x + 4, y - tip), (x, y + tip)]
    marks.path("at_work", outline(corners) if now.layer or loss else "", look="solid")


def _names(marks: Marks, stack: Stack) -> None:
    """Write what each column is: above it what is kept, below it weights and gradients."""
    top, sizes = stack.top(stack.count), stack.layer.again | stack.layer.kept
    columns = stack.block(sizes, stack.columns["kept"])
    heights = {place: top - _LOSS - 10 - 14 * at for at, place in enumerate(filter(sizes.get, _INNER))}
    for place, y in heights.items():
        middle = columns[place][0] + columns[place][1] / 2
        marks.line(f"lead_{place}", [(middle, top - 1), (middle, y - 8)], answer=True)
    for place, y in heights.items():
        x, wide = columns[place]
        words = f"{_word(place)} {show(sizes[place])}"
        seen = {"look": "tiny halo", "of": "activations", "lights": "M_layer", "answer": True}
        marks.text(f"name_{place}", max(x + wide / 2 - 3, 6 * len(words)), y, words, anchor="end", **seen)
    for name, down in (("weights", 16), ("gradients", 16 if stack.layer.weights * stack.byte > 50 else 30)):
        words = tr(SUMMANDS[name].word)
        marks.text(f"name_{name}", stack.columns[name], stack.floor + down, words, look="tiny", of=name)
    words = tr("{count} layers, bytes to one scale", count=stack.count)
    end = {"x": stack.width - 4, "anchor": "end"}
    marks.text(
        "name_stack", y=stack.floor + 48, text=words, look="tiny", **(end if stack.width < 860 else {"x": stack.left})
    )
