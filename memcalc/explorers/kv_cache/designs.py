"""The same conversation in several designs: the cache of real models as bars, all to one scale."""

import math
from collections.abc import Mapping
from fractions import Fraction

from memcalc import Inference, Model, breakdown
from memcalc.explorers.marks import Marks, line
from memcalc.texts import later, tr, tr_many
from memcalc.units import UNITS, show, show_both

DESIGNS = ("LLaMA-7B", "Llama-3.1-8B", "DeepSeek-V3", "Jamba-v0.1", "Mistral-7B-v0.1", "Mamba-2.8B")
"""Models that stand for a design each."""

HIDDEN, SHOWN = later("hidden"), later("shown")
"""Whether the bars of latents can be seen, which an exercise asks for."""

_CLOSEST = 20  # lines in a bar are not nearer to each other [px]


def scale_of(memory: Mapping[str, int], room: float) -> float:
    """Return how long a byte is [px], so that the longest bar has room; it changes in steps of two."""
    return room / 2 ** math.ceil(math.log2(max(memory.values())))


def ruled(per_byte: float) -> int:
    """Return how many bytes lie between two lines that can be told apart: a power of two.

    >>> ruled(24 / 2**30) == 2**30
    True
    """
    return 2 ** math.ceil(math.log2(_CLOSEST / per_byte))


def binary(size: int | Fraction) -> str:
    """Write a power of two [bytes] in the unit in which it is a whole number.

    >>> binary(2**30), binary(2**28), binary(2**41)
    ('1 GiB', '256 MiB', '2 TiB')
    """
    unit = next((name for name in ("TiB", "GiB", "MiB", "KiB") if size >= UNITS[name]), "B")
    return f"{float(size / UNITS[unit]):,g} {unit}"


def memories(run: Inference, latents: str, chosen: str) -> dict[str, int]:
    """Return the cache of each design for a conversation [bytes]; latents only if they are shown or chosen."""
    models = map(Model.named, DESIGNS)
    seen = (model for model in models if not model.latent_layers or latents == SHOWN or model.name == chosen)
    return {model.name: breakdown(model, run)["kv_cache"] for model in seen}


def keeps(model: Model) -> str:
    """Say in a few words what a model keeps.

    >>> keeps(Model.named("Jamba-v0.1"))
    'attention in 4 of 32 layers'
    """
    attention = model.full_layers + model.window_layers + model.latent_layers
    if not attention:
        return tr("no tokens, a state of fixed size")
    if attention < model.layers:
        return tr("attention in {attention:,} of {layers:,} layers", attention=attention, layers=model.layers)
    if model.latent_layers:
        return tr("one short latent for all heads")
    if model.window_layers:
        return tr("a window of {window:,} tokens", window=model.window)
    if model.kv_heads == model.heads:
        return tr("{pairs:,} pairs, every token", pairs=model.kv_heads)
    return tr("{pairs:,} pairs for {queries:,} queries", pairs=model.kv_heads, queries=model.heads)


def draw(marks: Marks, top: float, run: Inference, memory: Mapping[str, int], chosen: str) -> int:
    """Draw the bars from a place on, and return where they end [px]; all of it waits until a guess is made.

    Parameters
    ----------
    memory : from `memories`
    chosen : the model that is shown above
    """
    narrow, above = marks.width < 600, set(marks.shapes)
    left, step, tall = (12, 64, 18) if narrow else (272 if marks.width == 860 else 236, 40, 24)
    unit = scale_of(memory, marks.width - left - 112)
    _title(marks, top, run, ruled(unit), narrow)
    rule = ruled(unit) * unit
    marks.put("rule", "pattern", x=left, y=0, width=rule, height=tall, patternUnits="userSpaceOnUse")
    marks.path("rule_line", f"M{rule:.2f} 0V{tall}", inside="rule", of="kv_cache", look="hair")
    for place, name in enumerate(DESIGNS):
        y = top + 36 + place * step
        _name(marks, name, y, name == chosen, narrow)
        _bar(marks, name, (left, y + 32 if narrow else y), tall, unit, memory.get(name))
        _reach(marks, name, y, memory.get(name), step)
    marks.wait(above)
    return int(top + 36 + len(DESIGNS) * step)


