"""Pictures of what people guessed and answered: the guesses of one then and now, and the mistakes of a room."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from memcalc.plots.style import Drawn, canvas

_FAR = 1000
"""A guess that is off by more than this factor stands at the edge."""

_INK, _PALE = "0.15", "0.6"


@dataclass(frozen=True)
class Guessed:
    """What a guess was, then and now, in parts of what is right; None where none was made.

    Parameters
    ----------
    name : of the guess
    first, last : so many times what is right
    """

    name: str
    first: float | None
    last: float | None


def then_and_now(guesses: Sequence[Guessed]) -> Drawn:
    """Draw the first and the last guess of each lesson, by the factor by which they are off.

    >>> then_and_now([Guessed("4.1", 0.5, 1.0)]).alt
    'How far off each guess was. 4.1: first 2.0 times too little, last right.'
    """
    with canvas(height=1.1 + 0.34 * len(guesses)) as (figure, axes):
        axes.axvline(1, color=_INK, linewidth=1)
        for height, one in enumerate(guesses):
            _draw(axes, height, _shown(one.first), _shown(one.last))
        for name, colour in (("first guess", "white"), ("last guess", _INK)):
            axes.scatter([], [], s=46, facecolor=colour, edgecolor=_INK, label=name)
        axes.set(xscale="log", xlim=(1 / _FAR, _FAR), xlabel="so many times too little, or too much")
        axes.set(yticks=range(len(guesses)), yticklabels=[one.name for one in guesses], ylim=(len(guesses) - 0.5, -0.5))
        axes.xaxis.set_major_locator(FixedLocator([0.001, 0.01, 0.1, 1, 10, 100, 1000]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(_times))
        figure.legend(loc="outside upper right", ncols=2)
    return figure.with_alt_text(f"How far off each guess was. {' '.join(map(_in_words, guesses))}")


def _draw(axes: Axes, height: int, first: float | None, last: float | None) -> None:
    if first is not None and last is not None:
        axes.plot([first, last], [height, height], color=_PALE, linewidth=1.2, zorder=1)
    for place, colour in ((first, "white"), (last, _INK)):
        if place is not None:
            axes.scatter([place], [height], s=46, facecolor=colour, edgecolor=_INK, zorder=2, clip_on=False)


def _shown(factor: float | None) -> float | None:
    return None if factor is None else min(_FAR, max(1 / _FAR, factor))


def _times(factor: float, _place: object) -> str:
    return "right" if factor == 1 else f"{max(factor, 1 / factor):,.0f}"


def _in_words(one: Guessed) -> str:
    if one.first is None:
        return f"{one.name}: no guess."
    said = _off(one.first)
    return f"{one.name}: first {said}" + (f", last {_off(one.last)}." if one.last is not None else ".")


def _off(factor: float) -> str:
    times = max(factor, 1 / factor)
    if times < 1.1:
        return "right" if times < 1.03 else "nearly right"
    return f"{times:,.1f} times too {'much' if factor > 1 else 'little'}"


def misconceptions(counted: Sequence[tuple[str, str, int]], people: int) -> Drawn:
    """Draw how many people of a room made which mistake.

    Parameters
    ----------
    counted : the number of the exercise, what led to the mistake, and how many made it
    people : how many there are

    >>> misconceptions([("4.1", "you counted the query heads", 7)], 12).alt
    'How many of 12 people made which mistake first. 4.1, you counted the query heads: 7.'
    """
    words = ["\n".join(textwrap.wrap(f"{number}: {why}", 58)) for number, why, _ in counted]
    lines = sum(text.count("\n") + 1 for text in words)
    with canvas(width=9.0, height=1.0 + 0.22 * lines + 0.12 * len(words)) as (figure, axes):
        for height, (_, _, count) in enumerate(counted):
            axes.barh(height, count, height=0.6, facecolor="0.85", edgecolor=_INK)
            axes.annotate(f"{count}", (count, height), (4, 0), textcoords="offset points", va="center")
        axes.set(yticks=range(len(words)), yticklabels=words, ylim=(len(words) - 0.5, -0.5), xlim=(0, people))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel(f"people, of {people}")
    listed = " ".join(f"{number}, {why}: {count}." for number, why, count in counted)
    return figure.with_alt_text(f"How many of {people} people made which mistake first. {listed}")
