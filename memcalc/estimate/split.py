"""A model divided between cards by its layers, as many on each as one likes: what each holds, and a fair split."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from numbers import Real

from memcalc.errors import instance, must, whole
from memcalc.estimate import inference
from memcalc.estimate.inference import resolved
from memcalc.estimate.placement import kinds_of
from memcalc.estimate.questions import Fit
from memcalc.estimate.terms import values
from memcalc.formula.offload import cache_of_layers
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import OFFLOAD, Inference
from memcalc.specs.model import Model


@dataclass(frozen=True)
class Share:
    """What one of several cards holds.

    Parameters
    ----------
    layers : which of them, counted from 0
    memory : what each term takes [bytes]
    fit : whether that fits the card
    """

    layers: range
    memory: dict[str, int]
    fit: Fit


def on_cards(model: Model, run: Inference, cards: Sequence[Gpu], layers: Sequence[int]) -> tuple[Share, ...]:
    """Return what each of several cards holds of a model that is divided between them by layers.

    Parameters
    ----------
    cards : the first has the input, the last the output
    layers : how many the cards have, one after the other (-ts of llama.cpp, VLLM_PP_LAYER_PARTITION of vLLM)

    In llama.cpp the tables of the input lie in CPU memory, and on no card.
    Raises InputError for a run that divides the model otherwise too, or for numbers that are not those of the layers.
    Source: ggml2026llama, src/llama-model.cpp, load_tensors; vllm2026, distributed/utils.py, get_pp_indices.

    >>> run, cards = Inference(4096, weights="Q4_0", engine="llama.cpp"), [Gpu.of("24 GB"), Gpu.of("8 GB")]
    >>> [share.memory["kv_cache"] for share in on_cards(Model.named("Llama-2-7B"), run, cards, (24, 8))]
    [1610612736, 536870912]
    """
    _check(model, run, cards)
    layers = [whole("layers of a card", number, 1, model.layers) for number in layers]
    if len(layers) != len(cards) or sum(layers) != model.layers:
        allowed = f"a number for each of the {len(cards):,} cards, together the {model.layers:,} layers of {model.name}"
        raise must("layers", allowed, repr(tuple(layers)))
    asked, shares = _Asked(model, run), []
    for (start, end), card in zip(pairwise(accumulate(layers, initial=0)), cards, strict=True):
        memory = asked.share(range(start, end), len(cards))
        shares.append(Share(range(start, end), memory, Fit(sum(memory.values()), card.capacity)))
    return tuple(shares)


def fair_split(model: Model, run: Inference, cards: Sequence[Gpu]) -> tuple[int, ...]:
    """Return how many layers each card may have so that the one that is filled most is filled as little as can be.

    Parameters
    ----------
    cards : as of `on_cards`

    Raises InputError as `on_cards` does.

    >>> run = Inference(8192, weights="Q4_K_M", engine="llama.cpp")
    >>> fair_split(Model.named("Llama-3.1-70B"), run, [Gpu.of("24 GB"), Gpu.of("24 GB"), Gpu.of("12 GB")])
    (33, 33, 14)
    """
    _check(model, run, cards)
    asked = _Asked(model, run)
    before = list(accumulate((sum(asked.of((layer,)).values()) for layer in range(model.layers)), initial=0))

    def filled(card: int, start: int, end: int) -> float:
        beside = sum(asked.beside(range(start, end), len(cards)).values())
        return (before[end] - before[start] + beside) / cards[card].capacity

    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for card, left in enumerate(reversed(range(len(cards)))):
        reach = range(card + 1, model.layers - left + 1) if left else (model.layers,)
        best = {
            end: min(
                (max(worst, filled(card, start, end)), (*counts, end - start))
                for start, (worst, counts) in best.items()
                if start < end
            )
            for end in reach
        }
    return best[model.layers][1]


def in_proportion(parts: Sequence[Real], layers: int) -> tuple[int, ...]:
    """Return how many layers each card has in proportion to some numbers, as llama.cpp rounds them.

    The output counts as one layer more, which the last card has.

    Parameters
    ----------
    parts : a positive number for each card, as of -ts of llama.cpp; else it takes the memory that is free
    layers : of the model

    Source: ggml2026llama, src/llama-model.cpp, load_tensors: splits, get_layer_buft_list.

    >>> in_proportion((3, 1), 32), in_proportion((25, 8), 32)
    ((25, 7), (25, 7))
    """
    ends = [math.ceil(Fraction(end) * (layers + 1) / Fraction(sum(parts))) for end in accumulate(parts)]
    return tuple(end - start for start, end in pairwise((0, *(min(end, layers) for end in ends))))


_USUAL = ("prefill", "overhead", "draft_model", "loras", "tensor_parallel", "pipeline_parallel", "expert_parallel")


def _check(model: Model, run: Inference, cards: Sequence[Gpu]) -> None:
    """Raise InputError for what is not known of several cards with layers of their own."""
    instance("model", model, Model)
    instance("run", run, Inference)
    for card in cards:
        instance("cards", card, Gpu)
    if not 1 <= len(cards) <= model.layers:
        raise must("cards", f"from 1 to {model.layers:,}, the layers of {model.name}", f"{len(cards):,}")
    for field in filter(run.changed, (*_USUAL, *OFFLOAD)):
        usual = getattr(Inference, field)
        raise must(field, f"{usual!r} for cards that have layers of their own", repr(getattr(run, field)))


class _Asked:
    """A model and a run, of which cards have layers."""

    def __init__(self, model: Model, run: Inference):
        self.known, run = values(model, run), resolved(model, run)
        self.model, self.placed, self.held = model, run.off_card, inference.stack_in(model, run)
        self.terms = {term.name: term for term in inference.held_in("gpu", model, run)}
        self.windows = inference.window_values(model, run)

    def of(self, layers: Iterable[int]) -> dict[str, int]:
        """Return what some layers take."""
        cache = cache_of_layers(self.terms["kv_cache"], kinds_of(self.model, layers, self.windows))
        weights = sum(self.held.layers[layer] for layer in layers)
        return {"weights": math.ceil(weights), "kv_cache": cache.exact(self.known)}

    def beside(self, layers: range, cards: int) -> dict[str, int]:
        """Return what a card with these layers, which is one of several, has besides: input, output, towers, drafts."""
        first, last = layers.start == 0, layers.stop == self.model.layers
        copied = self.held.copied if cards > 1 or self.placed else 0
        weights = self.held.input * (first and not self.placed) + (self.held.output + copied) * last
        other = {"towers": first, "draft": last}
        parts = {name: self.terms[name].exact(self.known) for name in other if name in self.terms and other[name]}
        return {"weights": math.ceil(weights), **parts}

    def share(self, layers: range, cards: int) -> dict[str, int]:
        """Return all that such a card has."""
        return dict(Counter(self.beside(layers, cards)) + Counter(self.of(layers)))
