"""Moments of a training step: what lies on the card where the step may need most, each a sum of named terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

import sympy

from memcalc.formula.activations import activations, layer, padded_context, passing, trained_layers, with_windows
from memcalc.formula.choices import Recompute
from memcalc.formula.dora import measuring
from memcalc.formula.formats import FP32, HALF
from memcalc.formula.gathered import final_norm, of_frozen, of_fsdp, of_zero, one_layer, table
from memcalc.formula.halves import GONE, bytes_of, halves, norms, product
from memcalc.formula.lora import copies
from memcalc.formula.loss import FREED, Loss
from memcalc.formula.moment import CODE, PHASES, SOURCE, Moment
from memcalc.formula.numeric import Max, Min
from memcalc.formula.optimizer import gradients, optimizer, step_temporaries
from memcalc.formula.saved_tensors import SELECTED, CodePath, saved_tensors
from memcalc.formula.symbols import symbol, symbols
from memcalc.formula.tensors import V, d, d_k, h, h_kv, held, n_emb, n_pos
from memcalc.formula.term import Term
from memcalc.formula.weights import layers, parameters, weights
from memcalc.texts import later

L, s, b, B_g = symbols("layers context batch bytes_per_gradient")

SCALARS = FP32 + FP32
"""The loss and its gradient [bytes]."""


@dataclass(frozen=True)
class Step:
    """A step of a run, as far as it decides where its memory peaks.

    Parameters
    ----------
    weights, gradients, optimizer : the states that the card keeps
    stepped : the gradients that are there when the optimizer begins
    temporaries : what the optimizer takes for a moment; None if nobody knows
    lasting : whether gradients stay from step to step
    shared : whether cards share gradients out as soon as a layer has made them
    frozen : whether adapters alone are trained
    tied : whether input embedding and output head are one matrix
    gathering : who gathers shares of the weights: "zero", "fsdp" or nobody
    case : the code that keeps activations; None if it is another's, or not known
    windows : whether some layers have a window that the context has reached
    kept : activations that are there at once, where `case` is None: first of the forward, then of the backward pass
    beside : what lies there at every moment
    reducing : what lies there on the way back alone, to add gradients up between cards
    roots : bytes that the optimizer takes for a moment of each number of a tensor, where it steps each as soon as that
        has its gradient, which is dropped then; None where it steps behind the pass
    hoarding : whether the input of each layer and its gradient stay until the backward pass ends, for FSDP's hooks on
        frozen layers hold on to what torch's reentrant checkpoint makes anew
    """

    weights: Term
    gradients: Term
    optimizer: Term
    stepped: Term
    temporaries: Term | None
    lasting: bool = False
    shared: bool = False
    frozen: bool = False
    tied: bool = False
    gathering: str = ""
    case: CodePath | None = None
    windows: bool = False
    kept: tuple[Term, ...] = ()
    beside: tuple[Term, ...] = ()
    reducing: tuple[Term, ...] = ()
    hoarding: bool = False
    roots: sympy.Expr | None = None

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """Every moment that may be the highest, in the order of a step."""
        passes = self._passes() if self.case else self._kept_alone()
        return (*self._gathering(), *passes, *self._stepping())

    def _moment(self, phase: str, name: str, *parts: Term, gradients: sympy.Expr | None = None, **said: str) -> Moment:
        """Return a moment before the optimizer's step; `gradients` are those made so far, where none are lasting."""
        there = self.gradients if self.lasting else _with(self.gradients, gradients or sympy.S.Zero)
        beside = (*self.beside, *(self.reducing if phase == "backward" else ()))
        return Moment(phase, name, (self.weights, there, self.optimizer, *parts, *beside), **said)

    def _stepping(self) -> Iterator[Moment]:
        if self.roots is not None:
            name = later("the optimizer changes the last weights, those of the embedding")
            yield replace(self._changed(name, self.gradients.expr / B_g), phase="step")
            return
        parts = [self.weights, self.stepped, self.optimizer, *([self.temporaries] if self.temporaries else [])]
        holds = self.temporaries.holds if self.temporaries else self.optimizer.holds
        source = (self.temporaries or self.optimizer).source
        name = later("the optimizer changes the weights")
        yield Moment("step", name, (*parts, *self.beside), holds=holds, source=source)

    def _changed(self, name: str, numbers: sympy.Expr, *parts: Term, waiting: sympy.Expr = 0, **said: str) -> Moment:
        """Return a moment in which a tensor of so many numbers is stepped; other gradients are `waiting`."""
        taken = [_with(step_temporaries, self.roots * numbers)] if self.roots else []
        return self._moment("backward", name, *parts, *taken, gradients=B_g * numbers + waiting, **said)

    @property
    def _of_tied(self) -> sympy.Expr:
        """The gradient of a head that is one with the embedding, which waits for that of the embedding."""
        return B_g * table if self.tied else sympy.S.Zero

    def _kept_alone(self) -> Iterator[Moment]:
        ends, again = later("the forward pass ends"), later("one layer is computed again")
        for (phase, name), kept in zip((("forward", ends), ("backward", again)), self.kept, strict=False):
            yield replace(self._moment(phase, name, kept), holds=kept.holds, source=kept.source)

    def _gathering(self) -> Iterator[Moment]:
        if self.gathering:
            kept = [self._waiting(self._all_layers + self._around)] if self.case else []
            there = self._gathered(layers=2)
            yield self._moment("gather", later("the last layer works"), there, *kept, source=there.source)

    def _there(self, place: str) -> list[Term]:
        """Return what cards have gathered where the loss, the head, the embedding or a layer is at work."""
        return [self._gathered(layers=2 if place in ("first", "last") else 0)] if self.gathering else []

    def _passes(self) -> Iterator[Moment]:
        every = self._activations
        forward = [every, *copies(self.case, cached=True), *self._there("forward")]
        yield self._moment("forward", later("the loss is computed"), *forward, at_work(passing(self.case)))
        if self.case.adapted and self.case.adapted.dora:
            yield from self._measuring(forward[1:])
        kept = [every, *copies(self.case), *self._there("loss")]
        yield self._moment("loss", later("the loss has its gradient"), *kept, at_work(self._at_loss))
        chunked = Loss.of(self.case.loss).chunked  # whose forward pass leaves the gradients of the head
        yield from (*([] if chunked else self._head()), *self._layers())
        if self.roots is not None:
            yield from self._down()
        yield self._last_layer() if self._cut else self._embedding()

    def _measuring(self, beside: Iterable[Term]) -> Iterator[Moment]:
        """The rows of the last layer are measured for DoRA: on its way, or when it is made anew."""
        name = later("DoRA finds the lengths of the rows of its widest matrix")
        if self.case.recompute == Recompute.NONE:
            parts = self._waiting(self._all_layers + self._around), at_work(measuring(self.case))
            yield self._moment("forward", name, *parts, *beside)
            return
        for which, waiting, so_far in self._ends(self.case, sympy.S.Zero):
            anew = at_work(layer(self._uncomputed).expr + measuring(self.case, again=True))
            parts = [self._waiting(waiting), anew, *self._copies(which), *self._there(which)]
            yield self._moment("backward", f"{name} in the {which} layer", *parts, gradients=so_far, layer=which)

    @property
    def _cut(self) -> bool:
        """Whether the embedding is frozen, and L_fr layers too, so that the last gradient is that of a layer."""
        return "frozen_embedding" in self.case.details

    @property
    def _of_head(self) -> sympy.Expr:
        """The gradient of the output head, if that is trained."""
        return sympy.S.Zero if "frozen_head" in self.case.details else B_g * table

    @property
    def _at_loss(self) -> sympy.Expr:
        loss = Loss.of(self.case.loss)
        plain = loss.kept == "probabilities"  # whose first operation on the way back needs the labels alone
        freed = sum(tensor.expr for tensor in saved_tensors(self.case) if plain and tensor.key in FREED)
        return loss.backward(self._width) + SCALARS - freed

    def _head(self) -> Iterator[Moment]:
        """The gradient of the logits becomes that of the head and of its input."""
        logits = sum(one.expr for one in saved_tensors(self.case) if V in one.shape and one.place == "loss")
        kept, gone = self._activations, self._width * s * b * (V + d) + SCALARS
        rest = replace(kept, expr=kept.expr - logits)
        parts = [rest, *self._there("head"), at_work(gone)]
        yield self._moment("backward", later("the head has its gradient"), *parts, gradients=self._made_by_head)
        if self.roots is not None and not self.tied:
            left = at_work(self._width * s * b * d + SCALARS)
            yield self._changed(later("the optimizer changes the head"), table, rest, left)

    @property
    def _made_by_head(self) -> sympy.Expr:
        return self._made(self._of_head, 0, sympy.S.Zero)

    def _embedding(self) -> Moment:
        """Every gradient is there; of tied matrices, those of both uses beside their sum."""
        held = [self._waiting(L * self._held)] if self._held else []
        parts = [*held, *self._there("embedding"), at_work(self._beside_embedding(B_g) + SCALARS)]
        name = later("the embedding has its gradient, the last of all")
        every = self.gradients.expr if self.roots is None else B_g * table
        return self._moment("backward", name, *parts, gradients=self._made(every, every))

    def _beside_embedding(self, width: sympy.Expr | int) -> sympy.Expr:
        """What is there beside the gradient of the embedding: that of its output, or where that is one with the head
        both gradients. Cards that have rows of it add up whole gradients, of both matrices if they are one.
        """
        output = self._width * s * b * d
        if self.tied and not self.frozen:
            return (4 if self._divided else 2) * width * table
        return Max(width * table, output) if self._divided else output

    def _last_layer(self) -> Moment:
        """Every gradient is there, where the embedding has none: last come those of queries, keys and values."""
        made = self._width * s * b * (h + 2 * h_kv) * d_k
        read = of_input = 2 * self._width * s * b * d  # behind the norm and its scale; of one matrix more, and the sum
        parts = [self._waiting(self._around), at_work(made + read + of_input + SCALARS), *self._there("first")]
        name = later("the first layer that is trained has its gradients, the last of all")
        return self._moment("backward", name, *parts, gradients=self._made(self.gradients.expr, self.gradients.expr))

    def _layers(self) -> Iterator[Moment]:
        """The last and the first layer on their way back, in the MLP and in the scores of the attention."""
        cases = (self.case, replace(self.case, masked=True)) if self.windows else (self.case,)
        for case in cases:
            for word, there, made in halves(case, self._width):
                for which, waiting, so_far in self._ends(case, made):
                    parts = [self._waiting(waiting), at_work(there + self._residual(case))]
                    parts += [*self._copies(which), *self._there(which)]
                    name = f"the {which} layer goes back through its {word}"
                    yield self._moment("backward", name, *parts, gradients=so_far, layer=which)
        if self._divided:
            yield from self._norms()

    @property
    def _divided(self) -> bool:
        """Whether cards divide heads and MLPs between them, but not what stands between layers."""
        return "divided" in self.case.details

    def _norms(self) -> Iterator[Moment]:
        """A layer on its way back in its norms."""
        for words, there, made in norms(self.case, self._width, self._stream):
            for which, waiting, so_far in self._ends(self.case, made):
                own = at_work(there + self._stream * s * b * d + SCALARS)
                parts = self._waiting(waiting), own, *self._copies(which), *self._there(which)
                yield self._moment("backward", f"the {which} layer {words}", *parts, gradients=so_far, layer=which)

    def _down(self) -> Iterator[Moment]:
        """The widest matrix of a layer is changed, as early as that behind the product is, where most is kept."""
        wide, made = product(self.case)
        if self.case.experts or "gated_packed" in self.case.traits:
            made = held("expert" if self.case.experts else "mlp", of="up_proj")
        own = (one for one in saved_tensors(self._uncomputed) if one.per == "layer" and one.key not in GONE)
        there = at_work(bytes_of(own) + self._width * wide + self._residual(self.case))
        for which, waiting, so_far in self._ends(self.case, made):
            parts, name = (self._waiting(waiting), there), f"the {which} layer has its widest matrix changed"
            yield self._changed(name, made, *parts, *self._copies(which), waiting=so_far, layer=which)

    def _ends(self, case: CodePath, made: sympy.Expr) -> Iterator[tuple[str, sympy.Expr, sympy.Expr]]:
        again, own, entry = self._again, self._own(case), self._entry(case)
        of_last = self._of_head + B_g * (final_norm + made) if self.roots is None else self._of_tied
        so_far = self._made(of_last, 0, self.gradients.expr / L)
        yield "last", self._all_layers - own + entry + self._around, so_far
        missing = one_layer - made + (0 if self._cut else table * (n_emb - 1) + n_pos * d)
        if self._cut and again:  # a gradient goes through frozen layers too, behind all that are trained
            missing *= 1 - Min(1, symbol("frozen_layers"))
        of_first = self.gradients.expr - B_g * missing if self.roots is None else self._of_tied
        waiting = self._hoarded if self.hoarding else entry + (L - 1) * self._held
        yield "first", waiting + self._around, self._made(of_first, self.gradients.expr)

    @property
    def _again(self) -> bool:
        """Whether layers are computed again."""
        return self.case.recompute != Recompute.NONE

    def _own(self, case: CodePath) -> sympy.Symbol:
        """What a layer keeps from its forward pass."""
        return symbol("window_layer_activations") if case.masked and self.windows else layer(case).symbol

    def _entry(self, case: CodePath) -> sympy.Expr:
        """What a layer is made anew from, which stays there; it may be more than what it has kept on the card."""
        if not self._again:
            return sympy.S.Zero
        more = self.case.recompute in SELECTED or "inputs_away" in self.case.details
        return self._stream * s * b * d if more else self._own(case)

    @property
    def _hoarded(self) -> sympy.Expr:
        """What every layer leaves behind until the pass ends: its input, and the gradient of that but for two: the
        first layer has not made its own yet, and the second one's is the gradient of the residual.
        """
        return self._all_layers + (L - 2) * self._stream * s * b * d

    @property
    def _held(self) -> sympy.Expr:
        """What the frozen matrices of a layer hold on to, whether or not the layer has gone back."""
        return bytes_of(tensor for tensor in saved_tensors(self.case) if tensor.key == "held")

    def _made(self, alone: sympy.Expr, shared: sympy.Expr, thin: sympy.Expr | None = None) -> sympy.Expr:
        """Return the gradients so far: made whole, or shared out but for those of the layer at work and of the head.

        Of adapters there are `thin`: all, but those of layers that are still to go back.
        """
        if self.frozen:
            return self.gradients.expr if thin is None else thin
        return shared + self._width * (one_layer + table) if self.shared else alone

    def _residual(self, case: CodePath) -> sympy.Expr:
        """Return the gradient of the residual, and the loss; a layer that is recomputed may share its input."""
        of_residual = self._stream * s * b * d
        copied = "rmsnorm" in case.traits and self._stream < FP32  # the norm raises its input to FP32
        return of_residual + SCALARS - (0 if copied or case.recompute == Recompute.NONE else of_residual)

    def _copies(self, which: str) -> list[Term]:
        """Return the term for the copies that a layer on its way back has, and those before it."""
        inner = [_with(term, term.expr.xreplace({V: sympy.S.Zero})) for term in copies(self._uncomputed)]
        alone = which == "first" or self.case.recompute != Recompute.NONE
        there = [_with(term, term.expr / trained_layers(self.case)) for term in inner] if alone else inner
        return [term for term in there if term.expr != 0]

    @property
    def _uncomputed(self) -> CodePath:
        """The same code without recomputation."""
        return replace(self.case, recompute=Recompute.NONE)

    def _waiting(self, expr: sympy.Expr) -> Term:
        return replace(_with(self._activations, expr), meaning="What the layers that are still to go back have kept.")

    @cached_property
    def _activations(self) -> Term:
        return with_windows(self.case) if self.windows else activations(self.case)

    @cached_property
    def _all_layers(self) -> sympy.Expr:
        """What the layers keep, without what is kept once."""
        once = next(part.symbol for part in self._activations.parts if part.name == "other_activations")
        return self._activations.expr.xreplace({once: sympy.S.Zero})

    @cached_property
    def _around(self) -> sympy.Expr:
        """What embedding and attention keep once, and stays until the first layer is back."""
        once = (tensor for tensor in saved_tensors(self.case) if tensor.per == "once")
        return sympy.Add(*(tensor.expr for tensor in once if tensor.place in ("embedding", "attention")))

    @property
    def _width(self) -> int:
        return FP32 if self.case and self.case.width == "fp32" else HALF

    @property
    def _stream(self) -> int:
        """Bytes of a number between layers."""
        return HALF if self.case.width == "bf16" else FP32

    def _gathered(self, layers: int = 0) -> Term:
        if self.gathering == "zero":
            return of_zero
        base = next((part for part in self.weights.parts if part.name == "base_weights"), None)
        return of_frozen(base, layers) if base and self.frozen else of_fsdp(self._width, layers)


