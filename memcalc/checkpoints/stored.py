"""What a file of a model holds: tensors with their stored bytes, and which part of the model each belongs to."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

from memcalc import catalogue

WEIGHTS = "weights"
"""The part that the formula counts: the text model. The others are rows of data/stored_parts.csv."""

GGUF, SAFETENSORS = "GGUF", "safetensors"
_LAYER = re.compile(r"(?:[^.]+\.)*?\d+(?=\.)")


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the header of its file describes it.

    Parameters
    ----------
    type : as the file names it: a block type of ggml, or a type of safetensors
    shape : rows first, whatever the order in the file
    bytes : what it takes in the file
    part : of the model: "weights", or a part of data/stored_parts.csv
    """

    name: str
    type: str
    shape: tuple[int, ...]
    bytes: int
    part: str = WEIGHTS


@dataclass(frozen=True)
class Checkpoint:
    """What the headers of a model's files say.

    Parameters
    ----------
    name : the path that was read
    kind : "GGUF" or "safetensors"
    tensors : of all its files; none if only an index is at hand
    metadata : key → value: of the first GGUF file, or what safetensors call `__metadata__`
    files : those whose headers were read
    total : stored bytes of all tensors, where an index alone says so
    config : the config.json beside the files, if there is one
    notes : sentences on what was left out or cannot be known

    >>> tensors = (StoredTensor("a", "F32", (2, 3), 24), StoredTensor("v.blk.0.ln1", "F16", (3,), 6, "vision"))
    >>> checkpoint = Checkpoint("x.gguf", "GGUF", tensors)
    >>> checkpoint.bytes, checkpoint.parts, checkpoint.parameters
    (30, {'weights': 24, 'vision': 6}, 9)
    """

    name: str
    kind: str
    tensors: tuple[StoredTensor, ...]
    metadata: Mapping[str, object] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    total: int = 0
    config: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the tensors are known, not their bytes alone."""
        return bool(self.tensors)

    @property
    def bytes(self) -> int:
        """Stored bytes of all tensors, without the header and what fills up the file."""
        return sum(tensor.bytes for tensor in self.tensors) if self.known else self.total

    @property
    def parameters(self) -> int:
        """Numbers in all tensors, as their shapes say; a packed format may keep several in one."""
        return sum(count(tensor.shape) for tensor in self.tensors)

    @property
    def parts(self) -> dict[str, int]:
        """Part of the model → stored bytes; an index alone does not tell parts apart, and all are weights."""
        found = dict.fromkeys((WEIGHTS, *(tensor.part for tensor in self.tensors)), 0)
        for tensor in self.tensors:
            found[tensor.part] += tensor.bytes
        return found if self.known else {WEIGHTS: self.total}

    @property
    def read_in_part(self) -> dict[str, int]:
        """What a token does not read whole of the text model → bytes, as names say: words of data/read_names.csv.

        Of `embedding` and `table` they are those without the row that is looked up; of `expert`, all routed experts.
        """
        says = {row["word"]: row["says"] for row in catalogue.rows("read_names") if row["kind"] == self.kind}
        found = dict.fromkeys(says.values(), 0)
        for tensor in self.tensors:
            kind = _first(says, _in_pairs(tensor.name)) if tensor.part == WEIGHTS else ""
            if kind:
                row = tensor.bytes // max((1, *tensor.shape[:1])) if kind in ("embedding", "table") else 0
                found[kind] += tensor.bytes - row
        return found


def _in_pairs(name: str) -> Iterator[str]:
    """Give each word of a tensor's name, and each two in a row; a number is 0, whichever it is."""
    words = ["0" if word.isdigit() else word for word in name.split(".")]
    yield from words
    yield from map(".".join, pairwise(words))


def count(shape: Iterable[int]) -> int:
    """Return the numbers in a tensor of this shape.

    >>> count((2, 3)), count(())
    (6, 1)
    """
    product = 1
    for size in shape:
        product *= size
    return product


def layer_of(name: str) -> str:
    """Return the beginning of a tensor's name up to the number of its layer; "" if it stands in none.

    >>> layer_of("model.layers.61.mlp.experts.7.up_proj.weight"), layer_of("output.weight")
    ('model.layers.61', '')
    """
    found = _LAYER.match(name)
    return found[0] if found else ""


def parts_of(names: Iterable[str], kind: str) -> dict[str, str]:
    """Return the part of the model that each tensor belongs to, as the words of its name say.

    Parameters
    ----------
    names : of all the tensors, since one tensor can say of its whole layer what that is for
    kind : "GGUF" or "safetensors"

    >>> parts_of(["mtp.fc.weight", "model.visual.norm.bias", "model.norm.weight"], "safetensors")
    {'mtp.fc.weight': 'draft', 'model.visual.norm.bias': 'vision', 'model.norm.weight': 'weights'}
    """
    words, found, whole = _words(kind), {}, {}
    telling = frozenset().union(*words.values())
    for name in names:
        segments = name.split(".")
        if telling.isdisjoint(segments):
            found[name] = WEIGHTS
            continue
        found[name] = _first(words["first"], segments[:1]) or _first(words["start"], segments[:3])
        found[name] = found[name] or _first(words["any"], segments) or WEIGHTS
        marked = _first(words["layer"], segments)
        if marked and layer_of(name):
            whole[layer_of(name)] = marked
    return {name: whole.get(layer_of(name), part) for name, part in found.items()} if whole else found


def sorted_out(tensors: Iterable[StoredTensor], kind: str) -> tuple[StoredTensor, ...]:
    """Return the tensors with the part of each; `kind` is that of their file."""
    tensors = tuple(tensors)
    parts = parts_of((tensor.name for tensor in tensors), kind)
    others = (
        tensor if parts[tensor.name] == WEIGHTS else replace(tensor, part=parts[tensor.name]) for tensor in tensors
    )
    return tuple(others)


def _first(words: Mapping[str, str], segments: Iterable[str]) -> str:
    return next((words[segment] for segment in segments if segment in words), "")


@cache
def _words(kind: str) -> dict[str, dict[str, str]]:
    """Return where a word stands → the word → the part that it names."""
    words = {"first": {}, "start": {}, "any": {}, "layer": {}}
    for row in catalogue.rows("stored_parts"):
        if row["kind"] == kind:
            words[row["place"]][row["word"]] = row["part"]
    return words
