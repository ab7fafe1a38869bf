"""What the explorer of inference shows: the terms of a run on one card."""

from memcalc import Gpu, Inference, Model, breakdown, fits, tables, units
from memcalc.estimate import advice
from memcalc.explorers import bar
from memcalc.explorers.frame import Frame, explorer, worked
from memcalc.formula.totals import inference


@explorer(
    presets={
        "LLaMA-7B at 32K": {"model": "LLaMA-7B", "context": 2**15, "batch": 1, "weights": "FP16", "kv_cache": "FP16"},
        "8 bits": {"weights": "INT8", "kv_cache": "INT8"},
        "Llama-3.1-8B at 128K": {"model": "Llama-3.1-8B", "context": 2**17, "batch": 1},
    }
)
def will_it_fit(*, model: str, gpu: str, context: int, batch: int, weights: str, kv_cache: str) -> Frame:
    """Show the terms of a run as one bar against the capacity of the card.

    >>> run = {"context": 4096, "batch": 1, "weights": "FP16", "kv_cache": "FP16"}
    >>> will_it_fit.frame(model="LLaMA-7B", gpu="RTX 4090", **run).details[0]
    'This card holds at most 22,709 tokens of context.'
    """
    model, gpu = Model.named(model), Gpu.named(gpu)
    run = Inference(context=context, batch=batch, weights=weights, kv_cache=kv_cache)
    memory, fit = breakdown(model, run), fits(model, run, gpu)
    said = f"It needs {units.show_both(fit.needed)}; the {gpu.name} has {units.show(fit.capacity)}."
    said = f"{said} {advice.verdict(model, run, gpu)}"
    details = [*advice.next_steps(model, run, gpu)[:3], *advice.notes(model, run, gpu)]
    details += worked(model, run, inference.parts)
    code = tables.code(model, run, shown=("context", "batch", "weights", "kv_cache"))
    return Frame(bar.card(gpu.name, tuple(memory)), bar.bar(memory, gpu.capacity), said, details, code)
