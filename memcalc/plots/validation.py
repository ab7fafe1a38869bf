"""Pictures of the reality check: predicted against measured, what is left over, and a sum that is no peak."""

import math
from collections import Counter
from collections.abc import Iterable
from functools import cache

from matplotlib.ticker import FuncFormatter

from memcalc.estimate.measured import NOTABLE, POLICIES, Measurement, measured_steps, measurements, step
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import Drawn, canvas, context_axes, label, plain_axes
from memcalc.units import UNITS, in_unit, three_digits

STEPS, STEP_MEMORY = (2**5, 2**13), (2, 400)
"""The ends of the axes of such a step [tokens, GiB]."""

STEP_LINES = {
    "sum": {"color": SUMMANDS["gradients"].colour, "linestyle": "--", "label": "gradients + activations"},
    "peak": {"color": SUMMANDS["activations"].colour, "label": "peak of the step"},
}
"""How its two lines are drawn."""

_SHARE = float(100 * NOTABLE)  # [%]


def predicted_measured(own: Iterable[Measurement] = ()) -> Drawn:
    """Draw every measured row against its prediction, and its residual; rows of your `own` as stars with their ids."""
    rows, own = list(measurements()), list(own)
    lines = list(dict.fromkeys(row.quantity for row in (*rows, *own)))
    with canvas(width=9.5, height=4.6, ncols=2, width_ratios=(1.15, 1)) as (figure, (left, right)):
        _identity(left, rows, own)
        _residuals(right, rows, own, lines)
        for row in own:
            if _in_bytes(row):
                _star(left, row.id, float(row.predicted), float(row.measured))
            _star(right, row.id, _percent(row), lines.index(row.quantity))
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure.with_alt_text(_rows_in_words(rows, own))


def _rows_in_words(rows: list[Measurement], own: list[Measurement]) -> str:
    notable = Counter(row.quantity for row in rows if abs(row.residual) > NOTABLE)
    named = " and ".join(f"{count} of {name}" for name, count in notable.items())
    parts = [
        f"Two panels. Left, {len(rows)} measured amounts against the formula, and the line on which both are equal.",
        f"Right, what is left over: {notable.total()} rows are off by more than {_SHARE:g} percent: {named}.",
        *(f"Your row {row.id}: {_percent(row):.1f} percent." for row in own),
    ]
    return " ".join(parts)


def _percent(row: Measurement) -> float:
    return float(100 * row.residual)


def _in_bytes(row: Measurement) -> bool:  # on a logarithmic axis nothing has no place
    return row.row["unit"] == "bytes" and min(row.measured, row.predicted) > 0


def _identity(axes, rows: list[Measurement], own: list[Measurement]) -> None:
    amounts = [float(amount) for row in (*rows, *own) if _in_bytes(row) for amount in (row.predicted, row.measured)]
    ends = min(amounts) / 3, max(amounts) * 3
    ticks = [10**power for power in range(2, 16, 2) if ends[0] < 10**power < ends[1]]
    axes.plot(ends, ends, color="0.4", linewidth=1, label="formula = measured")
    for term, entry in SUMMANDS.items():
        if alike := [row for row in rows if row.row["term"] == term]:
            points = [(float(row.predicted), float(row.measured)) for row in alike if _in_bytes(row)]
            axes.plot(*zip(*points, strict=True), **_marked(term), label=f"{entry.word}: {len(alike)}")
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="formula", ylabel="measured", aspect="equal")
    axes.set(title="Every measured amount against the formula", xticks=ticks, yticks=ticks)
    plain_axes(axes, written=FuncFormatter(lambda count, _: _in_decimals(count)))


def _marked(term: str) -> dict[str, object]:
    """Return how a measured row of a term is drawn: shapes tell what colours tell."""
    entry, edge = SUMMANDS[term], {"markeredgecolor": "black", "markeredgewidth": 0.4, "markersize": 5}
    return {"marker": entry.mark, "color": entry.colour, "linestyle": "none", "alpha": 0.8, **edge}


