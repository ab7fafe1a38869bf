"""Ways to make a training run fit: shorter, more cards, recomputing, offloading, adapters; one change, then two."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, islice

from memcalc.errors import InputError
from memcalc.estimate.effects import plainly
from memcalc.estimate.inference import AnyModel
from memcalc.estimate.questions import fewest_gpus, fits, largest
from memcalc.estimate.terms import terms, values
from memcalc.estimate.ways import Way, fewer, holding_at_once
from memcalc.formula.choices import Layout, Offload
from memcalc.specs.gpu import Gpu
from memcalc.specs.run import PARALLEL
from memcalc.specs.training import Training
from memcalc.texts import both, cached, later, tr
from memcalc.units import show

_RANK = 16
"""A rank of adapters that many people begin with."""

_PAIRS = 3
"""So many ways of two changes are told."""

_FEWEST = later("; with fewer cards it does not fit")

Change = Mapping[str, object]
"""Field of a run → another value of it."""


@cached
def ways(model: AnyModel, run: Training, gpu: Gpu) -> tuple[Way, ...]:
    """Return the longest sequence and the largest batch that a card holds, and what makes a run fit, or less would do.

    First comes what changes no number of the result: the first stage of ZeRO or the fewest cards that do, recomputing,
    the loss in chunks, offloading. Then what does: other states, weights in 16 bits alone, and each stepped as soon as
    it has its gradient, adapters. Two changes are told where no single one is enough on the cards that there are.

    Raises InputError if the model cannot be trained that way.

    >>> from memcalc.specs.model import Model
    >>> found = ways(Model.named("Llama-2-7B"), Training(data_parallel=8), Gpu.named("A100 80 GB"))
    >>> [way.sentence for way in found][0]
    'zero 1 would leave 32.83 GiB; no lower stage fits.'
    """
    limits = (*fewer(model, run, gpu), *_several(model, run, gpu))
    search = _Search(model, run, gpu)
    if fits(model, run, gpu):
        return (*limits, *search.less())
    shared = tuple(search.sharing())
    single = tuple(search.single())
    return (*limits, *shared, *(single or islice(search.double(), _PAIRS)))


def without_states(model: AnyModel, run: Training) -> tuple[int, int]:
    """Return the states of the optimizer, and the peak of a step without them [bytes on one GPU].

    Raises InputError if the model cannot be trained that way.

    >>> from memcalc.specs.model import Model
    >>> without_states(Model.nominal(10**9), Training(recipe="bf16", optimizer="paged_adamw_32bit"))
    (8000000000, 4000000000)
    """
    from memcalc.estimate.peak import peak  # here: SymPy builds many terms for training

    known = values(model, run)
    optimizer = next(term for term in terms(model, run) if term.name == "optimizer")
    states = sum(part.exact(known) for part in optimizer.parts if part.name == "optimizer_states")
    there = (at.bytes - min(states, at.parts.get("optimizer", 0)) for at in peak(model, run).moments.values())
    return states, max(there)


def _several(model: AnyModel, run: Training, gpu: Gpu) -> Iterator[Way]:
    """Yield how many sequences the card holds, where the run has one of them."""
    try:
        count = largest("batch", model, run, gpu) if run.batch == 1 else 0
    except InputError:  # nothing that grows with it is counted
        return
    if count > 1:
        yield Way(replace(run, batch=count), holding_at_once(count, run))


@dataclass(frozen=True)
class _Search:
    """What is tried to make a run fit."""

    model: AnyModel
    run: Training
    gpu: Gpu

    def sharing(self) -> Iterator[Way]:
        """Yield the first stage of ZeRO with which these cards do, or the fewest cards that share everything."""
        run = self.run
        if run.sharing_cards > 1 and not run.by_rows and (way := self._first(range(run.zero + 1, 4))):
            yield way
            return
        shorter = {"recompute": "full"}, {"recompute": "full", "loss": "fused_linear"}
        yield from islice(filter(None, (self._on_fewest(also | self._everything) for also in ({}, *shorter))), 1)

    @property
    def _everything(self) -> Change:
        """What makes cards share everything out, which depends on how they divide the model."""
        if self.run.by_rows:
            return {}
        if self.run.planned:
            return {"sharding": "fsdp2"}
        return {"zero": 3} if self.run.expert_parallel == 1 else {"zero": 0, "sharding": "fsdp"}

    def less(self) -> Iterator[Way]:
        """Yield the first stage of ZeRO, and the fewest cards, with which a run fits that has more of them."""
        run = self.run
        if run.data_parallel == 1:
            return
        if not run.by_rows and (way := self._first(range(run.zero))):
            yield way
        cards = fewest_gpus(self.model, run, self.gpu) // self._dividing
        if 0 < cards < run.data_parallel:
            yield from filter(None, [self._tried({"data_parallel": cards}, _FEWEST if cards > 1 else "")])

    def _first(self, stages: Iterable[int]) -> Way | None:
        why = later("; no lower stage fits")
        return next(filter(None, (self._tried({"zero": stage}, why) for stage in stages)), None)

    @property
    def _dividing(self) -> int:
        """Cards that divide model or sequences, each of which has as many beside it that work on other sequences."""
        return math.prod(getattr(self.run, degree) for degree in (*PARALLEL, "context_parallel"))

    def _on_fewest(self, everything: Change) -> Way | None:
        """Return the run on the fewest cards that share everything, more than there are; None if no number does."""
        try:
            cards = fewest_gpus(self.model, replace(self.run, **everything), self.gpu)
        except InputError:
            return None
        cards //= self._dividing
        if cards <= self.run.data_parallel:
            return None
        return self._tried({**everything, "data_parallel": cards}, _FEWEST)

    def single(self) -> Iterator[Way]:
        """Yield each single change that makes the run fit; of alternatives, the first, and nothing that goes on from
        what is enough.
        """
        told: list[Change] = []
        for alternatives in changes(self.run):
            for change in alternatives:
                enough = any(less.items() <= change.items() for less in told)
                if not enough and (way := self._tried(change)):
                    told.append(change)
                    yield way
                    break

    def double(self) -> Iterator[Way]:
        """Yield pairs of changes that make the run fit; of alternatives, the first that do."""
        for first, second in combinations(changes(self.run), 2):
            if self._tried({**first[-1], **second[-1]}):  # which go furthest
                both = ({**one, **other} for one in first for other in second)
                yield from islice(filter(None, map(self._tried, both)), 1)

    def _tried(self, change: Change, why: str = "") -> Way | None:
        """Return the run with a change, in words, if it fits."""
        try:
            changed = replace(self.run, **change)
            fit = fits(self.model, changed, self.gpu)
        except InputError:  # a choice that this run excludes
            return None
        if not fit or changed == self.run:
            return None
        fields = [name for name in change if getattr(changed, name) != getattr(self.run, name)]
        *others, last = (f"{name} {plainly(getattr(changed, name))}" for name in fields)
        said = {"changes": both([*([", ".join(others)] if others else []), last]), "left": show(fit.margin)}
        said |= {"unknown": fit.unknown, "besides": tr(why) or price(self.model, self.run, changed)}
        return Way(changed, tr(_LEFT_FOR if fit.unknown else _LEFT, **said))


_LEFT = later("{changes} would leave {left}{besides}.")
_LEFT_FOR = later("{changes} would leave {left} for {unknown}{besides}.")


def changes(run: Training) -> Iterator[tuple[Change, ...]]:
    """Yield changes of a run, each with what goes further; first those that change no number of the result.

    >>> next(changes(Training()))
    ({'recompute': 'full'}, {'recompute': 'full', 'offload_activations': True})
    """
    yield {"recompute": "full"}, {"recompute": "full", "offload_activations": True}
    yield ({"loss": "fused_linear"},)
    if run.offload == Offload.NONE:
        yield _offloads(run)
    if run.lora_rank:
        yield ({"base_weights": "NF4-double"},)
        return
    if run.optimizer_spec.layout == Layout.FULL:
        yield ({"optimizer": "8-bit AdamW"},)
    yield ({"recipe": "bf16"},)
    alone = {"recipe": "bf16"} if run.recipe_spec.master else {}  # where no other copy of the weights is stepped
    yield ({**alone, "optimizer_in_backward": True},)
    yield ({"lora_rank": _RANK}, {"lora_rank": _RANK, "base_weights": "NF4-double"})


def _offloads(run: Training) -> tuple[Change, ...]:
    weights_too = {"offload": "parameters"}
    if run.by_rows:
        return (weights_too,)
    return {"zero": run.zero or 2, "offload": "optimizer"}, {"zero": 3, **weights_too}


def price(model: AnyModel, run: Training, changed: Training) -> str:
    """Say what a change costs that is not seen in bytes of the card, as it ends a sentence; "" if nothing.

    >>> price(None, Training(), Training(recipe="bf16"))
    ', but loses updates that are small beside their weight'
    """
    said = []
    if (changed.offload, changed.offload_activations) != (run.offload, run.offload_activations):
        from memcalc.estimate.offload import places  # here: SymPy builds many terms for training

        kept = sum(places(model, changed)["cpu"].values())
        said.append(tr(", with {size} of CPU memory for each card", size=show(kept)))
    if changed.lora_rank and not run.lora_rank:
        said.append(tr(", and trains adapters alone"))
    if changed.recipe == "bf16" != run.recipe and not changed.lora_rank:
        said.append(tr(", but loses updates that are small beside their weight"))
    if changed.optimizer_in_backward and not run.optimizer_in_backward:
        said.append(tr(", without a clip of all gradients together, or sums over several passes"))
    return "".join(said)
