"""The explorer of the cards: what is a gigabyte of memory worth, and is what fits fast enough?"""

from collections.abc import Iterator
from dataclasses import replace

from memcalc import Gpu, Inference
from memcalc.article.cards import price_per_gib
from memcalc.estimate import advice
from memcalc.estimate.code import arguments, code
from memcalc.estimate.speed import time_of_a_token
from memcalc.estimate.terms import terms
from memcalc.estimate.ways import PLAIN
from memcalc.explorers.controls import Menu, model_of
from memcalc.explorers.frame import Frame, Guess, OnDemand, explorer
from memcalc.explorers.hardware import cards_map, flow
from memcalc.explorers.hardware.flow import PLACES, Flow, Token, written
from memcalc.explorers.marks import Marks, along, apart
from memcalc.explorers.vessel import Vessel
from memcalc.explorers.words import formula
from memcalc.units import in_unit, show, show_both, three_digits

_GAP = 44  # between the labels of two parts [px]
_TURN = 6  # between the lines that lead to them [px]
_SEVENTY = {"model": "Llama-3.1-70B", "weights": "INT4"}


@explorer(
    "Pour {model} into one {gpu}: [weights] in {weights}, a [cache] in {kv_cache} for a conversation of {context} "
    "tokens, {batch} of them at once. For a token, the card reads it all once, through a pipe as wide as its "
    "bandwidth. Below, cards by memory and {against}.",
    presets={
        "Llama-3.1-8B on a DGX Spark": {"gpu": "DGX Spark"},
        "Llama-3.1-70B in INT4": {"gpu": "H100 80 GB", **_SEVENTY},
        "the same on an M2 Ultra": {"gpu": "M2 Ultra 192 GB", **_SEVENTY},
        "Mixtral-8x7B in INT4": {"gpu": "H100 80 GB", "model": "Mixtral-8x7B", "weights": "INT4"},
    },
    against=Menu("what the map has upwards", cards_map.AGAINST),
)
def cards_for_a_model(
    *,
    width: int = 860,
    model: str = "Llama-3.1-8B",
    gpu: str = "RTX 4090",
    context: int = 2**13,
    batch: int = 1,
    weights: str = "FP16",
    kv_cache: str = "FP16",
    against: str = "bandwidth",
) -> Frame:
    """Show a card with its load and its pipe, how long a token takes, and a map of cards.

    >>> cards_for_a_model.frame().sentence_said[:58]
    'At most 62.7 tokens a second, 15.96 ms for each: 14.98 GiB'
    """
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    token = Token(model_of(model), run, Gpu.of(gpu))
    marks, flowing = Marks(width), Flow(token, PLACES[width])
    flow.draw(marks, flowing)
    height = cards_map.draw(marks, _labels(marks, flowing), token, against)
    if token.seconds:
        flow.edge(marks, flowing, gpu)
        flow.guess_line(marks, flowing)
    return Frame(
        marks=marks,
        height=height,
        said=_said(token),
        alt=_alt(token),
        notes=list(_notes(token)),
        hints=OnDemand(lambda: _hints(token)),
        formula=_formula(token),
        code=_code(token, gpu),
        scale=f"{flowing.vessel.unit:.3g} {flowing.shown if flowing.open else 0:g} {against}",
        guess=_guess(flowing) if token.seconds else None,
    )


def _said(token: Token) -> str:
    """Say how fast the card is at best, or why there is no speed; and what a GiB on it costs."""
    gpu, seconds = token.gpu, token.seconds
    worth = price_per_gib(gpu).replace(" per GiB", "")
    cost = (
        f"A GiB of it costs {worth}."
        if worth
        else f"No price is known of it{gpu.price_note and f': {gpu.price_note}'}."
    )
    if not token.fit:
        over = f"{show(-token.fit.margin)} of the {show(token.fit.needed)} run over the rim"
        return f"*It does not fit:* {over}, and what is not in the card is not read. {cost}"
    if not seconds:
        return f"*It fits, but nobody says how fast:* {show(token.fit.margin)} stay free. {cost}"
    each = "" if token.run.batch == 1 else f" in each of {token.run.batch:,} conversations"
    bound = f"*At most {three_digits(1 / seconds)} tokens a second*{each}, {written(seconds)} for each"
    return f"{bound}: {show_both(token.read)} run through {_speed(gpu)}. {cost}"


def _speed(gpu: Gpu) -> str:
    return f"{three_digits(in_unit(gpu.bandwidth, 'GB'))} GB/s"


def _alt(token: Token) -> str:
    cards = cards_map.cards()
    held = sum(gpu.capacity >= token.fit.needed for gpu in cards)
    pipe = f"a pipe of {_speed(token.gpu)}" if token.gpu.bandwidth else "no pipe"
    card = f"{token.gpu.name}, a container of {show(token.gpu.capacity)} with {pipe}"
    ribbon = f"a ribbon of {written(token.seconds)}" if token.seconds else "no ribbon"
    below = f"Below, a map of {len(cards)} cards, of which {held} hold the load."
    return f"{card}, a load of {show(token.fit.needed)} and {ribbon}. {below}"


def _notes(token: Token) -> Iterator[str]:
    """Yield what a careful reader should know about the numbers."""
    model, run, gpu = token.model, token.run, token.gpu
    if token.seconds:
        yield "This is a bound, not a prediction: the bandwidth is that of the vendor, and nothing else is waited for."
        yield "Programs are slower; good ones reach half of it, or more."
        if run.batch > 1 and model.active_parameters < model.parameters:
            yield "Several conversations may ask for more experts than one, and then more is read."
    if gpu.note:
        yield f"{gpu.name}: {gpu.note}."
    yield from advice.notes(model, run, replace(gpu, bandwidth_gbs=None))  # the speed is said above


