"""What an explorer is: a function from its settings to a frame, which is plain data for any page that shows it."""

import inspect
from collections import UserList
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from memcalc import InputError
from memcalc.errors import choice, without_list
from memcalc.explorers.controls import Control, Value, controls
from memcalc.explorers.marks import LAYOUTS, Marks, Shape
from memcalc.explorers.page import script, spoken
from memcalc.explorers.words import meanings, plain, words
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import cached, tr

Setting = Mapping[str, Value]
"""Control → value."""


@dataclass(frozen=True)
class Guess:
    """What is guessed before the picture opens, and where.

    Parameters
    ----------
    asks : the question
    unit : of the guess
    truth : the answer [unit]
    handle : how the guess is dragged, as of `marks.along`; the shape that it moves is called "guess"
    low, high : the ends of a guess [unit]
    height : of the picture until it opens, where less than all of it is asked about [px]; 0 if all is
    stays : whether the line can be compared with what the open picture shows
    """

    asks: str
    unit: str
    truth: float
    handle: Mapping[str, object]
    low: float
    high: float
    height: int = 0
    stays: bool = True


class OnDemand(UserList):
    """Lines that are worked out when they are first read.

    >>> OnDemand(lambda: map(str, range(2)))
    ['0', '1']
    """

    def __init__(self, lines: Callable[[], Iterable[str]]):
        self._lines = lines

    @cached_property
    def data(self) -> list[str]:
        """The lines."""
        return list(self._lines())


@dataclass(frozen=True)
class Frame:
    """What an explorer shows for one setting of its controls: a picture, its formula, and the same in words.

    Parameters
    ----------
    marks : the shapes of the picture
    height : of the picture [px]
    said : the result, as `words.words` reads it
    code : the line of Python that gives the same result
    formula : lines of a formula, as `words.formula` gives them
    notes : what must be known beside the result, such as what is not counted
    hints : what would help, a line each; shown on demand, and `OnDemand` where they take long
    alt : the picture in words, if the result does not say enough
    sentence : the sentence of controls, if it is not the usual one
    highest : a number's control → its highest value here, where that is less than elsewhere
    scale : a name of the scale; where it changes, shapes move to their new places even under a hand
    guess : what can be guessed before the picture opens
    """

    marks: Marks
    height: int
    said: str
    code: str
    formula: Sequence[Mapping[str, object]] = ()
    notes: Sequence[str] = ()
    hints: Sequence[str] = ()
    alt: str = ""
    sentence: str = ""
    highest: Mapping[str, int] = field(default_factory=dict)
    scale: str = ""
    guess: Guess | None = None

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shapes by name."""
        return self.marks.shapes

    @property
    def sentence_said(self) -> str:
        """The result as plain text."""
        return plain(words(self.said))


@dataclass(frozen=True, eq=False)
class Explorable:
    """An explorer: called with first values of its controls it opens as a widget, and `frame` says what it shows.

    Parameters
    ----------
    frame : a function from the layout's width and the values of the controls to a `Frame`; it raises InputError where
        values make no sense together
    sentence : the controls in a sentence, as `words.words` reads it; a control that is not there stands below
    presets : name → whole setting
    own : controls that this explorer alone has

    >>> from memcalc.explorers import fit
    >>> fit.frame(context=32768).sentence_said
    'It does not fit: 4.91 GiB of the 28.55 GiB run over the rim.'
    """

    frame: Callable[..., Frame]
    sentence: str
    presets: Mapping[str, Setting]
    own: Mapping[str, Control] = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "__doc__", self.frame.__doc__)  # so that help tells of this one

    @cached_property
    def start(self) -> dict[str, Value]:
        """The values of the controls, unless others are asked for."""
        given = inspect.signature(self.frame).parameters.values()
        return {one.name: one.default for one in given if one.name != "width"}

    @cached_property
    def controls(self) -> dict[str, Control]:
        """Name → control."""
        return controls(self.start, self.own)

    @property
    def subject(self) -> str:
        """How `memcalc.explorers` calls it."""
        return self.frame.__module__.rpartition(".")[2]

    def setting(self, changes: Setting) -> dict[str, Value]:
        """Return every control's value, with some changed; raise InputError for what is not allowed."""
        for name in changes:
            choice("control", name, self.controls)
        return {name: self.controls[name].allowed(name, value) for name, value in (self.start | dict(changes)).items()}

    def data(self, setting: Setting, width: int = LAYOUTS[-1], hints: bool = True) -> dict[str, object]:
        """Return the frame of a setting as the page reads it; raise InputError where there is none.

        Parameters
        ----------
        hints : whether they are wanted where they take long; if not, "unasked" says that there are some
        """
        setting = self.setting(setting)
        frame = self.frame(width=width, **setting)
        given = ", ".join(f"{name}={value!r}" for name, value in setting.items() if value != self.start[name])
        return {
            "state": setting,
            "size": [width, frame.height],
            "scale": frame.scale,
            "shapes": frame.shapes,
            "said": words(frame.said),
            "notes": list(map(words, frame.notes)),
            **_hints(frame.hints, hints),
            "alt": frame.alt or frame.sentence_said,
            "sentence": words(tr(frame.sentence or self.sentence)),
            **_formula(frame.formula),
            "highest": dict(frame.highest),
            "code": f"{frame.code}\nexplorers.{self.subject}({given})",
            **({"guess": vars(frame.guess)} if frame.guess else {}),
            "problem": "",
        }

    def answer(
        self, state: Setting, start: Setting, width: int = LAYOUTS[-1], hints: bool = False
    ) -> dict[str, object]:
        """Return the frame of a state as what differs from that of the start; where it has none, one sentence why.

        Parameters
        ----------
        hints : as of `data`
        """
        base = self.base(width, tuple(start.items()))
        try:
            data = base if state == start else self.data(state, width, hints)
        except InputError as found:
            return {"state": dict(state), "problem": without_list(found)}  # the control lists them
        return changes(base, data) | {"state": dict(state), "size": data["size"]}

    @cached
    def base(self, width: int, start: tuple[tuple[str, Value], ...]) -> dict[str, object]:
        """Return the frame of the start, from which `answer` tells what differs."""
        return self.data(dict(start), width)

    @property
    def stage(self) -> dict[str, object]:
        """What a page must know before any frame: the controls, the presets, the colours of the terms."""
        drawn = [control.data(name) for name, control in self.controls.items()]
        presets = {tr(name): self.setting(preset) for name, preset in self.presets.items()}
        colours = {name: entry.colour for name, entry in SUMMANDS.items()}
        known = {"controls": drawn, "presets": presets, "colours": colours, "layouts": LAYOUTS}
        return {"subject": self.subject, **known, "texts": spoken(script())}

    def __call__(self, closed: bool = False, **start: Value):
        """Return the widget, with the controls that are named set to these values.

        Parameters
        ----------
        closed : whether a guess is asked for before the picture opens

        Controls whose values make no sense together show one sentence; the last picture stays.
        Raises InputError for a name that has no control, and for values at the start that make no sense.
        """
        from memcalc.explorers.widget import Explorer  # frames do without the widget's libraries

        return Explorer(self, self.setting(start), closed)


