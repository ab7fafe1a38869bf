"""What each memory holds of a run, what a token reads of it, and how much must leave the card so that the rest fits."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from memcalc.errors import InputError, choice, instance
from memcalc.estimate import inference
from memcalc.estimate.inference import AnyModel, resolved
from memcalc.estimate.questions import breakdown, fits, largest, last
from memcalc.estimate.terms import draft_of, values
from memcalc.formula.symbols import SUMMANDS
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import ALL, Inference
from memcalc.specs.model import Model
from memcalc.specs.training import Training
from memcalc.texts import both, later, tr
from memcalc.units import show


def places(model: AnyModel, run: Inference | Training) -> dict[str, dict[str, int]]:
    """Return for each place the bytes that a run takes there, term by term [bytes]: "gpu" is one card.

    Of a run of inference there are "gpu" and "cpu", of training also "nvme".
    Raises InputError as `breakdown` does.
    Source: ggml2026llama, src/llama-model.cpp, load_tensors; for training that of `estimate.states`.

    >>> run = Inference(context=4096, engine="llama.cpp", weights="Q4_0", gpu_layers=20)
    >>> places(Model.named("Llama-2-7B"), run)["cpu"]
    {'weights': 1554022400, 'kv_cache': 872415232}
    """
    if isinstance(run, Training):
        from memcalc.estimate import states, training  # here: SymPy builds many terms for training

        found = states.places(model, run)
        if run.offload_activations:
            found["cpu"] |= {"activations": training.away(model, run)}
        return found
    return {"gpu": breakdown(model, run), "cpu": _in_cpu_memory(model, run)}


def _in_cpu_memory(model: AnyModel, run: Inference) -> dict[str, int]:
    known, run = values(model, run), resolved(model, run)
    found = {term.name: term.exact(known) for term in inference.held_in("cpu", model, run)}
    if run.drafted:
        found["draft"] = _in_cpu_memory(*draft_of(run)).get("weights", 0)
    return dict.fromkeys(breakdown(model, run), 0) | found


def read_of_a_token(model: AnyModel, run: Inference) -> dict[str, dict[str, Fraction]]:
    """Return what one token of each sequence reads from each place, "gpu" and "cpu": weights and cache [bytes].

    Of the routed experts a token passes those that the router chooses; of the input's tables it reads one row, which is
    left out. The cache is that of the tokens, without what an engine reserves beyond them.
    Raises InputError as `breakdown` does, and for a model that its files do not describe.

    >>> run = Inference(context=4096, engine="llama.cpp", weights="MXFP4_MOE", cpu_experts="all")
    >>> found = read_of_a_token(Model.named("gpt-oss-120b"), run)
    >>> {place: round(read["weights"] / 10**6) for place, read in found.items()}
    {'gpu': 1686, 'cpu': 1909}
    """
    instance("model", model, Model)
    run = resolved(model, replace(run, ubatch=0))
    from memcalc.estimate import placement  # here, for few ask for it

    held = inference.stack_in(model, run)
    where = placement.placement(held, run) if run.off_card else placement.Placement(len(held.layers), 0, 0)
    part = Fraction(model.active_experts, model.experts) if model.experts else Fraction(1)
    read = {place: Fraction(0) for place in ("gpu", "cpu")}
    for layer, size in enumerate(held.layers):
        on = "gpu" if layer in where.on_card else "cpu"
        experts = held.experts[layer]
        read[on] += size - experts
        read["cpu" if layer < where.experts else on] += experts * part
    read["gpu" if where.output else "cpu"] += held.output + held.copied
    cache = _cache_read(model, run)
    return {place: {"weights": read[place], "kv_cache": cache[place]} for place in read}


def _cache_read(model: Model, run: Inference) -> dict[str, Fraction]:
    tokens = replace(run.alone, window="ideal")
    if not run.off_card:
        return {"gpu": Fraction(breakdown(model, tokens)["kv_cache"]), "cpu": Fraction(0)}
    placed = tokens
    if not tokens.off_card:
        placed = replace(tokens, gpu_layers=len(inference.stack_in(model, run).layers) + 1)
    found = places(model, placed)
    return {place: Fraction(found[place]["kv_cache"]) for place in found}


def smallest(quantity: str, model: AnyModel, run: Inference, gpu: Gpu) -> int | None:
    """Return of how few layers the experts must lie in CPU memory for the run to fit the card; None if all do not do.

    Parameters
    ----------
    quantity : "cpu_experts", the only one there is

    The run's own number is not used.
    Raises InputError for an unknown quantity, and as `fits` does.

    >>> run = Inference(context=8192, engine="llama.cpp", weights="MXFP4_MOE")
    >>> smallest("cpu_experts", Model.named("gpt-oss-120b"), run, Gpu.named("RTX 4090"))
    23
    """
    choice("quantity", quantity, ("cpu_experts",))
    layers = len(inference.stack_in(model, resolved(model, run)).layers)

    def short(number: int) -> bool:
        return not fits(model, replace(run, cpu_experts=number), gpu)

    if short(layers):
        return None
    return last(short, layers) + 1 if short(0) else 0


def ways(model: AnyModel, run: Inference, gpu: Gpu) -> Iterator[tuple[Inference, str]]:
    """Yield how a run whose engine leaves nothing but the input in CPU memory would fit the card if it left more there.

    >>> run = Inference(8192, engine="llama.cpp", weights="MXFP4_MOE")
    >>> [*ways(Model.named("gpt-oss-120b"), run, Gpu.named("RTX 4090"))][0][1]
    'With the experts of 23 layers in CPU memory (cpu_experts 23) it would fit.'
    """
    if gpu.unified or not run.off_card or run.offloaded or run.loras or run.prefill != "none":
        return
    held = inference.stack_in(model, resolved(model, run))
    with suppress(InputError):  # of an order of layers that is not known
        if any(held.experts) and (experts := smallest("cpu_experts", model, run, gpu)):
            words = tr(
                "With the experts of {experts:,} layers in CPU memory (cpu_experts {experts}) it would fit.",
                experts=experts,
            )
            yield replace(run, cpu_experts=experts), words
        if layers := largest("gpu_layers", model, run, gpu):
            said = later("With {layers:,} of {all:,} layers on the card (gpu_layers {layers}) it would fit.")
            words = tr(said, layers=layers, all=len(held.layers) + 1)
            yield replace(run, gpu_layers=layers), words


def said(model: AnyModel, run: Inference) -> Iterator[str]:
    """Yield what is to be known of a run that leaves a part of the model in CPU memory.

    >>> [*said(Model.named("Llama-2-7B"), Inference(weights="Q4_0", gpu_layers=99))][0]
    'gpu_layers 99 is as good as all, which are 33 with the output.'
    """
    if not run.off_card:
        return
    layers = len(inference.stack_in(model, resolved(model, run)).layers)
    if run.gpu_layers != ALL and run.gpu_layers > layers:
        words = later("gpu_layers {asked:,} is as good as all, which are {all:,} with the output.")
        yield tr(words, asked=run.gpu_layers, all=layers + 1)
    if run.cpu_experts != ALL and run.cpu_experts > layers:
        yield tr("cpu_experts {asked:,} is as good as all {all:,} layers.", asked=run.cpu_experts, all=layers)
    kept = _in_cpu_memory(model, run)
    for field in filter(run.changed, ("cpu_experts", "kv_offload")):
        if kept == _in_cpu_memory(model, replace(run, **{field: getattr(Inference, field)})):
            yield tr("{field} {value} changes nothing here.", field=field, value=getattr(run, field))
    parts = [
        tr("{size} of {word}", size=show(size), word=tr(SUMMANDS[name].word)) for name, size in kept.items() if size
    ]
    yield tr("In CPU memory lie {parts}, for which it must have room.", parts=both(parts))
