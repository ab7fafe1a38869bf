"""A training step as a film: its moments in order, and what lies on the card at each of them, part by part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache

import sympy

from memcalc.errors import InputError, must
from memcalc.estimate import training
from memcalc.estimate.peak import beside, passes
from memcalc.estimate.questions import breakdown
from memcalc.estimate.terms import values
from memcalc.formula import numeric
from memcalc.formula.activations import padded_context
from memcalc.formula.choices import Accounting, Recompute
from memcalc.formula.loss import Loss
from memcalc.formula.optimizer import step_temporaries_of
from memcalc.formula.saved_tensors import PLACES, SavedTensor, place_of
from memcalc.formula.symbols import symbol
from memcalc.formula.tensors import BIASES, MATRICES, V, d, held
from memcalc.specs.model import Model
from memcalc.specs.training import Training
from memcalc.texts import later, tr

PHASES = ("forward", "loss", "backward", "step")
"""What follows what in a step; the last is that of the optimizer."""

KEPT = tuple(reversed(PLACES))
"""The parts that are activations, by their places, from the floor up: last what grows fastest."""

PARTS = ("weights", "optimizer", "gradients", *KEPT, "passing")
"""What can lie on a card, from the floor up; the last is there for a moment only."""

STOPS = 60
"""Where a player stops: at equal times; the loss and the optimizer's step are stretched to whole ones."""

_NORM, _MLP, _DOWN, _OUT = (
    held("final"),
    held("mlp"),
    held("mlp", of=("down_proj", "down_bias")),
    held("attention", of=("o_proj", "o_bias")),
)
_LAYER = 2 * _NORM + held("attention", of=(MATRICES, BIASES)) + _MLP


@dataclass(frozen=True)
class Moment:
    """One moment of a step.

    Parameters
    ----------
    text : what happens, as it follows "when", with a place for the layer; `name` says it
    phase : one of PHASES
    layer : the number of the layer at work; 0 if none is
    time : share of the step that is over; a matrix product takes its time, the loss and the optimizer are stretched
    parts : one of PARTS → its bytes
    waiting : how many layers, from the first on, have kept what their way back needs
    own : place → bytes that the layer at work has beside that, because it is its turn on the way back
    done : how many layers, from the last on, have all their gradients
    made : bytes of gradients that the layer at work has so far
    """

    text: str
    phase: str
    layer: int
    time: Fraction
    parts: Mapping[str, int]
    waiting: int = 0
    own: Mapping[str, int] = field(default_factory=dict)
    done: int = 0
    made: int = 0

    @property
    def name(self) -> str:
        """What happens, in the reader's language."""
        return tr(self.text, layer=self.layer)

    @cached_property
    def total(self) -> int:
        """All that lies on the card [bytes]."""
        return sum(self.parts.values())

    @cached_property
    def stop(self) -> int:
        """The first stop of a player that is not before it."""
        return math.ceil(self.time * STOPS)

    @property
    def kept(self) -> int:
        """The activations [bytes]."""
        return sum(self.parts[place] for place in KEPT)


@lru_cache(maxsize=256)
def film(model: Model, run: Training) -> tuple[Moment, ...]:
    """Return the moments of a step in their order; it ends with the forward pass where `unmeasured` says why.

    The highest moment before the optimizer's step is `step_peak`, beside weights and optimizer. What is lower
    is derived from the shapes of the tensors: it gives the film its shape.
    Raises InputError where the activations of the run are not known, or cards share the states.

    >>> run = Training(context=512, recipe="bf16")
    >>> moments = film(Model.named("Llama-3.2-1B"), run)
    >>> max(moments, key=lambda moment: moment.total * (moment.phase != "step")).name
    'the embedding has its gradient, the last of all'
    """
    _refuse(model, run)
    camera = _Camera(model, run)
    shots = _kept_alone(camera) if unmeasured(model, run) else _whole(camera)
    return tuple(_timed(camera, shots))


def unmeasured(model: Model, run: Training) -> str:
    """Return why the way back of a run is not known, in one sentence; nothing if it is.

    >>> unmeasured(Model.named("LLaMA-7B"), Training(activations="megatron"))
    'Nobody has measured the way back in the code of Megatron.'
    """
    if run.activations == Accounting.MEGATRON:
        return tr("Nobody has measured the way back in the code of Megatron.")
    try:
        passes(model, run)
    except InputError:
        return tr("Nobody has measured the way back of {model} in this code.", model=model.name)
    return ""


