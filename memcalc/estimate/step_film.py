"""A training step as a film: what lies on the card behind each group of its operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from memcalc.errors import InputError
from memcalc.estimate.peak import At, kinds_of
from memcalc.estimate.terms import values
from memcalc.formula.choices import Recompute
from memcalc.formula.moments import Moment
from memcalc.specs.model import Model
from memcalc.specs.training import Training


def film(model: Model, run: Training) -> Iterator[tuple[str, int]]:
    """Yield what happens in a step, in order, and what lies on the card then [bytes on one GPU].

    The highest shot is the `peak` of the run; between the last and the first layer on the way back, each adds the same.
    Raises InputError where the activations are not those that PyTorch keeps for Hugging Face code.

    >>> run = Training(batch=4, recipe="bf16", recompute="full")
    >>> max(film(Model.named("Mistral-7B-v0.1"), run), key=lambda shot: shot[1])
    ('the optimizer changes the weights', 72417322124)
    """
    every = kinds_of(model, run)
    if not any(moment.phase == "loss" for moment, _ in every):
        raise InputError(f"activations must be 'transformers' for the film of a step, not {str(run.activations)!r}.")
    yield from _forward(model, run, every)
    for phase in ("gather", "forward", "loss"):
        yield from ((at.name, at.bytes) for moment, at in every if moment.phase == phase)
    alone = [at for moment, at in every if moment.phase == "backward" and not moment.layer]
    yield from ((at.name, at.bytes) for at in alone[:-1])
    yield from _layers(model.layers, _silent(run), every)
    yield alone[-1].name, alone[-1].bytes
    yield from ((at.name, at.bytes) for moment, at in every if moment.phase == "step")


def _forward(model: Model, run: Training, every: list[tuple[Moment, At]]) -> Iterator[tuple[str, int]]:
    """Yield the way to the head: each layer adds what it keeps."""
    moment, at = next(pair for pair in every if pair[0].phase == "forward")
    kept = next(part for part in moment.parts if part.name == "activations")
    once = next(part for part in kept.parts if part.name == "other_activations").exact(values(model, run))
    begin = at.bytes - at.parts["passing"] - at.parts["activations"]
    yield "the step begins", begin
    silent = _silent(run)
    for layer in range(1, model.layers + 1):
        kept = (at.parts["activations"] - once) * max(0, layer - silent) // (model.layers - silent)
        yield f"layer {layer} has gone forward", begin + kept


def _silent(run: Training) -> int:
    """Return how many layers no gradient reaches: for checkpointing, Transformers sends one through frozen ones too."""
    return run.frozen_layers if run.recompute == Recompute.NONE else 0


def _layers(last: int, frozen: int, every: list[tuple[Moment, At]]) -> Iterator[tuple[str, int]]:
    """Yield the layers from the last to the first that a gradient reaches, each half by half."""
    ends = {}
    for moment, at in every:
        if moment.layer:
            sizes = ends.setdefault(at.name.partition(" layer ")[2], {})
            sizes[moment.layer] = max(at.bytes, sizes.get(moment.layer, 0))
    for layer in range(last, frozen, -1):
        for where, sizes in ends.items():
            if (size := _between(last - layer, last - frozen - 1, sizes)) is not None:
                yield f"layer {layer} {where}", size


def _between(gone: int, others: int, sizes: Mapping[str, int]) -> int | None:
    """Return what is there when so many layers have gone back and `others` are not the first; each adds the same."""
    if not others:
        return max(sizes.values())
    known = (1, "last but one"), (others - 1, "second"), (0, "last"), (others, "first")  # what comes later counts
    ends = {place: sizes[word] for place, word in known if word in sizes}
    before, after = [place for place in ends if place <= gone], [place for place in ends if place >= gone]
    if not before or not after:
        return None
    first, last = max(before), min(after)
    return ends[first] + (ends[last] - ends[first]) * (gone - first) // max(last - first, 1)