def _title(marks: Marks, top: float, run: Inference, each: int, narrow: bool) -> None:
    """Say what is compared, and by which scale."""
    wide = tr("The same conversation in six designs, as they were built")
    marks.text("designs", 12, top, tr("The same conversation in six designs") if narrow else wide, look="middling")
    tokens = tr_many("{count:,} token", "{count:,} tokens", run.context)
    held = tokens if run.batch == 1 else f"{run.batch:,} × {tokens}"
    scaled = _SCALED if narrow else later("{held} in {format}, to one scale: from line to line {size}")
    said = tr(scaled, held=held, format=run.kv_cache, size=binary(each))
    marks.text("designs_held", 12, top + 18, said)


_SCALED = later("{held} in {format}, a line each {size}")


def _name(marks: Marks, name: str, y: float, chosen: bool, narrow: bool) -> None:
    """Write whose bar it is and what it keeps, beside a small picture of that."""
    model = Model.named(name)
    _icon(marks, model, y)
    marks.text(f"{name}_name", 50, y + 10, name, look="middling")
    if narrow:
        marks.text(f"{name}_keeps", marks.width - 12, y + 10, keeps(model), anchor="end")
    else:
        marks.text(f"{name}_keeps", 50, y + 25, keeps(model))
    if chosen:
        marks.line("design_chosen", [(5, y - 1), (5, y + 27)], look="ink")


def _bar(marks: Marks, name: str, at: tuple[float, float], tall: float, unit: float, size: int | None) -> None:
    """Draw a bar with its size, or a dashed one that does not end where none may be seen."""
    x, y = at
    if size is None:
        marks.line(
            f"{name}_hidden", [(x + 110, y), (x, y), (x, y + tall), (x + 110, y + tall)], look="level", of="kv_cache"
        )
        marks.text(f"{name}_ask", x + 52, y + tall / 2 + 5, "?", look="middling", of="kv_cache", anchor="middle")
        marks.text(f"{name}_why", x + 122, y + tall / 2 + 5, tr("a question of the lesson: click to see it"))
        return
    place = {"x": x, "y": y, "width": max(0.8, size * unit), "height": tall, "from": {"width": 0}}
    marks.rect(f"{name}_bar", **place, of="kv_cache", look="area")
    marks.rect(f"{name}_rule", **place, fill="url(#rule)", look="texture")
    marks.text(f"{name}_size", x + size * unit + 9, y + tall / 2 + 5, show(size), look="middling", of="kv_cache")


def _reach(marks: Marks, name: str, y: float, size: int | None, step: float) -> None:
    """Let a row be hovered and clicked: its model is then shown above, or its bar is."""
    press = {"latents": SHOWN} if size is None else {"model": name}
    says = tr("{name}: click to see its bar", name=name) if size is None else f"{name}: {show_both(size)}"
    more = {"press": press, "group": "designs", "says": says}
    marks.rect(f"{name}_reach", 4, y - 6, marks.width - 8, step - 2, look="reach", **more)


def _icon(marks: Marks, model: Model, y: float) -> None:
    """Draw what a model keeps as a small picture: columns are heads, rows are tokens."""
    attention = model.full_layers + model.window_layers + model.latent_layers
    cells = [(column, row) for row in range(4) for column in range(4)]
    kept = {cell for cell in cells if attention and cell[0] < max(1, round(4 * model.kv_heads / max(1, model.heads)))}
    if model.window_layers and not model.full_layers:
        kept = {(column, row) for column, row in kept if row == 3}
    tiles = [(12 + 8 * column, y + 7 * row, 6.4, 5.2, (column, row) in kept) for column, row in cells]
    if not attention:
        tiles = [(12, y + 14, 12, 12, True)]
    elif attention < model.layers:
        tiles = [(12, y + 3.4 * row, 30, 2.2, row == 4) for row in range(8)]
    elif model.latent_layers:
        tiles = [(12, y + 7 * row, 30, 5.2, False) for row in range(4)] + [
            (12, y + 7 * row, 3, 5.2, True) for row in range(4)
        ]
    for name, filled in (("void", False), ("kept", True)):
        d = "".join(_tile(*tile) for *tile, full in tiles if full == filled)
        marks.path(f"{model.name}_{name}", d, look="full" if filled else "hair", of="kv_cache")


def _tile(x: float, y: float, width: float, height: float) -> str:
    return f"{line([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])}Z"
