"""The map of a model's bytes as shapes: whole, inside the outline of 16 bits and a card, or one layer close up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from memcalc.explorers.marks import along, outline
from memcalc.explorers.vessel import WALL
from memcalc.explorers.weights import said
from memcalc.explorers.weights.bytemap import LAYERS, LEFT, PARTS, PLAIN, REST, TOP, Box, Scene, Tile
from memcalc.formula.formats import named_bits
from memcalc.formula.places import MIXERS
from memcalc.texts import tr
from memcalc.units import show

_HATCHES = ((7, 45, 0.14), (5, -45, 0.3), (4, 0, 0.46), (3, 90, 0.6))
"""From line to line [px], angle, tint: the more bits, the denser and darker."""

_SAME = 0.05  # nearer places are the same [px]


def whole(scene: Scene, sizes: Mapping[str, int]) -> int:
    """Draw a whole model; return how high the picture is.

    Parameters
    ----------
    sizes : format → what the model takes in it [bytes]: where its corner can be dragged
    """
    marks, (x, y, wide, high) = scene.marks, scene.box_of(scene.size)
    _map(scene)
    placed = scene.placed(scene.bytes_.seen)
    _rows(scene, placed)
    _textures(scene, placed)
    marks.rect("edge", x, y, wide, high, of="weights", look="edge texture", answer=True)
    _ghost(scene)
    if scene.gpu:
        _card(scene)
    said.names(scene)
    handle = {**along("weights", dict(_corners(scene, sizes))), "axis": "x"}
    marks.knob("corner", x + wide, y, "xy", handle, of="weights", says=tr("format: drag the corner"), answer=True)
    if scene.size != scene.plain:  # else the outline says it
        _guess_line(scene)
    return said.captions(scene)


def one_layer(scene: Scene, layer: int) -> int:
    """Draw the tensors of one layer; return how high the picture is."""
    marks, wide, high = scene.marks, scene.bytes_.wide, scene.bytes_.high
    tiles = [tile for tile in scene.bytes_.tiles if tile.layer == layer]
    placed = scene.placed(tiles, layer)
    _frame(scene, "map", (LEFT, TOP, wide, high), answer=True)
    _frame(scene, LAYERS, (0, 0, wide, high), scene.bytes_.cells[layer], inside="map")
    _tiles(scene, tiles, to=0)
    _inside(scene, tiles)
    _textures(scene, [(tile, box) for tile, box in placed if tile.column != REST])
    marks.rect("edge", LEFT, TOP, wide, high, of="weights", look="edge texture", answer=True)
    title = tr("layer {layer} in {format}", layer=layer, format=scene.weights)
    marks.text("map_name", LEFT, TOP - 9, title, look="strong halo", answer=True)
    for tile, box in placed:
        (said.on_the_rest if tile.column == REST else said.on_tensor)(scene, tile, box)
    said.ways(scene, layer)
    return round(scene.floor + 36)


def _corners(scene: Scene, sizes: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    """Yield formats and where the corner is in them; of those of one size, the present one or the first."""
    taken = {scene.plain: PLAIN} | {scene.size: scene.weights}
    for name, size in sizes.items():
        taken.setdefault(size, name)
    for size, name in taken.items():
        if size <= scene.most:
            yield name, LEFT + scene.wide_of(size)


def _ghost(scene: Scene) -> None:
    """Draw the outline of the model in 16 bits, which stays when the map shrinks."""
    x, y, wide, high = scene.box_of(scene.plain)
    scene.marks.rect("ghost", x, y, wide, high, look="ghost")
    words = f"{PLAIN}: {show(scene.plain)}"
    if scene.size > scene.plain:  # the map is around it
        scene.marks.text("ghost_name", x + wide - 6, y + 16, words, anchor="end", look="halo")
    elif scene.size < scene.plain and not scene.tiny:
        inside = scene.gpu and not scene.over and _meets(scene, x + wide, y)
        place = (x + wide - 6, y + 16) if inside else (x + wide, y - 7)
        scene.marks.text("ghost_name", *place, words, anchor="end", look="halo")


def _meets(scene: Scene, end: float, y: float) -> bool:
    """Return whether words that end there, above that height, would meet those in the corner of the card."""
    _, rim, wide, _ = scene.box_of(scene.gpu.capacity)
    return y - 7 < rim + 52 and end > LEFT + wide - 12 - 8.6 * len(_named(scene))


def _named(scene: Scene) -> str:
    """Return how the card is called."""
    return f"{scene.gpu.name}: {show(scene.gpu.capacity)}"


def _map(scene: Scene) -> None:
    """Draw the tensors, each part of the map in a frame of its own, so that what shrinks alike keeps its numbers."""
    names = ("x", "y", "width", "height")
    start = dict(zip(names, scene.box_of(scene.plain), strict=True))
    _frame(scene, "map", scene.box_of(scene.size), answer=True, **{"from": start})
    begin = 0.0
    for part in PARTS:
        broad = scene.bytes_.wide * scene.bytes_.shares[part]
        if any(tile.part == part for tile in scene.drawn):
            _frame(scene, part, (begin, 0, broad, scene.bytes_.high), inside="map")
        begin += broad
    _tiles(scene, scene.drawn)
    _inside(scene, scene.bytes_.tiles)
    scene.marks.path("cells", boxed(scene.bytes_.cells.values()), inside=LAYERS, look="cells texture")


def _frame(scene: Scene, name: str, box: Box, view: Box | None = None, **more: object) -> None:
    """Put a picture into the picture, which is stretched to its box."""
    x, y, wide, high = box
    seen = " ".join(f"{side:.2f}" for side in view or (0, 0, scene.bytes_.wide, scene.bytes_.high))
    more = {"viewBox": seen, "preserveAspectRatio": "none", **more}
    scene.marks.put(name, "svg", x=x, y=y, width=wide, height=high, **more)


def _tiles(scene: Scene, tiles: Iterable[Tile], to: int | None = None) -> None:
    """Draw tiles; a click on one of a layer leads into it, or where `to` says."""
    lights = said.lights(scene.model)
    for tile in tiles:
        more = {"says": said.says(tile, scene.model), "lights": lights(tile)}
        if tile.layer:
            more |= {"press": {"layer": tile.layer if to is None else to}, "group": "tensors"}
        scene.marks.rect(tile.name, *tile.box, inside=tile.part, of="weights", look="tensor", **more)


def boxed(boxes: Iterable[Box]) -> str:
    """Return the outline of rectangles.

    >>> boxed([(0, 1, 2.04, 3)])
    'M0 1h2v3h-2z'
    """
    sides = ([f"{side:.1f}".removesuffix(".0") for side in box] for box in boxes)
    return "".join(f"M{x} {y}h{wide}v{high}h-{wide}z" for x, y, wide, high in sides)


def _inside(scene: Scene, tiles: Sequence[Tile]) -> None:
    """Part the tensors, shade what looks at other tokens, and draw the slivers of the scales."""
    for part in PARTS:
        seams = boxed(tile.box for tile in tiles if tile.part == part and tile.column != REST)
        if seams:
            scene.marks.path(f"{part}_seams", seams, inside=part, look="seams texture")
    shaded = boxed(tile.box for tile in tiles if tile.column in MIXERS)
    scene.marks.path("mixers", shaded, inside=LAYERS, of="weights", look="shade texture")
    for part in PARTS:
        slivers = boxed(_slivers([tile for tile in tiles if tile.part == part]))
        if slivers:
            scene.marks.path(f"{part}_scales", slivers, inside=part, of="weights", look="sliver texture")


def _slivers(tiles: Iterable[Tile]) -> list[Box]:
    """Return the right ends of tensors, as wide as the share of their scales; what lies above each other is one."""
    found = []
    for tile in tiles:
        x, y, wide, high = tile.box
        sliver = wide * float(tile.scales / tile.size)
        start = x + wide - sliver
        before = found[-1] if found else (0, 0, 0, 0)
        if max(abs(start - before[0]), abs(sliver - before[2]), abs(before[1] + before[3] - y)) < _SAME:
            found[-1] = (*before[:3], before[3] + high)
        else:
            found.append((start, y, sliver, high))
    return [box for box in found if box[2] > _SAME]


def _rows(scene: Scene, placed: Iterable[tuple[Tile, Box]]) -> None:
    """Rule the embedding and the head: they have a row for each token of the vocabulary."""
    pattern = scene.marks.grid("token_rows", 0, scene.floor - 600, 6, of="weights", rows=True)
    ends = boxed(box for tile, box in placed if not tile.layer)
    scene.marks.path("tokens", ends, fill=pattern, look="texture", opacity=0.5, answer=True)


def _textures(scene: Scene, placed: Sequence[tuple[Tile, Box]]) -> None:
    """Hatch what is stored in another type than most, and veil the experts that a token does not pass."""
    found = [type_ for type_, _ in said.types(tile.tensors[0] for tile, _ in placed)]
    usual = scene.weights if scene.weights in found else next(iter(found), "")  # of small tensors alone, there is none
    for rank, type_ in enumerate(sorted(set(found) - {usual}, key=lambda type_: (named_bits(type_), type_))):
        fill = _hatch(scene, f"hatch_{type_.replace(' ', '_')}", *_HATCHES[min(rank, len(_HATCHES) - 1)])
        boxes = boxed(box for tile, box in placed if tile.tensors[0].type == type_)
        scene.marks.path(f"type_{type_}", boxes, fill=fill, look="texture", answer=True)
    if scene.model.experts:
        share = scene.model.active_experts / scene.model.experts
        boxes = [box for tile, box in placed if tile.column == "expert"]
        veil = boxed((x + share * wide, y, (1 - share) * wide, high) for x, y, wide, high in boxes)
        scene.marks.path("veil", veil, look="veil texture", answer=True)


def _hatch(scene: Scene, name: str, step: float, angle: float, tint: float) -> str:
    """Add a pattern of lines, and return how a shape is filled by it; without a tint it is that of too much."""
    place = {"patternUnits": "userSpaceOnUse", "patternTransform": f"rotate({angle})"}
    scene.marks.put(name, "pattern", width=step, height=step, **place)
    if tint:
        scene.marks.rect(f"{name}_tint", 0, 0, step, step, inside=name, of="weights", look="full", opacity=tint)
    line = {"of": "weights", "look": "hair"} if tint else {"look": "beyond"}
    scene.marks.path(f"{name}_line", f"M0 0V{step}", inside=name, **line)
    return f"url(#{name})"


def _card(scene: Scene) -> None:
    """Draw the walls of a card around the map, and what of the map runs over them."""
    marks, floor = scene.marks, scene.floor
    _, rim, wide, _ = scene.box_of(scene.gpu.capacity)
    left, right, curl = LEFT - WALL / 2, LEFT + wide + WALL / 2, WALL * 1.2
    if scene.over:
        _over(scene, rim, LEFT + wide)
    wall = f"M{left - curl:.1f} {rim:.1f}q{curl} 0 {curl} {curl}V{floor + WALL / 2:.1f}H{right:.1f}"
    marks.path("wall", f"{wall}V{rim + curl:.1f}q0 {-curl} {curl} {-curl}", look="wall")
    if not scene.over:
        free = tr("{size} free", size=show(scene.gpu.capacity - scene.size))
        marks.text("card_name", right - 12, rim + 18, _named(scene), anchor="end", look="middling halo")
        marks.text("card_free", right - 12, rim + 35, free, anchor="end", look="halo", answer=True)


def _over(scene: Scene, rim: float, right: float) -> None:
    """Draw what of the map lies outside of the walls, and say how much it is."""
    marks, floor, (_, top, wide, _) = scene.marks, scene.floor, scene.box_of(scene.size)
    end = LEFT + wide
    fill = _hatch(scene, "over_hatch", 7, 45, 0)
    corners = [(LEFT, top), (end, top), (end, floor), (right, floor), (right, rim), (LEFT, rim)]
    marks.path("over", outline(corners), fill=fill, look="beyond texture", answer=True)
    words = tr("{size} over the rim", size=show(scene.over))
    beside = wide > 8.6 * len(words + said.title(scene))  # else above the name of the map
    place = (end - 16, top - 9) if beside else (LEFT, top - 18 - said.above(scene))
    marks.text("over_name", *place, words, anchor="end" if beside else "start", look="middling over halo", answer=True)


def _guess_line(scene: Scene) -> None:
    """Draw the line that is dragged to how full the outline of 16 bits would be."""
    end = LEFT + scene.wide_of(scene.plain)
    scene.marks.level(LEFT - 6, end + 6, 200, (LEFT + end) / 2, "middle")
