"""What the explorer of weights shows: a model's weights by the name of the format, as stored, and for one token."""

from memcalc import Inference, Model, catalogue, tables, units, values
from memcalc.explorers.bar import draw_parts, room, side_by_side
from memcalc.explorers.frame import Frame, explorer
from memcalc.explorers.svg import Label, Shapes, drawn_once
from memcalc.formula.quantization import passed_in
from memcalc.formula.tensors import present
from memcalc.plots.style import CARDS, LIMIT, label
from memcalc.plots.weights import EDGE, PARTS, bits_of_the_name, parts

_CUT = 1.05  # what takes more than this times 16 bits is cut
_HALF = 0.34  # of the height of a bar


@explorer(
    presets={
        "Llama-3.1-8B in Q4_K_M": {"model": "Llama-3.1-8B", "weights": "Q4_K_M"},
        "a small model in NF4": {"model": "Llama-3.2-1B", "weights": "NF4-double"},
        "Mixtral-8x7B in FP16": {"model": "Mixtral-8x7B", "weights": "FP16"},
    }
)
def stored_weights(*, model: str, weights: str) -> Frame:
    """Show the weights as the name of the format has them, as they are stored, and those that one token passes.

    Raises InputError for a model or a format that is not known.

    >>> stored_weights.frame(model="Llama-3.1-8B", weights="Q4_0").said[:60]
    'Llama-3.1-8B in Q4_0 takes 4.33 GiB = 4.65 GB: 4.64 bits for'
    """
    model, run = Model.named(model), Inference(weights=weights)
    pieces, passed = parts(model, run.weights), for_one_token(model, run)
    stored, meaning = sum(pieces.values()), catalogue.find("formats", "format", run.weights)["meaning"]
    summed = " + ".join(f"{units.show(size)} ({PARTS[part]['label']})" for part, size in pieces.items() if size)
    details = [f"{run.weights}: {meaning}.", f"{summed} = {units.show(stored)}"]
    details += [f"{room(name, stored)}." for name in CARDS]
    code = tables.code(model, run, "weights", shown=("weights",))
    shapes = _bars(pieces, passed, units.in_unit(2 * model.parameters, "GiB"))
    return Frame(_picture(model.name), shapes, _said(model, run, stored, passed), details, code)


def for_one_token(model: Model, run: Inference) -> int:
    """Return what the parameters take that one token passes: of the routed experts, only those chosen [bytes].

    >>> for_one_token(Model.named("Mixtral-8x7B"), Inference(weights="INT8"))
    12879925248
    """
    return passed_in(run.weights, present(model.packing, model.absent)).exact(values(model, run))


def _said(model: Model, run: Inference, stored: int, passed: int) -> str:
    said = f"{model.name} in {run.weights} takes {units.show_both(stored)}: {8 * stored / model.parameters:.2f} bits"
    said += f" for each of its {model.parameters:,} parameters; the name says {bits_of_the_name(run.weights)}."
    if passed == stored:
        return f"{said} Each token passes all of them."
    return f"{said} Each token passes {model.active_parameters:,} of them: {units.show(passed)}."


def _bars(pieces: dict[str, int], passed: int, plain: float) -> Shapes:
    """Return the three bars with their sizes, cut a little behind what 16 bits for each parameter take [GiB]."""
    edge, shapes = _CUT * plain, {}
    bars = {"passed": {"passed": passed}, "stored": pieces, "by_name": {"by_name": pieces["named"]}}
    for height, (name, boxes) in enumerate(bars.items()):
        size = sum(boxes.values())
        whole = units.in_unit(size, "GiB")
        end, tip = min(whole, edge), min(whole, edge) + 0.02 * plain
        shapes |= side_by_side(boxes, edge, middle=height, half=_HALF)
        shapes[f"{name}_further"] = [(end, height + 0.2), (tip, height), (end, height - 0.2)] if whole > edge else []
        shapes[f"{name}_size"] = Label(units.show(size), (tip + 0.01 * plain, height - 0.1))
    return shapes


@drawn_once(2.2)
def _picture(figure, axes, model: str) -> None:
    plain = units.in_unit(2 * Model.named(model).parameters, "GiB")
    draw_parts(axes, {part: style | EDGE for part, style in PARTS.items()}, 1)
    draw_parts(axes, {"by_name": PARTS["named"] | EDGE | {"label": None}}, 2)
    draw_parts(axes, {"passed": EDGE | {"facecolor": "0.65"}}, 0)  # all three parts in one
    for name in ("by_name", "stored", "passed"):
        axes.plot([0, 0], [0, 0], color="black", linewidth=2, gid=f"{name}_further")
        axes.text(0, 0, "size", gid=f"{name}_size", size=9, weight="bold", in_layout=False)
    axes.axvline(plain, **LIMIT | {"color": "black", "zorder": 0})
    label(axes, "16 bits each", (plain, 2.75), (4, 0), va="center", bbox=None)
    axes.set(xlim=(0, 1.3 * plain), ylim=(-0.6, 3.0), xlabel=f"weights of {model} [GiB]")
    axes.set(yticks=range(3), yticklabels=["one token passes", "as stored", "as the name says"])
    axes.tick_params(axis="y", length=0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=len(PARTS))