def stops(moments: tuple[Moment, ...]) -> tuple[Moment, ...]:
    """Return where a player stops, at equal times: at the highest moment since the last stop, so no peak is missed.

    >>> len(stops(film(Model.named("LLaMA-7B"), Training())))
    61
    """
    since = {}
    for moment in moments:
        since.setdefault(moment.stop, []).append(moment)
    found = [moments[0]]
    for stop in range(1, moments[-1].stop + 1):
        found.append(max(since.get(stop, ()), key=lambda moment: moment.total, default=found[-1]))
    return tuple(found)


@dataclass(frozen=True)
class Layer:
    """One layer, in bytes.

    Parameters
    ----------
    weights, gradients : of its parameters
    kept : place → what it keeps after the forward pass
    again : place → what it needs on the way back: that, or all that is computed again
    """

    weights: int
    gradients: int
    kept: Mapping[str, int]
    again: Mapping[str, int]


@lru_cache(maxsize=256)
def one_layer(model: Model, run: Training) -> Layer:
    """Return what a layer of a film weighs; all are alike.

    >>> one_layer(Model.named("LLaMA-7B"), Training(context=2048, recipe="bf16", recompute="full")).kept
    {'layer': 16777216}
    """
    camera = _Camera(model, run)
    whole = held("attention") + held("mlp") + held("norms")
    weights = camera.number(whole * symbol("bytes_per_weight"))
    return Layer(weights, camera.gradient(whole), camera.each, camera.places(camera.own))


def _refuse(model: Model, run: Training) -> None:
    if run.stage or run.divided or run.frozen:
        raise InputError(tr(_ALONE))
    if reason := training.activations_unknown(model, run):
        raise InputError(reason)
    if run.activations == Accounting.NONE:
        raise must("activations", tr("transformers or megatron for the film of a step"), "'none'")
    if model.moe_layers or model.latent_layers:
        raise InputError(tr(_OTHER_LAYERS, model=model.name))
    if 0 < model.window <= run.context and model.full_layers and model.window_layers:
        raise must("context", tr(_BELOW, window=model.window, model=model.name), f"{run.context:,}")


_ALONE = later(
    "A film of a step is that of one card alone that trains everything: zero, FSDP, parallelism and frozen must be off."
)
_OTHER_LAYERS = later("A film of a step shows layers of attention and one MLP, which {model} does not have.")
_BELOW = later("below the window of {window:,} tokens that some layers of {model} have")


class _Camera:
    """What is known of a model and a run, as numbers."""

    def __init__(self, model: Model, run: Training):
        self.model, self.run, self.layers = model, run, model.layers
        self.known = dict(values(model, run))
        self.known[padded_context.symbol] = padded_context.exact(self.known)
        self.memory = breakdown(model, run)
        tensors = training.saved_tensors(model, run)
        self.each = self.places(tensor for tensor in tensors if tensor.per == "layer")
        self.outside = [(tensor.place, tensor.bytes(self.known)) for tensor in tensors if tensor.per == "once"]
        again = Recompute.SELECTIVE if run.activations == Accounting.MEGATRON else Recompute.NONE
        kept = training.saved_tensors(model, replace(run, recompute=again)) if self.full else tensors
        self.own = [tensor for tensor in kept if tensor.per == "layer"]

    @property
    def full(self) -> bool:
        """Whether each layer is computed again."""
        return self.run.recompute == Recompute.FULL

    def number(self, expr: sympy.Expr) -> int:
        """Return what an expression of glossary symbols is here."""
        return math.ceil(
            numeric.exact(expr)(*(numeric.number(one, self.known[one]) for one in numeric.arguments(expr)))
        )

    def gradient(self, parameters: sympy.Expr) -> int:
        """Return the bytes of the gradients of so many parameters."""
        return self.number(parameters * symbol("bytes_per_gradient"))

    def places(self, tensors: Iterable[SavedTensor]) -> dict[str, int]:
        """Return the bytes of tensors by their places."""
        found = {}
        for tensor in tensors:
            found[place_of(tensor)] = found.get(place_of(tensor), 0) + tensor.bytes(self.known)
        return found

    def parts(self, waiting: int, own: Mapping[str, int], gradients: int, outside: str, passing: int) -> dict[str, int]:
        """Return what lies on the card; `outside` names the places outside the layers that keep their tensors."""
        once = sum(size for place, size in self.outside if place in outside.split())
        states = {name: self.memory[name] for name in ("weights", "optimizer")} | {"gradients": gradients}
        kept = {place: waiting * self.each.get(place, 0) + own.get(place, 0) for place in KEPT}
        kept["once"] += once
        return states | kept | {"passing": passing}


