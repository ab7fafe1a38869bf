"""Engines: what each reserves for its cache, and what it keeps otherwise than a model needs."""

from dataclasses import dataclass
from functools import cache

from memcalc import catalogue
from memcalc.catalogue import Row
from memcalc.formula.choices import Kept
from memcalc.formula.tensors import lineage


@dataclass(frozen=True)
class Engine(Row):
    """What an engine reserves for its cache: a row of data/engines.csv.

    Parameters
    ----------
    block, counter, window_counter, conv_skipped, window_extra : what it adds for the symbols of these names
    shared : whether all sequences share the cells of the cache
    kind : whose code it is: "llama.cpp", "transformers", "vLLM"; nothing for "ideal"
    room : tokens of a pass, for which window layers have room; None where the engine counts none [tokens]
    conv_format : format of a convolution's last inputs; nothing for that of the cache
    """

    name: str
    block: int
    counter: int
    window_counter: int
    conv_skipped: int
    window_extra: int
    shared: bool
    kind: str = ""
    room: int | None = None
    conv_format: str = ""


@dataclass(frozen=True)
class Departure(Row):
    """What engines of a kind keep of a family otherwise than it needs: a row of data/engine_families.csv.

    Parameters
    ----------
    engine : the kind of the engine, as of `Engine`
    family : as in data/families.csv
    keeps : what is kept instead
    sentence : the same in words
    source : where that is said
    """

    engine: str
    family: str
    keeps: Kept
    sentence: str
    source: str


@cache
def departures(family: str) -> tuple[Departure, ...]:
    """Return what engines keep otherwise of a family, or of one that it is like.

    >>> [(one.engine, one.keeps) for one in departures("falcon")]
    [('transformers', 'every head')]
    """
    rows = catalogue.rows("engine_families")
    return tuple(Departure.of_row(row) for row in rows if row["family"] in lineage(family))