def _with(term: Term, expr: sympy.Expr) -> Term:
    """Return a term with another expression: what of it is there at a moment."""
    parts = {part.name: part for part in (parameters, layers, *term.parts)}
    used = tuple(part for part in parts.values() if part.symbol in expr.free_symbols)
    return replace(term, expr=expr, parts=used)


@cache
def at_work(expr: sympy.Expr) -> Term:
    """Return the term for what passes at a moment [bytes]: results and gradients of the operation at work."""
    return Term(
        name="passing",
        expr=expr,
        meaning="Results and gradients of the operation at work, which are dropped behind it.",
        holds=CODE,
        source=SOURCE,
        parts=tuple(part for part in (padded_context, layers) if expr.has(part.symbol)),
    )


def examples() -> tuple[Term, ...]:
    """Return a term for each moment of a run of LLaMA code on cards that share with FSDP, and the peak over them.

    >>> examples()[-1]
    M_peak = max(M_go, M_loss, M_back, M_upd, M_gat)
    """
    states = (weights, gradients, optimizer, gradients, step_temporaries)
    step = Step(*states, shared=True, gathering="fsdp", case=CodePath("llama", recompute="full"))
    first = {moment.phase: moment.term for moment in reversed(step.moments)}
    each = tuple(first[phase] for phase in PHASES)
    parts = {part.name: part for term in each for part in term.parts}
    return (parts["passing"], parts["gathered"], *each, peak_of(each))


def peak_of(each: tuple[Term, ...]) -> Term:
    """Return the term for the highest of several moments."""
    return Term(
        name="peak",
        expr=Max(*(term.symbol for term in each)),
        meaning="A step needs at once what its highest moment needs; the sum of all terms may be less, or more.",
        holds=CODE,
        source=SOURCE,
        parts=each,
    )
