"""What a plan is: a model on equal cards, what each of them must hold, what nobody counts, and what is left over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from memcalc import Fit, Gpu, Inference, InputError, Model, Training, breakdown, fits, largest
from memcalc.estimate import training
from memcalc.estimate.degrees import splits
from memcalc.estimate.speed import fastest
from memcalc.estimate.terms import terms
from memcalc.explorers.words import formula
from memcalc.formula.choices import Accounting, End
from memcalc.formula.overhead import inference_overhead
from memcalc.texts import later, tr

CARDS = (*range(1, 9), 10, 12, 16, 20, 24, 28, 32, 40, 48, 64)
"""How many cards a plan can have."""

UNCOUNTED = {"driver": later("driver, libraries"), "gaps": later("allocator's gaps")}
"""What comes on top of the terms and is known as a range only, in words."""


@dataclass(frozen=True)
class Plan:
    """A model, what it is to do, and the equal cards on which it does it.

    Parameters
    ----------
    run : as one of the cards sees it, the one that holds most
    cards, copies : how many there are, and how many whole models they hold together
    people : how many want an answer at once; 0 for training
    unknown : why the activations are not known; empty if they are
    offered : how many cards such a plan can have
    """

    model: Model
    gpu: Gpu
    run: Inference | Training
    cards: int
    copies: int
    people: int = 0
    unknown: str = ""
    offered: Sequence[int] = CARDS

    @property
    def answers(self) -> bool:
        """Whether it answers; else it trains."""
        return isinstance(self.run, Inference)

    @property
    def together(self) -> int:
        """How many cards hold one model."""
        return self.cards // self.copies

    @cached_property
    def memory(self) -> dict[str, int]:
        """Term → what it takes on the card that holds most [bytes]."""
        return breakdown(self.model, self.run)

    @cached_property
    def fit(self) -> Fit:
        """Whether the terms fit the card."""
        return fits(self.model, self.run, self.gpu)

    @cached_property
    def formula(self) -> dict[str, object]:
        """What is added up, as `words.formula` gives it."""
        whole = "inference" if self.answers else "training"
        return formula(self.model, self.run, terms(self.model, self.run), left=whole)[0]

    @cached_property
    def letters(self) -> dict[str, str]:
        """Term → the letters of the formula that it stands for."""
        shown = self.formula["numbers"].keys()
        found = {term.name: {term.symbol, *term.expr.free_symbols} for term in terms(self.model, self.run)}
        return {name: " ".join(sorted(shown & set(map(str, letters)))) for name, letters in found.items()}

    @cached_property
    def uncounted(self) -> dict[str, tuple[int, int]]:
        """What comes on top of the terms, as far as cases are documented → its least and most [bytes]."""
        low, high = (inference_overhead.exact(self._with(end).values) for end in (End.LOW, End.HIGH))
        gaps = breakdown(self.model, self._with(End.HIGH))["overhead"] - high
        return {"driver": (low, high)} | ({"gaps": (0, gaps)} if gaps else {})

    @cached_property
    def most_uncounted(self) -> int:
        """The upper end of all that [bytes]."""
        return sum(high for _, high in self.uncounted.values())

    @property
    def surely(self) -> bool:
        """Whether the terms and the upper end of what is not counted fit, and nothing is unknown."""
        return self.fit.margin >= self.most_uncounted and not self.unknown

    @cached_property
    def token(self) -> float:
        """What one more token in every sequence takes on a card, where the context is now [bytes]."""
        return self._further(context=self.run.context + _STEP) / _STEP

    @cached_property
    def sequence(self) -> float:
        """What one more person, or text on each card, takes on a card; copies share people out [bytes]."""
        return self._further(batch=self.run.batch + 1) / (self.copies if self.answers else 1)

    @property
    def each(self) -> dict[str, float]:
        """Quantity of the wish → what one more of it takes on a card [bytes]."""
        return {"context": self.token, "batch": self.sequence}

    @property
    def now(self) -> dict[str, int]:
        """Quantity of the wish → how many are wished: tokens of each, and people, or texts on each card."""
        return {"context": self.run.context, "batch": self.people if self.answers else self.run.batch}

    @property
    def most(self) -> dict[str, int]:
        """Quantity of the wish → the highest with which the terms fit, 0 if none does."""
        return {"context": self.room("context"), "batch": self.room("batch") * (self.copies if self.answers else 1)}

    def room(self, quantity: str, surely: bool = False) -> int:
        """Return how large the batch of a card or the context may be; `surely` with the upper end of all on top."""
        if (quantity, surely) not in self._rooms:
            run = self._with(End.HIGH if surely else End.NONE)
            self._rooms[quantity, surely] = largest(quantity, self.model, run, self.gpu)
        return self._rooms[quantity, surely]

    @cached_property
    def _rooms(self) -> dict[tuple[str, bool], int]:
        return {}

    @property
    def speed(self) -> float | None:
        """The most tokens a second for each, as if links took no time; None if the speed of the card is not known."""
        return fastest(self.model, self.run, self.gpu).decode

    @property
    def price(self) -> tuple[int, int] | None:
        """The lower and the upper end of what the cards cost [US dollars]; None if nobody says."""
        low = self.gpu.price_usd
        return low and (low * self.cards, (self.gpu.price_high_usd or low) * self.cards)

    def _further(self, **more: int) -> int:
        """Return how much more a card holds with another batch or context [bytes]."""
        return sum(breakdown(self.model, replace(self.run, **more)).values()) - sum(self.memory.values())

    def _with(self, end: str) -> Inference | Training:
        return replace(self.run, overhead=end)


_STEP = 64  # tokens over which the growth of a card's load is seen


def answering(model: Model, gpu: Gpu, cards: int, copies: int, people: int, **run: object) -> Plan:
    """Return the plan of a service; its people are shared out among the copies.

    Raises InputError for a number of cards that cannot hold the copies, and says which can.

    >>> plan = answering(Model.named("Llama-3.1-70B"), Gpu.named("H100 80 GB"), 4, 1, 50, context=8192)
    >>> plan.fit.needed
    68833263616
    """
    if cards not in (known := offered(model, copies)):
        raise InputError(tr(_HEADS, allowed=_listed(known), held=_held(model, copies), given=cards))
    copies = copies if cards > 1 else 1
    inference = Inference(**run, batch=-(-people // copies), tensor_parallel=cards // copies)
    return Plan(model, gpu, inference, cards, copies, people, offered=known)


_HEADS = later("cards must be {allowed} for {held}, not {given}: each takes equally many heads of every layer.")


def _listed(counts: Sequence[int]) -> str:
    *others, last = map(str, counts)
    return tr(" or ").join(filter(None, (", ".join(others), last)))


def _held(model: Model, copies: int) -> str:
    return tr("{copies} copies of {model}", copies=copies, model=model.name) if copies > 1 else model.name


def offered(model: Model, copies: int) -> Sequence[int]:
    """Return how many cards can hold so many copies of a model, beginning with a single one.

    >>> offered(Model.named("Llama-3.1-70B"), 1)
    [1, 2, 4, 8, 16, 32, 64]
    >>> offered(Model.named("Llama-3.1-70B"), 3)
    [1, 3, 6, 12, 24, 48]
    """
    known = {copies * number for number in splits(model)} | {1}
    return [number for number in CARDS if number in known]


def trained(model: Model, gpu: Gpu, cards: int, zero: int, **run: object) -> Plan:
    """Return the plan of a training, without activations where nobody has measured them.

    >>> trained(Model.named("Mamba-2.8B"), Gpu.named("RTX 4090"), 1, 0).unknown
    "activations must be 'none' for Mamba-2.8B: nobody has measured its state-space layers."
    """
    run = Training(**run, data_parallel=cards, zero=zero if cards > 1 else 0)
    unknown = training.activations_unknown(model, run)
    run = replace(run, activations=Accounting.NONE) if unknown else run
    return Plan(model, gpu, run, cards, 1 if run.stage == 3 else cards, unknown=unknown)


def shared_by(plan: Plan, term: str) -> int:
    """Return how many cards share a term of a plan out."""
    if plan.answers:
        return plan.together
    return plan.cards if plan.run.stage >= _SHARED_FROM.get(term, 4) else 1


_SHARED_FROM: Mapping[str, int] = {"optimizer": 1, "gradients": 2, "weights": 3}
