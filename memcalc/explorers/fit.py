"""The explorer of the first question: will it fit? A card as a container, into which the terms are poured."""

from collections.abc import Sequence

from memcalc import Fit, Gpu, Inference, Model, breakdown, fits, largest, values
from memcalc.estimate import advice
from memcalc.estimate.code import code
from memcalc.estimate.terms import terms
from memcalc.estimate.ways import PLAIN
from memcalc.explorers import vessel as vessels
from memcalc.explorers.controls import model_of
from memcalc.explorers.frame import Frame, OnDemand, explorer
from memcalc.explorers.marks import LAYOUTS, Marks, along, apart
from memcalc.explorers.vessel import Vessel
from memcalc.explorers.words import formula, letters_of
from memcalc.formula.inverse import token
from memcalc.formula.symbols import SUMMANDS
from memcalc.texts import both, later, tr
from memcalc.units import show

SHELF = ("RTX 4090", "RTX 5090", "A100 80 GB", "H100 80 GB", "MI300X")
"""The cards beside the chosen one: of a desk, and of computing centres."""

_HALVED = ("FP16", "INT8", "INT4")  # a click on a block goes from one to the next
_ABOVE = 64  # room above the rim of a card that is not too full [px]
_FLOORS = {360: 262, 600: 300, 860: 330}  # of the large card [px]


_ASKS = later(
    "You own one {gpu} and would like {model} to answer on it, with [weights] in {weights} and a [cache] in {kv_cache} "
    "for a conversation of {context} tokens with {batch} person."
)
_ASKS_SEVERAL = later(
    "You own one {gpu} and would like {model} to answer on it, with [weights] in {weights} and a [cache] in {kv_cache} "
    "for conversations of {context} tokens each with {batch} people at once."
)
_GUESS = later("How high will it reach? Drag the dashed line, or type a number; then open it.")


@explorer(
    _ASKS,
    presets={
        later("LLaMA-7B at 32K"): {"model": "LLaMA-7B", "context": 2**15},
        later("the same in 8 bits"): {"model": "LLaMA-7B", "context": 2**15, "weights": "INT8", "kv_cache": "INT8"},
        later("Llama-3.1-8B at 128K"): {"model": "Llama-3.1-8B", "context": 2**17},
    },
)
def will_it_fit(
    *,
    width: int = 860,
    model: str = "LLaMA-7B",
    gpu: str = "RTX 4090",
    context: int = 2**15,
    batch: int = 1,
    weights: str = "FP16",
    kv_cache: str = "FP16",
) -> Frame:
    """Show the terms of a run as a load in a card, and whether it runs over.

    >>> will_it_fit.frame(context=4096).sentence_said
    'It fits: 9.09 GiB stay free beside the 14.55 GiB.'
    """
    model, gpu = model_of(model), Gpu.of(gpu)
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    memory, fit, marks = breakdown(model, run), fits(model, run, gpu), Marks(width)
    vessel = _card(marks, model, run, gpu, memory)
    end = _labels(marks, vessel, model, run, memory)
    height = _shelf(marks, memory, gpu, end)
    said = _verdict(fit)
    return Frame(
        marks=marks,
        height=height,
        said=said,
        alt=_described(gpu, fit, memory, said),
        notes=advice.notes(model, run, gpu),
        hints=_hints(model, run, gpu, fit),
        formula=formula(model, run, terms(model, run), left="inference"),
        code=code(model, run, shown=("context", "batch", "weights", "kv_cache")),
        sentence=_ASKS if batch == 1 else _ASKS_SEVERAL,
        scale=f"{vessel.unit:.3g}",
        guess=vessels.guess(vessel, tr(_GUESS), fit.needed, int(end)),
    )


def _hints(model: Model, run: Inference, gpu: Gpu, fit: Fit) -> Sequence[str]:
    """Return what would help; what makes a run fit takes long to find, how far one that fits may grow does not."""
    steps = OnDemand(lambda: advice.next_steps(model, run, gpu, PLAIN)[:3])
    return list(steps) if fit else steps


def _verdict(fit: Fit) -> str:
    needed, margin = show(fit.needed), show(abs(fit.margin))
    if fit:
        return tr("*It fits:* {margin} stay free beside the {needed}.", margin=margin, needed=needed)
    return tr("*It does not fit:* {margin} of the {needed} run over the rim.", margin=margin, needed=needed)


def _described(gpu: Gpu, fit: Fit, memory: dict[str, int], said: str) -> str:
    """Say in words what the picture shows."""
    parts = [tr("{word} of {size}", word=tr(SUMMANDS[term].word), size=show(size)) for term, size in memory.items()]
    card, capacity = gpu.name, show(fit.capacity)
    seen = tr("{card}, a container of {capacity}, with {parts} in it.", card=card, capacity=capacity, parts=both(parts))
    return f"{seen} {said.replace('*', '')}"


