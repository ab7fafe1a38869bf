"""The controls of an explorer: made from the glossary and the tables, and which values they can have."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from memcalc import Gpu, InputError, Model
from memcalc.catalogue import find, names, rows
from memcalc.errors import choice, must, shown, whole
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.run import weights_formats
from memcalc.texts import tr

Value = str | int
"""What a control is set to."""

_LONGEST_TEXT = 200_000  # characters of a config.json that a page may send
_BEGINS_OWN = tuple("{0123456789")  # the text of a config.json, or a size
_WITHIN_DOUBLING = 4  # marks on a slider whose numbers double


@dataclass(frozen=True)
class Menu:
    """A choice of a few words.

    Parameters
    ----------
    label : what is chosen
    options : the words
    letters : the letters of the formula whose numbers it changes: to drag those chooses another
    """

    label: str
    options: Sequence[str]
    letters: Sequence[str] = ()

    def data(self, name: str) -> dict[str, object]:
        """Return what the page must know of it."""
        return {
            "name": name,
            "kind": "menu",
            "label": tr(self.label),
            "options": list(self.options),
            "called": list(map(tr, self.options)),
            "letters": list(self.letters),
        }

    def allowed(self, name: str, value: object) -> str:
        """Return an option as it is spelled; raise InputError for a word that is none."""
        return choice(name, value, self.options)


@dataclass(frozen=True)
class Number:
    """A number, which is typed, or chosen on a slider.

    Parameters
    ----------
    label : what is counted
    low, high : the ends
    unit : of what
    letter : in the formula
    grid : the marks of the slider; without any, it has every whole number
    strict : whether only the marks are allowed
    plays : how long each mark is shown when the numbers are played as a film [ms]; 0 if they are none
    """

    label: str
    low: int
    high: int
    unit: str = ""
    letter: str = ""
    grid: Sequence[int] = ()
    strict: bool = False
    plays: int = 0

    def data(self, name: str) -> dict[str, object]:
        """Return what the page must know of it."""
        letters = [self.letter] if self.letter else []
        known = {
            "unit": tr(self.unit),
            "low": self.low,
            "high": self.high,
            "grid": list(self.grid),
            "plays": self.plays,
            "letters": letters,
        }
        return {"name": name, "kind": "number", "label": tr(self.label), **known}

    def allowed(self, name: str, value: object) -> int:
        """Return a number within the ends; raise InputError for another."""
        number = whole(name, value, self.low, self.high)
        if self.strict and number not in self.grid:
            raise InputError(f"{name} must be one of {', '.join(map(str, self.grid))}, not {number:,}.")
        return number


@dataclass(frozen=True)
class Text:
    """A few words of the reader's own.

    Parameters
    ----------
    label : what is written
    most : characters
    """

    label: str
    most: int = 200

    def data(self, name: str) -> dict[str, object]:
        """Return what the page must know of it."""
        return {"name": name, "kind": "text", "label": tr(self.label), "most": self.most}

    def allowed(self, name: str, value: object) -> str:
        """Return the words; raise InputError for what is no text, or too long."""
        if not isinstance(value, str) or len(value) > self.most:
            raise must(name, f"a text of at most {self.most} characters", shown(value))
        return value


@dataclass(frozen=True)
class Picker:
    """A search in the names of a table, or something of one's own.

    Parameters
    ----------
    label : what is searched
    table : the table
    group : its column by which names are grouped
    own : how one's own is called in the list
    check : raises InputError for a text that is not one's own either
    """

    label: str
    table: str
    group: str
    own: str
    check: Callable[[str], object]

    def data(self, name: str) -> dict[str, object]:
        """Return what the page must know of it."""
        groups = {}
        for row in rows(self.table):
            groups.setdefault(row[self.group] or tr("others"), []).append(row["name"])
        return {"name": name, "kind": "picker", "label": tr(self.label), "groups": groups, "own": tr(self.own)}

    def allowed(self, name: str, value: object) -> str:
        """Return a name as the table spells it, or one's own as it was given; raise InputError for what is neither."""
        if not (isinstance(value, str) and value.lstrip()[:1] in _BEGINS_OWN):
            return find(self.table, name, value)["name"]
        if listed := _listed(self.table, value):
            return listed
        self.check(value)
        return value


Control = Menu | Number | Text | Picker
"""Any of them."""


@lru_cache(maxsize=32)
def _listed(table: str, text: str) -> str:
    """Return the name in a table that a text means, if any: it is searched once, for each frame asks again."""
    try:
        return find(table, "name", text)["name"]
    except InputError:
        return ""


def model_of(text: str) -> Model:
    """Return the model of a name, or of the text of a config.json.

    Raises InputError for an unknown name, and for a text that is no JSON or describes no model.

    >>> model_of("llama-7b").name
    'LLaMA-7B'
    >>> model_of("{")
    Traceback (most recent call last):
    memcalc.errors.InputError: config must be JSON, as in a config.json, not '{'.
    """
    if not (isinstance(text, str) and text.lstrip().startswith("{")):
        return Model.named(text)
    if len(text) > _LONGEST_TEXT:
        raise must("config", f"a text of at most {_LONGEST_TEXT:,} characters", len(text))
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        raise must("config", "JSON, as in a config.json", shown(text)) from None
    return Model.from_config(config)


def numbers_of(name: str) -> Number:
    """Return the slider of a name of the glossary.

    >>> numbers_of("context").grid[:6]
    (128, 160, 192, 224, 256, 320)
    """
    entry = BY_NAME[name]
    grid = _doublings(entry.low, entry.high) if entry.scale == "log2" else ()
    return Number(entry.meaning.partition(":")[0], entry.low, entry.high, entry.unit, str(entry.symbol), grid)


def _doublings(low: int, high: int) -> tuple[int, ...]:
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    marks = {
        2**power * (_WITHIN_DOUBLING + part) / _WITHIN_DOUBLING for power in powers for part in range(_WITHIN_DOUBLING)
    }
    return tuple(int(mark) for mark in sorted(marks) if mark <= high and mark == int(mark))


def known(name: str) -> Control:
    """Return the control that a name has in every explorer; raise InputError for a name that has none."""
    if name in _SHARED:
        return _SHARED[name]
    sliders = [entry.name for entry in BY_NAME.values() if not entry.derived]
    return numbers_of(choice("control", name, [*_SHARED, *sliders]))


def controls(names_of: Iterable[str], own: Mapping[str, Control]) -> dict[str, Control]:
    """Return the controls of some names: those of one explorer's own, and those that every explorer shares."""
    return {name: own.get(name) or known(name) for name in names_of}


_SHARED = {
    "model": Picker("model", "models", "maker", "your own config.json …", model_of),
    "gpu": Picker("card", "gpus", "vendor", "a card of a size, such as 24 GB or 48 GB at 960 GB/s", Gpu.of),
    "weights": Menu("format of the weights", weights_formats(), ("B",)),
    "kv_cache": Menu("format of the cache", names("formats", "cache"), ("B_k", "B_v")),
}
