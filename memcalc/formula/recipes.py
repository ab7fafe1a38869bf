"""Recipes and optimizers: the bytes of a number in each training state, and what an optimizer remembers."""

from dataclasses import dataclass
from fractions import Fraction

from memcalc.catalogue import Row
from memcalc.formula.choices import Layout


@dataclass(frozen=True)
class Recipe(Row):
    """Bytes of a number: a row of data/recipes.csv.

    Parameters
    ----------
    weight, gradient, state : of each [bytes]
    master, master_in_zero : of the copy on which the optimizer works, and of DeepSpeed's [bytes]; 0 without a copy

    >>> Recipe.named("mixed").master
    Fraction(4, 1)
    """

    name: str
    weight: Fraction
    gradient: Fraction
    master: Fraction
    master_in_zero: Fraction
    state: Fraction


@dataclass(frozen=True, kw_only=True)
class Optimizer(Row):
    """What an optimizer remembers of each parameter, and how it is stored: a row of data/optimizers.csv.

    Parameters
    ----------
    layout : how a state is stored
    moments : states of each parameter
    bytes : of a number in a state [bytes]; 0 for those of the recipe
    counters, maps : step counters of each tensor; tables of codes
    bits, block, table : of a code [bits], numbers that share a scale, and beside them [bytes]; for blocks
    whole_blocks : whether a tensor that blocks do not divide stays as it is
    temporaries : results as large as a tensor that a step holds at once; None if nobody has measured them
    step : whether it makes them of all tensors at once, "foreach", or of one after the other, "forloop"
    states : the names of what it remembers of each parameter, parted by "|"
    meaning, source : what it remembers, and where that is said

    >>> Optimizer.named("8-bit AdamW").block
    256
    """

    name: str
    layout: Layout
    moments: int
    bytes: Fraction = Fraction(0)
    counters: int
    maps: int
    bits: int = 0
    block: int = 0
    table: int = 0
    whole_blocks: bool = False
    temporaries: int | None = None
    step: str = "fused"
    states: str = ""
    meaning: str
    source: str
