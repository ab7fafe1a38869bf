"""What a model stores from its input to its output, layer by layer, told from the names of its tensors."""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from memcalc import catalogue
from memcalc.checkpoints.stored import WEIGHTS, Checkpoint, layer_of

INPUT, FIRST, EXPERTS, TABLE, HEAD = "input", "first", "experts", "table", "head"
"""Where a tensor lies: at the input, with the first layer though its name says none, among the routed experts; and the
table of the tokens, which is at the input, and the output head, without which the table is both."""


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
    ('table', 'first')
    """
    return {row["word"]: row["place"] for row in catalogue.rows("stored_places") if row["kind"] == kind}


def stack_of(checkpoint: Checkpoint) -> Stack | None:
    """Return what the files of a model store, layer by layer; None if they do not tell it.

    Source: ggml2026llama, src/llama-arch.cpp, LLM_TENSOR_INFOS, for GGUF.
    """
    words, sums = words_of(checkpoint.kind), defaultdict(int)
    held = [(one, *layer_of(one.name).rpartition(".")[::2]) for one in checkpoint.tensors if one.part != _ADAPTER]
    stacks = [stack for one, stack, number in held if number and one.part == WEIGHTS]
    main = max(set(stacks), key=stacks.count, default=None)
    if not held:
        return None
    for one, stack, number in held:
        says = next((words[word] for word in one.name.split(".") if word in words), "")
        place = int(number) if number and stack == main else {FIRST: 0, TABLE: INPUT}.get(says, says)
        if one.part == WEIGHTS:
            sums[place] += one.bytes
            sums[says, place] += one.bytes
    last = max((int(number) for _, stack, number in held if number and stack == main), default=-1)
    each, experts = (tuple(sums[key(layer)] for layer in range(last + 1)) for key in (int, lambda one: (EXPERTS, one)))
    copied = 0 if sums[HEAD, HEAD] else sums[TABLE, INPUT]
    return Stack(sums[INPUT], each, experts, sums[""] + sums[HEAD], copied)


_ADAPTER = "adapter"
