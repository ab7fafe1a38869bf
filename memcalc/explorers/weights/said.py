"""What is said and written on a map of bytes: of each tensor, of the types of numbers, and of the scale."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache

from memcalc import Model
from memcalc.estimate.inventory import Stored
from memcalc.explorers.marks import Point, apart
from memcalc.explorers.weights.bytemap import LAST, LEFT, REST, TOP, Box, Scene, Tile
from memcalc.formula.plain import alike
from memcalc.formula.symbols import BY_NAME, symbol
from memcalc.formula.tensors import GROUPS, present
from memcalc.texts import later, tr
from memcalc.units import show

Item = tuple[Point, list[str]]
"""What is labelled: a place in it, and the lines of its label."""

_LETTER = 8.0  # how wide a letter of a label is at most [px]
_SEEN = 0.001  # of all bytes: a type that takes less has no label
_NARROW_LETTER = 6.6  # how wide one of a caption is, about [px]
_LEAST_SHARE = 0.005  # of all bytes: what takes less is not written
_ROW = 42  # from label to label [px]


def types(stored: Iterable[Stored]) -> list[tuple[str, Fraction]]:
    """Return the types in which numbers are stored and what each takes [bytes], the largest first."""
    sizes = {}
    for one in stored:
        sizes[one.type] = sizes.get(one.type, 0) + one.size
    return sorted(sizes.items(), key=lambda pair: -pair[1])


def size_of(size: Fraction) -> str:
    """Write bytes with a unit, and few of them as they are.

    >>> size_of(Fraction(16384)), size_of(Fraction(2**25))
    ('16,384 bytes', '32.00 MiB')
    """
    return show(size) if size > 10**5 else tr("{count:,} bytes", count=math.ceil(size))


def sum_of(one: Stored, model: Model) -> str:
    """Return what a tensor takes: its sides × bits = bytes."""
    sides, more = [f"{side:,}" for side in one.shape], f", {one.type}" if one.scales else ""
    if one.group == "expert":
        sides[0] = tr("{count} experts", count=sides[0])
        more = f"{tr('; a token passes {count}', count=model.active_experts)}{more}"
    numbers = " × ".join([f"{one.number}"] * (one.number > 1) + sides)
    return f"{tr(_PRODUCT, numbers=numbers, bits=float(one.bits), size=size_of(one.size))}{more}"


_PRODUCT = later("{numbers} × {bits:.5g} bits = {size}")


def says(tile: Tile, model: Model) -> str:
    """Return what is said of a tile: layer and names, then numbers × bits = bytes."""
    names = ", ".join(dict.fromkeys(one.name for one in tile.tensors))
    where = tr("layer {layer}, {names}", layer=tile.layer, names=names) if tile.layer else names
    if len(tile.tensors) == 1:
        return f"{where}\n{sum_of(tile.tensors[0], model)}"
    bits = 8 * float(tile.size) / tile.numbers
    numbers = tr("{count:,} numbers", count=tile.numbers)
    return f"{where}\n{tr(_PRODUCT, numbers=numbers, bits=bits, size=size_of(tile.size))}"


@cache
def lights(model: Model) -> Callable[[Tile], str]:
    """Return which letters of the formula each tile of a model lights up: of its group, its layers and its shape."""
    called = dict.fromkeys(alike(model.values), symbol("layers"))
    shapes = {(tensor.group, tensor.name): tensor.shape for tensor in present(model.structure, model.absent)}

    @cache
    def letters(group: str, name: str) -> str:
        parts = (GROUPS[group], *shapes.get((group, name), ()))
        inside = {called.get(one, one).name for part in parts for one in getattr(part, "free_symbols", ())}
        return " ".join([*([BY_NAME[group].letter] if group in BY_NAME else []), *sorted(inside)])

    return lambda tile: letters(tile.tensors[0].group, tile.tensors[0].name)


def title(scene: Scene) -> str:
    """Return what the map is called.

    >>> from memcalc.explorers.weights import stored_weights
    >>> stored_weights.frame(weights="NF4").shapes["map_name"]["text"]
    'NF4: 5.61 GiB'
    """
    return f"{scene.weights}: {show(scene.size)}"


def above(scene: Scene) -> int:
    """Return how far above the map its name stands [px]: over the ring at its corner, if it reaches that."""
    return 9 if scene.wide_of(scene.size) > 8.6 * len(title(scene)) + 16 else 18


def names(scene: Scene) -> None:
    """Write how the map is called, what lies in its first layer and at its ends, and what each type takes."""
    x, y, wide, _ = scene.box_of(scene.size)
    place = (x + wide + 20, scene.floor - 6) if scene.tiny else (x, y - above(scene))
    scene.marks.text("map_name", *place, title(scene), look="strong halo", answer=True)
    if not scene.tiny:
        _words(scene)
        _labels(scene, dict(_items(scene)))


def _labels(scene: Scene, items: Mapping[str, Item]) -> None:
    """Write what each type and the scales take: beside the map, or above it; on a narrow page below it."""
    need = _LETTER * max((len(lines[0]) for _, lines in items.values()), default=0)
    edges = [scene.wide_of(size) for size in (scene.size, scene.plain, *([scene.gpu.capacity] if scene.gpu else []))]
    starts = [x for x in edges if x >= edges[0] and not any(x < edge < x + need + 20 for edge in edges)]
    left = LEFT + min(starts, default=scene.marks.width) + 24
    if scene.narrow:
        _below(scene, items)
    elif left + need > scene.marks.width:
        _above(scene, items)
    else:
        spread = apart({name: place[1] for name, (place, _) in items.items()}, _ROW, TOP + 30, scene.floor - 34)
        for name, (place, lines) in items.items():
            bend = [(edges[0] + LEFT, place[1]), (left - 12, spread[name]), (left - 6, spread[name])]
            _label(scene, name, [place, *bend], (left, spread[name] + 4), lines)


def _items(scene: Scene) -> Iterator[tuple[str, Item]]:
    """Yield what is labelled, with a place near the right end of the map."""
    stored = [one for tile in scene.bytes_.tiles for one in tile.tensors]
    placed = scene.placed(scene.bytes_.seen)
    found = [(type_, size) for type_, size in types(stored) if size > _SEEN * scene.size]
    for type_, size in found if len(found) > 1 else []:
        boxes = [box for tile, box in placed if tile.tensors[0].type == type_]
        if boxes:
            x, y, wide, high = max(boxes, key=lambda box: (round(box[0] + 0.7 * box[2]), -box[1]))
            bits = 8 * float(size) / sum(one.numbers for one in stored if one.type == type_)
            share = tr("{bits:.5g} bits, {share:.0%} of all", bits=bits, share=float(size / scene.size))
            lines = [f"{type_}: {show(size)}", share]
            yield type_, ((x + 0.7 * wide, y + min(high / 2, 44)), lines)
    scales = sum(one.scales for one in stored)
    if scales:
        last = [(tile, box) for tile, box in placed if tile.tensors[0].scales]
        tile, (x, y, wide, high) = max(last, key=lambda pair: (round(pair[1][0] + pair[1][2]), pair[1][1]))
        middle = x + wide * (1 - float(tile.scales / tile.size) / 2)
        lines = [tr("scales: {size}", size=show(scales)), tr("a sliver of each tensor")]
        yield "scales", ((middle, y + 0.7 * high), lines)


def _label(scene: Scene, name: str, points: Sequence[Point], place: Point, lines: Sequence[str]) -> None:
    """Write a label, and lead to it from a dot on what it names."""
    scene.marks.line(f"lead_{name}", points, answer=True)
    scene.marks.circle(f"dot_{name}", *points[0], 2, look="solid texture", answer=True)
    scene.marks.label(f"label_{name}", *place, lines, look="middling", of="weights", answer=True)


def _above(scene: Scene, items: Mapping[str, Item]) -> None:
    """Write the labels side by side between the map and the outline of 16 bits, as far as there is room."""
    room, y = scene.high_of(scene.plain) - scene.high_of(scene.size), scene.floor - scene.high_of(scene.plain) + 18
    rows, end = 2 if room > 66 else 1, LEFT + scene.wide_of(scene.plain)
    for name, (place, lines) in sorted(items.items(), key=lambda pair: -pair[1][0][0]):
        end = min(place[0] + 40, end - _LETTER * len(lines[0]) - 12)
        upper = (place[0], min(place[1], y + room))  # the same is seen at the top of the map
        if room > 44 and end > 0:
            _label(scene, name, [upper, (end + 6, y + 18 * rows - 12)], (end, y), lines[:rows])


def _below(scene: Scene, items: Mapping[str, Item]) -> None:
    """Write the labels below the map, a line each: of the largest types, and of the scales."""
    kept = dict.fromkeys([*list(items)[:2], *(name for name in items if name == "scales")])
    for at, name in enumerate(kept):
        words, y = ", ".join(items[name][1]), scene.floor + 64 + 17 * at
        scene.marks.text(f"label_{name}", LEFT, y, words, of="weights", answer=True)


def captions(scene: Scene) -> int:
    """Write below the map in which order it stands, or the card's name, its scale and shares; return where it ends."""
    marks, floor = scene.marks, scene.floor
    if scene.over:
        card = f"{scene.gpu.name}: {show(scene.gpu.capacity)}"
        marks.text("card_name", LEFT, floor + 20, card, look="middling")
    else:
        order = tr(_ORDER[scene.model.embedding_tables > 1], layers=len(scene.bytes_.cells))
        marks.text("order", LEFT, floor + 20, order, answer=True)
    side = _scale(scene)
    room = scene.bytes_.wide - (0 if scene.narrow else side + 64)
    marks.text("shares", LEFT, floor + (46 if scene.narrow else 38), shares(scene, room), answer=True)
    below = sum(name.startswith("label_") for name in marks.shapes) if scene.narrow else 0
    return round(floor + (53 if scene.narrow else 50) + 17 * below)


