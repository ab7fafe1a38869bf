"""A model as a map of its bytes: every tensor is a rectangle whose area is what it takes, always in the same order."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import groupby

from memcalc import Gpu, Model
from memcalc.estimate.inference import format_in
from memcalc.estimate.inventory import Stored, inventory
from memcalc.explorers.marks import Marks
from memcalc.formula.places import MIXERS
from memcalc.formula.tensors import present

Box = tuple[float, float, float, float]
"""A rectangle: left, top, width, height."""

PARTS = FIRST, LAYERS, LAST = "first", "layers", "last"
"""The three parts of a map, from left to right: embedding, layers row by row, head."""

REST = "rest"
"""The column of what is too small to be seen."""

PLAIN = "FP16"
"""The format whose outline stays when the map shrinks."""

LEFT, TOP = 12, 36
"""Where the map may begin [px]."""

_TINY = 0.002  # of a layer's bytes: what takes less is drawn in one with others
_CELL = 1.15  # a layer is about so many times as wide as it is high
_MOST_TILES = 240
_LEAST_AREA = 24 * 24  # what a finger can hit [px²]
_LEAST_WIDTH = 110  # of a map with labels [px]
_COLUMNS = (*MIXERS, "indexer", REST, "mlp", "wide_mlp", "expert", "router")
_OUT = ("lm_head", "norm")  # what comes after the last layer


@dataclass(frozen=True)
class Tile:
    """A rectangle of the map.

    Parameters
    ----------
    part : in which part of the map it lies
    layer : the layer, from 1; 0 outside of them
    column : what lies in one column with it: a group of tensors, or "rest" for what is too small to be seen
    tensors : what it stands for
    box : where it lies in its part, which is as large as the whole map [px]
    """

    part: str
    layer: int
    column: str
    tensors: tuple[Stored, ...]
    box: Box

    @property
    def name(self) -> str:
        """What the picture calls it."""
        short = self.tensors[0].name if len(self.tensors) == 1 and self.column != REST else self.column
        return f"{self.layer}.{short}" if self.layer else short

    @cached_property
    def size(self) -> Fraction:
        """What it takes [bytes]."""
        return sum(one.size for one in self.tensors)

    @cached_property
    def scales(self) -> Fraction:
        """What of it is beside the bits of the types' names [bytes]."""
        return sum(one.scales for one in self.tensors)

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return sum(one.numbers for one in self.tensors)


@dataclass(frozen=True)
class ByteMap:
    """The map of a model.

    Parameters
    ----------
    wide, high : of each of its parts [px]
    tiles : tensor by tensor
    cells : layer → where it lies
    """

    wide: float
    high: float
    tiles: tuple[Tile, ...]
    cells: dict[int, Box]

    @cached_property
    def shares(self) -> dict[str, float]:
        """Part → how much of the map it is."""
        return {part: float(sum(tile.size for tile in self.tiles if tile.part == part) / self.size) for part in PARTS}

    @cached_property
    def size(self) -> Fraction:
        """What the model takes [bytes]; a fraction of a byte is none yet."""
        return sum(tile.size for tile in self.tiles)

    @cached_property
    def seen(self) -> list[Tile]:
        """The tiles that are large enough to be seen."""
        return [tile for tile in self.tiles if tile.column != REST]

    def too_fine(self, most: int, least: float) -> set[str]:
        """Return the columns whose tensors would be too many, or too small, to be touched one by one.

        Parameters
        ----------
        most : tiles
        least : area of a tensor, on average in its kind of column [px²]
        """
        areas = {}
        for tile in self.seen:
            areas.setdefault(tile.column, []).append(tile.box[2] * tile.box[3])
        return {column for column, found in areas.items() if len(self.seen) > most or sum(found) < least * len(found)}

    def drawn(self, whole: set[str]) -> list[Tile]:
        """Return the tiles that are drawn: tensors, but of some kinds of columns the whole."""
        groups = groupby(
            self.seen, lambda tile: (tile.part, tile.layer, tile.column, tile.column in whole or tile.name)
        )
        return [_merged(tiles) for _, tiles in groups]


def _merged(tiles: Iterable[Tile]) -> Tile:
    first, *others = tiles
    x, y, wide, high = first.box
    high += sum(tile.box[3] for tile in others)
    tensors = tuple(one for tile in (first, *others) for one in tile.tensors)
    return Tile(first.part, first.layer, first.column, tensors, (x, y, wide, high))


@lru_cache(maxsize=256)
def byte_map(model: Model, weights: str, wide: int, high: int) -> ByteMap:
    """Return the map of a model in a format, for a picture of a size [px].

    >>> len(byte_map(Model.named("LLaMA-7B"), "FP16", 800, 400).cells)
    32
    """
    stored = list(inventory(model.values, present(model.structure, model.absent), format_in(model, weights)))
    layers = sorted((one for one in stored if one.layer), key=lambda one: one.layer)
    by_layer = {layer: list(held) for layer, held in groupby(layers, lambda one: one.layer)}
    cells = dict(_cells({layer: sum(one.size for one in held) for layer, held in by_layer.items()}, wide, high))
    tiles = []
    for part in (FIRST, LAST):
        held = [one for one in stored if not one.layer and (one.name in _OUT) == (part == LAST)]
        if held:
            tiles += _column(part, 0, "embedding", held, (0, 0, wide, high))
    tiles += [tile for layer, held in by_layer.items() for tile in _layer(layer, held, cells[layer])]
    return ByteMap(wide, high, tuple(tiles), cells)