_AROUND = "embedding attention"
_EVERYWHERE = f"{_AROUND} norm head loss"


@dataclass(frozen=True)
class _Shot:
    """A moment before it has its time: `took` is counted in layers of the forward pass, 0 for what is stretched.

    `total` is what lies beside weights and optimizer where a term says so; else `passing` is there for a moment.
    """

    name: str
    phase: str
    took: Fraction | int = 0
    layer: int = 0
    waiting: int = 0
    own: Mapping[str, int] = field(default_factory=dict)
    done: int = 0
    made: int = 0
    gradients: int = 0
    outside: str = _AROUND
    passing: int = 0
    total: int = 0


def _timed(camera: _Camera, shots: Iterable[_Shot]) -> Iterator[Moment]:
    """Yield the moments: those that take no time in layers take one stop each."""
    shots, works, time = list(shots), camera.layers * (4 if camera.full else 3), Fraction(0)
    stretched = Fraction(works, STOPS - sum(shot.took == 0 for shot in shots[1:]))
    for place, shot in enumerate(shots):
        time += shot.took or (stretched if place else 0)
        parts = camera.parts(shot.waiting, shot.own, shot.gradients, shot.outside, shot.passing)
        if shot.total:
            parts["passing"] += shot.total + parts["weights"] + parts["optimizer"] - sum(parts.values())
        share = time / (stretched * STOPS)
        yield Moment(shot.name, shot.phase, shot.layer, share, parts, shot.waiting, shot.own, shot.done, shot.made)


def _forward(camera: _Camera) -> Iterator[_Shot]:
    yield _Shot(later("the step begins"), "forward")
    for layer in range(1, camera.layers + 1):
        yield _Shot(later("layer {layer} has gone forward"), "forward", 1, layer, layer)


def _kept_alone(camera: _Camera) -> Iterator[_Shot]:
    """Yield what is known where nobody has measured the way back: what is kept, and in Megatron one layer once more."""
    yield from _forward(camera)
    yield _Shot(later("all is kept that the way back needs"), "loss", waiting=camera.layers, outside=_EVERYWHERE)
    if camera.full and camera.run.activations == Accounting.MEGATRON:
        last, own = camera.layers, camera.places(camera.own)
        yield _Shot(_AGAIN, "backward", 1, last, last - 1, own, outside=_EVERYWHERE)


_AGAIN = later("layer {layer} is computed again")
_THROUGH = {
    "MLP": later("layer {layer} goes back through its MLP"),
    "scores": later("layer {layer} goes back through its scores"),
    "attention": later("layer {layer} goes back through its attention"),
}
"""What a layer is at work on, on its way back."""


def _whole(camera: _Camera) -> Iterator[_Shot]:
    yield from _forward(camera)
    back = _Back(camera)
    for part in (back.loss, back.layers_back, back.end):
        yield from part()


