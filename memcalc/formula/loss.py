"""Loss: what head and cross entropy keep of the logits, and what they need beside that for a moment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import sympy

from memcalc.catalogue import Row
from memcalc.formula.formats import FP32, HALF
from memcalc.formula.numeric import Max, Min
from memcalc.formula.symbols import symbols
from memcalc.formula.tensors import V, d
from memcalc.formula.term import Term

s, b = symbols("context batch")

FREED = ("shifted_labels", "padding_label", "label_count")
"""Keys of what the loss needs no longer once its gradient is there."""


@dataclass(frozen=True, kw_only=True)
class Loss(Row):
    """How a loss is computed: a row of data/losses.csv.

    Parameters
    ----------
    name : as in `formula.choices.Losses`
    chunked : whether head and loss go through the tokens in chunks
    kept : of the logits until the backward pass: their "probabilities", the same in 16 bits as "half", the "logits", or
        "gradients" of the head alone
    shifted : tokens of a sequence that are cut off before the loss
    half_forward, full_forward : copies of the logits in 16 and in 32 bits beside that in the forward pass
    half_backward, full_backward : the same at the start of the backward pass
    rows : of the logits, which give their entropy at once beside the copies of the forward pass; 0 if none do
    meaning, source : what it does, and where that is said

    >>> Loss.of("plain").backward(2) / (s * b * V)
    8
    """

    name: str
    chunked: bool
    kept: str
    shifted: int
    half_forward: int
    full_forward: int
    half_backward: int
    full_backward: int
    rows: int
    meaning: str
    source: str

    @classmethod
    def of(cls, word: str) -> "Loss":
        """Return the row of a word; it is not `named` because the table is called as English forms its plural."""
        return _row(word)

    def forward(self, width: int) -> sympy.Expr:
        """Return what the forward pass needs beside what is kept [bytes]; `width` is that of a number in the model."""
        half = HALF * self.half_forward if width < FP32 else 0
        of_rows = entropies(self.rows, FP32 if self.kept == "logits" else width) if self.rows else 0
        return (half + FP32 * self.full_forward) * (_chunk if self.chunked else s * b * V) + of_rows

    def backward(self, width: int) -> sympy.Expr:
        """Return what the start of the backward pass needs beside what is kept [bytes].

        In chunks, the gradients that the forward pass has left are copied where the parameters keep theirs.
        """
        if self.chunked:
            return width * (s * b * d + V * d)
        half = HALF * self.half_backward if width < FP32 else 0
        return (half + FP32 * self.full_backward) * s * b * V


# the power of two behind as many tokens as have the logits of one hidden state: less than twice as many
_chunk = 2 * V * sympy.ceiling(s * b / sympy.ceiling(V / d))


def entropies(rows: int, width: int) -> sympy.Expr:
    """Return what so many rows of logits need for their entropy [bytes]: logarithms, probabilities and products."""
    return 3 * width * Min(rows, b * (s - 1)) * V


@cache
def scored(raised: bool = True, rows: int = 0) -> Term:
    """Return the term for the logits of a model that scores tokens without gradients, one sequence after the other.

    Parameters
    ----------
    raised : whether logits become FP32, as Accelerate has it in mixed precision and DeepSpeed does not
    rows : of the policy's logits, which are there too, so many rows give their entropy at once; 0 if none do

    >>> scored(raised=False)
    M_lp = V × (2 × s - 2) + 2 × V × s × b
    """
    width = FP32 if raised else HALF
    raising, own, of_a_sequence = (HALF + width) * b * s * V, width * b * s * V, width * (s - 1) * V
    moments = [own + of_a_sequence, *([raising] if raised else [])]
    if rows:  # and a copy of the other model's logits
        moments.append(own + width * b * (s - 1) * V + entropies(rows, width))
    others = HALF * b * s * V if rows and not raised else 0  # of which the backward pass keeps something else
    return Term(
        name="scored",
        expr=Max(*moments) + others,
        meaning="The log-probability of each token needs the logits of all, and an exponential for each of a sequence.",
        holds="TRL 1.10, with logits for every token",
        source="trl2026, trl/trainer/utils.py, selective_log_softmax and entropy_from_logits",
    )


def _row(word: str) -> Loss:
    from memcalc import catalogue

    return Loss.of_row(catalogue.find("losses", "loss", word))


def kept_by(word: str, width: int, tensors: Iterable) -> Iterator:
    """Yield what a model keeps with this loss, of the tensors that it keeps with the plain one.

    Parameters
    ----------
    word : name of a row of data/losses.csv
    width : bytes of a number in the model
    tensors : those of `formula.saved_tensors`
    """
    loss = Loss.of(word)
    for tensor in tensors:
        logits = V in tensor.shape
        if tensor.place not in ("head", "loss") or not (loss.chunked or tensor.place == "loss"):
            yield tensor
        elif not loss.chunked:
            yield _with_logits(loss, width, tensor)
        elif logits and tensor.place == "loss":
            yield replace(tensor, name="gradient of the head's input", shape=(s, b, d), bytes_each=width)
        elif tensor.place == "head" and not logits:  # which is kept for the gradient of a head that is trained
            yield replace(tensor, name="gradient of the output head", shape=(V, d), bytes_each=width)


def _with_logits(loss: Loss, width: int, tensor):
    shape = tuple(s - loss.shifted if one == s else one for one in tensor.shape)
    if loss.kept == "logits" and V in shape:
        return replace(tensor, name="logits in FP32", shape=shape)
    if loss.kept == "half" and V in shape:
        return replace(tensor, name="log-probabilities", shape=shape, bytes_each=width)
    return replace(tensor, shape=shape)
