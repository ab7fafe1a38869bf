"""The screen on which the film of a measured step is shown: areas over time, a playhead, and columns beside it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from memcalc.estimate.measured import measured_steps
from memcalc.explorers.frame import Guess
from memcalc.explorers.marks import Marks, along, outline, steps
from memcalc.explorers.validation.stepped import CONTEXTS, LAST, PARTS, Step, beside, parts
from memcalc.texts import later, tr
from memcalc.units import in_unit, show

_ROWS, _SQUARES = 6, 12  # sides of the textures [px]


@dataclass(frozen=True)
class Screen:
    """Where the film lies in a layout [px]; `column` is where the first of two columns begins, and how wide it is."""

    left: float
    right: float
    top: float
    floor: float
    column: tuple[float, float] | None


SCREENS = {
    360: Screen(40, 337, 26, 250, None),
    600: Screen(46, 420, 26, 266, (446, 60)),
    860: Screen(50, 606, 26, 352, (650, 84)),
}
"""Layout → where its film lies."""


@dataclass(frozen=True)
class Projector:
    """A step on the screen of a layout.

    Parameters
    ----------
    marks : the picture
    step : what is shown
    """

    marks: Marks
    step: Step

    @property
    def screen(self) -> Screen:
        """The screen of the layout."""
        return SCREENS[self.marks.width]

    @cached_property
    def unit(self) -> float:
        """How high a GiB is [px]; scales come in steps."""
        most = in_unit(max(self.step.added, self.step.peak, *map(beside, self.step.stops)), "GiB")
        room = self.screen.floor - self.screen.top - 24
        return next(unit for unit in steps(1e-6, 300) if unit * most <= room)

    def y(self, size: float) -> float:
        """Return how high so many bytes reach [px]."""
        return self.screen.floor - in_unit(size, "GiB") * self.unit

    def x(self, stop: int) -> float:
        """Return where a stop lies [px]."""
        return self.screen.left + (self.screen.right - self.screen.left) * stop / LAST

    def show(self) -> int:
        """Draw the film, its columns and its handles; return where the picture ends [px]."""
        self._amounts()
        self._areas()
        self._future()
        self._phases()
        self._levels()
        self._measured()
        if self.screen.column:
            self._columns(*self.screen.column)
        self._playhead()
        return self._contexts()

    def _amounts(self) -> None:
        """Write round amounts beside the film."""
        screen, most = self.screen, (self.screen.floor - self.screen.top) / self.unit
        sizes = (digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5))
        size = next(size for size in sizes if most / size <= 5)
        for place in range(int(most / size) + 1):
            y = screen.floor - place * size * self.unit
            self.marks.text(f"gib_{place}", screen.left - 10, y + 4, f"{place * size:,g}", anchor="end")
            self.marks.line(f"gib_{place}_line", [(screen.left - 6, y), (screen.left, y)])
        self.marks.text("gib", screen.left, screen.top - 12, tr("GiB, beside weights and optimizer"))

    def _areas(self) -> None:
        """Draw what lies there over time, part upon part, each in the texture that it has on a card."""
        sums = [_piled(parts(moment)) for moment in self.step.stops]
        fills = {
            "gradients": self.marks.grid("squares", self.screen.left, self.screen.floor, _SQUARES, of="gradients"),
            "activations": self.marks.grid(
                "rows", self.screen.left, self.screen.floor, _ROWS, of="activations", rows=True
            ),
        }
        for name, word in PARTS.items():
            top = [(self.x(stop), self.y(ends[name][1])) for stop, ends in enumerate(sums)]
            floor = [(self.x(stop), self.y(ends[name][0])) for stop, ends in enumerate(sums)]
            more = {"of": name if name in fills else "activations", "answer": True}
            path, look = outline(top + floor[::-1]), "area" if name in fills else "area pale"
            self.marks.path(f"film_{name}", path, look=look, says=tr(word), **more)
            if name in fills:
                self.marks.path(f"film_{name}_texture", path, look="texture", fill=fills[name], answer=True)

    def _future(self) -> None:
        """Cover what has not happened yet, and name what has, where it is high enough."""
        screen, x = self.screen, self.x(self.step.moment)
        for name in ("gradients", "activations"):
            sizes = [parts(moment)[name] for moment in self.step.seen]
            stop = sizes.index(max(sizes))
            low, top = _piled(parts(self.step.seen[stop]))[name]
            if self.y(low) - self.y(top) < 22:
                continue
            place = self.x(stop) - 8, (self.y(low) + self.y(top)) / 2 + 5
            anchor = "end" if self.x(stop) > screen.left + 100 else "start"
            word = {"anchor": anchor, "of": name, "look": "middling halo", "answer": True}
            self.marks.text(f"word_{name}", *place, tr(PARTS[name]), **word)
        top, high = screen.top - 6, screen.floor - screen.top + 5
        self.marks.rect("future", x, top, screen.right - x + 2, high, look="blank", answer=True)
        self.marks.line("floor", [(screen.left, screen.floor), (screen.right, screen.floor)])

    def _phases(self) -> None:
        """Name the parts of the time."""
        floor, stops = self.screen.floor, self.step.stops
        for phase in (later("forward"), later("loss"), later("backward")):
            places = [place for place, moment in enumerate(stops) if moment.phase == phase]
            start, end = self.x(max(0, min(places) - 1)) + 2, self.x(max(places)) - 2
            self.marks.line(
                f"phase_{phase}", [(start, floor + 4), (start, floor + 8), (end, floor + 8), (end, floor + 4)]
            )
            self.marks.text(f"phase_{phase}_word", (start + end) / 2, floor + 23, tr(phase), anchor="middle")

    def _levels(self) -> None:
        """Draw the sum as a level over the film."""
        screen, step, y = self.screen, self.step, self.y(self.step.added)
        end = screen.column[0] if screen.column else screen.right
        self.marks.line("sum_level", [(screen.left, y), (end, y)], look="ghost")
        said, below = tr("gradients + activations: {size}", size=show(step.added)), step.missed < 0
        self.marks.text("sum_words", screen.right - 8, y + (16 if below else -7), said, anchor="end", look="halo")

    def _measured(self) -> None:
        """Draw the measured peak as a diamond, once the film has come there."""
        step = self.step
        stop = step.stops.index(max(step.stops, key=beside))
        if step.measured is None or stop > step.moment:
            return
        x, y, says = self.x(stop), self.y(step.measured), tr("measured: {count:,} bytes", count=step.measured)
        self.marks.path("measured", diamond(x, y, 7), look="solid", says=says, answer=True)
        left = x > (self.screen.left + self.screen.right) / 2
        near = abs(y - self.y(step.added)) < 24
        aside, down = -12 if left else 12, (-5 if step.missed < 0 else 16) if near else 2
        more = {"anchor": "end" if left else "start", "look": "middling halo", "answer": True}
        self.marks.text("measured_words", x + aside, y + down, tr("measured: {size}", size=show(step.measured)), **more)

    def _columns(self, left: float, wide: float) -> None:
        """Draw the sum, and the highest moment so far, as columns on the scale of the film."""
        floor, step = self.screen.floor, self.step
        self._column("sum", left, wide, {"gradients": step.kept["gradients"], "activations": step.kept["activations"]})
        self._column("peak", left + wide + 24, wide, parts(step.highest), answer=True)
        peak = tr("the peak") if step.over else tr("highest so far")
        words = {"sum": (left, tr("their sum")), "peak": (left + wide + 24, peak)}
        for name, (x, word) in words.items():
            self.marks.text(f"{name}_word", x + wide / 2, floor + 23, word, anchor="middle")
        self.marks.line("columns_floor", [(left - 6, floor), (left + 2 * wide + 30, floor)], look="ink")

    def _column(self, name: str, x: float, wide: float, sizes: Mapping[str, int], **more: object) -> None:
        for part, (low, top) in _piled(sizes).items():
            term, passing = ("activations", True) if part == "passing" else (part, False)
            area = {"x": x, "y": self.y(top), "width": wide, "height": self.y(low) - self.y(top)}
            look, says = "area pale" if passing else "area", f"{tr(PARTS[part])}: {show(sizes[part])}"
            self.marks.rect(f"{name}_{part}", **area, of=term, look=look, says=says, **more)
            if passing:
                if area["height"] > 14:
                    place = (x + wide / 2, area["y"] + area["height"] / 2 + 4)
                    self.marks.text(
                        f"{name}_passing_word", *place, tr("for a moment"), anchor="middle", look="tiny", **more
                    )
                continue
            fill = "url(#squares)" if part == "gradients" else "url(#rows)"
            self.marks.rect(f"{name}_{part}_texture", **area, fill=fill, look="texture", **more)
        total = sum(sizes.values())
        self.marks.text(
            f"{name}_size", x + wide / 2, self.y(total) - 8, show(total), anchor="middle", look="middling halo", **more
        )

    def _playhead(self) -> None:
        """Draw where the film stands, and the handle that moves it."""
        screen, x = self.screen, self.x(self.step.moment)
        self.marks.line("now", [(x, screen.top), (x, screen.floor + 30)], look="surface", answer=True)
        handle = along("moment", origin=screen.left, size=(screen.right - screen.left) / LAST)
        says = tr("{moment}: drag through the step", moment=self.step.seen[-1].name)
        self.marks.knob("moment", x, screen.floor + 42, "x", handle, says=says, answer=True)

    def _contexts(self) -> int:
        """Draw the contexts at which somebody measured, and the handle that chooses one; return where they end [px]."""
        screen, marks, top = self.screen, self.marks, self.screen.floor + 104
        right = screen.column[0] + 2 * screen.column[1] + 24 if screen.column else screen.right
        right = min(right, marks.width - 24)  # the last number has room
        first, last = math.log2(CONTEXTS[0]), math.log2(CONTEXTS[-1])
        size = (right - screen.left - 12) / (last - first)
        origin = screen.left + 6 - first * size
        marks.line("contexts", [(screen.left, top), (right, top)])
        marks.text("contexts_words", screen.left, top - 22, tr("tokens of the text; a diamond: the peak was measured"))
        for power in range(int(first), int(last) + 1):
            self._context(2**power, origin + size * power, top)
        if screen.left <= (x := origin + size * math.log2(self.step.context)) <= right:
            handle = along("context", origin=origin, size=size, log=True)
            marks.knob("context", x, top, "x", handle, says=tr("context: drag to a longer text"), lights="s")
        return int(top + 36)

    def _context(self, context: int, x: float, y: float) -> None:
        if context in measured_steps(self.step.policy):
            look = "solid chosen" if context == self.step.context else "solid"
            says = tr("measured at {count:,} tokens", count=context)
            more = {"press": {"context": context}, "group": "contexts", "says": says}
            self.marks.path(f"at_{context}", diamond(x, y, 6), look=look, **more)
        if self.marks.width > 360 or context.bit_length() % 2 == 0:
            self.marks.text(f"at_{context}_text", x, y + 26, f"{context:,}", anchor="middle")

    def ask(self) -> Guess:
        """Draw the level that is dragged to where the peak is expected, and return what is asked."""
        screen = self.screen
        self.marks.level(screen.left, screen.right, screen.floor - 100, (screen.left + screen.right) / 2, "middle")
        return Guess(
            asks=tr(_ASKS, size=show(self.step.added)),
            unit="GiB",
            truth=in_unit(self.step.measured or self.step.peak, "GiB"),
            handle={"axis": "y"} | along("guess", origin=screen.floor, size=-self.unit),
            low=0,
            high=round((screen.floor - screen.top) / self.unit, 2),
        )


_ASKS = later(
    "Gradients and activations add up to {size}. How high does the step peak? Drag the dashed line, or type a number; "
    "then open it."
)


def _piled(sizes: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return where each part begins and ends if they lie on one another [bytes]."""
    ends, below = {}, 0
    for name, size in sizes.items():
        ends[name], below = (below, below + size), below + size
    return ends


def diamond(x: float, y: float, radius: float) -> str:
    """Return the outline of the mark of what was measured."""
    return outline([(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)])
