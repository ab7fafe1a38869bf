"""The widget of an explorer: controls made from the symbols, and the frames that the explorer computes.

An explorer is one widget. The page draws its controls with the browser's own elements, which have names for screen
readers and answer to the keyboard; the kernel computes a frame for their state and sends what moved.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import anywidget
from traitlets import Dict, List, Unicode

from memcalc import InputError
from memcalc.catalogue import find, names
from memcalc.errors import choice, whole
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.run import weights_formats

PICKERS = {"model": ("model", "models"), "gpu": ("card", "gpus")}
"""Controls that search the names of a table: their label, and the table."""

MENUS = {
    "weights": ("format of the weights", weights_formats()),
    "kv_cache": ("format of the cache", names("formats", "cache")),
}
"""Controls that choose from a few names."""

_PATIENCE = 0.15  # how long the kernel looks ahead before it answers again [s]


class Explorer(anywidget.AnyWidget):
    """An explorer with its controls, undo, reset, presets, and the line of Python that gives the same result.

    `state` is the setting of the controls; a change of it, from the page or from Python, shows another frame.
    """

    _esm = Path(__file__).parent / "explorer.js"
    _css = Path(__file__).parent / "explorer.css"

    controls = List(help="what the page must know of each control").tag(sync=True)
    presets = Dict(help="name → setting").tag(sync=True)
    start = Dict(help="the first state").tag(sync=True)
    state = Dict(help="control → value").tag(sync=True)
    picture = Unicode(help="the picture as it was drawn [SVG]").tag(sync=True)
    frame = Dict(help="the state; moved shapes, said, details, code; problem: why it has none of these").tag(sync=True)

    def __init__(self, frame_of: Callable, presets: Mapping[str, Mapping], menus: Mapping[str, tuple], start: Mapping):
        self._shown = frame_of
        controls = [control(name, menus) for name in start]
        start = {one["name"]: allowed(one, start[one["name"]]) for one in controls}
        presets = {name: {key: preset[key] for key in preset if key in start} for name, preset in presets.items()}
        super().__init__(controls=controls, presets=presets, start=start, state=start)
        self.picture, self.frame = self._frame_of(start)
        self.observe(self._refresh, "state")
        self.on_msg(self._look_ahead)

    def __repr__(self) -> str:
        return f"Explorer({self._shown.__name__}: {self.frame['problem'] or self.frame['said']})"

    def _refresh(self, _change: object = None) -> None:
        try:
            picture, frame = self._frame_of(self.state)
        except InputError as problem:
            sentence = str(problem).partition(" Known: ")[0]  # the control lists them
            self.frame = self.frame | {"state": self.state, "problem": sentence}
        except Exception as fault:  # the page would show nothing of it
            problem = f"A fault of memcalc, not of yours: {type(fault).__name__}: {fault}."
            self.frame = self.frame | {"state": self.state, "problem": problem}
            raise
        else:
            with self.hold_sync():  # one message: a picture without its shapes would be seen
                self.picture, self.frame = picture, frame

    def _frame_of(self, state: Mapping[str, str | int]) -> tuple[str, dict[str, object]]:
        """Return the picture of a state as it was drawn, and what the page shows beside and in it."""
        setting = {one["name"]: allowed(one, state.get(one["name"])) for one in self.controls}
        frame = self._shown(**setting)
        subject = self._shown.__module__.rpartition(".")[2]  # as `memcalc.explorers` calls it
        controls = ", ".join(f"{name}={value!r}" for name, value in setting.items())
        code = f"{frame.code}\nexplorers.{subject}({controls})"
        shown = {"said": frame.said, "details": list(frame.details), "code": code, "problem": ""}
        return frame.svg.text, {"state": state, "moved": frame.svg.moved(frame.shapes)} | shown

    def _look_ahead(self, _widget: object, asked: Mapping[str, str], _buffers: object) -> None:
        """Send the frames of the other values of a control, nearest first: when it moves, the page need not wait."""
        one, end = asked["ahead"], time.monotonic() + _PATIENCE
        values = next(control.get("grid") or control["options"] for control in self.controls if control["name"] == one)
        now = self.state[one]
        here = sum(value < now for value in values) if isinstance(now, int) else [*values, now].index(now)
        for value in sorted(values, key=lambda value: abs(values.index(value) - here)):
            with contextlib.suppress(InputError):
                picture, frame = self._frame_of(self.state | {one: value})
                if picture == self.picture:
                    self.send(frame)
            if time.monotonic() > end:
                break


def control(name: str, menus: Mapping[str, tuple]) -> dict[str, object]:
    """Return what the page must know to draw the control for a name of the glossary, of PICKERS, MENUS or `menus`.

    Raises InputError for a name that has no control.

    >>> control("kv_heads", {})["grid"]
    [1, 2, 4, 8, 16, 32, 64, 128]
    """
    if name in PICKERS:
        label, table = PICKERS[name]
        return {"name": name, "kind": "picker", "label": label, "options": names(table)}
    if name in MENUS | menus:
        label, options = (MENUS | menus)[name]
        return {"name": name, "kind": "menu", "label": label, "options": [*options]}
    sliders = [entry.name for entry in BY_NAME.values() if not entry.derived]
    entry = BY_NAME[choice("control", name, [*PICKERS, *MENUS, *menus, *sliders])]
    label = f"{entry.symbol}: {entry.meaning.partition(':')[0]}"
    powers = range((entry.low - 1).bit_length(), entry.high.bit_length()) if entry.scale == "log2" else ()
    ends = {"low": entry.low, "high": entry.high, "grid": [2**power for power in powers]}
    return {"name": name, "kind": "slider", "label": label, "unit": entry.unit, **ends}


def allowed(control: Mapping[str, object], value: object) -> str | int:
    """Return a value that a control can have, as it spells it; raise InputError for another."""
    if control["kind"] == "slider":
        return whole(control["name"], value, control["low"], control["high"])
    if control["kind"] == "picker":
        return find(PICKERS[control["name"]][1], control["name"], value)["name"]
    return choice(control["name"], value, control["options"])
