"""Explorers: controls made from the symbols, a picture and words made by a scene."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from functools import partial

import ipywidgets

from memcalc import audit_scenes
from memcalc.catalogue import names
from memcalc.errors import InputError, choice, whole
from memcalc.scenes import Frame
from memcalc.symbols import BY_NAME, Entry

CATEGORIES: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "model": ("model", partial(names, "models")),
    "gpu": ("card", partial(names, "gpus")),
    "weights": ("format of the weights", partial(names, "formats", "usual")),
    "kv_cache": ("format of the cache", partial(names, "formats", "cache")),
    "kind": ("kind of claim", audit_scenes.kinds),
    "verdict": ("verdict", audit_scenes.verdicts),
}
"""Controls that choose a name: their label, and what gives the names."""

_WIDE = {"style": {"description_width": "15em"}, "layout": {"width": "95%", "max_width": "46em"}}


def explore(scene: Callable[..., Frame], **start: str | int) -> ipywidgets.VBox:
    """Return an explorer: a control for each name in `start`, set to its value, above the picture and the words.

    Parameters
    ----------
    scene : a function of memcalc.scenes or memcalc.audit_scenes; it is called with the values of the controls
    start : control → first value; names of the glossary become sliders, those of CATEGORIES menus

    Controls whose values make no sense together show one sentence; the last picture stays.
    """
    controls = {name: control(name, value) for name, value in start.items()}
    picture, words = ipywidgets.HTML(), ipywidgets.HTML()

    def refresh(_change: object = None) -> None:
        try:
            frame = scene(**{name: value_of(widget) for name, widget in controls.items()})
        except InputError as problem:
            words.value = _live(f"<b>{html.escape(str(problem))}</b> The picture is the last one that made sense.")
            return
        picture.value, words.value = frame.picture, _live(frame.words)

    for widget in controls.values():
        widget.observe(refresh, "value")
    refresh()
    return ipywidgets.VBox([*controls.values(), picture, words])


def control(name: str, value: str | int) -> ipywidgets.Widget:
    """Return the control for a name of the glossary or of CATEGORIES, set to `value`.

    Raises InputError for a name that has no control, and for a value that the control does not have.
    """
    if name in CATEGORIES:
        label, offered = CATEGORIES[name]
        options = offered()
        return ipywidgets.Dropdown(options=options, value=choice(name, value, options), description=label, **_WIDE)
    sliders = [entry.name for entry in BY_NAME.values() if not entry.derived]
    entry = BY_NAME[choice("control", name, [*CATEGORIES, *sliders])]
    value = whole(name, value, entry.low, entry.high)
    if entry.scale == "linear":
        return ipywidgets.IntSlider(value, entry.low, entry.high, description=_label(entry), **_WIDE)
    ends = {"base": 2, "min": math.log2(entry.low), "max": math.log2(entry.high), "step": 1}
    return ipywidgets.FloatLogSlider(value, readout_format=",.0f", description=_label(entry), **ends, **_WIDE)


def value_of(widget: ipywidgets.Widget) -> str | int:
    """Return what a control stands at: a name, or a whole number."""
    return round(widget.value) if isinstance(widget.value, float) else widget.value


def _label(entry: Entry) -> str:
    unit = f" [{entry.unit}]" if entry.unit else ""
    return f"{entry.symbol}: {entry.meaning.partition(':')[0]}{unit}"


def _live(words: str) -> str:
    return f'<div aria-live="polite">{words}</div>'