class _Back:
    """The way back: totals where a term has been measured, and between them what the shapes say."""

    def __init__(self, camera: _Camera):
        self.camera, self.last = camera, camera.layers
        self.whole = {at.name: beside(at) for _, at in passes(camera.model, camera.run)}
        self.scores = "the last layer goes back through its scores" in self.whole
        wide = symbol("bytes_per_gradient") * symbol("context") * symbol("batch")
        self.residual, self.logits = camera.number(wide * d), camera.number(wide * V)
        self.head, self.norm, self.layer = map(camera.gradient, (V * d, _NORM, _LAYER))

    def loss(self) -> Iterator[_Shot]:
        """Yield the moments around the loss: the numbers of the vocabulary, at each token, several times."""
        at, before = {"waiting": self.last}, f"{_AROUND} norm head"
        whole = not Loss.of(self.camera.run.loss).chunked  # whose numbers are never there all at once
        if whole:
            every = self.camera.number(4 * symbol("context") * symbol("batch") * V)
            raised = self.logits + every if self.logits < every else every
            yield _Shot(later("the head gives each word a number"), "loss", **at, outside=before, passing=self.logits)
            yield _Shot(later("the loss raises these numbers to 32 bits"), "loss", **at, outside=before, passing=raised)
        gradient = later("the loss has its gradient")
        for name, moment in ((later("the loss is known"), "the loss is computed"), (gradient, gradient)):
            yield _Shot(name, "loss", **at, outside=_EVERYWHERE, total=self.whole[moment])
        if whole:
            yield _Shot(later("the way back begins"), "loss", **at, outside=before, passing=self.logits)

    def layers_back(self) -> Iterator[_Shot]:
        """Yield the layers on their way back, from the last to the first."""
        now = {"waiting": self.last, "passing": self.residual, "gradients": self.head}
        total = self.whole.get("the head has its gradient", 0)
        yield _Shot(later("the head has its gradients"), "backward", outside=f"{_AROUND} norm head", total=total, **now)
        for layer in range(self.last, 0, -1):
            shots = self.one_layer(layer, self.head + self.norm + (self.last - layer) * self.layer)
            yield from (replace(shot, phase="backward", passing=self.residual) for shot in shots)

    def one_layer(self, layer: int, before: int) -> Iterator[_Shot]:
        """Yield one layer on its way back; `before` are the gradients that are there already."""
        waiting, done = layer if self.camera.full else layer - 1, self.last - layer
        now = _Shot("", "backward", Fraction(2, 3), layer, waiting, done=done)
        if self.camera.full:
            own = self.camera.places(self.camera.own)
            yield replace(now, name=_AGAIN, took=1, own=own, gradients=before)
        for word, own, made in self.halves:
            yield replace(
                now, name=_THROUGH[word], own=own, made=made, gradients=before + made, total=self.of(word, layer)
            )
        gradients = before + self.layer
        name = later("layer {layer} has its gradients")
        yield replace(now, name=name, waiting=layer - 1, done=done + 1, gradients=gradients)

    @cached_property
    def halves(self) -> Sequence[tuple[str, Mapping[str, int], int]]:
        """A layer on its way back, half by half: its word, what is still kept, and the gradients made."""
        own, scores = self.camera.own, self.scores
        last = [tensor.key for tensor in own].index("softmax" if scores else "heads_output")
        behind_mlp = self.camera.places(tensor for tensor in own if tensor.key != "down_input")
        made = self.camera.gradient(_MLP + _NORM + (_OUT if scores else 0))
        return (
            ("MLP", behind_mlp, self.camera.gradient(_DOWN)),
            ("scores" if scores else "attention", self.camera.places(own[: last + 1]), made),
        )

    def of(self, word: str, layer: int) -> int:
        """Return for any layer what a moment has for the last: each layer before it adds the same.

        No moment says it where attention has no scores.
        """
        added = self.layer - sum(self.camera.each.values())
        last = self.whole.get(f"the last layer goes back through its {word}")
        return last + (self.last - layer) * added if last else 0

    def end(self) -> Iterator[_Shot]:
        """Yield the embedding, and the optimizer's step."""
        now = _Shot("", "step", done=self.last, gradients=self.camera.memory["gradients"], outside="")
        name = later("the embedding has its gradient, the last of all")
        yield replace(now, name=name, phase="backward", total=self.whole[name])
        yield replace(now, name=later("the optimizer begins"))
        results = self.camera.run.optimizer_spec.temporaries or 0
        there = self.camera.number(step_temporaries_of("foreach", results=results).expr)
        root = later("the optimizer takes a root for every parameter")
        for name in (root, later("the optimizer takes a quotient for every parameter")):
            yield replace(now, name=name, passing=there)
        yield replace(now, name=later("every weight has moved a little"))
        yield _Shot(later("the gradients are dropped for the next step"), "step", outside="")
