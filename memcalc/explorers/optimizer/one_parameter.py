"""One parameter in training, byte by byte: a square is a byte, and of a shared one a card keeps its part."""

from dataclasses import dataclass
from fractions import Fraction

from memcalc.explorers.marks import Marks
from memcalc.explorers.optimizer.states import Part, States
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import both, later, tr

_LETTERS = {"weight": "B", "gradient": "B_g", "master copy": "B_m"}  # those of all other parts are the optimizer's
_LETTER = 6.7  # about how wide a letter is [px]
_BRACKET = 17  # from one to the next [px]


@dataclass(frozen=True)
class Strip:
    """Where the bytes are drawn: side by side, or on a narrow page below each other.

    Parameters
    ----------
    left, top : where the first byte begins [px]
    side : of a byte [px]
    gap : from one part to the next [px]
    down : whether the parts stand below each other
    """

    left: float
    top: float
    side: float
    gap: float
    down: bool

    def place(self, states: States, number: int) -> tuple[float, float]:
        """Return where a part begins [px]; one beyond the last is where they end."""
        if self.down:
            return self.left, self.top + (self.side + self.gap) * number
        before = states.parts[:number]
        wide = (max(float(part.each) * self.side, *_widths(states, part)) for part in before)
        return self.left + sum(wide) + self.gap * number, self.top

    def end(self, states: States) -> float:
        """Return where they end, along the line in which they stand [px]."""
        return self.place(states, len(states.parts))[self.down] - self.gap


def draw(marks: Marks, states: States, strip: Strip) -> float:
    """Draw the bytes of one parameter, and around them what each stage of ZeRO shares; return where they end."""
    for number, part in enumerate(states.parts):
        _part(marks, states, strip, number, part)
    end = strip.end(states)
    below = end + 30 if strip.down else strip.top + strip.side + 34 + _BRACKET * len(states.stages)
    _stages(marks, states, strip)
    _sum(marks, states, (12, below + 16) if strip.down else (end + 24, strip.top + 9), strip.down)
    return below + 40 if strip.down else below


def _part(marks: Marks, states: States, strip: Strip, number: int, part: Part) -> None:
    """Draw some bytes; of those that are shared, what one card keeps is full. All but the weight is a guess before."""
    waits = {"answer": True} if number and _is_asked(states) else {}
    x, y = strip.place(states, number)
    wide, side = float(part.each) * strip.side, strip.side
    shared, name = states.shared(part.term), f"part_{number}"
    kept = side / states.run.data_parallel if shared else side
    touch = waits | {"says": _told(states, part), "lights": _LETTERS.get(part.word, "B_o n_o M_1")}
    touch["press"] = states.toggled(part.term)
    marks.rect(name, x, y, wide, side, of=part.term, look="area", fill_opacity=0.4, **touch)
    look = "full texture" if shared else "area texture"
    via = f"{name}_kept" if shared else ""  # it is cut while the slices are, and stays
    marks.rect(f"{name}_kept", x, y + side - kept, wide, kept, of=part.term, look=look, via=via, **waits)
    marks.path(f"{name}_squares", _lines(x, y, wide, side), of=part.term, look="hair texture", **waits)
    if strip.down:
        word, size = (x - 10, y + side - 4), (x + wide + 10, y + side - 4)
    else:
        word, size = (x, y - 9), (x, y + side + 17)
    anchor = "end" if strip.down else "start"
    marks.text(f"{name}_word", *word, part.called, anchor=anchor, look="middling", of=part.term, **waits)
    marks.text(f"{name}_size", *size, _divided(states, part), **waits)


def _told(states: States, part: Part) -> str:
    """Return what a part is, and its bytes on a card."""
    divided = _divided(states, part)
    if states.shared(part.term):
        return tr("{part}: {divided} bytes on each card", part=part.called, divided=divided)
    return f"{part.called}: {divided}"


def _is_asked(states: States) -> bool:
    """Return whether the bytes are what a guess is about: where nothing is shared, their sum is all of it."""
    return not states.run.stage


def _divided(states: States, part: Part) -> str:
    """Return how many bytes a part has, and by how many cards they are divided."""
    if states.shared(part.term):
        return f"{_written(part.each)} ÷ {states.run.data_parallel:,}"
    return _bytes(part.each)