def _card(marks: Marks, model: Model, run: Inference, gpu: Gpu, memory: dict[str, int]) -> Vessel:
    """Draw the card, its load, and the handle on the surface, which is the context."""
    room = {860: 524, 600: 330}.get(marks.width, marks.width - 24)
    wide, floor = 0.82 * room, _FLOORS[marks.width]
    unit = vessels.unit_for(gpu.capacity, sum(memory.values()), wide, floor - 24)
    least = vessels.unit_for(gpu.capacity, 0, wide, floor - _ABOVE)
    vessel = Vessel(gpu.capacity, memory, 12 + room / 2, floor, min(unit, least), room)
    each, known = _token(model, run), values(model, run)
    row, tokens = _row(vessel, each)
    lights = {term.name: letters_of(term, known) for term in terms(model, run)}
    more = {name: {"lights": lights[name], "press": {name: _fewer(getattr(run, name))}} for name in memory}
    vessels.draw(marks, vessel, row=row, **more)
    _words_inside(marks, vessel, run)
    if vessel.over:
        vessels.rim(marks, vessel, vessel, min(16, vessel.middle - vessel.heap_width / 2))
    _surface(marks, vessel, each, run.context, largest("context", model, run, gpu))
    lines = each and tokens <= run.batch * run.context
    _captions(marks, vessel, gpu, tokens if lines else 0)
    _guess_line(marks, vessel)
    return vessel


def _surface(marks: Marks, vessel: Vessel, each: int, context: int, most: int) -> None:
    """Draw the surface, and its handle if more tokens make it rise."""
    half = (vessel.heap_width if vessel.over else vessel.width) / 2
    marks.line("surface", vessel.surface, look="surface", of="kv_cache", answer=True)
    if each:
        handle = along("context", origin=vessel.top + vessel.per(each) * context, size=-vessel.per(each))
        handle["also"] = [most] if most else []
        says = tr("drag the surface: the context")
        place = vessel.middle + half * 0.6, vessel.top
        marks.knob("context", *place, "y", handle, of="kv_cache", says=says, lights="s", answer=True)


def _captions(marks: Marks, vessel: Vessel, gpu: Gpu, tokens: int) -> None:
    """Write below the card what it is, and to which scale it is drawn; without tokens, there are no lines."""
    _, gib = vessels.square_of(vessel.unit)
    twice = gpu.capacity_is == "marketed"
    known = gpu.vendor and marks.width == LAYOUTS[-1] and not twice  # there is room; a card of one's own is not sold
    named = tr("{card}, sold as {size}", card=gpu.name, size=f"{gpu.marketed_gb:,} {gpu.marketed_unit}")
    below = f"{named if known else gpu.name}: {gpu.capacity_said} {show(gpu.capacity)}"
    marks.text("card_name", vessel.middle, vessel.floor + 31, below, anchor="middle")
    line = tr("one square is {gib:,} GiB", gib=gib)
    if tokens:
        line = tr("one square is {gib:,} GiB · from line to line {tokens:,} tokens", gib=gib, tokens=tokens)
    marks.text("card_scale", vessel.middle, vessel.floor + 49, line, anchor="middle", look="tiny")


def _token(model: Model, run: Inference) -> int:
    """Return what one more token in every sequence takes [bytes]."""
    return token.exact(values(model, run))


def _row(vessel: Vessel, each: int) -> tuple[float, int]:
    """Return how far apart the lines in the cache are [px], and how many tokens lie between them."""
    tokens = 1
    while each and vessel.per(tokens * each) < 5:
        tokens *= 2
    return vessel.high(tokens * each), tokens


def _fewer(name: str) -> str:
    """Return the format of half the bits, and after the last of them the first again."""
    return _HALVED[(_HALVED.index(name) + 1) % len(_HALVED)] if name in _HALVED else _HALVED[0]


def _words_inside(marks: Marks, vessel: Vessel, run: Inference) -> None:
    """Write the formats on the blocks, where there is room."""
    for term in vessel.parts:
        (bottom, top), wide = vessel.larger(term)
        place, more = (bottom + top) / 2, {"anchor": "middle", "of": term, "answer": True}
        if bottom - top > 30 and wide > 72:
            form = getattr(run, term)
            marks.text(f"card_{term}_format", vessel.middle, place, form, look="middling halo texture", **more)
        if term == "weights" and bottom - top > 56 and wide > 140:
            words = tr("click for other bits")
            marks.text(f"card_{term}_click", vessel.middle, place + 18, words, look="halo texture", **more)