def _residuals(axes, rows: list[Measurement], own: list[Measurement], lines: list[str]) -> None:
    """Draw what is left over on an axis that is linear within the share that needs no cause, and logarithmic beyond."""
    for row in rows:
        axes.plot(_percent(row), lines.index(row.quantity), **_marked(row.row["term"]))
    axes.axvspan(-_SHARE, _SHARE, color="0.9", zorder=0)
    axes.axvline(0, color="0.4", linewidth=1)
    counts = Counter(row.quantity for row in rows)
    labels = [f"{name.replace('_', ' ')}: {counts[name]}" for name in lines]
    axes.set(yticks=range(len(lines)), yticklabels=labels, ylim=(len(lines) - 0.5, -0.5))
    axes.set(xlabel="residual [% of what was measured; grey: 1 %]", title="What is left over")
    axes.grid(axis="y", color="black", alpha=0.1)
    reach = max(5.0, *(abs(_percent(row)) * 1.3 for row in (*rows, *own)))
    axes.set_xscale("symlog", linthresh=_SHARE)
    powers = range(0, int(math.log10(reach)) + 1, 1 + int(math.log10(reach)) // 3)
    ticks = [*(-(10**power) for power in powers), 0, *(10**power for power in powers)]
    axes.set(xlim=(-reach, reach), xticks=ticks, xticklabels=[f"{tick:,}" for tick in ticks])
    axes.minorticks_off()


def _star(axes, name: str, x: float, y: float) -> None:
    axes.plot(x, y, marker="*", color="black", markersize=13, linestyle="none", zorder=5)
    label(axes, name, (x, y), (10, -12), bbox=None)  # below the line there is room


def _in_decimals(count: float) -> str:
    unit = next(unit for unit in ("TB", "GB", "MB", "kB", "B") if count >= UNITS[unit])
    return f"{three_digits(in_unit(count, unit))} {unit}"


def sum_and_peak() -> Drawn:
    """Draw gradients and activations as a sum and as the peak of a step, for both policies, with what was measured."""
    with canvas(width=9.5, height=3.2, ncols=2, sharey=True) as (figure, panels):
        for axes, policy in zip(panels, POLICIES, strict=True):
            step_axes(axes)
            for name, line in step_lines(policy).items():
                axes.plot(*zip(*line, strict=True), linewidth=2, **STEP_LINES[name])
            measured = measured_steps(policy)
            gib = [in_unit(size, "GiB") for size in measured.values()]
            axes.plot(list(measured), gib, "D", color="black", markersize=5, label="measured", clip_on=False)
            axes.set_title(f"Activations: {policy}")
        panels[0].legend(loc="upper left")
        panels[1].set_ylabel("")
    return figure.with_alt_text(" ".join(map(_policy_in_words, POLICIES)))


def _policy_in_words(policy: str) -> str:
    measured, lines = measured_steps(policy), step_lines(policy)
    off = max(abs(size - step(context, policy)[1]) / size for context, size in measured.items())
    ends = {name: " to ".join(f"{gib:.3g} GiB" for _, gib in (line[0], line[-1])) for name, line in lines.items()}
    return (
        f"Activations, {policy}: from {STEPS[0]:,} to {STEPS[1]:,} tokens the sum of the terms goes from {ends['sum']},"
        f" the peak of a step from {ends['peak']}; {len(measured)} measured peaks, at most {off:.1%} off it."
    )


def step_axes(axes) -> None:
    """Give the axes the contexts and the memory of a step."""
    context_axes(axes, *STEPS)
    axes.set(ylim=STEP_MEMORY, xticks=[2**power for power in range(5, 14)], yticks=[3, 10, 30, 100, 300])
    axes.tick_params(axis="x", labelsize=8)


@cache  # an explorer asks in every frame
def step_lines(policy: str) -> dict[str, list[tuple[float, float]]]:
    """Return the sum and the peak as lines over the context [tokens, GiB]."""
    contexts = [round(2 ** (power / 4)) for power in range(20, 53)]
    curves = zip(*([in_unit(size, "GiB") for size in step(count, policy)] for count in contexts), strict=True)
    return {name: list(zip(contexts, curve, strict=True)) for name, curve in zip(STEP_LINES, curves, strict=True)}
