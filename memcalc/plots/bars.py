"""A small picture for a few amounts: a bar for each, its terms side by side, beside what a card can hold."""

from collections.abc import Mapping

from matplotlib.patches import Patch

from memcalc import Gpu
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import OUTLINE, STRONG_LIMIT, Drawn, canvas, filled, label, plain_axes, stacked
from memcalc.texts import later, tr
from memcalc.units import in_unit, show


def bars(amounts: Mapping[str, Mapping[str, int]], gpu: Gpu | None = None, unit: str = "GiB") -> Drawn:
    """Draw a bar for each name, with the bytes of its terms, as `breakdown` gives them, side by side.

    What is no summand of the formula, such as what a peak has for a moment only, is put together.

    Parameters
    ----------
    gpu : a card whose limit is drawn
    unit : of the axis: "GiB" or "GB"

    >>> bars({"one": {"weights": 2**30, "kv_cache": 2**29}}).alt
    'A bar for each in GiB. one: weights 1.00 GiB, cache 0.50 GiB, in all 1.50 GiB.'
    """
    kept = {name: _summands(terms) for name, terms in amounts.items()}
    with canvas(height=0.9 + 0.36 * len(kept)) as (figure, axes):
        for height, terms in enumerate(kept.values()):
            parts = [(in_unit(size, unit), _look(term)) for term, size in terms.items()]
            end = stacked(axes, height, parts, height=0.6)
            label(axes, show(sum(terms.values()), unit), (end, height), (4, 0), va="center", fontweight="bold")
        longest = max(in_unit(sum(terms.values()), unit) for terms in kept.values())
        limit = in_unit(gpu.capacity, unit) if gpu else 0
        if gpu:
            axes.axvline(limit, **STRONG_LIMIT)
            label(axes, f"{gpu.name}: {show(gpu.capacity, unit)}", (limit, -0.5), (3, 0), va="bottom")
        axes.set(yticks=range(len(kept)), yticklabels=kept, ylim=(len(kept) - 0.5, -1.0 if gpu else -0.6))
        axes.set(xlim=(0, 1.22 * max(longest, limit)), xlabel=tr("memory [{unit}]", unit=unit))
        axes.tick_params(axis="y", length=0)
        plain_axes(axes, "x", "x")
        named = dict.fromkeys(term for terms in kept.values() for term in terms)
        if len(named) > 1:
            handles = [Patch(**_look(term)) for term in named]
            figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure.with_alt_text(_in_words(kept, gpu, unit))


_MOMENT = later("for a moment")


def _summands(terms: Mapping[str, int]) -> dict[str, int]:
    """Return what there is of each summand of the formula, and of all else together."""
    found = {term: size for term, size in terms.items() if size and term in SUMMANDS}
    rest = sum(size for term, size in terms.items() if term not in SUMMANDS)
    return found | ({_MOMENT: rest} if rest else {})


def _look(term: str) -> dict[str, object]:
    return filled(term) if term in SUMMANDS else {"label": tr(term), "facecolor": "0.85", **OUTLINE}


def _word(term: str) -> str:
    return tr(SUMMANDS[term].word if term in SUMMANDS else term)


def _in_words(kept: Mapping[str, Mapping[str, int]], gpu: Gpu | None, unit: str) -> str:
    said = [tr("A bar for each in {unit}.", unit=unit)]
    said += [tr("{card} holds {capacity}.", card=gpu.name, capacity=show(gpu.capacity, unit))] if gpu else []
    for name, terms in kept.items():
        parts = "".join(f"{_word(term)} {show(size, unit)}, " for term, size in terms.items())
        whole = tr("in all {size}", size=show(sum(terms.values()), unit))
        said.append(f"{name}: {parts if len(terms) > 1 else ''}{whole}.")
    return " ".join(said)