_ORDER = later("embedding, {layers} layers row by row"), later("embedding, {layers} layers row by row, head")


def _scale(scene: Scene) -> float:
    """Draw a square, and say how many bytes it stands for; return how wide it is."""
    marks, area = scene.marks, scene.bytes_.wide * scene.bytes_.high
    unit = 2 ** math.floor(math.log2(400 * scene.most / area))  # a square of about twenty pixels
    side, power = math.sqrt(area * unit / scene.most), min(3, (unit.bit_length() - 1) // 10)
    x, y = LEFT + scene.bytes_.wide - side - 64, scene.floor + 8
    marks.rect("square", x, y, side, side, look="square")
    says = tr("is {size}", size=f"{unit >> 10 * power} {(tr('bytes'), 'KiB', 'MiB', 'GiB')[power]}")
    marks.text("square_says", x + side + 7, y + side / 2 + 4, says)
    return side


def shares(scene: Scene, room: float) -> str:
    """Return what each kind of tensor takes of all, in the order of the map, the largest ones as far as there is room.

    >>> from memcalc.explorers.weights import stored_weights
    >>> stored_weights.frame(model="GPT-2").shapes["shares"]["text"]
    'embedding 32%, attention 23%, mlp 46%'
    """
    sizes = {}
    for tile in scene.bytes_.tiles:
        for one in tile.tensors:
            kind = later("head") if tile.part == LAST and one.group == "embedding" else one.group.replace("_", " ")
            sizes[kind] = sizes.get(kind, 0) + float(one.size / scene.bytes_.size)
    kept = {kind: f"{tr(kind)} {share:.0%}" for kind, share in sizes.items() if share >= _LEAST_SHARE}
    while len(", ".join(kept.values())) > room / _NARROW_LETTER:
        del kept[min(kept, key=sizes.get)]
    return ", ".join(kept[kind] for kind in sorted(kept, key="head".__eq__))


def _words(scene: Scene) -> None:
    """Write the names on the tensors of the first layer, and on the ends of the map."""
    for tile, (x, y, wide, high) in scene.placed(scene.drawn):
        word = short(tile).removesuffix("_proj").replace("_", " ")
        if len(tile.tensors) == 1 and tile.tensors[0].number > 1:
            word = f"{tile.tensors[0].number} × {word}"
        look = "tiny halo texture" if tile.layer else "halo texture"
        if tile.layer <= 1 and wide > 6.8 * len(word) + 4 and high > 15:
            written(scene, f"word_{tile.name}", (x + wide / 2, y + high / 2 + 4), word, look)
        elif tile.layer <= 1 and wide > 15 and high > 7 * len(word):
            written(scene, f"word_{tile.name}", (x + wide / 2 + 4, y + high / 2), word, look, turned=True)


def short(tile: Tile) -> str:
    """Return the name of a tile without its layer."""
    return tile.name.rpartition(".")[2]


def written(scene: Scene, name: str, place: Point, word: str, look: str, turned: bool = False) -> None:
    """Write a word on what it names, on request from below to above."""
    turn = f"rotate(-90 {place[0]:.1f} {place[1]:.1f})" if turned else None
    scene.marks.text(name, *place, word, anchor="middle", look=look, of="weights", transform=turn, answer=True)


def on_tensor(scene: Scene, tile: Tile, box: Box) -> None:
    """Write on a tensor that is seen close up its name, and its shape and bytes where there is room."""
    x, y, wide, high = box
    sliver, words = wide * float(tile.scales / tile.size), sum_of(tile.tensors[0], scene.model)
    middle, name = x + (wide - sliver) / 2, short(tile)
    if sliver > 15 and high > 60:
        place = (x + wide - sliver / 2 + 4, y + high / 2)
        written(scene, f"scales_{tile.name}", place, tr("scales"), "halo texture", turned=True)
    if wide - sliver > 6.6 * len(words) + 8 and high > 44:
        written(scene, f"word_{tile.name}", (middle, y + high / 2 - 3), name, "middling halo texture")
        written(scene, f"sum_{tile.name}", (middle, y + high / 2 + 15), words, "halo texture")
    elif wide - sliver > 7.5 * len(name) + 6 and high > 17:
        written(scene, f"word_{tile.name}", (middle, y + high / 2 + 5), name, "middling halo texture")
    elif wide - sliver > 14 and high > 7.5 * len(name):
        written(scene, f"word_{tile.name}", (middle + 4, y + high / 2), name, "halo texture", turned=True)


def on_the_rest(scene: Scene, tile: Tile, box: Box) -> None:
    """Write below a layer what is too thin to be seen in it."""
    x, floor = box[0] + box[2] / 2, scene.floor
    named = ", ".join(dict.fromkeys(one.name for one in tile.tensors))
    named = named if len(named) < 40 else tr("small tensors")
    words = tr("too thin to be seen: {names}, {size}", names=named, size=size_of(tile.size))
    anchor = "end" if x > scene.marks.width / 2 else "start"
    scene.marks.line(f"lead_{REST}", [(x, floor), (x, floor + 12)])
    scene.marks.text(f"name_{REST}", x, floor + 26, words, anchor=anchor, says=says(tile, scene.model))


def ways(scene: Scene, layer: int) -> None:
    """Write the ways out of a layer: to its neighbours, and back to the whole model."""
    end, narrow, named = LEFT + scene.bytes_.wide, scene.narrow, "{layer}" if scene.narrow else later("layer {layer}")
    found = [("back", end, tr("↩ whole") if narrow else tr("↩ the whole model"), 0)]
    if layer < len(scene.bytes_.cells):
        found.append(("next", end - (66 if narrow else 146), f"{tr(named, layer=layer + 1)} ›", layer + 1))
    if layer > 1:
        found.append(("previous", end - (112 if narrow else 226), f"‹ {tr(named, layer=layer - 1)}", layer - 1))
    for name, x, words, to in found:
        more = {"press": {"layer": to}, "says": tr("layer {layer}", layer=to) if to else tr("the whole model")}
        scene.marks.text(name, x, TOP - 9, words, anchor="end", look="middling", **more)
