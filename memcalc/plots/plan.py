"""The picture of plans: what each of them puts on a card, as a share of what a program can use of it."""

from __future__ import annotations

from collections.abc import Mapping

from memcalc.estimate.advice import WORDS
from memcalc.estimate.questions import breakdown, fits
from memcalc.plots.style import LIMIT, Drawn, canvas, filled, label
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training

Plan = tuple[Model, Inference | Training, Gpu]
"""A model, what is done with it, and the card (or one of several) that is to hold it."""

_LEAST = 125  # percent: where the axis ends if all plans fit


def plans(drawn: Mapping[str, Plan]) -> Drawn:
    """Draw a bar for each plan: its terms side by side, in percent of what a program can use of the card.

    Parameters
    ----------
    drawn : name → model, run and card

    >>> run = Inference(context=32768)
    >>> plans({"mine": (Model.named("LLaMA-7B"), run, Gpu.named("RTX 4090"))}).alt
    'A bar for each plan, in percent of the card. mine: weights 53, cache 68, in all 121; it does not fit.'
    """
    shares = {name: _shares(plan) for name, plan in drawn.items()}
    with canvas(height=1.2 + 0.5 * len(shares)) as (figure, axes):
        for height, terms in enumerate(shares.values()):
            left = 0.0
            for term, share in terms.items():
                axes.barh([height], [share], left=left, height=0.6, **filled(term))
                left += share
            label(axes, f"{left:.0f} %", (left, height), (4, 0), va="center", fontweight="bold", bbox=None)
        axes.axvline(100, **LIMIT | {"linewidth": 2, "color": "black"})
        axes.set(yticks=range(len(shares)), yticklabels=shares, ylim=(len(shares) - 0.5, -0.6))
        axes.set(xlim=(0, _edge(shares)), xlabel="percent of what a program can use of one card")
        _name(figure, axes, shares)
    return figure.told(_in_words(drawn, shares))


def _shares(plan: Plan) -> dict[str, float]:
    """Return the terms in percent of the card."""
    model, run, gpu = plan
    return {term: 100 * count / gpu.capacity for term, count in breakdown(model, run).items() if count}


def _edge(shares: Mapping[str, Mapping[str, float]]) -> float:
    return max(_LEAST, *(1.15 * sum(terms.values()) for terms in shares.values()))


def _name(figure, axes, shares: Mapping[str, Mapping[str, float]]) -> None:
    """Give the terms that occur a legend above the picture."""
    names = dict.fromkeys(term for terms in shares.values() for term in terms)
    handles = [axes.bar([0], [0], label=WORDS[term], **filled(term)) for term in names]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))


def _in_words(drawn: Mapping[str, Plan], shares: Mapping[str, Mapping[str, float]]) -> str:
    bars = []
    for name, terms in shares.items():
        parts = ", ".join(f"{WORDS[term]} {share:.0f}" for term, share in terms.items())
        verdict = "it fits" if fits(*drawn[name]) else "it does not fit"
        bars.append(f"{name}: {parts}, in all {sum(terms.values()):.0f}; {verdict}.")
    return " ".join(["A bar for each plan, in percent of the card.", *bars])
