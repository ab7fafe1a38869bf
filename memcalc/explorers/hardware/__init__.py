"""The explorer of the cards: what is a gigabyte of memory worth, and is what fits fast enough?"""

from collections.abc import Iterator
from dataclasses import replace

from memcalc import Gpu, Inference
from memcalc.article.cards import cost_of_a_gib
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
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import later, tr
from memcalc.units import in_unit, show, show_both, three_digits

_GAP = 44  # between the labels of two parts [px]
_TURN = 6  # between the lines that lead to them [px]
_SEVENTY = {"model": "Llama-3.1-70B", "weights": "INT4"}


_POUR = later(
    "Pour {model} into one {gpu}: [weights] in {weights}, a [cache] in {kv_cache} for a conversation of {context} "
    "tokens, {batch} of them at once. For a token, the card reads it all once, through a pipe as wide as its "
    "bandwidth. Below, cards by memory and {against}."
)


@explorer(
    _POUR,
    presets={
        later("Llama-3.1-8B on a DGX Spark"): {"gpu": "DGX Spark"},
        later("Llama-3.1-70B in INT4"): {"gpu": "H100 80 GB", **_SEVENTY},
        later("the same on an M2 Ultra"): {"gpu": "M2 Ultra 192 GB", **_SEVENTY},
        later("Mixtral-8x7B in INT4"): {"gpu": "H100 80 GB", "model": "Mixtral-8x7B", "weights": "INT4"},
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
    low, height = _below(marks, flowing, against)
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
        guess=_guess(flowing, low) if token.seconds else None,
    )


def _said(token: Token) -> str:
    """Say how fast the card is at best, or why there is no speed; and what a GiB on it costs."""
    fit, seconds, batch = token.fit, token.seconds, token.run.batch
    if not fit:
        said = tr(_OVER, over=show(-fit.margin), needed=show(fit.needed))
    elif not seconds:
        said = tr("*It fits, but nobody says how fast:* {margin} stay free.", margin=show(fit.margin))
    else:
        bound = {"rate": three_digits(1 / seconds), "time": written(seconds), "speed": _speed(token.gpu)}
        said = tr(_AT_MOST if batch == 1 else _AT_MOST_EACH, read=show_both(token.read), batch=batch, **bound)
    return f"{said} {_cost(token.gpu)}"


_OVER = later("*It does not fit:* {over} of the {needed} run over the rim, and what is not in the card is not read.")
_AT_MOST = later("*At most {rate} tokens a second*, {time} for each: {read} run through {speed}.")
_AT_MOST_EACH = later(
    "*At most {rate} tokens a second* in each of {batch:,} conversations, {time} for each: {read} run through {speed}."
)


def _cost(gpu: Gpu) -> str:
    if cost := cost_of_a_gib(gpu):
        return tr(
            "A GiB of it costs {price} ({whose}, {date}).", price=cost, whose=tr(gpu.price_is), date=gpu.price_date
        )
    if gpu.price_note:
        return tr("No price is known of it: {note}.", note=tr(gpu.price_note))
    return tr("No price is known of it.")


def _speed(gpu: Gpu) -> str:
    return f"{three_digits(in_unit(gpu.bandwidth, 'GB'))} GB/s"


def _alt(token: Token) -> str:
    gpu, seconds, cards = token.gpu, token.seconds, cards_map.cards()
    held = sum(gpu.capacity >= token.fit.needed for gpu in cards)
    known = {"speed": _speed(gpu) if gpu.bandwidth else "", "time": written(seconds) if seconds else ""}
    seen = _SEEN if seconds else _SEEN_DRY if gpu.bandwidth else _SEEN_CLOSED
    card = tr(seen, card=gpu.name, capacity=show(gpu.capacity), load=show(token.fit.needed), **known)
    below = tr("Below, a map of {all} cards, of which {held} hold the load.", all=len(cards), held=held)
    return f"{card} {below}"


_SEEN = later("{card}, a container of {capacity} with a pipe of {speed}, a load of {load} and a ribbon of {time}.")
_SEEN_DRY = later("{card}, a container of {capacity} with a pipe of {speed}, a load of {load} and no ribbon.")
_SEEN_CLOSED = later("{card}, a container of {capacity} with no pipe, a load of {load} and no ribbon.")


def _notes(token: Token) -> Iterator[str]:
    """Yield what a careful reader should know about the numbers."""
    model, run, gpu = token.model, token.run, token.gpu
    if token.seconds:
        yield tr(_BOUND)
        yield tr("Programs are slower; good ones reach half of it, or more.")
        if run.batch > 1 and model.active_parameters < model.parameters:
            yield tr("Several conversations may ask for more experts than one, and then more is read.")
    if gpu.note:
        yield f"{gpu.name}: {tr(gpu.note)}."
    yield from advice.notes(model, run, replace(gpu, bandwidth_gbs=None))  # the speed is said above


_BOUND = later(
    "This is a bound, not a prediction: the bandwidth is that of the vendor, and nothing else is waited for."
)


def _hints(token: Token) -> Iterator[str]:
    """Yield what would help."""
    for form in ("INT8", "INT4"):
        fewer = token.on(weights=form)
        if fewer.read < token.read and fewer.seconds:
            said = later("In {format}, only {read} would be read for a token, in {time}.")
            yield tr(said, format=form, read=show(fewer.read), time=written(fewer.seconds))
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


def _below(marks: Marks, flowing: Flow, against: str) -> tuple[int, int]:
    """Draw the labels of a card and the map below, which waits for a guess; return where each ends."""
    end, above = _labels(marks, flowing), set(marks.shapes)
    height = cards_map.draw(marks, end, flowing.token, against)
    marks.wait(above)
    return int(end), height


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
    gib = flow.vessels.square_of(flowing.vessel.unit)[1]
    square = tr("one square is {gib:,} GiB", gib=gib)
    if marks.width < 600:
        return "; ".join(filter(None, (square, flowing.drawn if flowing.open else "")))
    return tr("one square, or one slice of what flows, is {gib:,} GiB", gib=gib) if flowing.open else square


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
    fit, memory = token.fit, token.memory
    if fit:
        yield "free", [tr("{size} free", size=show(fit.margin)), tr("engine and driver take some")]
    else:
        yield "over", [tr("{size} over the rim", size=show(-fit.margin)), tr("no room on this card")]
    named = {name: f"{tr(SUMMANDS[name].word)} {show(memory[name])}" for name in ("kv_cache", "weights")}
    all_read = _ALL_READ if fit else later("{tokens:,} tokens: all of it would be read")
    yield "kv_cache", [named["kv_cache"], tr(all_read, tokens=token.run.batch * token.run.context)]
    read = _READ if fit else later("{read} would be read, {stays} stay")
    yield "weights", [named["weights"], tr(read, read=show(token.weights), stays=show(token.stays))]


_ALL_READ, _READ = later("{tokens:,} tokens: all of it is read"), later("{read} are read, {stays} stay")


def _look(name: str) -> dict[str, object]:
    if name == "over":
        return {"look": "strong over"}
    return (
        {"of": name, "lights": {"weights": "P P_act B", "kv_cache": "M_kv"}[name]}
        if name in ("weights", "kv_cache")
        else {}
    )


def _guess(flowing: Flow, height: int) -> Guess:
    return Guess(
        asks=tr(_GUESS),
        unit="ms",
        truth=1000 * flowing.token.seconds,
        handle={"axis": "x"} | along("guess", origin=flowing.place.start, size=flowing.per_ms),
        low=0,
        high=flowing.shown,
        height=height,
    )


_GUESS = later("How long will one token take? Drag the dashed line along the clock, or type a number; then open it.")
