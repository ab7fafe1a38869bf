"""Pipeline: how many micro-batches a stage holds at once, by the order in which stages go forward and back."""

from functools import cache

import sympy

from memcalc.formula.choices import Schedule
from memcalc.formula.numeric import Min
from memcalc.formula.symbols import symbols
from memcalc.formula.term import Term

p, m, v, i = symbols("pipeline_parallel micro_batches chunks stage")

_MADE_BEFORE = (v - 1) * Min(p, m)  # passes through all but the last chunk, before that goes back for the first time

_CHUNKS = {
    Schedule.GPIPE: m,
    Schedule.ONE: Min(m, p - i),
    Schedule.INTERLEAVED: Min(v * m, _MADE_BEFORE + 2 * (p - i) - 1),
    Schedule.ZERO_BUBBLE: v * Min(m, p),
}
"""Schedule → passes through a chunk of layers that stage i has gone through forward, and not yet back."""

_WORDS = {
    Schedule.GPIPE: "Every micro-batch goes forward before the first comes back.",
    Schedule.ONE: "A stage starts one micro-batch for itself and each stage behind it, then one for each that is back.",
    Schedule.INTERLEAVED: "The last chunk goes back when all others went forward, and two more for each stage behind.",
    Schedule.ZERO_BUBBLE: "Gradients of weights wait while others go back; each stage holds as many as the first.",
}

_SOURCES = {
    Schedule.GPIPE: "huang2019gpipe, section 2.3",
    Schedule.ONE: "narayanan2021efficient, section 2.2.1",
    Schedule.INTERLEAVED: "narayanan2021efficient, section 2.2.2; korthikanti2022reducing, section 4.2.3",
    Schedule.ZERO_BUBBLE: "qi2023zerobubble, section 2",
}

_HOLDS = {
    Schedule.INTERLEAVED: "as many micro-batches in a round as stages",
    Schedule.ZERO_BUBBLE: "at most: what the gradients of weights need may be less than all that a stage keeps",
}


@cache
def live(schedule: str = Schedule.ONE) -> Term:
    """Return the term for the passes through a chunk of layers whose activations stage i holds at once.

    Parameters
    ----------
    schedule : one of `formula.choices.Schedule`

    >>> live("GPipe")
    n_pass = n_micro
    """
    schedule = Schedule(schedule)
    return Term(
        name="live_passes",
        expr=sympy.Add(_CHUNKS[schedule]),
        meaning=_WORDS[schedule],
        holds="; ".join(filter(None, (f"schedule {schedule}", _HOLDS.get(schedule, "")))),
        source=_SOURCES[schedule],
    )


@cache
def in_flight(schedule: str = Schedule.ONE) -> Term:
    """Return the term for the runs through all layers that the first stage holds: of the p × v chunks, those passes.

    >>> in_flight()
    n_flight = min(p, n_micro)/p
    """
    passes = live(schedule)
    return Term(
        name="in_flight",
        expr=passes.expr.xreplace({i: sympy.S.Zero}) / (p * (v if passes.expr.has(v) else 1)),
        meaning="The first stage, which starts first, holds most: a run through a chunk is a part of one through all.",
        holds=f"{passes.holds}, first stage",
        source=passes.source,
    )
