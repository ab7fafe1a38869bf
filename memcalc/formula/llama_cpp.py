"""llama.cpp: the working buffers that the engine reserves before the first token, as it states them on a CPU."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache, lru_cache
from math import inf, prod
from typing import NamedTuple

import sympy
from sympy import ceiling

from memcalc import catalogue
from memcalc.formula.formats import FP32
from memcalc.formula.kv_cache import b, reserved, reserved_window
from memcalc.formula.saved_tensors import factor, meets
from memcalc.formula.symbols import GLOSSARY, symbols
from memcalc.formula.tensors import V
from memcalc.formula.term import Term, Values

s_u, n_out = symbols("micro_tokens outputs")

_ALIGNED = 32  # bytes


_LAYERS = ("latent", "parallel")
"""Stages in the place of a layer whose MLP follows attention: of latents, and with an MLP beside attention."""


class Layer(NamedTuple):
    """A layer: what it looks at, "full" or "window", and what stands behind attention, "mlp" or "experts"."""

    sight: str = "full"
    block: str = "mlp"


class _Step(NamedTuple):
    """A result with the bytes of one number and the factors of their count, and what is freed once it is there."""

    name: str
    each: int
    factors: tuple[sympy.Expr, ...]
    frees: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """What the engine computes of a micro-batch, by what decides which results it makes.

    Parameters
    ----------
    facts : what the conditions in data/engine_tensors.csv ask for: those of the family, from data/engine_graphs.csv;
        "flash" or "eager"; "windows" where layers have some, "whole_windows" where their cache keeps everything;
        "shared" where there is one run of cells; "turned_keys", "turned_by_64" (128, …) and "turned_values" for a
        quantized cache, "keys_of_32_bit" and "values_of_32_bit" for one in FP32
    layers : those of the model, in order
    """

    facts: frozenset[str]
    layers: tuple[Layer, ...]

    def steps(self) -> Iterator[_Step]:
        """Yield the results in the order in which the engine makes them."""
        last = {layer.sight: index for index, layer in enumerate(self.layers)}
        yield from self._stage("tokens")
        for number, sight in enumerate(dict.fromkeys(layer.sight for layer in self.layers)):
            yield from self._stage("rotation", sight)
            yield from () if number else self._stage("positions")
            yield from self._stage("cache", sight)
        yield from (*self._stage("choice"), *self._stage("embedding"))
        for index, (sight, block) in enumerate(self.layers):
            done = {"last_of_its_kind"} if index == last[sight] else set()
            done |= {"last_of_all"} if index == len(self.layers) - 1 else set()
            done |= {"chosen"} if "last_of_all" in done and "chosen_late" not in self.facts else set()
            yield from self._stage(next((stage for stage in _LAYERS if stage in self.facts), "layer"), sight, done)
            yield from () if "parallel" in self.facts else self._stage(block, sight, done)
        yield from self._stage("head")

    def inputs(self) -> Iterator[_Step]:
        """Yield what comes from elsewhere before the first layer: all but the tokens, in whose place are embeddings."""
        tokens = {step.name for step in self._stage("tokens")}
        for step in self.steps():
            if step.name and step.name not in tokens:
                yield step
            if step.name == "input":
                return

    def _stage(self, stage: str, sight: str = "full", more: set[str] = frozenset()) -> tuple[_Step, ...]:
        return _stage(stage, sight, self.facts.union(more))


@cache
def _stage(stage: str, sight: str, facts: frozenset[str]) -> tuple[_Step, ...]:
    windowed = sight == "window" and "whole_windows" not in facts
    instead = {reserved.symbol: reserved_window.symbol} if windowed else {}
    if "chosen" in facts and stage not in ("layer", *_LAYERS):
        instead[s_u] = n_out
    found = (row for row in catalogue.rows("engine_tensors") if row["stage"] == stage and meets(facts, row["when"]))
    return tuple(_step(row, sight, instead) for row in found)


def _step(row: Mapping[str, str], sight: str, instead: Mapping[sympy.Symbol, sympy.Symbol]) -> _Step:
    factors = tuple(instead.get(one, one) for one in map(factor, row["shape"].split()))
    name, frees = (row[column].format(sight=sight) for column in ("name", "frees"))
    return _Step(name, int(row["bytes"] or 0), factors, tuple(frees.split("|")))


@dataclass
class _Buffer:
    """Where results lie: each in the smallest hole that takes it, or else above all others.

    A place is its offset, its length [bytes], and the sizes of what lies below it.
    """

    holes: list[tuple[int, float, tuple]] = field(default_factory=lambda: [(0, inf, ())])
    held: dict[str, tuple[int, float, tuple]] = field(default_factory=dict)
    top: tuple[int, tuple] = (0, ())

    def take(self, name: str, length: int, size: object):
        fitting = [index for index, hole in enumerate(self.holes[:-1]) if hole[1] >= length]
        index = min(reversed(fitting), key=lambda index: self.holes[index][1], default=len(self.holes) - 1)
        start, room, below = self.holes[index]
        above = start + length, (*below, size)
        self.holes[index : index + 1] = [(above[0], room - length, above[1])] if room > length else []
        self.held[name] = start, length, below
        self.top = max(self.top, above, key=lambda place: place[0])

    def give(self, name: str):
        """Make the place of a result free, in one hole with those beside it."""
        holes, self.holes = sorted([*self.holes, self.held.pop(name)], key=lambda hole: hole[0]), []
        for start, room, below in holes:
            before = self.holes[-1] if self.holes else (0, -1, ())
            if before[0] + before[1] == start:
                self.holes[-1] = before[0], before[1] + room, before[2]
            else:
                self.holes.append((start, room, below))


_CELLS = {part.symbol: part for part in (reserved, reserved_window)}


def _sizes(steps: Iterable[_Step], values: Values) -> dict[sympy.Symbol, int]:
    """Return the numbers behind the letters of these results."""
    needed = {letter for step in steps for one in step.factors for letter in one.free_symbols}
    return {one: _CELLS[one].exact(values) if one in _CELLS else values[one] for one in needed}


def compute_buffer(graph: Graph, values: Values) -> Term:
    """Return the term for the buffer of everything that is computed between the weights, for a run of these sizes.

    Parameters
    ----------
    values : of the symbols of the model and of the run; where results lie depends on all of them

    >>> from memcalc import Inference, Model, values
    >>> run = Inference(context=4096, engine="llama.cpp")
    >>> llama = Graph(frozenset(["flash", "shared"]), (Layer(),) * 32)
    >>> compute_buffer(llama, values(Model.named("LLaMA-7B"), run)).exact(values(Model.named("LLaMA-7B"), run))
    105396224
    """
    expr = _highest(graph, frozenset(_sizes(graph.steps(), values).items()))
    return Term(
        name="compute_buffer",
        expr=expr,
        meaning="The engine plans where each result lies, and reserves the highest place: below it lie what it needs "
        "at that moment, and the holes that earlier results left.",
        holds="llama.cpp on a CPU, to the byte, in a run of these sizes; with a GPU the embeddings in the place of "
        "tokens stay with the host, and CUDA adds FP16 copies of another cache where its kernel asks for them",
        source="ggml2026llama, src/llama-graph.cpp and ggml/src/ggml-alloc.c",
        parts=tuple(part for one, part in _CELLS.items() if one in expr.free_symbols),
    )


def input_copies(graph: Graph, values: Values) -> Term:
    """Return the term for what each of several cards that have some of the layers keeps of its inputs once more.

    Parameters
    ----------
    values : as of `compute_buffer`

    >>> from memcalc import Inference, Model, values
    >>> known = values(Model.named("LLaMA-7B"), Inference(context=4096, engine="llama.cpp"))
    >>> input_copies(Graph(frozenset(["flash", "shared"]), (Layer(),) * 32), known).exact(known)
    37785600
    """
    inputs = tuple(graph.inputs())
    known = _sizes(inputs, values)
    expr = MORE_COPIES * sympy.Add(*(_bytes(one.each, one.factors, _over(one, known) > 0) for one in inputs))
    return Term(
        name="input_copies",
        expr=expr,
        meaning="While one card works on a part of the prompt, the one before it works on the next: each keeps what "
        "comes in four times over, masks and positions and what the layers before it made.",
        holds="llama.cpp with split mode layer, where no part of the model and no cache lies in CPU memory; the copy "
        "at work is counted with the buffer",
        source="ggml2026llama, ggml/src/ggml-backend.cpp, ggml_backend_sched_split_graph, and src/llama-context.cpp, "
        "pipeline_parallel, commit 001d906",
        parts=tuple(part for one, part in _CELLS.items() if one in expr.free_symbols),
    )


MORE_COPIES = 3
"""GGML_SCHED_MAX_COPIES is four, of which the buffer has one."""


def example(of: Callable[[Graph, Values], Term] = compute_buffer) -> Term:
    """Return a term of a dense model of the sizes that the glossary has by default: its buffer, or another."""
    values = {symbol: entry.default for symbol, entry in GLOSSARY.items() if entry.default is not None}
    return of(Graph(frozenset(["flash", "shared"]), (Layer(),) * 32), values)


@lru_cache(maxsize=1024)
def _highest(graph: Graph, sizes: frozenset[tuple[sympy.Symbol, int]]) -> sympy.Expr:
    numbers, buffer = dict(sizes), _Buffer()
    for step in graph.steps():
        if step.name:
            over = _over(step, numbers)
            buffer.take(step.name, _length(step, numbers) + over, (step.each, step.factors, over > 0))
        for name in buffer.held.keys() & step.frees:
            buffer.give(name)
        if name := _added_up(buffer.held.keys(), step.frees):
            buffer.held["input"] = buffer.held.pop(name)
    return sympy.Add(*(count * _bytes(*size) for size, count in Counter(buffer.top[1]).items()))


def _length(step: _Step, numbers: Mapping[sympy.Symbol, int]) -> int:
    return step.each * prod(int(numbers.get(one) or one.xreplace(numbers)) for one in step.factors)


def _over(step: _Step, numbers: Mapping[sympy.Symbol, int]) -> int:
    """Return the bytes that fill a result up to where the next may begin."""
    return -_length(step, numbers) % _ALIGNED


def _added_up(held: Set[str], freed: tuple[str, ...]) -> str:
    """Return which result has become the next layer's input, added up in its place with the others; "" if none has."""
    sums = held & {"sum", "chosen sum"}
    if "output" in freed:
        return next(iter(sums), "")
    return "output" if "output" in held and not sums and "input" not in held else ""


def _bytes(each: int, factors: tuple[sympy.Expr, ...], rounded: bool) -> sympy.Expr:
    size = each * sympy.prod(factors)
    return _ALIGNED * ceiling(size / _ALIGNED) if rounded else size


output_buffer = Term(
    name="output_buffer",
    expr=FP32 * V * b,
    meaning="The engine keeps room for the logits of one token of each sequence.",
    holds="llama.cpp; logits of the last token alone are asked for",
    source="ggml2026llama, src/llama-context.cpp",
)