def _hints(hints: Sequence[str], wanted: bool) -> dict[str, object]:
    """Return the hints, or that there are some for which nobody has asked yet."""
    if isinstance(hints, OnDemand) and not wanted:
        return {"hints": [], "unasked": True}
    return {"hints": list(map(words, hints))}


def _formula(lines: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the lines of a formula, what stands below their letters, and what those mean."""
    return {
        "formula": [{key: line[key] for key in ("letter", "left", "summands")} for line in lines],
        "numbers": {str(place): line["numbers"] for place, line in enumerate(lines)},
        "letters": meanings(lines),
    }


def explorer(
    sentence: str, presets: Mapping[str, Setting], **own: Control
) -> Callable[[Callable[..., Frame]], Explorable]:
    """Make an explorer of the function that computes its frames."""
    return lambda frame: Explorable(frame, sentence, presets, own)


def changes(base: Mapping[str, object], data: Mapping[str, object]) -> dict[str, object]:
    """Return a frame as what differs from another, part by part; the names of what is gone stand under "".

    None would say so too, but on its way out of Python in a browser it is lost.

    >>> changes({"shapes": {"a": {"x": 1, "y": 2}, "b": {}}, "alt": ""}, {"shapes": {"a": {"x": 3, "y": 2}}, "alt": ""})
    {'shapes': {'a': {'x': 3}, '': ['b']}}
    """
    left = _changed(base, data)
    new = _new(base["shapes"], data["shapes"])
    return left | ({"new": new} if new else {})


def _new(before: Mapping[str, object], now: Mapping[str, object]) -> dict[str, str]:
    """Return each new shape's name, and the name of the shape over which it is drawn."""
    names, stays = ["", *now], [name for name in now if name in before]
    if stays != [name for name in before if name in now]:
        stays = []  # another order: all are told anew
    kept = set(stays)
    return {name: names[place] for place, name in enumerate(now) if name not in kept}


def _changed(before: Mapping[str, object], now: Mapping[str, object]) -> dict[str, object]:
    gone = [name for name in before if name not in now]
    left = {name: value for name, value in now.items() if name not in before or before[name] != value}
    for name, value in left.items():
        if isinstance(value, Mapping) and isinstance(before.get(name), Mapping):
            left[name] = _changed(before[name], value)
    return left | ({"": gone} if gone else {})