def _hints(token: Token) -> Iterator[str]:
    """Yield what would help."""
    for form in ("INT8", "INT4"):
        fewer = token.on(weights=form)
        if fewer.read < token.read and fewer.seconds:
            yield f"In {form}, only {show(fewer.read)} would be read for a token, in {written(fewer.seconds)}."
            break
    yield from advice.next_steps(token.model, token.run, token.gpu, PLAIN)[:3]


def _formula(token: Token) -> list[dict[str, object]]:
    """Return the time of a token and the cache that it reads; of what does not fit, what it takes."""
    model, run, gpu = token.model, token.run, token.gpu
    if not token.seconds:
        return formula(model, run, terms(model, run), left="inference")
    lines = formula(model, run, [time_of_a_token(model, run)], gpu)
    lines[0]["numbers"] |= {"β": _speed(gpu), "T_tok": written(token.seconds)}
    return lines + formula(model, run, [term for term in terms(model, run) if term.name == "kv_cache"])


def _code(token: Token, gpu: str) -> str:
    shown = ("context", "batch", "weights", "kv_cache")
    if not token.seconds:
        return code(token.model, token.run, "total", shown)
    return f"fastest({arguments(token.model, token.run, shown)}, Gpu.of({gpu!r})).decode"


def _labels(marks: Marks, flowing: Flow) -> float:
    """Say what is in the card, beside it or below it; return where the picture ends so far."""
    token, place = flowing.token, flowing.place
    narrow = marks.width < 600
    below = place.floor + (72 if narrow else 25)
    x, anchor = (12, "start") if narrow else (place.middle, "middle")
    marks.text("card_name", x, below, token.gpu.name, anchor=anchor, look="middling")
    marks.text("card_memory", x, below + 16, cards_map.memory(token.gpu), anchor=anchor)
    marks.text("card_scale", x, below + 32, _scale(marks, flowing), anchor=anchor, look="tiny")
    lines = dict(_lines(token))
    if narrow:
        for number, (name, (first, second)) in enumerate(lines.items()):
            marks.label(f"label_{name}", 12, below + 62 + _GAP * number, [first, second], **_look(name))
        return below + 54 + _GAP * len(lines)
    _beside(marks, flowing, lines)
    return below + 57


def _scale(marks: Marks, flowing: Flow) -> str:
    """Say how much a square is, and in the narrow layout also what the pipe is not to scale."""
    size = f"{flow.vessels.square_of(flowing.vessel.unit)[1]:,} GiB"
    if marks.width < 600:
        drawn = flowing.drawn if flowing.open else ""
        return "; ".join(filter(None, (f"one square is {size}", drawn)))
    return f"one square, or one slice of what flows, is {size}" if flowing.open else f"one square is {size}"


def _beside(marks: Marks, flowing: Flow, lines: dict[str, list[str]]) -> None:
    """Write the labels of the parts above the ribbon, each with a line from within its part."""
    vessel, left = flowing.vessel, flowing.place.start + 18
    places = {name: _middle(vessel, name) for name in lines}
    lowest = min(flowing.top, flowing.place.floor - 24) if flowing.open else flowing.place.floor - 40
    spread = apart(places, _GAP, 12, lowest - 62)
    widest = vessel.middle + (vessel.heap_width if vessel.over else vessel.width) / 2
    for number, name in enumerate(spread, 1):
        y, turn = places[name], widest + 1 + _TURN * number
        wall = widest if y < vessel.rim else vessel.middle + vessel.width / 2
        start = turn if name == "over" else wall - min(12, vessel.width / 5)
        marks.line(f"lead_{name}", [(start, y), (turn, y), (turn, spread[name]), (left - 6, spread[name])])
        if name != "over":  # which begins at the line of the rim
            marks.circle(f"lead_{name}_end", start, y, 2.5, look="spot")
        marks.label(f"label_{name}", left, spread[name] + 4, lines[name], **_look(name))


def _middle(vessel: Vessel, name: str) -> float:
    """Return how high a line to a part begins: in the middle of what is in the card; the cache, of what runs over."""
    parts = vessel.inside | {"free": (vessel.rim, vessel.top), "over": (vessel.rim, vessel.rim)}
    if name == "kv_cache":
        parts |= vessel.above
    return sum(parts[name]) / 2


def _lines(token: Token) -> Iterator[tuple[str, list[str]]]:
    """Yield each part's name and two lines about it, from the highest to the lowest."""
    memory = token.memory
    if token.fit:
        yield "free", [f"{show(token.fit.margin)} free", "engine and driver take some"]
    else:
        yield "over", [f"{show(-token.fit.margin)} over the rim", "no room on this card"]
    tokens, (one, more) = token.run.batch * token.run.context, ("is", "are") if token.fit else ("would be", "would be")
    yield "kv_cache", [f"cache {show(memory['kv_cache'])}", f"{tokens:,} tokens: all of it {one} read"]
    read = f"{show(token.weights)} {more} read, {show(token.stays)} stay"
    yield "weights", [f"weights {show(memory['weights'])}", read]


def _look(name: str) -> dict[str, object]:
    if name == "over":
        return {"look": "strong over"}
    return (
        {"of": name, "lights": {"weights": "P P_act B", "kv_cache": "M_kv"}[name]}
        if name in ("weights", "kv_cache")
        else {}
    )


def _guess(flowing: Flow) -> Guess:
    return Guess(
        asks="How long will one token take? Drag the dashed line along the clock, or type a number; then open it.",
        unit="ms",
        truth=1000 * flowing.token.seconds,
        handle={"axis": "x"} | along("guess", origin=flowing.place.start, size=flowing.per_ms),
        low=0,
        high=flowing.shown,
    )
