"""What of a run of inference lies on the card, and what in CPU memory: layer by layer, as llama.cpp lays it.

Source: ggml2026llama, src/llama-model.cpp, load_tensors, and src/llama-kv-cache.cpp; common/common.h for the experts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, pairwise

import sympy

from memcalc.checkpoints import Stack
from memcalc.checkpoints.stack import EXPERTS, FIRST, INPUT, words_of
from memcalc.errors import InputError, must
from memcalc.estimate.inventory import inventory
from memcalc.formula.formats import Format
from memcalc.formula.offload import cache_of_layers, elsewhere, weights_in_cpu_memory, weights_on_card
from memcalc.formula.places import places
from memcalc.formula.symbols import GLOSSARY, symbol
from memcalc.formula.tensors import L_full, L_win, Tensor, present
from memcalc.formula.term import Term
from memcalc.specs.inference import ALL, Inference
from memcalc.specs.model import Model
from memcalc.specs.order import layers_of
from memcalc.specs.weighed import WeighedModel

_KEEPING = (
    *("full_layers", "window_layers", "latent_layers", "index_layers", "mamba_layers", "mamba2_layers"),
    *("delta_layers", "conv_layers", "linear_layers"),
)
"""Fields of a model that count layers which keep something of the tokens."""


@dataclass(frozen=True)
class Placement:
    """Where the layers of a model lie, counted from 0.

    Parameters
    ----------
    layers : how many there are, draft layers of its files included
    start : the first one on the card; the output is one more
    experts : below which layer the routed experts lie in CPU memory
    caches : whether caches lie with their layers
    """

    layers: int
    start: int
    experts: int
    caches: bool = True

    @property
    def output(self) -> bool:
        """Whether the output lies on the card: it is the last one to leave."""
        return self.start <= self.layers

    @property
    def on_card(self) -> range:
        """The layers on the card."""
        return range(self.start, self.layers)


def placement(stack: Stack, run: Inference) -> Placement:
    """Return where the layers of a model lie.

    >>> placement(Stack(1, (2, 2, 2), (0, 0, 0), 1), Inference(gpu_layers=2)).on_card
    range(2, 3)
    """
    layers = len(stack.layers)
    whole = {"gpu_layers": layers + 1, "cpu_experts": layers}
    on, experts = (whole[name] if (said := getattr(run, name)) == ALL else min(said, whole[name]) for name in whole)
    return Placement(layers, layers + 1 - on, experts, run.kv_offload)


def stack(model: Model | WeighedModel, run: Inference, form: Format | None = None) -> Stack:
    """Return what a model stores, from the input to the output [bytes].

    Parameters
    ----------
    form : the format of the weights, as its file makes use of it; None for that of its files

    Raises InputError where files do not tell layers apart.
    """
    if form is not None:
        return _in_format(model, form)
    run.reserving.check_files(model.file_kind)
    if model.stack is None or (run.off_card and model.file_kind != "GGUF"):
        why = "with a part of it in CPU memory its file must be GGUF, which llama.cpp keeps as it is"
        why = why if model.stack else "an index alone does not tell its layers apart"
        raise InputError(f"weights must be named for {model.name}, such as 'BF16', because {why}.")
    return model.stack


@lru_cache(maxsize=64)
def _in_format(model: Model, form: Format) -> Stack:
    tensors = present(model.structure, model.absent)
    held, words, sums = _holders(model, tensors), words_of("formula"), Counter()
    for one in inventory(model.values, tensors, form):
        place = held[one.group, one.layer] if one.layer else words.get(one.name, "")
        sums[0 if place == FIRST else place] += one.size
        sums[EXPERTS, place] += one.size * (one.group == "expert")
        sums["copied"] += one.size * (one.name == "embed_tokens" and model.embedding_tables == 1)
    layers = range(model.layers)
    each, experts = (tuple(sums[key(layer)] for layer in layers) for key in (int, lambda layer: (EXPERTS, layer)))
    return Stack(sums[INPUT], each, experts, sums[""], sums["copied"])


def _holders(model: Model, tensors: tuple[Tensor, ...]) -> dict[tuple[str, int], int]:
    """Return for each group of tensors, and a layer as the inventory counts it, which layer of the model that is."""
    kinds, found = layers_of(model), {}
    of = {tensor.group: {GLOSSARY[letter].name for letter in tensor.layers.free_symbols} for tensor in tensors}
    for group, counted in places(tensors, model.values).items():
        holding = [place for place, layer in enumerate(kinds or ()) if layer & of[group]]
        holding = holding if len(holding) == len(counted) else counted  # of an order that is not known, none is cut
        found |= {(group, 1 + place): layer for place, layer in zip(counted, holding, strict=True)}
    return found


def weights(model: Model | WeighedModel, run: Inference, held: Stack) -> dict[str, int | Fraction]:
    """Return what of the weights lies on the card ("gpu"), in CPU memory ("cpu"), and on both ("copied") [bytes]."""
    where = placement(held, run)
    if run.cpu_experts and not any(held.experts):
        raise must("cpu_experts", f"0 for {model.name}, which has no experts", repr(run.cpu_experts))
    _check_order(model, held, where)
    experts = sum(held.experts[layer] for layer in where.on_card if layer < where.experts)
    copied = held.copied * where.output
    below = held.input + sum(held.layers[: where.start]) + held.output * (not where.output)
    return {"gpu": held.total + copied - below - experts, "cpu": below + experts, "copied": copied}


def fullest_stage(held: Stack, stages: int) -> int | Fraction:
    """Return what the weights take on the card that has most of them, if a pipeline divides the layers [bytes].

    Source: vllm2026, distributed/utils.py, get_pp_indices.

    >>> fullest_stage(Stack(4, (1, 1, 1, 1, 1), (0, 0, 0, 0, 0), 2), 2)
    7
    """
    each, left = divmod(held.main, stages)
    counts = [each] * stages
    for stage in range(2, left + 2):
        counts[-stage] += 1
    ends = [0, *accumulate(counts)]
    sizes = [sum(held.layers[start:end]) for start, end in pairwise(ends)]
    sizes[0] += held.input
    sizes[-1] += held.output + held.copied
    return max(sizes)


def _check_order(model: Model | WeighedModel, held: Stack, where: Placement) -> None:
    """Raise InputError where layers are cut of which it is not known in which order they stand."""
    cut = {"gpu_layers": where.start, "cpu_experts": where.experts if where.experts > where.start else 0}
    for field, place in cut.items():
        if 0 < place < len(held.layers) and held is not model.stack and layers_of(model) is None:
            why = "of which it is not known here in which order its layers stand"
            raise InputError(f"{field} must be 0 or 'all' for {model.name}, {why}.")


@dataclass(frozen=True)
class Placed:
    """What makes of the terms of a model those of a place.

    Parameters
    ----------
    place : "gpu" or "cpu"
    held : what the model stores, layer by layer
    windows : what the run changes in the numbers of layers with and without a window
    """

    place: str
    model: Model | WeighedModel
    run: Inference
    held: Stack
    windows: Mapping[sympy.Symbol, int]

    def term(self, term: Term) -> Term:
        """Return a term as it is in this place."""
        if term.name == "weights":
            return weights_on_card(term) if self.place == "gpu" else weights_in_cpu_memory
        said = {"kv_cache": self._caches} | ({} if self.run.drafted else {"draft": self._drafts})
        layers = said.get(term.name, self._all)()
        if layers is None:
            return term
        return cache_of_layers(term, layers) if layers else elsewhere(term)

    def _all(self) -> Mapping[sympy.Symbol, int] | None:
        """Return what `_caches` does, for what lies on the card in any case."""
        return None if self.place == "gpu" else {}

    def _drafts(self) -> Mapping[sympy.Symbol, int] | None:
        """Return what `_caches` does, for the draft layers, which are the last of the layers."""
        where, main = placement(self.held, self.run), self.held.main
        if main < where.start < where.layers:
            allowed = f"at least {where.layers - main + 1} or at most 1, so that draft layers lie together"
            raise must("gpu_layers", allowed, str(self.run.gpu_layers))
        return None if (where.start <= main) == (self.place == "gpu") else {}

    def _caches(self) -> Mapping[sympy.Symbol, int] | None:
        """Return how many layers of each kind have their cache here; None for all of them, nothing for none."""
        where, main = placement(self.held, self.run), self.held.main
        start = min(where.start, main) if where.caches else main
        if start == 0 or start == main:
            return None if (start == 0) == (self.place == "gpu") else {}
        chosen = range(start, main) if self.place == "gpu" else range(start)
        return kinds_of(self.model, chosen, self.windows)


def kinds_of(
    model: Model | WeighedModel, layers: Iterable[int], windows: Mapping[sympy.Symbol, int]
) -> dict[sympy.Symbol, int]:
    """Return how many of some layers are of each kind that keeps something.

    Parameters
    ----------
    layers : their numbers, counted from 0
    windows : what a run changes in the numbers of layers with and without a window

    Raises InputError where the order of the layers is not known.
    """
    kinds = layers_of(model) if isinstance(model, Model) else None
    if kinds is None:
        raise InputError(f"of {model.name} it is not known here how much each layer keeps of a token.")
    counts = Counter(name for layer in layers for name in kinds[layer])
    found = {symbol(name): counts[name] for name in _KEEPING}
    both = sum(found[letter] for letter in (L_full, L_win))
    return found | {one: both if windows[one] else 0 for one in (L_full, L_win) if one in windows}
