"""The picture of plans: what each of them puts on a card, as a share of what a program can use of it."""

from collections.abc import Mapping

from memcalc import Gpu, Inference, Model, Training, breakdown, fits
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import STRONG_LIMIT, Drawn, canvas, filled, label, stacked

Plan = tuple[Model, Inference | Training, Gpu]
"""A model, what is done with it, and the card (or one of several) that is to hold it."""


def plans(drawn: Mapping[str, Plan]) -> Drawn:
    """Draw a bar for each plan, by name: its terms side by side, in percent of what a program can use of the card.

    >>> run = Inference(context=32768)
    >>> plans({"mine": (Model.named("LLaMA-7B"), run, Gpu.named("RTX 4090"))}).alt
    'A bar for each plan, in percent of the card. mine: weights 53, cache 68, in all 121; it does not fit.'
    """
    shares = {
        name: {term: 100 * count / gpu.capacity for term, count in breakdown(model, run).items() if count}
        for name, (model, run, gpu) in drawn.items()
    }
    named = dict.fromkeys(term for terms in shares.values() for term in terms)
    with canvas(height=1.2 + 0.5 * len(shares)) as (figure, axes):
        for height, terms in enumerate(shares.values()):
            end = stacked(axes, height, [(share, filled(term)) for term, share in terms.items()], height=0.6)
            label(axes, f"{end:.0f} %", (end, height), (4, 0), va="center", fontweight="bold", bbox=None)
        axes.axvline(100, **STRONG_LIMIT)
        axes.set(yticks=range(len(shares)), yticklabels=shares, ylim=(len(shares) - 0.5, -0.6))
        right = max(125, *(1.15 * sum(terms.values()) for terms in shares.values()))  # at 125 where all plans fit
        axes.set(xlim=(0, right), xlabel="percent of what a program can use of one card")
        handles = [axes.bar([0], [0], **filled(term)) for term in named]
        columns = 4 if "weight_copies" in named else len(handles)  # its name is long
        figure.legend(handles=handles, loc="outside upper left", ncols=columns)
    return figure.with_alt_text(_in_words(drawn, shares))


def _in_words(drawn: Mapping[str, Plan], shares: Mapping[str, Mapping[str, float]]) -> str:
    bars = []
    for name, terms in shares.items():
        parts = ", ".join(f"{SUMMANDS[term].word} {share:.0f}" for term, share in terms.items())
        verdict = "it fits" if fits(*drawn[name]) else "it does not fit"
        bars.append(f"{name}: {parts}, in all {sum(terms.values()):.0f}; {verdict}.")
    return " ".join(["A bar for each plan, in percent of the card.", *bars])
