"""Several cards that share one model out, equal or not: what each holds, and whether all of that fits."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cached_property

from memcalc.command.answers import elsewhere, in_words, line
from memcalc.errors import InputError, must, shown
from memcalc.estimate import advice
from memcalc.estimate.effects import without_effect
from memcalc.estimate.engine import Taken, taken_by_engine
from memcalc.estimate.inference import AnyModel
from memcalc.estimate.questions import Fit
from memcalc.estimate.split import Share, fair_split, in_proportion, on_cards
from memcalc.estimate.terms import last
from memcalc.estimate.ways import Search
from memcalc.formula.choices import End
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.units import UNITS, show


@dataclass(frozen=True)
class Divided:
    """A model whose layers several cards have.

    Parameters
    ----------
    parts : how much of it each has, in proportion; nothing for what fills them alike
    """

    model: Model
    run: Inference
    cards: tuple[Gpu, ...]
    parts: tuple[Fraction, ...] = ()

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """How many layers each card has."""
        if self.parts:
            return in_proportion(self.parts, self.model.layers)
        return fair_split(self.model, self.run, self.cards)

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        """What each card holds."""
        return on_cards(self.model, self.run, self.cards, self.layers)

    @cached_property
    def fits(self) -> tuple[Fit, ...]:
        """Whether each card has room for it and, with an engine, for its driver."""
        return tuple(self._fit(*one) for one in zip(self.shares, self.cards, strict=True))

    def _fit(self, share: Share, card: Gpu) -> Fit:
        if not self.run.kind:
            return share.fit
        taken = self.taken(card)
        low, high = (taken.bytes(end) for end in (End.LOW, End.HIGH))
        return Fit(share.fit.needed + high, card.capacity, share.fit.needed + low, taken.unknown)

    def taken(self, card: Gpu) -> Taken:
        """Return what the engine takes of a card beside weights and cache; its driver is that of a single card."""
        driver = [one for one in taken_by_engine(self.model, self.run, card).shares if one.term.name == "overhead"]
        try:
            several = taken_by_engine(self.model, replace(self.run, pipeline_parallel=len(self.cards)), card)
        except InputError:  # a part of it lies in CPU memory
            several = Taken()
        buffers = [one for one in several.shares if one.term.name != "overhead"]
        unknown = f"the working memory of {self.run.kind}, which nobody has measured on several cards"
        return Taken((*buffers, *driver), several.unknown if buffers else unknown)

    @property
    def tightest(self) -> int:
        """Which card has the least to spare."""
        return min(range(len(self.cards)), key=lambda card: self.fits[card].margin)

    @property
    def fit(self) -> Fit:
        """The verdict on the card that has the least to spare."""
        return self.fits[self.tightest]

    def longest(self) -> int:
        """Return the longest context that these cards hold."""

        def holds(context: int) -> bool:
            return bool(replace(self, run=replace(self.run, context=context)).fit)

        return last(holds, BY_NAME["context"].limit)

    def smaller(self) -> str:
        """Return the format of the weights that loses least with which they fit; "" if there is none."""
        largest = max(self.cards, key=lambda card: card.capacity)
        formats = Search(self.model, largest).smaller("weights", self.run, len(self.cards))
        return next((name for name in formats if replace(self, run=replace(self.run, weights=name)).fit), "")


def alike(cards: Sequence[Gpu]) -> bool:
    """Return whether all cards are the same."""
    return len({*cards}) == 1


def shared_out(model: AnyModel, run: Inference, cards: Sequence[Gpu], split: str | None) -> Inference | Divided:
    """Return how the engine shares a model out between cards: a run of which every card has a part, or the layers.

    Parameters
    ----------
    split : how much each card has, as the user says it, such as "3,1"

    Raises InputError for cards that the engine cannot share a model out between.
    """
    degrees, engine = run.cards, run.reserving
    if degrees > 1:
        if degrees != len(cards) or not alike(cards) or split:
            raise must("gpu", f"{degrees:,} equal cards, as the parallel degrees say", _named(cards))
        return run
    if engine.kind and not engine.by_layers:
        if alike(cards) and not split:
            return replace(run, tensor_parallel=len(cards))
        how = f"equal cards without a split for {run.engine}, which gives each a part of every layer"
        raise InputError(f"gpu must be {how}, not {_named(cards)}; llama.cpp gives each card layers of its own.")
    if not isinstance(model, Model):
        together = f"'{sum(card.capacity for card in cards) / UNITS['GB']:.0f} GB'"
        other = f"{_named(cards)}; name a model, or one card as large as they are together: {together}"
        raise must("gpu", f"one card for {model.name}, whose layers are not known", other)
    return Divided(model, run, tuple(cards), _parts(split, len(cards)))


def _named(cards: Sequence[Gpu]) -> str:
    return counted([card.name for card in cards])


def counted(names: Sequence[str]) -> str:
    """Return the names of cards as people list them, each once.

    >>> counted(["RTX 4090", "L4", "RTX 4090"])
    '2 × RTX 4090 and L4'
    """
    every = Counter(names).items()
    return _listed([name if number == 1 else f"{number:,} × {name}" for name, number in every])


def _listed(several: Sequence[object]) -> str:
    *first, final = map(str, several)
    return f"{', '.join(first)} and {final}" if first else final


def _parts(split: str | None, cards: int) -> tuple[Fraction, ...]:
    if split is None:
        return ()
    said = [part.strip() for part in split.replace("/", ",").split(",")]
    parts = tuple(Fraction(part) for part in said if _PLAIN.fullmatch(part))
    if len(parts) != len(said) or len(parts) != cards or min(parts) <= 0:
        raise must("tensor-split", f"a positive number for each of the {cards} cards, such as 3,1", shown(split))
    return parts


_PLAIN = re.compile(r"\d{1,9}(\.\d{1,9})?")
"""A number without an exponent, which could ask for a number of any length."""


def print_divided(found: Divided, in_json: bool) -> None:
    """Print what each card holds, the verdict and what can be done."""
    if in_json:
        print(json.dumps(_as_object(found), indent=2, default=float))
        return
    print("\n".join([*_counted(found), _verdict(found), *_advice(found)]))


def _counted(found: Divided) -> Iterator[str]:
    yield f"{found.model.name} on {_named(found.cards)}: {in_words(found.model, found.run)}"
    for card, share, fit in zip(found.cards, found.shares, found.fits, strict=True):
        layers = f"{len(share.layers):,} layers" if len(share.layers) > 1 else "a layer"
        yield f"{card.name}, {layers} from {share.layers.start:,} on"
        for name, size in share.memory.items():
            yield line(name, size)
        for one in found.taken(card).shares if found.run.kind else ():
            yield line(one.term.name, one.high, f"at least {show(one.low)}" if 0 < one.low < one.high else "")
        yield line("total", fit.needed)
        yield line(f"the card ({card.capacity_is})", card.capacity)
    for place, kept in elsewhere(found.model, found.run).items():
        yield line(f"in {place.upper()} memory", sum(kept.values()))


def _verdict(found: Divided) -> str:
    card, layers = found.cards[found.tightest], found.layers[found.tightest]
    many = f"{layers:,} layers" if layers > 1 else "a single layer"
    return f"{advice.verdict_on(found.fit, found.run)} The tightest card is {card.name}, with {many}."


def _advice(found: Divided) -> list[str]:
    if (most := found.longest()) and most < BY_NAME["context"].limit:
        each = f" for each of {found.run.batch:,} sequences" if found.run.batch > 1 else ""
        said = [f"These cards hold at most {most:,} tokens of context{each}."]
    else:
        said = []
    if not found.fit and (name := found.smaller()):
        said.append(f"{name} weights would fit them.")
    return [
        *said,
        *_of_the_split(found),
        *without_effect(found.model, found.run),
        *advice.said_of(found.model, found.run),
    ]


def _of_the_split(found: Divided) -> Iterator[str]:
    """Yield how to ask llama.cpp for these layers, and what it does if nobody asks."""
    if found.run.kind != "llama.cpp" or found.parts:
        return
    *first, final = found.layers
    yield f"Ask for these layers with -ts {','.join(map(str, (*first, final + 1)))}, where the output is one more."
    free = replace(found, parts=tuple(Fraction(card.capacity) for card in found.cards))
    if free.layers != found.layers and min(free.layers):
        lacks = {"fits": "", "fits if": ", under the same condition"}.get(free.fit.word, ", which do not fit")
        yield f"By itself, llama.cpp goes by the memory that is free: about {_listed(free.layers)} layers{lacks}."


def _as_object(found: Divided) -> dict[str, object]:
    fit = found.fit
    each = [
        {
            "gpu": card.name,
            "layers": [share.layers.start, share.layers.stop],
            "bytes": share.memory,
            "needed": one.needed,
            "capacity": card.capacity,
            "capacity_is": card.capacity_is,
            "margin": one.margin,
            "margin_at_best": one.most,
        }
        for card, share, one in zip(found.cards, found.shares, found.fits, strict=True)
    ]
    verdict = {"fits": bool(fit), "verdict": fit.word, "margin": fit.margin, "margin_at_best": fit.most}
    known = {"model": found.model.name, "run": asdict(found.run), "cards": each, **elsewhere(found.model, found.run)}
    return {**known, **verdict, "not_counted": fit.unknown, "advice": _advice(found)}
