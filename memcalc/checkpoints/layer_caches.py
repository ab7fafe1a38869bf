"""What names and shapes of tensors tell of the cache of each layer, where nothing else describes the architecture."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from memcalc import catalogue
from memcalc.checkpoints.stored import WEIGHTS, StoredTensor, count, layer_of
from memcalc.errors import InputError, shown

_ATTENTION = "att"
"""What the name of every module of attention has in it."""


@dataclass(frozen=True)
class LayerCache:
    """What one layer keeps, as its tensors tell; a layer without any of it keeps nothing.

    Parameters
    ----------
    keys, values : numbers a token: the rows of their matrices
    latent : numbers a token of a latent, with the part that is rotated
    index : numbers a token of the keys by which tokens are chosen
    conv : channels and kernel of a convolution
    state : sizes by which the parameters of a state are told: heads, or channels and numbers in each
    """

    layer: int
    keys: int = 0
    values: int = 0
    latent: int = 0
    index: int = 0
    conv: tuple[int, int] | None = None
    state: tuple[int, ...] = ()


class _Place(NamedTuple):
    """Where in the model a tensor is."""

    stack: str
    layer: int
    module: str
    word: str
    parameter: str


def layers_of(tensors: Iterable[StoredTensor]) -> tuple[LayerCache, ...]:
    """Return what each layer of the text model keeps, told by names and shapes alone.

    Which layers have a window is not told by tensors, nor what one head has of a state.
    Raises InputError, which says that it cannot be told, where one matrix makes queries, keys and values, where a
    name is not known, or where there are layers of several kinds of stacks.

    >>> matrix = StoredTensor("model.layers.0.self_attn.k_proj.weight", "BF16", (1024, 4096), 8388608)
    >>> layers_of([matrix, StoredTensor("model.layers.0.self_attn.v_proj.weight", "BF16", (1024, 4096), 8388608)])
    (LayerCache(layer=0, keys=1024, values=1024, latent=0, index=0, conv=None, state=()),)
    """
    modules: dict[tuple[str, int, str], dict[str, tuple]] = defaultdict(dict)
    stacks, unknown = defaultdict(set), {}
    for place, tensor in _placed(tensors):
        stacks[place.stack].add(place.layer)
        says = _says(place)
        if says in ("fused", "other"):
            raise untold(f"{shown(tensor.name)} {_REASONS[says]}")
        if says:
            _note(modules[place.stack, place.layer, place.module], says, place, tensor)
        elif _ATTENTION in place.module and len(tensor.shape) == 2:
            unknown.setdefault((place.stack, place.layer), tensor.name)
    stack = _one_stack({key[:2] for key in modules}, unknown, stacks)
    of_layer = defaultdict(dict)
    for (_, layer, module), said in modules.items():
        of_layer[layer][module] = said
    return tuple(_layer(layer, of_layer[layer]) for layer in sorted(stacks[stack]))


_REASONS = {
    "fused": "makes queries, keys and values in one",
    "other": "belongs to layers whose cache is of another kind",
}


def untold(why: str) -> InputError:
    """Return the refusal to tell a cache, with the reason."""
    return InputError(f"the cache cannot be told from the tensors alone: {why}.")


def _placed(tensors: Iterable[StoredTensor]) -> Iterator[tuple[_Place, StoredTensor]]:
    """Give the tensors in layers of the text model, each with its place."""
    for tensor in tensors:
        layer = layer_of(tensor.name)
        if tensor.part != WEIGHTS or not layer:
            continue
        stack, _, number = layer.rpartition(".")
        if len(number) > 9:
            raise untold(f"{shown(tensor.name)} is in no layer that a model has")
        *path, parameter = tensor.name[len(layer) + 1 :].split(".")
        word = path.pop() if parameter in _words()["parameter"] and path else ""
        yield _Place(stack, int(number), ".".join(path), word or parameter, parameter if word else ""), tensor


def _says(place: _Place) -> str:
    """Return what a tensor says: "keys", "fused" and so on, "" if nothing."""
    words, modules = _words(), place.module.split(".")
    if words["other"] & {*modules, place.word}:
        return "other"
    both = {place.word, f"{modules[-1]}.{place.word}"}
    return next((kind for kind in _KINDS if both & words[kind]), "")


_MATRICES = ("keys", "values", "latent", "index")
_KINDS = (*_MATRICES, "conv", "state", "steps", "fused", "other")


def _note(said: dict[str, tuple], says: str, place: _Place, tensor: StoredTensor) -> None:
    """Note the sizes that a tensor tells of its module."""
    rows = _words()["parameter"].get(place.parameter)
    if says in ("state", "steps"):
        said[says] = tuple(size for size in tensor.shape if size != 1) or (1,)
    elif says == "conv" and rows:
        said[f"conv {place.word}"] = (tensor.shape[0], count(tensor.shape) // max(1, tensor.shape[0]))
    elif rows and says in _MATRICES:
        if len(tensor.shape) != 2 or (rows == "rows" and tensor.shape[1] == 1):
            raise untold(
                f"{shown(tensor.name)} of the shape {shown(tensor.shape)} does not show the rows of its matrix"
            )
        said[f"{says} {rows}"] = (tensor.shape[rows == "columns"],)


def _one_stack(told: set[tuple[str, int]], unknown: Mapping[tuple[str, int], str], stacks: Mapping[str, set]) -> str:
    """Return the one stack of layers that keeps something; every layer of it must be there and be understood."""
    found = sorted({stack for stack, _ in (*told, *unknown)})
    strange = [name for place, name in unknown.items() if place not in told]
    if not told or strange:
        raise untold(
            f"no name in the layer of {shown(strange[0])} is known" if strange else "no layer has a known name"
        )
    if len(found) > 1:
        raise untold(f"there are layers of {len(found):,} kinds: {shown(found[0])} and {shown(found[1])}")
    layers = stacks[found[0]]
    if len(layers) != max(layers) + 1:
        raise untold(f"of the {max(layers) + 1:,} layers of {shown(found[0])} only {len(layers):,} are there")
    return found[0]


def _layer(layer: int, modules: Mapping[str, dict[str, tuple]]) -> LayerCache:
    """Return one layer; keys in a module with a state go into the state, not into a cache of tokens."""
    sizes: dict[str, object] = {}
    states = [f"{module}." for module, said in modules.items() if said.keys() & {"state", "steps"}]
    for module, said in modules.items():
        new = _kept(said, any(state.startswith(f"{module}.") for state in states))
        for says in new.keys() & sizes.keys():
            raise untold(f"layer {layer:,} has more than one module with {says}")
        sizes |= new
    if ("keys" in sizes) != ("values" in sizes):
        raise untold(f"layer {layer:,} has keys without values, or values without keys")
    return LayerCache(layer, **sizes)


def _kept(said: Mapping[str, tuple], stateful: bool) -> dict[str, object]:
    """Return what one module keeps; the rows of packed codes are the columns of their scales."""
    convs = [shape for word, shape in said.items() if word.startswith("conv ")]
    kept = {"conv": (sum(channels for channels, _ in convs), max(kernel for _, kernel in convs))} if convs else {}
    state = said.get("state") or said.get("steps")
    kept |= {"state": state} if state else {}
    for says in () if stateful else _MATRICES:
        rows = said.get(f"{says} rows") or (said.get(f"{says} columns") if f"{says} codes" in said else None)
        kept |= {says: rows[0]} if rows else {}
    return kept


@cache
def _words() -> dict[str, dict[str, str] | set[str]]:
    """Return what a word says → the words, and each parameter → which of its sizes are the rows of a matrix."""
    rows = catalogue.rows("layer_names")
    words: dict = {kind: {row["word"] for row in rows if row["says"] == kind} for kind in _KINDS}
    return words | {"parameter": {row["word"]: row["rows"] for row in rows if row["says"] == "parameter"}}