def _bytes(number: Fraction) -> str:
    return tr(later("{number} byte") if number == 1 else later("{number} bytes"), number=_written(number))


def _widths(states: States, part: Part) -> tuple[float, float]:
    """Return about how wide the texts above and below a part are [px]."""
    broad = sum(part.called.count(letter) for letter in "mw")
    return 1.1 * _LETTER * (len(part.called) + 0.6 * broad), _LETTER * len(_divided(states, part))


def _lines(x: float, y: float, wide: float, side: float) -> str:
    """Return the lines between bytes."""
    return "".join(f"M{x + side * byte:.1f} {y:.1f}v{side:g}" for byte in range(1, int(wide / side + 0.99)))


def _stages(marks: Marks, states: States, strip: Strip) -> None:
    """Draw a bracket for each stage around what it shares; a click on the one that is chosen ends it."""
    begins = {part.term: number for number, part in reversed(list(enumerate(states.parts)))}
    end = strip.end(states)
    if strip.down:
        marks.text("stages", marks.width - 54, end + 16, tr("stage"), anchor="end")
    for term, stage in states.stages.items():
        start = min(end, strip.place(states, begins.get(term, len(states.parts)))[strip.down])
        chosen = states.run.zero == stage
        press = {"press": {"zero": str(stage - chosen)}, "group": "stages", "look": "reach"}
        _bracket(
            marks, strip, stage, (start, end), chosen, says=_says(states, stage), answer=_is_asked(states), **press
        )


def _bracket(marks: Marks, strip: Strip, stage: int, ends: tuple[float, float], chosen: bool, **touch: object) -> None:
    (start, end), name = ends, f"stage_{stage}"
    (line, word), waits = ("ink", "middling") if chosen else ("lead", "press"), {"answer": touch["answer"]}
    if strip.down:
        x = marks.width - 60 + 16 * stage
        marks.line(name, [(x - 5, start), (x, start), (x, end), (x - 5, end)], look=line, **waits)
        marks.text(f"{name}_word", x, end + 16, str(stage), look=word, anchor="middle", **waits)
        marks.rect(f"{name}_reach", x - 8, start, 16, end + 20 - start, **touch)
    else:
        y = strip.top + strip.side + 18 + _BRACKET * stage
        marks.line(name, [(start, y - 5), (start, y), (end, y), (end, y - 5)], look=line, **waits)
        marks.text(f"{name}_word", end + 24, y + 4, tr("stage {stage}", stage=stage), look=word, **waits)
        marks.rect(f"{name}_reach", start, y - 9, end + 80 - start, _BRACKET, **touch)


def _says(states: States, stage: int) -> str:
    shared = [tr(SUMMANDS[term].word) for term, since in states.stages.items() if since <= stage]
    return tr("stage {stage} of ZeRO shares {shared}", stage=stage, shared=both(shared))


def _sum(marks: Marks, states: States, at: tuple[float, float], flat: bool) -> None:
    """Write how many bytes it is, and how many of them one card keeps."""
    whole, (x, y) = states.bytes_each, at
    sizes = {"number": _written(whole), "times": _written(whole / states.parts[0].each)}
    if flat:
        words = tr("{number} bytes, {times} times the weight", **sizes)
        marks.text("bytes", x, y, words, look="middling", answer=_is_asked(states))
    else:
        marks.label("bytes", x, y, [_bytes(whole), tr("{times} times the weight", **sizes)], answer=_is_asked(states))
    if states.run.stage:
        words = _of_a_card(states, int((marks.width - 4 - x) / _LETTER))
        marks.text("bytes_kept", *((x, y + 17) if flat else (x, y + 34)), words, answer=True)


def _of_a_card(states: States, room: int) -> str:
    """Return how many of the bytes one card keeps, in fewer words where there is no room for so many letters."""
    number = f"{sum(states.kept.values()) / states.model.parameters:.3g}"
    each = tr("each card keeps {number} of them", number=number)
    return each if len(each) < room else tr("each card keeps {number}", number=number)


def _written(number: float) -> str:
    """Write a number in at most four digits."""
    return f"{float(number):.4g}"
