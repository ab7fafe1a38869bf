"""What the explorer of the reality check shows: the sum of terms and the peak of a step, against measured peaks."""

from memcalc import Model, tables, units
from memcalc.errors import choice
from memcalc.explorers.explorable import explorer
from memcalc.explorers.frame import Frame
from memcalc.explorers.svg import Label, Point, drawn_once
from memcalc.plots import validation
from memcalc.plots.validation import POLICIES, STEP_LINES, STEP_MEMORY, STEPPED, STEPS, measured_steps, step

_WORDS = {"keep all": "all activations are kept", "compute again": "layers are computed again"}
_WIDE, _HIGH = 1.06, 1.14  # half a mark, as factors


@explorer(
    presets={
        "short text": {"context": 128, "activations": "keep all"},
        "long text": {"context": 4096, "activations": "keep all"},
        "computed again": {"context": 4096, "activations": "compute again"},
    },
    menus={"activations": ("activations", POLICIES)},
)
def sum_and_peak(*, context: int, activations: str) -> Frame:
    """Show gradients and activations as a sum and as the peak of a step, with the peaks that were measured.

    Raises InputError for another policy.

    >>> sum_and_peak.frame(context=64, activations="keep all").details
    ['measured at 64 tokens: 3,522,301,960 bytes; the formula gives 3,522,301,960']
    """
    policy = choice("activations", activations, POLICIES)
    added, peak = step(context, policy)
    word = "too much" if added > peak else "too little"
    said = f"At {context:,} tokens, {_WORDS[policy]}: gradients and activations add up to {units.show(added)}, "
    said += f"and the step peaks at {units.show(peak)}. The sum is {abs(added - peak) / peak:.1%} {word}."
    run = validation.step_run(context, policy)
    code = tables.code(Model.named(STEPPED), run, shown=("context",))
    return Frame(_picture(), _shapes(context, policy, peak), said, _details(context, policy, peak), code)


def _details(context: int, policy: str, peak: int) -> list[str]:
    measured = measured_steps(policy)
    if context in measured:
        return [f"measured at {context:,} tokens: {measured[context]:,} bytes; the formula gives {peak:,}"]
    return ["not measured at this context: " + ", ".join(f"{count:,}" for count in measured) + " were"]


def _shapes(context: int, policy: str, peak: int) -> dict[str, list[Point] | Label]:
    shapes = dict(validation.step_lines(policy))
    for number, (count, size) in enumerate(measured_steps(policy).items()):
        shapes[f"dot{number}"] = _dot(count, units.in_unit(size, "GiB"))
    seen = STEPS[0] <= context <= STEPS[1]
    shapes["here"] = [(context, end) for end in STEP_MEMORY] if seen else []
    return shapes | {"number": Label(f"peak: {units.show(peak)}", (STEPS[0] * 1.15, STEP_MEMORY[1] / 6))}


def _dot(context: int, gib: float) -> list[Point]:
    """Return the corners of the mark of a measured peak."""
    left, right, below, above = context / _WIDE, context * _WIDE, gib / _HIGH, gib * _HIGH
    return [(left, gib), (context, above), (right, gib), (context, below), (left, gib)]


@drawn_once(7.0, 3.2)
def _picture(figure, axes) -> None:
    validation.step_axes(axes)
    for name, style in STEP_LINES.items():
        axes.plot(STEPS, [3, 3], gid=name, **style)
    for number in range(len(measured_steps("keep all"))):
        name = "measured" if number == 0 else None
        axes.fill([40, 41, 42], [3, 4, 3], color="black", gid=f"dot{number}", label=name, zorder=3)
    axes.plot(STEPS, [3, 3], color="0.5", linewidth=1.5, linestyle=":", gid="here", label="your context")
    axes.text(40, 3, "peak", gid="number", size=9, weight="bold", in_layout=False)
    axes.legend(loc="upper left", ncols=4)