def _labels(marks: Marks, vessel: Vessel, model: Model, run: Inference, memory: dict[str, int]) -> float:
    """Write what each part takes beside the card, or below it on a narrow page; return where that ends."""
    lines, end = _lines(vessel, model, run, memory), vessel.floor + 76
    if marks.width < 600:
        for place, (name, words) in enumerate(lines.items()):
            marks.label(f"label_{name}", 12, end + 40 * place, words, **_look(name))
        return end + 40 * len(lines)
    left = 604 if marks.width == 860 else 384
    places = vessel.middles
    places |= {name: (vessel.rim + vessel.top) / 2 for name in lines if name not in places}
    spread = apart(places, 42, 34, vessel.floor - 22)
    for name, words in lines.items():
        start = vessel.beside(places[name], held=name != "over")
        lead = [(start, places[name]), (left - 34, places[name]), (left - 14, spread[name]), (left - 6, spread[name])]
        marks.line(f"lead_{name}", lead, answer=True)
        marks.label(f"label_{name}", left, spread[name] + 2, words, **_look(name))
    return end


def _lines(vessel: Vessel, model: Model, run: Inference, memory: dict[str, int]) -> dict[str, list[str]]:
    """Return what is said of each part, and of what is left or lacks."""
    lines = {
        "weights": [_named("weights", memory), tr("{count:,} parameters", count=model.parameters)],
        "kv_cache": [_named("kv_cache", memory), _tokens(model, run, memory["kv_cache"])],
    }
    if vessel.over:
        return lines | {"over": [tr("{size} over the rim", size=show(vessel.over)), tr("no room on this card")]}
    free = vessel.capacity - sum(memory.values())
    return lines | {"free": [tr("{size} free", size=show(free)), tr("engine and driver take some")]}


def _named(term: str, memory: dict[str, int]) -> str:
    return f"{tr(SUMMANDS[term].word)} {show(memory[term])}"


def _tokens(model: Model, run: Inference, size: int) -> str:
    """Say what a token takes, and of what is no product of tokens, what one more of them takes."""
    tokens, each = run.batch * run.context, _token(model, run) // run.batch
    if not each:
        return tr("the same for any number of tokens")
    if tokens * each == size:
        return tr("{tokens:,} tokens × {each}", tokens=tokens, each=show(each, "KiB"))
    return tr("{tokens:,} tokens, {each} for one more", tokens=tokens, each=show(each, "KiB"))


def _look(name: str) -> dict[str, object]:
    look = {"look": "strong over"} if name == "over" else {}
    return {"of": name if name in SUMMANDS else None, "answer": True, **look}


def _shelf(marks: Marks, memory: dict[str, int], gpu: Gpu, top: float) -> int:
    """Draw the same load in other cards, all to one scale; return where the picture ends. It waits for a guess."""
    above = set(marks.shapes)
    names = SHELF if marks.width > 360 else (*SHELF[:2], SHELF[-1])
    cards, load = [Gpu.named(name) for name in names], sum(memory.values())
    step, floor = marks.width / len(cards), top + 138
    room = {"wide": step - 20, "high": 108, "most": 8}
    unit = min(vessels.unit_for(card.capacity, load, **room) for card in cards)
    marks.text("shelf", 12, top + 14, tr("The same load in other cards, to one scale"), look="middling")
    for place, card in enumerate(cards):
        vessel = Vessel(card.capacity, memory, step * (place + 0.5), floor, unit, step - 8)
        vessels.draw(marks, vessel, f"shelf_{card.name}", look="thin")
        _on_the_shelf(marks, vessel, card, step, card.name == gpu.name)
    marks.wait(above)
    return int(floor + 52)


def _on_the_shelf(marks: Marks, vessel: Vessel, card: Gpu, step: float, chosen: bool) -> None:
    """Name a card of the shelf, and let it be chosen."""
    name, middle, floor = f"shelf_{card.name}", vessel.middle, vessel.floor
    reach = {"press": {"gpu": card.name}, "group": "shelf", "says": f"{card.name}: {show(card.capacity)}"}
    marks.rect(f"{name}_reach", middle - step / 2 + 4, floor - 126, step - 8, 164, look="reach", **reach)
    marks.text(f"{name}_name", middle, floor + 22, card.name, anchor="middle", look="middling" if chosen else "")
    marks.text(f"{name}_size", middle, floor + 38, show(card.capacity), anchor="middle", look="tiny")
    if chosen:
        marks.line("shelf_chosen", [(middle - 32, floor + 46), (middle + 32, floor + 46)], look="ink")


def _guess_line(marks: Marks, vessel: Vessel) -> None:
    """Draw the line that is dragged to where the load is expected to reach."""
    reach = vessel.width / 2 + 26
    marks.level(vessel.middle - reach, vessel.middle + reach, 200, vessel.left + 6)
