"""What the explorer of the hardware shows: which cards hold a run, and how fast the chosen one reads it."""

from math import cos, pi, sin

from memcalc import Fit, Gpu, Inference, Model, catalogue, fits, tables, units
from memcalc.article.cards import price, price_per_gib
from memcalc.estimate import advice
from memcalc.estimate.speed import fastest
from memcalc.explorers.frame import Frame, explorer, worked
from memcalc.explorers.svg import Label, Shapes, box, drawn_once
from memcalc.formula.roofline import decode_time
from memcalc.formula.symbols import SUMMANDS
from memcalc.plots.style import plain_axes

_MARKS = {
    "visible": ("as a program sees it", {"marker": "o", "color": SUMMANDS["weights"].colour}),
    "reported": ("as the driver reports it", {"marker": "s", "color": SUMMANDS["kv_cache"].colour}),
    "marketed": ("as sold", {"marker": "^", "color": "none"}),
}
"""Which of its memories is known of a card → what the legend says, and the mark."""

_CARDS = tuple(map(Gpu.named, catalogue.names("gpus")))
_LEFT, _RIGHT = 3, 600  # of the memory [GiB]
_LOWEST, _HIGHEST = 5, 70_000  # of the bandwidth [GB/s]
_NAME_LINE, _NEED_LINE = 6, 42_000  # where the labels stand [GB/s]: no card lies there
_WIDE, _HIGH = 1.07, 1.25  # half the ring, as factors
_ONE_TEXT = {"context": 2**13, "batch": 1, "kv_cache": "FP16"}


@explorer(
    presets={
        "Llama-3.1-8B": {"model": "Llama-3.1-8B", "weights": "FP16"} | _ONE_TEXT,
        "Llama-3.1-70B in INT4": {"model": "Llama-3.1-70B", "weights": "INT4"} | _ONE_TEXT,
        "Mixtral-8x7B in INT4": {"model": "Mixtral-8x7B", "weights": "INT4"} | _ONE_TEXT,
    }
)
def cards_for_a_model(*, model: str, gpu: str, context: int, batch: int, weights: str, kv_cache: str) -> Frame:
    """Show all cards by memory and bandwidth, what a run needs, and how one of them does.

    Raises InputError for a name that is not known.

    >>> run = {"context": 8192, "batch": 1, "weights": "FP16", "kv_cache": "FP16"}
    >>> cards_for_a_model.frame(model="Llama-3.1-8B", gpu="RTX 4090", **run).said[:30]
    'It needs 15.96 GiB = 17.13 GB:'
    """
    model, gpu = Model.named(model), Gpu.named(gpu)
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    fit = fits(model, run, gpu)
    code = tables.code(model, run, "total", shown=("context", "batch", "weights", "kv_cache"))
    return Frame(_picture(), _shapes(fit, gpu), _said(model, run, gpu, fit), _details(model, run, gpu), code)


def _said(model: Model, run: Inference, gpu: Gpu, fit: Fit) -> str:
    """Return how many cards hold the run; and of the chosen one what is left, its speed if it holds it, its price."""
    holding = sum(card.capacity >= fit.needed for card in _CARDS)
    said = f"It needs {units.show_both(fit.needed)}: {holding} of {len(_CARDS)} cards hold that."
    said += f" {gpu.name}: {units.show(abs(fit.margin))} {'left' if fit else 'missing'}."
    if fit:
        most, each = fastest(model, run, gpu).decode, " for each text" if run.batch > 1 else ""
        bound = f"At most {units.three_digits(most)} tokens per second{each}" if most else "Its bandwidth is not known"
        said += f" {bound}."
    worth = price_per_gib(gpu) or gpu.price_note[:1].upper() + gpu.price_note[1:] or "Its price is not known"
    return f"{said} {worth}."