def _cells(sizes: dict[int, Fraction], wide: float, high: float) -> Iterator[tuple[int, Box]]:
    """Yield where each layer lies, from left to right, row by row."""
    each = math.ceil(len(sizes) / _rows(len(sizes), wide, high))
    layers, whole, y = list(sizes), sum(sizes.values()), 0.0
    for start in range(0, len(layers), each):
        row = layers[start : start + each]
        of_row, x = sum(sizes[layer] for layer in row), 0.0
        tall = high * float(of_row / whole)
        for layer in row:
            broad = wide * float(sizes[layer] / of_row)
            yield layer, (x, y, broad, tall)
            x += broad
        y += tall


def _rows(layers: int, wide: float, high: float) -> int:
    """Return in how many rows the layers are nearest to the shape of a cell, and the last row is nearly full."""

    def fault(rows: int) -> float:
        each = math.ceil(layers / rows)
        return abs(math.log(wide / each / (high / rows) / _CELL)) + 2 * (rows * each - layers) / layers

    return min(range(1, layers + 1), key=fault)


def _layer(layer: int, held: Sequence[Stored], cell: Box) -> Iterator[Tile]:
    """Yield the tiles of a layer: columns beside each other, and tensors above each other."""
    x, y, wide, high = cell
    whole = sum(one.size for one in held)
    columns = {column: [] for column in _COLUMNS}
    for one in held:
        columns[REST if one.group == "norms" or one.size < _TINY * whole else one.group].append(one)
    for column, tensors in columns.items():
        if tensors:
            broad = wide * float(sum(one.size for one in tensors) / whole)
            yield from _column(LAYERS, layer, column, tensors, (x, y, broad, high))
            x += broad


def _column(part: str, layer: int, column: str, held: Sequence[Stored], box: Box) -> Iterator[Tile]:
    """Yield tensors above each other in a box; of those that are too small to be seen, one tile."""
    x, y, wide, high = box
    whole = sum(one.size for one in held)
    seen = [one for one in held if column != REST and one.group != "final" and one.size >= _TINY * whole]
    small = tuple(one for one in held if one not in seen)
    for name, tensors in (*((column, (one,)) for one in seen), *([(REST, small)] if small else [])):
        tall = high * float(sum(one.size for one in tensors) / whole)
        yield Tile(part, layer, name, tensors, (x, y, wide, tall))
        y += tall


@dataclass(frozen=True)
class Scene:
    """A map in its picture: in the lower left corner, as large as its bytes.

    Parameters
    ----------
    marks : the shapes
    model, weights : what the map shows, and in which format
    bytes_ : the map
    size, plain : of the model in this format, and in 16 bits [bytes]
    gpu : the card around it, if any
    """

    marks: Marks
    model: Model
    weights: str
    bytes_: ByteMap
    size: int
    plain: int
    gpu: Gpu | None = None

    @property
    def narrow(self) -> bool:
        """Whether the page is that of a phone."""
        return self.marks.width < 600

    @property
    def floor(self) -> float:
        """Where the map ends below [px]."""
        return TOP + self.bytes_.high

    @property
    def most(self) -> int:
        """What the whole picture stands for [bytes]."""
        return max(self.size, self.plain, self.gpu.capacity if self.gpu else 0)

    @property
    def over(self) -> int:
        """What runs over the card [bytes]."""
        return max(0, self.size - self.gpu.capacity) if self.gpu else 0

    @property
    def tiny(self) -> bool:
        """Whether the map is too small to be labelled."""
        return self.wide_of(self.size) < _LEAST_WIDTH

    @cached_property
    def drawn(self) -> list[Tile]:
        """The tiles that can be touched: the same ones in every format."""
        plain = byte_map(self.model, PLAIN, self.bytes_.wide, self.bytes_.high)
        return self.bytes_.drawn(plain.too_fine(_MOST_TILES, _LEAST_AREA))

    def wide_of(self, size: float) -> float:
        """Return how wide so many bytes are in the shape of the map [px]."""
        return self.bytes_.wide * math.sqrt(size / self.most)

    def high_of(self, size: float) -> float:
        """Return how high they are [px]."""
        return self.bytes_.high * math.sqrt(size / self.most)

    def box_of(self, size: float) -> Box:
        """Return where so many bytes lie."""
        return LEFT, self.floor - self.high_of(size), self.wide_of(size), self.high_of(size)

    @cached_property
    def box(self) -> Box:
        """Where the map lies."""
        return self.box_of(self.size)

    def placed(self, tiles: Iterable[Tile], layer: int = 0) -> list[tuple[Tile, Box]]:
        """Return tiles with where they lie in the picture, which may be filled by one layer."""
        return [(tile, self._of_layer(tile, layer) if layer else self._of_whole(tile)) for tile in tiles]

    def _of_whole(self, tile: Tile) -> Box:
        left, top, wide, high = self.box
        shares, at = list(self.bytes_.shares.values()), PARTS.index(tile.part)
        x, y, broad, tall = tile.box
        across, down = wide * shares[at] / self.bytes_.wide, high / self.bytes_.high
        return left + wide * sum(shares[:at]) + x * across, top + y * down, broad * across, tall * down

    def _of_layer(self, tile: Tile, layer: int) -> Box:
        left, top, wide, high = self.bytes_.cells[layer]
        x, y, broad, tall = tile.box
        across, down = self.bytes_.wide / wide, self.bytes_.high / high
        return LEFT + (x - left) * across, TOP + (y - top) * down, broad * across, tall * down
