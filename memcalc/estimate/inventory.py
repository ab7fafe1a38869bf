"""The inventory: every tensor of a model in a format, layer by layer, with its shape in numbers and its bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import sympy

from memcalc.formula.choices import Family
from memcalc.formula.formats import Format, block, named_bits
from memcalc.formula.places import places
from memcalc.formula.quantization import BY_NUMBER, absorbed, codes, in_format, in_groups, mix_of, type_at
from memcalc.formula.tensors import ONCE, Tensor

Counts = Mapping[sympy.Symbol, int]
"""The counts of a model, as its `values` has them."""


@dataclass(frozen=True)
class Stored:
    """Tensors of one layer that are alike, or of what the model has once.

    Parameters
    ----------
    name, group : as of `tensors.Tensor`
    layer : which layer holds it, counted from 1; 0 for what the model has once
    number : how many are alike
    shape : of each
    type : how its numbers are stored: a format, or a block type of llama.cpp
    named : what the bits of the type's name take [bytes]
    size : what all of it takes [bytes]
    """

    name: str
    group: str
    layer: int
    number: int
    shape: tuple[int, ...]
    type: str
    named: Fraction
    size: Fraction

    @cached_property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return self.number * int(sympy.prod(self.shape))

    @property
    def bits(self) -> Fraction:
        """What a number takes on average, with its share of the scales."""
        return 8 * self.size / self.numbers

    @cached_property
    def scales(self) -> Fraction:
        """What it takes beside the bits of its type's name: scales, zero points, tables [bytes]."""
        return max(self.size - self.named, Fraction(0))


def inventory(known: Counts, tensors: tuple[Tensor, ...], form: Format) -> Iterator[Stored]:
    """Yield what a model stores: embedding, then by kind what the layers hold, then the last norm.

    Parameters
    ----------
    known : the counts of a model
    tensors : what it holds, from `tensors.present`
    form : the format

    Layers of one kind follow each other: how those of several kinds take turns is not known here.
    """
    layers = dict.fromkeys(ONCE, range(1))
    layers |= {group: range(1 + found.start, 1 + found.stop) for group, found in places(tensors, known).items()}
    for tensor in tensors:
        for part in absorbed(tensor) if form.type and tensor.name == "kv_b_proj" else [tensor]:
            alike = _sized(part, known)
            if alike.each and 0 not in alike.shape:
                yield from _stored(alike, layers[tensor.group], known, form)


def _sized(tensor: Tensor, known: Counts) -> Tensor:
    """Return a tensor with numbers in the places of letters."""
    each, *shape = ((sympy.S.One * count).xreplace(known) for count in (tensor.each, *tensor.shape))
    return replace(tensor, each=int(each), shape=tuple(shape))


def _stored(tensor: Tensor, layers: range, known: Counts, form: Format) -> Iterator[Stored]:
    """Yield a tensor with its bytes in each of its layers."""
    if not form.type:
        yield from _in_file(tensor, layers, known, form)
        return
    shape = tuple(map(int, tensor.shape))
    mix, base = mix_of(tensor, form)
    sizes = {}
    for layer in layers:
        place = layer - 1 if tensor.group in BY_NUMBER else layer - layers.start
        type_ = type_at(tensor, mix, base, place, known)
        if type_ not in sizes:
            sizes[type_] = _in_blocks(tensor, type_)
        yield Stored(tensor.name, tensor.group, layer, tensor.each, shape, *sizes[type_])


def _in_file(tensor: Tensor, layers: range, known: Counts, form: Format) -> Iterator[Stored]:
    """Yield a tensor of a format without blocks; what a file stores otherwise comes first: its layers are not known."""
    every, shape = len(layers) * tensor.each, tuple(map(int, tensor.shape))
    others = [one for one in form.others if (one.group, one.tensor) == (tensor.group, tensor.name)]
    kinds = [Format.named(one.form) for one in others] + [form]
    left = [every if one.number is None else one.number for one in others] + [every]
    weighed = *(in_format(tensor, kind) for kind in kinds[:-1]), in_groups(tensor, form)
    ones = [(size * sympy.S.One).xreplace(known) for size in weighed]
    sizes = {}
    for layer in layers:
        room = tensor.each
        for place, kind in enumerate(kinds):
            taken = min(room, left[place])
            room, left[place] = room - taken, left[place] - taken
            if taken and (place, taken) not in sizes:
                sizes[place, taken] = _in_groups(replace(tensor, each=taken), kind, ones[place])
            if taken:
                yield Stored(tensor.name, tensor.group, layer, taken, shape, *sizes[place, taken])


def _in_blocks(tensor: Tensor, kind: str) -> tuple[str, Fraction, Fraction]:
    """Return a block type, and what its name promises for the tensors of a layer, and what they take [bytes]."""
    numbers = tensor.each * int(tensor.size)
    elements, size = block(kind)
    return kind, Fraction(numbers * named_bits(kind), 8), Fraction(numbers * size, elements)


def _in_groups(tensor: Tensor, form: Format, one: sympy.Expr) -> tuple[str, Fraction, Fraction]:
    """Return how tensors without blocks are stored, what their codes take, and what all takes, `one` each [bytes]."""
    size = tensor.each * one
    if form.family == Family.PLAIN or tensor.size * form.rest == 8 * one:
        kind = form.name if form.family == Family.PLAIN else f"{form.rest} bits"
        return kind, _fraction(size), _fraction(size)
    *matrices, rows, columns = tensor.shape
    of_codes = tensor.each * sympy.prod(matrices) * codes(rows, columns, form)
    return form.name, _fraction(of_codes), _fraction(size)


def _fraction(number: sympy.Expr) -> Fraction:
    exact = sympy.Rational(number)
    return Fraction(int(exact.p), int(exact.q))
