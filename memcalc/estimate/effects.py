"""Choices without effect: which fields of a run change nothing, and what alone depends on them."""

from collections.abc import Iterator
from dataclasses import replace

from memcalc.errors import InputError
from memcalc.estimate.inference import AnyModel, resolved
from memcalc.estimate.questions import breakdown, fits
from memcalc.formula.choices import Choice
from memcalc.formula.formats import Format
from memcalc.specs.gpu import LARGEST_CARD, Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.training import Training

_OF_SPEED = ("host_bandwidth",)
"""Fields on which no byte depends, but the bound of speed where a part lies in CPU memory."""

_FORMATS = ("weights", "kv_cache", "base_weights")
"""Fields whose values say how many bits a number has, so that nobody expects others of the same number."""

_ENOUGH = Gpu.of(f"{LARGEST_CARD} GB")

Memory = dict[str, dict[str, int]]
"""What a run takes in each place."""


def without_effect(model: AnyModel, run: Inference | Training) -> list[str]:
    """Return a sentence for each field of a run that is not as usual and changes no byte.

    The run is counted again with the usual value, and where that takes as much, with a few others: if all do, the
    field changes nothing, and its declaration says what alone depends on it.

    >>> from memcalc.specs.model import Model
    >>> without_effect(Model.named("LLaMA-7B"), Inference(attention="eager"))
    ['attention eager changes nothing here: only a prefill depends on it.']
    """
    now, usual = _memory(model, run), type(run)
    of_speed = _OF_SPEED if getattr(run, "offloaded", False) else ()
    fields = [name for name in run.declared if name not in of_speed]
    changed = [name for name in fields if getattr(run, name) != getattr(usual, name)]
    said = {name: sentence for name in changed if (sentence := _said(model, run, name, now))}
    return [*said.values(), *([] if "prompt" in said else _beyond(run))]


def _said(model: AnyModel, run: Inference | Training, name: str, now: Memory) -> str:
    usual = getattr(type(run), name)
    as_usual = _other(model, run, name, usual)
    if as_usual not in (None, now):
        return ""
    value, declared = plainly(getattr(run, name)), run.declared[name]
    if declared.matters and _idle(model, run, name, now):
        return f"{name} {value} changes nothing here: {declared.matters}."
    if as_usual is None or (name in _FORMATS and _same_bits(model, run, name)):
        return ""
    instead = getattr(resolved(model, replace(run, **{name: usual})), name)
    return f"{name} {value} takes as much here as {plainly(instead) if instead else 'the default'}."


def _idle(model: AnyModel, run: Inference | Training, name: str, now: Memory) -> bool:
    """Return whether every other value that the run can have takes as much."""
    others = [_other(model, run, name, value) for value in _values(run, name) if value != getattr(run, name)]
    known = [memory for memory in others if memory is not None]
    return bool(known) and all(memory == now for memory in known)


def _values(run: Inference | Training, name: str) -> Iterator[object]:
    """Yield other values of a field: every word of a few, and counts that are much smaller or larger."""
    value = getattr(run, name)
    yield getattr(type(run), name)
    if isinstance(value, Choice):
        yield from type(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from (0, 1, 2 * value, value + 100_000)


def _other(model: AnyModel, run: Inference | Training, name: str, value: object) -> Memory | None:
    """Return what the run takes with another value; None if it cannot have it."""
    try:
        return _memory(model, replace(run, **{name: value}))
    except InputError:
        return None


def _memory(model: AnyModel, run: Inference | Training) -> Memory:
    memory = {"gpu": breakdown(model, run)}
    if getattr(run, "kind", "") and not getattr(model, "untold", ""):  # an engine takes more, and may use less
        fit = fits(model, run, _ENOUGH)
        memory["verdict"] = {"needed": fit.needed, "at best": fit.most, "capacity": fit.capacity}
    if isinstance(run, Training):
        from memcalc.estimate.peak import peak  # here: SymPy builds many terms for training

        memory["peak"] = {"needed": peak(model, run).bytes}
    if not run.off_card:
        return memory
    from memcalc.estimate.offload import places  # here: SymPy builds many terms for training

    return places(model, run) | memory


def _same_bits(model: AnyModel, run: Inference | Training, name: str) -> bool:
    usual = replace(run, **{name: getattr(type(run), name)})
    pairs = [getattr(resolved(model, one), name) for one in (run, usual)]
    first, second = ([Format.named(form).bits for form in pair.split("/")] for pair in pairs)
    return set(first) == set(second)


def _beyond(run: Inference | Training) -> list[str]:
    prompt = getattr(run, "prompt", 0)
    if prompt <= run.context:
        return []
    return [f"prompt {prompt:,} is longer than the context, and counts as its {run.context:,} tokens."]


def plainly(value: object) -> str:
    """Return the value of a field as a sentence has it: a count with commas, anything else as it is.

    >>> plainly(32768), plainly("full")
    ('32,768', 'full')
    """
    return f"{value:,}" if type(value) is int else str(value)