def _details(model: Model, run: Inference, gpu: Gpu) -> list[str]:
    sold = f"sold as {gpu.marketed_gb} {gpu.marketed_unit}"
    reported = f", the driver reports {gpu.reported_mib:,} MiB" if gpu.reported_mib else ""
    lines = [f"{gpu.name}: {sold}{reported}; counted here: {units.show(gpu.capacity)} ({gpu.capacity_is})."]
    if gpu.price_usd:
        lines.append(f"Price: {price(gpu)}{gpu.price_note and f'; {gpu.price_note}'}.")
    lines += [f"Note: {gpu.note}."] if gpu.note else []
    lines += advice.next_steps(model, run, gpu)[:3]
    return lines + (worked(model, run, [decode_time], gpu) if gpu.bandwidth else [])


def _shapes(fit: Fit, gpu: Gpu) -> Shapes:
    needed = units.in_unit(fit.needed, "GiB")
    edge, beyond = min(max(needed, _LEFT), _RIGHT), " →" if needed > _RIGHT else ""
    memory = units.in_unit(gpu.capacity, "GiB")
    foot = 1.7 * _NAME_LINE  # no line crosses the name
    speed = float(gpu.bandwidth_gbs or _NEED_LINE)
    turns = [2 * pi * step / 24 for step in range(25)] if gpu.bandwidth_gbs else []
    return {
        "too_small": box(_LEFT, edge, _LOWEST, _HIGHEST),
        "needed": [(edge, foot), (edge, _HIGHEST)] if edge == needed else [],
        "plumb": [(memory, foot), (memory, max(speed / _HIGH, foot))],
        "ring": [(memory * _WIDE ** cos(turn), speed * _HIGH ** sin(turn)) for turn in turns],
        **_label("need", f"needs {units.show(fit.needed)}{beyond}", edge, _NEED_LINE),
        **_label("name", gpu.name, memory, _NAME_LINE),
    }


def _label(name: str, words: str, gib: float, line: float) -> dict[str, Label]:
    """Return two labels, of which one is empty: a label stands on the side on which there is room."""
    before, after = (words, "") if gib > (_LEFT * _RIGHT) ** 0.5 else ("", words)
    return {f"{name}_before": Label(before, (gib / 1.03, line)), f"{name}_after": Label(after, (gib * 1.03, line))}


@drawn_once(3.9)
def _picture(figure, axes) -> None:
    """Draw all cards whose bandwidth is known, and what moves before them."""
    axes.set(xscale="log", yscale="log", xlim=(_LEFT, _RIGHT), ylim=(_LOWEST, _HIGHEST))
    axes.set(xlabel="what a program can use [GiB]", ylabel="bandwidth of the memory [GB/s]")
    axes.set(xticks=[4, 8, 16, 24, 32, 48, 80, 128, 192, 288, 512], yticks=[10, 30, 100, 300, 1_000, 3_000, 10_000])
    plain_axes(axes)
    corners = [10, 20, 20, 10], [10, 10, 20, 10]
    axes.fill(*corners, color="0.5", alpha=0.2, linewidth=0, gid="too_small", label="too little memory")
    for kind, (words, style) in _MARKS.items():
        known = [gpu for gpu in _CARDS if gpu.capacity_is == kind and gpu.bandwidth_gbs]
        places = [units.in_unit(gpu.capacity, "GiB") for gpu in known], [float(gpu.bandwidth_gbs) for gpu in known]
        axes.plot(*places, **style, linestyle="none", markersize=5, markeredgecolor="black", label=words)
    axes.plot([10, 10], [10, 20], color="black", linewidth=2, linestyle="--", gid="needed")
    axes.plot([10, 10], [10, 20], color="black", linewidth=1, linestyle=":", gid="plumb")
    axes.fill(*corners, facecolor="none", edgecolor="black", linewidth=2, gid="ring")
    for name, line in (("need", _NEED_LINE), ("name", _NAME_LINE)):
        for side, end in (("before", "right"), ("after", "left")):
            axes.text(10, line, name, gid=f"{name}_{side}", ha=end, size=9, weight="bold", in_layout=False)
    axes.legend(loc="lower left", ncols=4, bbox_to_anchor=(-0.02, 1), columnspacing=1.2, handletextpad=0.4)
