"""What a model stores from its input to its output, layer by layer, told from the names of its tensors."""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from memcalc import catalogue
from memcalc.checkpoints.stored import WEIGHTS, Checkpoint, layer_of

INPUT, FIRST, EXPERTS = "input", "first", "experts"
"""Where a tensor lies: at the input, with the first layer though its name says none, among the routed experts."""


@dataclass(frozen=True)
class Stack:
    """What a model stores, from the input to the output [bytes].

    Parameters
    ----------
    input : tables in which tokens and positions are looked up
    layers : each of them, from the first on, without draft layers, whose places are 0
    experts : what of each are routed experts
    output : the output head and the last norm
    copied : what stands once, at the input, and is needed at the output too

    >>> Stack(10, (5, 7), (0, 3), 4).total
    26
    """

    input: int | Fraction
    layers: tuple[int | Fraction, ...]
    experts: tuple[int | Fraction, ...]
    output: int | Fraction
    copied: int | Fraction = 0

    @property
    def total(self) -> int | Fraction:
        """All of it, each tensor once [bytes]."""
        return self.input + sum(self.layers) + self.output

    @property
    def main(self) -> int:
        """How many layers there are before the draft layers."""
        return max((place for place, size in enumerate(self.layers, 1) if size), default=0)


@cache
def words_of(kind: str) -> dict[str, str]:
    """Return a word in the name of a tensor → where that tensor lies: rows of data/stored_places.csv.

    Parameters
    ----------
    kind : "GGUF" or "safetensors", or "formula" for the names in data/tensors.csv

    >>> words_of("GGUF")["token_embd"], words_of("formula")["embed_norm"]
    ('input', 'first')
    """
    return {row["word"]: row["place"] for row in catalogue.rows("stored_places") if row["kind"] == kind}


def stack_of(checkpoint: Checkpoint) -> Stack | None:
    """Return what the files of a model store, layer by layer; None if they do not tell it.

    Source: ggml2026llama, src/llama-arch.cpp, LLM_TENSOR_INFOS, for GGUF.
    """
    words, head, sums = words_of(checkpoint.kind), "", defaultdict(int)
    held = [(one, *layer_of(one.name).rpartition(".")[::2]) for one in checkpoint.tensors]
    stacks = [stack for one, stack, number in held if number and one.part == WEIGHTS]
    main = max(set(stacks), key=stacks.count, default=None)
    if not held:
        return None
    numbers = [int(number) for _, stack, number in held if number and stack == main]
    for one, stack, number in held:
        says = next((words[word] for word in one.name.split(".") if word in words), "")
        place = int(number) if number and stack == main else 0 if says == FIRST else says
        head = head or (one.name if one.name.startswith("output.") else "")
        if one.part == WEIGHTS:
            sums[place] += one.bytes
            sums[EXPERTS, place] += one.bytes * (says == EXPERTS)
    layers = range(max(numbers, default=-1) + 1)
    each, experts = (tuple(sums[key(layer)] for layer in layers) for key in (int, lambda layer: (EXPERTS, layer)))
    rest = sum(size for place, size in sums.items() if place == "")
    return Stack(sums[INPUT], each, experts, rest, 0 if head else _table(checkpoint))


def _table(checkpoint: Checkpoint) -> int:
    """Return the bytes of the table of tokens."""
    return sum(one.bytes for one in checkpoint.tensors if one.name == "token_embd.weight")
