"""What the explorer of the reality check shows: the sum of terms and the peak of a step, against measured peaks."""

from memcalc import Model, tables, units
from memcalc.errors import choice
from memcalc.explorers.frame import Frame, explorer
from memcalc.explorers.svg import Label, Shapes, drawn_once
from memcalc.plots import validation as drawn

_WORDS = {"keep all": "all activations are kept", "compute again": "layers are computed again"}


@explorer(
    presets={
        "short text": {"context": 128, "activations": "keep all"},
        "long text": {"context": 4096, "activations": "keep all"},
        "computed again": {"context": 4096, "activations": "compute again"},
    },
    menus={"activations": ("activations", drawn.POLICIES)},
)
def sum_and_peak(*, context: int, activations: str) -> Frame:
    """Show gradients and activations as a sum and as the peak of a step, with the peaks that were measured.

    Raises InputError for another policy.

    >>> sum_and_peak.frame(context=64, activations="keep all").details
    ['measured at 64 tokens: 3,522,301,960 bytes; the formula gives 3,522,301,960']
    """
    policy = choice("activations", activations, drawn.POLICIES)
    added, peak = drawn.step(context, policy)
    word = "too much" if added > peak else "too little"
    said = f"At {context:,} tokens, {_WORDS[policy]}: gradients and activations add up to {units.show(added)}, "
    said += f"and the step peaks at {units.show(peak)}. The sum is {abs(added - peak) / peak:.1%} {word}."
    code = tables.code(Model.named(drawn.STEPPED), drawn.step_run(context, policy), shown=("context",))
    detail = f"not measured at this context: {', '.join(f'{count:,}' for count in drawn.measured_steps(policy))} were"
    if measured := drawn.measured_steps(policy).get(context):
        detail = f"measured at {context:,} tokens: {measured:,} bytes; the formula gives {peak:,}"
    return Frame(_picture(), _shapes(context, policy, peak), said, [detail], code)


def _shapes(context: int, policy: str, peak: int) -> Shapes:
    """Return the two lines, a mark of four corners for each measured peak, the context and the number of the peak."""
    shapes, corners = dict(drawn.step_lines(policy)), ((-1, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
    for number, (count, size) in enumerate(drawn.measured_steps(policy).items()):
        gib = units.in_unit(size, "GiB")
        shapes[f"dot{number}"] = [(count * 1.06**right, gib * 1.14**up) for right, up in corners]
    seen = drawn.STEPS[0] <= context <= drawn.STEPS[1]
    shapes["here"] = [(context, end) for end in drawn.STEP_MEMORY] if seen else []
    return shapes | {"number": Label(f"peak: {units.show(peak)}", (drawn.STEPS[0] * 1.15, drawn.STEP_MEMORY[1] / 6))}


@drawn_once(3.2)
def _picture(figure, axes) -> None:
    drawn.step_axes(axes)
    for name, style in drawn.STEP_LINES.items():
        axes.plot(drawn.STEPS, [3, 3], linewidth=2, gid=name, **style)
    for number in range(len(drawn.measured_steps("keep all"))):
        name = "measured" if number == 0 else None
        axes.fill([40, 41, 42], [3, 4, 3], color="black", gid=f"dot{number}", label=name, zorder=3)
    axes.plot(drawn.STEPS, [3, 3], color="0.5", linewidth=1.5, linestyle=":", gid="here", label="your context")
    axes.text(40, 3, "peak", gid="number", size=9, weight="bold", in_layout=False)
    axes.legend(loc="upper left", ncols=4)
