"""The widget of an explorer in Jupyter: the page shows the frames that the kernel computes for its controls' state."""

import time

import anywidget
from traitlets import Bool, Dict, Float, Int, List, Unicode

from memcalc.explorers.marks import LAYOUTS
from memcalc.explorers.page import script, style
from memcalc.explorers.words import plain
from memcalc.texts import tr

_PATIENCE = 0.05  # how long the kernel looks ahead before it answers others [s]


def _number(value: object, _widget: object) -> float | None:
    """Return a number that a page sends, and None for none, for which Python in a browser has a word of its own."""
    return value if isinstance(value, int | float) else None


class Explorer(anywidget.AnyWidget):
    """An explorer with its controls, undo, reset, presets, and the line of Python that gives the same result.

    `state` is the setting of the controls; a change of it, from the page or from Python, shows another frame.
    `guess` is what the learner guessed, once it is made, in the unit of the question; who observes it may answer with
    `remarks`, which the page then shows instead of its own comparison. It opens when `closed` is no longer true.
    """

    _esm = script()
    _css = style()

    stage = Dict(help="what the page must know before any frame").tag(sync=True)
    start = Dict(help="the first state").tag(sync=True)
    state = Dict(help="control → value").tag(sync=True)
    width = Int(LAYOUTS[-1], help="the layout of the picture [px]").tag(sync=True)
    base = Dict(help="the frame of the first state").tag(sync=True)
    frame = Dict(help="the frame of the state, or the last that made sense and the problem").tag(sync=True)
    closed = Bool(help="whether a guess is asked for first").tag(sync=True)
    guess = Float(None, allow_none=True, help="what was guessed").tag(sync=True, from_json=_number)
    guess_unit = Unicode(help="the unit of the guess").tag(sync=True)
    remarks = List(default_value=None, allow_none=True, help="what another says of the guess, as `words` gives it").tag(
        sync=True
    )

    def __init__(self, explorable: object, start: dict, closed: bool = False):
        self._shown, self._sound = explorable, start  # the last state that made sense
        base = explorable.base(LAYOUTS[-1], tuple(start.items()))
        guessed = base.get("guess", {"unit": ""})
        super().__init__(
            stage=explorable.stage, start=start, state=start, base=base, frame={"state": start, "size": base["size"]}
        )
        self.closed, self.guess_unit = closed and "guess" in base, guessed["unit"]
        self.observe(self._lay_out, "width")
        self.observe(self._refresh, "state")
        self.on_msg(self._look_ahead)
        self.on_msg(self._hint)

    def __repr__(self) -> str:
        subject = self._shown.subject
        if self.closed and self.guess is None:
            return f"Explorer({subject}: {self.base['guess']['asks']})"
        frame = self.base | self.frame
        return f"Explorer({subject}: {frame['problem'] or plain(frame['said'])})"

    def _lay_out(self, _change: object) -> None:
        with self.hold_sync():
            self.base = self._shown.base(self.width, tuple(self.start.items()))
            self._refresh()

    def _refresh(self, _change: object = None) -> None:
        try:
            frame = self._frame_of(self.state)
        except Exception as fault:  # the page would show nothing of it
            said = tr("A fault of memcalc, not of yours: {fault}.", fault=f"{type(fault).__name__}: {fault}")
            self.frame = self.frame | {"state": self.state, "problem": said}
            raise
        if frame.get("problem"):
            frame = self._frame_of(self._sound) | frame
        else:
            self._sound = self.state
        self.frame = frame

    def _frame_of(self, state: dict, hints: bool = False) -> dict[str, object]:
        return self._shown.answer(state, self.start, self.width, hints)

    def _hint(self, _widget: object, asked: dict, _buffers: object) -> None:
        """Send the frame of a state once more, with the hints that took too long as long as nobody asked for them."""
        if "hints" in asked:
            self.send(self._frame_of(asked["hints"], hints=True))

    def _look_ahead(self, _widget: object, asked: dict, _buffers: object) -> None:
        """Send the frames of the other values of a control, nearest first: when it moves, the page need not wait.

        `asked` has the control, the state, and how many frames were sent already; the page asks again for the rest.
        """
        if "ahead" not in asked:
            return
        name, state, end = asked["ahead"], asked["state"], time.monotonic() + _PATIENCE
        control, now = self._shown.controls[name], state[name]
        values = list(getattr(control, "grid", ()) or getattr(control, "options", ()))
        here = sum(value < now for value in values) if isinstance(now, int) else [*values, now].index(now)
        nearest = sorted(values, key=lambda value: abs(values.index(value) - here))
        for place, value in enumerate(nearest[asked["from"] :], asked["from"]):
            if time.monotonic() > end:
                return self.send(asked | {"from": place})
            frame = self._frame_of(state | {name: value})
            if not frame.get("problem"):
                self.send(frame)
